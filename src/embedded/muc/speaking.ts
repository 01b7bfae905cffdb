/** What is said in rooms: to all, in one order, and to one. Facts, section 1. */

import { attr, childrenOf, el, type XmlElement } from '../../xmpp/element.ts';
import { NS_SID } from '../../xmpp/stanza/stanzaId.ts';
import { isKept, keep } from '../archive.ts';
import { bareOf, type Core, given, resourceOf, stampNow, withAttrs, withChildren, without } from '../core.ts';
import { byDialect, errorFor, FORBIDDEN, mayBounce, NOT_FOUND, type Refusal, refusal } from '../replies.ts';
import {
  isArchiving,
  isOn,
  isOpenlyNamed,
  NS_USER,
  type Occupant,
  occupantAt,
  occupantId,
  type Room,
} from './room.ts';

/** A message for a room or for somebody in it. */
export function roomMessage(core: Core, message: XmlElement): void {
  if (attr(message, 'type') === 'error') return;
  const room = core.rooms.get(bareOf(given(message, 'to')));
  const refused = room === undefined ? NOT_FOUND : say(core, room, message);
  if (refused !== undefined && mayBounce(message)) core.route(errorFor(core, message, refused));
}

function say(core: Core, room: Room, message: XmlElement): Refusal | undefined {
  const speaker = occupantAt(room, given(message, 'from'));
  const nick = resourceOf(given(message, 'to'));
  if (speaker === undefined) return refusal(byDialect(core, 'cancel', 'modify'), 'not-acceptable');
  if (nick !== undefined) return whisper(core, room, speaker, message);
  if (attr(message, 'type') !== 'groupchat') return refusal('modify', 'bad-request');
  if (speaker.role === 'visitor') return FORBIDDEN;
  const setsSubject = isSubject(message);
  if (setsSubject && speaker.role !== 'moderator' && !isOn(room, 'changesubject')) return FORBIDDEN;
  reflect(core, room, speaker, message);
  return undefined;
}

/** Whether a message sets the subject: it has one and no body. */
function isSubject(message: XmlElement): boolean {
  return childrenOf(message, 'subject').length > 0 && childrenOf(message, 'body').length === 0;
}

/** Keep a message if it is to be kept, and give it to all, in the order in which it was kept. */
function reflect(core: Core, room: Room, speaker: Occupant, message: XmlElement): void {
  const honest = without(message, (one) => isForged(room, one));
  const from = `${room.jid}/${speaker.nick}`;
  const said = withChildren(withAttrs(honest, { from, to: undefined }), occupantId(core, room, speaker.jid));
  const setsSubject = isSubject(message);
  if (setsSubject) room.subject = said;
  // A subject as such is kept by ejabberd only.
  const kept =
    isArchiving(core, room) && (isKept(core, said) || (setsSubject && core.dialect === 'ejabberd'));
  const id = kept ? keep(core, room.archive, forArchive(core, room, speaker, said), from) : undefined;
  const shown =
    id === undefined ? said : withChildren(said, el('stanza-id', { xmlns: NS_SID, by: room.jid, id }));
  if (!setsSubject) remember(core, room, shown);
  core.hostile.spread(room, shown, id);
}

/** Only the room gives ids, and says who somebody is. */
function isForged(room: Room, child: XmlElement): boolean {
  const xmlns = attr(child, 'xmlns');
  if (child.name === 'occupant-id') return xmlns === 'urn:xmpp:occupant-id:0';
  if (child.name === 'stanza-id') return xmlns === NS_SID && attr(child, 'by') === room.jid;
  return child.name === 'x' && xmlns === NS_USER;
}

function forArchive(core: Core, room: Room, speaker: Occupant, said: XmlElement): XmlElement {
  if (!isOpenlyNamed(room)) return said;
  const [full = speaker.jid] = speaker.resources;
  const jid = byDialect(core, speaker.jid, full);
  return withChildren(said, el('x', { xmlns: NS_USER }, el('item', { jid })));
}

function remember(core: Core, room: Room, shown: XmlElement): void {
  const delay = el('delay', { xmlns: 'urn:xmpp:delay', from: room.jid, stamp: stampNow(core) });
  room.history = [...room.history.slice(-19), withChildren(shown, delay)];
}

function whisper(core: Core, room: Room, speaker: Occupant, message: XmlElement): Refusal | undefined {
  if (attr(message, 'type') === 'groupchat') return refusal('modify', 'bad-request');
  const listener = room.occupants.get(resourceOf(given(message, 'to')) ?? '');
  if (listener === undefined) return NOT_FOUND;
  const honest = without(message, (one) => isForged(room, one));
  const mark = el('x', { xmlns: NS_USER });
  const said = withChildren(honest, mark, occupantId(core, room, speaker.jid));
  for (const to of listener.resources)
    core.route(withAttrs(said, { from: `${room.jid}/${speaker.nick}`, to }));
  return undefined;
}
