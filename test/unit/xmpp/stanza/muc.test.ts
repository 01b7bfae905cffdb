/** Rooms: presences, affiliations, configuration. */

import { describe, expect, test } from 'vitest';
import { el } from '../../../../src/xmpp/element.ts';
import { serialise } from '../../../../src/xmpp/serialise.ts';
import {
  affiliates,
  affiliateTo,
  configureRoom,
  destroyRoom,
  enter,
  isPrivateMessage,
  leave,
  readAffiliates,
  readArchivedOccupant,
  readRoomConfiguration,
  readRoomPresence,
  readSubject,
  roomConfiguration,
  STATUS,
} from '../../../../src/xmpp/stanza/muc.ts';
import { codeOf } from '../../../support/refusals.ts';
import { xml } from '../../../support/xml.ts';

const USER = 'http://jabber.org/protocol/muc#user';

describe('presence', () => {
  test('enters without history, and leaves', () => {
    expect(serialise(enter('coven@chat.example', 'Juliet'))).toBe(
      "<presence to='coven@chat.example/Juliet'><x xmlns='http://jabber.org/protocol/muc'><history maxchars='0'/></x></presence>",
    );
    expect(serialise(leave('coven@chat.example', 'Juliet'))).toBe(
      "<presence to='coven@chat.example/Juliet' type='unavailable'/>",
    );
  });

  test('of an occupant is read', () => {
    const presence = xml(`
      <presence from='coven@chat.example/Nick Bottom'>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='o1'/>
        <x xmlns='${USER}'>
          <item affiliation='owner' role='moderator' jid='Juliet@capulet.example/balcony'/>
          <status code='110'/><status code='201'/>
        </x>
      </presence>`);
    const read = readRoomPresence(presence);
    expect(read).toEqual({
      room: 'coven@chat.example',
      nick: 'Nick Bottom',
      present: true,
      occupantId: 'o1',
      occupant: {
        affiliation: 'owner',
        role: 'moderator',
        jid: 'juliet@capulet.example/balcony',
        nick: undefined,
      },
      statuses: new Set([STATUS.self, STATUS.created]),
    });
  });

  test('tells who went, and why', () => {
    const presence = xml(
      `<presence from='coven@chat.example/N' type='unavailable'><x xmlns='${USER}'>` +
        `<item affiliation='none' role='none'/><status code='321'/></x></presence>`,
    );
    expect(readRoomPresence(presence)).toMatchObject({
      present: false,
      statuses: new Set([STATUS.affiliationLost]),
    });
  });

  test('tells which of several devices with one nick is meant', () => {
    const items = ['one', 'two'].map((resource) => el('item', { jid: `romeo@m.example/${resource}` }));
    const shown = (to: string): string | undefined =>
      readRoomPresence(el('presence', { from: 'a@b/c', to }, el('x', { xmlns: USER }, ...items)))?.occupant
        .jid;
    expect(shown('romeo@m.example/two')).toBe('romeo@m.example/two');
    expect(shown('juliet@c.example/one')).toBe('romeo@m.example/one');
  });

  test('of contacts, errors and requests is none of a room', () => {
    expect(readRoomPresence(el('presence', { from: 'a@b/c' }))).toBeUndefined();
    expect(readRoomPresence(el('message'))).toBeUndefined();
    for (const type of ['error', 'subscribe']) {
      const x = el('x', { xmlns: USER }, el('item'));
      expect(readRoomPresence(el('presence', { from: 'a@b/c', type }, x))).toBeUndefined();
    }
  });

  test.each([
    ['no sender', `<presence><x xmlns='${USER}'><item/></x></presence>`],
    ['a sender without nick', `<presence from='a@b'><x xmlns='${USER}'><item/></x></presence>`],
    ['no item', `<presence from='a@b/c'><x xmlns='${USER}'/></presence>`],
    ['an unknown role', `<presence from='a@b/c'><x xmlns='${USER}'><item role='king'/></x></presence>`],
    ['an address that is none', `<presence from='a@b/c'><x xmlns='${USER}'><item jid='@'/></x></presence>`],
    [
      'a status that is no number',
      `<presence from='a@b/c'><x xmlns='${USER}'><item/><status code='x'/></x></presence>`,
    ],
    ['two items of nobody', `<presence from='a@b/c'><x xmlns='${USER}'><item/><item/></x></presence>`],
    [
      'two accounts under one nick',
      `<presence from='a@b/c'><x xmlns='${USER}'><item jid='d@e/f'/><item jid='g@e/f'/></x></presence>`,
    ],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => readRoomPresence(xml(text)))).toBe('xmpp.stanza');
  });
});

describe('messages', () => {
  test('a subject has neither body nor thread', () => {
    expect(readSubject(xml("<message type='groupchat'><subject>Hail</subject></message>"))).toBe('Hail');
    expect(readSubject(xml("<message type='groupchat'><subject/></message>"))).toBe('');
    expect(
      readSubject(xml("<message type='groupchat'><subject>x</subject><body>y</body></message>")),
    ).toBeUndefined();
    expect(readSubject(xml("<message type='chat'><subject>x</subject></message>"))).toBeUndefined();
  });

  test('private ones are marked, archived ones may show the account', () => {
    const marked = xml(`<message type='chat'><x xmlns='${USER}'/></message>`);
    expect(isPrivateMessage(marked)).toBe(true);
    expect(isPrivateMessage(xml(`<message type='groupchat'><x xmlns='${USER}'/></message>`))).toBe(false);
    const archived = xml(`<message type='groupchat'><x xmlns='${USER}'><item jid='a@b'/></x></message>`);
    expect(readArchivedOccupant(archived)?.jid).toBe('a@b');
    expect(readArchivedOccupant(el('message'))).toBeUndefined();
  });
});

describe('administration', () => {
  test('asks for a list and reads it', () => {
    expect(serialise(affiliates('r@c.example', 'member'))).toBe(
      "<iq to='r@c.example' type='get'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member'/></query></iq>",
    );
    const list = xml(
      "<iq><query xmlns='http://jabber.org/protocol/muc#admin'><item jid='a@b' affiliation='member'/></query></iq>",
    );
    expect(readAffiliates(list)).toMatchObject([{ jid: 'a@b', affiliation: 'member' }]);
    const bad = xml(
      "<iq><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='member'/></query></iq>",
    );
    expect(codeOf(() => readAffiliates(bad))).toBe('xmpp.stanza');
  });

  test('changes one affiliation', () => {
    expect(serialise(affiliateTo('r@c.example', 'a@b', 'outcast', 'enough'))).toContain(
      "<item affiliation='outcast' jid='a@b'><reason>enough</reason></item>",
    );
    expect(serialise(affiliateTo('r@c.example', 'a@b', 'member'))).toContain(
      "<item affiliation='member' jid='a@b'/>",
    );
  });

  test('configures and destroys', () => {
    expect(serialise(roomConfiguration('r@c.example'))).toContain('muc#owner');
    expect(serialise(configureRoom('r@c.example', { 'muc#roomconfig_membersonly': '1' }))).toContain(
      "<field var='muc#roomconfig_membersonly'><value>1</value></field>",
    );
    expect(serialise(destroyRoom('r@c.example'))).toContain('<destroy/>');
    expect(serialise(destroyRoom('r@c.example', 'over'))).toContain('<reason>over</reason>');
    const form = xml(
      "<iq><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='form'>" +
        "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>" +
        "<field var='mam'><value>0</value></field></x></query></iq>",
    );
    expect(readRoomConfiguration(form).get('mam')).toEqual(['0']);
    expect(codeOf(() => readRoomConfiguration(el('iq')))).toBe('xmpp.stanza');
  });
});
