/** A sum (CRC-32) for records that no digest covers: without a sealing key it tells damage, not malice. */

import { fail } from '../base/error.ts';
import { type Codec, decodeOwned, encode, mapped, opaque, struct, uint32 } from '../codec/codec.ts';

/** Our own records, as in `records.ts`. */
const LIMITS = /* @__PURE__ */ Object.freeze({ bytes: 2 ** 30 - 1, elements: 2 ** 24 });

/** A form with a sum over it. @throws reading: `storage.corrupt` when that is another one */
export function summed<T>(codec: Codec<T>): Codec<T> {
  return mapped(
    /* @__PURE__ */ struct<{ body: Uint8Array; sum: number }>({ body: opaque, sum: uint32 }),
    ({ body, sum }) =>
      sum === sumOf(body) ? decodeOwned(codec, body, { limits: LIMITS }) : fail('storage.corrupt', { sum }),
    (value) => {
      const body = encode(codec, value);
      return { body, sum: sumOf(body) };
    },
  );
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0xffff_ffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ (TABLE[(sum ^ byte) & 0xff] as number);
  return ~sum >>> 0;
}

const TABLE = /* @__PURE__ */ Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (0xedb8_8320 & -(sum & 1));
  return sum;
});
