/**
 * XEP-0448 (0.2.0): files encrypted with AES-256-GCM, each with a key of its own that stands in the message.
 *
 * The file is padded with zeros before, which readers cut off by the size that the message names.
 */

import { equal } from '../../base/bytes.ts';
import { fail } from '../../base/error.ts';
import type { Provider, SuiteCrypto } from '../../index.ts';
import { paddedLength } from '../stanza/sce.ts';
import { CIPHER, type FileMetadata, type FileSource } from './fileSharing.ts';

/** A file encrypted, and what its readers have to know. */
export interface EncryptedFile {
  /** What to upload: the padded file, encrypted, and the tag. */
  readonly ciphertext: Uint8Array;
  readonly size: number;
  readonly sha256: Uint8Array;
  /** Where to have it from is not known yet. */
  readonly source: Extract<FileSource, { readonly kind: 'encrypted' }>;
}

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Code points of HPKE by which suites with AES-256-GCM and with SHA-256 are found. */
const AES_256_GCM = 2;
const HKDF_SHA256 = 1;

/**
 * Encrypt a file with a key of its own.
 * @throws `crypto.unavailable` for a provider without AES-256-GCM or SHA-256, `crypto.entropy`
 */
export function encryptFile(provider: Provider, file: Uint8Array): EncryptedFile {
  const [key, iv] = [provider.random(KEY_BYTES), provider.random(IV_BYTES)];
  const padded = new Uint8Array(paddedLength(file.length));
  padded.set(file);
  const ciphertext = aes256(provider).seal(key, iv, new Uint8Array(0), padded);
  const source = {
    kind: 'encrypted',
    cipher: CIPHER,
    key,
    iv,
    sha256: sha256(provider, ciphertext),
    urls: [],
  } as const;
  return { ciphertext, size: file.length, sha256: sha256(provider, file), source };
}

/**
 * Decrypt what was had from an encrypted source.
 * @throws `xmpp.file` when it is not what the message describes, `codec.unsupported` for another cipher,
 *   `crypto.unavailable`
 */
export function decryptFile(
  provider: Provider,
  ciphertext: Uint8Array,
  source: Extract<FileSource, { readonly kind: 'encrypted' }>,
  { size, sha256: expected }: FileMetadata,
): Uint8Array {
  if (source.cipher !== CIPHER) fail('codec.unsupported', { at: 'cipher' });
  if (source.key.length !== KEY_BYTES || source.iv.length !== IV_BYTES) fail('xmpp.file', { at: 'cipher' });
  if (source.sha256) checkHash(provider, ciphertext, source.sha256, 'ciphertext');
  const padded = aes256(provider).open(source.key, source.iv, new Uint8Array(0), ciphertext);
  if (padded === undefined) return fail('xmpp.file', { at: 'tag' });
  if (size === undefined || padded.length < size) return fail('xmpp.file', { at: 'size' });
  const file = padded.slice(0, size);
  if (expected) checkHash(provider, file, expected, 'file');
  return file;
}

/**
 * Compare a hash.
 * @param at what is looked at, for the error
 * @throws `xmpp.file`, `crypto.unavailable`
 */
export function checkHash(provider: Provider, bytes: Uint8Array, expected: Uint8Array, at: string): void {
  if (!equal(sha256(provider, bytes), expected)) fail('xmpp.file', { at });
}

/** Most bytes that an encrypted file of this size has when it is uploaded. */
export function encryptedLength(size: number): number {
  return paddedLength(size) + TAG_BYTES;
}

function aes256(provider: Provider): SuiteCrypto {
  return suiteWith(provider, (suite) => suite.hpke.aead === AES_256_GCM, 'AES-256-GCM');
}

/** SHA-256 by whatever suite has it. @throws `crypto.unavailable` */
export function sha256(provider: Provider, bytes: Uint8Array): Uint8Array {
  return suiteWith(provider, (suite) => suite.hpke.kdf === HKDF_SHA256, 'SHA-256').hash(bytes);
}

function suiteWith(provider: Provider, has: (suite: SuiteCrypto) => boolean, algorithm: string): SuiteCrypto {
  const found = provider.suites.map((id) => provider.suite(id)).find(has);
  return found ?? fail('crypto.unavailable', { algorithm });
}
