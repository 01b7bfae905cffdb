/** What the adapters have in common: listeners, deadlines, and whose answer counts. */

import { fail, failure, type MlsError } from '../../base/error.ts';
import { attr, el, refuse, type XmlElement } from '../element.ts';
import { bareJid, readJid, sameJid } from '../jid.ts';
import { type Look, received } from '../received.ts';
import { failWith } from '../stanza/stanzaError.ts';
import type { ConnectionState } from '../transport.ts';

/** Options of every adapter. */
export interface AdapterOptions {
  /** Told of a stanza that was dropped because it is malformed or beyond the bounds: an `MlsError`. */
  readonly refused?: (error: unknown) => void;
}

/** Listeners of one adapter: for stanzas, and for the state of the connection. */
export interface Hub {
  /** Look at a stanza of the library, and tell the listeners unless it is an answer. */
  readonly stanza: (node: unknown) => void;
  /** Tell of a change of the connection, once for each. */
  readonly state: (state: ConnectionState) => void;
  readonly subscribe: (listener: (stanza: XmlElement) => void) => () => void;
  readonly watch: (listener: (state: ConnectionState) => void) => () => void;
  /** An answer as long as the session lasts in which it was asked for. @throws `xmpp.timeout` with `session` once {@link Hub.ended} */
  readonly inSession: <T>(answer: Promise<T>) => Promise<T>;
  /** The session is over and will not be resumed: what was asked in it is not answered any more. */
  readonly ended: () => void;
}

/** Make the listeners of an adapter, which never let an error out into the library. */
export function createHub(look: Look, { refused }: AdapterOptions): Hub {
  const stanzas = new Set<(stanza: XmlElement) => void>();
  const states = new Set<(state: ConnectionState) => void>();
  let last: ConnectionState | undefined;
  const asked = new Set<(error: MlsError) => void>();
  return {
    inSession: (answer) =>
      new Promise((resolve, reject) => {
        asked.add(reject);
        answer.then(resolve, reject).finally(() => asked.delete(reject));
      }),
    ended: () => {
      // The outcome is as unknown as after a deadline.
      for (const reject of asked) reject(failure('xmpp.timeout', { session: 'ended' }));
      asked.clear();
    },
    stanza: (node) => {
      let stanza: XmlElement;
      try {
        stanza = received(node, look);
      } catch (error) {
        refused?.(error);
        return;
      }
      if (isForListeners(stanza)) tell(stanzas, stanza);
    },
    state: (state) => {
      if (state === 'offline' && last !== 'online' && last !== 'resumed') return;
      last = state;
      tell(states, state);
    },
    subscribe: (listener) => added(stanzas, listener),
    watch: (listener) => added(states, listener),
  };
}

function added<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** A listener that throws stops neither the others nor the library: what it threw becomes an uncaught error. */
function tell<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
  for (const listener of [...listeners]) {
    try {
      listener(value);
    } catch (error) {
      setTimeout(() => {
        throw error;
      });
    }
  }
}

function isForListeners(stanza: XmlElement): boolean {
  const type = attr(stanza, 'type');
  if (stanza.name === 'iq') return type === 'get' || type === 'set';
  return stanza.name === 'message' || stanza.name === 'presence';
}

/**
 * The result of a request, if it comes from whom it was asked: libraries match by id alone.
 * @throws `xmpp.sender` for the answer of somebody else, `xmpp.refused` and others for an error, `xmpp.stanza`
 */
export function answerTo(iq: XmlElement, node: unknown, look: Look, self: string): XmlElement {
  const answer = received(node, look);
  const from = attr(answer, 'from');
  if (!mayAnswer(attr(iq, 'to'), from, self)) fail('xmpp.sender', { at: 'answer' });
  return attr(answer, 'type') === 'result' ? answer : failWith(answer);
}

/** RFC 6120, section 8.1.2.1: our account answers under its bare address, under ours, or without any. */
function mayAnswer(to: string | undefined, from: string | undefined, self: string): boolean {
  const me = readJid(self);
  if (me === undefined) return false;
  const own = bareJid(me);
  if (to === undefined || sameJid(to, own)) {
    return from === undefined || sameJid(from, own) || sameJid(from, self);
  }
  return sameJid(from ?? me.domain, to);
}

/**
 * Wait for an answer, but not for ever.
 * @throws `xmpp.timeout`
 */
export async function timed<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: unknown;
  const deadline = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), timeoutMs);
  });
  try {
    const first = await Promise.race([answer.then((value) => ({ value })), deadline]);
    return first === 'late' ? fail('xmpp.timeout', { timeoutMs }) : first.value;
  } finally {
    clearTimeout(timer as number);
  }
}

/**
 * Read a document with the parser of a library. Such parsers let pass text around it, several in a row, or one that does
 * not end. Inside an element whose name the text does not have, all of that shows.
 * @throws `xmpp.stanza`, also for whatever the parser throws
 */
export function parsed(text: string, parse: (xml: string) => unknown, look: Look): XmlElement {
  if (text.includes(DOCUMENT)) refuse('document', 'name');
  let node: unknown;
  try {
    node = parse(`<${DOCUMENT} xmlns='jabber:client'>${text}</${DOCUMENT}>`);
  } catch (cause) {
    return fail('xmpp.stanza', { part: 'document', why: 'malformed' }, cause);
  }
  const document = received(node, look);
  const [only, ...others] = document.children;
  if (document.name !== DOCUMENT || others.length > 0) refuse('document', 'several');
  return only === undefined || typeof only === 'string' ? refuse('document', 'missing') : only;
}

const DOCUMENT = 'xmpp-mls-document';

/** A stanza with the namespace of stanzas, where it has none. */
export function inClientNamespace(stanza: XmlElement): XmlElement {
  return attr(stanza, 'xmlns') === undefined
    ? el(stanza.name, { xmlns: 'jabber:client', ...stanza.attrs }, ...stanza.children)
    : stanza;
}
