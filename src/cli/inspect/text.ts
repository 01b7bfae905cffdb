/** Byte strings for people: text where it is text, else hexadecimal, both shortened. */

import { fromUtf8, toHex } from '../../base/bytes.ts';
import { harmless } from '../print.ts';

/** Hexadecimal with the length; long strings keep their ends. */
export function shortHex(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  const hex = toHex(bytes);
  const shown = bytes.length <= LONGEST ? hex : `${hex.slice(0, 2 * HEAD)}…${hex.slice(-2 * TAIL)}`;
  return `${shown} (${bytes.length} byte${bytes.length === 1 ? '' : 's'})`;
}

/** Quoted text with control characters escaped; `undefined` for bytes that are no text. */
export function quotedText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  const text = decoded(bytes);
  if (text === undefined) return undefined;
  // Random bytes can be well-formed UTF-8; mostly unprintable ones are not meant to be read.
  const shown = harmless(text.replace(/["\\]/g, (character) => `\\${character}`));
  const hidden = [...text].filter((character) => harmless(character) !== character).length;
  if (2 * hidden > [...text].length) return undefined;
  return shown.length <= LONGEST_TEXT ? `"${shown}"` : `"${[...shown].slice(0, LONGEST_TEXT).join('')}…"`;
}

/** The first bytes of a key, enough to tell keys apart. */
export function fingerprint(key: Uint8Array): string {
  // Points of the NIST curves all start with the same byte.
  const start = key[0] === 0x04 && key.length % 2 === 1 ? 1 : 0;
  return toHex(key.subarray(start, start + 4));
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return fromUtf8(bytes);
  } catch {
    return undefined;
  }
}

const LONGEST = 24;
const HEAD = 12;
const TAIL = 4;
const LONGEST_TEXT = 160;
