/**
 * Random histories against the reference model. MODEL_SEED plays the same ones again; `npm run model` plays more.
 * Histories that have shown a fault stay here in their smallest form.
 */

import { describe, expect, test } from 'vitest';
import { chosenSeed, mustPass } from './campaign.ts';
import type { History, Step } from './history.ts';
import { OPERATIONS } from './operations.ts';
import { run } from './run.ts';

const seed = chosenSeed();

/** A history, and what it has shown. */
interface Found {
  readonly what: string;
  readonly setup?: History['setup'];
  readonly steps: readonly Step[];
}

const FOUND: readonly Found[] = [
  { what: 'whoever sent a proposal twice had it twice', steps: [['propose', 0, 12_216]] },
  {
    what: 'what was left to be done could not be committed together',
    steps: [
      ['endGroup', 0, 30_695],
      ['external', 10, 0],
      ['endGroup', 0, 0],
    ],
  },
  {
    what: 'what was left to be done had an Update that changes nothing, after a restart',
    steps: [
      ['commitLater', 0, 40_759],
      ['propose', 0, 0],
      ['crash', 0, 0],
      ['commit', 4, 136],
    ],
  },
  {
    what: 'what was left to be done had a PSK of an epoch that was just let go',
    setup: { suite: 1, devices: 3, members: 2, policy: 3, seed: 0 },
    steps: [
      ['commit', 1, 16_259],
      ['commit', 0, 10_456],
    ],
  },
];

const SMALL: History['setup'] = { suite: 1, devices: 3, members: 2, policy: 0, seed: 0 };

describe('histories that have shown a fault', () => {
  test.each(FOUND)('CAM-03 $what', ({ setup = SMALL, steps }) => {
    run({ setup, steps });
  });
});

// The limit is for machines that do much else.
test('CAM-03 R14-02 members behind a hostile delivery service go on together, in suite 1', {
  timeout: 1_200_000,
}, () => {
  console.log(`seed ${seed}`);
  const stats = mustPass({ histories: 100, operations: 200, suites: [1], seed });
  const idle = Object.keys(OPERATIONS).filter((name) => stats.of(`operation ${name}`) === 0);
  expect(idle, 'operations that were never carried out').toEqual([]);
});
