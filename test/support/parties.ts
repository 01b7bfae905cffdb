/** Accounts with sessions on the embedded server, as an application has them. */

import { provider } from '../../src/crypto/node/index.ts';
import type { Connection } from '../../src/embedded/index.ts';
import { createServer, type EmbeddedServer, type ServerOptions } from '../../src/embedded/index.ts';
import type { KeyValueStore } from '../../src/storage/backend.ts';
import { type MlsStore, openStore } from '../../src/storage/index.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import { el } from '../../src/xmpp/element.ts';
import type { MlsXmppEvent } from '../../src/xmpp/session/events.ts';
import { MlsXmpp, type MlsXmppOptions } from '../../src/xmpp/session/session.ts';
import * as muc from '../../src/xmpp/stanza/muc.ts';
import type { Timers } from '../../src/xmpp/timers.ts';
import { Random } from '../fuzz/random.ts';

/** A clock that runs faster than that on the wall. */
export function fastTimers(speed: number, start = 1_800_000_000_000): Timers {
  const began = performance.now();
  return {
    now: () => Math.floor(start + (performance.now() - began) * speed),
    after: (ms, run) => {
      const timer = setTimeout(run, ms / speed);
      return () => clearTimeout(timer);
    },
  };
}

/** One device. */
export interface Party {
  readonly name: string;
  readonly connection: Connection;
  readonly store: MlsStore;
  readonly backend: KeyValueStore;
  readonly mls: MlsXmpp;
  readonly events: MlsXmppEvent[];
  /** Bodies of messages that came, in their order. */
  heard(): string[];
  /** What went wrong. */
  faults(): string[];
}

/** A server, and people. */
export class Parties {
  readonly server: EmbeddedServer;
  readonly timers: Timers;
  readonly all: Party[] = [];

  constructor({
    seed = 1,
    speed = 50,
    ...options
  }: Partial<ServerOptions> & { seed?: number; speed?: number } = {}) {
    const random = new Random(seed);
    this.timers = fastTimers(speed);
    this.server = createServer({ timers: this.timers, random: (length) => random.bytes(length), ...options });
  }

  /** Somebody comes online for the first time, or again with what was kept. */
  async join(
    name: string,
    resource = 'one',
    options: Partial<MlsXmppOptions> & { readonly backend?: KeyValueStore } = {},
  ): Promise<Party> {
    const { backend = memoryBackend(), ...more } = options;
    if (!this.all.some((party) => party.name === name)) this.server.addUser(name);
    const connection = this.server.connect(name, resource, { features: ['urn:xmpp:mls:0:devices+notify'] });
    const { transport } = connection;
    await transport.send(el('presence'));
    const store = await openStore(backend, { provider, lostWrites: 0 });
    const events: MlsXmppEvent[] = [];
    const mayInvite = (): boolean => true;
    const all = { transport, store, provider, timers: this.timers, mayInvite, ...more };
    const mls = await MlsXmpp.start(all, (event) => void events.push(event));
    const party: Party = {
      name,
      connection,
      store,
      backend,
      mls,
      events,
      heard: () => events.flatMap((event) => (event.kind === 'message' ? [event.content.body ?? ''] : [])),
      faults: () =>
        events.flatMap((event) =>
          event.kind === 'fault' || event.kind === 'undecryptable'
            ? [
                `${event.kind} ${event.error.code} ${JSON.stringify(event.error.detail, (_, v) => (typeof v === 'bigint' ? String(v) : v))} ${event.error.cause}`,
              ]
            : [],
        ),
    };
    this.all.push(party);
    return party;
  }

  /** A members-only room that somebody owns. */
  async room(owner: Party, name: string, members: readonly Party[]): Promise<string> {
    const { transport } = owner.connection;
    const room = `${name}@${this.server.rooms}`;
    await transport.send(muc.enter(room, owner.name));
    await this.quiet();
    const form = muc.readRoomConfiguration(await transport.request(muc.roomConfiguration(room)));
    const wanted: Record<string, string> = {
      'muc#roomconfig_persistentroom': '1',
      'muc#roomconfig_membersonly': '1',
      'muc#roomconfig_whois': 'anyone',
      'muc#roomconfig_moderatedroom': '0',
      'muc#roomconfig_enablearchiving': '1',
      mam: '1',
    };
    const fields = Object.fromEntries(Object.entries(wanted).filter(([field]) => form.has(field)));
    await transport.request(muc.configureRoom(room, fields));
    for (const { mls } of members) await transport.request(muc.affiliateTo(room, mls.device.jid, 'member'));
    return room;
  }

  /** Wait until a condition holds. */
  async until(what: string, holds: () => boolean, seconds = 20): Promise<void> {
    const end = performance.now() + seconds * 1000;
    while (!holds()) {
      if (performance.now() > end) throw new Error(`not in time: ${what}\n${this.report()}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  report(): string {
    return this.all
      .map(
        ({ name, events, faults }) =>
          `${name}: ${events.map(({ kind }) => kind).join(' ')}\n  ${faults().join('\n  ')}`,
      )
      .join('\n');
  }

  async quiet(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async stop(): Promise<void> {
    for (const { mls } of this.all) await mls.stop();
  }
}
