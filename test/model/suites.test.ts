/** A few random histories in every other suite, of few members: MODEL_SEED plays the same ones again. */

import { test } from 'vitest';
import { chosenSeed, mustPass } from './campaign.ts';

const seed = chosenSeed();

// P-521 is slow.
test.each([
  { suite: 2, histories: 4 },
  { suite: 3, histories: 4 },
  { suite: 4, histories: 2 },
  { suite: 5, histories: 1 },
  { suite: 6, histories: 2 },
  { suite: 7, histories: 2 },
])(
  'CAM-03 members behind a hostile delivery service go on together, in suite $suite',
  // The limit is for machines that do much else.
  { timeout: 1_200_000 },
  ({ suite, histories }) => {
    console.log(`seed ${seed + suite}`);
    mustPass({ histories, operations: 100, suites: [suite], members: 6, seed: seed + suite });
  },
);
