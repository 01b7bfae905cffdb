/** Rooms: what they keep, who is in them, and what they say to all. */

import { el, type XmlElement } from '../../xmpp/element.ts';
import type { Affiliation, Role } from '../../xmpp/stanza/muc.ts';
import type { Archive } from '../archive.ts';
import { type Core, resourceOf, token } from '../core.ts';
import { byDialect } from '../replies.ts';

/** Namespace of what rooms say of occupants. */
export const NS_USER = 'http://jabber.org/protocol/muc#user';

/** Somebody in a room, with all resources that share the nick. */
export interface Occupant {
  nick: string;
  /** Bare address. */
  readonly jid: string;
  role: Role;
  /** Full addresses. */
  readonly resources: Set<string>;
}

/** One room. */
export interface Room {
  readonly jid: string;
  /** Full name of a field to its value; truth is `1` or `0`. */
  config: ReadonlyMap<string, string>;
  /** Bare address to affiliation; `none` is not in it. */
  readonly affiliations: Map<string, Affiliation>;
  /** By nick. */
  readonly occupants: Map<string, Occupant>;
  readonly archive: Archive;
  /** Newest messages, for who joins. */
  history: XmlElement[];
  subject: XmlElement | undefined;
  /** Bare address to the id of XEP-0421. */
  readonly occupantIds: Map<string, string>;
}

/** What an account is to a room. */
export function affiliationOf(room: Room, jid: string): Affiliation {
  return room.affiliations.get(jid) ?? 'none';
}

/** Whether a field of the configuration is on. */
export function isOn(room: Room, name: string): boolean {
  return room.config.get(`muc#roomconfig_${name}`) === '1' || room.config.get(name) === '1';
}

/** Whether the room keeps an archive. */
export function isArchiving(core: Core, room: Room): boolean {
  return isOn(room, byDialect(core, 'enablearchiving', 'mam'));
}

/** Whether all occupants see real addresses. */
export function isOpenlyNamed(room: Room): boolean {
  return room.config.get('muc#roomconfig_whois') === 'anyone';
}

/** The occupant that a resource is, if it is in the room. */
export function occupantAt(room: Room, jid: string): Occupant | undefined {
  return [...room.occupants.values()].find(({ resources }) => resources.has(jid));
}

/** The role that an affiliation gives. */
export function roleFor(room: Room, affiliation: Affiliation): Role {
  if (affiliation === 'owner' || affiliation === 'admin') return 'moderator';
  const isListener = isOn(room, 'moderatedroom') && !isOn(room, 'members_by_default');
  return affiliation === 'none' && isListener ? 'visitor' : 'participant';
}

/** What identifies an occupant in this room for ever, where the server has that. */
export function occupantId(core: Core, room: Room, jid: string): XmlElement | undefined {
  if (core.dialect === 'ejabberd') return undefined;
  const id = room.occupantIds.get(jid) ?? token(core, 32);
  room.occupantIds.set(jid, id);
  return el('occupant-id', { xmlns: 'urn:xmpp:occupant-id:0', id });
}

/** A presence of an occupant as one resource in the room sees it. */
export interface Seen {
  readonly type?: 'unavailable';
  readonly statuses?: readonly number[];
  /** Whatever else stands in the part of the room. */
  readonly more?: XmlElement | undefined;
  readonly newNick?: string;
  /** What the occupant is shown to be, where that is no more. */
  readonly role?: Role;
}

/** Tell one resource of an occupant. */
export function showTo(
  core: Core,
  room: Room,
  occupant: Occupant,
  seen: Seen & { readonly to: string },
): void {
  const { to } = seen;
  const viewer = occupantAt(room, to);
  const self = occupant.resources.has(to) || viewer === occupant;
  const named = isOpenlyNamed(room) || viewer?.role === 'moderator' || self;
  const jids = named ? shownOf(core, occupant, seen) : [undefined];
  const items = jids.map((jid) =>
    el('item', {
      affiliation: affiliationOf(room, occupant.jid),
      role: seen.role ?? (seen.type === undefined ? occupant.role : 'none'),
      jid,
      nick: seen.newNick,
    }),
  );
  const statuses = [...(self ? [110] : []), ...(seen.statuses ?? [])];
  const x = el(
    'x',
    { xmlns: NS_USER },
    ...items,
    seen.more,
    ...statuses.map((code) => el('status', { code })),
  );
  core.route(
    el(
      'presence',
      { from: `${room.jid}/${occupant.nick}`, to, type: seen.type },
      x,
      occupantId(core, room, occupant.jid),
    ),
  );
}

/** Addresses under which an occupant is shown: Prosody tells of every resource under one nick. */
function shownOf(
  core: Core,
  { resources, jid }: Occupant,
  { to, type }: Seen & { readonly to: string },
): readonly string[] {
  if (core.dialect === 'prosody' && type === undefined && resources.size > 0) return [...resources];
  const [real] = resources;
  return [resources.has(to) ? to : (real ?? jid)];
}

/** Tell all resources in the room of an occupant; those of the occupant too. */
export function showToAll(core: Core, room: Room, occupant: Occupant, seen: Seen = {}): void {
  for (const to of audience(room)) showTo(core, room, occupant, { ...seen, to });
}

/** Full addresses of all resources in the room, in the order of arrival. */
export function audience(room: Room): string[] {
  return [...room.occupants.values()].flatMap(({ resources }) => [...resources]);
}

/** Say something to all that nobody said: a change of the room. */
export function announce(core: Core, room: Room, ...codes: readonly number[]): void {
  const x = el('x', { xmlns: NS_USER }, ...codes.map((code) => el('status', { code })));
  for (const to of audience(room)) core.route(el('message', { type: 'groupchat', from: room.jid, to }, x));
}

/** Put an occupant out, and tell everybody why. */
export function putOut(core: Core, room: Room, occupant: Occupant, seen: Seen): void {
  showToAll(core, room, occupant, { ...seen, type: 'unavailable' });
  room.occupants.delete(occupant.nick);
  for (const jid of occupant.resources) sessionRooms(core, jid)?.delete(room.jid);
  forgetIfEmpty(core, room);
}

/** A room that is not persistent goes with its last occupant. */
export function forgetIfEmpty(core: Core, room: Room): void {
  if (room.occupants.size === 0 && !isOn(room, 'persistentroom')) core.rooms.delete(room.jid);
}

/** The rooms that a session is in, if it still is there. */
export function sessionRooms(core: Core, jid: string): Map<string, string> | undefined {
  const resource = resourceOf(jid);
  if (resource === undefined) return undefined;
  return core.accounts.get(jid.slice(0, jid.length - resource.length - 1))?.sessions.get(jid)?.rooms;
}
