/** Lengths of variable-size vectors, in their shortest form (RFC 9420 §2.1.2). */

import { fail } from '../base/error.ts';

/** The longest vector that a length can express, in bytes. */
export const MAX_VECTOR = 0x3fff_ffff;

/** Bytes that a length takes: 1, 2 or 4. @throws `codec.limit` above 2^30 - 1, `codec.input` for no length at all */
export function varintSize(length: number): 1 | 2 | 4 {
  if (!Number.isInteger(length) || length < 0) fail('codec.input', { expected: 'length' });
  if (length < 0x40) return 1;
  if (length < 0x4000) return 2;
  if (length > MAX_VECTOR) fail('codec.limit', { length });
  return 4;
}
