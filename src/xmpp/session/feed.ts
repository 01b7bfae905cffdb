/**
 * What comes to the account itself: messages of conversations, Welcomes, requests, notifications. Read from the account's
 * archive first, then live; the archive is read on again before much has come, so that a restart repeats little.
 */

import { EMPTY } from '../../base/bytes.ts';
import { MlsError } from '../../base/error.ts';
import { type Incoming, readIncoming, readMessage } from '../content/incoming.ts';
import type { XmlElement } from '../element.ts';
import { PositionRecord, readRecord, record } from '../ordered/records.ts';
import type { Archive } from '../sequencer/archive.ts';
import { Breath } from '../sequencer/breath.ts';
import type { Entry, From, Position } from '../sequencer/contract.ts';
import { locate, readOn, type Start } from '../sequencer/reader.ts';
import { isResult } from '../stanza/mam.ts';
import type { Setting } from './setting.ts';

/** One arrival at the account. */
export interface Delivery {
  readonly incoming: Exclude<Incoming, { kind: 'nothing' }>;
  /** Seconds since 1970, where the archive has told. */
  readonly time: number | undefined;
}

/** What a feed gives to the session. */
export interface FeedHandlers {
  /** One after another. What it throws is a failure of the machine: the message comes again. */
  deliver(delivery: Delivery): Promise<void>;
  /** A message that is no concern of MLS, such as a notification. */
  other(message: XmlElement): Promise<void>;
  fault(error: MlsError): void;
  progress(entries: number): void;
}

const RECORD = 'xmpp/feed';
/** Live messages after which the archive is read on. */
const MANY = 50;

/** The messages of one account, as one device sees them. */
export class AccountFeed {
  readonly #setting: Setting;
  readonly #handlers: FeedHandlers;
  #turn: Promise<void> = Promise.resolve();
  #unsubscribe: () => void = () => {};
  #waiting: XmlElement[] | undefined = [];
  #live = 0;

  constructor(setting: Setting, handlers: FeedHandlers) {
    this.#setting = setting;
    this.#handlers = handlers;
  }

  /** Listen: what comes waits until {@link catchUp}. */
  listen(): void {
    this.#unsubscribe = this.#setting.transport.subscribe((stanza) => {
      if (stanza.name !== 'message' || isResult(stanza)) return;
      if (this.#waiting !== undefined) this.#waiting.push(stanza);
      else this.#next(() => this.#hear(stanza));
    });
  }

  /** Read what the archive has, then what has come meanwhile. @throws `xmpp.*`, `storage.*` */
  catchUp(): Promise<void> {
    this.#waiting ??= [];
    const done = this.#turn.then(async () => {
      await this.#read();
      // What arrives while these are delivered queues up behind them.
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const stanza of waiting) await this.#hear(stanza);
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Resolves when everything that had come by now was delivered. */
  get read(): Promise<void> {
    return this.#turn;
  }

  /** Hear nothing more. */
  stop(): void {
    this.#unsubscribe();
    this.#waiting = [];
  }

  #next(step: () => Promise<void>): void {
    this.#turn = this.#turn.then(step).catch((error: unknown) => {
      if (error instanceof MlsError) this.#handlers.fault(error);
    });
  }

  async #read(): Promise<void> {
    const { store, transport, random, self } = this.#setting;
    const archive: Archive = {
      transport,
      jid: self.jid,
      isAccount: true,
      random,
      hash: (bytes) => this.#setting.hash(bytes),
    };
    const kept = await store.get(RECORD);
    // A new device cannot read what is older than itself.
    const from = fromOf(kept);
    let taken = 0;
    const breath = new Breath(this.#setting.timers);
    const take = async (entry: Entry, position: Position): Promise<void> => {
      await this.#archived(entry);
      taken += 1;
      if (taken % MANY === 0) this.#handlers.progress(taken);
      await this.#keep(position);
      await breath.draw();
    };
    this.#setting.seen.begin();
    const start = await locate(archive, from);
    if (kept === undefined && start !== 'trimmed') await this.#keep(start);
    const end = start === 'trimmed' ? undefined : await readOn(archive, start, take);
    if (end?.kind !== 'complete') await readOn(archive, 'start', take);
    await this.#setting.seen.end();
    this.#live = 0;
  }

  #keep(position: Start): Promise<void> {
    const bytes = position === 'start' ? EMPTY : record(PositionRecord, position);
    return this.#setting.store.write((records) => records.put(RECORD, bytes));
  }

  async #archived({ message, time }: Entry): Promise<void> {
    const { self } = this.#setting;
    await this.#take(() => readMessage(message, directionOf(message, self.jid), self.jid), time);
  }

  async #hear(stanza: XmlElement): Promise<void> {
    const { self } = this.#setting;
    await this.#take(() => readIncoming(stanza, self.jid), undefined, stanza);
    this.#live += 1;
    if (this.#live < MANY) return;
    this.#live = 0;
    await this.#read().catch((error: unknown) => {
      if (error instanceof MlsError) this.#handlers.fault(error);
    });
  }

  async #take(read: () => Incoming, time: number | undefined, stanza?: XmlElement): Promise<void> {
    let incoming: Incoming;
    try {
      incoming = read();
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      this.#handlers.fault(error);
      return;
    }
    if (incoming.kind !== 'nothing') await this.#handlers.deliver({ incoming, time });
    else if (stanza !== undefined) await this.#handlers.other(stanza);
  }
}

/** Where to read on. An archive that was empty when this device was new is read from its start, for which nothing is written. */
function fromOf(kept: Uint8Array | undefined): From {
  if (kept === undefined) return 'end';
  return kept.length === 0 ? 'start' : readRecord(PositionRecord, kept);
}

function directionOf(message: XmlElement, self: string): 'sent' | 'direct' {
  const from = message.attrs['from'] ?? self;
  return from === self || from.startsWith(`${self}/`) ? 'sent' : 'direct';
}
