/** Rules on the bytes of NIST curve values, and the one DER parser for ECDSA signatures (RFC 9420 §5.1.1, §5.1.2). */

import { at, isZero, toHex } from '../base/bytes.ts';

/** One curve y² = x³ - 3x + b of FIPS 186 with a prime number of points. */
export interface WeierstrassRules {
  /** Length of a coordinate, a scalar and a shared secret: 32, 48 or 66. */
  readonly size: number;
  /** Mask of the first byte of a candidate scalar (RFC 9180 §7.1.3). */
  readonly mask: number;
  readonly prime: bigint;
  readonly b: bigint;
  /** Number of points, big-endian, `size` bytes. */
  readonly order: Uint8Array;
}

/** secp256r1: 32-byte scalars, 65-byte points. */
export const P256: WeierstrassRules = /* @__PURE__ */ rules(
  32,
  0xff,
  2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
  0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
);

/** secp384r1: 48-byte scalars, 97-byte points. */
export const P384: WeierstrassRules = /* @__PURE__ */ rules(
  48,
  0xff,
  2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
  0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
);

/** secp521r1: 66-byte scalars, 133-byte points. */
export const P521: WeierstrassRules = /* @__PURE__ */ rules(
  66,
  0x01,
  2n ** 521n - 1n,
  0x051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
);

function rules(size: number, mask: number, prime: bigint, b: bigint, order: bigint): WeierstrassRules {
  const bytes = new Uint8Array(size);
  for (let i = size - 1, rest = order; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return Object.freeze({ size, mask, prime, b, order: bytes });
}

/** Whether bytes are a point in uncompressed form with both coordinates below p and on the curve. */
export function isUncompressedPoint(curve: WeierstrassRules, point: Uint8Array): boolean {
  if (point.length !== 1 + 2 * curve.size || at(point, 0) !== 4) return false;
  const p = curve.prime;
  const x = BigInt(`0x${toHex(point.subarray(1, 1 + curve.size))}`);
  const y = BigInt(`0x${toHex(point.subarray(1 + curve.size))}`);
  if (x >= p || y >= p) return false;
  // The group has prime order and no point at infinity in this form: being on the curve is all there is to check.
  return (y * y - (x * x - 3n) * x - curve.b) % p === 0n;
}

/** Whether bytes are a scalar in 1..n-1, in time that depends on the length only. */
export function isScalar(curve: WeierstrassRules, scalar: Uint8Array): boolean {
  if (scalar.length !== curve.size) return false;
  let borrow = 0;
  for (let i = curve.size - 1; i >= 0; i--) {
    borrow = at(scalar, i) - at(curve.order, i) - borrow < 0 ? 1 : 0;
  }
  return borrow === 1 && !isZero(scalar);
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;

/**
 * Read an ECDSA signature in strict DER: minimal lengths, minimal positive integers in 1..n-1, nothing after them.
 * A high s is fine.
 * @returns r ‖ s in fixed width, or `undefined`
 */
export function parseEcdsaSignature(curve: WeierstrassRules, der: Uint8Array): Uint8Array | undefined {
  // Two integers of at most 2 + 1 + 66 bytes need one length byte, or 0x81 and one (only for P-521).
  const long = der[1] === 0x81;
  const start = long ? 3 : 2;
  const length = der[start - 1];
  if (der[0] !== SEQUENCE || length === undefined || long !== length >= 0x80) return undefined;
  if (start + length !== der.length) return undefined;
  const out = new Uint8Array(2 * curve.size);
  const middle = readInteger(curve, der, start, out.subarray(0, curve.size));
  if (middle === undefined) return undefined;
  const end = readInteger(curve, der, middle, out.subarray(curve.size));
  return end === der.length ? out : undefined;
}

/** Read one INTEGER into `out`. @returns the offset after it, or `undefined` */
function readInteger(
  curve: WeierstrassRules,
  der: Uint8Array,
  offset: number,
  out: Uint8Array,
): number | undefined {
  const length = der[offset + 1];
  if (der[offset] !== INTEGER || length === undefined || length === 0) return undefined;
  const start = offset + 2;
  const end = start + length;
  if (end > der.length || length > curve.size + 1) return undefined;
  const first = at(der, start);
  if (first >= 0x80) return undefined;
  const padded = first === 0 && length > 1;
  if (padded && at(der, start + 1) < 0x80) return undefined;
  const digits = der.subarray(padded ? start + 1 : start, end);
  if (digits.length > out.length) return undefined;
  out.set(digits, out.length - digits.length);
  return isScalar(curve, out) ? end : undefined;
}

/** Write r ‖ s, of equal length, as a DER signature with minimal integers. */
export function encodeEcdsaSignature(compact: Uint8Array): Uint8Array {
  const half = compact.length / 2;
  const r = minimal(compact.subarray(0, half));
  const s = minimal(compact.subarray(half));
  const length = 4 + r.length + s.length;
  const head = length >= 0x80 ? [SEQUENCE, 0x81, length] : [SEQUENCE, length];
  const out = new Uint8Array(head.length + length);
  out.set(head);
  out.set([INTEGER, r.length], head.length);
  out.set(r, head.length + 2);
  out.set([INTEGER, s.length], head.length + 2 + r.length);
  out.set(s, head.length + 4 + r.length);
  return out;
}

/** The shortest two's-complement form of a positive number. */
function minimal(digits: Uint8Array): Uint8Array {
  let skip = 0;
  while (skip < digits.length - 1 && digits[skip] === 0) skip++;
  const short = digits.subarray(skip);
  if (at(short, 0) < 0x80) return short;
  const out = new Uint8Array(short.length + 1);
  out.set(short, 1);
  return out;
}
