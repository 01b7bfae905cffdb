/**
 * What a message has to do with an earlier one: XEP-0461 (0.2.1) replies, XEP-0444 (0.2.1) reactions, XEP-0308 (1.2.1)
 * corrections, XEP-0424 (0.4.2) retractions.
 *
 * In rooms they name the id that the room gave, else the id that the sender gave.
 */

import { attr, childrenOf, el, needAttr, refuse, text, type XmlElement } from '../element.ts';
import { jidIn, sameBareJid, sameJid } from '../jid.ts';

/** Replies. */
export const NS_REPLY = 'urn:xmpp:reply:0';
/** Reactions. */
export const NS_REACTIONS = 'urn:xmpp:reactions:0';
/** Corrections. */
export const NS_CORRECTION = 'urn:xmpp:message-correct:0';
/** Retractions. */
export const NS_RETRACTION = 'urn:xmpp:message-retract:1';

/** Most reactions of one sender to one message that are read: far more than anybody shows. */
const MOST_REACTIONS = 64;

/** What a message answers. */
export interface Reply {
  readonly id: string;
  /** Who wrote what is answered; as the sender says, so for display only where that message is not at hand. */
  readonly to?: string;
}

/** All that one sender has to say to a message by emoji: replaces what the same sender said before. */
export interface Reactions {
  readonly id: string;
  /** Each once, in order; none takes all back. */
  readonly emoji: readonly string[];
}

/** Who wrote something, as far as that is known. */
export interface Authored {
  /** Bare address of the account whose leaf encrypted it; nothing for what was not encrypted. */
  readonly account: string | undefined;
  /** The peer or the room. */
  readonly conversation: string;
}

/** The ids of a message. */
export interface MessageIds {
  /** The sender's: `mid` of the envelope. */
  readonly mid: string;
  /** What the room calls it, from its archive or its reflection. */
  readonly stanzaId?: string | undefined;
}

/**
 * The id by which others refer to a message.
 * @returns nothing for a message of a room that has no id from the room: nobody can refer to it
 */
export function referenceTo({ mid, stanzaId }: MessageIds, isRoom: boolean): string | undefined {
  return isRoom ? stanzaId : mid;
}

/**
 * Whether somebody may correct or retract a message: only the account that wrote it, in the same conversation, and only
 * where both are encrypted, because of anything else nobody knows who wrote it.
 */
export function mayChange(original: Authored, by: Authored): boolean {
  if (original.account === undefined || by.account === undefined) return false;
  return sameBareJid(original.account, by.account) && sameJid(original.conversation, by.conversation);
}

/** A reply. */
export function replyElement({ id, to }: Reply): XmlElement {
  return el('reply', { xmlns: NS_REPLY, id, to });
}

/** Read a reply. @throws `xmpp.stanza` */
export function readReply(element: XmlElement): Reply {
  const to = attr(element, 'to');
  return { id: idOf(element), ...(to !== undefined && { to: jidIn(to) }) };
}

/** Reactions. */
export function reactionsElement({ id, emoji }: Reactions): XmlElement {
  return el(
    'reactions',
    { xmlns: NS_REACTIONS, id },
    ...[...new Set(emoji)].map((one) => el('reaction', {}, one)),
  );
}

/** Read reactions; whether they are emoji is for the display to judge. @throws `xmpp.stanza`, also for more than 64 */
export function readReactions(element: XmlElement): Reactions {
  const found = childrenOf(element, 'reaction').map((one) => text(one).trim());
  if (found.length > MOST_REACTIONS) refuse('reactions', 'several');
  return { id: idOf(element), emoji: [...new Set(found)].filter((one) => one !== '') };
}

/** A correction: the content beside it is in place of that of the message with this id. */
export function correctionElement(id: string): XmlElement {
  return el('replace', { xmlns: NS_CORRECTION, id });
}

/** A retraction. */
export function retractionElement(id: string): XmlElement {
  return el('retract', { xmlns: NS_RETRACTION, id });
}

/** The id that an element refers to. @throws `xmpp.stanza` */
export function idOf(element: XmlElement): string {
  const id = needAttr(element, 'id');
  return id === '' ? refuse('id', 'malformed') : id;
}
