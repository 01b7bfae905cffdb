/** Accounts with sessions on a real server, as an application has them. */

import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { KeyValueStore } from '../../src/storage/backend.ts';
import { openStore } from '../../src/storage/index.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import { el } from '../../src/xmpp/element.ts';
import type { Conversation } from '../../src/xmpp/session/conversation.ts';
import type { MlsXmppEvent } from '../../src/xmpp/session/events.ts';
import { MlsXmpp, type MlsXmppOptions } from '../../src/xmpp/session/session.ts';
import { offered } from '../../src/xmpp/stanza/form.ts';
import * as muc from '../../src/xmpp/stanza/muc.ts';
import type { Transport } from '../../src/xmpp/transport.ts';
import { type Connect, type Connected, connectTcp } from './clients.ts';
import type { Server } from './server.ts';
import { enterRoom } from './steps.ts';

const ROOM = {
  'muc#roomconfig_persistentroom': '1',
  'muc#roomconfig_membersonly': '1',
  'muc#roomconfig_whois': 'anyone',
  'muc#roomconfig_moderatedroom': '0',
  'muc#roomconfig_enablearchiving': '1',
  mam: '1',
};

/** How somebody comes online. */
export interface Coming extends Partial<MlsXmppOptions> {
  readonly connect?: Connect;
  readonly backend?: KeyValueStore;
}

/** One device. */
export interface Person {
  readonly name: string;
  readonly jid: string;
  readonly connected: Connected;
  readonly transport: Transport;
  readonly mls: MlsXmpp;
  readonly events: MlsXmppEvent[];
  /** Bodies of messages that came, in their order. */
  heard(): string[];
  /** What went wrong. */
  faults(): string[];
  /** Die: nothing more is written or sent. @returns what was written until then */
  crash(): Promise<KeyValueStore>;
}

/** People on one server. */
export class People {
  readonly server: Server;
  readonly all: Person[] = [];
  readonly #accounts = new Set<string>();

  constructor(server: Server) {
    this.server = server;
  }

  /** Somebody comes online for the first time, or again with what was kept. */
  async join(name: string, { connect = connectTcp, backend, ...more }: Coming = {}): Promise<Person> {
    if (!this.#accounts.has(name)) await this.server.addUser(name, name);
    this.#accounts.add(name);
    const connected = await connect(this.server, name);
    const { transport } = connected;
    await transport.send(el('presence'));
    const kept = backend ?? memoryBackend();
    const mortal = mortalBackend(kept);
    const store = await openStore(mortal.backend, { provider: nodeProvider, lostWrites: 0 });
    const events: MlsXmppEvent[] = [];
    const options = { transport, store, provider: nodeProvider, mayInvite: () => true, ...more };
    const mls = await MlsXmpp.start(options, (event) => void events.push(event));
    const person: Person = {
      name,
      jid: mls.device.jid,
      connected,
      transport,
      mls,
      events,
      heard: () => events.flatMap((event) => (event.kind === 'message' ? [event.content.body ?? ''] : [])),
      faults: () => events.flatMap(faultIn),
      crash: async () => {
        mortal.die();
        await connected.disconnect();
        await mls.stop();
        this.all.splice(this.all.indexOf(person), 1);
        return kept;
      },
    };
    this.all.push(person);
    return person;
  }

  /** A members-only room that somebody owns. */
  async room(owner: Person, name: string, members: readonly Person[]): Promise<string> {
    const { transport } = owner;
    const room = `${name}@${this.server.rooms}`;
    await enterRoom(transport, room, owner.name);
    const form = muc.readRoomConfiguration(await transport.request(muc.roomConfiguration(room)));
    await transport.request(muc.configureRoom(room, offered(form, ROOM)));
    for (const { jid } of members) await transport.request(muc.affiliateTo(room, jid, 'member'));
    return room;
  }

  /** Wait until a condition holds. */
  async until(what: string, holds: () => boolean, seconds = 60): Promise<void> {
    const end = performance.now() + seconds * 1000;
    while (!holds()) {
      if (performance.now() > end) throw new Error(`not in time: ${what}\n${this.report()}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** What everybody heard of, for a failure's message. */
  report(): string {
    return this.all
      .map(({ name, mls, events, faults }) => {
        const kinds = events.map(({ kind }) => kind).join(' ');
        const epochs = mls.conversations.map(({ jid, status, group }) => `${jid} ${status} ${group?.epoch}`);
        return `${name}: ${epochs.join(', ')}: ${kinds.slice(-600)}\n  ${faults().slice(-10).join('\n  ')}`;
      })
      .join('\n');
  }

  async stop(): Promise<void> {
    for (const { mls, connected } of this.all.splice(0)) {
      await mls.stop();
      await connected.disconnect();
    }
  }
}

/** The conversation of somebody with an address. */
export function talk({ mls, name }: Person, jid: string): Conversation {
  const found = mls.conversations.find((conversation) => conversation.jid === jid);
  if (found === undefined) throw new Error(`${name} has no conversation with ${jid}`);
  return found;
}

function faultIn(event: MlsXmppEvent): string[] {
  if (event.kind !== 'fault' && event.kind !== 'undecryptable') return [];
  const { code, detail, cause } = event.error;
  const told = JSON.stringify(detail, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  return [`${event.kind} ${code} ${told}${cause === undefined ? '' : ` ${String(cause)}`}`];
}

/** A backend that one can cut off from whoever writes to it. */
function mortalBackend(kept: KeyValueStore): { readonly backend: KeyValueStore; die(): void } {
  let isDead = false;
  const alive = (): KeyValueStore => {
    if (isDead) throw new Error('dead');
    return kept;
  };
  return {
    backend: {
      get: async (key) => alive().get(key),
      async *scan(prefix) {
        yield* alive().scan(prefix);
      },
      batch: async (ops, guard) => alive().batch(ops, guard),
    },
    die: () => {
      isDead = true;
    },
  };
}
