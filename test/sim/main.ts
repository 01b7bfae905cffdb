/**
 * The simulation as a program: npm run sim -- [--runs 300] [--seed 1] [--faults none|drop,mute] [--replay SEED]
 * A run that fails is named with its seed; --replay tells everything that happens in it.
 */

import { parseArgs } from 'node:util';
import type { Fault } from '../../src/embedded/index.ts';
import { FAULTS, run, type Verdict } from './run.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    faults: { type: 'string' },
    replay: { type: 'string' },
  },
});

const faults = faultsIn(values.faults);
const isReplay = values.replay !== undefined;
const first = Number(values.replay ?? values.seed);
const runs = isReplay ? 1 : Number(values.runs);
const outcomes = new Map<string, number>();
const told = new Map<string, number>();
const began = performance.now();
let [failed, shown, apart] = [0, 0, 0];

for (let seed = first; seed < first + runs; seed++) {
  const verdict = await run({ seed, isTalkative: isReplay, ...(faults && { faults }) });
  sum(verdict);
  if (verdict.failures.length > 0) {
    failed++;
    console.log(`seed ${seed} [${verdict.faults.join(' ')}] ${verdict.epoch}`);
    for (const failure of verdict.failures.slice(0, 5)) console.log(`  ${failure}`);
  }
  if ((seed - first + 1) % 10 === 0) console.log(`${seed - first + 1} runs, ${seconds()} s`);
}

console.log(`messages shown: ${shown}; apart at the end, and told: ${apart}`);
console.log(`outcomes: ${list(outcomes)}`);
console.log(`told: ${list(told)}`);
console.log(`${runs - failed} passed, ${failed} failed (${seconds()} s)`);
process.exit(failed === 0 ? 0 : 1);

function sum(verdict: Verdict): void {
  shown += verdict.shown;
  if (verdict.rounds === undefined) apart++;
  for (const [into, from] of [
    [outcomes, verdict.outcomes],
    [told, verdict.told],
  ] as const)
    for (const [name, count] of from) into.set(name, (into.get(name) ?? 0) + count);
}

function seconds(): number {
  return Math.round((performance.now() - began) / 1000);
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort()
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function faultsIn(text: string | undefined): readonly Fault[] | undefined {
  if (text === undefined) return undefined;
  const names = text === 'none' ? [] : text.split(',');
  return FAULTS.filter((fault) => names.includes(fault));
}
