/** Answers to stanzas: results, and errors with the type and conditions that a dialect has for them. */

import { attr, childrenOf, el, type XmlElement } from '../xmpp/element.ts';
import { NS_STANZAS } from '../xmpp/stanza/stanzaError.ts';
import type { Core } from './core.ts';

/** Why something is not done. */
export interface Refusal {
  readonly type: 'auth' | 'cancel' | 'modify' | 'wait';
  readonly condition: string;
  /** A condition of PubSub. */
  readonly specific?: string;
  readonly text?: string;
  /** Further information inside the error. */
  readonly extra?: XmlElement;
}

/** What a request leads to: a payload, nothing, or a refusal. */
export type Answer = XmlElement | undefined | Refusal;

/** A refusal with its type and conditions. */
export function refusal(type: Refusal['type'], condition: string, more: Partial<Refusal> = {}): Refusal {
  return { type, condition, ...more };
}

/** One of two, by dialect. */
export function byDialect<T>(core: Pick<Core, 'dialect'>, prosody: T, ejabberd: T): T {
  return core.dialect === 'prosody' ? prosody : ejabberd;
}

/** What a request without a meaning to us gets. */
export const UNAVAILABLE: Refusal = refusal('cancel', 'service-unavailable');
/** What a request that is not well-formed gets. */
export const BAD: Refusal = refusal('modify', 'bad-request');
/** What nobody but others may. */
export const FORBIDDEN: Refusal = refusal('auth', 'forbidden');
/** What is not there. */
export const NOT_FOUND: Refusal = refusal('cancel', 'item-not-found');

/** Whether an answer is a refusal. */
export function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === 'object' && answer !== null && 'condition' in answer;
}

/** The stanza that answers an iq. */
export function replyTo(core: Core, iq: XmlElement, answer: Answer): XmlElement {
  if (isRefusal(answer)) return errorFor(core, iq, answer);
  return el('iq', { ...envelope(iq), type: 'result' }, answer);
}

/** The error that answers a stanza; ejabberd sends back what it got, beside it. */
export function errorFor(core: Core, stanza: XmlElement, why: Refusal): XmlElement {
  const { type, condition, specific, text, extra } = why;
  const error = el(
    'error',
    { type },
    el(condition, { xmlns: NS_STANZAS }),
    text === undefined ? undefined : el('text', { xmlns: NS_STANZAS }, text),
    specific === undefined ? undefined : el(specific, { xmlns: 'http://jabber.org/protocol/pubsub#errors' }),
    extra,
  );
  const original = byDialect(core, [], [...stanza.children]);
  return el(stanza.name, { ...envelope(stanza), type: 'error' }, ...original, error);
}

/** Whether an error may be sent about a stanza: never about an error, an answer or an unavailable presence. */
export function mayBounce(stanza: XmlElement): boolean {
  const type = attr(stanza, 'type');
  if (type === 'error' || type === 'result' || type === 'unavailable') return false;
  return stanza.name !== 'message' || childrenOf(stanza, 'error').length === 0;
}

function envelope(stanza: XmlElement): Record<string, string | undefined> {
  return { from: attr(stanza, 'to'), to: attr(stanza, 'from'), id: attr(stanza, 'id') };
}
