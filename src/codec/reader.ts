/** A bounded cursor over bytes. It never copies: what it hands out are views of its input. */

import { at, EMPTY } from '../base/bytes.ts';
import { fail } from '../base/error.ts';

/** Bounds on what a decoder builds. They are local policy, far above anything this library emits. */
export interface DecodeLimits {
  /** Longest input, in bytes. */
  readonly bytes: number;
  /** Most elements in one vector. */
  readonly elements: number;
}

/** 64 MiB, and 2^21 elements: a tree of a million members. */
export const DEFAULT_LIMITS: DecodeLimits = /* @__PURE__ */ Object.freeze({
  bytes: 1 << 26,
  elements: 1 << 21,
});

/** Finds the end of one value of an open type; a {@link Codec} serves. */
export interface OpenBody {
  read(reader: Reader): unknown;
}

/**
 * Bodies of further credential and proposal types. They have no length on the wire, so that an unknown one cannot be
 * skipped (RFC 9420 §5.3, §12.1); an application that uses more of them says here where each ends.
 */
export interface OpenTypes {
  readonly credentials?: ReadonlyMap<number, OpenBody>;
  readonly proposals?: ReadonlyMap<number, OpenBody>;
}

/** How to decode. */
export interface DecodeOptions {
  readonly limits?: DecodeLimits;
  readonly openTypes?: OpenTypes;
}

/** Reads the presentation language of RFC 9420 §2.1 and refuses all but the canonical form. */
export class Reader {
  /** The whole input. */
  readonly bytes: Uint8Array;
  readonly options: DecodeOptions;
  readonly limits: DecodeLimits;
  #at: number;
  #end: number;

  /** Reads from `start` to the end. @throws `codec.limit` when the input is longer than the limits allow */
  constructor(bytes: Uint8Array, options: DecodeOptions = {}, start = 0) {
    const limits = options.limits ?? DEFAULT_LIMITS;
    if (bytes.length > limits.bytes) fail('codec.limit', { length: bytes.length, limit: limits.bytes });
    this.bytes = bytes;
    this.options = options;
    this.limits = limits;
    this.#at = start;
    this.#end = bytes.length;
  }

  /** Bytes read so far: the offset that errors report. */
  get offset(): number {
    return this.#at;
  }

  /** Bytes left before the end of the current vector or input. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  /** @throws `codec.truncated` */
  uint8(): number {
    this.#need(1);
    return at(this.bytes, this.#at++);
  }

  /** @throws `codec.truncated` */
  uint16(): number {
    this.#need(2);
    const value = (at(this.bytes, this.#at) << 8) | at(this.bytes, this.#at + 1);
    this.#at += 2;
    return value;
  }

  /** @throws `codec.truncated` */
  uint32(): number {
    this.#need(4);
    const i = this.#at;
    const b = this.bytes;
    this.#at += 4;
    return ((at(b, i) << 24) | (at(b, i + 1) << 16) | (at(b, i + 2) << 8) | at(b, i + 3)) >>> 0;
  }

  /** @throws `codec.truncated` */
  uint64(): bigint {
    this.#need(8);
    const high = this.uint32();
    return (BigInt(high) << 32n) | BigInt(this.uint32());
  }

  /** A view of the next `length` bytes. @throws `codec.truncated` */
  take(length: number): Uint8Array {
    this.#need(length);
    if (length === 0) return EMPTY;
    const start = this.#at;
    this.#at += length;
    return this.bytes.subarray(start, this.#at);
  }

  /** The bytes from an earlier offset up to here. */
  since(offset: number): Uint8Array {
    return this.bytes.subarray(offset, this.#at);
  }

  /** A vector length (RFC 9420 §2.1.2). @throws `codec.varint`, `codec.truncated` */
  length(): number {
    const start = this.#at;
    const first = this.uint8();
    const size = first >> 6;
    if (size === 0) return first;
    if (size === 3) fail('codec.varint', { offset: start });
    let value = first & 0x3f;
    const more = size === 1 ? 1 : 3;
    this.#need(more);
    for (let i = 0; i < more; i++) value = value * 256 + this.uint8();
    if (value < (size === 1 ? 0x40 : 0x4000)) fail('codec.varint', { offset: start });
    if (value > this.remaining) fail('codec.truncated', { offset: this.#at, wanted: value });
    return value;
  }

  /** A length-prefixed byte string, as a view. @throws `codec.varint`, `codec.truncated` */
  opaque(): Uint8Array {
    return this.take(this.length());
  }

  /**
   * Read a length-prefixed vector: `body` runs with the input bounded to it and must use it up.
   * @throws `codec.trailing` when bytes remain
   */
  vector<T>(body: () => T): T {
    const length = this.length();
    this.#need(length);
    const outerEnd = this.#end;
    this.#end = this.#at + length;
    const value = body();
    this.finish();
    this.#end = outerEnd;
    return value;
  }

  /** @throws `codec.trailing` unless everything was read */
  finish(): void {
    if (this.#at !== this.#end) fail('codec.trailing', { offset: this.#at, left: this.remaining });
  }

  #need(count: number): void {
    if (count > this.#end - this.#at) fail('codec.truncated', { offset: this.#at, wanted: count });
  }
}
