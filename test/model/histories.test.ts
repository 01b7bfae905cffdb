/** Random histories against the reference model: MODEL_SEED plays the same ones again. */

import { expect, test } from 'vitest';
import { chosenSeed, mustPass } from './campaign.ts';
import { OPERATIONS } from './operations.ts';

const seed = chosenSeed();

test('CAM-03 R14-02 members behind a hostile delivery service go on together, in suite 1', () => {
  console.log(`seed ${seed}`);
  const stats = mustPass({ histories: 90, operations: 200, suites: [1], seed });
  const idle = Object.keys(OPERATIONS).filter((name) => stats.of(`operation ${name}`) === 0);
  expect(idle, 'operations that were never carried out').toEqual([]);
});
