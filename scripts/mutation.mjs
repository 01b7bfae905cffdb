// Mutation testing of the rooms that carry the protocol, one after the other (see stryker.config.mjs).
//   npm run mutation                       all of them
//   npm run mutation -- tree framing       these
//   npm run mutation -- tree --mutate=src/tree/path.ts       what starts with a dash is for Stryker
//   MUTATION_TESTS='join path' npm run mutation -- group --mutate=src/group/join.ts       with these tests of test/rules
// It fails when a room stays below its bound. Reports are under reports/mutation. MLS_VECTORS_DIR as for the tests.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROOMS = ['tree', 'schedule', 'framing', 'group'];
const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith('-'));
const named = args.filter((arg) => !arg.startsWith('-'));
const unknown = named.filter((room) => !ROOMS.includes(room));
if (unknown.length > 0) {
  console.error(`no such room: ${unknown.join(', ')}\nusage: npm run mutation [-- ${ROOMS.join('|')}...]`);
  process.exit(2);
}

// Tests run in a copy of this folder, from where the relative places of the vectors lead nowhere.
const places = [resolve(ROOT, 'vectors/mls-vectors'), resolve(ROOT, '../shared/mls-vectors')];
const vectors = process.env.MLS_VECTORS_DIR ?? places.find((place) => existsSync(place));
if (vectors === undefined)
  console.log('mutation: no MLS vectors (npm run vectors), the scores will be lower');
else process.env.MLS_VECTORS_DIR = resolve(vectors);

const stryker = resolve(ROOT, 'node_modules/@stryker-mutator/core/bin/stryker.js');
const failed = (named.length > 0 ? named : ROOMS).filter((room) => {
  const start = Date.now();
  console.log(`\n== mutation of src/${room}`);
  const { status } = spawnSync(process.execPath, [stryker, 'run', 'stryker.config.mjs', ...options], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, MUTATION_ROOM: room },
  });
  console.log(
    `== src/${room}: ${status === 0 ? 'good' : 'FAILED'} (${Math.round((Date.now() - start) / 1000)} s)`,
  );
  return status !== 0;
});
if (failed.length > 0) process.exit(1);
