/** EdDSA and ECDSA by @noble/curves. */

import { ed448 } from '@noble/curves/ed448.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { shake256 } from '@noble/hashes/sha3.js';
import { concat, equal, fromHex } from '../../base/bytes.ts';
import type { HashPart, SignaturePart } from '../parts.ts';
import { ecdsaPart, eddsaPart, type SignatureEngine } from '../signature.ts';
import { ED448, ED25519 } from '../strict.ts';
import { P256, P384, P521 } from '../weierstrass.ts';
import { sha256Part, sha384Part, sha512Part } from './hash.ts';

/** dom4 of pure Ed448 with an empty context: 'SigEd448', 0, 0 (RFC 8032 §5.2). */
const DOM4 = /* @__PURE__ */ fromHex('53696745643434380000');

/**
 * The strict equation, since the library's own `verify` multiplies by the cofactor: R as received must be the encoding
 * of [S]B - [k]A. Throws for an A that is not on the curve.
 */
function verifyEdwards(
  curve: typeof ed25519,
  challenge: (input: Uint8Array) => Uint8Array,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { Point } = curve;
  const size = publicKey.length;
  const a = Point.fromBytes(publicKey);
  const r = signature.subarray(0, size);
  const k = littleEndian(challenge(concat(r, publicKey, message))) % Point.Fn.ORDER;
  const s = littleEndian(signature.subarray(size));
  const expected = Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k));
  return equal(expected.toBytes(), r);
}

/** Verification of Ed25519 alone; throws for a key that is not on the curve. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return verifyEdwards(ed25519, (input) => sha512(input), publicKey, message, signature);
}

/** Verification of Ed448 alone; throws for a key that is not on the curve. */
export function verifyEd448(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const challenge = (input: Uint8Array) => shake256(concat(DOM4, input), { dkLen: 114 });
  return verifyEdwards(ed448, challenge, publicKey, message, signature);
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}

function edwardsEngine(curve: typeof ed25519, verify: SignatureEngine['verify']): SignatureEngine {
  return {
    publicKey: (secretKey) => curve.getPublicKey(secretKey),
    sign: (secretKey, message) => curve.sign(message, secretKey),
    verify,
  };
}

function ecdsaEngine(curve: typeof p256, { hash }: HashPart): SignatureEngine {
  // The message is hashed here, and high s is no fault in this protocol.
  const options = { prehash: false, lowS: false, format: 'compact' } as const;
  return {
    publicKey: (secretKey) => curve.getPublicKey(secretKey, false),
    sign: (secretKey, message) => curve.sign(hash(message), secretKey, options),
    verify: (publicKey, message, compact) => curve.verify(compact, hash(message), publicKey, options),
  };
}

/** Signature schemes by their TLS names. */
export function signatures(): ReadonlyMap<string, SignaturePart> {
  return new Map([
    ['ed25519', eddsaPart(ED25519, edwardsEngine(ed25519, verifyEd25519))],
    ['ed448', eddsaPart(ED448, edwardsEngine(ed448, verifyEd448))],
    ['ecdsa_secp256r1_sha256', ecdsaPart(P256, sha256Part, ecdsaEngine(p256, sha256Part))],
    ['ecdsa_secp384r1_sha384', ecdsaPart(P384, sha384Part, ecdsaEngine(p384, sha384Part))],
    ['ecdsa_secp521r1_sha512', ecdsaPart(P521, sha512Part, ecdsaEngine(p521, sha512Part))],
  ]);
}
