/** XEP-0334 (0.3.0): what servers are asked to do with a message. */

import { childrenOf, el, type XmlElement } from '../element.ts';

/** Hints. */
export const NS_HINTS = 'urn:xmpp:hints';

/** `store`: in archives although there is no body; without it neither measured server keeps a message of ours. */
export type Hint = 'store' | 'no-store' | 'no-copy' | 'no-permanent-store';

/** A hint. */
export function hint(name: Hint): XmlElement {
  return el(name, { xmlns: NS_HINTS });
}

/** Whether a message has a hint. */
export function hasHint(message: XmlElement, name: Hint): boolean {
  return childrenOf(message, name, NS_HINTS).length > 0;
}
