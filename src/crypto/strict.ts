/**
 * Rules on the bytes of EdDSA and X25519/X448 values that stand in front of every back end, because platforms differ
 * in what they let through. All inputs here are public, so nothing needs constant time.
 */

import { at, fromHex, toHex } from '../base/bytes.ts';

/** Lengths and bounds of one Edwards curve with RFC 8032 encodings. */
export interface EdwardsRules {
  /** Length of a public key, of R and of S: 32 or 57. */
  readonly size: number;
  /** Field prime, little-endian, as long as the encoding without the sign bit. */
  readonly prime: Uint8Array;
  /** Order of the base point, little-endian, `size` bytes. */
  readonly order: Uint8Array;
  /** y coordinates (canonical, hexadecimal encoding) of the points of small order. */
  readonly smallOrder: ReadonlySet<string>;
}

/** edwards25519: 32-byte keys, 64-byte signatures; 8 points of small order on 5 values of y. */
export const ED25519: EdwardsRules = /* @__PURE__ */ rules(
  32,
  `ed${'ff'.repeat(30)}7f`,
  `edd3f55c1a631258d69cf7a2def9de14${'00'.repeat(15)}10`,
  [
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    `ec${'ff'.repeat(30)}7f`,
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ],
);

/** edwards448: 57-byte keys, 114-byte signatures; 4 points of small order on 3 values of y. */
export const ED448: EdwardsRules = /* @__PURE__ */ rules(
  57,
  `${'ff'.repeat(28)}fe${'ff'.repeat(27)}00`,
  `f34458ab92c27823558fc58d72c26c219036d6ae49db4ec4e923ca7c${'ff'.repeat(27)}3f00`,
  ['00'.repeat(57), `01${'00'.repeat(56)}`, `${'fe'}${'ff'.repeat(27)}fe${'ff'.repeat(27)}00`],
);

function rules(size: number, prime: string, order: string, smallOrder: readonly string[]): EdwardsRules {
  return Object.freeze({
    size,
    prime: fromHex(prime),
    order: fromHex(order),
    smallOrder: new Set(smallOrder),
  });
}

/**
 * Whether bytes may be a public key: right length, y below p, not of small order. A point with x = 0 and its sign bit
 * set has y = 1 or -1 and so falls under small order. Whether y is on the curve is left to verification.
 */
export function isEdwardsPoint(curve: EdwardsRules, point: Uint8Array): boolean {
  if (point.length !== curve.size) return false;
  const y = point.slice();
  y[y.length - 1] = at(y, y.length - 1) & 0x7f;
  return isBelow(y, curve.prime) && !curve.smallOrder.has(toHex(y));
}

/** Whether bytes may be a signature R ‖ S: right length, R as {@link isEdwardsPoint} demands, S below the order. */
export function isEdwardsSignature(curve: EdwardsRules, signature: Uint8Array): boolean {
  if (signature.length !== 2 * curve.size) return false;
  if (!isBelow(signature.subarray(curve.size), curve.order)) return false;
  return isEdwardsPoint(curve, signature.subarray(0, curve.size));
}

/** Whether a little-endian number is smaller than another of the same length. */
export function isBelow(value: Uint8Array, bound: Uint8Array): boolean {
  for (let i = bound.length - 1; i >= 0; i--) {
    if (at(value, i) !== at(bound, i)) return at(value, i) < at(bound, i);
  }
  return false;
}

/** Length and forbidden values of one Montgomery curve. */
export interface MontgomeryRules {
  /** Length of keys and shared secrets: 32 or 56. */
  readonly size: number;
  /** Bits of the last byte that RFC 7748 has receivers ignore. */
  readonly ignored: number;
  /** All encodings (ignored bits clear) of the values of low order, hexadecimal. */
  readonly lowOrder: ReadonlySet<string>;
}

/** curve25519: u = 0, 1, -1 and the two values of order 8, then p and p + 1, which stand for 0 and 1. */
export const X25519: MontgomeryRules = /* @__PURE__ */ Object.freeze({
  size: 32,
  ignored: 0x80,
  lowOrder: new Set([
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    `ec${'ff'.repeat(30)}7f`,
    `ed${'ff'.repeat(30)}7f`,
    `ee${'ff'.repeat(30)}7f`,
  ]),
});

/** curve448: u = 0, 1, -1, then p and p + 1. */
export const X448: MontgomeryRules = /* @__PURE__ */ Object.freeze({
  size: 56,
  ignored: 0,
  lowOrder: new Set([
    '00'.repeat(56),
    `01${'00'.repeat(55)}`,
    `${'fe'}${'ff'.repeat(27)}fe${'ff'.repeat(27)}`,
    `${'ff'.repeat(28)}fe${'ff'.repeat(27)}`,
    `${'00'.repeat(28)}${'ff'.repeat(28)}`,
  ]),
});

/** Whether bytes are a usable public key: right length, not of low order. Values of u above p are fine (RFC 7748 §5). */
export function isMontgomeryKey(curve: MontgomeryRules, publicKey: Uint8Array): boolean {
  if (publicKey.length !== curve.size) return false;
  const u = publicKey.slice();
  u[u.length - 1] = at(u, u.length - 1) & ~curve.ignored;
  return !curve.lowOrder.has(toHex(u));
}
