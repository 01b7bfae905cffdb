/** Codecs and how to combine them: the vocabulary in which `wire/` writes down the structures of RFC 9420. */

import { fromUtf8, ownedCopy, utf8 } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { type DecodeOptions, Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** Reads and writes one type. For every accepted input, writing what was read gives the same bytes. */
export interface Codec<T> {
  /** @throws `codec.*` */
  read(reader: Reader): T;
  /** @throws `codec.input`, `codec.limit` */
  write(writer: Writer, value: T): void;
  /** As `read`, into an object that has other fields already: what `select` builds its values with. */
  into?(reader: Reader, target: object): T;
}

/** The type that a codec carries. */
export type Decoded<C> = C extends Codec<infer T> ? T : never;

/**
 * Decode a whole byte string. The input is copied first; the result may hold views of that copy.
 * @throws `codec.*` with the offset
 */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array, options?: DecodeOptions): T {
  return decodeOwned(codec, ownedCopy(bytes), options);
}

/** As {@link decode}, for bytes that nobody else will change: no copy is made. */
export function decodeOwned<T>(codec: Codec<T>, bytes: Uint8Array, options?: DecodeOptions): T {
  const reader = new Reader(bytes, options);
  const value = codec.read(reader);
  reader.finish();
  return value;
}

/** Encode a value. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.finish();
}

/** One byte (§2.1). */
export const uint8: Codec<number> = { read: (r) => r.uint8(), write: (w, v) => w.uint8(v) };
/** Two bytes, big-endian. */
export const uint16: Codec<number> = { read: (r) => r.uint16(), write: (w, v) => w.uint16(v) };
/** Four bytes, big-endian. */
export const uint32: Codec<number> = { read: (r) => r.uint32(), write: (w, v) => w.uint32(v) };
/** Eight bytes, big-endian, as a `bigint`. */
export const uint64: Codec<bigint> = { read: (r) => r.uint64(), write: (w, v) => w.uint64(v) };
/** `opaque data<V>`. */
export const opaque: Codec<Uint8Array> = { read: (r) => r.opaque(), write: (w, v) => w.opaque(v) };
/** UTF-8 text behind its length. @throws `codec.utf8` */
export const text: Codec<string> = {
  read: (r) => fromUtf8(r.opaque()),
  write: (w, v) => w.opaque(utf8(v)),
};
/** Nothing on the wire: the body of an empty variant. */
export const empty: Codec<Readonly<Record<never, never>>> = { read: () => ({}), write: () => {} };

/** `opaque data[length]`. */
export function fixedOpaque(length: number): Codec<Uint8Array> {
  return {
    read: (r) => r.take(length),
    write: (w, v) => {
      if (v.length !== length) fail('codec.input', { expected: length, length: v.length });
      w.raw(v);
    },
  };
}

/** `T items<V>`. @throws `codec.length` when elements of a fixed size do not fill it, `codec.limit` for too many */
export function vector<T>(element: Codec<T>, fixedSize?: number): Codec<readonly T[]> {
  return {
    read: (r) =>
      r.vector(() => {
        if (fixedSize !== undefined && r.remaining % fixedSize !== 0) {
          fail('codec.length', { offset: r.offset, length: r.remaining });
        }
        const items: T[] = [];
        while (r.remaining > 0) {
          if (items.length === r.limits.elements) fail('codec.limit', { elements: r.limits.elements });
          items.push(element.read(r));
        }
        return items;
      }),
    write: (w, items) =>
      w.vector(() => {
        for (const item of items) element.write(w, item);
      }),
  };
}

/** `optional<T>` (RFC 9420 §2.1.1). @throws `codec.presence` */
export function optional<T>(value: Codec<T>): Codec<T | undefined> {
  return {
    read: (r) => {
      const presence = r.uint8();
      if (presence > 1) fail('codec.presence', { offset: r.offset - 1 });
      return presence === 1 ? value.read(r) : undefined;
    },
    write: (w, v) => {
      w.uint8(v === undefined ? 0 : 1);
      if (v !== undefined) value.write(w, v);
    },
  };
}

/** A struct: its fields one after the other, in the order of the given keys. */
export function struct<T extends object>(fields: { readonly [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const entries = Object.entries(fields) as [keyof T, Codec<unknown>][];
  const into = (r: Reader, target: object): T => {
    const value = target as T;
    for (const [key, codec] of entries) value[key] = codec.read(r) as T[keyof T];
    return value;
  };
  return {
    read: (r) => into(r, {}),
    into,
    write: (w, value) => {
      for (const [key, codec] of entries) codec.write(w, value[key]);
    },
  };
}

/**
 * `select`: a tag, then the body that belongs to it. Values carry the tag under `key` beside the fields of the body.
 * @throws `code` for a tag without a body
 */
export function select<T extends object>(
  key: keyof T & string,
  tag: Codec<number>,
  bodies: (tag: number, reader?: Reader) => Codec<object> | undefined,
  code: 'codec.enum' | 'codec.unsupported' | 'validation.unsupported' = 'codec.enum',
): Codec<T> {
  const bodyOf = (value: number, reader?: Reader) =>
    bodies(value, reader) ?? fail(code, { field: key, value, offset: reader?.offset });
  return {
    read: (r) => {
      const value = tag.read(r);
      const body = bodyOf(value, r);
      const result: Record<string, unknown> = {};
      result[key] = value;
      return (body.into === undefined ? Object.assign(result, body.read(r)) : body.into(r, result)) as T;
    },
    write: (w, value) => {
      const number = value[key] as number;
      tag.write(w, number);
      bodyOf(number).write(w, value);
    },
  };
}

/** An integer that must be one of a closed set. @throws `codec.enum`, or `code` */
export function oneOf<T extends number>(
  codec: Codec<number>,
  allowed: readonly T[],
  code: 'codec.enum' | 'codec.unsupported' = 'codec.enum',
): Codec<T> {
  return {
    read: (r) => {
      const offset = r.offset;
      const value = codec.read(r) as T;
      return allowed.includes(value) ? value : fail(code, { value, offset });
    },
    write: (w, value) => {
      if (!allowed.includes(value)) fail('codec.input', { value });
      codec.write(w, value);
    },
  };
}

/** Refuse values that `test` finds wanting, when read and when written; `test` throws. */
export function checked<T>(codec: Codec<T>, test: (value: T) => void): Codec<T> {
  return {
    read: (r) => {
      const value = codec.read(r);
      test(value);
      return value;
    },
    write: (w, value) => {
      test(value);
      codec.write(w, value);
    },
  };
}

/** A type that travels as another one; both directions may throw. */
export function mapped<T, U>(codec: Codec<T>, decoded: (value: T) => U, encoded: (value: U) => T): Codec<U> {
  return { read: (r) => decoded(codec.read(r)), write: (w, value) => codec.write(w, encoded(value)) };
}

/** A byte that is 0 or 1. @throws `codec.enum` */
export const boolean: Codec<boolean> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ oneOf(uint8, [0, 1]),
  (byte) => byte === 1,
  (value) => (value ? 1 : 0),
);
