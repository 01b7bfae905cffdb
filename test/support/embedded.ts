/** The embedded server as tests use it: a clock that is turned by hand, and clients that remember what came. */

import { MlsError } from '../../src/base/error.ts';
import type { Connection } from '../../src/embedded/index.ts';
import { createServer, type EmbeddedServer, type Hostility, type Limits } from '../../src/embedded/index.ts';
import { attr, el, type XmlElement } from '../../src/xmpp/element.ts';
import { bareJid, parseJid } from '../../src/xmpp/jid.ts';
import { hint } from '../../src/xmpp/stanza/hints.ts';
import {
  type ArchivePage,
  type ArchiveQuery,
  type ArchiveResult,
  archiveQuery,
  readFin,
  readResult,
} from '../../src/xmpp/stanza/mam.ts';
import * as muc from '../../src/xmpp/stanza/muc.ts';
import type { Page } from '../../src/xmpp/stanza/rsm.ts';
import type { Timers } from '../../src/xmpp/timers.ts';
import type { Transport } from '../../src/xmpp/transport.ts';
import { Random } from '../fuzz/random.ts';

export const DIALECTS = ['prosody', 'ejabberd'] as const;

/** A clock that stands still until it is turned. */
export interface Clock extends Timers {
  advance(ms: number): Promise<void>;
}

export function clockAt(start: number): Clock {
  let now = start;
  let alarms: { at: number; run: () => void }[] = [];
  return {
    now: () => now,
    after: (ms, run) => {
      const alarm = { at: now + ms, run };
      alarms.push(alarm);
      return () => {
        alarms = alarms.filter((one) => one !== alarm);
      };
    },
    advance: async (ms) => {
      const end = now + ms;
      for (;;) {
        const next = alarms.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        alarms = alarms.filter((one) => one !== next);
        now = Math.max(now, next.at);
        next.run();
        await settled();
      }
      now = end;
      await settled();
    },
  };
}

/** All that needs no clock has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface Lab {
  readonly server: EmbeddedServer;
  readonly clock: Clock;
  client(name: string, resource?: string, features?: readonly string[]): Promise<Watcher>;
}

/** A connected client, present, with all that came. */
export interface Watcher {
  readonly connection: Connection;
  readonly transport: Transport;
  readonly jid: string;
  readonly bare: string;
  readonly came: XmlElement[];
  /** Messages that came, by their `id`. */
  ids(): string[];
}

export interface LabOptions {
  readonly dialect: (typeof DIALECTS)[number];
  readonly users?: readonly string[];
  readonly limits?: Partial<Limits>;
  readonly hostility?: Hostility;
  readonly seed?: number;
  readonly latencyMs?: number;
}

export function labOf({ users = ['alice', 'bob', 'carol'], seed = 1, ...options }: LabOptions): Lab {
  const random = new Random(seed);
  const clock = clockAt(1_800_000_000_000);
  const server = createServer({ ...options, timers: clock, random: (length) => random.bytes(length) });
  for (const name of users) server.addUser(name);
  const client = async (name: string, resource = 'r', features?: readonly string[]): Promise<Watcher> => {
    const connection = server.connect(name, resource, features === undefined ? {} : { features });
    const { transport } = connection;
    const came: XmlElement[] = [];
    transport.subscribe((stanza) => came.push(stanza));
    await transport.send(el('presence'));
    await settled();
    return {
      connection,
      transport,
      jid: transport.jid,
      bare: bareJid(parseJid(transport.jid)),
      came,
      ids: () => came.filter(({ name: kind }) => kind === 'message').map((one) => attr(one, 'id') ?? ''),
    };
  };
  return { server, clock, client };
}

/** How a request was refused: code, type of the error, condition, and the specific one where there is any. */
export async function refused(step: Promise<unknown>): Promise<string> {
  const error: unknown = await step.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof MlsError)) return 'done';
  const { type, condition, specific } = error.detail;
  return [type ?? error.code, condition, specific].filter((one) => one !== undefined).join('/');
}

export async function enterRoom(who: Watcher, room: string, nick: string): Promise<Set<number>> {
  const before = who.came.length;
  await who.transport.send(muc.enter(room, nick));
  await settled();
  const own = who.came.slice(before).find((one) => muc.readRoomPresence(one)?.statuses.has(110));
  return new Set(own === undefined ? [] : muc.readRoomPresence(own)?.statuses);
}

export async function say(who: Watcher, room: string, id: string, ...content: XmlElement[]): Promise<void> {
  const parts = content.length === 0 ? [el('x', { xmlns: 'urn:x' }, 'AAAA'), hint('store')] : content;
  await who.transport.send(el('message', { to: room, type: 'groupchat', id }, ...parts));
  await settled();
}

export async function readArchive(
  who: Watcher,
  archive: string,
  page: Page = { max: 50 },
  filter?: ArchiveQuery['filter'],
): Promise<{ results: ArchiveResult[]; page: ArchivePage }> {
  const query: ArchiveQuery = {
    archive,
    queryId: `q${who.came.length}`,
    page,
    ...(filter === undefined ? {} : { filter }),
  };
  const results: ArchiveResult[] = [];
  const stop = who.transport.subscribe((stanza) => {
    const result = readResult(stanza, query, who.bare);
    if (result !== undefined) results.push(result);
  });
  try {
    return { results, page: readFin(await who.transport.request(archiveQuery(query))) };
  } finally {
    stop();
  }
}

/** The ids of the messages in an archive. */
export async function archivedIds(who: Watcher, archive: string, page?: Page): Promise<string[]> {
  const { results } = await readArchive(who, archive, page);
  return results.map(({ message }) => attr(message, 'id') ?? '');
}
