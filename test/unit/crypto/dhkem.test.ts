import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { dhkem, nistScalar } from '../../../src/crypto/dhkem.ts';
import { nobleProvider } from '../../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import { dhGroups } from '../../../src/crypto/node/kem.ts';
import { P256, P384, P521 } from '../../../src/crypto/weierstrass.ts';

const code = (value: string) => expect.objectContaining({ code: value });
const PROVIDERS = [nodeProvider, nobleProvider];

describe('DeriveKeyPair', () => {
  it.each([P256, P384, P521])(
    'R5.1-12 CRY-20: candidates out of range are skipped, 256 of them are the end',
    (rules) => {
      const bad = [new Uint8Array(rules.size), rules.order, new Uint8Array(rules.size).fill(0xff)];
      const one = new Uint8Array(rules.size);
      one[rules.size - 1] = 1;
      const counters: number[] = [];
      const scalar = nistScalar(rules, (counter) => {
        counters.push(counter);
        return (bad[counter] ?? one).slice();
      });
      expect(scalar).toEqual(one);
      expect(counters).toEqual([0, 1, 2, 3]);
      counters.length = 0;
      const never = (counter: number) => {
        counters.push(counter);
        return new Uint8Array(rules.size);
      };
      expect(() => nistScalar(rules, never)).toThrow(code('crypto.private-key'));
      expect(counters).toEqual(Array.from({ length: 256 }, (_, i) => i));
    },
  );

  it('CRY-20: a KDF that forces retries, and one that never yields, through the KEM itself', () => {
    const group = dhGroups().get(0x0010)!;
    let calls = 0;
    const kdf = (zeros: number) => ({
      size: 32,
      hmac: (key: Uint8Array, data: Uint8Array) => {
        const real = new Uint8Array(createHmac('sha256', key).update(data).digest());
        // The first call extracts; the ones after it make candidates.
        return calls++ >= 1 && calls <= 1 + zeros ? new Uint8Array(32) : real;
      },
    });
    const retried = dhkem(0x0010, group, kdf(3)).deriveKeyPair(new Uint8Array(32));
    expect(calls).toBe(1 + 3 + 1);
    expect(group.publicKey(retried.secretKey)).toEqual(retried.publicKey);
    calls = 0;
    const stuck = dhkem(0x0010, group, kdf(1000));
    expect(() => stuck.deriveKeyPair(new Uint8Array(32))).toThrow(code('crypto.private-key'));
    expect(calls).toBe(257);
  });
});

describe.each(PROVIDERS)('KEM keys on $name', (provider) => {
  it.each([2, 5, 7])('CRY-20: suite %i refuses scalars 0, n, above n, and other lengths', (id) => {
    const suite = provider.suite(id);
    const rules = id === 2 ? P256 : id === 5 ? P521 : P384;
    const over = rules.order.slice();
    over[over.length - 1]! += 1;
    const bad = [
      new Uint8Array(rules.size),
      rules.order,
      over,
      new Uint8Array(rules.size).fill(0xff),
      new Uint8Array(rules.size - 1).fill(1),
      new Uint8Array(rules.size + 1).fill(1),
      new Uint8Array(0),
    ];
    const peer = suite.deriveKeyPair(new Uint8Array(rules.size)).publicKey;
    for (const secretKey of bad) {
      expect(() => suite.kemKeyPair(secretKey)).toThrow(code('crypto.private-key'));
      expect(() => suite.sign(secretKey, peer)).toThrow(code('crypto.private-key'));
      expect(() => suite.decap(peer, { secretKey, publicKey: peer })).toThrow(code('crypto.private-key'));
    }
    const last = rules.order.slice();
    last[last.length - 1]! -= 1;
    expect(suite.isKemPublicKey(suite.kemKeyPair(last).publicKey)).toBe(true);
  });

  it('CRY-20: X25519 clamps for itself', () => {
    const suite = provider.suite(1);
    const raw = new Uint8Array(32).fill(0xff);
    const clamped = raw.slice();
    clamped[0] = 0xf8;
    clamped[31] = 0x7f;
    expect(suite.kemKeyPair(raw).publicKey).toEqual(suite.kemKeyPair(clamped).publicKey);
    expect(suite.kemKeyPair(raw).secretKey).toEqual(raw);
    expect(() => suite.kemKeyPair(raw.subarray(1))).toThrow(code('crypto.private-key'));
  });

  it('a key pair whose halves do not belong together opens nothing', () => {
    const suite = provider.suite(1);
    const [one, two] = [1, 2].map((fill) => suite.deriveKeyPair(new Uint8Array(32).fill(fill)));
    const { enc, secret } = suite.encap(one!.publicKey, new Uint8Array(32));
    expect(suite.decap(enc, one!)).toEqual(secret);
    expect(suite.decap(enc, { secretKey: one!.secretKey, publicKey: two!.publicKey })).not.toEqual(secret);
  });

  it('results are ordinary arrays of their own, and arguments are left alone', () => {
    for (const id of provider.suites) {
      const suite = provider.suite(id);
      const seed = new Uint8Array(suite.sizes.kemSeed).fill(3);
      const pair = suite.deriveKeyPair(seed);
      const { enc, secret } = suite.encap(pair.publicKey, seed);
      const signer = suite.signatureKeyPair(new Uint8Array(suite.sizes.signatureSeed).fill(4));
      const key = new Uint8Array(suite.sizes.key);
      const sealed = suite.seal(key, new Uint8Array(12), seed, seed);
      const opened = suite.open(key, new Uint8Array(12), seed, sealed);
      const results = [
        pair.publicKey,
        pair.secretKey,
        enc,
        secret,
        sealed,
        opened!,
        suite.hash(seed),
        suite.hmac(seed, seed),
        suite.decap(enc, pair),
        suite.kemKeyPair(pair.secretKey).publicKey,
        signer.publicKey,
        signer.secretKey,
        suite.sign(signer.secretKey, seed),
        suite.hkdfExpand(seed, seed, 100),
        suite.hkdfExpand(seed, seed, 3),
      ];
      for (const result of results) {
        expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
        expect(result.byteLength).toBe(result.buffer.byteLength);
      }
      expect(seed).toEqual(new Uint8Array(suite.sizes.kemSeed).fill(3));
      expect(suite.kemKeyPair(pair.secretKey).secretKey).not.toBe(pair.secretKey);
    }
  });
});
