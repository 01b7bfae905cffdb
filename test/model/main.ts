/**
 * Model-based tests at length: `npm run model -- [--histories N] [--operations N] [--seed S] [--suites 1,2] [--path P]
 * [--shrink SECONDS]`. Ends with `N passed, N failed`. A failure prints what replays its smallest form.
 */

import { parseArgs } from 'node:util';
import { type Campaign, chosenSeed, play, replayCommand } from './campaign.ts';
import { Stats } from './stats.ts';

/** Histories of one batch: between batches, progress is told. Each has the seed after that of the one before. */
const BATCH = 20;

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
const wanted = values.path === undefined ? Number(values.histories) : 1;
const operations = Number(values.operations);
const seed = values.seed === undefined ? chosenSeed() : Number(values.seed);
const shrinkSeconds = Number(values.shrink);
const suites = values.suites.split(',').map(Number);
const numbers = [wanted, operations, seed, shrinkSeconds, ...suites];
if (!numbers.every(Number.isSafeInteger) || wanted < 1 || operations < 1) {
  console.error('usage: npm run model -- [--histories N] [--operations N] [--seed S] [--suites 1,2]');
  console.error('                        [--path P] [--shrink SECONDS]');
  process.exit(2);
}
const stats = new Stats();
const start = performance.now();
let passed = 0;
let failed = 0;
console.log(`seed ${seed}, ${wanted} histories of ${operations} operations, suites ${suites.join(', ')}`);
for (let batch = 0; passed + failed < wanted; batch++) {
  const size = Math.min(BATCH, wanted - passed - failed);
  const path = values.path === undefined ? {} : { path: values.path };
  // A replay is of a form that is small already.
  const seconds = values.path === undefined ? shrinkSeconds : 0;
  runBatch({ histories: size, operations, suites, seed: seed + batch, ...path, shrinkSeconds: seconds });
  progress();
}
console.log(`\n${stats}\n`);
console.log(`seed ${seed}, ${Math.round((performance.now() - start) / 1000)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function runBatch(campaign: Campaign): void {
  const result = play(campaign);
  stats.add(result.stats);
  passed += result.passed;
  if (result.failure === undefined) return;
  failed += 1;
  console.log(`FAILED: ${result.failure.report}`);
  const { path } = result.failure;
  console.log(`  ${replayCommand({ ...campaign, path: values.path ?? path })}`);
}

function progress(): void {
  const done = passed + failed;
  const seconds = (performance.now() - start) / 1000;
  const left = Math.round((seconds / done) * (wanted - done));
  console.log(`${done} of ${wanted}, ${failed} failed, ${Math.round(seconds)} s, ${left} s left`);
}
