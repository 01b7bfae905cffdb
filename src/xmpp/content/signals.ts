/**
 * What a client tells by itself: XEP-0333 (1.0.0) displayed markers, XEP-0184 (1.4.0) receipts, XEP-0085 (2.1) chat states,
 * and XEP-0482 (0.1.0) what becomes of calls.
 *
 * Every one of them costs a key of a ratchet: whoever sends `composing` does so once in five seconds at most.
 */

import { attr, el, elementsOf, refuse, type XmlElement } from '../element.ts';
import { idOf } from './relations.ts';

/** Markers. */
export const NS_MARKERS = 'urn:xmpp:chat-markers:0';
/** Receipts. */
export const NS_RECEIPTS = 'urn:xmpp:receipts';
/** Chat states. */
export const NS_CHAT_STATES = 'http://jabber.org/protocol/chatstates';
/** Calls. */
export const NS_CALLS = 'urn:xmpp:call-invites:0';

/** What somebody does with a conversation. */
export type ChatState = 'active' | 'composing' | 'paused' | 'inactive' | 'gone';
/** The states in the order of the XEP. */
export const CHAT_STATES: readonly ChatState[] = ['active', 'composing', 'paused', 'inactive', 'gone'];

/** An invitation to a call, or what becomes of one. The ways to join are elements that only calls know. */
export type CallSignal =
  | {
      readonly kind: 'invite';
      readonly audio: boolean;
      readonly video: boolean;
      readonly ways: readonly XmlElement[];
    }
  | { readonly kind: 'accept'; readonly id: string; readonly ways: readonly XmlElement[] }
  | { readonly kind: 'retract' | 'reject' | 'left'; readonly id: string };

/** Asks for a marker once the message was displayed. */
export function markableElement(): XmlElement {
  return el('markable', { xmlns: NS_MARKERS });
}

/** Says that messages up to this one were displayed. */
export function displayedElement(id: string): XmlElement {
  return el('displayed', { xmlns: NS_MARKERS, id });
}

/** Asks for a receipt. */
export function requestElement(): XmlElement {
  return el('request', { xmlns: NS_RECEIPTS });
}

/** Says that a message arrived. */
export function receivedElement(id: string): XmlElement {
  return el('received', { xmlns: NS_RECEIPTS, id });
}

/** A chat state. */
export function chatStateElement(state: ChatState): XmlElement {
  return el(state, { xmlns: NS_CHAT_STATES });
}

/** The chat state that an element is. @throws `xmpp.stanza` for none of the five */
export function readChatState(element: XmlElement): ChatState {
  return CHAT_STATES.find((state) => state === element.name) ?? refuse('chat-state', 'unknown');
}

/** A signal of a call. */
export function callElement(signal: CallSignal): XmlElement {
  switch (signal.kind) {
    case 'invite':
      return el(
        'invite',
        {
          xmlns: NS_CALLS,
          ...(signal.audio ? {} : { audio: 'false' }),
          ...(signal.video ? { video: 'true' } : {}),
        },
        ...signal.ways,
      );
    case 'accept':
      return el('accept', { xmlns: NS_CALLS, id: signal.id }, ...signal.ways);
    default:
      return el(signal.kind, { xmlns: NS_CALLS, id: signal.id });
  }
}

/** Read a signal of a call. @throws `xmpp.stanza` */
export function readCall(element: XmlElement): CallSignal {
  const kind = element.name;
  switch (kind) {
    case 'invite':
      return {
        kind,
        audio: flag(element, 'audio', true),
        video: flag(element, 'video', false),
        ways: elementsOf(element),
      };
    case 'accept':
      return { kind, id: idOf(element), ways: elementsOf(element) };
    case 'retract':
    case 'reject':
    case 'left':
      return { kind, id: idOf(element) };
    default:
      return refuse('call', 'unknown');
  }
}

function flag(element: XmlElement, name: string, otherwise: boolean): boolean {
  const value = attr(element, name);
  if (value === undefined) return otherwise;
  if (value === 'true' || value === '1') return true;
  return value === 'false' || value === '0' ? false : refuse(name, 'malformed');
}
