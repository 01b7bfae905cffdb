/** XEP-0045 (1.35.1) and XEP-0421 (1.0.1): rooms, who is in them, and who may what. */

import {
  attr,
  child,
  childrenOf,
  childText,
  decimal,
  el,
  needAttr,
  needChild,
  refuse,
  type XmlElement,
} from '../element.ts';
import { bareJidIn, formatJid, jidIn, readJid, sameBareJid, sameJid } from '../jid.ts';
import { type Form, formIn, submit } from './form.ts';
import { iqGet, iqSet } from './iq.ts';

/** Rooms, and the wish to enter one. */
export const NS_MUC = 'http://jabber.org/protocol/muc';
const NS_USER = `${NS_MUC}#user`;
const NS_ADMIN = `${NS_MUC}#admin`;
const NS_OWNER = `${NS_MUC}#owner`;
const NS_OCCUPANT_ID = 'urn:xmpp:occupant-id:0';
const ROOM_CONFIG = `${NS_MUC}#roomconfig`;

const AFFILIATIONS = ['owner', 'admin', 'member', 'outcast', 'none'] as const;
const ROLES = ['moderator', 'participant', 'visitor', 'none'] as const;

/** What an account is to a room, lasting. */
export type Affiliation = (typeof AFFILIATIONS)[number];
/** What an occupant may do while in the room. */
export type Role = (typeof ROLES)[number];

/** Status codes that we act on: section 15.6.2. */
export const STATUS = {
  self: 110,
  created: 201,
  banned: 301,
  newNick: 303,
  kicked: 307,
  affiliationLost: 321,
  membersOnly: 322,
  shutdown: 332,
} as const;

/** What a room says about one occupant. */
export interface Occupant {
  readonly affiliation: Affiliation | undefined;
  readonly role: Role | undefined;
  /** Real address, full or bare, where the room shows it. What the room says; the leaf in the tree is what is proved. */
  readonly jid: string | undefined;
  readonly nick: string | undefined;
}

/** Someone came, changed or went. */
export interface RoomPresence {
  readonly room: string;
  readonly nick: string;
  readonly present: boolean;
  readonly occupant: Occupant;
  readonly occupantId: string | undefined;
  readonly statuses: ReadonlySet<number>;
}

/** Enter a room, without the history that the room would send: that is read from the archive. */
export function enter(room: string, nick: string): XmlElement {
  const muc = el('x', { xmlns: NS_MUC }, el('history', { maxchars: 0 }));
  return el('presence', { to: `${room}/${nick}` }, muc);
}

/** Leave a room. */
export function leave(room: string, nick: string): XmlElement {
  return el('presence', { to: `${room}/${nick}`, type: 'unavailable' });
}

/** Read a presence of an occupant; nothing for errors and for what no room sent. @throws `xmpp.stanza` */
export function readRoomPresence(presence: XmlElement): RoomPresence | undefined {
  const type = attr(presence, 'type');
  if (presence.name !== 'presence' || (type !== undefined && type !== 'unavailable')) return undefined;
  const x = child(presence, 'x', NS_USER);
  if (x === undefined) return undefined;
  const from = readJid(needAttr(presence, 'from'));
  if (from?.resource === undefined) return refuse('from', 'malformed');
  const occupant = occupantOfAll(childrenOf(x, 'item'), attr(presence, 'to'));
  const occupantId = child(presence, 'occupant-id', NS_OCCUPANT_ID);
  return {
    room: formatJid({ ...from, resource: undefined }),
    nick: from.resource,
    present: type === undefined,
    occupant: occupant ?? refuse('item', 'missing'),
    occupantId: occupantId === undefined ? undefined : needAttr(occupantId, 'id'),
    statuses: statusesIn(x),
  };
}

/** Where a room that was destroyed has moved to, if the presence says that it was destroyed. @throws `xmpp.stanza` */
export function readDestroyed(
  presence: XmlElement,
): { readonly alternative: string | undefined } | undefined {
  const x = child(presence, 'x', NS_USER);
  const destroy = x === undefined ? undefined : child(x, 'destroy');
  if (destroy === undefined) return undefined;
  const alternative = attr(destroy, 'jid');
  return { alternative: alternative === undefined ? undefined : bareJidIn(alternative) };
}

/** What a message of the room itself tells: its status codes (section 10.2.1), and an account that was changed. @throws `xmpp.stanza` */
export function readRoomNotice(
  message: XmlElement,
): { readonly statuses: ReadonlySet<number>; readonly occupant: Occupant | undefined } | undefined {
  const x = message.name === 'message' ? child(message, 'x', NS_USER) : undefined;
  return x === undefined ? undefined : { statuses: statusesIn(x), occupant: occupantIn(x) };
}

/** The occupant whom a message of a room's archive tells about, where the room shows that. @throws `xmpp.stanza` */
export function readArchivedOccupant(message: XmlElement): Occupant | undefined {
  const x = child(message, 'x', NS_USER);
  return x === undefined ? undefined : occupantIn(x);
}

/** Whether a message carries the mark of a private message of a room: section 7.5. */
export function isPrivateMessage(message: XmlElement): boolean {
  return attr(message, 'type') !== 'groupchat' && childrenOf(message, 'x', NS_USER).length > 0;
}

/** Ask for all accounts of an affiliation. */
export function affiliates(room: string, affiliation: Exclude<Affiliation, 'none'>): XmlElement {
  return iqGet(room, el('query', { xmlns: NS_ADMIN }, el('item', { affiliation })));
}

/** Read the answer to {@link affiliates}: bare addresses with what they are. @throws `xmpp.stanza` */
export function readAffiliates(result: XmlElement): (Occupant & { readonly jid: string })[] {
  return childrenOf(needChild(result, 'query', NS_ADMIN), 'item').map((item) => {
    const occupant = occupantOf(item);
    return { ...occupant, jid: occupant.jid ?? refuse('jid', 'missing') };
  });
}

/** Change what one account is to the room. One only: of several in a request, a server may do the first and report success. */
export function affiliateTo(
  room: string,
  jid: string,
  affiliation: Affiliation,
  reason?: string,
): XmlElement {
  const because = reason === undefined ? undefined : el('reason', {}, reason);
  return iqSet(room, el('query', { xmlns: NS_ADMIN }, el('item', { jid, affiliation }, because)));
}

/** Ask for the configuration form of a room. */
export function roomConfiguration(room: string): XmlElement {
  return iqGet(room, el('query', { xmlns: NS_OWNER }));
}

/** Read the configuration form of a room. @throws `xmpp.stanza` */
export function readRoomConfiguration(result: XmlElement): Form {
  return formIn(needChild(result, 'query', NS_OWNER), ROOM_CONFIG) ?? refuse('form', 'missing');
}

/** Configure a room: fields that its form has. */
export function configureRoom(room: string, fields: Readonly<Record<string, string>>): XmlElement {
  return iqSet(room, el('query', { xmlns: NS_OWNER }, submit(ROOM_CONFIG, fields)));
}

/** Destroy a room. */
export function destroyRoom(room: string, reason?: string): XmlElement {
  const because = reason === undefined ? undefined : el('reason', {}, reason);
  return iqSet(room, el('query', { xmlns: NS_OWNER }, el('destroy', {}, because)));
}

/** The subject that a message sets, if it sets one: section 8.1. @throws `xmpp.stanza` */
export function readSubject(message: XmlElement): string | undefined {
  const content = childrenOf(message, 'body').length > 0 || childrenOf(message, 'thread').length > 0;
  return attr(message, 'type') === 'groupchat' && !content ? childText(message, 'subject') : undefined;
}

function statusesIn(x: XmlElement): ReadonlySet<number> {
  return new Set(childrenOf(x, 'status').map((one) => decimal(needAttr(one, 'code'), 'code')));
}

function occupantIn(x: XmlElement): Occupant | undefined {
  const item = child(x, 'item');
  return item === undefined ? undefined : occupantOf(item);
}

/** Prosody shows each device of an account that shares a nick: the one that is told, or the first. They are of one account. */
function occupantOfAll(items: readonly XmlElement[], to: string | undefined): Occupant | undefined {
  const [first, ...others] = items.map(occupantOf);
  const isOne = others.every(({ jid }) => sameBareJid(jid ?? '', first?.jid ?? ''));
  if (!isOne) refuse('item', 'several accounts');
  return others.find(({ jid }) => sameJid(jid ?? '', to ?? '')) ?? first;
}

function occupantOf(item: XmlElement): Occupant {
  const jid = attr(item, 'jid');
  return {
    affiliation: oneOf(AFFILIATIONS, attr(item, 'affiliation')),
    role: oneOf(ROLES, attr(item, 'role')),
    jid: jid === undefined ? undefined : jidIn(jid),
    nick: attr(item, 'nick'),
  };
}

function oneOf<T extends string>(known: readonly T[], value: string | undefined): T | undefined {
  if (value === undefined) return undefined;
  return known.find((one) => one === value) ?? refuse('item', 'unknown value');
}
