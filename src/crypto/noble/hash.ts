/** SHA-2 and HMAC by @noble/hashes. */

import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import type { HashPart } from '../parts.ts';

type ShaHash = typeof sha256 | typeof sha384 | typeof sha512;

function hashPart(sha: ShaHash): HashPart {
  return {
    size: sha.outputLen,
    hash: (data) => sha(data),
    hmac: (key, data) => hmac(sha, key, data),
  };
}

/** SHA-256. */
export const sha256Part: HashPart = /* @__PURE__ */ hashPart(sha256);
/** SHA-384. */
export const sha384Part: HashPart = /* @__PURE__ */ hashPart(sha384);
/** SHA-512. */
export const sha512Part: HashPart = /* @__PURE__ */ hashPart(sha512);

/** Hashes by HPKE KDF identifier (RFC 9180 §7.2). */
export function hashes(): ReadonlyMap<number, HashPart> {
  return new Map([
    [1, sha256Part],
    [2, sha384Part],
    [3, sha512Part],
  ]);
}
