/** Servers for the benchmark of the binding, and devices on them whose stanzas are measured. */

import { utf8 } from '../src/base/bytes.ts';
import { provider } from '../src/crypto/node/index.ts';
import { createServer } from '../src/embedded/index.ts';
import { type MlsStore, openStore } from '../src/storage/index.ts';
import { memoryBackend } from '../src/storage/memory.ts';
import type { Http } from '../src/xmpp/content/files.ts';
import { el, type XmlElement } from '../src/xmpp/element.ts';
import { serialise } from '../src/xmpp/serialise.ts';
import type { MlsXmppEvent } from '../src/xmpp/session/events.ts';
import { MlsXmpp } from '../src/xmpp/session/session.ts';
import { mlsIn, readMls } from '../src/xmpp/stanza/mls.ts';
import * as muc from '../src/xmpp/stanza/muc.ts';
import { systemTimers } from '../src/xmpp/timers.ts';
import type { Transport } from '../src/xmpp/transport.ts';
import { connectTcp } from '../test/servers/clients.ts';
import { startProsody } from '../test/servers/prosody.ts';

/** Somewhere to have accounts. */
export interface Place {
  readonly rooms: string;
  readonly http: Http | undefined;
  addUser(name: string): Promise<void>;
  connect(name: string): Promise<{ readonly transport: Transport; disconnect(): Promise<unknown> }>;
  stop(): Promise<void>;
}

/** The server in this process, or a throw-away Prosody without limits of rate. */
export async function placeOf(kind: 'embedded' | 'prosody'): Promise<Place> {
  if (kind === 'embedded') return embedded();
  const server = await startProsody();
  return {
    rooms: server.rooms,
    http: undefined,
    addUser: (name) => server.addUser(name, name),
    connect: (name) => connectTcp(server, name),
    stop: () => server.stop(),
  };
}

function embedded(): Place {
  const server = createServer({ timers: systemTimers, random: (length) => provider.random(length) });
  let connections = 0;
  return {
    rooms: server.rooms,
    http: {
      put: async (url, headers, bytes) => server.put(url, bytes, Object.fromEntries(headers)),
      get: async (url) => {
        const bytes = server.fetch(url);
        return bytes === undefined ? { status: 404, bytes: new Uint8Array() } : { status: 200, bytes };
      },
    },
    addUser: async (name) => server.addUser(name),
    connect: async (name) => {
      const connection = server.connect(name, `r${connections++}`);
      return { transport: connection.transport, disconnect: async () => connection.disconnect() };
    },
    stop: async () => undefined,
  };
}

/** Bytes of the stanzas that devices have sent, by what they hold. */
export class Sizes {
  readonly #all = new Map<string, number[]>();

  /** A transport that is measured. */
  around(transport: Transport): Transport {
    const send = (stanza: XmlElement): Promise<void> => {
      const mls = stanza.name === 'message' ? mlsIn(stanza) : undefined;
      const kind = mls && readMls(mls)?.content.kind;
      if (kind !== undefined)
        this.#all.set(kind, [...(this.#all.get(kind) ?? []), utf8(serialise(stanza)).length]);
      return transport.send(stanza);
    };
    // What has a `jid` that changes is asked anew each time.
    return new Proxy(transport, {
      get: (target, name) => {
        if (name === 'send') return send;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** What was sent since the last call, and forget it. */
  take(kind: string): readonly number[] {
    const sizes = this.#all.get(kind) ?? [];
    this.#all.delete(kind);
    return sizes;
  }
}

/** A device. */
export interface Device {
  readonly name: string;
  readonly store: MlsStore;
  readonly transport: Transport;
  readonly mls: MlsXmpp;
  readonly events: MlsXmppEvent[];
  /** When its first and its last message came, milliseconds. */
  heard(): { readonly count: number; readonly first: number; readonly last: number };
  stop(): Promise<void>;
}

/** Come online: for the first time, or again with a store. */
export async function comeOnline(
  place: Place,
  name: string,
  { sizes, store }: { readonly sizes: Sizes; readonly store?: MlsStore },
): Promise<Device> {
  if (store === undefined) await place.addUser(name);
  const connection = await place.connect(name);
  const transport = sizes.around(connection.transport);
  await transport.send(el('presence'));
  const own = store ?? (await openStore(memoryBackend(), { provider, lostWrites: 0 }));
  const events: MlsXmppEvent[] = [];
  const heard = { count: 0, first: 0, last: 0 };
  const mls = await MlsXmpp.start(
    {
      transport,
      store: own,
      provider,
      mayInvite: () => true,
      keyPackages: 2,
      ...(place.http && { http: place.http }),
    },
    (event) => {
      if (event.kind !== 'message') return void events.push(event);
      heard.last = performance.now();
      if (heard.count++ === 0) heard.first = heard.last;
    },
  );
  return {
    name,
    store: own,
    transport,
    mls,
    events,
    heard: () => ({ ...heard }),
    stop: async () => {
      await mls.stop();
      await connection.disconnect();
    },
  };
}

/** A members-only room. */
export async function makeRoom(place: Place, owner: Device, members: readonly Device[]): Promise<string> {
  const { transport } = owner;
  const room = `bench@${place.rooms}`;
  await transport.send(muc.enter(room, owner.name));
  await pause(300);
  const form = muc.readRoomConfiguration(await transport.request(muc.roomConfiguration(room)));
  const wanted: Record<string, string> = {
    'muc#roomconfig_persistentroom': '1',
    'muc#roomconfig_membersonly': '1',
    'muc#roomconfig_whois': 'anyone',
    'muc#roomconfig_moderatedroom': '0',
    'muc#roomconfig_enablearchiving': '1',
  };
  const fields = Object.fromEntries(Object.entries(wanted).filter(([field]) => form.has(field)));
  await transport.request(muc.configureRoom(room, fields));
  for (const { mls } of members) await transport.request(muc.affiliateTo(room, mls.device.jid, 'member'));
  return room;
}

/** Wait for something to be so. @throws after so many seconds */
export async function until(what: string, holds: () => boolean, seconds = 300): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
    await pause(2);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
