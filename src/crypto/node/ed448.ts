/**
 * What OpenSSL leaves out of Ed448. It decodes points through a 4-isogeny, so its verdict is that of the equation with
 * cofactor: [4]([S]B - [k]A - R) = 0. The strict equation wants the part of order 4 to vanish too. Honest A and R have
 * none, and then both equations say the same; whatever else passes OpenSSL is reckoned in full with @noble/curves.
 */

import { createHash } from 'node:crypto';
import { ed448 } from '@noble/curves/ed448.js';
import { concat, fromHex } from '../../base/bytes.ts';
import { ED448 } from '../strict.ts';
import { publicCache } from './keys.ts';

const { Point } = ed448;
/** dom4 of pure Ed448 with an empty context: 'SigEd448', 0, 0 (RFC 8032 §5.2). */
const DOM4 = /* @__PURE__ */ fromHex('53696745643434380000');

/**
 * Whether a signature that OpenSSL accepted also satisfies [S]B = R + [k]A exactly (RFC 8032 §5.2.7 without cofactor).
 * @param publicKey 57 bytes, on the curve, not of small order; so too R, the first half of `signature`
 */
export function torsionAgrees(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const r = signature.subarray(0, ED448.size);
  if (isKeyTorsionFree(publicKey) && isTorsionFree(r)) return true;
  const input = concat(DOM4, r, publicKey, message);
  // k is reduced by the order of B first, as every implementation does: that matters for an A with torsion.
  const k =
    littleEndian(createHash('shake256', { outputLength: 114 }).update(input).digest()) % Point.Fn.ORDER;
  const s = littleEndian(signature.subarray(ED448.size));
  const right = Point.fromBytes(r).add(Point.fromBytes(publicKey).multiplyUnsafe(k));
  return Point.BASE.multiplyUnsafe(s).equals(right);
}

const isKeyTorsionFree = /* @__PURE__ */ publicCache(isTorsionFree);

function isTorsionFree(point: Uint8Array): boolean {
  return Point.fromBytes(point).isTorsionFree();
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
