/** HKDF-Expand (RFC 5869) and the labeled forms of RFC 9180 §4, over any HMAC. */

import { concat, utf8 } from '../base/bytes.ts';
import { fail } from '../base/error.ts';

/** What HKDF needs of a hash. */
export interface Mac {
  /** Output of `hmac`, in bytes. */
  readonly size: number;
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
}

/**
 * HKDF-Expand.
 * @param length 0..255·size
 * @returns `length` bytes
 * @throws `crypto.limit` for any other length
 */
export function hkdfExpand(mac: Mac, prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (!Number.isInteger(length) || length < 0 || length > 255 * mac.size) fail('crypto.limit', { length });
  const first = new Uint8Array(info.length + 1);
  first.set(info);
  first[info.length] = 1;
  let block = mac.hmac(prk, first);
  // Nearly every use wants one block or less.
  if (length === mac.size) return block;
  if (length < mac.size) return block.slice(0, length);
  const out = new Uint8Array(length);
  out.set(block);
  const input = new Uint8Array(mac.size + info.length + 1);
  input.set(info, mac.size);
  for (let at = mac.size, counter = 2; at < length; at += mac.size, counter++) {
    input.set(block);
    input[input.length - 1] = counter;
    block = mac.hmac(prk, input);
    out.set(block.length > length - at ? block.subarray(0, length - at) : block, at);
  }
  return out;
}

const VERSION = /* @__PURE__ */ utf8('HPKE-v1');

/** LabeledExtract (RFC 9180 §4). @returns `mac.size` bytes */
export function labeledExtract(
  mac: Mac,
  suiteId: Uint8Array,
  salt: Uint8Array,
  label: string,
  ikm: Uint8Array,
): Uint8Array {
  return mac.hmac(salt, concat(VERSION, suiteId, utf8(label), ikm));
}

/** LabeledExpand (RFC 9180 §4). @returns `length` bytes @throws `crypto.limit` beyond 65535 or 255·size */
export function labeledExpand(
  mac: Mac,
  suiteId: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  if (!Number.isInteger(length) || length < 0 || length > 0xffff) fail('crypto.limit', { length });
  return hkdfExpand(mac, prk, concat(u16(length), VERSION, suiteId, utf8(label), info), length);
}

/** I2OSP(value, 2). */
export function u16(value: number): Uint8Array {
  return new Uint8Array([value >>> 8, value & 0xff]);
}

/** `prefix` and then identifiers of two bytes each: the suite_id of RFC 9180 §4.1 and §5.1. */
export function suiteId(prefix: 'KEM' | 'HPKE', ...ids: readonly number[]): Uint8Array {
  return concat(utf8(prefix), ...ids.map(u16));
}
