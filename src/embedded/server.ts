/** The server: accounts, their connections, and the way of a stanza from one to another. */

import { fail, MlsError } from '../base/error.ts';
import { attr, type XmlElement } from '../xmpp/element.ts';
import { formatJid, parseJid, readJid } from '../xmpp/jid.ts';
import { trim } from './archive.ts';
import { type Connection, createConnection, type Host } from './connection.ts';
import {
  type Account,
  bareOf,
  type Core,
  type Counters,
  given,
  type ServerEvent,
  type Session,
} from './core.ts';
import { createHostile } from './hostile.ts';
import { accountRequest, hostRequest } from './iq.ts';
import { receiveMessage, sendMessage } from './messages.ts';
import { leave, roomPresence } from './muc/entering.ts';
import { forgetIfEmpty } from './muc/room.ts';
import { isAsking, roomRequest } from './muc/service.ts';
import { roomMessage } from './muc/speaking.ts';
import { type Hostility, limitsOf, type ServerOptions } from './options.ts';
import { parseXml } from './parse.ts';
import { broadcast, sessionOf, takeFeatures, withdraw } from './presence.ts';
import { BAD, errorFor, mayBounce, refusal, replyTo, UNAVAILABLE } from './replies.ts';
import { type Uploads, uploadsOf } from './upload.ts';

/** An XMPP server in this process. Nothing in it waits or ticks but by the timers that it was given. */
export interface EmbeddedServer extends Uploads {
  readonly domain: string;
  /** The service of rooms: `rooms.` or, as ejabberd calls it, `conference.`. */
  readonly rooms: string;
  /** The service that promises places for files. */
  readonly uploads: string;
  /** What happened: faults, sessions that ended. */
  readonly log: readonly ServerEvent[];
  readonly counters: Readonly<Counters>;
  readonly upload: Uploads;
  /** Make an account. @throws `codec.input` for a name that cannot be one, or that there is */
  addUser(name: string): void;
  /** Give two accounts a presence subscription to each other. @throws `codec.input` for an account that is not there */
  befriend(a: string, b: string): void;
  /**
   * Connect a client of an account. A session with the same resource ends.
   * @param options `features`: answer disco#info with these, and say so in presence, as libraries do that have it built in
   * @throws `codec.input` for an account that is not there
   */
  connect(name: string, resource: string, options?: ConnectOptions): Connection;
  /** End all sessions, and keep the data; rooms that are not persistent are gone. */
  restart(): void;
  /** Forget all but the newest entries. @param archive the address of one account or room; otherwise of all */
  expireArchives(keep: number, archive?: string): void;
  /** Begin to misbehave, or to do it in another way. */
  misbehave(hostility: Hostility): void;
  /** End all misbehaviour. What was held back comes now; what was lost or forked stays so. */
  behave(): void;
}

/** How a client connects. */
export interface ConnectOptions {
  readonly features?: readonly string[];
}

/** Make a server. */
export function createServer(options: ServerOptions): EmbeddedServer {
  const core = createCore(options);
  const host: Host = {
    core,
    latencyMs: options.latencyMs ?? 0,
    parse: options.parse ?? parseXml,
    opened: (session) => opened(session),
    handle: (session, stanza) => handle(core, session, stanza),
    closed: (session) => closed(core, session),
  };
  const uploads = uploadsOf(core);
  return {
    domain: core.domain,
    rooms: core.roomService,
    uploads: core.uploadService,
    log: core.log,
    counters: core.counters,
    upload: uploads,
    ...uploads,
    addUser: (name) => addUser(core, name),
    befriend: (a, b) => befriend(accountOf(core, a), accountOf(core, b)),
    connect: (name, resource, { features } = {}) =>
      createConnection(host, { account: accountOf(core, name), resource, features }),
    restart: core.restart,
    expireArchives: (keep, archive) => {
      for (const one of [...core.accounts.values(), ...core.rooms.values()])
        if (archive === undefined || one.jid === archive) trim(one.archive, keep);
    },
    misbehave: core.hostile.misbehave,
    behave: core.hostile.behave,
  };
}

function createCore(options: ServerOptions): Core {
  const { domain = 'localhost', dialect = 'prosody', timers, random } = options;
  const core: Core = {
    domain,
    roomService: `${dialect === 'prosody' ? 'rooms' : 'conference'}.${domain}`,
    uploadService: `upload.${domain}`,
    dialect,
    limits: limitsOf(dialect, options.limits),
    timers,
    random,
    accounts: new Map(),
    rooms: new Map(),
    slots: new Map(),
    caps: new Map(),
    get hostile() {
      return hostile;
    },
    log: [],
    counters: { received: 0, delivered: 0, archived: 0, ended: 0 },
    lastId: 0,
    route: (stanza) => route(core, stanza),
    restart: () => restart(core),
  };
  const hostile = createHostile(core);
  if (options.hostility !== undefined) hostile.misbehave(options.hostility);
  return core;
}

function addUser(core: Core, name: string): void {
  const jid = `${name}@${core.domain}`;
  const parsed = readJid(jid);
  if (parsed?.local !== name || core.accounts.has(jid)) fail('codec.input', { expected: 'new account' });
  core.accounts.set(jid, {
    jid,
    sessions: new Map(),
    archive: { jid, entries: [] },
    offline: [],
    contacts: new Set(),
    nodes: new Map(),
  });
}

function accountOf(core: Core, name: string): Account {
  return core.accounts.get(`${name}@${core.domain}`) ?? fail('codec.input', { expected: 'account' });
}

function befriend(a: Account, b: Account): void {
  a.contacts.add(b.jid);
  b.contacts.add(a.jid);
}

function opened(session: Session): void {
  session.account.sessions.get(session.jid)?.end();
  session.account.sessions.set(session.jid, session);
}

function closed(core: Core, session: Session): void {
  const { sessions } = session.account;
  for (const jid of [...session.rooms.keys()]) {
    const room = core.rooms.get(jid);
    if (room !== undefined) leave(core, room, session);
  }
  withdraw(core, session);
  if (sessions.get(session.jid) === session) sessions.delete(session.jid);
}

/** After a restart nobody is told who left: nobody is there. */
function restart(core: Core): void {
  for (const room of [...core.rooms.values()]) {
    room.occupants.clear();
    forgetIfEmpty(core, room);
  }
  const sessions = [...core.accounts.values()].flatMap((account) => [...account.sessions.values()]);
  for (const session of sessions) {
    session.rooms.clear();
    session.presence = undefined;
  }
  for (const session of sessions) session.end();
}

/** A stanza of a client. What is not well-formed is refused, as servers do. */
function handle(core: Core, session: Session, stanza: XmlElement): void {
  try {
    const to = attr(stanza, 'to');
    const address = to === undefined ? undefined : readJid(to);
    if (to !== undefined && address === undefined) {
      bounce(core, stanza, 'jid-malformed');
      return;
    }
    dispatch(
      core,
      session,
      address === undefined ? stanza : { ...stanza, attrs: { ...stanza.attrs, to: formatJid(address) } },
    );
  } catch (error) {
    const ours = error instanceof MlsError && ['xmpp.stanza', 'codec.input'].includes(error.code);
    if (!ours) throw error;
    if (mayBounce(stanza)) core.route(errorFor(core, stanza, BAD));
  }
}

function bounce(core: Core, stanza: XmlElement, condition: string): void {
  if (mayBounce(stanza)) core.route(errorFor(core, stanza, refusal('modify', condition)));
}

function dispatch(core: Core, session: Session, stanza: XmlElement): void {
  const to = attr(stanza, 'to');
  if (stanza.name === 'message') sendMessage(core, session, stanza);
  else if (stanza.name === 'presence') presence(core, session, stanza);
  else if (stanza.name === 'iq' && to === undefined) ownRequest(core, session, stanza);
  else if (stanza.name === 'iq') core.route(stanza);
}

function presence(core: Core, session: Session, stanza: XmlElement): void {
  const to = attr(stanza, 'to');
  if (to === undefined) broadcast(core, session, stanza);
  else if (parseJid(to).domain === core.roomService) roomPresence(core, session, stanza);
  else core.route(stanza);
}

function ownRequest(core: Core, session: Session, iq: XmlElement): void {
  if (isAsking(iq)) accountRequest(core, session.account, iq);
  else takeFeatures(core, iq);
}

function route(core: Core, stanza: XmlElement): void {
  const to = parseJid(given(stanza, 'to'));
  if (to.domain === core.roomService) toRooms(core, stanza);
  else if (to.domain === core.domain && to.local !== undefined) toAccount(core, stanza);
  else if (to.domain === core.domain || to.domain === core.uploadService) {
    if (stanza.name === 'iq' && isAsking(stanza)) hostRequest(core, stanza);
  } else if (mayBounce(stanza))
    core.route(errorFor(core, stanza, refusal('cancel', 'remote-server-not-found')));
}

function toRooms(core: Core, stanza: XmlElement): void {
  if (stanza.name === 'message') roomMessage(core, stanza);
  else if (stanza.name === 'iq' && isAsking(stanza)) roomRequest(core, stanza);
}

function toAccount(core: Core, stanza: XmlElement): void {
  const to = given(stanza, 'to');
  const account = core.accounts.get(bareOf(to));
  const session = sessionOf(core, to);
  const isBare = to === bareOf(to);
  if (stanza.name === 'iq' && isBare) {
    if (isAsking(stanza)) accountRequest(core, account, stanza);
    else takeFeatures(core, stanza);
  } else if (stanza.name === 'message' && account !== undefined) receiveMessage(core, account, stanza);
  else if (session !== undefined) session.deliver(stanza);
  else if (stanza.name !== 'presence' && mayBounce(stanza)) core.route(replyOrError(core, stanza));
}

function replyOrError(core: Core, stanza: XmlElement): XmlElement {
  return stanza.name === 'iq' ? replyTo(core, stanza, UNAVAILABLE) : errorFor(core, stanza, UNAVAILABLE);
}
