/** Envelopes, times, errors. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromUtf8, utf8 } from '../../../../src/base/bytes.ts';
import { el, type XmlElement } from '../../../../src/xmpp/element.ts';
import {
  bodyOf,
  checkEnvelope,
  type Envelope,
  openEnvelope,
  paddedLength,
  readEnvelope,
  sealEnvelope,
} from '../../../../src/xmpp/stanza/sce.ts';
import { readStamp, writeStamp } from '../../../../src/xmpp/stanza/stamp.ts';
import { failWith, isBounceOf, readError } from '../../../../src/xmpp/stanza/stanzaError.ts';
import { codeOf, errorOf } from '../../../support/refusals.ts';
import { sent, xml } from '../../../support/xml.ts';

const ENVELOPE: Envelope = {
  content: [el('body', { xmlns: 'jabber:client' }, "Good <morning> & 'night'.")],
  from: 'romeo@montague.example',
  to: 'juliet@capulet.example',
  time: 1_795_512_600,
  mid: 'm-5d1e',
};
const TEXT =
  "<envelope xmlns='urn:xmpp:sce:1'><content><body xmlns='jabber:client'>Good &lt;morning&gt; &amp; 'night'.</body></content>" +
  "<from jid='romeo@montague.example'/><to jid='juliet@capulet.example'/><time stamp='2026-11-24T09:30:00Z'/>" +
  "<mid xmlns='urn:xmpp:mls:0' id='m-5d1e'/></envelope>";

describe('envelope', () => {
  test('is written as in the paper, and read back', () => {
    expect(fromUtf8(sealEnvelope(ENVELOPE))).toBe(TEXT);
    const opened = openEnvelope(utf8(TEXT), xml);
    expect(opened).toEqual(ENVELOPE);
    expect(bodyOf(opened)).toBe("Good <morning> & 'night'.");
    expect(bodyOf({ ...opened, content: [] })).toBeUndefined();
  });

  test('content without a namespace is that of messages', () => {
    const bare = sealEnvelope({ ...ENVELOPE, content: [el('body', {}, 'x')] });
    expect(bodyOf(openEnvelope(bare, xml))).toBe('x');
  });

  test('rpad is ignored', () => {
    const padded = TEXT.replace('</envelope>', '<rpad>aB3</rpad></envelope>');
    expect(openEnvelope(utf8(padded), xml)).toEqual(ENVELOPE);
  });

  test('XMP-21: markup that parsers read differently is refused before a parser sees it', () => {
    const never = (): XmlElement => {
      throw new Error('parsed');
    };
    for (const markup of ['<!-- x -->', '<![CDATA[x]]>', '<?x y?>', '<!DOCTYPE a>']) {
      expect(codeOf(() => openEnvelope(utf8(TEXT.replace('Good', `${markup}Good`)), never))).toBe(
        'xmpp.stanza',
      );
    }
    expect(codeOf(() => openEnvelope(Uint8Array.of(0xff), never))).toBe('codec.utf8');
  });

  test.each([
    ['another element', /envelope/g, 'letter'],
    ['another namespace', 'sce:1', 'sce:0'],
    ['no content', /<content>.*<\/content>/, ''],
    ['no sender', /<from [^>]*>/, ''],
    ['no addressee', /<to [^>]*>/, ''],
    ['no time', /<time [^>]*>/, ''],
    ['no id', /<mid [^>]*>/, ''],
    ['two ids', '</envelope>', "<mid xmlns='urn:xmpp:mls:0' id='x'/></envelope>"],
    ['a sender that is no address', "jid='romeo@", "jid='@"],
    ['a day that does not exist', '11-24', '11-31'],
  ])('refuses %s', (_, what, by) => {
    expect(codeOf(() => readEnvelope(xml(TEXT.replace(what, by))))).toBe('xmpp.stanza');
  });

  test('XMP-05, XMP-08, XMP-34: agrees with the leaf, the conversation and the stanza', () => {
    const context = {
      sender: 'romeo@montague.example',
      conversation: 'juliet@capulet.example',
      message: xml("<message id='other'><origin-id xmlns='urn:xmpp:sid:0' id='m-5d1e'/></message>"),
    };
    checkEnvelope(ENVELOPE, context);
    checkEnvelope(ENVELOPE, { ...context, message: xml("<message id='m-5d1e'/>") });
    const differing = (changed: Partial<typeof context>): string =>
      codeOf(() => checkEnvelope(ENVELOPE, { ...context, ...changed }));
    expect(differing({ sender: 'paris@verona.example' })).toBe('xmpp.sender');
    expect(differing({ conversation: 'coven@chat.example' })).toBe('xmpp.binding');
    expect(differing({ message: xml("<message id='x'/>") })).toBe('xmpp.binding');
    expect(differing({ message: xml('<message/>') })).toBe('xmpp.binding');
  });
});

describe('padding', () => {
  test('is Padmé, from 256 bytes on', () => {
    const expected = [
      [0, 256],
      [255, 256],
      [256, 256],
      [257, 272],
      [1000, 1024],
      [1025, 1088],
      [65_535, 65_536],
      [65_537, 67_584],
    ];
    expect(expected.map(([length]) => [length, paddedLength(length ?? 0)])).toEqual(expected);
  });

  test('never shortens, grows with the length, and costs 12 % at most', () => {
    for (let length = 256, last = 0; length < 70_000; length++) {
      const padded = paddedLength(length);
      expect(padded >= length && padded >= last && padded <= length * 1.12).toBe(true);
      last = padded;
    }
  });
});

describe('stamps', () => {
  test('agree with Date', () => {
    const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 });
    fc.assert(
      fc.property(seconds, (time) => {
        const text = new Date(time * 1000).toISOString().replace('.000Z', 'Z');
        expect(writeStamp(time)).toBe(text);
        expect(readStamp(text)).toBe(time);
      }),
      { numRuns: 3000 },
    );
    expect(readStamp('2026-11-24T09:30:00.999+02:30')).toBe(Date.parse('2026-11-24T09:30:00+02:30') / 1000);
    expect(readStamp('2024-02-29T00:00:00-00:30')).toBe(Date.parse('2024-02-29T00:30:00Z') / 1000);
  });

  test.each([
    '',
    '2026-11-24',
    '2026-11-24T09:30:00',
    '20261124T09:30:00',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    ' 2026-01-01T00:00:00Z',
  ])('%j is none', (bad) => expect(codeOf(() => readStamp(bad))).toBe('xmpp.stanza'));

  test('out of range are not written', () => {
    for (const bad of [Number.NaN, 1.5, 253_402_300_800, -62_167_219_201]) {
      expect(codeOf(() => writeStamp(bad))).toBe('codec.input');
    }
  });
});

describe('errors', () => {
  const NS = 'urn:ietf:params:xml:ns:xmpp-stanzas';
  const refused = (...conditions: XmlElement[]): XmlElement =>
    sent(el('iq', { type: 'error', id: '1' }, el('error', { type: 'wait' }, ...conditions)));

  test.each([
    ['conflict', 'xmpp.refused'],
    ['forbidden', 'xmpp.refused'],
    ['policy-violation', 'xmpp.too-large'],
    ['remote-server-timeout', 'xmpp.timeout'],
  ])('%s becomes %s', (condition, code) => {
    const error = errorOf(() => failWith(refused(el(condition, { xmlns: NS }))));
    expect([error.code, error.detail['condition']]).toEqual([code, condition]);
  });

  test('the condition of PubSub is kept, and says when an item is too large', () => {
    const NS_PUBSUB = 'http://jabber.org/protocol/pubsub#errors';
    const conflict = errorOf(() =>
      failWith(refused(el('conflict', { xmlns: NS }), el('precondition-not-met', { xmlns: NS_PUBSUB }))),
    );
    expect(conflict.detail).toMatchObject({
      condition: 'conflict',
      specific: 'precondition-not-met',
      type: 'wait',
    });
    const large = refused(el('not-acceptable', { xmlns: NS }), el('payload-too-big', { xmlns: NS_PUBSUB }));
    expect(errorOf(() => failWith(large)).code).toBe('xmpp.too-large');
  });

  test('what is no condition never reaches the detail', () => {
    for (const bad of [
      el('iq'),
      refused(),
      refused(el('secret', { xmlns: NS })),
      refused(el('conflict', { xmlns: 'urn:x' })),
      el('iq', {}, el('error', { type: 'odd' }), el('error')),
    ]) {
      expect(readError(bad)).toMatchObject({ condition: 'undefined-condition', specific: undefined });
    }
  });

  test('XMP-31: a bounce belongs to what was sent under its id', () => {
    expect(isBounceOf(refused(), '1')).toBe(true);
    expect(isBounceOf(refused(), '2')).toBe(false);
    expect(isBounceOf(sent(el('message', { id: '1' }, el('error'))), '1')).toBe(false);
    expect(isBounceOf(sent(el('message', { id: '1', type: 'error' })), '1')).toBe(false);
  });
});
