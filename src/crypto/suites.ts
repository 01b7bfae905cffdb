/**
 * Cipher suites as data (RFC 9420 §17.1). A suite names its algorithms; each back end looks the names up in its own
 * tables. Adding a suite, a post-quantum one included, adds a row here or in a provider's options and nothing else.
 */

import type { CipherSuite } from './provider.ts';

/** One row of the suite table. */
export interface SuiteSpec {
  readonly id: CipherSuite;
  /** The IANA name. */
  readonly name: string;
  /** HPKE KEM identifier (RFC 9180 §7.1). */
  readonly kem: number;
  /** HPKE KDF identifier (RFC 9180 §7.2); its hash is also the hash and MAC of the suite. */
  readonly kdf: number;
  /** HPKE AEAD identifier (RFC 9180 §7.3). */
  readonly aead: number;
  /** Signature scheme, by its TLS name. */
  readonly signature: string;
}

/** The seven suites of RFC 9420. */
export const SUITES: readonly SuiteSpec[] = /* @__PURE__ */ Object.freeze([
  row(1, 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519', [0x0020, 1, 1], 'ed25519'),
  row(2, 'MLS_128_DHKEMP256_AES128GCM_SHA256_P256', [0x0010, 1, 1], 'ecdsa_secp256r1_sha256'),
  row(3, 'MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519', [0x0020, 1, 3], 'ed25519'),
  row(4, 'MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448', [0x0021, 3, 2], 'ed448'),
  row(5, 'MLS_256_DHKEMP521_AES256GCM_SHA512_P521', [0x0012, 3, 2], 'ecdsa_secp521r1_sha512'),
  row(6, 'MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448', [0x0021, 3, 3], 'ed448'),
  row(7, 'MLS_256_DHKEMP384_AES256GCM_SHA384_P384', [0x0011, 2, 2], 'ecdsa_secp384r1_sha384'),
]);

function row(
  id: CipherSuite,
  name: string,
  hpke: readonly [kem: number, kdf: number, aead: number],
  signature: string,
): SuiteSpec {
  const [kem, kdf, aead] = hpke;
  return Object.freeze({ id, name, kem, kdf, aead, signature });
}
