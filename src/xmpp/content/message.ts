/**
 * Application messages: MLS for XMPP, version 0, sections 5.3 to 5.5 and 5.12 of the paper; what may stand outside is
 * routing, XEP-0334 hints, the XEP-0380 mark, the id (XEP-0359), and what the sender lets servers know for push.
 */

import { el, type XmlElement } from '../element.ts';
import { sameBareJid } from '../jid.ts';
import { encryptedWith } from '../stanza/eme.ts';
import { hint } from '../stanza/hints.ts';
import { buildMls } from '../stanza/mls.ts';
import { NS_MLS } from '../stanza/mlsFields.ts';
import { NS_MUC } from '../stanza/muc.ts';
import { checkEnvelope, type Envelope, openEnvelope, sealEnvelope } from '../stanza/sce.ts';
import { originId } from '../stanza/stanzaId.ts';
import type { Transport } from '../transport.ts';
import { buildContent, handlingOf, type MessageContent, type ReadContent, readContent } from './content.ts';
import type { Handling } from './kinds.ts';
import { type Mention, outerMention } from './mentions.ts';
import type { Authored } from './relations.ts';

/** Seconds by which clocks may differ before a message is marked. */
const CLOCK_TOLERANCE = 3600;

/** An encrypted message on its way out. */
export interface OutgoingMessage {
  /** `private`: to an occupant of a room, encrypted in the group of the two accounts. */
  readonly kind: 'chat' | 'groupchat' | 'private';
  /** Bare address of the peer or the room; for `private`, the address of the occupant. */
  readonly to: string;
  /** The `mid` of the envelope, which the stanza repeats. */
  readonly mid: string;
  /** Tag of the epoch: 8 bytes. */
  readonly branch: Uint8Array;
  /** MLSMessage. */
  readonly message: Uint8Array;
  readonly handling: Handling;
  /** Whom servers may know to be mentioned; only where the message is visible. Nobody by default. */
  readonly mentionHint?: readonly Mention[];
  /** Whether servers may know that it calls somebody; only where the message is visible. @defaultValue false */
  readonly callHint?: boolean;
}

/** What an opened message is compared with. */
export interface OpenContext {
  /** The account of the leaf that encrypted it. */
  readonly sender: string;
  /** Our own bare address. */
  readonly self: string;
  readonly kind: 'chat' | 'room';
  /** The peer or the room; ourselves, for notes. */
  readonly conversation: string;
  /** The stanza that carried it. */
  readonly message: XmlElement;
  /** The account that the stanza comes from as far as servers say; nothing where they do not. */
  readonly outerSender: string | undefined;
  /** When it was received or archived, seconds since 1970. */
  readonly time: number | undefined;
}

/** An opened message. It is by {@link Authored.account}, whatever is flagged. */
export interface OpenedMessage extends ReadContent {
  readonly author: Authored;
  readonly mid: string;
  /** Seconds since 1970 by the sender's clock: for display, never for order. */
  readonly time: number;
  /** The stanza came from another account than the message: `xmpp.sender`. */
  readonly isOtherSender: boolean;
  /** The sender's clock and ours are more than an hour apart. */
  readonly isClockOff: boolean;
}

/**
 * The bytes to encrypt, and how the message is to be sent.
 * @throws `codec.input` for content that XML cannot hold
 */
export function sealMessage(
  content: MessageContent,
  header: Omit<Envelope, 'content'>,
): { readonly plaintext: Uint8Array; readonly handling: Handling } {
  const plaintext = sealEnvelope({ ...header, content: buildContent(content) });
  return { plaintext, handling: handlingOf(content) };
}

/** The stanza of an encrypted message. Nothing of what it says stands outside, but what the sender lets servers know. */
export function buildMessage(outgoing: OutgoingMessage): XmlElement {
  const { kind, to, mid, handling, mentionHint = [], callHint = false } = outgoing;
  const isVisible = handling === 'visible';
  return el(
    'message',
    { type: kind === 'groupchat' ? 'groupchat' : 'chat', id: mid, to },
    buildMls({ kind: 'app', message: outgoing.message }, outgoing.branch),
    kind === 'private' ? el('x', { xmlns: `${NS_MUC}#user` }) : undefined,
    isVisible ? encryptedWith(NS_MLS, 'MLS') : undefined,
    originId(mid),
    hint(handling === 'ephemeral' ? 'no-store' : 'store'),
    ...(isVisible ? mentionHint.map(outerMention) : []),
    isVisible && callHint ? el('call-hint', { xmlns: NS_MLS }) : undefined,
  );
}

/**
 * Read decrypted bytes and compare them with where they were found.
 * @param parse of the transport
 * @throws `codec.utf8`, `xmpp.stanza` for no envelope, `xmpp.sender` for one that names another account than the leaf's,
 *   `xmpp.binding` for one of another conversation or message
 */
export function openMessage(
  plaintext: Uint8Array,
  parse: Transport['parse'],
  context: OpenContext,
): OpenedMessage {
  const { sender, conversation, message, outerSender, time } = context;
  const envelope = openEnvelope(plaintext, parse);
  checkEnvelope(envelope, { sender, conversation: addressee(context), message });
  return {
    ...readContent(envelope.content),
    author: { account: sender, conversation },
    mid: envelope.mid,
    time: envelope.time,
    isOtherSender: outerSender !== undefined && !sameBareJid(outerSender, sender),
    isClockOff: time !== undefined && Math.abs(envelope.time - time) > CLOCK_TOLERANCE,
  };
}

/** Whom an envelope has to be addressed to: what we receive from the peer is to us, what our devices send is to the peer. */
function addressee({ kind, sender, self, conversation }: OpenContext): string {
  return kind === 'room' || sameBareJid(sender, self) ? conversation : self;
}
