/** Coming into a room, changing the nick, and going. */

import { attr, child, childrenOf, el, type XmlElement } from '../../xmpp/element.ts';
import { NS_MUC } from '../../xmpp/stanza/muc.ts';
import { type Core, given, resourceOf, type Session, withAttrs } from '../core.ts';
import { errorFor, FORBIDDEN, type Refusal, refusal } from '../replies.ts';
import { newConfiguration } from './config.ts';
import {
  affiliationOf,
  forgetIfEmpty,
  isOn,
  isOpenlyNamed,
  type Occupant,
  occupantAt,
  type Room,
  roleFor,
  showTo,
  showToAll,
} from './room.ts';

/** A presence for an address in a room. */
export function roomPresence(core: Core, session: Session, presence: XmlElement): void {
  const [jid = ''] = given(presence, 'to').split('/');
  const nick = resourceOf(given(presence, 'to'));
  const room = core.rooms.get(jid);
  const type = attr(presence, 'type');
  if (type === 'unavailable') {
    if (room !== undefined) leave(core, room, session);
    return;
  }
  if (type !== undefined) return;
  if (nick === undefined) {
    core.route(errorFor(core, presence, refusal('modify', 'jid-malformed')));
    return;
  }
  const present = room === undefined ? undefined : occupantAt(room, session.jid);
  if (room !== undefined && present !== undefined) again(core, room, present, { session, nick, presence });
  else enter(core, session, presence, { jid, nick });
}

/** Take one resource out of a room; with the last one the occupant goes. */
export function leave(core: Core, room: Room, session: Session): void {
  const occupant = occupantAt(room, session.jid);
  if (occupant === undefined) return;
  if (occupant.resources.size === 1) {
    showToAll(core, room, occupant, { type: 'unavailable' });
    room.occupants.delete(occupant.nick);
  } else {
    showTo(core, room, occupant, { to: session.jid, type: 'unavailable' });
    occupant.resources.delete(session.jid);
  }
  session.rooms.delete(room.jid);
  forgetIfEmpty(core, room);
}

interface Place {
  readonly jid: string;
  readonly nick: string;
}

function enter(core: Core, session: Session, presence: XmlElement, { jid, nick }: Place): void {
  const found = core.rooms.get(jid);
  const refused = mayEnter(core, found, session, nick);
  if (refused !== undefined) {
    core.route(errorFor(core, presence, refused));
    return;
  }
  const room = found ?? makeRoom(core, jid, session.account.jid);
  showSelf(core, room, session.jid);
  for (const occupant of room.occupants.values()) showTo(core, room, occupant, { to: session.jid });
  const before = room.occupants.get(nick);
  const occupant = before ?? makeOccupant(room, session, nick);
  occupant.resources.add(session.jid);
  room.occupants.set(nick, occupant);
  session.rooms.set(jid, nick);
  if (before === undefined) {
    for (const other of room.occupants.values()) {
      if (other === occupant) continue;
      for (const to of other.resources) showTo(core, room, occupant, { to });
    }
  }
  const statuses = [...(isOpenlyNamed(room) ? [100] : []), ...(found === undefined ? [201] : [])];
  showTo(core, room, occupant, { to: session.jid, statuses });
  sendPast(core, room, session.jid, presence);
}

/** ejabberd shows the room itself too: a presence without a nick, which is of nobody. */
function showSelf(core: Core, room: Room, to: string): void {
  if (core.dialect === 'prosody') return;
  const c = { xmlns: 'http://jabber.org/protocol/caps', hash: 'sha-1', node: 'urn:embedded', ver: 'room' };
  core.route(el('presence', { from: room.jid, to }, el('c', c)));
}

function mayEnter(core: Core, room: Room | undefined, session: Session, nick: string): Refusal | undefined {
  if (session.rooms.size >= core.limits.roomsPerUser) return refusal('wait', 'resource-constraint');
  if (room === undefined) return undefined;
  const affiliation = affiliationOf(room, session.account.jid);
  if (affiliation === 'outcast') return FORBIDDEN;
  if (isOn(room, 'membersonly') && affiliation === 'none') return refusal('auth', 'registration-required');
  const holder = room.occupants.get(nick);
  return holder !== undefined && holder.jid !== session.account.jid
    ? refusal('cancel', 'conflict')
    : undefined;
}

function makeRoom(core: Core, jid: string, owner: string): Room {
  const room: Room = {
    jid,
    config: newConfiguration(core),
    affiliations: new Map([[owner, 'owner']]),
    occupants: new Map(),
    archive: { jid, entries: [] },
    history: [],
    subject: undefined,
    occupantIds: new Map(),
  };
  core.rooms.set(jid, room);
  return room;
}

function makeOccupant(room: Room, { account }: Session, nick: string): Occupant {
  const role = roleFor(room, affiliationOf(room, account.jid));
  return { nick, jid: account.jid, role, resources: new Set() };
}

/** What was said before, as far as it is wanted, and the subject, which ends it. */
function sendPast(core: Core, room: Room, to: string, presence: XmlElement): void {
  const muc = child(presence, 'x', NS_MUC);
  const history = muc === undefined ? undefined : child(muc, 'history');
  const bound = (name: string): number => (history === undefined ? 20 : Number(attr(history, name) ?? 20));
  const most = Math.min(20, bound('maxstanzas'), bound('maxchars') === 0 ? 0 : 20);
  const shown = room.history.filter(
    (message) => core.dialect === 'prosody' || childrenOf(message, 'body').length > 0,
  );
  for (const message of most === 0 ? [] : shown.slice(-most)) core.route(withAttrs(message, { to }));
  const subject = room.subject ?? el('message', { type: 'groupchat', from: room.jid }, el('subject'));
  core.route(withAttrs(subject, { to }));
}

interface Renaming {
  readonly session: Session;
  readonly nick: string;
  readonly presence: XmlElement;
}

/** A resource that is in the room sends another presence: an entrance anew, another nick, or a mere change. */
function again(core: Core, room: Room, occupant: Occupant, renaming: Renaming): void {
  const { session, nick, presence } = renaming;
  if (nick !== occupant.nick) rename(core, room, occupant, renaming);
  else if (childrenOf(presence, 'x', NS_MUC).length === 0) showToAll(core, room, occupant);
  else {
    const others = [...room.occupants.values()].filter((one) => one !== occupant);
    for (const other of others) showTo(core, room, other, { to: session.jid });
    showTo(core, room, occupant, { to: session.jid, statuses: isOpenlyNamed(room) ? [100] : [] });
    sendPast(core, room, session.jid, presence);
  }
}

function rename(core: Core, room: Room, occupant: Occupant, { session, nick, presence }: Renaming): void {
  if (room.occupants.has(nick) || occupant.resources.size > 1) {
    core.route(errorFor(core, presence, refusal('cancel', 'conflict')));
    return;
  }
  showToAll(core, room, occupant, {
    type: 'unavailable',
    statuses: [303],
    newNick: nick,
    role: occupant.role,
  });
  room.occupants.delete(occupant.nick);
  occupant.nick = nick;
  room.occupants.set(nick, occupant);
  session.rooms.set(room.jid, nick);
  showToAll(core, room, occupant);
}
