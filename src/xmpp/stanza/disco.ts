/** XEP-0030 (2.5.0) and XEP-0128 (1.0.1): what an entity is and can. */

import { attr, childrenOf, el, needAttr, needChild, type XmlElement } from '../element.ts';
import { type Form, NS_FORM, readForm } from './form.ts';
import { iqGet } from './iq.ts';

/** What an entity is and can. */
export const NS_DISCO_INFO = 'http://jabber.org/protocol/disco#info';
/** What belongs to an entity. */
export const NS_DISCO_ITEMS = 'http://jabber.org/protocol/disco#items';

/** One way to describe an entity. */
export interface DiscoIdentity {
  readonly category: string;
  readonly type: string;
  readonly name: string | undefined;
}

/** What an entity is and can. */
export interface DiscoInfo {
  readonly identities: readonly DiscoIdentity[];
  readonly features: ReadonlySet<string>;
  readonly forms: readonly Form[];
}

/** Something that belongs to an entity. */
export interface DiscoItem {
  readonly jid: string;
  readonly node: string | undefined;
  readonly name: string | undefined;
}

/** Ask what an entity is and can. */
export function discoInfo(to: string, node?: string): XmlElement {
  return iqGet(to, el('query', { xmlns: NS_DISCO_INFO, node }));
}

/** Ask what belongs to an entity. */
export function discoItems(to: string, node?: string): XmlElement {
  return iqGet(to, el('query', { xmlns: NS_DISCO_ITEMS, node }));
}

/** Read the answer to {@link discoInfo}. @throws `xmpp.stanza` */
export function readDiscoInfo(result: XmlElement): DiscoInfo {
  const query = needChild(result, 'query', NS_DISCO_INFO);
  return {
    identities: childrenOf(query, 'identity').map((one) => ({
      category: needAttr(one, 'category'),
      type: needAttr(one, 'type'),
      name: attr(one, 'name'),
    })),
    features: new Set(childrenOf(query, 'feature').map((one) => needAttr(one, 'var'))),
    forms: childrenOf(query, 'x', NS_FORM).map(readForm),
  };
}

/** Read the answer to {@link discoItems}. @throws `xmpp.stanza` */
export function readDiscoItems(result: XmlElement): DiscoItem[] {
  return childrenOf(needChild(result, 'query', NS_DISCO_ITEMS), 'item').map((one) => ({
    jid: needAttr(one, 'jid'),
    node: attr(one, 'node'),
    name: attr(one, 'name'),
  }));
}
