/** Pre-shared keys (RFC 9420 §8.4). */

import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { encode } from '../codec/codec.ts';
import { expandWithLabel } from '../crypto/labels.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { type PreSharedKeyId, PskLabel } from '../wire/psk.ts';

/** A PSK with its value, of any length. */
export interface Psk {
  readonly id: PreSharedKeyId;
  readonly secret: Uint8Array;
}

/**
 * `psk_secret`: all PSKs of a commit in their order; Nh zeros for none. In each step the new input is the salt and the
 * accumulated secret the keying material: the pseudocode of §8.4, not its figure.
 * @throws `codec.limit` above 65535 PSKs
 */
export function pskSecret(suite: SuiteCrypto, psks: readonly Psk[]): Uint8Array {
  if (psks.length > 0xffff) fail('codec.limit', { psks: psks.length });
  const zeros = new Uint8Array(suite.sizes.hash);
  let secret: Uint8Array = new Uint8Array(suite.sizes.hash);
  psks.forEach((psk, index) => {
    const extracted = suite.hkdfExtract(zeros, psk.secret);
    const label = encode(PskLabel, { id: psk.id, index, count: psks.length });
    const input = expandWithLabel(suite, extracted, 'derived psk', label, suite.sizes.hash);
    const next = suite.hkdfExtract(input, secret);
    wipe(extracted, input, secret);
    secret = next;
  });
  return secret;
}
