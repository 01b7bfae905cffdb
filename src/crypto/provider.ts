/** What the library asks of a cryptographic back end. Everything is synchronous and over raw bytes (RFC 9420 §5.1). */

/** Number of a cipher suite, uint16 (RFC 9420 §17.1). */
export type CipherSuite = number;

/** A key pair in the encodings of RFC 9420 §5.1.1; secret keys as RFC 9180 serializes them, EdDSA as the RFC 8032 seed. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** Lengths of one suite, in bytes. */
export interface SuiteSizes {
  /** Nh: output of the hash, the KDF extract step and the MAC. */
  readonly hash: number;
  /** Nk: AEAD key. */
  readonly key: number;
  /** Nn: AEAD nonce. */
  readonly nonce: number;
  /** Nt: AEAD tag. */
  readonly tag: number;
  /** Input of `deriveKeyPair` for a fresh key (Nsk). */
  readonly kemSeed: number;
  /** Randomness of one encapsulation. */
  readonly encapSeed: number;
  /** Nenc: encapsulated key. */
  readonly enc: number;
  /** Input of `signatureKeyPair`. */
  readonly signatureSeed: number;
}

/** HPKE algorithm identifiers of a suite (RFC 9180 §7), as used in its key schedule. */
export interface HpkeIds {
  readonly kem: number;
  readonly kdf: number;
  readonly aead: number;
}

/**
 * The primitives of one suite. Verdicts are the same in every back end, byte for byte of input.
 * No method alters or keeps its arguments; results belong to the caller.
 */
export interface SuiteCrypto {
  readonly id: CipherSuite;
  readonly name: string;
  readonly sizes: SuiteSizes;
  readonly hpke: HpkeIds;
  /** @returns `sizes.hash` bytes */
  hash(data: Uint8Array): Uint8Array;
  /** @returns `sizes.hash` bytes */
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** HKDF-Extract, salt first (RFC 5869). */
  hkdfExtract(salt: Uint8Array, ikm: Uint8Array): Uint8Array;
  /** HKDF-Expand. @param length 0..255·Nh @throws `crypto.limit` beyond */
  hkdfExpand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array;
  /** @returns ciphertext ‖ tag */
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** @returns `undefined` when authentication fails, so that callers choose the code */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
  /** KEM.DeriveKeyPair (RFC 9180 §7.1.3). */
  deriveKeyPair(ikm: Uint8Array): KeyPair;
  /** The pair of a serialized KEM private key. @throws `crypto.private-key` */
  kemKeyPair(secretKey: Uint8Array): KeyPair;
  /** Whether bytes are a usable KEM public key of this suite. */
  isKemPublicKey(publicKey: Uint8Array): boolean;
  /** KEM.Encap with explicit randomness of `sizes.encapSeed` bytes. @throws `crypto.public-key`, `crypto.kem` */
  encap(publicKey: Uint8Array, seed: Uint8Array): { readonly secret: Uint8Array; readonly enc: Uint8Array };
  /** KEM.Decap. @throws `crypto.kem` */
  decap(enc: Uint8Array, keyPair: KeyPair): Uint8Array;
  /** A signature key pair from `sizes.signatureSeed` random bytes. */
  signatureKeyPair(seed: Uint8Array): KeyPair;
  /** Whether bytes are an acceptable signature public key of this suite. */
  isSignaturePublicKey(publicKey: Uint8Array): boolean;
  /** @throws `crypto.private-key` */
  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array;
  /** Strict verification; never throws for bad input. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** A back end: suites and a random source. */
export interface Provider {
  /** For display: 'noble', 'node'. */
  readonly name: string;
  /** Suites that can run, in ascending order. */
  readonly suites: readonly CipherSuite[];
  /** @throws `codec.unsupported` for a suite that is not in `suites` */
  suite(id: CipherSuite): SuiteCrypto;
  /** Random bytes. @throws `crypto.entropy` */
  random(length: number): Uint8Array;
}
