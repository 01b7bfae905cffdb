/** Who may change what, which id to refer to, what stands there for other clients, whom a mention notifies. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Mentioned, notifies, outerMention } from '../../../../src/xmpp/content/mentions.ts';
import { mayChange, referenceTo } from '../../../../src/xmpp/content/relations.ts';
import { bodyWithout, quoted, textAt, withFallback } from '../../../../src/xmpp/content/text.ts';
import { serialise } from '../../../../src/xmpp/serialise.ts';
import { codeOf } from '../../../support/refusals.ts';

const ROOM = 'coven@chat.example';
const ROMEO = 'romeo@montague.example';
const REPLY = 'urn:xmpp:reply:0';

describe('changes', () => {
  const original = { account: ROMEO, conversation: ROOM };

  test('XMP-27: a message is changed by the account that wrote it, from any of its devices', () => {
    expect(mayChange(original, original)).toBe(true);
    expect(mayChange(original, { ...original, account: 'Romeo@Montague.example/orchard' })).toBe(true);
  });

  test.each([
    ['another account', { account: 'juliet@capulet.example', conversation: ROOM }],
    ['a look-alike', { account: 'romeo@montague.example.org', conversation: ROOM }],
    ['somebody who is not encrypted', { account: undefined, conversation: ROOM }],
    ['the same account elsewhere', { account: ROMEO, conversation: 'other@chat.example' }],
    ['no address at all', { account: '', conversation: ROOM }],
  ])('XMP-27, XMP-34: not by %s', (_, by) => {
    expect(mayChange(original, by)).toBe(false);
  });

  test('XMP-27: what was not encrypted has no known author', () => {
    expect(mayChange({ ...original, account: undefined }, original)).toBe(false);
    expect(mayChange({ ...original, account: undefined }, { ...original, account: undefined })).toBe(false);
  });

  test('rooms name messages, and elsewhere their senders do', () => {
    expect(referenceTo({ mid: 'm', stanzaId: 's' }, true)).toBe('s');
    expect(referenceTo({ mid: 'm', stanzaId: 's' }, false)).toBe('m');
    expect(referenceTo({ mid: 'm' }, true)).toBeUndefined();
  });
});

describe('fallback', () => {
  test('what stands in front for others is cut off again, counted in code points', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.string({ unit: 'grapheme', minLength: 1 }),
        (quote, text) => {
          const { body, fallbacks } = withFallback(quoted(quote), text, REPLY);
          expect(bodyWithout(body, fallbacks, new Set([REPLY]))).toBe(text);
          expect(bodyWithout(body, fallbacks, new Set())).toBe(body);
        },
      ),
    );
  });

  test('a quotation has a mark on every line', () => {
    expect(quoted('a\n\nb')).toBe('> a\n> \n> b\n');
  });

  test('a body that is nothing else is none', () => {
    const all = new Set([REPLY]);
    expect(bodyWithout('😀x', [{ for: REPLY, body: 'whole' }], all)).toBeUndefined();
    expect(bodyWithout('😀x', [{ for: REPLY, body: { start: 0, end: 2 } }], all)).toBeUndefined();
    expect(bodyWithout('😀x', [{ for: REPLY, body: { start: 1, end: 9 } }], all)).toBe('😀');
    expect(bodyWithout('😀x', [{ for: REPLY }], all)).toBe('😀x');
    expect(bodyWithout('', [], all)).toBe('');
  });

  test('a region outside the body is refused', () => {
    expect(textAt('a😀b', { start: 1, end: 2 })).toBe('😀');
    expect(codeOf(() => textAt('a😀b', { start: 1, end: 4 }))).toBe('codec.input');
    expect(codeOf(() => textAt('a😀b', { start: 2, end: 1 }))).toBe('codec.input');
  });
});

describe('mentions', () => {
  const user: Mentioned = {
    account: ROMEO,
    occupantId: 'o1',
    isActive: false,
    isInGroup: (group) => group === 'urn:xmpp:mentions:0#channel',
  };

  test('of the user, by address, by what the room calls them, or by group', () => {
    expect(notifies([{ jid: ROMEO }], user)).toBe(true);
    expect(notifies([{ occupantId: 'o1' }], user)).toBe(true);
    expect(notifies([{ group: 'urn:xmpp:mentions:0#channel' }], user)).toBe(true);
    expect(notifies([{ jid: 'a@b' }, { jid: `${ROMEO}/x` }], user)).toBe(true);
  });

  test('of others', () => {
    expect(notifies([], user)).toBe(false);
    expect(notifies([{ jid: 'a@b' }], user)).toBe(false);
    expect(notifies([{ occupantId: 'o2' }], user)).toBe(false);
    expect(notifies([{ group: 'urn:xmpp:mentions:0#moderators' }], user)).toBe(false);
    expect(notifies([{ occupantId: 'o1' }], { ...user, occupantId: undefined })).toBe(false);
  });

  test('XMP-10: an address counts more than what the room says', () => {
    expect(notifies([{ jid: 'a@b', occupantId: 'o1' }], user)).toBe(false);
  });

  test('quietly, or for who is active', () => {
    expect(notifies([{ jid: ROMEO, isQuiet: true }], user)).toBe(false);
    expect(notifies([{ jid: ROMEO, isForActive: true }], user)).toBe(false);
    expect(notifies([{ jid: ROMEO, isForActive: true }], { ...user, isActive: true })).toBe(true);
  });

  test('outside it is not said where in the text', () => {
    const outer = outerMention({ jid: ROMEO, region: { start: 1, end: 2 }, language: 'en', isQuiet: true });
    expect(serialise(outer)).toBe(`<mention xmlns='urn:xmpp:mentions:0' jid='${ROMEO}'/>`);
  });
});
