/** Byte strings: joining, comparing, and their text forms. */

import { fail } from './error.ts';

/** The empty byte string, shared: it has no content to alter. */
export const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** Join byte strings into a new one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Compare in time that depends on the lengths only. Different lengths give false. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= at(a, i) ^ at(b, i);
  return difference === 0;
}

/** Which of two byte strings comes first in the order of their bytes: negative for `a`, 0 for equal ones. Not for secrets. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  if (at < 0) return a.length - b.length;
  return (a[at] ?? 0) - (b[at] ?? -1);
}

/** Whether every byte is zero, in time that depends on the length only. */
export function isZero(a: Uint8Array): boolean {
  let bits = 0;
  for (let i = 0; i < a.length; i++) bits |= at(a, i);
  return bits === 0;
}

/** The byte at a position that is known to lie inside. */
export function at(bytes: Uint8Array, index: number): number {
  return bytes[index] as number;
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i++) out += at(bytes, i).toString(16).padStart(2, '0');
  return out;
}

/** Read hexadecimal of either case. @throws `codec.input` for an odd length or another character */
export function fromHex(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) fail('codec.input', { expected: 'hex' });
  const out = new Uint8Array(hex.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return out;
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base64 of RFC 4648 section 4: padded, in one line. */
export function toBase64(bytes: Uint8Array): string {
  const out: string[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word =
      (at(bytes, i) << 16) | (left > 1 ? at(bytes, i + 1) << 8 : 0) | (left > 2 ? at(bytes, i + 2) : 0);
    out.push(
      digit(word >> 18),
      digit(word >> 12),
      left > 1 ? digit(word >> 6) : '=',
      left > 2 ? digit(word) : '=',
    );
  }
  return out.join('');
}

function digit(word: number): string {
  return BASE64.charAt(word & 63);
}

/**
 * Read base64 strictly: exactly what {@link toBase64} writes for some bytes. Decoders of platforms are not used, because
 * they read several texts as the same bytes.
 * @throws `codec.base64` for white space, missing padding, another alphabet, or bits that are set in the padding
 */
export function fromBase64(text: string): Uint8Array {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  if (text.length % 4 !== 0) fail('codec.base64', { length: text.length });
  const out = new Uint8Array((text.length / 4) * 3 - padding);
  let bits = 0;
  for (let i = 0, to = 0; i < digits; i++) {
    const value = BASE64.indexOf(text.charAt(i));
    if (value < 0) fail('codec.base64', { at: i });
    bits = ((bits << 6) | value) & 0xffffff;
    if (i % 4 === 0) continue;
    out[to++] = (bits >> (6 - 2 * (i % 4))) & 0xff;
  }
  if (padding > 0 && (bits & (padding === 2 ? 15 : 3)) !== 0) fail('codec.base64', { at: digits - 1 });
  return out;
}

/** Encode text as UTF-8. @throws `codec.utf8` for a lone surrogate, which would become another character */
export function utf8(text: string): Uint8Array {
  if (/\p{Surrogate}/u.test(text)) fail('codec.utf8');
  return new TextEncoder().encode(text);
}

/** Decode UTF-8 strictly. @throws `codec.utf8` for anything that is not well-formed */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    return fail('codec.utf8', {}, cause);
  }
}

/**
 * Take a caller's bytes: a private copy that later changes of the input cannot reach.
 * @throws `codec.input` for anything but a `Uint8Array` on an ordinary, attached buffer
 */
export function ownedCopy(input: unknown): Uint8Array {
  if (!ArrayBuffer.isView(input) || Object.prototype.toString.call(input.buffer) !== '[object ArrayBuffer]') {
    fail('codec.input', { expected: 'Uint8Array' });
  }
  const view = input as Uint8Array;
  const buffer = view.buffer as ArrayBuffer & { resizable?: boolean };
  if (buffer.resizable === true) fail('codec.input', { expected: 'fixed-length buffer' });
  if (view[Symbol.toStringTag] !== 'Uint8Array') fail('codec.input', { expected: 'Uint8Array' });
  try {
    // Throws for a detached buffer, which would otherwise read as empty.
    return new Uint8Array(new Uint8Array(buffer, view.byteOffset, view.length));
  } catch (cause) {
    return fail('codec.input', { expected: 'attached buffer' }, cause);
  }
}
