/** What people compare. */

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../../src/base/bytes.ts';
import { nodeProvider } from '../../../../src/crypto/node/index.ts';
import {
  fingerprintText,
  pairCode,
  readTrustUri,
  trustUri,
} from '../../../../src/xmpp/identity/fingerprint.ts';
import { codeOf } from '../../../support/refusals.ts';

const A = fromHex('0123456789abcdef'.repeat(4));
const B = fromHex('fe'.repeat(32));

describe('IDN-12: a fingerprint', () => {
  test('has all 64 digits, in one form', () => {
    expect(fingerprintText(A)).toBe(Array.from({ length: 4 }, () => '01234567 89abcdef').join(' '));
    expect(codeOf(() => fingerprintText(A.subarray(1)))).toBe('codec.input');
    expect(codeOf(() => fingerprintText(new Uint8Array(33)))).toBe('codec.input');
  });

  test('for two is the same on both sides, and sixty digits', () => {
    const suite = nodeProvider.suite(4);
    const code = pairCode(suite, A, B);
    expect(pairCode(suite, B, A)).toBe(code);
    expect(code).toMatch(/^\d{5}( \d{5}){11}$/);
    const hash = createHash('sha512').update('XMPP MLS 0 pair\0').update(A).update(B).digest('hex');
    const groups = Array.from(
      { length: 12 },
      (_, i) => BigInt(`0x${hash.slice(10 * i, 10 * i + 10)}`) % 100_000n,
    );
    expect(code).toBe(groups.map((group) => String(group).padStart(5, '0')).join(' '));
    expect(pairCode(suite, A, A)).not.toBe(code);
    expect(codeOf(() => pairCode(nodeProvider.suite(1), A, B))).toBe('codec.input');
  });
});

describe('IDN-13: a code to scan', () => {
  const uri = `xmpp:juliet@capulet.example?trust-message;encryption=urn:xmpp:mls:0;trust=${toHex(A)}`;

  test('names account and key', () => {
    expect(trustUri('Juliet@capulet.example/balcony', A)).toBe(uri);
    expect(readTrustUri(uri)).toEqual({ jid: 'juliet@capulet.example', trusted: [A], distrusted: [] });
    expect(readTrustUri(`${uri};distrust=${toHex(B)}`)).toEqual({
      jid: 'juliet@capulet.example',
      trusted: [A],
      distrusted: [B],
    });
    const strange = trustUri('жульета#1@capulet.example', A);
    expect(strange).toMatch(/^xmpp:[\x21-\x7e]*$/);
    expect(readTrustUri(strange)?.jid).toBe('жульета#1@capulet.example');
    expect(codeOf(() => trustUri('@', A))).toBe('codec.input');
    expect(codeOf(() => trustUri('a@b', A.subarray(1)))).toBe('codec.input');
  });

  test.each([
    uri.replace('trust-message', 'message'),
    uri.replace('urn:xmpp:mls:0', 'urn:xmpp:omemo:2'),
    uri.replace('encryption=urn:xmpp:mls:0;', ''),
    uri.replace('trust-message;', 'trust-message;encryption=urn:xmpp:mls:0;'),
    uri.slice(0, -1),
    `${uri}0`,
    uri.replace(/;trust=.*/, ''),
    `${uri};trust=${toHex(A)}`,
    `${uri};distrust=${toHex(A)}`,
    `${uri};constructor=1`,
    `${uri};x`,
    `${uri}#there`,
    uri.replace('juliet@', '@'),
    uri.replace('juliet', '%zz'),
    uri.replace('.example', '.example%2Fbalcony'),
    'juliet@capulet.example',
    '',
  ])('that is anything else says nothing: %s', (other) => {
    expect(readTrustUri(other)).toBeUndefined();
  });
});
