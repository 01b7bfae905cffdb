/** DHKEM (RFC 9180 §4.1, §7.1) over any Diffie-Hellman group. */

import { at, concat, EMPTY, isZero } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { labeledExpand, labeledExtract, type Mac, suiteId } from './hkdf.ts';
import type { KemPart } from './parts.ts';
import type { KeyPair } from './provider.ts';
import { isMontgomeryKey, type MontgomeryRules } from './strict.ts';
import { isScalar, isUncompressedPoint, type WeierstrassRules } from './weierstrass.ts';

/** A Diffie-Hellman group in the serializations of RFC 9180 §7.1.1. */
export interface DhGroup {
  /** Nsk: length of a secret key. */
  readonly secretSize: number;
  /** Npk = Nenc: length of a public key. */
  readonly publicSize: number;
  /** The code for a key of the right length that is refused: a value of low order, or no point at all. */
  readonly refusal: 'crypto.kem' | 'crypto.public-key';
  isSecretKey(secretKey: Uint8Array): boolean;
  isPublicKey(publicKey: Uint8Array): boolean;
  /** A secret key from the pseudorandom candidates 0, 1, ... @throws `crypto.private-key` when none will do */
  secretKey(candidate: (label: 'sk' | 'candidate', info: Uint8Array) => Uint8Array): Uint8Array;
  /** The public key of a valid secret key. */
  publicKey(secretKey: Uint8Array): Uint8Array;
  /** The shared secret of valid keys; `undefined` when it is all zero or the back end refuses. */
  dh(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
}

/** What a back end computes for a group. Keys have passed the checks; `dh` may throw for a key it refuses. */
export interface DhEngine {
  publicKey(secretKey: Uint8Array): Uint8Array;
  dh(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array;
}

/** X25519 or X448: any secret of 32 or 56 bytes, low-order keys and all-zero results refused (RFC 9180 §7.1.4). */
export function montgomeryGroup(curve: MontgomeryRules, engine: DhEngine): DhGroup {
  return {
    secretSize: curve.size,
    publicSize: curve.size,
    refusal: 'crypto.kem',
    isSecretKey: (secretKey) => secretKey.length === curve.size,
    isPublicKey: (publicKey) => isMontgomeryKey(curve, publicKey),
    secretKey: (candidate) => candidate('sk', EMPTY),
    publicKey: engine.publicKey,
    dh: (secretKey, publicKey) => {
      const shared = attempt(engine, secretKey, publicKey);
      return shared === undefined || isZero(shared) ? undefined : shared;
    },
  };
}

/** P-256, P-384 or P-521: scalars of 32, 48 or 66 bytes, uncompressed points, the x coordinate as the secret. */
export function nistGroup(curve: WeierstrassRules, engine: DhEngine): DhGroup {
  return {
    secretSize: curve.size,
    publicSize: 1 + 2 * curve.size,
    refusal: 'crypto.public-key',
    isSecretKey: (secretKey) => isScalar(curve, secretKey),
    isPublicKey: (publicKey) => isUncompressedPoint(curve, publicKey),
    secretKey: (candidate) =>
      nistScalar(curve, (counter) => candidate('candidate', new Uint8Array([counter]))),
    publicKey: engine.publicKey,
    dh: (secretKey, publicKey) => attempt(engine, secretKey, publicKey),
  };
}

function attempt(engine: DhEngine, secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    return engine.dh(secretKey, publicKey);
  } catch {
    return undefined;
  }
}

/**
 * The rejection loop of RFC 9180 §7.1.3: the first candidate in 1..n-1 after masking its first byte.
 * @param candidate gives `curve.size` fresh bytes for a counter
 * @throws `crypto.private-key` after 256 candidates
 */
export function nistScalar(curve: WeierstrassRules, candidate: (counter: number) => Uint8Array): Uint8Array {
  for (let counter = 0; counter <= 255; counter++) {
    const scalar = candidate(counter);
    scalar[0] = at(scalar, 0) & curve.mask;
    if (isScalar(curve, scalar)) return scalar;
  }
  return fail('crypto.private-key', { reason: 'no candidate' });
}

/**
 * The KEM of a group. Seeds of `deriveKeyPair` and of `encap` have the length of a secret key.
 * @param id KEM identifier (RFC 9180 §7.1)
 * @param mac HMAC of the KEM's own KDF, which need not be that of the suite
 */
export function dhkem(id: number, group: DhGroup, mac: Mac): KemPart {
  const kemId = suiteId('KEM', id);
  const deriveKeyPair = (ikm: Uint8Array): KeyPair => {
    const prk = labeledExtract(mac, kemId, EMPTY, 'dkp_prk', ikm);
    const secretKey = group.secretKey((label, info) => {
      return labeledExpand(mac, kemId, prk, label, info, group.secretSize);
    });
    wipe(prk);
    return { secretKey, publicKey: group.publicKey(secretKey) };
  };
  const sharedSecret = (dh: Uint8Array, enc: Uint8Array, publicKey: Uint8Array): Uint8Array =>
    extractAndExpand(mac, kemId, dh, concat(enc, publicKey));
  return {
    seed: group.secretSize,
    encapSeed: group.secretSize,
    enc: group.publicSize,
    deriveKeyPair,
    keyPair: (secretKey) => {
      if (!group.isSecretKey(secretKey)) fail('crypto.private-key', { length: secretKey.length });
      return { secretKey: secretKey.slice(), publicKey: group.publicKey(secretKey) };
    },
    isPublicKey: group.isPublicKey,
    encap: (publicKey, seed) => {
      if (seed.length !== group.secretSize) fail('codec.input', { expected: group.secretSize });
      if (publicKey.length !== group.publicSize) fail('crypto.public-key', { length: publicKey.length });
      const ephemeral = deriveKeyPair(seed);
      const dh = group.isPublicKey(publicKey) ? group.dh(ephemeral.secretKey, publicKey) : undefined;
      wipe(ephemeral.secretKey);
      if (dh === undefined) fail(group.refusal, { kem: id });
      return { secret: sharedSecret(dh, ephemeral.publicKey, publicKey), enc: ephemeral.publicKey };
    },
    decap: (enc, { publicKey, secretKey }) => {
      if (!group.isSecretKey(secretKey)) fail('crypto.private-key', { length: secretKey.length });
      const dh = group.isPublicKey(enc) ? group.dh(secretKey, enc) : undefined;
      if (dh === undefined) return fail('crypto.kem', { length: enc.length });
      return sharedSecret(dh, enc, publicKey);
    },
  };
}

/** `ExtractAndExpand`; Nsecret is the hash length for all five KEMs. The DH result is wiped. */
function extractAndExpand(mac: Mac, kemId: Uint8Array, dh: Uint8Array, context: Uint8Array): Uint8Array {
  const prk = labeledExtract(mac, kemId, EMPTY, 'eae_prk', dh);
  const secret = labeledExpand(mac, kemId, prk, 'shared_secret', context, mac.size);
  wipe(prk, dh);
  return secret;
}

/** The DHKEMs of RFC 9180 §7.1 for the groups at hand, each with the hash that belongs to its identifier. */
export function dhkems(
  groups: ReadonlyMap<number, DhGroup>,
  sha256: Mac,
  sha384: Mac,
  sha512: Mac,
): ReadonlyMap<number, KemPart> {
  const macs = new Map([
    [0x0010, sha256],
    [0x0011, sha384],
    [0x0012, sha512],
    [0x0020, sha256],
    [0x0021, sha512],
  ]);
  const kems = new Map<number, KemPart>();
  for (const [id, group] of groups) {
    const mac = macs.get(id);
    if (mac !== undefined) kems.set(id, dhkem(id, group, mac));
  }
  return kems;
}
