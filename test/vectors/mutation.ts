/**
 * The vectors of the MLS working group for mutation tests (vitest.mutation.config.ts): the first suite and the faster
 * back end, since what is mutated knows neither suites nor back ends. All others are in `mls.test.ts`.
 */

import { expect, test } from 'vitest';
import { recognise, runVectors } from '../../src/cli/vectors/run.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { vectorFile } from '../support/vectorFiles.ts';

const FILES: Readonly<Record<string, readonly string[]>> = {
  tree: ['tree-math', 'tree-operations', 'tree-validation', 'treekem'],
  schedule: ['key-schedule', 'psk_secret', 'secret-tree', 'transcript-hashes'],
  framing: ['message-protection', 'transcript-hashes', 'welcome'],
};

const { MUTATION_ROOM: room = '' } = process.env;
const files = FILES[room] ?? [];

test.skipIf(files.length === 0).each(files)('the cases of %s for the first suite', (name) => {
  const found = vectorFile('mls-vectors', `${name}.json`);
  if (found.skip) return;
  const all = found.json<{ readonly cipher_suite?: number }[]>();
  const report = runVectors(
    nodeProvider,
    recognise(all.filter(({ cipher_suite: suite = 1 }) => suite === 1)),
  );
  expect(report.failures).toEqual([]);
  expect(report.passed).toBeGreaterThan(0);
});
