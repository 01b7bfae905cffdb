/** XMPP: the ground that the binding of MLS stands on. Elements, addresses and connections; sans I/O. */

export { type Attributes, attr, child, childrenOf, childText, el, text, type XmlElement } from './element.ts';
export { bareJid, formatJid, type Jid, parseJid, readJid, sameBareJid, sameJid } from './jid.ts';
export { type Bounds, type Look, lookAtPlain, type RawElement, received } from './received.ts';
export { serialise } from './serialise.ts';
export type { ConnectionState, Transport } from './transport.ts';
