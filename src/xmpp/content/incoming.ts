/**
 * What an incoming stanza is to the binding: XEP-0280 (1.0.1) copies unwrapped, bounces set apart, MLS read, and what
 * stands in the clear named. Nothing is answered, fetched or decrypted here.
 */

import { fail } from '../../base/error.ts';
import { attr, childrenOf, elementsOf, namespaceOf, type XmlElement } from '../element.ts';
import { bareJidIn, jidIn, sameBareJid, sameJid } from '../jid.ts';
import { readCarbon } from '../stanza/carbons.ts';
import { readEncryption } from '../stanza/eme.ts';
import { type MlsContent, type MlsPayload, mlsIn, readMls } from '../stanza/mls.ts';
import { checkCarrier } from '../stanza/mlsControl.ts';
import { NS_MLS } from '../stanza/mlsFields.ts';
import { readError, type StanzaError } from '../stanza/stanzaError.ts';
import { readOriginId, readStanzaId } from '../stanza/stanzaId.ts';
import { type ClearPart, clearParts } from './clear.ts';
import { NS_MENTIONS } from './mentions.ts';

/** How a message came to us: by itself, or as a copy of what another device of ours sent or received. */
export type Direction = 'direct' | 'sent' | 'received';

/** What all messages have. */
export interface Addressed {
  /** The message, unwrapped. */
  readonly message: XmlElement;
  readonly direction: Direction;
  readonly type: 'chat' | 'groupchat' | 'headline' | 'normal';
  /** The other side, as the stanza has it: the room's or the peer's address, with the resource; ourselves if it has none. */
  readonly peer: string;
  /** The id that the sender gave: what the `mid` of an envelope has to be. */
  readonly id: string | undefined;
  /** The id from the archive that counts: the room's for messages of rooms, our account's for others. */
  readonly stanzaId: string | undefined;
}

/** What an incoming stanza is. */
export type Incoming =
  /** An encrypted message. `clear` is what stands beside it: report it as `xmpp.mixed-body`, and show none of it. */
  | (Addressed & {
      readonly kind: 'app';
      readonly branch: Uint8Array | undefined;
      readonly app: Uint8Array;
      readonly clear: readonly ClearPart[];
      /** Hints from outside: not to be acted upon without what stands inside. */
      readonly isMarkedVisible: boolean;
      readonly hasMentionHint: boolean;
      readonly hasCallHint: boolean;
    })
  /** A handshake, a Welcome or a request. */
  | (Addressed & { readonly kind: 'mls'; readonly payload: MlsPayload; readonly clear: readonly ClearPart[] })
  /** Nothing of MLS, but something that users see: for `judgeClear` where the conversation is encrypted. */
  | (Addressed & { readonly kind: 'clear'; readonly clear: readonly ClearPart[] })
  /** Encrypted by a version of the protocol that is not known: the user needs a newer client. */
  | (Addressed & { readonly kind: 'unsupported' })
  /** An error about something that was sent; what it carries back is not looked at. */
  | { readonly kind: 'bounce'; readonly message: XmlElement; readonly error: StanzaError }
  /** Nothing of concern. */
  | { readonly kind: 'nothing' };

/** Any later version. */
const MLS_OF_ANY_VERSION = /^urn:xmpp:mls:\d+$/;

/**
 * Read a stanza from the connection. Results of archives are not looked into: whoever asked for them reads them.
 * @param self our own bare address
 * @throws `xmpp.sender` for a copy from anybody but our own account, or of a message that is not ours; `xmpp.stanza`,
 *   `codec.base64` for what is malformed, two payloads in one message, or a payload on a carrier that may not have it
 */
export function readIncoming(stanza: XmlElement, self: string): Incoming {
  if (stanza.name === 'message' && attr(stanza, 'type') === 'error') {
    return { kind: 'bounce', message: stanza, error: readError(stanza) };
  }
  const copy = readCarbon(stanza, self);
  if (copy === undefined) return readMessage(stanza, 'direct', self);
  const ours = attr(copy.message, copy.direction === 'sent' ? 'from' : 'to');
  if (!sameBareJid(ours ?? self, self)) fail('xmpp.sender', { at: 'copy' });
  return readMessage(copy.message, copy.direction, self);
}

/**
 * Read a message that was unwrapped already, such as one from an archive.
 * @throws as {@link readIncoming}
 */
export function readMessage(message: XmlElement, direction: Direction, self: string): Incoming {
  if (message.name === 'message' && attr(message, 'type') === 'error') {
    return { kind: 'bounce', message, error: readError(message) };
  }
  const mls = mlsIn(message);
  const payload = mls === undefined ? undefined : readMls(mls);
  if (payload !== undefined) checkCarrier(message, payload.content);
  if (message.name !== 'message') return { kind: 'nothing' };
  const clear = clearParts(message);
  if (payload !== undefined) return withPayload(addressed(message, direction, self), payload, clear);
  if (mls !== undefined || isOfLaterVersion(message)) {
    return { kind: 'unsupported', ...addressed(message, direction, self) };
  }
  return clear.length === 0
    ? { kind: 'nothing' }
    : { kind: 'clear', ...addressed(message, direction, self), clear };
}

/** Whether a bounce says that what we sent did not arrive: only the address it was sent to can say so. */
export function isBounceFor(bounce: XmlElement, sent: { readonly id: string; readonly to: string }): boolean {
  const isError = bounce.name === 'message' && attr(bounce, 'type') === 'error';
  return isError && attr(bounce, 'id') === sent.id && sameJid(attr(bounce, 'from') ?? '', sent.to);
}

function withPayload(common: Addressed, payload: MlsPayload, clear: readonly ClearPart[]): Incoming {
  const { content, branch } = payload;
  if (!isApp(content)) return { kind: 'mls', ...common, payload, clear };
  const { message } = common;
  return {
    kind: 'app',
    ...common,
    branch,
    app: content.message,
    clear,
    isMarkedVisible: readEncryption(message) === NS_MLS,
    hasMentionHint: childrenOf(message, 'mention', NS_MENTIONS).length > 0,
    hasCallHint: childrenOf(message, 'call-hint', NS_MLS).length > 0,
  };
}

function isApp(content: MlsContent): content is Extract<MlsContent, { readonly kind: 'app' | 'proposal' }> {
  return content.kind === 'app';
}

function addressed(message: XmlElement, direction: Direction, self: string): Addressed {
  const type = typeOf(message);
  const peer = jidIn(attr(message, direction === 'sent' ? 'to' : 'from') ?? self);
  const by = type === 'groupchat' ? bareJidIn(peer) : self;
  return {
    message,
    direction,
    type,
    peer,
    id: readOriginId(message) ?? attr(message, 'id'),
    stanzaId: readStanzaId(message, by),
  };
}

/** RFC 6121, section 5.2.2: a type that is not known is `normal`. */
function typeOf(message: XmlElement): Addressed['type'] {
  const type = attr(message, 'type');
  return type === 'chat' || type === 'groupchat' || type === 'headline' ? type : 'normal';
}

function isOfLaterVersion(message: XmlElement): boolean {
  return elementsOf(message).some((one) => {
    const namespace = namespaceOf(one);
    return one.name === 'mls' && namespace !== NS_MLS && MLS_OF_ANY_VERSION.test(namespace);
  });
}
