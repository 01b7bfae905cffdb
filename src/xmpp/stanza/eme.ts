/** XEP-0380 (0.4.0): the mark of an encrypted message, for clients that cannot read it. */

import { child, el, needAttr, type XmlElement } from '../element.ts';

/** The mark. */
export const NS_EME = 'urn:xmpp:eme:0';

/** Mark a message that a user is to see. Handshakes have no mark, so that they wake no phone. */
export function encryptedWith(namespace: string, name: string): XmlElement {
  return el('encryption', { xmlns: NS_EME, namespace, name });
}

/** The namespace of the scheme that a message is marked with. @throws `xmpp.stanza` */
export function readEncryption(message: XmlElement): string | undefined {
  const found = child(message, 'encryption', NS_EME);
  return found === undefined ? undefined : needAttr(found, 'namespace');
}
