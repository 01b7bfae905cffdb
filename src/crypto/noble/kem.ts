/** The DHKEMs by @noble/curves. */

import { x448 } from '@noble/curves/ed448.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { type DhEngine, type DhGroup, dhkems, montgomeryGroup, nistGroup } from '../dhkem.ts';
import type { KemPart } from '../parts.ts';
import { X448, X25519 } from '../strict.ts';
import { P256, P384, P521 } from '../weierstrass.ts';
import { sha256Part, sha384Part, sha512Part } from './hash.ts';

function montgomeryEngine(curve: typeof x25519): DhEngine {
  return {
    publicKey: (secretKey) => curve.getPublicKey(secretKey),
    dh: (secretKey, publicKey) => curve.getSharedSecret(secretKey, publicKey),
  };
}

function nistEngine(curve: typeof p256): DhEngine {
  return {
    publicKey: (secretKey) => curve.getPublicKey(secretKey, false),
    // The result is a compressed point; the secret is its x coordinate.
    dh: (secretKey, publicKey) => curve.getSharedSecret(secretKey, publicKey, true).slice(1),
  };
}

/** The groups by the identifier of their KEM (RFC 9180 §7.1). */
export function dhGroups(): ReadonlyMap<number, DhGroup> {
  return new Map([
    [0x0010, nistGroup(P256, nistEngine(p256))],
    [0x0011, nistGroup(P384, nistEngine(p384))],
    [0x0012, nistGroup(P521, nistEngine(p521))],
    [0x0020, montgomeryGroup(X25519, montgomeryEngine(x25519))],
    [0x0021, montgomeryGroup(X448, montgomeryEngine(x448))],
  ]);
}

/** KEMs by HPKE identifier (RFC 9180 §7.1). */
export function kems(): ReadonlyMap<number, KemPart> {
  return dhkems(dhGroups(), sha256Part, sha384Part, sha512Part);
}
