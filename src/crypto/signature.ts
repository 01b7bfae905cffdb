/** Signature schemes as their strict rules around what a back end computes (RFC 9420 §5.1.2). */

import { EMPTY } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { nistScalar } from './dhkem.ts';
import { hkdfExpand, labeledExtract, type Mac } from './hkdf.ts';
import type { SignaturePart } from './parts.ts';
import { type EdwardsRules, isEdwardsPoint, isEdwardsSignature } from './strict.ts';
import {
  encodeEcdsaSignature,
  isScalar,
  isUncompressedPoint,
  parseEcdsaSignature,
  type WeierstrassRules,
} from './weierstrass.ts';

/**
 * The computations of a scheme. Inputs have passed the checks on bytes; for ECDSA, signatures are r ‖ s here and the
 * message is still to be hashed. `verify` may throw for a key that is not on the curve: that counts as false.
 */
export interface SignatureEngine {
  publicKey(secretKey: Uint8Array): Uint8Array;
  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/**
 * EdDSA, pure, with an empty context: keys of 32 or 57 bytes, signatures of 64 or 114. Verification is strict and
 * without cofactor: [S]B = R + [k]A with R as received, and neither A nor R of small order (RFC 8032 §5.1.7, §5.2.7).
 */
export function eddsaPart(curve: EdwardsRules, engine: SignatureEngine): SignaturePart {
  const needSecret = (secretKey: Uint8Array) => {
    if (secretKey.length !== curve.size) fail('crypto.private-key', { length: secretKey.length });
  };
  return {
    seed: curve.size,
    keyPair: (seed) => {
      needSecret(seed);
      return { secretKey: seed.slice(), publicKey: engine.publicKey(seed) };
    },
    isPublicKey: (publicKey) => isEdwardsPoint(curve, publicKey),
    sign: (secretKey, message) => {
      needSecret(secretKey);
      return engine.sign(secretKey, message);
    },
    verify: (publicKey, message, signature) => {
      if (!isEdwardsSignature(curve, signature) || !isEdwardsPoint(curve, publicKey)) return false;
      return quietly(() => engine.verify(publicKey, message, signature));
    },
  };
}

/**
 * ECDSA with signatures in strict DER, high s allowed. Secret keys are scalars of 32, 48 or 66 bytes, public keys
 * uncompressed points. A key pair comes from its seed by HKDF and the rejection loop of RFC 9180 §7.1.3 under a label
 * of its own.
 */
export function ecdsaPart(curve: WeierstrassRules, mac: Mac, engine: SignatureEngine): SignaturePart {
  const needSecret = (secretKey: Uint8Array) => {
    if (!isScalar(curve, secretKey)) fail('crypto.private-key', { length: secretKey.length });
  };
  return {
    seed: curve.size,
    keyPair: (seed) => {
      if (seed.length !== curve.size) fail('crypto.private-key', { length: seed.length });
      const prk = labeledExtract(mac, EMPTY, EMPTY, 'xmpp-mls ecdsa key', seed);
      const secretKey = nistScalar(curve, (counter) => {
        return hkdfExpand(mac, prk, new Uint8Array([counter]), curve.size);
      });
      wipe(prk);
      return { secretKey, publicKey: engine.publicKey(secretKey) };
    },
    isPublicKey: (publicKey) => isUncompressedPoint(curve, publicKey),
    sign: (secretKey, message) => {
      needSecret(secretKey);
      return encodeEcdsaSignature(engine.sign(secretKey, message));
    },
    verify: (publicKey, message, signature) => {
      const compact = parseEcdsaSignature(curve, signature);
      if (compact === undefined || !isUncompressedPoint(curve, publicKey)) return false;
      return quietly(() => engine.verify(publicKey, message, compact));
    },
  };
}

/** Back ends refuse some keys by throwing; which ones, and how, must not show. */
function quietly(step: () => boolean): boolean {
  try {
    return step();
  } catch {
    return false;
  }
}
