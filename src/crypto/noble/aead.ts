/** AES-GCM and ChaCha20-Poly1305 by @noble/ciphers. */

import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import type { AeadPart } from '../parts.ts';

/** Throws when authentication fails, and only then: the lengths were checked before. */
type Cipher = typeof gcm | typeof chacha20poly1305;

function aeadPart(cipher: Cipher, key: number): AeadPart {
  return {
    key,
    nonce: 12,
    tag: 16,
    seal: (k, nonce, aad, plaintext) => cipher(k, nonce, aad).encrypt(plaintext),
    open: (k, nonce, aad, ciphertext) => {
      try {
        return cipher(k, nonce, aad).decrypt(ciphertext);
      } catch {
        return undefined;
      }
    },
  };
}

/** AEADs by HPKE identifier (RFC 9180 §7.3). */
export function aeads(): ReadonlyMap<number, AeadPart> {
  return new Map([
    [1, aeadPart(gcm, 16)],
    [2, aeadPart(gcm, 32)],
    [3, aeadPart(chacha20poly1305, 32)],
  ]);
}
