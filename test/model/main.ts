/**
 * Model-based tests at length: `npm run model -- [--histories N] [--operations N] [--seed S] [--suites 1,2] [--path P] [--shrink SECONDS]`.
 * Ends with `N passed, N failed`. A failure prints the seed and the fast-check path that replay its smallest form.
 */

import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { type History, histories } from './history.ts';
import { Failure, run } from './run.ts';
import { Stats } from './stats.ts';

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '100' },
    operations: { type: 'string', default: '200' },
    seed: { type: 'string' },
    suites: { type: 'string', default: '1' },
    path: { type: 'string' },
    shrink: { type: 'string', default: '300' },
  },
});
const wanted = Number(values.histories);
const operations = Number(values.operations);
const seed = values.seed === undefined ? Date.now() % 0x7fff_ffff : Number(values.seed);
const suites = values.suites.split(',').map(Number);
if (![wanted, operations, seed, ...suites].every(Number.isSafeInteger) || wanted < 1 || operations < 1) {
  console.error(
    'usage: npm run model -- [--histories N] [--operations N] [--seed S] [--suites 1,2] [--path P] [--shrink SECONDS]',
  );
  process.exit(2);
}
/** Histories of one call of fast-check: what is said between them is progress. */
const BATCH = 20;
/** A batch stops after so long, in the middle of shrinking mostly. */
const SHRINK_MS = Number(values.shrink) * 1000;
const property = histories(operations, suites);
const stats = new Stats();
const start = performance.now();
let passed = 0;
let failed = 0;
if (values.path === undefined) campaign();
else replay(values.path);
console.log(`\n${stats}\n`);
console.log(`seed ${seed}, ${Math.round((performance.now() - start) / 1000)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function campaign(): void {
  console.log(`seed ${seed}, ${wanted} histories of ${operations} operations, suites ${suites.join(', ')}`);
  for (let batch = 0; passed + failed < wanted; batch++) {
    // Each batch has a seed of its own, so that a path says where it starts.
    batchOf(seed + batch, Math.min(BATCH, wanted - passed - failed));
    const done = passed + failed;
    const left = ((performance.now() - start) / done) * (wanted - done);
    console.log(`${done} of ${wanted}, ${failed} failed, ${Math.round(left / 1000)} s left`);
  }
}

function batchOf(from: number, numRuns: number): void {
  let hasFailed = false;
  const { numRuns: ran, ...details } = fc.check(
    fc.property(property, (history) => {
      // Shrinking plays many variants, which do not count.
      hasFailed = hasFailed || !counted(history);
      if (hasFailed) run(history);
    }),
    {
      seed: from,
      numRuns,
      endOnFailure: SHRINK_MS === 0,
      ...(SHRINK_MS > 0 && { interruptAfterTimeLimit: SHRINK_MS }),
    },
  );
  if (!details.failed) {
    passed += ran;
    return;
  }
  passed += ran - 1;
  failed += 1;
  const smallest = details.counterexample?.[0];
  console.log(`FAILED with --seed ${from} --path ${details.counterexamplePath}`);
  if (smallest !== undefined) explain(smallest);
  console.log(
    `  npm run model -- --operations ${operations} --suites ${suites.join(',')} --seed ${from} --path ${details.counterexamplePath}`,
  );
}

function counted(history: History): boolean {
  const own = new Stats();
  try {
    run(history, { stats: own });
    return true;
  } catch {
    return false;
  } finally {
    stats.add(own);
  }
}

function replay(path: string): void {
  const { failed: isBad, counterexample } = fc.check(
    fc.property(property, (history) => run(history, { stats })),
    { seed, path, endOnFailure: true },
  );
  if (isBad) failed = 1;
  else passed = 1;
  if (counterexample) explain(counterexample[0]);
}

function explain(history: History): void {
  console.log(`  ${JSON.stringify(history)}`);
  try {
    run(history);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.log(`  ${error.message}`);
    console.log(error.cause);
  }
}
