import { describe, expect, it } from 'vitest';
import { nobleProvider } from '../../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import type { SuiteCrypto } from '../../../src/crypto/provider.ts';
import { selfTest } from '../../../src/crypto/selfTest.ts';

const failure = (primitive: string) =>
  expect.objectContaining({ code: 'crypto.self-test', detail: { primitive } });

describe.each([nodeProvider, nobleProvider])('CRY-19: self test of $name', (provider) => {
  it.each(provider.suites)('suite %i passes', (id) => selfTest(provider.suite(id)));

  const suite = provider.suite(1);
  const lies: [string, Partial<SuiteCrypto>][] = [
    ['signature', { verify: () => true }],
    ['signature', { verify: () => false }],
    ['signature', { isSignaturePublicKey: () => false }],
    ['aead', { open: (_k, _n, _a, ciphertext) => ciphertext.subarray(0, ciphertext.length - 16) }],
    ['aead', { open: (k, n, a, c) => suite.open(k, n, a, c) ?? new Uint8Array(1) }],
    ['kem', { isKemPublicKey: () => true }],
    ['kem', { decap: () => new Uint8Array(32) }],
    ['kem', { decap: (enc, pair) => (enc[0] === 0 && enc[1] === 0 ? enc : suite.decap(enc, pair)) }],
    ['hash', { hash: () => new Uint8Array(31) }],
    ['hash', { hmac: () => new Uint8Array(32) }],
    ['answers', { hash: (data) => suite.hash(data.slice(1)) }],
    ['answers', { hkdfExpand: (_prk, _info, length) => new Uint8Array(length) }],
    [
      'hash',
      {
        hash: () => {
          throw new Error('platform');
        },
      },
    ],
  ];
  it.each(lies)('a patched %s is found out', (primitive, patch) => {
    expect(() => selfTest({ ...suite, ...patch })).toThrow(failure(primitive));
  });

  it('suites beyond the known ones are tested without known answers', () => {
    selfTest({ ...suite, id: 0xf001 });
  });
});
