/**
 * MLS for XMPP: encrypted rooms and conversations for one account on one device. Start with {@link startMls}.
 *
 * Connections come from `xmpp-mls/xmpp/xmppjs`, `/xmpp/stanzajs` or `/xmpp/strophe`, or are your own. Below the session are
 * its parts, each usable alone: elements, addresses, one module for each protocol spoken, content, identity, validity, order.
 */

import { provider as platformProvider } from '#provider';
import type { Listener } from './session/events.ts';
import { type MlsXmppOptions as AllOptions, MlsXmpp } from './session/session.ts';

export {
  type Admin,
  bindingOf,
  branchTag,
  findBinding,
  GroupMode,
  requireArrival,
  XMPP_BINDING,
  XmppBinding,
} from './binding.ts';
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
export { HandshakeNote, HandshakeReason, handshakeNote, readHandshakeNote } from './handshakeNote.ts';
export * as accountKeys from './identity/accountKey.ts';
export * as deviceCerts from './identity/deviceCert.ts';
export * as deviceLists from './identity/deviceList.ts';
export * as fingerprints from './identity/fingerprint.ts';
export { bareJid, formatJid, type Jid, parseJid, readJid, sameBareJid, sameJid } from './jid.ts';
export { type Bounds, type Look, lookAtPlain, type RawElement, received } from './received.ts';
export type { RoomEvent } from './sequencer/roomEvents.ts';
export { serialise } from './serialise.ts';
export type { Conversation } from './session/conversation.ts';
export type { DeviceName, Listener, MlsXmppEvent } from './session/events.ts';
export type { RoomOptions } from './session/rooms.ts';
export { MlsXmpp } from './session/session.ts';
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
export { systemTimers, type Timers } from './timers.ts';
export type { ConnectionState, Transport } from './transport.ts';
export * as treePatches from './treePatch.ts';
export * as treeSync from './treeSync.ts';
export { type Rule, type ValidityRules, type Verdict, validateCommit, validityRules } from './validity.ts';

/** As the options of a session, but the provider has a default: node:crypto under Node, noble elsewhere. */
export type MlsXmppOptions = Omit<AllOptions, 'provider'> & Partial<Pick<AllOptions, 'provider'>>;

/**
 * Start MLS for an account on this device: see {@link MlsXmpp.start}.
 * @param listener hears everything from the beginning, messages that had been waiting included
 */
export function startMls(options: MlsXmppOptions, listener?: Listener): Promise<MlsXmpp> {
  return MlsXmpp.start({ provider: platformProvider, ...options }, listener);
}
