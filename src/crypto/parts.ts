/** The pieces a back end brings, and how suites are put together from them (RFC 9420 §5.1). */

import { fail } from '../base/error.ts';
import { hkdfExpand } from './hkdf.ts';
import type { CipherSuite, KeyPair, Provider, SuiteCrypto } from './provider.ts';
import { guardedRandom, type RandomSource } from './random.ts';
import { SUITES, type SuiteSpec } from './suites.ts';

/** A hash with its MAC. */
export interface HashPart {
  /** Output of the hash and of the MAC, in bytes. */
  readonly size: number;
  hash(data: Uint8Array): Uint8Array;
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
}

/** An AEAD. Its callers have checked the lengths of key and nonce, and that the input holds a whole tag. */
export interface AeadPart {
  readonly key: number;
  readonly nonce: number;
  readonly tag: number;
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** @returns `undefined` when authentication fails */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}

/** A KEM, with the contracts of the methods of the same name in `SuiteCrypto`. */
export interface KemPart {
  readonly seed: number;
  readonly encapSeed: number;
  readonly enc: number;
  deriveKeyPair(ikm: Uint8Array): KeyPair;
  keyPair(secretKey: Uint8Array): KeyPair;
  isPublicKey(publicKey: Uint8Array): boolean;
  encap(publicKey: Uint8Array, seed: Uint8Array): { readonly secret: Uint8Array; readonly enc: Uint8Array };
  decap(enc: Uint8Array, keyPair: KeyPair): Uint8Array;
}

/** A signature scheme, with the contracts of the methods of `SuiteCrypto`. */
export interface SignaturePart {
  readonly seed: number;
  keyPair(seed: Uint8Array): KeyPair;
  isPublicKey(publicKey: Uint8Array): boolean;
  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** Algorithms by identifier; `undefined` removes one. */
export type PartTable<Id, Part> = ReadonlyMap<Id, Part | undefined>;

/** Everything a back end can do. Hashes go by KDF identifier, signatures by TLS name. */
export interface Parts {
  readonly hashes: PartTable<number, HashPart>;
  readonly aeads: PartTable<number, AeadPart>;
  readonly kems: PartTable<number, KemPart>;
  readonly signatures: PartTable<string, SignaturePart>;
}

/** What a caller may add to a back end, or replace in it. */
export interface ProviderOptions extends Partial<Parts> {
  /** Where randomness comes from. It is checked on every draw. */
  readonly random?: RandomSource;
  /** Rows beside those of RFC 9420, or in their place. */
  readonly suites?: readonly SuiteSpec[];
}

/**
 * Make a provider. Nothing is computed before the first use of a suite.
 * @param defaults the algorithms of the back end
 * @param random the random source of the platform
 * @param digest a hash for the checks on that source
 */
export function assembleProvider(
  name: string,
  defaults: Parts,
  random: RandomSource,
  digest: (data: Uint8Array) => Uint8Array,
  options: ProviderOptions,
): Provider {
  const parts: Parts = {
    hashes: merged(defaults.hashes, options.hashes),
    aeads: merged(defaults.aeads, options.aeads),
    kems: merged(defaults.kems, options.kems),
    signatures: merged(defaults.signatures, options.signatures),
  };
  const rows = new Map<CipherSuite, SuiteSpec>();
  for (const row of [...SUITES, ...(options.suites ?? [])]) {
    if (missing(row, parts).length === 0) rows.set(row.id, row);
    else rows.delete(row.id);
  }
  const made = new Map<CipherSuite, SuiteCrypto>();
  return Object.freeze({
    name,
    suites: Object.freeze([...rows.keys()].sort((a, b) => a - b)),
    random: guardedRandom(options.random ?? random, digest),
    suite: (id: CipherSuite) => {
      const known = made.get(id);
      if (known !== undefined) return known;
      const row = rows.get(id) ?? unknownSuite(id, parts, options);
      const suite = assembleSuite(row, parts);
      made.set(id, suite);
      return suite;
    },
  });
}

function unknownSuite(id: CipherSuite, parts: Parts, options: ProviderOptions): never {
  const row = [...SUITES, ...(options.suites ?? [])].findLast((candidate) => candidate.id === id);
  const lacking = row === undefined ? undefined : missing(row, parts).join(', ');
  return fail('codec.unsupported', { suite: typeof id === 'number' ? id : undefined, missing: lacking });
}

function merged<Id, Part>(
  base: PartTable<Id, Part>,
  extra: PartTable<Id, Part> | undefined,
): PartTable<Id, Part> {
  return extra === undefined ? base : new Map([...base, ...extra]);
}

/** Names of the algorithms that a row needs and the back end lacks. */
function missing(row: SuiteSpec, parts: Parts): string[] {
  const out: string[] = [];
  if (parts.kems.get(row.kem) === undefined) out.push(`kem ${row.kem}`);
  if (parts.hashes.get(row.kdf) === undefined) out.push(`kdf ${row.kdf}`);
  if (parts.aeads.get(row.aead) === undefined) out.push(`aead ${row.aead}`);
  if (parts.signatures.get(row.signature) === undefined) out.push(row.signature);
  return out;
}

function assembleSuite(row: SuiteSpec, parts: Parts): SuiteCrypto {
  const hash = parts.hashes.get(row.kdf);
  const aead = parts.aeads.get(row.aead);
  const kem = parts.kems.get(row.kem);
  const signature = parts.signatures.get(row.signature);
  if (hash === undefined || aead === undefined || kem === undefined || signature === undefined) {
    return fail('crypto.unavailable', { suite: row.id });
  }
  return Object.freeze({
    id: row.id,
    name: row.name,
    sizes: Object.freeze({
      hash: hash.size,
      key: aead.key,
      nonce: aead.nonce,
      tag: aead.tag,
      kemSeed: kem.seed,
      encapSeed: kem.encapSeed,
      enc: kem.enc,
      signatureSeed: signature.seed,
    }),
    hpke: Object.freeze({ kem: row.kem, kdf: row.kdf, aead: row.aead }),
    hash: hash.hash,
    hmac: hash.hmac,
    hkdfExtract: hash.hmac,
    hkdfExpand: (prk: Uint8Array, info: Uint8Array, length: number) => hkdfExpand(hash, prk, info, length),
    ...checkedAead(aead),
    deriveKeyPair: kem.deriveKeyPair,
    kemKeyPair: kem.keyPair,
    isKemPublicKey: kem.isPublicKey,
    encap: kem.encap,
    decap: kem.decap,
    signatureKeyPair: signature.keyPair,
    isSignaturePublicKey: signature.isPublicKey,
    sign: signature.sign,
    verify: signature.verify,
  });
}

/** The same length rules for every back end: a wrong length is a failed decryption, never a platform exception. */
function checkedAead(aead: AeadPart): Pick<SuiteCrypto, 'seal' | 'open'> {
  const fits = (key: Uint8Array, nonce: Uint8Array) => key.length === aead.key && nonce.length === aead.nonce;
  return {
    seal: (key, nonce, aad, plaintext) => {
      if (!fits(key, nonce)) fail('crypto.aead', { key: key.length, nonce: nonce.length });
      return aead.seal(key, nonce, aad, plaintext);
    },
    open: (key, nonce, aad, ciphertext) => {
      if (!fits(key, nonce) || ciphertext.length < aead.tag) return undefined;
      return aead.open(key, nonce, aad, ciphertext);
    },
  };
}
