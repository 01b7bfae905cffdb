/** A growing buffer that writes the presentation language of RFC 9420 §2.1. */

import { fail } from '../base/error.ts';
import { varintSize } from './varint.ts';

/** Writes integers, byte strings and vectors; nested vectors are written in place. */
export class Writer {
  #bytes: Uint8Array;
  #at = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** @throws `codec.input` outside 0..255 */
  uint8(value: number): void {
    check(value, 0xff);
    this.#grow(1);
    this.#bytes[this.#at++] = value;
  }

  /** @throws `codec.input` outside 0..65535 */
  uint16(value: number): void {
    check(value, 0xffff);
    this.#grow(2);
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value;
  }

  /** @throws `codec.input` outside 0..2^32 - 1 */
  uint32(value: number): void {
    check(value, 0xffff_ffff);
    this.#grow(4);
    this.#put(value, 4);
  }

  /** @throws `codec.input` outside 0..2^64 - 1 */
  uint64(value: bigint): void {
    if (typeof value !== 'bigint' || value < 0n || value > 0xffff_ffff_ffff_ffffn) {
      fail('codec.input', { expected: 'uint64' });
    }
    this.#grow(8);
    this.#put(Number(value >> 32n), 4);
    this.#put(Number(value & 0xffff_ffffn), 4);
  }

  /** Bytes as they are. @throws `codec.input` for anything but a `Uint8Array` */
  raw(bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) fail('codec.input', { expected: 'Uint8Array' });
    this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A vector length. @throws `codec.limit` above 2^30 - 1 */
  length(length: number): void {
    const size = varintSize(length);
    this.#grow(size);
    // Arithmetic, not `<<`: the prefix of the long form is the sign bit of a 32-bit integer.
    this.#put(length + (size === 1 ? 0 : size === 2 ? 0x4000 : 0x8000_0000), size);
  }

  /** A length-prefixed byte string. @throws `codec.input` for anything but a `Uint8Array` */
  opaque(bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) fail('codec.input', { expected: 'Uint8Array' });
    this.length(bytes.length);
    this.raw(bytes);
  }

  /** A length-prefixed vector whose content `body` writes. */
  vector(body: () => void): void {
    const start = this.#at;
    this.#grow(1);
    this.#at += 1;
    body();
    const length = this.#at - start - 1;
    const size = varintSize(length);
    if (size > 1) {
      this.#grow(size - 1);
      this.#bytes.copyWithin(start + size, start + 1, this.#at);
    }
    this.#at = start;
    this.length(length);
    this.#at += length;
  }

  /** Everything written, as bytes of its own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  #put(value: number, size: number): void {
    let rest = value;
    for (let i = size - 1; i >= 0; i--) {
      this.#bytes[this.#at + i] = rest;
      rest = Math.floor(rest / 256);
    }
    this.#at += size;
  }

  #grow(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    bigger.set(this.#bytes.subarray(0, this.#at));
    // The old buffer may have held a secret on its way into a message.
    this.#bytes.fill(0);
    this.#bytes = bigger;
  }
}

function check(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) fail('codec.input', { expected: 'integer', max });
}
