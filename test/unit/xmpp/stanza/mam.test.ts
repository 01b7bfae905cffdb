/** Archives, copies, ids and marks: whom to believe. */

import { describe, expect, test } from 'vitest';
import { el, type XmlElement } from '../../../../src/xmpp/element.ts';
import { serialise } from '../../../../src/xmpp/serialise.ts';
import { enableCarbons, readCarbon } from '../../../../src/xmpp/stanza/carbons.ts';
import { encryptedWith, readEncryption } from '../../../../src/xmpp/stanza/eme.ts';
import { hasHint, hint } from '../../../../src/xmpp/stanza/hints.ts';
import {
  type ArchiveQuery,
  archiveQuery,
  isResult,
  readFin,
  readResult,
} from '../../../../src/xmpp/stanza/mam.ts';
import { originId, readOriginId, readStanzaId } from '../../../../src/xmpp/stanza/stanzaId.ts';
import { codeOf } from '../../../support/refusals.ts';
import { sent, xml } from '../../../support/xml.ts';

const ROOM = 'coven@chat.example';
const SELF = 'juliet@capulet.example';
const QUERY: ArchiveQuery = { archive: ROOM, queryId: 'q5', page: { max: 50, after: 'Xlv1' } };

function result(inside: string, attrs = `from='${ROOM}'`, queryId = 'q5'): XmlElement {
  return xml(
    `<message ${attrs}><result xmlns='urn:xmpp:mam:2' queryid='${queryId}' id='28'>${inside}</result></message>`,
  );
}

const FORWARDED =
  "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-24T09:30:00.5Z'/>" +
  "<message xmlns='jabber:client' type='groupchat' from='coven@chat.example/Nurse'><body>x</body></message></forwarded>";

describe('archive', () => {
  test('is asked for a page', () => {
    expect(serialise(archiveQuery(QUERY))).toBe(
      "<iq to='coven@chat.example' type='set'><query xmlns='urn:xmpp:mam:2' queryid='q5'>" +
        "<set xmlns='http://jabber.org/protocol/rsm'><max>50</max><after>Xlv1</after></set></query></iq>",
    );
    const filtered = archiveQuery({
      ...QUERY,
      page: { max: 1, before: '' },
      filter: { with: SELF, start: 0, end: 86_399 },
    });
    const text = serialise(filtered);
    expect(text).toContain("<field var='start'><value>1970-01-01T00:00:00Z</value></field>");
    expect(text).toContain("<field var='end'><value>1970-01-01T23:59:59Z</value></field>");
    expect(text).toContain("<field var='with'><value>juliet@capulet.example</value></field>");
    expect(text).toContain('<before/>');
  });

  test('answers with results', () => {
    const read = readResult(result(FORWARDED), QUERY, SELF);
    expect(read).toMatchObject({ id: '28', stamp: 1_795_512_600, message: { attrs: { type: 'groupchat' } } });
    expect(isResult(result(FORWARDED))).toBe(true);
    expect(isResult(xml('<message><body>x</body></message>'))).toBe(false);
  });

  test('XMP-12: results of another archive, another query, or in a bounce are none', () => {
    for (const attrs of [
      "from='evil@chat.example'",
      "from='coven@chat.example/Nurse'",
      '',
      `from='${ROOM}' type='error'`,
    ]) {
      expect(readResult(result(FORWARDED, attrs), QUERY, SELF)).toBeUndefined();
    }
    expect(readResult(result(FORWARDED, `from='${ROOM}'`, 'q6'), QUERY, SELF)).toBeUndefined();
    const own = { ...QUERY, archive: SELF };
    expect(readResult(result(FORWARDED, ''), own, SELF)?.id).toBe('28');
  });

  test.each([
    ['nothing', ''],
    ['two', FORWARDED + FORWARDED],
    ['no message', "<forwarded xmlns='urn:xmpp:forward:0'/>"],
    [
      'a message of another namespace',
      "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='urn:x'/></forwarded>",
    ],
    [
      'a bounce',
      "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' type='error'/></forwarded>",
    ],
    ['a bad time', FORWARDED.replace('2026-11-24', '2026-02-30')],
  ])('refuses a result with %s inside', (_, inside) => {
    expect(codeOf(() => readResult(result(inside), QUERY, SELF))).toBe('xmpp.stanza');
  });

  test('ends a page', () => {
    const fin = (attrs: string, set: string): XmlElement =>
      xml(`<iq type='result'><fin xmlns='urn:xmpp:mam:2' ${attrs}>${set}</fin></iq>`);
    const set =
      "<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>b</last><count>7</count></set>";
    expect(readFin(fin("complete='true'", set))).toEqual({
      complete: true,
      first: 'a',
      last: 'b',
      count: '7',
    });
    expect(readFin(fin('', ''))).toEqual({
      complete: false,
      first: undefined,
      last: undefined,
      count: undefined,
    });
    expect(readFin(fin("complete='1'", '')).complete).toBe(true);
    expect(readFin(fin("complete='false'", '')).complete).toBe(false);
    expect(codeOf(() => readFin(fin('', set + set)))).toBe('xmpp.stanza');
    expect(codeOf(() => readFin(el('iq')))).toBe('xmpp.stanza');
  });
});

describe('carbons', () => {
  const copy = (attrs: string, name = 'sent', type = 'chat'): XmlElement =>
    xml(
      `<message ${attrs}><${name} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>` +
        `<message xmlns='jabber:client' type='${type}' from='a@b/c'/></forwarded></${name}></message>`,
    );

  test('of our own account are read', () => {
    expect(readCarbon(copy(`from='${SELF}'`), SELF)).toMatchObject({
      direction: 'sent',
      message: { name: 'message' },
    });
    expect(readCarbon(copy(`from='${SELF}'`, 'received'), SELF)?.direction).toBe('received');
    expect(readCarbon(xml('<message/>'), SELF)).toBeUndefined();
    expect(serialise(enableCarbons())).toBe("<iq type='set'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
  });

  test('XMP-11: of anybody else are refused unread', () => {
    const forged = ["from='evil@b'", `from='${SELF}/balcony'`, '', "from='capulet.example'"];
    for (const attrs of forged) expect(codeOf(() => readCarbon(copy(attrs), SELF))).toBe('xmpp.sender');
    const malformed = xml("<message from='evil@b'><sent xmlns='urn:xmpp:carbons:2'/></message>");
    expect(codeOf(() => readCarbon(malformed, SELF))).toBe('xmpp.sender');
  });

  test('XMP-11: of room messages, and two in one, are refused', () => {
    expect(codeOf(() => readCarbon(copy(`from='${SELF}'`, 'sent', 'groupchat'), SELF))).toBe('xmpp.stanza');
    const one = copy(`from='${SELF}'`);
    const two = { ...one, children: [...one.children, ...copy('', 'received').children] };
    expect(codeOf(() => readCarbon(two, SELF))).toBe('xmpp.stanza');
  });
});

describe('ids', () => {
  const id = (by: string, value?: string): XmlElement =>
    el('stanza-id', { xmlns: 'urn:xmpp:sid:0', by, id: value });

  test('XMP-07: that of an archive counts when the archive gave it, once', () => {
    expect(readStanzaId(el('message', {}, id('evil@x.example', '1'), id(ROOM, '2')), ROOM)).toBe('2');
    expect(readStanzaId(el('message', {}, id('Coven@Chat.example', '2')), ROOM)).toBe('2');
    expect(readStanzaId(el('message', {}, id(ROOM, '1'), id(ROOM, '2')), ROOM)).toBeUndefined();
    expect(readStanzaId(el('message', {}, id(`${ROOM}/x`, '1')), ROOM)).toBeUndefined();
    expect(readStanzaId(el('message', {}, id(ROOM)), ROOM)).toBeUndefined();
    expect(readStanzaId(el('message'), ROOM)).toBeUndefined();
  });

  test('that of the sender is kept', () => {
    expect(readOriginId(sent(el('message', {}, originId('m-1'))))).toBe('m-1');
    expect(readOriginId(el('message'))).toBeUndefined();
    expect(codeOf(() => readOriginId(el('message', {}, originId('1'), originId('2'))))).toBe('xmpp.stanza');
  });
});

describe('marks', () => {
  test('encryption and hints', () => {
    const message = sent(el('message', {}, encryptedWith('urn:xmpp:mls:0', 'MLS'), hint('store')));
    expect(readEncryption(message)).toBe('urn:xmpp:mls:0');
    expect(readEncryption(el('message'))).toBeUndefined();
    expect(hasHint(message, 'store')).toBe(true);
    expect(hasHint(message, 'no-store')).toBe(false);
  });
});
