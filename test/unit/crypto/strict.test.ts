import { p256, p384, p521 } from '@noble/curves/nist.js';
import { describe, expect, it } from 'vitest';
import { concat, fromHex } from '../../../src/base/bytes.ts';
import { nobleProvider } from '../../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import { ED448, ED25519, isBelow, isEdwardsPoint, isEdwardsSignature } from '../../../src/crypto/strict.ts';
import {
  encodeEcdsaSignature,
  isScalar,
  isUncompressedPoint,
  P256,
  P384,
  P521,
  parseEcdsaSignature,
} from '../../../src/crypto/weierstrass.ts';

const CURVES = [
  { name: 'P-256', rules: P256, curve: p256, id: 2 },
  { name: 'P-384', rules: P384, curve: p384, id: 7 },
  { name: 'P-521', rules: P521, curve: p521, id: 5 },
] as const;

describe('EdDSA bytes', () => {
  it('CRY-04 R5.1.1-03 R5.1.2-04: lengths are 32 and 64, 57 and 114', () => {
    for (const [curve, size] of [
      [ED25519, 32],
      [ED448, 57],
    ] as const) {
      const two = new Uint8Array(size);
      two[0] = 2;
      for (const length of [0, 1, size - 1, size, size + 1, 2 * size]) {
        expect(isEdwardsPoint(curve, concat(two, two).subarray(0, length))).toBe(length === size);
      }
      for (const length of [0, 1, size, 2 * size - 1, 2 * size, 2 * size + 1]) {
        expect(isEdwardsSignature(curve, concat(two, two, two).subarray(0, length))).toBe(
          length === 2 * size,
        );
      }
    }
  });

  it('CRY-03: y up to p - 2 passes, p - 1 and above does not', () => {
    for (const curve of [ED25519, ED448]) {
      const y = new Uint8Array(curve.size);
      y.set(curve.prime);
      y[0]! -= 2;
      expect(isEdwardsPoint(curve, y)).toBe(true);
      y[0]! += 1;
      expect(isEdwardsPoint(curve, y)).toBe(false);
      y[0]! += 1;
      expect(isEdwardsPoint(curve, y)).toBe(false);
    }
  });

  it('CRY-03: S below the order passes, the order does not', () => {
    for (const curve of [ED25519, ED448]) {
      const r = new Uint8Array(curve.size).fill(2, 0, 1);
      const s = curve.order.slice();
      expect(isEdwardsSignature(curve, concat(r, s))).toBe(false);
      s[0]! -= 1;
      expect(isEdwardsSignature(curve, concat(r, s))).toBe(true);
    }
    expect(isBelow(new Uint8Array(4), new Uint8Array(4))).toBe(false);
  });

  it('R5.1.2-04: the unused bits of the last byte of Ed448 must be zero', () => {
    const point = new Uint8Array(57).fill(2, 0, 1);
    for (let bit = 0; bit < 8; bit++) {
      point[56] = 1 << bit;
      expect(isEdwardsPoint(ED448, point)).toBe(bit === 7);
    }
  });
});

describe.each(CURVES)('$name bytes', ({ rules, curve, id }) => {
  const { size } = rules;
  it('R5.1.1-04: parameters are those of the curve', () => {
    const { p, b, n } = curve.Point.CURVE();
    expect([rules.prime, rules.b]).toEqual([p, b]);
    expect(rules.order).toEqual(fromHex(n.toString(16).padStart(2 * size, '0')));
    expect(isUncompressedPoint(rules, curve.Point.BASE.toBytes(false))).toBe(true);
    expect(isUncompressedPoint(rules, curve.Point.BASE.toBytes(true))).toBe(false);
  });

  it('CRY-20: scalars are 1..n-1', () => {
    const one = new Uint8Array(size).fill(1, size - 1);
    const last = rules.order.slice();
    last[size - 1]! -= 1;
    expect([one, last].map((s) => isScalar(rules, s))).toEqual([true, true]);
    const high = rules.order.slice();
    high[0] = 0xff;
    const bad = [new Uint8Array(size), rules.order, high, one.subarray(1), concat(one, one)];
    for (const scalar of bad) {
      expect(isScalar(rules, scalar)).toBe(false);
    }
  });

  it('R5.1.2-03 CRY-05: DER and r ‖ s convert both ways, with high bits and leading zeros', () => {
    const values = [1, 0x7f, 0x80, 0xff].map((v) => new Uint8Array(size).fill(v, size - 1));
    const wide = new Uint8Array(size).fill(0x80, 1);
    const last = rules.order.slice();
    last[size - 1]! -= 1;
    for (const r of [...values, wide, last]) {
      for (const s of [...values, wide, last]) {
        const compact = concat(r, s);
        const der = encodeEcdsaSignature(compact);
        expect(parseEcdsaSignature(rules, der)).toEqual(compact);
        expect(der[1] === 0x81).toBe(der.length > 129);
      }
    }
    const tiny = encodeEcdsaSignature(concat(values[0]!, values[2]!));
    expect(tiny).toEqual(fromHex('300702010102020080'));
  });

  it('R5.1.2-03 CRY-05: every truncation of a signature is refused', () => {
    const compact = concat(rules.order, rules.order).map((byte, i) =>
      (i + 1) % size === 0 ? byte - 1 : byte,
    );
    const der = encodeEcdsaSignature(compact);
    for (let length = 0; length < der.length; length++) {
      expect(parseEcdsaSignature(rules, der.subarray(0, length))).toBe(undefined);
    }
    expect(parseEcdsaSignature(rules, der)).toEqual(compact);
  });

  it('R5.1.2-03 CRY-06: both back ends produce minimal DER, and verify each other, high s or not', () => {
    const [node, noble] = [nodeProvider.suite(id), nobleProvider.suite(id)];
    const { publicKey, secretKey } = node.signatureKeyPair(new Uint8Array(size).fill(9));
    expect(noble.signatureKeyPair(new Uint8Array(size).fill(9)).publicKey).toEqual(publicKey);
    const half = curve.Point.Fn.ORDER >> 1n;
    const heights = new Set<boolean>();
    for (let i = 0; i < 40 && (i < 4 || heights.size < 2); i++) {
      const message = new Uint8Array([i]);
      for (const [signer, verifier] of [
        [node, noble],
        [noble, node],
      ] as const) {
        const signature = signer.sign(secretKey, message);
        const compact = parseEcdsaSignature(rules, signature)!;
        expect(encodeEcdsaSignature(compact)).toEqual(signature);
        expect(verifier.verify(publicKey, message, signature)).toBe(true);
        heights.add(BigInt(`0x${Buffer.from(compact.subarray(size)).toString('hex')}`) > half);
      }
    }
    expect(heights.size).toBe(2);
  });
});
