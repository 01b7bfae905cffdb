/** The configuration of rooms: the form of each dialect, and what a submitted one changes. */

import { childrenOf, el, type XmlElement } from '../../xmpp/element.ts';
import { type Form, NS_FORM, readForm } from '../../xmpp/stanza/form.ts';
import type { Core } from '../core.ts';
import { type Refusal, refusal } from '../replies.ts';
import { affiliationOf, announce, isOn, isOpenlyNamed, putOut, type Room } from './room.ts';

/** The type of the form. */
export const ROOM_CONFIG = 'http://jabber.org/protocol/muc#roomconfig';

const PREFIX = 'muc#roomconfig_';
const COMMON: Readonly<Record<string, string>> = {
  roomname: '',
  roomdesc: '',
  persistentroom: '0',
  publicroom: '1',
  membersonly: '0',
  moderatedroom: '0',
  whois: 'moderators',
  changesubject: '0',
  roomsecret: '',
};
const PROSODY: Readonly<Record<string, string>> = {
  ...COMMON,
  lang: 'en',
  presencebroadcast: 'moderator',
  historylength: '20',
  allowinvites: '0',
  enablearchiving: '1',
};
const EJABBERD: Readonly<Record<string, string>> = {
  ...COMMON,
  changesubject: '1',
  moderatedroom: '1',
  passwordprotectedroom: '0',
  maxusers: '200',
  allowinvites: '0',
  allowpm: 'anyone',
};
/** Names of ejabberd that are not in the style of the XEP. */
const EJABBERD_BARE: Readonly<Record<string, string>> = {
  public_list: '1',
  members_by_default: '1',
  allow_private_messages: '1',
  allow_query_users: '1',
  mam: '1',
};
const NO_TRUTH = new Set([
  'roomname',
  'roomdesc',
  'whois',
  'roomsecret',
  'lang',
  'presencebroadcast',
  'historylength',
  'maxusers',
  'allowpm',
]);
const WHOIS = ['moderators', 'anyone'];

/** The configuration of a new room. */
export function newConfiguration(core: Core): ReadonlyMap<string, string> {
  const named = Object.entries(core.dialect === 'prosody' ? PROSODY : EJABBERD);
  const bare = core.dialect === 'prosody' ? [] : Object.entries(EJABBERD_BARE);
  return new Map([...named.map(([name, value]) => [`${PREFIX}${name}`, value] as const), ...bare]);
}

/** The form that an owner gets. */
export function formOf(room: Room): XmlElement {
  const type = el('field', { var: 'FORM_TYPE', type: 'hidden' }, el('value', {}, ROOM_CONFIG));
  const fields = [...room.config].map(([name, value]) =>
    el('field', { var: name, type: typeOf(name) }, el('value', {}, value)),
  );
  return el('x', { xmlns: NS_FORM, type: 'form' }, type, ...fields);
}

function typeOf(name: string): string {
  if (name === `${PREFIX}whois`) return 'list-single';
  return isTruth(name) ? 'boolean' : 'text-single';
}

function isTruth(name: string): boolean {
  return !NO_TRUTH.has(name.replace(PREFIX, ''));
}

/** Take a submitted form in. Prosody passes over fields that it does not know; ejabberd refuses them all. */
export function configure(core: Core, room: Room, query: XmlElement): Refusal | undefined {
  const x = childrenOf(query, 'x', NS_FORM)[0];
  const form: Form = x === undefined ? new Map() : readForm(x);
  const refused = refusalOf(core, room, form);
  if (refused !== undefined) return refused;
  const config = new Map(room.config);
  for (const [name, [value]] of form) {
    if (value !== undefined && config.has(name)) config.set(name, isTruth(name) ? truth(value) : value);
  }
  const before = isOpenlyNamed(room);
  room.config = config;
  const after = isOpenlyNamed(room);
  announce(core, room, before === after ? 104 : after ? 172 : 173);
  if (isOn(room, 'membersonly')) putOutStrangers(core, room);
  return undefined;
}

function refusalOf(core: Core, room: Room, form: Form): Refusal | undefined {
  const unknown = [...form.keys()].some((name) => name !== 'FORM_TYPE' && !room.config.has(name));
  if (unknown && core.dialect === 'ejabberd')
    return refusal('modify', 'bad-request', { text: 'Unknown field' });
  const whois = form.get(`${PREFIX}whois`)?.[0];
  return whois !== undefined && !WHOIS.includes(whois) ? refusal('modify', 'not-acceptable') : undefined;
}

function truth(value: string): string {
  return value === '1' || value === 'true' ? '1' : '0';
}

function putOutStrangers(core: Core, room: Room): void {
  for (const occupant of [...room.occupants.values()]) {
    if (affiliationOf(room, occupant.jid) === 'none') putOut(core, room, occupant, { statuses: [322] });
  }
}
