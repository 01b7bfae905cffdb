/**
 * Live interop with ts-mls, OpenMLS and mls-rs (see README.md beside this file):
 *   npm run test:interop -- [--histories N] [--operations N] [--seed N] [--only N] [--suites 1,2,3] [--peers NAMES]
 * Ends with `N passed, N failed`; a case is one history. XMPP_MLS_REQUIRE_PEERS=1: a missing peer is a failure.
 */

import { parseArgs } from 'node:util';
import { Random } from '../fuzz/random.ts';
import { gather } from './libraries.ts';
import { detours } from './limits.ts';
import { buryGhosts, gatherAll, operate, talk } from './operations.ts';
import { LIBRARIES, type Library } from './peer.ts';
import { type Framing, World } from './world.ts';

const FRAMINGS: readonly Framing[] = ['private', 'public', 'mixed'];

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '48' },
    operations: { type: 'string', default: '16' },
    seed: { type: 'string', default: String(Date.now() % 0x1_0000_0000) },
    only: { type: 'string' },
    suites: { type: 'string', default: '1,2,3' },
    peers: { type: 'string', default: LIBRARIES.join(',') },
    verbose: { type: 'boolean', default: false },
  },
});
const [seed, histories, operations] = [values.seed, values.histories, values.operations].map(Number) as [
  number,
  number,
  number,
];
const suites = values.suites.split(',').map(Number);
const asked = values.peers.split(',');
const names = LIBRARIES.filter((name) => asked.includes(name));
if (![seed, histories, operations, ...suites].every(Number.isInteger) || names.length !== asked.length) {
  console.error('usage: npm run test:interop -- [--histories N] [--operations N] [--seed N] [--only N]');
  console.error(`         [--suites 1,2,3] [--peers ${LIBRARIES.join(',')}] [--verbose]`);
  process.exit(2);
}
const { XMPP_MLS_REQUIRE_PEERS } = process.env;
const required = XMPP_MLS_REQUIRE_PEERS === '1';

const { libraries, missing } = await gather(names);
const present = libraries.map(({ name }) => name).join(',');
let passed = 0;
let failed = required ? missing.flatMap((one) => one.names).length : 0;
console.log(`seed ${seed}, ${histories} histories of ${operations} operations, ${present}`);
if (libraries.length < 2) console.log('one library alone agrees with itself: nothing to compare');
else for (let index = 0; index < histories; index++) if (isChosen(index)) await play(index);
for (const library of libraries) library.stop();
for (const line of detours()) console.log(`gone around: ${line}`);
for (const { text } of missing)
  console.log(`${required ? 'FAILED, required but missing' : 'skipped'}: ${text}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function isChosen(index: number): boolean {
  return values.only === undefined || Number(values.only) === index;
}

/** One history: its suite, founder and framing follow from its number, so that a full round meets all of them. */
async function play(index: number): Promise<void> {
  const round = Math.floor(index / (suites.length * libraries.length));
  const suite = suites[index % suites.length] as number;
  const founder = libraries[Math.floor(index / suites.length) % libraries.length] as Library;
  const framing = FRAMINGS[(index + round) % FRAMINGS.length] as Framing;
  const title = `history ${index}: suite ${suite}, founded by ${founder.name}, handshakes ${framing}`;
  const start = performance.now();
  /** Of the present operation. */
  let steps: string[] = [];
  const note = (text: string): void => {
    steps = text.startsWith('operation') ? [text] : [...steps, text];
    if (values.verbose) console.log(`  ${text}`);
  };
  const world = new World({ libraries, suite, framing, random: new Random(seed + index), note });
  try {
    await live(world, founder);
    passed += 1;
    console.log(`${title}: good (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`${title}: FAILED in ${steps.join('; ')}`);
    console.log(`  ${error instanceof Error ? error.message : String(error)}`);
    const same = `--seed ${seed} --operations ${operations} --suites ${values.suites} --peers ${present}`;
    console.log(`  npm run test:interop -- ${same} --only ${index} --verbose`);
  }
}

/** From the founding to the last words. */
async function live(world: World, founder: Library): Promise<void> {
  await world.create(founder);
  await gatherAll(world);
  for (let i = 1; i <= operations; i++) {
    world.scene.note(`operation ${i}`);
    await operate(world);
  }
  await buryGhosts(world);
  await talk(world);
  for (const { peer } of world.members) await peer.close();
}
