/** Exhaustive lists of the inputs on which implementations are known to differ; one expected verdict for both back ends. */

import { p256, p384, p521 } from '@noble/curves/nist.js';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, utf8 } from '../../src/base/bytes.ts';
import { encodeEcdsaSignature, P256, P384, P521, parseEcdsaSignature } from '../../src/crypto/weierstrass.ts';
import { both, EDWARDS, forge, outcome, Prng, type Signed, toBytes, toNumber } from './parityTools.ts';

const NIST = [
  { id: 2, rules: P256, curve: p256 },
  { id: 7, rules: P384, curve: p384 },
  { id: 5, rules: P521, curve: p521 },
] as const;
const random = new Prng(1);

function verdict(id: number, { publicKey, message, signature }: Signed): boolean {
  const [node, noble] = both(id).map((suite) => suite.verify(publicKey, message, signature));
  expect(node).toBe(noble);
  return node as boolean;
}

function isKey(id: number, kind: 'isSignaturePublicKey' | 'isKemPublicKey', key: Uint8Array): boolean {
  const [node, noble] = both(id).map((suite) => suite[kind](key));
  expect(node).toBe(noble);
  return node as boolean;
}

/** The same outcome in both: a value, or a code. */
function agreed(id: number, step: (suite: ReturnType<typeof both>[0]) => Uint8Array): string {
  const [node, noble] = both(id).map((suite) => outcome(() => step(suite)));
  expect(node).toBe(noble);
  return node as string;
}

function honest(id: number): Signed {
  const suite = both(id)[0];
  const { publicKey, secretKey } = suite.signatureKeyPair(random.bytes(suite.sizes.signatureSeed));
  const message = random.bytes(40);
  return { publicKey, message, signature: suite.sign(secretKey, message) };
}

describe.each([1, 4] as const)('EdDSA of suite %i', (id) => {
  const { curve, size, torsion } = EDWARDS[id];
  const { Point } = curve;
  const p = Point.Fp.ORDER;
  const order = Point.Fn.ORDER;
  const bits = id === 1 ? 255n : 448n;

  /** Every encoding, with either sign bit, of a y that is of small order or not below p. */
  function badPoints(): Uint8Array[] {
    const values = torsion.map((hex) => Point.fromBytes(fromHex(hex)).toAffine().y);
    const encodable = 1n << bits;
    const beyond = Array.from({ length: 32 }, (_, i) => p + BigInt(i));
    const all = [...values, ...values.map((y) => y + p), ...beyond, encodable - 1n];
    return all
      .filter((y) => y < encodable)
      .flatMap((y) => {
        const plain = toBytes(y, size);
        const signed = plain.slice();
        signed[size - 1]! |= 0x80;
        return [plain, signed];
      });
  }

  it('CRY-01 CRY-03 R5.1.1-03: small-order and non-canonical A and R are refused, whatever the message', () => {
    for (const point of badPoints()) {
      expect(isKey(id, 'isSignaturePublicKey', point)).toBe(false);
      for (const message of ['', 'a', 'b'].map(utf8)) {
        const zero = concat(point, new Uint8Array(size));
        expect(verdict(id, { publicKey: point, message, signature: zero })).toBe(false);
        expect(verdict(id, { ...honest(id), message, signature: zero })).toBe(false);
        // Under the identity, [S]B = R holds for every message.
        const r = concat(Point.BASE.multiply(7n).toBytes(), toBytes(7n, size));
        expect(verdict(id, { publicKey: point, message, signature: r })).toBe(false);
      }
    }
  });

  it('CRY-02: A or R with a small-order part verify just when the equation without cofactor holds', () => {
    let strict = 0;
    let loose = 0;
    for (let a = 0; a < torsion.length; a++) {
      for (let r = 0; r < torsion.length; r++) {
        for (let i = 0; i < 8; i++) {
          const forged = forge(id, BigInt(1000 + i), BigInt(2000 + 7 * i), a, r, new Uint8Array([i]));
          expect(verdict(id, forged)).toBe(forged.strict);
          if (forged.strict) strict++;
          else loose++;
        }
      }
    }
    expect(strict).toBeGreaterThan(torsion.length);
    expect(loose).toBeGreaterThan(torsion.length);
  });

  it('CRY-03 R5.1.2-07: S + kL, all ones, and S = L are refused', () => {
    const signed = honest(id);
    expect(verdict(id, signed)).toBe(true);
    const r = signed.signature.subarray(0, size);
    const s = toNumber(signed.signature.subarray(size));
    for (let value = s + order; value < 1n << BigInt(8 * size) && value < s + 40n * order; value += order) {
      expect(verdict(id, { ...signed, signature: concat(r, toBytes(value, size)) })).toBe(false);
    }
    for (const tail of [new Uint8Array(size).fill(0xff), toBytes(order, size), toBytes(order + 1n, size)]) {
      expect(verdict(id, { ...signed, signature: concat(r, tail) })).toBe(false);
    }
  });

  it('CRY-04 R5.1.2-04: every other length of signature and key is refused', () => {
    const signed = honest(id);
    for (let length = 0; length <= 2 * size + 2; length++) {
      const signature = concat(signed.signature, new Uint8Array(2)).subarray(0, length);
      expect(verdict(id, { ...signed, signature })).toBe(length === 2 * size);
      const publicKey = concat(signed.publicKey, new Uint8Array(size + 2)).subarray(0, length);
      expect(verdict(id, { ...signed, publicKey })).toBe(length === size);
      expect(isKey(id, 'isSignaturePublicKey', publicKey)).toBe(length === size);
    }
  });
});

describe.each(NIST)('NIST curve of suite $id', ({ id, rules, curve }) => {
  const { size } = rules;
  const n = curve.Point.Fn.ORDER;
  const big = (value: bigint) => toBytes(value, size).reverse();
  const int = (value: Uint8Array, tag = 2) => concat(new Uint8Array([tag, value.length]), value);
  const der = (...parts: Uint8Array[]) => {
    const body = concat(...parts);
    return concat(
      new Uint8Array(body.length >= 0x80 ? [0x30, 0x81, body.length] : [0x30, body.length]),
      body,
    );
  };

  it('CRY-06: the signature with the other s verifies too', () => {
    const signed = honest(id);
    const compact = parseEcdsaSignature(rules, signed.signature)!;
    const s = toNumber(compact.slice(size).reverse());
    const other = encodeEcdsaSignature(concat(compact.subarray(0, size), big(n - s)));
    expect(verdict(id, signed)).toBe(true);
    expect(verdict(id, { ...signed, signature: other })).toBe(true);
  });

  it('CRY-05 R5.1.2-03: damaged DER is refused', () => {
    const signed = honest(id);
    const compact = parseEcdsaSignature(rules, signed.signature)!;
    const r = toNumber(compact.slice(0, size).reverse());
    const s = toNumber(compact.slice(size).reverse());
    const minimal = (value: bigint) => {
      const digits = fromHex(value.toString(16).padStart(2 * Math.ceil(value.toString(16).length / 2), '0'));
      return digits[0]! >= 0x80 ? concat(new Uint8Array(1), digits) : digits;
    };
    const [R, S] = [minimal(r), minimal(s)];
    const good = der(int(R), int(S));
    expect(good).toEqual(signed.signature);
    const body = concat(int(R), int(S));
    const zero = new Uint8Array(1);
    const negative = (digits: Uint8Array) =>
      digits[0] === 0 ? digits.subarray(1) : concat(new Uint8Array([0xff]), digits);
    const long = (extra: number) =>
      new Uint8Array([0x30, 0x80 | (extra + 1), ...new Uint8Array(extra), body.length]);
    const damaged = [
      new Uint8Array(0),
      new Uint8Array([0x30]),
      new Uint8Array([0x30, 0]),
      compact,
      body,
      concat(good, zero),
      concat(good, good),
      good.subarray(0, good.length - 1),
      concat(new Uint8Array([0x31]), good.subarray(1)),
      concat(new Uint8Array([0x30, 0x80]), body, new Uint8Array(2)),
      concat(long(1), body),
      concat(long(2), body),
      concat(body.length < 0x80 ? long(0) : new Uint8Array([0x30, body.length]), body),
      der(concat(new Uint8Array([2, 0x81, R.length]), R), int(S)),
      der(int(R), concat(new Uint8Array([2, 0x81, S.length]), S)),
      der(int(concat(zero, R)), int(S)),
      der(int(R), int(concat(zero, S))),
      der(int(negative(R)), int(S)),
      der(int(R), int(negative(S))),
      der(int(R, 3), int(S)),
      der(int(R), int(S, 4)),
      der(int(R)),
      der(int(R), int(S), int(S)),
      der(int(R), int(S), new Uint8Array([5, 0])),
      der(int(new Uint8Array(0)), int(S)),
      der(int(zero), int(S)),
      der(int(R), int(zero)),
      der(int(R), int(new Uint8Array(0))),
      der(int(minimal(n)), int(S)),
      der(int(R), int(minimal(n))),
      der(int(minimal(n + r)), int(S)),
      der(int(R), int(minimal(n + s))),
      der(int(minimal(n - 1n)), int(minimal(n))),
    ];
    for (const signature of damaged) expect(verdict(id, { ...signed, signature })).toBe(false);
  });

  it('CRY-08 CRY-09 R5.1.1-02 R5.1.1-04 R5.1-14: only uncompressed points on the curve are keys', () => {
    const suite = both(id)[0];
    const pair = suite.deriveKeyPair(random.bytes(suite.sizes.kemSeed));
    const seed = random.bytes(suite.sizes.encapSeed);
    const key = pair.publicKey;
    const [x, y] = [key.subarray(1, 1 + size), key.subarray(1 + size)];
    const p = rules.prime;
    const odd = y[size - 1]! & 1;
    const point = (head: number, ...parts: Uint8Array[]) => concat(new Uint8Array([head]), ...parts);
    const stranger = NIST.find((other) => other.id !== id)!;
    const foreign = both(stranger.id)[0].deriveKeyPair(random.bytes(both(stranger.id)[0].sizes.kemSeed));
    const bumped = toNumber(y.slice().reverse()) + 1n;
    const wrong = [
      new Uint8Array(0),
      new Uint8Array(1),
      new Uint8Array([4]),
      point(2 + odd, x),
      point(2 + (1 - odd), x),
      point(6 + odd, x, y),
      point(7 - odd, x, y),
      point(5, x, y),
      point(0, x, y),
      key.subarray(1),
      key.subarray(0, key.length - 1),
      concat(key, new Uint8Array(1)),
      new Uint8Array(key.length),
      point(4, new Uint8Array(2 * size)),
      point(4, y, x),
      point(4, x, big(bumped % p)),
      foreign.publicKey,
      point(4, new Uint8Array(2 * size).fill(0xff)),
      point(4, x, big(p)),
      point(4, big(p), y),
    ];
    expect(isKey(id, 'isKemPublicKey', key)).toBe(true);
    expect(isKey(id, 'isSignaturePublicKey', key)).toBe(true);
    for (const bad of wrong) {
      expect(isKey(id, 'isKemPublicKey', bad)).toBe(false);
      expect(isKey(id, 'isSignaturePublicKey', bad)).toBe(false);
      expect(agreed(id, (s) => s.encap(bad, seed).secret)).toBe('crypto.public-key');
      expect(agreed(id, (s) => s.decap(bad, pair))).toBe('crypto.kem');
      expect(verdict(id, { ...honest(id), publicKey: bad })).toBe(false);
    }
  });
});

describe.each([1, 4] as const)('Montgomery curve of suite %i', (id) => {
  const size = id === 1 ? 32 : 56;
  const p = id === 1 ? 2n ** 255n - 19n : 2n ** 448n - 2n ** 224n - 1n;
  const limit = id === 1 ? 2n ** 255n : 2n ** 448n;
  const eighth = [
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  ];
  const low = [0n, 1n, p - 1n, ...(id === 1 ? eighth.map((hex) => toNumber(fromHex(hex))) : [])];
  const forms = (u: bigint) =>
    [u, u + p]
      .filter((value) => value < limit)
      .flatMap((value) => (id === 1 ? [value, value + limit] : [value]))
      .map((value) => toBytes(value, size));

  it('CRY-10 R5.1-14 R5.1.1-05: every encoding of a low-order key is refused on both sides', () => {
    const suite = both(id)[0];
    const pair = suite.deriveKeyPair(random.bytes(suite.sizes.kemSeed));
    const seed = random.bytes(suite.sizes.encapSeed);
    for (const key of low.flatMap(forms)) {
      expect(isKey(id, 'isKemPublicKey', key)).toBe(false);
      expect(agreed(id, (s) => s.encap(key, seed).secret)).toBe('crypto.kem');
      expect(agreed(id, (s) => s.decap(key, pair))).toBe('crypto.kem');
    }
    for (const length of [0, size - 1, size + 1]) {
      const key = random.bytes(length);
      expect(isKey(id, 'isKemPublicKey', key)).toBe(false);
      expect(agreed(id, (s) => s.encap(key, seed).secret)).toBe('crypto.public-key');
      expect(agreed(id, (s) => s.decap(key, pair))).toBe('crypto.kem');
    }
  });

  it('CRY-11: aliases of a key are accepted, and stay different keys to the KEM', () => {
    const suite = both(id)[0];
    const seed = random.bytes(suite.sizes.encapSeed);
    let aliases = 0;
    for (const u of [2n, 3n, 9n, 18n, 100n]) {
      const results = forms(u).map((key) => {
        expect(isKey(id, 'isKemPublicKey', key)).toBe(true);
        return agreed(id, (s) => s.encap(key, seed).secret);
      });
      expect(new Set(results).size).toBe(results.length);
      aliases += results.length - 1;
    }
    expect(aliases).toBeGreaterThan(3);
  });
});
