/** Vectors of kind deserialization: length prefixes of vectors (RFC 9420 §2.1.2). */

import { concat } from '../../base/bytes.ts';
import { MlsError } from '../../base/error.ts';
import { Reader } from '../../codec/reader.ts';
import { Writer } from '../../codec/writer.ts';
import { bytesOf, expectBytes, expectHex, expectSame, hexOf, numberOf, type Verifier } from './verifier.ts';

/** The prefix announces the given length, in front of that many bytes, and is what a writer puts there. */
export const verifyDeserialization: Verifier = (_, vector) => {
  const header = bytesOf(vector, 'vlbytes_header');
  const length = numberOf(vector, 'length');

  const writer = new Writer();
  writer.length(length);
  expectHex('vlbytes_header', writer.finish(), hexOf(vector, 'vlbytes_header'));

  if (length > LONGEST_CONTENT) {
    expectSame('length', lengthWanted(header), length);
    return;
  }
  const content = new Uint8Array(length).fill(0x5a);
  const reader = new Reader(concat(header, content));
  expectBytes('content', reader.opaque(), content);
  expectSame('bytes left', reader.remaining, 0);
};

/** A gigabyte of content would prove no more than the refusal does that tells how much is missing. */
function lengthWanted(header: Uint8Array): number {
  try {
    return new Reader(header).length();
  } catch (error) {
    if (!(error instanceof MlsError) || error.code !== 'codec.truncated') throw error;
    const { wanted } = error.detail;
    if (typeof wanted === 'number') return wanted;
    throw error;
  }
}

const LONGEST_CONTENT = 1 << 20;
