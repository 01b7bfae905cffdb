/**
 * The benchmark: our library on node:crypto (`ours`) and on noble beside the primitives it cannot avoid (`bound`) and
 * ts-mls, in interleaved rounds, suite 1. Compare ratios; absolute times belong to the machine and its other work.
 *   npm run bench -- [--smoke] [--filter TEXT] [--only ours|bound|tsMls|noble] [--json FILE]
 * `npm --prefix bench ci` installs ts-mls. `--smoke` only shows that everything still runs. There are no thresholds:
 * the status is 1 when something throws. To see where time goes:
 *   node --cpu-prof scripts/run-ts.mjs bench/main.ts --only ours --filter join
 */

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { nobleProvider } from '../src/crypto/noble/index.ts';
import { nodeProvider } from '../src/crypto/node/index.ts';
import * as bound from './bound.ts';
import * as ours from './ours.ts';
import { loadPeer, type TsMlsPeer } from './peer.ts';
import {
  CONTESTANTS,
  type Contestant,
  type Effort,
  type Item,
  measure,
  type Round,
  type Row,
  timed,
} from './rounds.ts';
import { browserBundle } from './size.ts';

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    json: { type: 'string' },
    filter: { type: 'string', default: '' },
    only: { type: 'string' },
  },
});
const { smoke, filter } = values;
const only = CONTESTANTS.find((who) => who === values.only);
if (values.only !== undefined && only === undefined) throw new Error(`--only: ${CONTESTANTS.join(', ')}`);

const FULL: Effort = { milliseconds: 4000, minRounds: 3, maxRounds: 300, warmUp: 60 };
const SMOKE: Effort = { milliseconds: 150, minRounds: 2, maxRounds: 3, warmUp: 1 };
/** Largest groups for those who would take too long. */
const LIMIT = { tsMls: 128, noble: 16 };

const peer = await loadPeer();
if (peer === undefined)
  console.log('ts-mls is not installed (npm --prefix bench ci): its columns stay empty');

const rows: Row[] = [];
for (const item of items(peer)) {
  if (smoke && item.size > 16) continue;
  if (!item.name.includes(filter)) continue;
  process.stderr.write(`${item.name} ${item.size} …\n`);
  rows.push(...(await measure(item, smoke ? SMOKE : FULL, only)));
}
printTable(rows);
const growth = growthOf(rows);
for (const { name, ratio } of growth) console.log(`growth ${name}: ${ratio.toFixed(2)}`);
const size = await browserBundle();
console.log(`browser bundle: ${kilobytes(size.minified)} minified, ${kilobytes(size.gzip)} gzip`);
if (values.json !== undefined) {
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
  const report = { date: new Date().toISOString(), machine, smoke, unit: 'µs', rows, growth, size };
  writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
}

function items(tsMls: TsMlsPeer | undefined): Item[] {
  const node = () => nodeProvider;
  const noble = () => nobleProvider;
  return [
    item('keypackage/generate', 1, {
      ours: () => ours.keyPackage(node),
      bound: () => replay({ '': bound.keyPackage }, ours.BATCH),
      tsMls: () => tsMls?.keyPackage(),
      noble: () => ours.keyPackage(noble),
    }),
    ...[15, 127].map((count) =>
      item('add/many', count, {
        ours: () => ours.addMany(count, ours.freshNode),
        bound: () => replay({ create: () => bound.addMany(count) }),
        tsMls: () => tsMls?.addMany(count),
        noble: () => ours.addMany(count, noble),
      }),
    ),
    ...[2, 16, 128, 1024].map((members) =>
      item('commit/empty', members, {
        ours: () => ours.emptyCommit(members, nodeProvider),
        bound: () =>
          replay({ create: () => bound.createCommit(members), process: () => bound.processCommit(members) }),
        tsMls: () => tsMls?.emptyCommit(members),
        noble: () => ours.emptyCommit(members, nobleProvider),
      }),
    ),
    ...[16, 128, 1024].map((members) =>
      item('join/welcome', members, {
        ours: () => ours.joinWelcome(members, ours.freshNode),
        bound: () => replay({ '': () => bound.joinWelcome(members) }),
        tsMls: () => tsMls?.joinWelcome(members),
        noble: () => ours.joinWelcome(members, noble),
      }),
    ),
    ...[2, 128, 1024].map((members) =>
      item('message', members, {
        ours: () => ours.messages(members, nodeProvider),
        bound: () => replay({ encrypt: bound.encrypt, decrypt: bound.decrypt }, ours.BATCH),
        tsMls: () => tsMls?.messages(members),
        noble: () => ours.messages(members, nobleProvider),
      }),
    ),
    item('message/decrypt-after-skip-1000', 16, {
      ours: () => ours.decryptAfter(1000, 16, nodeProvider),
      bound: () => replay({ '': () => bound.decryptAfter(1000) }),
      // A thousand messages a round take these two a second: not for the smoke run.
      tsMls: () => (smoke ? undefined : tsMls?.decryptAfter(1000, 16)),
      noble: () => (smoke ? undefined : ours.decryptAfter(1000, 16, nobleProvider)),
    }),
  ];
}

type Maker = () => Round | Promise<Round> | undefined;

/** An item without the contestants that are missing, or too slow for its size. */
function item(name: string, size: number, makers: Readonly<Record<Contestant, Maker>>): Item {
  const able = Object.entries(makers).filter(
    ([who]) =>
      !(who === 'tsMls' && (peer === undefined || size > LIMIT.tsMls)) &&
      !(who === 'noble' && size > LIMIT.noble),
  );
  const contestants = able.map(([who, make]) => [who, async () => (await make()) ?? (() => ({}))]);
  return { name, size, contestants: Object.fromEntries(contestants) };
}

function replay(steps: Readonly<Record<string, () => void>>, operations = 1): Round {
  return async () => {
    const sample: Record<string, number> = {};
    for (const [name, step] of Object.entries(steps)) {
      sample[name] = await timed(() => {
        for (let i = 0; i < operations; i++) step();
      }, operations);
    }
    return sample;
  };
}

/** Ratios that a noisy machine does not disturb much. */
function growthOf(all: readonly Row[]): { readonly name: string; readonly ratio: number }[] {
  const min = (name: string) => all.find((row) => row.name === name)?.by.ours?.min;
  const wanted = [
    ['message/encrypt', 'N=1024', 'N=2'],
    ['message/decrypt', 'N=1024', 'N=2'],
    ['commit/empty/process', 'N=1024', 'N=16'],
    ['commit/empty/create', 'N=1024', 'N=16'],
  ] as const;
  return wanted.flatMap(([name, large, small]) => {
    const [over, under] = [min(`${name} ${large}`), min(`${name} ${small}`)];
    return over === undefined || under === undefined
      ? []
      : [{ name: `${name} ${large} / ${small}`, ratio: over / under }];
  });
}

/** Times in µs; ratios are of the minima. */
function printTable(all: readonly Row[]): void {
  const head = ['item', 'ours min', 'median', 'bound', '× bound', 'ts-mls', 'ts-mls/ours', 'noble/ours'];
  const lines = all.map(({ name, by }) => [
    name,
    micros(by.ours?.min),
    micros(by.ours?.median),
    micros(by.bound?.min),
    ratio(by.ours?.min, by.bound?.min),
    micros(by.tsMls?.min),
    ratio(by.tsMls?.min, by.ours?.min),
    ratio(by.noble?.min, by.ours?.min),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]!.length)));
  for (const line of [head, ...lines]) {
    console.log(
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    );
  }
}

function micros(value: number | undefined): string {
  return value === undefined ? '–' : value.toFixed(value < 100 ? 1 : 0);
}

function ratio(over: number | undefined, under: number | undefined): string {
  return over === undefined || under === undefined ? '–' : (over / under).toFixed(2);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
