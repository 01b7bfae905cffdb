/** Key objects from raw bytes, made once per key. The JWK route is 5 to 15 times faster than DER under OpenSSL 3. */

import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { equal } from '../../base/bytes.ts';

/** Bytes as base64url, the text form of JWK fields. */
export function base64url(bytes: Uint8Array): string {
  return buffer(bytes).toString('base64url');
}

/** A result of OpenSSL as an ordinary array: the `slice` of a Buffer would share memory with its caller. */
export function plain(bytes: Buffer): Uint8Array {
  // Results that fill their memory can be passed on; others sit in a pool shared with strangers.
  if (bytes.byteLength === bytes.buffer.byteLength) return new Uint8Array(bytes.buffer);
  return new Uint8Array(bytes);
}

/** A public key object. Throws for what OpenSSL cannot import. */
export function importPublic(jwk: JsonWebKey): KeyObject {
  return createPublicKey({ key: jwk, format: 'jwk' });
}

/** A private key object. The public fields of `jwk` may be empty for X25519 and its like: OpenSSL computes them. */
export function importPrivate(jwk: JsonWebKey): KeyObject {
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

/** Whether the running OpenSSL knows a curve of RFC 8037, by importing any `size` bytes, which it does unseen. */
export function offersOkp(crv: string, size: number): boolean {
  try {
    importPublic({ kty: 'OKP', crv, x: base64url(new Uint8Array(size).fill(1)) });
    return true;
  } catch {
    return false;
  }
}

/** Most public keys kept per scheme; the one kept longest goes first. */
const LIMIT = 8192;

/** Remembers what was made from the bytes of a public key. Failures are not remembered. */
export function publicCache<T>(make: (publicKey: Uint8Array) => T): (publicKey: Uint8Array) => T {
  const memory = new Map<string, T>();
  return (publicKey) => {
    const id = buffer(publicKey).toString('latin1');
    const known = memory.get(id);
    if (known !== undefined) return known;
    const fresh = make(publicKey);
    if (memory.size >= LIMIT) {
      for (const oldest of memory.keys()) {
        memory.delete(oldest);
        break;
      }
    }
    memory.set(id, fresh);
    return fresh;
  };
}

/**
 * Remembers what was made from a secret key, for as long as its array lives. The content is compared each time: an
 * array that was overwritten is a different key.
 */
export function secretCache<T>(make: (secretKey: Uint8Array) => T): (secretKey: Uint8Array) => T {
  const memory = new WeakMap<Uint8Array, { readonly copy: Uint8Array; readonly made: T }>();
  return (secretKey) => {
    const known = memory.get(secretKey);
    if (known !== undefined && equal(known.copy, secretKey)) return known.made;
    const made = make(secretKey);
    memory.set(secretKey, { copy: new Uint8Array(secretKey), made });
    return made;
  };
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
