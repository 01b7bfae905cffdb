/**
 * The fuzzer: `npm run fuzz -- [--seconds N] [--seed S] [--only NAME] [--replay FILE --only NAME]`.
 * Ends with `N executions, N findings`; status 1 when there are findings, whose inputs lie in reports/fuzz/.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toHex } from '../../src/base/bytes.ts';
import { OPTIONS } from '../support/arbitraries.ts';
import { ENTRIES, type FuzzEntry } from './entries.ts';
import { groupEntries } from './groups.ts';
import { dissect, mutate, type Sample } from './mutate.ts';
import { Random } from './random.ts';

/** Inputs of one entry between two looks at the clock. */
const BATCH = 64;
/** Most samples kept for one entry. */
const CORPUS = 512;
/** One input in so many is not made from a sample. */
const RAW_EVERY = 32;
/** An input that takes longer is a finding: it is at most 64 KiB long. */
const SLOW_MS = 2000;
const FOLDER = join('reports', 'fuzz');

interface Target {
  readonly entry: FuzzEntry;
  readonly corpus: Sample[];
  executions: number;
  accepted: number;
  findings: number;
  slowestMs: number;
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string' },
    only: { type: 'string' },
    replay: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 0x1_0000_0000 : Number(values.seed);
const chosen = [...ENTRIES, ...groupEntries()].filter(
  ({ name }) => values.only === undefined || name === values.only,
);
if (chosen.length === 0 || !(seconds > 0) || !Number.isInteger(seed)) {
  console.error('usage: npm run fuzz -- [--seconds N] [--seed S] [--only NAME] [--replay FILE --only NAME]');
  console.error(`names: ${[...ENTRIES, ...groupEntries()].map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
if (values.replay === undefined) fuzz();
else replay(values.replay);

function fuzz(): void {
  const random = new Random(seed);
  const targets = chosen.map((entry): Target => {
    const corpus = entry.samples(seed).map((bytes) => dissect(entry.anatomy, bytes, OPTIONS));
    return { entry, corpus, executions: 0, accepted: 0, findings: 0, slowestMs: 0 };
  });
  const samples = targets.reduce((sum, { corpus }) => sum + corpus.length, 0);
  console.log(`seed ${seed}, ${targets.length} entry points, ${samples} samples, ${seconds} s`);
  for (const target of targets) checkSamples(target);
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    for (const target of targets) {
      for (let i = 0; i < BATCH; i++) execute(target, nextInput(target, random), random);
    }
  }
  report(targets);
}

function nextInput({ corpus }: Target, random: Random): Uint8Array {
  if (corpus.length === 0 || random.below(RAW_EVERY) === 0) return random.bytes(random.below(128));
  return mutate(random.pick(corpus), random.pick(corpus), random);
}

function checkSamples(target: Target): void {
  for (const { bytes } of target.corpus) {
    if (target.entry.run(bytes)) continue;
    console.error(`${target.entry.name}: a sample is refused: ${shortHex(bytes)}`);
    process.exit(2);
  }
}

function execute(target: Target, input: Uint8Array, random: Random): void {
  const { entry, corpus } = target;
  target.executions += 1;
  const start = performance.now();
  try {
    if (entry.run(input)) {
      target.accepted += 1;
      // What is accepted is a sample of its own: mutations go deeper from there.
      if (input.length < 4096 && random.below(4) === 0) {
        const sample = dissect(entry.anatomy, input, OPTIONS);
        if (corpus.length < CORPUS) corpus.push(sample);
        else corpus[random.below(CORPUS)] = sample;
      }
    }
  } catch (error) {
    found(target, input, error);
  }
  const took = performance.now() - start;
  if (took > target.slowestMs) target.slowestMs = took;
  if (took > SLOW_MS) found(target, input, new Error(`took ${Math.round(took)} ms`));
}

function found(target: Target, input: Uint8Array, error: unknown): void {
  target.findings += 1;
  if (target.findings > 20) return; // one fault shows many times
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, `${target.entry.name.replace(/\W+/g, '-')}-${seed}-${target.findings}.bin`);
  writeFileSync(file, input);
  console.log(
    `FINDING ${target.entry.name}, seed ${seed}, execution ${target.executions}: ${describe(error)}`,
  );
  console.log(`  ${input.length} bytes ${shortHex(input)}`);
  console.log(`  npm run fuzz -- --only '${target.entry.name}' --replay ${file}`);
}

function replay(file: string): void {
  const input = new Uint8Array(readFileSync(file));
  let findings = 0;
  for (const entry of chosen) {
    try {
      console.log(`${entry.name}: ${entry.run(input) ? 'accepted' : 'refused with a typed error'}`);
    } catch (error) {
      findings += 1;
      console.log(`${entry.name}: FINDING`, error);
    }
  }
  console.log(`${chosen.length} executions, ${findings} findings`);
  process.exitCode = findings > 0 ? 1 : 0;
}

function report(targets: readonly Target[]): void {
  const width = Math.max(...targets.map(({ entry }) => entry.name.length));
  for (const { entry, executions, accepted, findings, slowestMs } of targets) {
    console.log(
      `${entry.name.padEnd(width)}  ${executions} executions, ${accepted} accepted, slowest ${slowestMs.toFixed(1)} ms` +
        (findings > 0 ? `, ${findings} FINDINGS` : ''),
    );
  }
  const executions = targets.reduce((sum, target) => sum + target.executions, 0);
  const findings = targets.reduce((sum, target) => sum + target.findings, 0);
  console.log(`${executions} executions, ${findings} findings`);
  process.exitCode = findings > 0 ? 1 : 0;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = (error.cause instanceof Error ? error.cause : error).stack?.split('\n')[1]?.trim() ?? '';
  return `${error.message} ${place}`;
}

function shortHex(bytes: Uint8Array): string {
  const hex = toHex(bytes.subarray(0, 80));
  return bytes.length > 80 ? `${hex}...` : hex;
}
