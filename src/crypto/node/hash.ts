/** SHA-2 and HMAC by OpenSSL. */

import { createHash, createHmac } from 'node:crypto';
import type { HashPart } from '../parts.ts';
import { plain } from './keys.ts';

function hashPart(name: string, size: number): HashPart {
  return {
    size,
    hash: (data) => plain(createHash(name).update(data).digest()),
    hmac: (key, data) => plain(createHmac(name, key).update(data).digest()),
  };
}

/** SHA-256. */
export const sha256Part: HashPart = /* @__PURE__ */ hashPart('sha256', 32);
/** SHA-384. */
export const sha384Part: HashPart = /* @__PURE__ */ hashPart('sha384', 48);
/** SHA-512. */
export const sha512Part: HashPart = /* @__PURE__ */ hashPart('sha512', 64);

/** Hashes by HPKE KDF identifier (RFC 9180 §7.2). */
export function hashes(): ReadonlyMap<number, HashPart> {
  return new Map([
    [1, sha256Part],
    [2, sha384Part],
    [3, sha512Part],
  ]);
}
