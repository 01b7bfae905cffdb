/** Reading what a person hands over: raw bytes, or text that stands for bytes. */

import { fromHex } from '../../base/bytes.ts';

/** One reading of an input. */
export interface Reading {
  readonly form: 'hex' | 'base64' | 'binary';
  readonly bytes: Uint8Array;
}

/**
 * What an input may stand for, the likeliest reading first. Base64 may look like hexadecimal, so that the caller tries
 * one after the other. What can be text is not tried as binary: no structure consists of printable ASCII alone, and
 * damaged text would be reported as something that it never was.
 */
export function readings(input: Uint8Array): readonly Reading[] {
  const found: Reading[] = [];
  const text = asText(input);
  if (text === '') return [{ form: 'binary', bytes: new Uint8Array(0) }];
  if (text !== undefined) {
    const hex = text.replace(/^0x/i, '');
    if (/^(?:[0-9a-f]{2})+$/i.test(hex)) found.push({ form: 'hex', bytes: fromHex(hex) });
    const base64 = fromBase64(text);
    if (base64 !== undefined) found.push({ form: 'base64', bytes: base64 });
  }
  return found.length > 0 ? found : [{ form: 'binary', bytes: input }];
}

/** The text without white space; `undefined` unless all bytes are printable ASCII. */
function asText(input: Uint8Array): string | undefined {
  const printable = input.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d));
  if (!printable || input.length === 0) return undefined;
  return Buffer.from(input).toString('latin1').replace(/\s+/g, '');
}

/** Both alphabets, padding optional. Node skips what it does not know, so that the form is checked first. */
function fromBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/=+$/, '');
  const wellFormed = /^(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)$/.test(digits) && digits.length % 4 !== 1;
  return wellFormed ? new Uint8Array(Buffer.from(digits, 'base64')) : undefined;
}
