/** The service that rooms are on, and requests to rooms. */

import { attr, el, elementsOf, type XmlElement } from '../../xmpp/element.ts';
import { NS_DISCO_INFO, NS_DISCO_ITEMS } from '../../xmpp/stanza/disco.ts';
import { NS_MAM } from '../../xmpp/stanza/mam.ts';
import { NS_MUC } from '../../xmpp/stanza/muc.ts';
import { answerQuery } from '../archive.ts';
import { bareOf, type Core, given, resourceOf } from '../core.ts';
import { hasNode, infoOf, itemsOf } from '../disco.ts';
import {
  type Answer,
  BAD,
  byDialect,
  FORBIDDEN,
  isRefusal,
  NOT_FOUND,
  refusal,
  replyTo,
  UNAVAILABLE,
} from '../replies.ts';
import { changeAnswer, listAnswer, ownerAnswer } from './admin.ts';
import { affiliationOf, isArchiving, isOn, isOpenlyNamed, occupantAt, type Room } from './room.ts';

/** Answer a request to the service, to a room, or to somebody in a room. */
export function roomRequest(core: Core, iq: XmlElement): void {
  const to = given(iq, 'to');
  const [payload] = elementsOf(iq);
  core.route(replyTo(core, iq, payload === undefined ? BAD : answer(core, iq, payload, to)));
}

function answer(core: Core, iq: XmlElement, payload: XmlElement, to: string): Answer {
  const key = `${given(iq, 'type')} ${payload.name} ${given(payload, 'xmlns')}`;
  if (to === core.roomService) return serviceAnswer(core, payload, key);
  const room = core.rooms.get(bareOf(to));
  if (room === undefined) return NOT_FOUND;
  if (resourceOf(to) !== undefined) return occupantAnswer(core, room, iq, key);
  const handler = HANDLERS[key];
  return handler === undefined ? UNAVAILABLE : handler(core, room, iq, payload);
}

function serviceAnswer(core: Core, payload: XmlElement, key: string): Answer {
  if (hasNode(payload)) return NOT_FOUND;
  if (key === `get query ${NS_DISCO_INFO}`) {
    const more = byDialect(core, ['urn:xmpp:occupant-id:0'], ['urn:xmpp:mucsub:0']);
    return infoOf({
      category: 'conference',
      type: 'text',
      name: 'Rooms',
      features: [NS_MUC, NS_MAM, ...more],
    });
  }
  if (key !== `get query ${NS_DISCO_ITEMS}`)
    return key === 'get ping urn:xmpp:ping' ? undefined : UNAVAILABLE;
  const shown = [...core.rooms.values()].filter((room) => isOn(room, 'publicroom'));
  return itemsOf(shown.map(({ jid, config }) => ({ jid, name: config.get('muc#roomconfig_roomname') })));
}

/** A client asks whether it still is in the room: XEP-0410. Other requests to occupants are not passed on. */
function occupantAnswer(core: Core, room: Room, iq: XmlElement, key: string): Answer {
  const asker = occupantAt(room, given(iq, 'from'));
  if (asker === undefined) return refusal(byDialect(core, 'cancel', 'modify'), 'not-acceptable');
  const asked = room.occupants.get(resourceOf(given(iq, 'to')) ?? '');
  if (asked === undefined) return NOT_FOUND;
  return asked === asker && key === 'get ping urn:xmpp:ping' ? undefined : UNAVAILABLE;
}

type Handler = (core: Core, room: Room, iq: XmlElement, payload: XmlElement) => Answer;

const HANDLERS: Readonly<Record<string, Handler>> = {
  [`get query ${NS_DISCO_INFO}`]: (core, room, _iq, query) =>
    hasNode(query) ? NOT_FOUND : roomInfo(core, room),
  [`get query ${NS_DISCO_ITEMS}`]: () => itemsOf([]),
  [`get query ${NS_MUC}#admin`]: (_core, room, iq, query) => listAnswer(room, iq, query),
  [`set query ${NS_MUC}#admin`]: changeAnswer,
  [`get query ${NS_MUC}#owner`]: ownerAnswer,
  [`set query ${NS_MUC}#owner`]: ownerAnswer,
  [`set query ${NS_MAM}`]: archiveAnswer,
};

function roomInfo(core: Core, room: Room): XmlElement {
  const archive = [NS_MAM, ...byDialect(core, [`${NS_MAM}#extended`], [])];
  const more = byDialect(
    core,
    ['urn:xmpp:occupant-id:0', `${NS_MUC}#stable_id`, `${NS_MUC}#self-ping-optimization`],
    [],
  );
  const features = [
    NS_MUC,
    isOn(room, 'persistentroom') ? 'muc_persistent' : 'muc_temporary',
    isOn(room, 'membersonly') ? 'muc_membersonly' : 'muc_open',
    isOpenlyNamed(room) ? 'muc_nonanonymous' : 'muc_semianonymous',
    isOn(room, 'publicroom') ? 'muc_public' : 'muc_hidden',
    isOn(room, 'moderatedroom') ? 'muc_moderated' : 'muc_unmoderated',
    'muc_unsecured',
    ...(isArchiving(core, room) ? [...archive, 'urn:xmpp:sid:0'] : []),
    ...more,
  ];
  const value = (name: string, content: string, type?: string): XmlElement =>
    el('field', { var: name, type }, el('value', {}, content));
  const form = el(
    'x',
    { xmlns: 'jabber:x:data', type: 'result' },
    value('FORM_TYPE', `${NS_MUC}#roominfo`, 'hidden'),
    value('muc#roominfo_occupants', String(room.occupants.size)),
  );
  const name = room.config.get('muc#roomconfig_roomname');
  return infoOf({
    category: 'conference',
    type: 'text',
    ...(name === undefined ? {} : { name }),
    features,
    form,
  });
}

/** Members read, whether they are in the room or not; nobody else does where only members may enter. */
function archiveAnswer(core: Core, room: Room, iq: XmlElement, query: XmlElement): Answer {
  if (!isArchiving(core, room)) return UNAVAILABLE;
  const affiliation = affiliationOf(room, bareOf(given(iq, 'from')));
  if (affiliation === 'outcast' || (affiliation === 'none' && isOn(room, 'membersonly'))) return FORBIDDEN;
  const page = answerQuery(core, room.archive, query, given(iq, 'from'));
  if (isRefusal(page)) return page;
  for (const result of page.results) core.route(result);
  return page.fin;
}

/** Whether a stanza asks something, and does not answer. */
export function isAsking(iq: XmlElement): boolean {
  const type = attr(iq, 'type');
  return type === 'get' || type === 'set';
}
