/** Encodings built by hand, with none of the code under test, and small valid structures to put into others. */

import { concat } from '../../../src/base/bytes.ts';
import { MlsError } from '../../../src/base/error.ts';
import { type Codec, decode } from '../../../src/codec/codec.ts';
import type { DecodeOptions } from '../../../src/codec/reader.ts';
import { shortest } from '../../fuzz/mutate.ts';

/** An unsigned integer of so many bytes. */
function integer(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * (size - 1 - i))) & 0xffn));
}
export const u8 = (value: number): Uint8Array => integer(BigInt(value), 1);
export const u16 = (value: number): Uint8Array => integer(BigInt(value), 2);
export const u32 = (value: number): Uint8Array => integer(BigInt(value), 4);
export const u64 = (value: bigint): Uint8Array => integer(value, 8);
/** A vector around all the parts. */
export const v = (...parts: readonly Uint8Array[]): Uint8Array => {
  const body = concat(...parts);
  return concat(shortest(body.length), body);
};
/** Text as bytes, for fields whose content does not matter. */
export const b = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
export const cat = concat;

/** Code and offset of a refusal, or `accepted`. Anything but a typed error is thrown on. */
export function verdictOf<T>(codec: Codec<T>, bytes: Uint8Array, options?: DecodeOptions): string {
  return verdictAndOffset(codec, bytes, options)[0];
}

export function verdictAndOffset<T>(
  codec: Codec<T>,
  bytes: Uint8Array,
  options?: DecodeOptions,
): readonly [code: string, offset: unknown] {
  try {
    decode(codec, bytes, options);
    return ['accepted', undefined];
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    const { offset } = error.detail;
    return [error.code, offset];
  }
}

/** The code of the error that a step throws, or `none`. */
export function codeOf(step: () => unknown): string {
  try {
    step();
    return 'none';
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    return error.code;
  }
}

export const BASIC = cat(u16(1), v(b('alice')));
export const CAPABILITIES = cat(v(u16(1)), v(u16(1)), v(), v(), v(u16(1)));
/** A leaf node, its extensions and source given. */
export const leafBytes = (
  extensions: Uint8Array = v(),
  source: Uint8Array = cat(u8(1), u64(0n), u64(9n)),
  credential: Uint8Array = BASIC,
): Uint8Array =>
  cat(v(b('enc')), v(b('sig')), credential, CAPABILITIES, source, extensions, v(b('signature')));
export const keyPackageBytes = (extensions: Uint8Array = v(), leaf: Uint8Array = leafBytes()): Uint8Array =>
  cat(u16(1), u16(1), v(b('init')), leaf, extensions, v(b('kp-sig')));
export const contextBytes = (extensions: Uint8Array = v()): Uint8Array =>
  cat(u16(1), u16(1), v(b('group')), u64(3n), v(b('tree')), v(b('transcript')), extensions);
export const groupInfoBytes = (
  extensions: Uint8Array = v(),
  context: Uint8Array = contextBytes(),
): Uint8Array => cat(context, extensions, v(b('tag')), u32(2), v(b('gi-sig')));
export const parentBytes = (unmerged: Uint8Array = v()): Uint8Array => cat(v(b('pk')), v(b('ph')), unmerged);
export const extension = (type: number, data: Uint8Array): Uint8Array => cat(u16(type), v(data));
/** A framed content: what comes after the group and the epoch. */
export const framedBytes = (sender: Uint8Array, content: Uint8Array): Uint8Array =>
  cat(v(b('group')), u64(3n), sender, v(b('aad')), content);
