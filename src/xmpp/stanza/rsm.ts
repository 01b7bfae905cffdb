/** XEP-0059 (1.0.1): pages of long answers. */

import { child, childText, el, type XmlElement } from '../element.ts';

/** Result set management. */
export const NS_RSM = 'http://jabber.org/protocol/rsm';

/** A page wanted of a set: the last one for an empty `before`. */
export interface Page {
  readonly max: number;
  readonly after?: string;
  readonly before?: string;
}

/** What is said of a page that came. */
export interface PageInfo {
  readonly first: string | undefined;
  readonly last: string | undefined;
  /** How many there are in all; not every server says. */
  readonly count: string | undefined;
}

/** Ask for a page. */
export function pageOf({ max, after, before }: Page): XmlElement {
  return el(
    'set',
    { xmlns: NS_RSM },
    el('max', {}, String(max)),
    after === undefined ? undefined : el('after', {}, after),
    before === undefined ? undefined : el('before', {}, before),
  );
}

/** Read what is said of a page. @throws `xmpp.stanza` */
export function readPage(parent: XmlElement): PageInfo {
  const set = child(parent, 'set', NS_RSM);
  const of = (name: string): string | undefined => (set === undefined ? undefined : childText(set, name));
  return { first: of('first'), last: of('last'), count: of('count') };
}
