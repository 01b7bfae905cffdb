/** A device through all its lives: it crashes, comes back with what it has kept, and loses its connection. */

import { MlsError } from '../../src/base/error.ts';
import type { KeyPair, Provider } from '../../src/crypto/provider.ts';
import type { Connection, EmbeddedServer } from '../../src/embedded/index.ts';
import type { KeyValueStore } from '../../src/storage/backend.ts';
import { openStore } from '../../src/storage/index.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import { el } from '../../src/xmpp/element.ts';
import type { MlsXmppEvent } from '../../src/xmpp/session/events.ts';
import { MlsXmpp } from '../../src/xmpp/session/session.ts';
import type { Timers } from '../../src/xmpp/timers.ts';
import type { Transport } from '../../src/xmpp/transport.ts';
import type { Random } from '../fuzz/random.ts';
import type { Clock } from '../support/embedded.ts';
import type { Witness } from './witness.ts';

/** What devices live in. */
export interface Habitat {
  readonly server: EmbeddedServer;
  readonly clock: Clock;
  readonly random: Random;
  readonly provider: Provider;
  readonly witness: Witness;
  /** Told of what happens, for the record. */
  note(what: string): void;
}

/** One life. */
interface Life {
  readonly number: number;
  dead: boolean;
  connection: Connection;
  mls: MlsXmpp | undefined;
}

/** Codes of faults that a device has told of, by conversation, with the time. */
export interface Told {
  readonly at: number;
  readonly code: string;
  readonly kind: 'fault' | 'undecryptable';
  readonly talk: string;
}

const FEATURES = ['urn:xmpp:mls:0:devices+notify'];

export class Device {
  readonly account: string;
  readonly resource: string;
  readonly told: Told[] = [];
  /** `jid/device`, once it is known. */
  name = '';
  /** It has left the room, and reads no more. */
  hasLeft = false;
  /** The latest that came of reading everything. */
  lastCatchUp: string | undefined;
  accountKey: KeyPair | undefined;
  readonly #habitat: Habitat;
  readonly #backend: KeyValueStore = memoryBackend();
  #life: Life | undefined;
  #lives = 0;

  constructor(habitat: Habitat, account: string, resource: string, accountKey?: KeyPair) {
    this.#habitat = habitat;
    this.account = account;
    this.resource = resource;
    this.accountKey = accountKey;
  }

  get mls(): MlsXmpp | undefined {
    return this.#life?.dead === false ? this.#life.mls : undefined;
  }
  get life(): number {
    return this.#lives;
  }
  get isAlive(): boolean {
    return this.#life?.dead === false;
  }
  get connection(): Connection | undefined {
    return this.#life?.connection;
  }

  /** Begin a life; tries until it has begun or is over. */
  async start(): Promise<void> {
    if (this.isAlive) return;
    const { server, clock, random } = this.#habitat;
    const connection = server.connect(this.account, this.resource, { features: FEATURES });
    const life: Life = { number: ++this.#lives, dead: false, connection, mls: undefined };
    this.#life = life;
    connection.transport.watch((state) => {
      if (state !== 'offline' || life.dead) return;
      clock.after(500 + random.below(8000), () => this.#comeOnline(life));
    });
    while (!life.dead) {
      try {
        await this.#begin(life);
        return;
      } catch (error) {
        this.trouble('start', error);
        await this.pause(2000);
      }
    }
  }

  /** The process ends at once; what it has written stays. */
  crash(): void {
    const life = this.#life;
    if (life === undefined || life.dead) return;
    life.dead = true;
    life.connection.disconnect();
  }

  drop(): void {
    this.#life?.connection.drop();
  }

  disconnect(): void {
    this.#life?.connection.disconnect();
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#habitat.clock.after(ms, resolve));
  }

  /** An error as its code; one without a code fails the run. */
  trouble(what: string, error: unknown): string {
    const { witness } = this.#habitat;
    const code = error instanceof MlsError ? error.code : 'untyped';
    const told = error instanceof Error ? `${error.message} ${describe(error)}` : String(error);
    this.#habitat.note(`${this.label} ${what}: ${told}`);
    if (code === 'untyped' || code === 'internal.bug')
      witness.fail(`${this.label} ${what}: ${error instanceof Error ? `${error.stack} ${describe(error)}` : String(error)}`);
    return code;
  }

  get label(): string {
    return `${this.account}/${this.resource}`;
  }

  /** Read everything. */
  async catchUp(): Promise<void> {
    const { mls } = this;
    if (mls === undefined) return;
    try {
      await mls.catchUp();
      this.lastCatchUp = undefined;
    } catch (error) {
      this.lastCatchUp = this.trouble('catchUp', error);
    }
  }

  async #begin(life: Life): Promise<void> {
    const { provider, random } = this.#habitat;
    const timers = this.#timersOf(life);
    if (life.connection.transport.jid === '') this.#comeOnline(life);
    await life.connection.transport.send(el('presence')).catch(() => {});
    const store = await openStore(this.#backendOf(life), { provider, lostWrites: 0 });
    const mls = await MlsXmpp.start(
      {
        transport: this.#transportOf(life),
        store,
        provider,
        timers,
        mayInvite: () => true,
        keyPackages: 2 + random.below(3),
        ...(this.accountKey && { accountKey: this.accountKey }),
      },
      (event) => this.#hear(life, event),
    );
    this.name = `${mls.device.jid}/${mls.device.id}`;
    this.accountKey = mls.accountKey;
    if (!life.dead) life.mls = mls;
    this.#observe(life);
  }

  #comeOnline(life: Life): void {
    const { random } = this.#habitat;
    const { connection } = life;
    if (life.dead) return;
    if (random.below(4) > 0 && connection.resume()) {
      this.#habitat.note(`${this.label} resumes`);
      return;
    }
    this.#habitat.note(`${this.label} connects`);
    connection.disconnect();
    connection.connect();
    connection.transport.send(el('presence')).catch(() => {});
  }

  #hear(life: Life, event: MlsXmppEvent): void {
    if (life.dead) return;
    const { witness, clock } = this.#habitat;
    const { conversation } = event as { readonly conversation?: { readonly kind: string; readonly jid: string } };
    const talk = conversation === undefined ? '' : `${conversation.kind} ${conversation.jid}`;
    if (event.kind === 'message') witness.shown(this.name, life.number, event);
    this.#habitat.note(`${this.label} hears ${event.kind} ${talk} ${event.kind === 'message' ? event.content.body : ''}`);
    if (event.kind !== 'fault' && event.kind !== 'undecryptable') return;
    const code = this.trouble(event.kind, event.error);
    this.told.push({ at: clock.now(), code, kind: event.kind, talk });
  }

  #observe(life: Life): void {
    for (const conversation of life.mls?.conversations ?? []) this.#habitat.witness.observe(conversation);
  }

  #timersOf(life: Life): Timers {
    const { clock } = this.#habitat;
    return {
      now: () => clock.now(),
      after: (ms, run) => clock.after(ms, () => life.dead || run()),
    };
  }

  /** A dead process neither reads nor writes. */
  #backendOf(life: Life): KeyValueStore {
    const backend = this.#backend;
    const alive = async (): Promise<void> => {
      if (life.dead) await new Promise(() => {});
      this.#observe(life);
    };
    return {
      get: async (key) => {
        await alive();
        return backend.get(key);
      },
      async *scan(prefix) {
        await alive();
        yield* backend.scan(prefix);
      },
      batch: async (ops, guard) => {
        await alive();
        await backend.batch(ops, guard);
        await alive();
      },
    };
  }

  #transportOf(life: Life): Transport {
    const { transport } = life.connection;
    const { witness } = this.#habitat;
    return {
      get jid() {
        return transport.jid;
      },
      send: async (stanza) => {
        this.#observe(life);
        witness.leaves(this.name, stanza);
        await transport.send(stanza);
      },
      request: (iq, timeoutMs) => transport.request(iq, timeoutMs),
      subscribe: (listener) => transport.subscribe((stanza) => life.dead || listener(stanza)),
      watch: (listener) => transport.watch((state) => life.dead || listener(state)),
      parse: (xml) => transport.parse(xml),
    };
  }
}

function describe(error: Error): string {
  if (!(error instanceof MlsError)) return '';
  const plain = JSON.stringify(error.detail, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  const { cause } = error;
  return `${plain} ${cause instanceof Error ? `${cause.message} ${cause instanceof MlsError ? describe(cause) : cause.stack}` : ''}`;
}
