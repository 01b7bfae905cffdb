/** Who may what in a room: lists, affiliations, roles, and the end of a room. */

import { attr, childrenOf, el, elementsOf, text, type XmlElement } from '../../xmpp/element.ts';
import { readJid } from '../../xmpp/jid.ts';
import { type Affiliation, NS_MUC, type Role } from '../../xmpp/stanza/muc.ts';
import { bareOf, type Core, given } from '../core.ts';
import { type Answer, BAD, byDialect, FORBIDDEN, NOT_FOUND, type Refusal, refusal } from '../replies.ts';
import { configure, formOf } from './config.ts';
import {
  affiliationOf,
  isOn,
  type Occupant,
  occupantAt,
  putOut,
  type Room,
  roleFor,
  sessionRooms,
  showTo,
  showToAll,
} from './room.ts';

const NS_ADMIN = `${NS_MUC}#admin`;
const NS_OWNER = `${NS_MUC}#owner`;
const RANK: Readonly<Record<Affiliation, number>> = { owner: 4, admin: 3, member: 2, none: 1, outcast: 0 };
const ROLES = ['moderator', 'participant', 'visitor', 'none'];

/** Answer for a list of accounts or occupants. */
export function listAnswer(room: Room, iq: XmlElement, query: XmlElement): Answer {
  const item = childrenOf(query, 'item')[0];
  const affiliation = item === undefined ? undefined : attr(item, 'affiliation');
  const role = item === undefined ? undefined : attr(item, 'role');
  const asker = affiliationOf(room, bareOf(given(iq, 'from')));
  if (role !== undefined && affiliation === undefined) return rolesAnswer(room, iq, role);
  if (affiliation === undefined || !Object.hasOwn(RANK, affiliation) || affiliation === 'none') return BAD;
  if (RANK[asker] < RANK.member) return FORBIDDEN;
  const found = [...room.affiliations].filter(([, what]) => what === affiliation);
  return el('query', { xmlns: NS_ADMIN }, ...found.map(([jid]) => el('item', { affiliation, jid })));
}

function rolesAnswer(room: Room, iq: XmlElement, role: string): Answer {
  if (occupantAt(room, given(iq, 'from'))?.role !== 'moderator') return FORBIDDEN;
  const found = [...room.occupants.values()].filter((one) => one.role === role);
  const items = found.map(({ nick, jid }) =>
    el('item', { nick, role, affiliation: affiliationOf(room, jid), jid }),
  );
  return el('query', { xmlns: NS_ADMIN }, ...items);
}

/** Carry out changes. Prosody does the first, and reports success for all. */
export function changeAnswer(core: Core, room: Room, iq: XmlElement, query: XmlElement): Answer {
  const items = childrenOf(query, 'item');
  if (items.length === 0) return BAD;
  for (const item of core.dialect === 'prosody' ? items.slice(0, 1) : items) {
    const refused = change(core, room, iq, item);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function change(core: Core, room: Room, iq: XmlElement, item: XmlElement): Refusal | undefined {
  const from = given(iq, 'from');
  const [affiliation, role] = [attr(item, 'affiliation'), attr(item, 'role')];
  const named = room.occupants.get(attr(item, 'nick') ?? '');
  const reason = childrenOf(item, 'reason').map(text)[0];
  if (affiliation !== undefined) {
    const jid = attr(item, 'jid') ?? named?.jid;
    if (jid === undefined || readJid(jid) === undefined || !Object.hasOwn(RANK, affiliation)) return BAD;
    return affiliate(core, room, bareOf(from), { jid: bareOf(jid), to: affiliation as Affiliation, reason });
  }
  if (role === undefined || !ROLES.includes(role)) return BAD;
  if (named === undefined) return NOT_FOUND;
  return giveRole(core, room, from, { occupant: named, role: role as Role, reason });
}

interface Wanted {
  readonly jid: string;
  readonly to: Affiliation;
  readonly reason: string | undefined;
}

function affiliate(core: Core, room: Room, by: string, { jid, to, reason }: Wanted): Refusal | undefined {
  const [mine, theirs] = [RANK[affiliationOf(room, by)], affiliationOf(room, jid)];
  const above = mine === RANK.owner || (mine === RANK.admin && RANK[theirs] < mine && RANK[to] < mine);
  if (!above) return FORBIDDEN;
  const owners = [...room.affiliations.values()].filter((one) => one === 'owner').length;
  if (theirs === 'owner' && to !== 'owner' && owners === 1)
    return refusal('cancel', byDialect(core, 'conflict', 'not-allowed'));
  if (to === 'none') room.affiliations.delete(jid);
  else room.affiliations.set(jid, to);
  for (const occupant of [...room.occupants.values()].filter((one) => one.jid === jid)) {
    if (to === 'outcast') putOut(core, room, occupant, { statuses: [301], more: because(reason) });
    else if (to === 'none' && isOn(room, 'membersonly'))
      putOut(core, room, occupant, { statuses: [321], more: because(reason) });
    else {
      occupant.role = roleFor(room, to);
      showToAll(core, room, occupant);
    }
  }
  return undefined;
}

interface Given {
  readonly occupant: Occupant;
  readonly role: Role;
  readonly reason: string | undefined;
}

function giveRole(
  core: Core,
  room: Room,
  by: string,
  { occupant, role, reason }: Given,
): Refusal | undefined {
  const moderator = occupantAt(room, by);
  const isAbove = RANK[affiliationOf(room, bareOf(by))] > RANK[affiliationOf(room, occupant.jid)];
  if (moderator?.role !== 'moderator') return FORBIDDEN;
  if (!isAbove) return refusal('cancel', 'not-allowed');
  if (role === 'none') {
    putOut(core, room, occupant, { statuses: [307], more: because(reason) });
    return undefined;
  }
  occupant.role = role;
  showToAll(core, room, occupant);
  return undefined;
}

function because(reason: string | undefined): XmlElement | undefined {
  return reason === undefined ? undefined : el('reason', {}, reason);
}

/** Answer what only owners may ask: the configuration, its change, and the end of the room. */
export function ownerAnswer(core: Core, room: Room, iq: XmlElement, query: XmlElement): Answer {
  if (affiliationOf(room, bareOf(given(iq, 'from'))) !== 'owner') return FORBIDDEN;
  if (attr(iq, 'type') === 'get') return el('query', { xmlns: NS_OWNER }, formOf(room));
  const [part] = elementsOf(query);
  if (part?.name === 'destroy') {
    destroy(core, room, part);
    return undefined;
  }
  if (part?.name !== 'x') return BAD;
  return attr(part, 'type') === 'cancel' ? undefined : configure(core, room, query);
}

function destroy(core: Core, room: Room, part: XmlElement): void {
  const more = el('destroy', { jid: attr(part, 'jid') }, ...part.children);
  for (const occupant of room.occupants.values()) {
    for (const to of occupant.resources) {
      showTo(core, room, occupant, { to, type: 'unavailable', more });
      sessionRooms(core, to)?.delete(room.jid);
    }
  }
  room.occupants.clear();
  core.rooms.delete(room.jid);
}
