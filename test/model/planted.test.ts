/** The model bites: bugs that are planted in the sources are found within what a test run can afford. */

import { test } from 'vitest';
import { play } from './campaign.ts';
import { PLANTED, planted } from './planted.ts';
import { run } from './run.ts';

/** About half as many histories as the tests of the library itself play. */
const HISTORIES = 50;
const BUGS = PLANTED.map((bug, at) => ({ ...bug, bug, at }));

// The limit is for machines that do much else.
test.each(BUGS)('CAM-03 finds that $what', { timeout: 1_200_000 }, async ({ bug, at }) => {
  const door = await planted(bug, String(at));
  // The seed is fixed: this is about the model, and what it has found once it finds again.
  const campaign = { histories: HISTORIES, operations: 200, suites: [1], seed: 1, shrinkSeconds: 0 };
  const { passed, failure } = play(campaign, { door });
  if (failure === undefined) throw new Error(`nothing was found in ${passed} histories`);
  console.log(`"${bug.what}" after ${passed} histories: ${failure.report.split('\n')[1]?.slice(0, 200)}`);
  // It is the bug that was found, and not something else.
  run(failure.history);
});
