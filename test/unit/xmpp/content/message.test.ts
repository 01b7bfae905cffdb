/** Application messages: what stands outside is what may stand there, and what is opened is where it belongs. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, fromUtf8 } from '../../../../src/base/bytes.ts';
import type { Handling } from '../../../../src/xmpp/content/kinds.ts';
import {
  buildMessage,
  type OpenContext,
  type OutgoingMessage,
  openMessage,
  sealMessage,
} from '../../../../src/xmpp/content/message.ts';
import { padMls } from '../../../../src/xmpp/content/padding.ts';
import { attr, elementsOf, namespaceOf, type XmlElement } from '../../../../src/xmpp/element.ts';
import { paddedLength } from '../../../../src/xmpp/stanza/sce.ts';
import { codeOf } from '../../../support/refusals.ts';
import { sent, xml } from '../../../support/xml.ts';

const ROMEO = 'romeo@montague.example';
const JULIET = 'juliet@capulet.example';
const ROOM = 'coven@chat.example';
const TIME = 1_795_512_600;
const OUTGOING: OutgoingMessage = {
  kind: 'chat',
  to: JULIET,
  mid: 'm-5d1e',
  branch: fromHex('6f1d0c7a9b3e4425'),
  message: Uint8Array.of(0, 1, 2),
  handling: 'visible',
};

describe('building', () => {
  test('a one-to-one message looks as in the paper', () => {
    expect(sent(buildMessage(OUTGOING))).toEqual(
      xml(`
        <message type='chat' id='m-5d1e' to='${JULIET}'>
          <mls xmlns='urn:xmpp:mls:0' branch='6f1d0c7a9b3e4425'><app>AAEC</app></mls>
          <encryption xmlns='urn:xmpp:eme:0' namespace='urn:xmpp:mls:0' name='MLS'/>
          <origin-id xmlns='urn:xmpp:sid:0' id='m-5d1e'/>
          <store xmlns='urn:xmpp:hints'/>
        </message>`),
    );
  });

  test('a private message of a room says that it is one', () => {
    const message = sent(buildMessage({ ...OUTGOING, kind: 'private', to: `${ROOM}/Nurse` }));
    expect(message.attrs).toMatchObject({ type: 'chat', to: `${ROOM}/Nurse` });
    const namespaces = elementsOf(message).map(namespaceOf);
    expect(namespaces).toContain('http://jabber.org/protocol/muc#user');
  });

  /** Everything outside that is not routing. */
  const outside = (message: XmlElement): string[] =>
    elementsOf(message).map((one) => `${one.name} ${namespaceOf(one)}`);

  test.each<[Handling, string[]]>([
    ['visible', ['encryption urn:xmpp:eme:0', 'origin-id urn:xmpp:sid:0', 'store urn:xmpp:hints']],
    ['kept', ['origin-id urn:xmpp:sid:0', 'store urn:xmpp:hints']],
    ['ephemeral', ['origin-id urn:xmpp:sid:0', 'no-store urn:xmpp:hints']],
  ])('%s: nothing stands outside but what may', (handling, expected) => {
    const kinds = ['chat', 'groupchat'] as const;
    for (const kind of kinds) {
      const message = sent(buildMessage({ ...OUTGOING, kind, to: ROOM, handling }));
      expect(outside(message)).toEqual(['mls urn:xmpp:mls:0', ...expected]);
      expect(attr(message, 'type')).toBe(kind);
    }
  });

  test('whom servers may know about is said where the message is visible, and only then', () => {
    const hints = { mentionHint: [{ jid: ROMEO, region: { start: 1, end: 4 } }], callHint: true };
    const message = sent(buildMessage({ ...OUTGOING, ...hints }));
    expect(message.children.slice(-2)).toEqual([
      { name: 'mention', attrs: { xmlns: 'urn:xmpp:mentions:0', jid: ROMEO }, children: [] },
      { name: 'call-hint', attrs: { xmlns: 'urn:xmpp:mls:0' }, children: [] },
    ]);
    const quiet = sent(buildMessage({ ...OUTGOING, ...hints, handling: 'kept' }));
    expect(outside(quiet)).not.toContain('mention urn:xmpp:mentions:0');
    expect(outside(quiet)).not.toContain('call-hint urn:xmpp:mls:0');
  });

  test('XMP-28: no text of a message stands in its stanza', () => {
    const { plaintext, handling } = sealMessage(
      { body: 'wherefore', subject: 'balcony', reply: { id: 'quoted-id' } },
      { from: ROMEO, to: JULIET, time: TIME, mid: OUTGOING.mid },
    );
    expect(fromUtf8(plaintext)).toContain('wherefore');
    const text = JSON.stringify(buildMessage({ ...OUTGOING, handling }));
    for (const word of ['wherefore', 'balcony', 'quoted-id']) expect(text).not.toContain(word);
  });
});

describe('opening', () => {
  const header = { from: ROMEO, to: JULIET, time: TIME, mid: OUTGOING.mid };
  const { plaintext } = sealMessage({ body: 'Good morning.' }, header);
  /** What Juliet knows. */
  const context: OpenContext = {
    sender: ROMEO,
    self: JULIET,
    kind: 'chat',
    conversation: ROMEO,
    message: sent(buildMessage(OUTGOING)),
    outerSender: `${ROMEO}/orchard`,
    time: TIME + 5,
  };
  const code = (change: Partial<OpenContext>) =>
    codeOf(() => openMessage(plaintext, xml, { ...context, ...change }));

  test('what was sealed is read, and by whom', () => {
    expect(openMessage(plaintext, xml, context)).toEqual({
      content: { body: 'Good morning.' },
      malformed: [],
      author: { account: ROMEO, conversation: ROMEO },
      mid: 'm-5d1e',
      time: TIME,
      isOtherSender: false,
      isClockOff: false,
    });
  });

  test('another device of the sender opens it as part of the conversation with the peer', () => {
    const opened = openMessage(plaintext, xml, { ...context, self: ROMEO, conversation: JULIET });
    expect(opened.author).toEqual({ account: ROMEO, conversation: JULIET });
  });

  test('notes to oneself', () => {
    const note = sealMessage({ body: 'x' }, { ...header, to: ROMEO }).plaintext;
    const own = { ...context, self: ROMEO, conversation: ROMEO };
    expect(openMessage(note, xml, own).content.body).toBe('x');
  });

  test('XMP-34: a message is not taken into another conversation, nor under another id', () => {
    expect(code({ kind: 'room', conversation: ROOM })).toBe('xmpp.binding');
    expect(code({ self: 'nurse@capulet.example' })).toBe('xmpp.binding');
    expect(code({ self: ROMEO, conversation: 'nurse@capulet.example' })).toBe('xmpp.binding');
    expect(code({ message: sent(buildMessage({ ...OUTGOING, mid: 'm-5d1f' })) })).toBe('xmpp.binding');
    const inRoom = sealMessage({ body: 'x' }, { ...header, to: ROOM }).plaintext;
    const room = { ...context, kind: 'room' as const, conversation: ROOM };
    expect(openMessage(inRoom, xml, room).author.conversation).toBe(ROOM);
    expect(codeOf(() => openMessage(inRoom, xml, context))).toBe('xmpp.binding');
  });

  test('XMP-05, XMP-08: the leaf says who wrote it; an envelope of somebody else is refused', () => {
    expect(code({ sender: 'paris@verona.example', conversation: 'paris@verona.example' })).toBe(
      'xmpp.sender',
    );
  });

  test('XMP-08: a stanza from somebody else is marked, and shown under the name of the leaf', () => {
    const opened = openMessage(plaintext, xml, { ...context, outerSender: 'paris@verona.example/x' });
    expect(opened).toMatchObject({ isOtherSender: true, author: { account: ROMEO } });
    expect(openMessage(plaintext, xml, { ...context, outerSender: undefined }).isOtherSender).toBe(false);
  });

  test('clocks may differ by an hour', () => {
    const isOff = (time: number | undefined) => openMessage(plaintext, xml, { ...context, time }).isClockOff;
    expect([TIME + 3600, TIME - 3600, undefined].map(isOff)).toEqual([false, false, false]);
    expect([TIME + 3601, TIME - 3601].map(isOff)).toEqual([true, true]);
  });
});

test('padding: messages as envelopes are padded, handshakes to a multiple of 256', () => {
  fc.assert(
    fc.property(fc.nat(100_000), (length) => {
      expect(padMls(length, 1)).toBe(paddedLength(length));
      for (const type of [2, 3] as const) {
        const padded = padMls(length, type);
        expect(padded % 256).toBe(0);
        expect(padded - length).toBeGreaterThanOrEqual(0);
        expect(padded - length).toBeLessThan(256);
      }
    }),
  );
});
