/**
 * XEP-0420 (0.4.1): the envelope that is the plaintext of an application message, in the profile of this protocol.
 *
 * `from`, `to`, `time` and `mid` are there always. `mid` repeats the id of the message, so that nobody on the way can give
 * its id to another one, which a later correction would then hit. `rpad` is not written, because MLS pads; it is ignored.
 */

import { fromUtf8, utf8 } from '../../base/bytes.ts';
import { fail } from '../../base/error.ts';
import {
  attr,
  childText,
  el,
  elementsOf,
  is,
  needAttr,
  needChild,
  refuse,
  type XmlElement,
} from '../element.ts';
import { bareJidIn, jidIn, sameBareJid, sameJid } from '../jid.ts';
import { serialise } from '../serialise.ts';
import type { Transport } from '../transport.ts';
import { NS_MLS } from './mlsFields.ts';
import { readStamp, writeStamp } from './stamp.ts';
import { readOriginId } from './stanzaId.ts';

/** Envelopes. */
export const NS_SCE = 'urn:xmpp:sce:1';

/** What is encrypted: the content, and what it is bound to. */
export interface Envelope {
  /** Elements of the message that only its readers see, the body among them. */
  readonly content: readonly XmlElement[];
  /** Bare address of the account that sends. */
  readonly from: string;
  /** Address of the peer or the room. */
  readonly to: string;
  /** Seconds since 1970 by the sender's clock. */
  readonly time: number;
  /** The id of the message. */
  readonly mid: string;
}

/** What an envelope has to agree with. */
export interface EnvelopeContext {
  /** The account of the leaf that encrypted the message. */
  readonly sender: string;
  /** The peer or the room that the conversation is with. */
  readonly conversation: string;
  /** The stanza that carried the message. */
  readonly message: XmlElement;
}

/** The envelope as bytes to encrypt. @throws `codec.input` for content that XML cannot hold */
export function sealEnvelope({ content, from, to, time, mid }: Envelope): Uint8Array {
  const envelope = el(
    'envelope',
    { xmlns: NS_SCE },
    el('content', {}, ...content.map(withNamespace)),
    el('from', { jid: from }),
    el('to', { jid: to }),
    el('time', { stamp: writeStamp(time) }),
    el('mid', { xmlns: NS_MLS, id: mid }),
  );
  return utf8(serialise(envelope));
}

/**
 * Read decrypted bytes. Only members write envelopes; of one that is no XML, lenient parsers may make different things.
 * @param parse of the transport
 * @throws `codec.utf8`, `xmpp.stanza` for what is no envelope of this profile
 */
export function openEnvelope(bytes: Uint8Array, parse: Transport['parse']): Envelope {
  const xml = fromUtf8(bytes);
  // Comments, CDATA, document types and instructions, of which parsers make different things, cannot stand in XML
  // without one of these pairs, and nothing else can have them.
  if (xml.includes('<!') || xml.includes('<?')) refuse('envelope', 'markup');
  return readEnvelope(parse(xml));
}

/** Read an envelope. @throws `xmpp.stanza` */
export function readEnvelope(envelope: XmlElement): Envelope {
  if (!is(envelope, 'envelope', NS_SCE)) refuse('envelope', 'missing');
  return {
    content: elementsOf(needChild(envelope, 'content')),
    from: bareJidIn(needAttr(needChild(envelope, 'from'), 'jid')),
    to: jidIn(needAttr(needChild(envelope, 'to'), 'jid')),
    time: readStamp(needAttr(needChild(envelope, 'time'), 'stamp')),
    mid: needAttr(needChild(envelope, 'mid', NS_MLS), 'id'),
  };
}

/**
 * Compare an envelope with where it was found.
 * @throws `xmpp.sender` when it names another account than the leaf's, `xmpp.binding` for another conversation or message
 */
export function checkEnvelope(envelope: Envelope, { sender, conversation, message }: EnvelopeContext): void {
  if (!sameBareJid(envelope.from, sender)) fail('xmpp.sender', { at: 'envelope' });
  if (!sameJid(envelope.to, conversation)) fail('xmpp.binding', { at: 'to' });
  const outer = readOriginId(message) ?? attr(message, 'id');
  if (envelope.mid !== outer) fail('xmpp.binding', { at: 'mid' });
}

/** The text of a message, if it has any. @throws `xmpp.stanza` */
export function bodyOf(envelope: Envelope): string | undefined {
  return childText(el('content', { xmlns: NS_SCE }, ...envelope.content), 'body', 'jabber:client');
}

/**
 * How long a plaintext of this length becomes: Padmé, and 256 bytes at least. Lengths then tell only their magnitude, at a
 * cost of 12 % at most.
 */
export function paddedLength(length: number): number {
  if (length <= 256) return 256;
  const exponent = Math.floor(Math.log2(length));
  const kept = Math.floor(Math.log2(exponent)) + 1;
  const unit = 2 ** (exponent - kept);
  return Math.ceil(length / unit) * unit;
}

/** Content without a namespace is that of ordinary messages, not the envelope's. */
function withNamespace(element: XmlElement): XmlElement {
  return attr(element, 'xmlns') === undefined
    ? { ...element, attrs: { ...element.attrs, xmlns: 'jabber:client' } }
    : element;
}
