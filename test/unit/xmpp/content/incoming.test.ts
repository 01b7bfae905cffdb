/** What an incoming stanza is: copies, bounces, carriers, and what stands in the clear. */

import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../../src/base/bytes.ts';
import { clearParts, judgeClear } from '../../../../src/xmpp/content/clear.ts';
import { isBounceFor, readIncoming, readMessage } from '../../../../src/xmpp/content/incoming.ts';
import { codeOf } from '../../../support/refusals.ts';
import { xml } from '../../../support/xml.ts';

const SELF = 'juliet@capulet.example';
const ROMEO = 'romeo@montague.example/orchard';
const ROOM = 'coven@chat.example';
const MLS = "<mls xmlns='urn:xmpp:mls:0' branch='6f1d0c7a9b3e4425'><app>AAEC</app></mls>";
const COMMIT = "<mls xmlns='urn:xmpp:mls:0' branch='6f1d0c7a9b3e4425'><commit>AAEC</commit></mls>";
const EME = "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:mls:0' name='MLS'/>";

const read = (text: string) => readIncoming(xml(text), SELF);
const chat = (inside: string, attributes = "type='chat'") =>
  `<message xmlns='jabber:client' from='${ROMEO}' to='${SELF}' id='m1' ${attributes}>${inside}</message>`;
const copy = (direction: string, inside: string, from = SELF) =>
  `<message from='${from}'><${direction} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>${inside}</forwarded></${direction}></message>`;

describe('encrypted messages', () => {
  test('of a peer', () => {
    const ids = `<origin-id xmlns='urn:xmpp:sid:0' id='m0'/><stanza-id xmlns='urn:xmpp:sid:0' by='${SELF}' id='s1'/>`;
    expect(read(chat(MLS + EME + ids))).toMatchObject({
      kind: 'app',
      direction: 'direct',
      type: 'chat',
      peer: ROMEO,
      id: 'm0',
      stanzaId: 's1',
      branch: fromHex('6f1d0c7a9b3e4425'),
      app: Uint8Array.of(0, 1, 2),
      clear: [],
      isMarkedVisible: true,
      hasMentionHint: false,
      hasCallHint: false,
    });
  });

  test('XMP-07: of a room, whose ids count and nobody else’s', () => {
    const ids = `<stanza-id xmlns='urn:xmpp:sid:0' by='${SELF}' id='forged'/><stanza-id xmlns='urn:xmpp:sid:0' by='${ROOM}' id='s1'/>`;
    const message = `<message from='${ROOM}/nick' id='m1' type='groupchat'>${MLS}${ids}</message>`;
    expect(read(message)).toMatchObject({ kind: 'app', peer: `${ROOM}/nick`, id: 'm1', stanzaId: 's1' });
  });

  test('hints from outside are told as hints', () => {
    const hints = "<mention xmlns='urn:xmpp:mentions:0' jid='a@b'/><call-hint xmlns='urn:xmpp:mls:0'/>";
    expect(read(chat(MLS + hints))).toMatchObject({
      isMarkedVisible: false,
      hasMentionHint: true,
      hasCallHint: true,
      clear: [],
    });
  });

  test('XMP-23: two payloads are refused, a payload elsewhere is none, and a later version is named', () => {
    expect(codeOf(() => read(chat(MLS + MLS)))).toBe('xmpp.stanza');
    expect(codeOf(() => read(chat(MLS + COMMIT)))).toBe('xmpp.stanza');
    const both = "<mls xmlns='urn:xmpp:mls:0'><app>AAEC</app><commit>AAEC</commit></mls>";
    expect(codeOf(() => read(chat(both)))).toBe('xmpp.stanza');
    expect(read(chat(`<x xmlns='urn:example:x'>${MLS}</x>`)).kind).toBe('nothing');
    expect(read(chat("<mls xmlns='urn:example:other'><app>AAEC</app></mls>")).kind).toBe('nothing');
    expect(read(chat("<mls xmlns='urn:xmpp:mls:1'><app>AAEC</app></mls><body>new</body>")).kind).toBe(
      'unsupported',
    );
    expect(read(chat("<mls xmlns='urn:xmpp:mls:0'><later>AAEC</later></mls>")).kind).toBe('unsupported');
  });

  test('XMP-32: only the defined carriers', () => {
    const room = (inside: string) => `<message from='${ROOM}/n' type='groupchat'>${inside}</message>`;
    expect(read(room(COMMIT)).kind).toBe('mls');
    expect(codeOf(() => read(chat(COMMIT)))).toBe('xmpp.stanza');
    expect(codeOf(() => read(chat(MLS, "type='headline'")))).toBe('xmpp.stanza');
    expect(codeOf(() => read(chat(MLS, '')))).toBe('xmpp.stanza');
    expect(codeOf(() => read(chat(MLS, "type='strange'")))).toBe('xmpp.stanza');
    for (const name of ['presence', 'iq']) {
      expect(codeOf(() => read(`<${name} from='${ROMEO}'>${MLS}</${name}>`))).toBe('xmpp.stanza');
      expect(read(`<${name} from='${ROMEO}'/>`).kind).toBe('nothing');
    }
    const welcome = "<mls xmlns='urn:xmpp:mls:0'><welcome>AAEC</welcome></mls>";
    expect(read(chat(welcome)).kind).toBe('mls');
    expect(codeOf(() => read(room(welcome)))).toBe('xmpp.stanza');
  });
});

describe('copies', () => {
  const own = `<message xmlns='jabber:client' from='${SELF}/phone' to='${ROMEO}' type='chat' id='m2'>${MLS}</message>`;

  test('of what we sent and received elsewhere', () => {
    expect(read(copy('sent', own))).toMatchObject({ kind: 'app', direction: 'sent', peer: ROMEO, id: 'm2' });
    expect(read(copy('received', chat(MLS)))).toMatchObject({
      kind: 'app',
      direction: 'received',
      peer: ROMEO,
    });
  });

  test('XMP-11: copies from anybody but our account are dropped with what is in them', () => {
    for (const from of [ROMEO, 'romeo@montague.example', `${SELF}/phone`, 'capulet.example', '']) {
      expect(codeOf(() => read(copy('sent', own, from)))).toBe('xmpp.sender');
      expect(codeOf(() => read(copy('received', chat(MLS), from)))).toBe('xmpp.sender');
    }
  });

  test('XMP-11: a copy of what is not ours to have is refused', () => {
    expect(codeOf(() => read(copy('sent', chat(MLS))))).toBe('xmpp.sender');
    const foreign = `<message xmlns='jabber:client' from='${ROMEO}' to='nurse@capulet.example' type='chat'>${MLS}</message>`;
    expect(codeOf(() => read(copy('received', foreign)))).toBe('xmpp.sender');
  });

  test('XMP-11: one level deep, never of rooms, and what other devices control is data', () => {
    expect(
      read(
        copy(
          'received',
          copy('sent', own).replace('<message ', `<message xmlns='jabber:client' to='${SELF}' `),
        ),
      ).kind,
    ).toBe('nothing');
    const room = `<message xmlns='jabber:client' from='${SELF}' type='groupchat'>${MLS}</message>`;
    expect(codeOf(() => read(copy('sent', room)))).toBe('xmpp.stanza');
    const request = "<mls xmlns='urn:xmpp:mls:0'><info-request/></mls>";
    const sent = `<message xmlns='jabber:client' from='${SELF}/phone' to='${ROMEO}' type='chat'>${request}</message>`;
    expect(read(copy('sent', sent))).toMatchObject({
      kind: 'mls',
      direction: 'sent',
      payload: { content: { kind: 'info-request' } },
    });
  });

  test('XMP-12: results of archives are for whoever asked', () => {
    const result = `<message from='${SELF}'><result xmlns='urn:xmpp:mam:2' queryid='q' id='1'><forwarded xmlns='urn:xmpp:forward:0'>${chat(MLS)}</forwarded></result></message>`;
    expect(read(result).kind).toBe('nothing');
    expect(readMessage(xml(chat(MLS)), 'direct', SELF).kind).toBe('app');
  });
});

describe('bounces', () => {
  const error =
    "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
  const bounce = (from: string, id = 'm1') =>
    xml(`<message type='error' from='${from}' id='${id}'>${MLS}${error}</message>`);

  test('XMP-31: what a bounce carries back is not read', () => {
    const read = readIncoming(bounce(ROOM), SELF);
    expect(read).toMatchObject({ kind: 'bounce', error: { condition: 'service-unavailable' } });
    expect(Object.keys(read)).not.toContain('app');
    expect(readMessage(bounce(ROOM), 'direct', SELF).kind).toBe('bounce');
  });

  test('XMP-31: it counts only from where the message was sent to, under its id', () => {
    const sent = { id: 'm1', to: ROOM };
    expect(isBounceFor(bounce(ROOM), sent)).toBe(true);
    expect(isBounceFor(bounce(`${ROOM}/occupant`), sent)).toBe(false);
    expect(isBounceFor(bounce('other@chat.example'), sent)).toBe(false);
    expect(isBounceFor(bounce(ROOM, 'm2'), sent)).toBe(false);
    expect(isBounceFor(xml(`<message from='${ROOM}' id='m1' type='groupchat'/>`), sent)).toBe(false);
  });
});

describe('in the clear', () => {
  const OUTSIDE: readonly (readonly [kind: string, text: string, alone: string])[] = [
    ['body', '<body>x</body>', 'xmpp.downgrade'],
    ['subject', '<subject>x</subject>', 'xmpp.mixed-body'],
    ['correction', "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>", 'xmpp.mixed-body'],
    ['reactions', "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>", 'xmpp.mixed-body'],
    ['retraction', "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>", 'xmpp.mixed-body'],
    ['retraction', "<apply-to xmlns='urn:xmpp:fasten:0' id='1'/>", 'xmpp.mixed-body'],
    ['reply', "<reply xmlns='urn:xmpp:reply:0' id='1'/>", 'xmpp.mixed-body'],
    ['marker', "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", 'xmpp.mixed-body'],
    ['receipt', "<received xmlns='urn:xmpp:receipts' id='1'/>", 'xmpp.mixed-body'],
    ['chat-state', "<composing xmlns='http://jabber.org/protocol/chatstates'/>", 'xmpp.mixed-body'],
    ['file', "<file-sharing xmlns='urn:xmpp:sfs:0'/>", 'xmpp.downgrade'],
    ['file', "<x xmlns='jabber:x:oob'/>", 'xmpp.downgrade'],
    ['sticker', "<sticker xmlns='urn:xmpp:stickers:0'/>", 'xmpp.downgrade'],
    ['call', "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", 'xmpp.downgrade'],
    ['scheme', "<encrypted xmlns='urn:xmpp:omemo:2'/>", 'xmpp.downgrade'],
    ['scheme', "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:openpgp:0'/>", 'xmpp.downgrade'],
  ];

  test.each(OUTSIDE)('XMP-27, XMP-28: %s: %s', (kind, text, alone) => {
    const message = read(chat(text));
    expect(message).toMatchObject({ kind: 'clear', peer: ROMEO, clear: [{ kind }] });
    expect(judgeClear(clearParts(xml(chat(text))), false)).toBe(alone);
    if (text.includes('urn:xmpp:eme')) return;
    const beside = read(chat(MLS + text));
    expect(beside).toMatchObject({ kind: 'app', clear: [{ kind }] });
    expect(beside.kind === 'app' && judgeClear(beside.clear, true)).toBe('xmpp.mixed-body');
  });

  test('XMP-27: a body that explains itself, and what services add, is nothing', () => {
    const explained =
      "<body>Use a client with MLS.</body><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:mls:0'/>";
    expect(read(chat(MLS + explained))).toMatchObject({ clear: [] });
    const other = explained.replace("for='urn:xmpp:mls:0'", "for='urn:xmpp:reply:0'");
    expect(read(chat(MLS + other))).toMatchObject({ clear: [{ kind: 'body' }] });
    const added =
      "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='o'/><thread>t</thread>";
    expect(read(chat(MLS + EME + added))).toMatchObject({ clear: [] });
    expect(judgeClear([], true)).toBeUndefined();
  });

  test('XMP-28: a message of another scheme beside MLS is told, and MLS is read', () => {
    const both = read(chat(`${MLS}<encrypted xmlns='eu.siacs.conversations.axolotl'/>`));
    expect(both).toMatchObject({ kind: 'app', clear: [{ kind: 'scheme' }] });
  });

  test('a message without anything is nothing', () => {
    expect(read(chat('')).kind).toBe('nothing');
    expect(read(chat("<x xmlns='urn:example:x'/>")).kind).toBe('nothing');
    expect(read('<message><body>x</body></message>')).toMatchObject({ kind: 'clear', peer: SELF });
  });
});
