/** AES-GCM and ChaCha20-Poly1305 by OpenSSL. */

import { createCipheriv, createDecipheriv, getCipherInfo } from 'node:crypto';
import type { AeadPart } from '../parts.ts';

const TAG = 16;
const OPTIONS = { authTagLength: TAG };

/** All three names have the same interface; the types know only one name at a time. */
function aeadPart(cipherName: string, key: number): AeadPart | undefined {
  if (getCipherInfo(cipherName) === undefined) return undefined;
  const name = cipherName as 'aes-128-gcm';
  return {
    key,
    nonce: 12,
    tag: TAG,
    seal: (k, nonce, aad, plaintext) => {
      const cipher = createCipheriv(name, k, nonce, OPTIONS);
      cipher.setAAD(aad);
      const out = new Uint8Array(plaintext.length + TAG);
      out.set(cipher.update(plaintext));
      cipher.final();
      out.set(cipher.getAuthTag(), plaintext.length);
      return out;
    },
    open: (k, nonce, aad, ciphertext) => {
      const length = ciphertext.length - TAG;
      const decipher = createDecipheriv(name, k, nonce, OPTIONS);
      decipher.setAAD(aad);
      decipher.setAuthTag(ciphertext.subarray(length));
      const out = new Uint8Array(decipher.update(ciphertext.subarray(0, length)));
      try {
        // Compares the tag; until then nothing is handed out.
        decipher.final();
      } catch {
        out.fill(0);
        return undefined;
      }
      return out;
    },
  };
}

/** AEADs by HPKE identifier (RFC 9180 §7.3), those that OpenSSL was built with. */
export function aeads(): ReadonlyMap<number, AeadPart | undefined> {
  return new Map([
    [1, aeadPart('aes-128-gcm', 16)],
    [2, aeadPart('aes-256-gcm', 32)],
    [3, aeadPart('chacha20-poly1305', 32)],
  ]);
}
