/** A few random histories in every other suite: MODEL_SEED plays the same ones again. */

import { test } from 'vitest';
import { chosenSeed, mustPass } from './campaign.ts';

const seed = chosenSeed();

test.each([2, 3, 4, 5, 6, 7])(
  'CAM-03 members behind a hostile delivery service go on together, in suite %i',
  (suite) => {
    console.log(`seed ${seed}`);
    mustPass({ histories: 3, operations: 120, suites: [suite], seed: seed + suite });
  },
);
