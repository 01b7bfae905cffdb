/** What messages say: what is built is read, and one broken element does not cost the others. */

import fc from 'fast-check';
import { parse } from 'ltx';
import { describe, expect, test } from 'vitest';
import {
  buildContent,
  handlingOf,
  type MessageContent,
  readContent,
} from '../../../../src/xmpp/content/content.ts';
import { el, isElement, NS_CLIENT, type XmlElement } from '../../../../src/xmpp/element.ts';
import { lookAtPlain, received } from '../../../../src/xmpp/received.ts';
import { serialise } from '../../../../src/xmpp/serialise.ts';

/** What a message is for its readers: written as XML and parsed again. */
function read(content: MessageContent): MessageContent {
  const { content: found, malformed } = readContent(parsed(buildContent(content)));
  expect(malformed).toEqual([]);
  return found;
}

function parsed(elements: readonly XmlElement[]): XmlElement[] {
  return inside(elements.map(serialise).join(''));
}

/** The elements of a text, as they stand in an envelope. */
function inside(text: string): XmlElement[] {
  return received(parse(`<content xmlns='urn:xmpp:sce:1'>${text}</content>`), lookAtPlain).children.filter(
    isElement,
  );
}

/** Text that XML can hold. */
const someText = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 20 })
  .map((one) => one.replace(/[\p{Cc}\ufffe\uffff]/gu, ' '));
const id = fc.stringMatching(/^[A-Za-z0-9.-]{1,20}$/);
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((one) => Uint8Array.from(one));
const jid = fc.constantFrom('romeo@montague.example', 'juliet@capulet.example/balcony');
const region = fc.tuple(fc.nat(100), fc.nat(100)).map(([start, length]) => ({ start, end: start + length }));
const opt = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(fields, { requiredKeys: [] });
const url = id.map((one) => `https://up.example/${one}`);

const mention = fc.oneof(
  fc.record(
    { jid, region, isQuiet: fc.constant(true as const), language: fc.constant('en') },
    { requiredKeys: ['jid'] },
  ),
  fc.record({ occupantId: id, jid }, { requiredKeys: ['occupantId'] }),
  fc.record(
    { group: fc.constant('urn:xmpp:mentions:0#channel'), uri: url, isForActive: fc.constant(true as const) },
    { requiredKeys: ['group'] },
  ),
);
const metadata = opt({
  mediaType: fc.constant('image/png'),
  name: someText,
  size: fc.maxSafeNat(),
  sha256: hash,
  description: someText,
  modified: fc.integer({ min: 0, max: 4_000_000_000 }),
  width: fc.nat(),
  height: fc.nat(),
  length: fc.nat(),
  thumbnails: fc.array(fc.record({ uri: url, mediaType: id, width: fc.nat() }, { requiredKeys: ['uri'] }), {
    minLength: 1,
    maxLength: 2,
  }),
});
const encrypted = fc.record(
  {
    kind: fc.constant('encrypted' as const),
    cipher: fc.constant('urn:xmpp:ciphers:aes-256-gcm-nopadding:0'),
    key: hash,
    iv: fc.uint8Array({ minLength: 12, maxLength: 12 }).map((one) => Uint8Array.from(one)),
    sha256: hash,
    urls: fc.array(url, { maxLength: 2 }),
  },
  { requiredKeys: ['kind', 'cipher', 'key', 'iv', 'urls'] },
);
const file = fc.record(
  {
    metadata,
    // Encrypted sources come first, however they were written.
    sources: fc
      .tuple(fc.array(encrypted, { maxLength: 1 }), fc.array(url, { maxLength: 1 }))
      .map(([some, urls]) => [...some, ...urls.map((one) => ({ kind: 'url' as const, url: one }))]),
    disposition: fc.constantFrom('inline' as const, 'attachment' as const),
    id,
  },
  { requiredKeys: ['metadata', 'sources'] },
);
const way = el('jingle', { xmlns: 'urn:xmpp:call-invites:0', sid: 's1' });
const call = fc.oneof(
  fc.record({
    kind: fc.constant('invite' as const),
    audio: fc.boolean(),
    video: fc.boolean(),
    ways: fc.constantFrom([], [way]),
  }),
  fc.record({ kind: fc.constant('accept' as const), id, ways: fc.constant([way]) }),
  fc.record({ kind: fc.constantFrom('retract' as const, 'reject' as const, 'left' as const), id }),
);
const whole = fc.constant('whole' as const);

/** Every field of a message, each alone or beside others. */
const FIELDS = {
  body: someText,
  subject: someText,
  thread: id,
  fallbacks: fc.array(
    fc.record(
      { for: fc.constant('urn:xmpp:reply:0'), body: fc.oneof(region, whole), subject: whole },
      { requiredKeys: ['for', 'body'] },
    ),
    { minLength: 1, maxLength: 2 },
  ),
  reply: fc.record({ id, to: jid }, { requiredKeys: ['id'] }),
  reactions: fc.record({ id, emoji: fc.subarray(['👋', '🐢', '❤️', '👩‍👩‍👧']) }),
  correction: id,
  retraction: id,
  mentions: fc.array(mention, { minLength: 1, maxLength: 3 }),
  files: fc.array(file, { minLength: 1, maxLength: 2 }),
  sticker: fc.record({ pack: id, jid, node: id }, { requiredKeys: [] }),
  call,
  chatState: fc.constantFrom('active', 'composing', 'paused', 'inactive', 'gone'),
  isMarkable: fc.constant(true),
  wantsReceipt: fc.constant(true),
  displayed: id,
  received: id,
  payload: fc.constant([
    el(
      'geoloc',
      { xmlns: 'http://jabber.org/protocol/geoloc' },
      el('lat', { xmlns: 'http://jabber.org/protocol/geoloc' }, '1'),
    ),
  ]),
};
const CONTENT = fc.record(FIELDS, { requiredKeys: [] }) as fc.Arbitrary<MessageContent>;

describe('content', () => {
  test('is read as it was built, whatever is in it', () => {
    fc.assert(
      fc.property(CONTENT, (content) => {
        expect(read(content)).toEqual(content);
      }),
      { numRuns: 300 },
    );
  });

  test.each(Object.entries(FIELDS))('%s alone is read as it was built', (field, values) => {
    fc.assert(
      fc.property(values as fc.Arbitrary<unknown>, (value) => {
        expect(read({ [field]: value })).toEqual({ [field]: value });
      }),
      { numRuns: 30 },
    );
  });

  test('elements look as in their specifications', () => {
    const text = buildContent({
      body: 'Hello, Alice!',
      reply: { id: 'm1', to: 'anna@example.com' },
      reactions: { id: 'm2', emoji: ['👋', '👋'] },
      correction: 'm3',
      retraction: 'm4',
      mentions: [{ jid: 'alice@example.com', region: { start: 7, end: 12 } }],
      call: { kind: 'invite', audio: true, video: true, ways: [] },
      chatState: 'composing',
      displayed: 'm5',
      received: 'm6',
    }).map(serialise);
    expect(text).toEqual([
      `<body xmlns='${NS_CLIENT}'>Hello, Alice!</body>`,
      "<reply xmlns='urn:xmpp:reply:0' id='m1' to='anna@example.com'/>",
      "<reactions xmlns='urn:xmpp:reactions:0' id='m2'><reaction>👋</reaction></reactions>",
      "<replace xmlns='urn:xmpp:message-correct:0' id='m3'/>",
      "<retract xmlns='urn:xmpp:message-retract:1' id='m4'/>",
      "<mention xmlns='urn:xmpp:mentions:0' begin='7' end='12' jid='alice@example.com'/>",
      "<invite xmlns='urn:xmpp:call-invites:0' video='true'/>",
      "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
      "<displayed xmlns='urn:xmpp:chat-markers:0' id='m5'/>",
      "<received xmlns='urn:xmpp:receipts' id='m6'/>",
    ]);
  });
});

describe('what stands inside is judged one by one', () => {
  test.each([
    [
      'twice',
      "<replace xmlns='urn:xmpp:message-correct:0' id='1'/><replace xmlns='urn:xmpp:message-correct:0' id='2'/>",
      2,
    ],
    ['without its id', "<retract xmlns='urn:xmpp:message-retract:1'/>", 1],
    ['with an empty id', "<displayed xmlns='urn:xmpp:chat-markers:0' id=''/>", 1],
    ['of nobody', "<mention xmlns='urn:xmpp:mentions:0'/>", 1],
    ['of a person and a group', "<mention xmlns='urn:xmpp:mentions:0' jid='a@b' mentions='x'/>", 1],
    ['with half a region', "<mention xmlns='urn:xmpp:mentions:0' jid='a@b' begin='1'/>", 1],
    [
      'with a region that ends first',
      "<mention xmlns='urn:xmpp:mentions:0' jid='a@b' begin='2' end='1'/>",
      1,
    ],
    ['a state that is none', "<thinking xmlns='http://jabber.org/protocol/chatstates'/>", 1],
    [
      'two states',
      "<active xmlns='http://jabber.org/protocol/chatstates'/><gone xmlns='http://jabber.org/protocol/chatstates'/>",
      2,
    ],
    ['a call signal that is none', "<hold xmlns='urn:xmpp:call-invites:0' id='1'/>", 1],
    ['a flag that is none', "<invite xmlns='urn:xmpp:call-invites:0' video='maybe'/>", 1],
    ['a file without its description', "<file-sharing xmlns='urn:xmpp:sfs:0'/>", 1],
    [
      'a hash of another length',
      "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>AAEC</hash></file></file-sharing>",
      1,
    ],
    [
      'a size that is none',
      "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><size>-1</size></file></file-sharing>",
      1,
    ],
    [
      'too many reactions',
      `<reactions xmlns='urn:xmpp:reactions:0' id='1'>${'<reaction>x</reaction>'.repeat(65)}</reactions>`,
      1,
    ],
    ['two bodies', `<body xmlns='${NS_CLIENT}'>a</body><body xmlns='${NS_CLIENT}'>b</body>`, 2],
    ['a subject with elements', `<subject xmlns='${NS_CLIENT}'><b/></subject>`, 1],
  ])('XMP-21: %s', (_, text, malformed) => {
    const known = "<reply xmlns='urn:xmpp:reply:0' id='m1'/>";
    const found = readContent(inside(text + known));
    expect(found.content).toEqual({ reply: { id: 'm1' } });
    expect(found.malformed).toHaveLength(malformed);
  });

  test('some items of a list are read although others cannot be', () => {
    const { content, malformed } = readContent(
      inside("<mention xmlns='urn:xmpp:mentions:0' jid='a@b'/><mention xmlns='urn:xmpp:mentions:0'/>"),
    );
    expect(content).toEqual({ mentions: [{ jid: 'a@b' }] });
    expect(malformed).toHaveLength(1);
  });

  test('more than 256 of a kind are set apart', () => {
    const one = "<mention xmlns='urn:xmpp:mentions:0' jid='a@b'/>";
    expect(readContent(inside(one.repeat(256))).content.mentions).toHaveLength(256);
    expect(readContent(inside(one.repeat(257)))).toMatchObject({ content: {}, malformed: { length: 257 } });
  });

  test('one of several languages is the body, the others are kept', () => {
    const body = (language: string, text: string) =>
      `<body xmlns='${NS_CLIENT}'${language && ` xml:lang='${language}'`}>${text}</body>`;
    const first = readContent(inside(body('de', 'Hallo') + body('en', 'Hello')));
    expect(first.content).toMatchObject({ body: 'Hallo', language: 'de', payload: [{ name: 'body' }] });
    const plain = readContent(inside(body('de', 'Hallo') + body('', 'Hello'))).content;
    expect(plain).toMatchObject({ body: 'Hello', payload: [{ attrs: { 'xml:lang': 'de' } }] });
    expect(plain.language).toBeUndefined();
    const twice = readContent(inside(body('de', 'a') + body('de', 'b') + body('en', 'c')));
    expect(twice.content).toEqual({ body: 'c', language: 'en' });
    expect(twice.malformed).toHaveLength(2);
  });

  test('XMP-07, XMP-23: what servers act upon, and MLS within MLS, is dropped', () => {
    const dropped = [
      "<store xmlns='urn:xmpp:hints'/>",
      "<stanza-id xmlns='urn:xmpp:sid:0' by='a@b' id='1'/>",
      "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>",
      "<addresses xmlns='http://jabber.org/protocol/address'/>",
      "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>",
      "<mls xmlns='urn:xmpp:mls:0'><app>AAEC</app></mls>",
      "<sent xmlns='urn:xmpp:carbons:2'/>",
      "<forwarded xmlns='urn:xmpp:forward:0'/>",
      "<x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x>",
    ];
    for (const one of dropped) expect(readContent(inside(one))).toEqual({ content: {}, malformed: [] });
    const others = "<geoloc xmlns='http://jabber.org/protocol/geoloc'/>";
    expect(readContent(inside(dropped.join('') + others)).content.payload).toHaveLength(1);
  });
});

describe('how a message is sent', () => {
  test.each<[string, MessageContent]>([
    ['a text', { body: 'x' }],
    ['a subject', { subject: 'x' }],
    ['reactions', { reactions: { id: '1', emoji: [] } }],
    ['a correction', { correction: '1', body: 'y' }],
    ['a retraction', { retraction: '1' }],
    ['a file', { files: [{ metadata: {}, sources: [] }] }],
    ['a sticker', { sticker: {} }],
    ['a call', { call: { kind: 'invite', audio: true, video: false, ways: [] } }],
    ['the end of ringing', { call: { kind: 'retract', id: '1' } }],
    ['what is not known', { payload: [el('geoloc', { xmlns: 'http://jabber.org/protocol/geoloc' })] }],
    ['a text of somebody who is active', { body: 'x', chatState: 'active' }],
  ])('%s is seen by users', (_, content) => {
    expect(handlingOf(content)).toBe('visible');
  });

  test.each<[string, MessageContent]>([
    ['a marker', { displayed: '1' }],
    ['a receipt', { received: '1' }],
    ['a declined call', { call: { kind: 'reject', id: '1' } }],
    ['a marker of somebody who is active', { displayed: '1', chatState: 'active' }],
  ])('%s is kept', (_, content) => {
    expect(handlingOf(content)).toBe('kept');
  });

  test.each<[string, MessageContent]>([
    ['typing', { chatState: 'composing' }],
    ['nothing', {}],
    ['what only says more about a text', { isMarkable: true, thread: 't' }],
    ['no files', { files: [] }],
  ])('%s is worth nothing later', (_, content) => {
    expect(handlingOf(content)).toBe('ephemeral');
  });
});
