/** XEP-0359 (0.7.0): ids that a message keeps, its sender's and its archives'. */

import { attr, child, childrenOf, el, needAttr, type XmlElement } from '../element.ts';
import { sameJid } from '../jid.ts';

/** Stable ids. */
export const NS_SID = 'urn:xmpp:sid:0';

/** The id that the sender gave. */
export function originId(id: string): XmlElement {
  return el('origin-id', { xmlns: NS_SID, id });
}

/** The id that the sender gave. @throws `xmpp.stanza` */
export function readOriginId(message: XmlElement): string | undefined {
  const found = child(message, 'origin-id', NS_SID);
  return found === undefined ? undefined : needAttr(found, 'id');
}

/**
 * The id under which an archive keeps a message; nothing if that archive gave none, or several.
 * @param by the room, or our own bare address, which announces {@link NS_SID}: else anyone could have written it
 */
export function readStanzaId(message: XmlElement, by: string): string | undefined {
  const given = childrenOf(message, 'stanza-id', NS_SID).filter((one) => sameJid(attr(one, 'by') ?? '', by));
  const [only] = given;
  return only === undefined || given.length > 1 ? undefined : attr(only, 'id');
}
