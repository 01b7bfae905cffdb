/** Messages on their way out: written down before they leave, and sent again until they have arrived. */

import { fail, MlsError } from '../../base/error.ts';
import type { MlsStore, StoredGroup } from '../../storage/index.ts';
import { el, type XmlElement } from '../element.ts';
import { parseJid } from '../jid.ts';
import type { Sequencer } from '../sequencer/contract.ts';
import { digestOf } from '../sequencer/entry.ts';
import { serialise } from '../serialise.ts';
import { iqGet } from '../stanza/iq.ts';
import type { Timers } from '../timers.ts';
import type { Transport } from '../transport.ts';
import { type Names, Outgoing, readRecord, record } from './records.ts';

/** What sending needs. */
export interface MailerOptions {
  readonly store: MlsStore;
  readonly names: Names;
  readonly transport: Transport;
  readonly group: () => StoredGroup;
  readonly sequencer: Sequencer;
  readonly branch: () => Uint8Array;
  readonly catchUp: () => Promise<void>;
  readonly hash: (bytes: Uint8Array) => Uint8Array;
  readonly timers: Timers;
}

/** A message to encrypt. */
export interface Letter {
  readonly data: Uint8Array;
  /** The stanza of the message. */
  readonly stanza: (message: Uint8Array, branch: Uint8Array) => XmlElement;
  /** Into the room, where its place is waited for. */
  readonly isOrdered: boolean;
}

const NS_PING = 'urn:xmpp:ping';
const TRIES = 6;

/** Sends the messages of one group. */
export class Mailer {
  readonly #options: MailerOptions;
  /** Messages whose senders wait, with their places as soon as these are known. */
  readonly #awaited = new Map<string, string | undefined>();
  #last = 0n;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: MailerOptions) {
    this.#options = options;
  }

  /**
   * Encrypt and send. Resolves when the service has it: with its place in the order where there is one.
   * @throws what encrypting throws, with nothing sent; `xmpp.offline`, `xmpp.timeout`: it is sent when there is a connection
   */
  async send(letter: Letter): Promise<string | undefined> {
    const { group, names, branch, hash } = this.#options;
    const name = await group().update((now, records) => {
      const content = { kind: 'app', message: now.encrypt(letter.data) } as const;
      const stanza = letter.stanza(content.message, branch());
      const digest = digestOf(stanza, { branch: undefined, content }, hash);
      const { isOrdered } = letter;
      const outgoing = { isOrdered, stanza: serialise(stanza), number: this.#number() };
      records.put(names.outgoing + digest, record(Outgoing, outgoing));
      // Before it is durable, since from then on somebody else may send it.
      this.#awaited.set(names.outgoing + digest, undefined);
      return names.outgoing + digest;
    });
    try {
      const place = await this.#next(() => this.#deliver(name));
      // Somebody else may have sent it meanwhile, or it was found in the archive.
      return place ?? this.#awaited.get(name);
    } finally {
      this.#awaited.delete(name);
    }
  }

  /** A message of ours was taken at its place in the order. @param digest of it, in hex */
  placed(digest: string, place: string): void {
    const name = this.#options.names.outgoing + digest;
    if (this.#awaited.has(name)) this.#awaited.set(name, place);
  }

  /** Send what is left; what fails for want of a connection stays. */
  async flush(): Promise<void> {
    const left: { readonly name: string; readonly number: bigint }[] = [];
    for await (const [name, value] of this.#options.store.scan(this.#options.names.outgoing))
      left.push({ name, number: readRecord(Outgoing, value).number });
    left.sort((a, b) => (a.number < b.number ? -1 : 1));
    for (const { name } of left) await this.#next(() => this.#deliver(name)).catch(ifPassing);
  }

  /** Later ones have greater numbers, also after a restart unless the clock was set back: then only their order suffers. */
  #number(): bigint {
    const now = BigInt(Math.floor(this.#options.timers.now())) * 1000n;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last;
  }

  /** One after another: a stanza that waits keeps those behind it in their order. */
  #next<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #deliver(name: string): Promise<string | undefined> {
    const kept = await this.#options.store.get(name);
    if (kept === undefined) return undefined;
    const { stanza, isOrdered } = readRecord(Outgoing, kept);
    const parsed = this.#options.transport.parse(stanza);
    return isOrdered ? this.#append(name, parsed) : this.#sendDirectly(name, parsed);
  }

  async #append(name: string, stanza: XmlElement): Promise<string | undefined> {
    const { sequencer, store, catchUp } = this.#options;
    for (let tries = 0; tries < TRIES; tries++) {
      const appended = await this.#attempt(name, stanza);
      if (appended.kind === 'archived') {
        if (this.#awaited.has(name)) this.#awaited.set(name, appended.id);
        await this.#forget(name);
        return appended.id;
      }
      if (appended.kind === 'not-archived') return this.#giveUp(name, 'xmpp.server-unfit');
      if (appended.kind === 'refused') {
        await this.#forget(name);
        throw appended.error;
      }
      if (appended.error.code === 'xmpp.offline') throw appended.error;
      await catchUp();
      // It was in the archive, and was known again there.
      if ((await store.get(name)) === undefined) return undefined;
    }
    return fail('xmpp.timeout', { room: sequencer.jid });
  }

  async #attempt(name: string, stanza: XmlElement): ReturnType<Sequencer['append']> {
    try {
      return await this.#options.sequencer.append(stanza);
    } catch (error) {
      if (error instanceof MlsError && error.code === 'xmpp.too-large') await this.#forget(name);
      throw error;
    }
  }

  /** What the server answers after a stanza shows that it has taken the stanza. */
  async #sendDirectly(name: string, stanza: XmlElement): Promise<undefined> {
    const { transport } = this.#options;
    await transport.send(stanza);
    try {
      const { domain } = parseJid(transport.jid);
      await transport.request(iqGet(domain, el('ping', { xmlns: NS_PING })));
    } catch (error) {
      // An answer is an answer.
      if (!(error instanceof MlsError) || error.code !== 'xmpp.refused') throw error;
    }
    await this.#forget(name);
  }

  async #giveUp(name: string, code: 'xmpp.server-unfit'): Promise<never> {
    await this.#forget(name);
    return fail(code, { missing: 'archive' });
  }

  #forget(name: string): Promise<void> {
    return this.#options.store.write((records) => records.del(name));
  }
}

function ifPassing(error: unknown): void {
  if (!(error instanceof MlsError) || error.retry !== 'after-sync') throw error;
}
