/**
 * XMPP: the ground that the binding of MLS stands on. Elements, addresses, stanzas, and the connection as an interface.
 *
 * Connections come from `xmpp-mls/xmpp/xmppjs`, `/xmpp/stanzajs` or `/xmpp/strophe`, or are your own.
 */

export * as clear from './content/clear.ts';
export * as content from './content/content.ts';
export * as fileCrypto from './content/fileCrypto.ts';
export * as fileSharing from './content/fileSharing.ts';
export * as files from './content/files.ts';
export * as incoming from './content/incoming.ts';
export type { Handling } from './content/kinds.ts';
export * as mentions from './content/mentions.ts';
export * as messages from './content/message.ts';
export { padMls } from './content/padding.ts';
export * as relations from './content/relations.ts';
export * as signals from './content/signals.ts';
export * as texts from './content/text.ts';
export * as undecryptable from './content/undecryptable.ts';
export { type Attributes, attr, child, childrenOf, childText, el, text, type XmlElement } from './element.ts';
export { bareJid, formatJid, type Jid, parseJid, readJid, sameBareJid, sameJid } from './jid.ts';
export { type Bounds, type Look, lookAtPlain, type RawElement, received } from './received.ts';
export { serialise } from './serialise.ts';
export * as carbons from './stanza/carbons.ts';
export * as disco from './stanza/disco.ts';
export * as eme from './stanza/eme.ts';
export * as forms from './stanza/form.ts';
export * as hints from './stanza/hints.ts';
export * as mam from './stanza/mam.ts';
export * as mls from './stanza/mls.ts';
export * as mlsControl from './stanza/mlsControl.ts';
export * as mlsItems from './stanza/mlsItems.ts';
export * as muc from './stanza/muc.ts';
export * as pubsub from './stanza/pubsub.ts';
export * as sce from './stanza/sce.ts';
export * as stanzaErrors from './stanza/stanzaError.ts';
export * as stanzaIds from './stanza/stanzaId.ts';
export * as uploads from './stanza/upload.ts';
export type { ConnectionState, Transport } from './transport.ts';
export * as treePatches from './treePatch.ts';
export * as treeSync from './treeSync.ts';
