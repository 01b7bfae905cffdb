/** The vectors of the MLS working group, every case on both back ends. Each title cites the rows that its file proves. */

import { describe, expect, test } from 'vitest';
import { recognise, runVectors } from '../../src/cli/vectors/run.ts';
import { nobleProvider } from '../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { vectorFile } from '../support/vectorFiles.ts';

interface Row {
  readonly file: string;
  readonly kind: string;
  readonly cases: number;
  readonly ids: string;
}

const FILES: readonly Row[] = [
  {
    file: 'crypto-basics.json',
    kind: 'crypto-basics',
    cases: 7,
    ids:
      'R5.1-02 R5.1-03 R5.1-04 R5.1-05 R5.1-06 R5.1-07 R5.1-08 R5.1.1-03 R5.1.1-04 R5.1.2-02 ' +
      'R5.1.2-03 R5.1.2-04 R5.1.3-01 R5.1.3-02 R5.1.3-03 R5.2-01 R8-01 R8-02 R9.1-01 R17.1-01',
  },
  {
    file: 'deserialization.json',
    kind: 'deserialization',
    cases: 14,
    ids: 'R2.1.2-01 R2.1.2-05',
  },
  {
    file: 'key-schedule.json',
    kind: 'key-schedule',
    cases: 7,
    ids:
      'R8-04 R8-05 R8-06 R8-07 R8-08 R8-10 R8-11 R8-12 R8-13 R8-14 R8-15 R8-16 R8-17 R8-18 R8-19 ' +
      'R8.1-01 R8.4-08 R8.5-01 R8.5-02',
  },
  {
    file: 'message-protection.json',
    kind: 'message-protection',
    cases: 7,
    ids:
      'R5.1-11 R6.1-01 R6.1-02 R6.1-03 R6.2-02 R6.3-02 R6.3.1-01 R6.3.1-04 R6.3.1-06 R6.3.1-07 ' +
      'R6.3.1-08 R6.3.2-01 R6.3.2-04 R6.3.2-05 R12.4.1-12 R15-01',
  },
  {
    file: 'messages.json',
    kind: 'messages',
    cases: 300,
    ids:
      'R2.1-01 R2.1-07 R2.1-08 R2.1.1-01 R5.1.1-01 R5.1.2-05 R5.3-01 R6-01 R6-03 R6-05 R6-07 ' +
      'R6.1-05 R6.2-01 R6.3-01 R7.1-01 R7.2-01 R7.2-02 R7.2-03 R7.2-04 R7.6-01 R8.4-01 R8.4-02 ' +
      'R10-01 R12.1-01 R12.1-08 R12.1.1-01 R12.1.2-01 R12.1.3-01 R12.1.4-01 R12.1.5-01 R12.1.6-01 ' +
      'R12.1.7-01 R12.4-01 R12.4.3-01 R12.4.3.1-01 R12.4.3.1-02 R12.4.3.3-01 R13.4-01 R17.2-01',
  },
  {
    file: 'passive-client-handling-commit.json',
    kind: 'passive-client',
    cases: 91,
    ids:
      'R5.2-03 R6.1-06 R7.2-07 R7.5-04 R7.6-04 R8-09 R8-20 R12.3-01 R12.4.1-07 R12.4.1-08 ' +
      'R12.4.1-09 R12.4.2-02 R12.4.2-15 R12.4.2-16 R12.4.3.1-28',
  },
  {
    file: 'passive-client-random.json',
    kind: 'passive-client',
    cases: 1,
    ids: 'R4.1.2-05 R8.1-03 R8.1-04 R12.4.2-07',
  },
  {
    file: 'passive-client-welcome.json',
    kind: 'passive-client',
    cases: 56,
    ids:
      'R5.1.2-05 R7.3-16 R7.8-05 R8.2-07 R8.4-09 R8.4-11 R8.7-01 R10-02 R11-05 R12.4.1-13 ' +
      'R12.4.1-15 R12.4.1-18 R12.4.3.1-12 R12.4.3.1-22 R12.4.3.1-23 R12.4.3.1-24 R12.4.3.1-25 ' +
      'R12.4.3.1-26',
  },
  {
    file: 'psk_secret.json',
    kind: 'psk-secret',
    cases: 77,
    ids: 'R8.4-04 R8.4-05 R8.4-06 R8.4-07 R8.4-08',
  },
  {
    file: 'secret-tree.json',
    kind: 'secret-tree',
    cases: 21,
    ids:
      'R5.1-10 R6.3.1-04 R6.3.2-01 R6.3.2-02 R6.3.2-03 R9-01 R9-02 R9-03 R9-04 R9.1-02 R9.1-03 ' + 'R9.1-06',
  },
  {
    file: 'transcript-hashes.json',
    kind: 'transcript-hashes',
    cases: 7,
    ids: 'R5.1-09 R6-08 R6.1-12 R6.2-05 R8.2-01 R8.2-02 R8.2-03 R8.2-04 R8.2-06',
  },
  {
    file: 'tree-math.json',
    kind: 'tree-math',
    cases: 10,
    ids: 'R4.1-01 R4.1.1-01 R4.1.2-01 R4.1.2-02 RC-01 RC-02 RC-03 RC-04 RC-05',
  },
  {
    file: 'tree-operations.json',
    kind: 'tree-operations',
    cases: 5,
    ids:
      'R4.1-02 R4.2-04 R7.7-01 R7.7-02 R7.7-05 R7.7-06 R7.8-04 R12.1.1-03 R12.1.1-05 R12.1.1-06 ' +
      'R12.1.2-03 R12.1.3-03 R12.1.3-05',
  },
  {
    file: 'tree-validation.json',
    kind: 'tree-validation',
    cases: 98,
    ids:
      'R4.1.1-02 R4.1.1-03 R4.1.1-04 R4.1.1-05 R4.1.1-06 R7.1-03 R7.1-04 R7.2-05 R7.2-06 R7.3-03 ' +
      'R7.8-01 R7.8-02 R7.8-03 R7.9-01 R7.9-02 R7.9-03 R7.9-04 R7.9-07 R7.9-08 R7.9.1-01 ' +
      'R7.9.2-01 R7.9.2-02 R12.4.3.3-05',
  },
  {
    file: 'treekem.json',
    kind: 'treekem',
    cases: 77,
    ids:
      'R4.1.2-02 R4.1.2-03 R4.2-02 R4.2-03 R5.1-12 R5.1.1-02 R5.1.3-04 R7.4-01 R7.4-03 R7.4-04 ' +
      'R7.4-05 R7.4-06 R7.5-01 R7.5-02 R7.5-07 R7.5-08 R7.5-10 R7.5-12 R7.5-13 R7.5-14 R7.5-15 ' +
      'R7.5-16 R7.6-03 R7.6-04 R7.9.2-06 R12.4.1-05 R12.4.1-06 R12.4.2-13 R12.4.2-14',
  },
  {
    file: 'welcome.json',
    kind: 'welcome',
    cases: 7,
    ids:
      'R5.1.3-04 R5.2-02 R12.4.1-14 R12.4.1-16 R12.4.3-02 R12.4.3.1-01 R12.4.3.1-05 R12.4.3.1-10 ' +
      'R12.4.3.1-11 R12.4.3.1-27',
  },
];

const PROVIDERS = [nodeProvider, nobleProvider];

// All suites on the slower back end, P-521 and X448 among them, with every member receiving from every other.
const SLOWEST_MS = 600_000;

describe.each(FILES)('$ids: $file', ({ file, kind, cases }) => {
  const found = vectorFile('mls-vectors', file);

  test.skipIf(found.skip).each(PROVIDERS)(
    `${found.title}: all cases pass on $name`,
    (provider) => {
      const report = runVectors(provider, recognise(found.json<unknown>()));
      expect(report.failures).toEqual([]);
      expect(report.kind.name).toBe(kind);
      expect(report.passed).toBe(cases);
    },
    SLOWEST_MS,
  );
});

test('the sixteen files hold 785 cases', () => {
  expect(FILES.reduce((sum, { cases }) => sum + cases, 0)).toBe(785);
});
