/** The labeled operations of RFC 9420: §5.1.2, §5.1.3, §5.2 and §8. */

import { concat, EMPTY, utf8 } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { varintSize } from '../codec/varint.ts';
import { openBase, type SealedBase, sealBase } from './hpke.ts';
import type { KeyPair, SuiteCrypto } from './provider.ts';

/** What a signature or ciphertext is for: text, or bytes that an extension encodes. */
export type Label = string | Uint8Array;

/** Encoded labels, by their text: few are in use, and they recur in every operation. */
const KNOWN = /* @__PURE__ */ new Map<string, Uint8Array>();
/** Exporter labels come from applications; the memory for labels stays small whatever they do. */
const KNOWN_LIMIT = 256;

const VERSION = /* @__PURE__ */ utf8('MLS 1.0 ');

/**
 * SignWithLabel (RFC 9420 §5.1.2). Labels of the protocol: FramedContentTBS, LeafNodeTBS, KeyPackageTBS, GroupInfoTBS.
 * @returns an EdDSA (64 or 114 bytes) or DER-encoded ECDSA signature
 * @throws `crypto.private-key`
 */
export function signWithLabel(
  suite: SuiteCrypto,
  secretKey: Uint8Array,
  label: Label,
  content: Uint8Array,
): Uint8Array {
  return suite.sign(secretKey, labeled(prefixed(label), content, 0));
}

/** VerifyWithLabel (RFC 9420 §5.1.2). Never throws for bad keys or signatures. */
export function verifyWithLabel(
  suite: SuiteCrypto,
  publicKey: Uint8Array,
  label: Label,
  content: Uint8Array,
  signature: Uint8Array,
): boolean {
  return suite.verify(publicKey, labeled(prefixed(label), content, 0), signature);
}

/**
 * EncryptWithLabel (RFC 9420 §5.1.3): label and context form the HPKE info, the AAD is empty.
 * @param random gives the ephemeral seed, `sizes.encapSeed` bytes
 * @returns `sizes.enc` bytes of KEM output, and ciphertext ‖ tag
 * @throws `crypto.public-key`, `crypto.kem`, and what `random` throws
 */
export function encryptWithLabel(
  suite: SuiteCrypto,
  publicKey: Uint8Array,
  label: Label,
  context: Uint8Array,
  plaintext: Uint8Array,
  random: (length: number) => Uint8Array,
): SealedBase {
  const seed = random(suite.sizes.encapSeed);
  const sealed = sealBase(suite, publicKey, labeled(prefixed(label), context, 0), EMPTY, plaintext, seed);
  wipe(seed);
  return sealed;
}

/** DecryptWithLabel (RFC 9420 §5.1.3). @throws `crypto.kem`, `crypto.aead` */
export function decryptWithLabel(
  suite: SuiteCrypto,
  keyPair: KeyPair,
  label: Label,
  context: Uint8Array,
  sealed: SealedBase,
): Uint8Array {
  return openBase(suite, keyPair, labeled(prefixed(label), context, 0), EMPTY, sealed);
}

/**
 * ExpandWithLabel (RFC 9420 §8).
 * @returns `length` bytes
 * @throws `crypto.limit` above 65535 or 255·Nh
 */
export function expandWithLabel(
  suite: SuiteCrypto,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  // The field is a uint16; the bound by the hash is tested by the KDF.
  if (!Number.isInteger(length) || length < 0 || length > 0xffff) fail('crypto.limit', { length });
  const info = labeled(prefixed(label), context, 2);
  info[0] = length >>> 8;
  info[1] = length;
  return suite.hkdfExpand(secret, info, length);
}

/** DeriveSecret (RFC 9420 §8). @returns `sizes.hash` bytes */
export function deriveSecret(suite: SuiteCrypto, secret: Uint8Array, label: string): Uint8Array {
  return expandWithLabel(suite, secret, label, EMPTY, suite.sizes.hash);
}

/**
 * DeriveTreeSecret (RFC 9420 §9): the context is the generation as a uint32.
 * @returns `length` bytes
 * @throws `crypto.limit` for a generation outside 0..2^32 - 1 (it never wraps), or a length out of range
 */
export function deriveTreeSecret(
  suite: SuiteCrypto,
  secret: Uint8Array,
  label: string,
  generation: number,
  length: number,
): Uint8Array {
  if (!Number.isInteger(generation) || generation < 0 || generation > 0xffff_ffff) {
    fail('crypto.limit', { generation });
  }
  const context = new Uint8Array(4);
  context[0] = generation >>> 24;
  context[1] = generation >>> 16;
  context[2] = generation >>> 8;
  context[3] = generation;
  return expandWithLabel(suite, secret, label, context, length);
}

/** RefHash (RFC 9420 §5.2). The label is taken whole: it already begins with 'MLS 1.0 '. @returns `sizes.hash` bytes */
export function refHash(suite: SuiteCrypto, label: string, value: Uint8Array): Uint8Array {
  return suite.hash(labeled(vectorOf(label), value, 0));
}

/** `opaque label<V>` with the prefix of the protocol version. Only text recurs, so only text is remembered. */
function prefixed(label: Label): Uint8Array {
  if (typeof label === 'string') return vectorOf(`MLS 1.0 ${label}`);
  return labeled(EMPTY, concat(VERSION, label), 0);
}

/** `opaque text<V>`, remembered. */
function vectorOf(text: string): Uint8Array {
  const known = KNOWN.get(text);
  if (known !== undefined) return known;
  const bytes = utf8(text);
  const size = varintSize(bytes.length);
  const out = new Uint8Array(size + bytes.length);
  putLength(out, 0, bytes.length, size);
  out.set(bytes, size);
  if (KNOWN.size >= KNOWN_LIMIT) KNOWN.clear();
  KNOWN.set(text, out);
  return out;
}

/** `room` free bytes, an encoded label, then `opaque content<V>`, in one array of the exact size. */
function labeled(label: Uint8Array, content: Uint8Array, room: number): Uint8Array {
  const size = varintSize(content.length);
  const start = room + label.length;
  const out = new Uint8Array(start + size + content.length);
  out.set(label, room);
  putLength(out, start, content.length, size);
  out.set(content, start + size);
  return out;
}

/** A vector length in `size` bytes (RFC 9420 §2.1.2). */
function putLength(out: Uint8Array, offset: number, length: number, size: 1 | 2 | 4): void {
  if (size === 1) {
    out[offset] = length;
  } else if (size === 2) {
    out[offset] = 0x40 | (length >>> 8);
    out[offset + 1] = length;
  } else {
    out[offset] = 0x80 | (length >>> 24);
    out[offset + 1] = length >>> 16;
    out[offset + 2] = length >>> 8;
    out[offset + 3] = length;
  }
}
