/** The model bites: bugs that are planted in the sources are found within what a test run can afford. */

import { test } from 'vitest';
import { chosenSeed, play } from './campaign.ts';
import { PLANTED, planted } from './planted.ts';
import { run } from './run.ts';

/** As many histories as the tests of the library itself play. */
const HISTORIES = 50;

test.each(PLANTED.map((bug, at) => ({ ...bug, bug, at })))('CAM-03 finds that $what', async ({ bug, at }) => {
  const door = await planted(bug, String(at));
  const seed = chosenSeed();
  const campaign = { histories: HISTORIES, operations: 200, suites: [1], seed, shrinkSeconds: 0 };
  const { passed, failure } = play(campaign, { door });
  console.log(`seed ${seed}: "${bug.what}" after ${passed} histories: ${failure?.report.split('\n')[1]}`);
  if (failure === undefined) throw new Error('not found');
  // It is the bug that was found, and not something else.
  run(failure.history);
});
