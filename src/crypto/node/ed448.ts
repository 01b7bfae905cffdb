/**
 * What OpenSSL leaves out of Ed448. It decodes points through a 4-isogeny, so its verdict is that of the equation with
 * cofactor: [4]([S]B - [k]A - R) = 0. The strict equation also wants the part of order 4 to vanish. The group is
 * Z/4 × Z/L, so it is enough to know where A and R lie in Z/4, and to reckon there. Honest A and R lie at 0.
 *
 * Everything here is public, so nothing needs constant time.
 */

import { createHash } from 'node:crypto';
import { at, concat, fromHex } from '../../base/bytes.ts';
import { ED448 } from '../strict.ts';
import { publicCache } from './keys.ts';

/** dom4 of pure Ed448 with an empty context: 'SigEd448', 0, 0 (RFC 8032 §5.2). */
const DOM4 = /* @__PURE__ */ fromHex('53696745643434380000');
/** x² + y² = 1 + d x² y² over the integers mod P. */
const P = 2n ** 448n - 2n ** 224n - 1n;
const D = -39081n;
/** 1 / (1 - d). */
const INVERSE_1_D =
  0x934c1a0b4af2e995b384b25380ec70d2a89b01cb7762e59a27ccc00dad9a784a4e93e80d4f6de6c4a4129a5a1b3921c95ec884c9cd7528c1n;
const ORDER = /* @__PURE__ */ littleEndian(ED448.order);

/**
 * Whether a signature that OpenSSL accepted also satisfies [S]B = R + [k]A exactly (RFC 8032 §5.2.7 without cofactor).
 * @param publicKey 57 bytes, on the curve, not of small order; so too R, the first half of `signature`
 */
export function torsionAgrees(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const r = signature.subarray(0, ED448.size);
  const ofA = keyTorsion(publicKey);
  const ofR = torsion(r);
  if (ofA === 0) return ofR === 0;
  const input = concat(DOM4, r, publicKey, message);
  // k is reduced by the order of B first, as every implementation does: that matters for an A with torsion.
  const k = littleEndian(createHash('shake256', { outputLength: 114 }).update(input).digest()) % ORDER;
  return (Number(k & 3n) * ofA + ofR) % 4 === 0;
}

const keyTorsion = /* @__PURE__ */ publicCache(torsion);

/** The component in Z/4 of a point, where (1, 0) is at 1. */
function torsion(point: Uint8Array): number {
  const last = point.length - 1;
  const y = littleEndian(point.subarray(0, last));
  const component = evenTorsion(y);
  if (component !== undefined) return component;
  // At 1 or 3. Adding (1, 0) gives the point (y, -x), which is at 2 or 0.
  const y2 = (y * y) % P;
  const root = power((1n - y2) * power(1n - D * y2, P - 2n), (P + 1n) / 4n);
  const x = Number(root & 1n) === at(point, last) >> 7 ? root : P - root;
  return evenTorsion(P - x) === 0 ? 3 : 1;
}

/**
 * For a point at 0 or 2, which of them; else `undefined`. Its y is enough. A point is even, so it can be halved, when
 * w = (1 - d y²) / (1 - d) is a square. With s a root of w, halves have y² = (s + y) / (1 + s), for the sign of s that
 * makes this a square; and the point is at 0 when its half is even in turn, by the same test, which becomes:
 * (1 - y)(1 + s) is no square, just as 1 - d is none.
 */
function evenTorsion(y: bigint): 0 | 2 | undefined {
  const w = mod((1n - D * ((y * y) % P)) * INVERSE_1_D);
  const root = power(w, (P + 1n) / 4n);
  if ((root * root) % P !== w) return undefined;
  const s = isSquare((root + y) * (1n + root)) ? root : P - root;
  return isSquare((1n - y) * (1n + s)) ? 2 : 0;
}

function isSquare(value: bigint): boolean {
  return power(value, (P - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = mod(base);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

function mod(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
