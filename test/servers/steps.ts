/** Steps that tests over real servers share. */

import { MlsError } from '../../src/base/error.ts';
import { attr, el, type XmlElement } from '../../src/xmpp/element.ts';
import { bareJid, parseJid, sameBareJid } from '../../src/xmpp/jid.ts';
import { offered } from '../../src/xmpp/stanza/form.ts';
import { hint } from '../../src/xmpp/stanza/hints.ts';
import {
  type ArchiveQuery,
  type ArchiveResult,
  archiveQuery,
  readFin,
  readResult,
} from '../../src/xmpp/stanza/mam.ts';
import * as muc from '../../src/xmpp/stanza/muc.ts';
import { failWith } from '../../src/xmpp/stanza/stanzaError.ts';
import { originId, readStanzaId } from '../../src/xmpp/stanza/stanzaId.ts';
import type { Transport } from '../../src/xmpp/transport.ts';
import { type Connected, connectTcp } from './clients.ts';
import type { Server } from './server.ts';

/** The first stanza that arrives and is what is looked for. */
export function next(transport: Transport, is: (stanza: XmlElement) => boolean): Promise<XmlElement> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('nothing came')), 10_000);
    const stop = transport.subscribe((stanza) => {
      if (!is(stanza)) return;
      clearTimeout(late);
      stop();
      resolve(stanza);
    });
  });
}

/** What a step is refused with. */
export async function failure(step: Promise<unknown>): Promise<MlsError> {
  const error: unknown = await step.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof MlsError) return error;
  throw new Error('no MlsError', { cause: error });
}

/** Enter a room; what it says of us. */
export async function enterRoom(
  transport: Transport,
  room: string,
  nick: string,
): Promise<muc.RoomPresence | undefined> {
  const answer = next(transport, (stanza) => {
    if (stanza.name !== 'presence' || !sameBareJid(attr(stanza, 'from') ?? '', room)) return false;
    const presence = muc.readRoomPresence(stanza);
    return (
      attr(stanza, 'type') === 'error' ||
      (presence?.present === true && presence.statuses.has(muc.STATUS.self))
    );
  });
  await transport.send(muc.enter(room, nick));
  const presence = await answer;
  if (attr(presence, 'type') === 'error') failWith(presence);
  return muc.readRoomPresence(presence);
}

/** One page. */
export async function readArchive(
  transport: Transport,
  query: ArchiveQuery,
): Promise<[ArchiveResult[], ReturnType<typeof readFin>]> {
  const self = bareJid(parseJid(transport.jid));
  const results: ArchiveResult[] = [];
  const stop = transport.subscribe((stanza) => {
    const result = readResult(stanza, query, self);
    if (result !== undefined) results.push(result);
  });
  const fin = readFin(await transport.request(archiveQuery(query)));
  stop();
  return [results, fin];
}

/** What a log room is: section 4.4 of the design. Both names that archiving has, and what else a form may offer. */
const LOG_ROOM = {
  'muc#roomconfig_persistentroom': '1',
  'muc#roomconfig_membersonly': '1',
  'muc#roomconfig_whois': 'anyone',
  'muc#roomconfig_publicroom': '0',
  'muc#roomconfig_moderatedroom': '0',
  'muc#roomconfig_allowinvites': '0',
  'muc#roomconfig_changesubject': '0',
  'muc#roomconfig_enablearchiving': '1',
  mam: '1',
};

/** Make a log room and stay in it. */
export async function makeRoom(
  transport: Transport,
  room: string,
  nick: string,
  ...owners: readonly string[]
): Promise<void> {
  const presence = await enterRoom(transport, room, nick);
  if (!presence?.statuses.has(muc.STATUS.created)) throw new Error(`${room} is not new`);
  const form = muc.readRoomConfiguration(await transport.request(muc.roomConfiguration(room)));
  await transport.request(muc.configureRoom(room, offered(form, LOG_ROOM)));
  for (const owner of owners) await transport.request(muc.affiliateTo(room, owner, 'owner'));
}

let sent = 0;

/** Send something to the archive of a room in which we are. @returns what the room calls it, and the message it sent around */
export async function append(
  transport: Transport,
  room: string,
  payload: XmlElement,
): Promise<{ id: string | undefined; reflected: XmlElement }> {
  const id = `append-${++sent}`;
  const echo = next(transport, (stanza) => stanza.name === 'message' && attr(stanza, 'id') === id);
  await transport.send(
    el('message', { to: room, type: 'groupchat', id }, payload, originId(id), hint('store')),
  );
  const reflected = await echo;
  if (attr(reflected, 'type') === 'error') failWith(reflected);
  return { id: readStanzaId(reflected, room), reflected };
}

/** All of an archive, in its order. */
export async function readAll(
  transport: Transport,
  archive: string,
  after?: string,
): Promise<ArchiveResult[]> {
  const entries: ArchiveResult[] = [];
  for (let last = after; ; ) {
    const page = { max: 50, ...(last === undefined ? {} : { after: last }) };
    const [found, fin] = await readArchive(transport, { archive, queryId: `all-${++sent}`, page });
    entries.push(...found);
    if (fin.complete || found.length === 0) return entries;
    last = fin.last;
  }
}

/** An account of its own, connected over TCP and present. */
export async function connected(server: Server, name: string): Promise<Connected> {
  await server.addUser(name, name);
  const connection = await connectTcp(server, name);
  await connection.transport.send(el('presence'));
  return connection;
}
