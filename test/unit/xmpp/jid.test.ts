/** Addresses: what is well-formed, and what is the same. */

import { describe, expect, test } from 'vitest';
import {
  bareJid,
  bareJidIn,
  formatJid,
  jidIn,
  parseJid,
  readJid,
  sameBareJid,
  sameJid,
} from '../../../src/xmpp/jid.ts';
import { codeOf } from '../../support/refusals.ts';

describe('readJid', () => {
  test('splits at the first slash, then at the first at sign', () => {
    expect(readJid('juliet@capulet.example/balcony')).toEqual({
      local: 'juliet',
      domain: 'capulet.example',
      resource: 'balcony',
    });
    expect(readJid('capulet.example')).toEqual({
      local: undefined,
      domain: 'capulet.example',
      resource: undefined,
    });
    expect(readJid('capulet.example/a@b/c')?.resource).toBe('a@b/c');
    expect(readJid('[::1]/x')?.domain).toBe('[::1]');
  });

  test.each([
    ['Juliet@Capulet.EXAMPLE/Balcony', 'juliet@capulet.example/Balcony'],
    ['JÜRGEN@Bücher.example.', 'jürgen@bücher.example'],
    ['u\u0308@x.example', 'ü@x.example'],
    ['ｊuliet@x.example', 'juliet@x.example'],
    ['a@x.example/one\u00a0two', 'a@x.example/one two'],
    ['a@x.example/\u00c5', 'a@x.example/\u00c5'],
    ['a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'],
  ])('normalises %s', (given, expected) => {
    expect(formatJid(parseJid(given))).toBe(expected);
    expect(formatJid(parseJid(expected))).toBe(expected);
  });

  test.each([
    '',
    '@x.example',
    'a@',
    'a@/r',
    '/r',
    'a@x.example/',
    'a b@x.example',
    'a"b@x.example',
    "a'b@x.example",
    'a:b@x.example',
    'a<b@x.example',
    'a@b@x.example',
    'a@x..example',
    'a@.example',
    'a@x example',
    'a@x.example/\u0000',
    'a@x.example/\u2028',
    'a\u0007@x.example',
    'a\ud800@x.example',
    '＠@x.example',
    'a@x＠y.example',
    `${'a'.repeat(1024)}@x.example`,
    `${'ü'.repeat(512)}@x.example`,
    `a@x.example/${'r'.repeat(1024)}`,
    'a@[::1',
    'a@[::1]x',
  ])('refuses %j', (bad) => {
    expect(readJid(bad)).toBeUndefined();
    expect(codeOf(() => parseJid(bad))).toBe('codec.input');
    expect(codeOf(() => jidIn(bad))).toBe('xmpp.stanza');
    expect(codeOf(() => bareJidIn(bad))).toBe('xmpp.stanza');
  });

  test('takes parts of 1023 bytes', () => {
    expect(readJid(`${'a'.repeat(1023)}@x.example/${'r'.repeat(1023)}`)).toBeDefined();
  });
});

describe('comparison', () => {
  test('is of normal forms, and what is no address equals nothing', () => {
    expect(sameJid('A@x.example/R', 'a@X.example/R')).toBe(true);
    expect(sameJid('a@x.example/R', 'a@x.example/r')).toBe(false);
    expect(sameBareJid('a@x.example/R', 'a@x.example')).toBe(true);
    expect(sameBareJid('a@x.example', 'x.example')).toBe(false);
    expect(sameJid('a b@x', 'a b@x')).toBe(false);
    expect(bareJid(parseJid('x.example/r'))).toBe('x.example');
  });
});
