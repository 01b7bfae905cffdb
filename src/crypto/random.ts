/** A random source that is not believed blindly (RFC 9420 §16.7 rests on it). */

import { equal, isZero } from '../base/bytes.ts';
import { fail } from '../base/error.ts';

/** Fills a fresh array with random bytes; may throw. Asked for at most 65536 bytes at a time. */
export type RandomSource = (length: number) => Uint8Array;

/** The most that WebCrypto gives in one call. */
const CHUNK = 65_536;
/** Draws of this length are compared with the one before: an honest repeat has probability 2^-256. */
const COMPARED = 32;
/** Shortest draw whose being all zero is taken for a defect. */
const NEVER_ZERO = 16;

/**
 * Wrap a source: large requests are cut up, and a source that throws, gives the wrong amount, zeros, or the same 32
 * leading bytes twice in a row is refused with `crypto.entropy`. There is no fallback.
 * @param digest a hash to remember draws by
 */
export function guardedRandom(
  source: RandomSource,
  digest: (data: Uint8Array) => Uint8Array,
): (length: number) => Uint8Array {
  let fingerprint: Uint8Array | undefined;
  const draw = (length: number): Uint8Array => {
    const bytes = drawOnce(source, length);
    if (length >= NEVER_ZERO && isZero(bytes)) fail('crypto.entropy', { reason: 'zero' });
    if (length < COMPARED) return bytes;
    // A digest, so that no copy of a key lives on in here.
    const mark = digest(bytes.subarray(0, COMPARED));
    if (fingerprint !== undefined && equal(fingerprint, mark)) fail('crypto.entropy', { reason: 'repeat' });
    fingerprint = mark;
    return bytes;
  };
  return (length) => {
    if (!Number.isSafeInteger(length) || length < 0) fail('codec.input', { expected: 'length' });
    if (length <= CHUNK) return length === 0 ? new Uint8Array(0) : draw(length);
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += CHUNK) out.set(draw(Math.min(CHUNK, length - at)), at);
    return out;
  };
}

function drawOnce(source: RandomSource, length: number): Uint8Array {
  let bytes: unknown;
  try {
    bytes = source(length);
  } catch (cause) {
    return fail('crypto.entropy', { reason: 'throws' }, cause);
  }
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) fail('crypto.entropy', { reason: 'length' });
  // The source may use one buffer for all its draws.
  return new Uint8Array(bytes);
}
