/** A provider whose randomness is reproducible: the same seed gives the same groups. Not for keys outside tests. */

import { createNodeProvider } from '../../src/crypto/node/index.ts';
import type { Provider } from '../../src/crypto/provider.ts';
import { Random } from '../fuzz/random.ts';

/** The fast back end with seeded randomness. */
export function seeded(seed: number): Provider {
  const random = new Random(seed);
  return createNodeProvider({ random: (length) => random.bytes(length) });
}
