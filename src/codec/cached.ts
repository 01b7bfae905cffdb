/** Encode-once memory for immutable structures: what arrived as bytes is never encoded again. */

import { type Codec, encode } from './codec.ts';

/** A codec that remembers the bytes of every object it read or wrote. */
export interface CachedCodec<T extends object> extends Codec<T> {
  /** The encoding of a value: a shared view, not to be altered. */
  bytes(value: T): Uint8Array;
}

/**
 * Remember encodings by object identity. Sound because structures are immutable and encodings canonical; a copy with
 * other fields is another object.
 */
export function cached<T extends object>(codec: Codec<T>): CachedCodec<T> {
  const memory = new WeakMap<T, Uint8Array>();
  const bytes = (value: T): Uint8Array => {
    const known = memory.get(value);
    if (known !== undefined) return known;
    const fresh = encode(codec, value);
    memory.set(value, fresh);
    return fresh;
  };
  return {
    bytes,
    read: (r) => {
      const start = r.offset;
      const value = codec.read(r);
      memory.set(value, r.since(start));
      return value;
    },
    write: (w, value) => w.raw(bytes(value)),
  };
}
