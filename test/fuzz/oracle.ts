/** What a decoder may do with any bytes: give a value that encodes to the same bytes, or throw a typed error. */

import { CODES } from '../../src/base/codes.ts';
import { MlsError } from '../../src/base/error.ts';
import { type Codec, decode, encode } from '../../src/codec/codec.ts';
import type { DecodeOptions } from '../../src/codec/reader.ts';

/** A broken promise of the library. */
export class Finding extends Error {
  override name = 'Finding';
}

/**
 * A deep copy of a decoded value. Codecs remember encodings by object identity; the copy has none remembered, so that
 * encoding it really encodes. Byte strings are shared: nothing is remembered of them.
 */
export function fresh<T>(value: T): T {
  return copy(value) as T;
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(copy);
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) out[key] = copy((value as Record<string, unknown>)[key]);
  return out;
}

/** @throws Finding unless the error is one of the library's own, short and without content */
export function assertTyped(error: unknown): asserts error is MlsError {
  if (!(error instanceof MlsError)) throw new Finding(`not an MlsError: ${String(error)}`, { cause: error });
  if (!Object.hasOwn(CODES, error.code)) throw new Finding(`unknown code ${error.code}`);
  if (error.code === 'internal.bug') throw new Finding('internal.bug', { cause: error });
  if (error.message !== `${error.code}: ${CODES[error.code][4]}` || error.message.length > 200) {
    throw new Finding(`message beyond the table: ${error.message}`);
  }
  for (const [key, value] of Object.entries(error.detail)) {
    if (typeof value === 'string' && value.length > 40) throw new Finding(`long detail ${key}`);
  }
}

/** The value of an input, or the typed error. @throws Finding */
export function judge<T>(
  codec: Codec<T>,
  input: Uint8Array,
  options: DecodeOptions,
): { readonly value: T } | { readonly error: MlsError } {
  let value: T;
  try {
    value = decode(codec, input, options);
  } catch (error) {
    assertTyped(error);
    return { error };
  }
  let again: Uint8Array;
  try {
    again = encode(codec, fresh(value));
  } catch (error) {
    throw new Finding(`decoded value does not encode: ${String(error)}`, { cause: error });
  }
  if (!Buffer.from(again.buffer, again.byteOffset, again.length).equals(input)) {
    throw new Finding('encodes to other bytes than it was decoded from');
  }
  return { value };
}
