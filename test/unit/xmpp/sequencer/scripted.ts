/** A room that does what a test tells it to. */

import { fail } from '../../../../src/base/error.ts';
import {
  attr,
  child,
  childText,
  el,
  elementsOf,
  needAttr,
  type XmlElement,
} from '../../../../src/xmpp/element.ts';
import { failWith } from '../../../../src/xmpp/stanza/stanzaError.ts';
import type { Timers } from '../../../../src/xmpp/timers.ts';
import type { ConnectionState, Transport } from '../../../../src/xmpp/transport.ts';
import { kept } from '../../../servers/sequencer.contract.ts';

export const ROOM = 'log@rooms.example';
export const SELF = 'juliet@example/balcony';
export const NICK = 'juliet';

/** What a query asked for. */
export interface Asked {
  readonly after: string | undefined;
  readonly before: string | undefined;
  readonly queryId: string;
}

/** A page to answer with. Without `complete` nothing is said about that. */
export interface Answered {
  readonly results: readonly XmlElement[];
  readonly complete?: boolean;
  readonly first?: string;
  readonly last?: string;
}

/** A message of the room, as it is in its archive. */
export function spoken(text: string, nick = 'romeo'): XmlElement {
  const one = kept(text);
  return { ...one, attrs: { ...one.attrs, xmlns: 'jabber:client', from: `${ROOM}/${nick}` } };
}

/** A message of the room, as it comes live. */
export function live(text: string, ...ids: readonly (readonly [id: string, by: string])[]): XmlElement {
  const one = spoken(text);
  const given = ids.map(([id, by]) => el('stanza-id', { xmlns: 'urn:xmpp:sid:0', id, by }));
  return { ...one, children: [...one.children, ...given] };
}

/** A result of an archive. */
export function result(id: string, message: XmlElement, queryid: string, from = ROOM): XmlElement {
  const forwarded = el('forwarded', { xmlns: 'urn:xmpp:forward:0' }, message);
  return el('message', { from }, el('result', { xmlns: 'urn:xmpp:mam:2', id, queryid }, forwarded));
}

/** An answer with an error. */
export function refusal(condition: string, type = 'cancel'): XmlElement {
  return el(
    'error',
    { type, xmlns: 'jabber:client' },
    el(condition, { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas' }),
  );
}

/** A clock that is turned by hand. */
export class HandTimers implements Timers {
  #now = 0;
  readonly #due = new Map<object, [at: number, run: () => void]>();

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const key = {};
    this.#due.set(key, [this.#now + ms, run]);
    return () => void this.#due.delete(key);
  }

  turn(ms: number): void {
    this.#now += ms;
    for (const [key, [at, run]] of [...this.#due]) {
      if (at <= this.#now && this.#due.delete(key)) run();
    }
  }
}

/** A room with an archive of named messages, behind a transport. */
export class ScriptedRoom {
  readonly sent: XmlElement[] = [];
  readonly asked: Asked[] = [];
  archive: [id: string, message: XmlElement][] = [];
  dialect: 'prosody' | 'ejabberd' = 'prosody';
  /** Answers instead of the archive, if it returns something. */
  answer: (asked: Asked) => Answered | undefined = () => undefined;
  /** Answers a wish to enter. */
  entering: (presence: XmlElement) => XmlElement[] = (presence) => [
    this.selfPresence(needAttr(presence, 'to')),
  ];
  /** What comes back for a message. */
  reflect: (message: XmlElement) => XmlElement[] = () => [];
  readonly #listeners = new Set<(stanza: XmlElement) => void>();
  readonly #watchers = new Set<(state: ConnectionState) => void>();

  readonly transport: Transport = {
    jid: SELF,
    send: async (stanza) => {
      this.sent.push(stanza);
      if (stanza.name === 'message') for (const one of this.reflect(stanza)) this.come(one);
      const enters = stanza.name === 'presence' && attr(stanza, 'type') === undefined;
      if (enters) for (const one of this.entering(stanza)) this.come(one);
    },
    request: async (iq) => {
      await Promise.resolve();
      return this.#request(iq);
    },
    subscribe: (listener) => {
      this.#listeners.add(listener);
      return () => void this.#listeners.delete(listener);
    },
    watch: (listener) => {
      this.#watchers.add(listener);
      return () => void this.#watchers.delete(listener);
    },
    parse: () => fail('xmpp.stanza'),
  };

  come(stanza: XmlElement): void {
    for (const listener of [...this.#listeners]) listener(stanza);
  }

  become(state: ConnectionState): void {
    for (const watcher of [...this.#watchers]) watcher(state);
  }

  selfPresence(from: string, ...codes: readonly number[]): XmlElement {
    return this.presence(from, {}, 110, ...codes);
  }

  presence(from: string, attrs: Readonly<Record<string, string>>, ...codes: readonly number[]): XmlElement {
    const item = el('item', { affiliation: 'owner', role: 'moderator' });
    const statuses = codes.map((code) => el('status', { code }));
    const x = el('x', { xmlns: 'http://jabber.org/protocol/muc#user' }, item, ...statuses);
    return el('presence', { from, ...attrs }, x);
  }

  #request(iq: XmlElement): XmlElement {
    const [query] = elementsOf(iq);
    if (query === undefined || attr(query, 'xmlns') !== 'urn:xmpp:mam:2') return el('iq', { type: 'result' });
    const set = child(query, 'set', 'http://jabber.org/protocol/rsm');
    const asked: Asked = {
      after: set && childText(set, 'after'),
      before: set && childText(set, 'before'),
      queryId: needAttr(query, 'queryid'),
    };
    this.asked.push(asked);
    const { results, complete, first, last } = this.answer(asked) ?? this.#page(asked);
    for (const one of results) this.come(one);
    const ends = [
      first === undefined ? undefined : el('first', {}, first),
      last === undefined ? undefined : el('last', {}, last),
    ];
    const rsm = el('set', { xmlns: 'http://jabber.org/protocol/rsm' }, ...ends);
    const said = complete === undefined ? undefined : String(complete);
    return el(
      'iq',
      { type: 'result', from: ROOM },
      el('fin', { xmlns: 'urn:xmpp:mam:2', complete: said }, rsm),
    );
  }

  #page({ after, before, queryId }: Asked): Answered {
    const at = (id: string): number => this.archive.findIndex(([one]) => one === id);
    let [from, to] = [0, this.archive.length];
    if (after !== undefined) {
      if (at(after) < 0 && this.dialect === 'prosody')
        failWith(el('iq', { type: 'error' }, refusal('item-not-found')));
      from = at(after) + 1;
    }
    if (before !== undefined && before !== '') to = at(before);
    const all = this.archive.slice(from, to);
    const page = before === undefined ? all.slice(0, 50) : all.slice(-50);
    const complete = page.length === all.length;
    return {
      results: page.map(([id, message]) => result(id, message, queryId)),
      ...(complete ? { complete } : this.dialect === 'ejabberd' ? { complete: false } : {}),
      ...(page.length > 0 && { first: page[0]![0], last: page.at(-1)![0] }),
    };
  }
}
