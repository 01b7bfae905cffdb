/**
 * Makes the vectors of test-vectors/mls: `npm run vectors:generate -- [--seed N] [--out DIR] [--only FILE]`.
 * The same seed gives the same bytes. Every case is checked before it is written.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FILES, SEED, textOf } from './files.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(SEED) },
    out: { type: 'string', default: join('test-vectors', 'mls') },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);
const chosen = Object.keys(FILES).filter((file) => values.only === undefined || values.only === file);
if (!Number.isSafeInteger(seed) || chosen.length === 0) {
  console.error('usage: npm run vectors:generate -- [--seed N] [--out DIR] [--only FILE]');
  console.error(`files: ${Object.keys(FILES).join(', ')}`);
  process.exit(2);
}
mkdirSync(values.out, { recursive: true });
for (const file of chosen) {
  const text = textOf(file, seed);
  writeFileSync(join(values.out, file), text);
  console.log(`${file}: ${(JSON.parse(text) as unknown[]).length} cases, ${text.length} bytes`);
}
