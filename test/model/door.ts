/** What the model drives: the public door, and a back end with seeded randomness. Bundled again with planted bugs. */

import { createNodeProvider } from '../../src/crypto/node/index.ts';
import type { Provider } from '../../src/crypto/provider.ts';
import { createClient } from '../../src/index.ts';
import { Random } from '../fuzz/random.ts';

/** A build of the library. */
export interface Door {
  readonly createClient: typeof createClient;
  readonly seededProvider: (seed: number) => Provider;
}

/** The library as it is. */
export const door: Door = {
  createClient,
  seededProvider: (seed) => {
    const random = new Random(seed);
    return createNodeProvider({ random: (length) => random.bytes(length) });
  },
};
