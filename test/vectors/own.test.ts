/** Our own vectors: they pass on both back ends, come out of the generator as they are, and nothing in them is idle. */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { recognise, runVectors } from '../../src/cli/vectors/run.ts';
import { isJson, type Json } from '../../src/cli/vectors/verifier.ts';
import { nobleProvider } from '../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { casesOf, FILES, SEED } from '../../test-vectors/generate/files.ts';
import { fileText } from '../../test-vectors/generate/record.ts';
import { Random } from '../fuzz/random.ts';
import { leavesOf, withDamage } from '../support/damage.ts';

const FOLDER = 'test-vectors/mls';
const NEGATIVE = 'passive-client-negative.json';

interface Row {
  readonly file: string;
  readonly cases: number;
  readonly ids: string;
  /** Values that say nothing which could be checked. */
  readonly free?: RegExp;
}

const OWN: readonly Row[] = [
  {
    file: 'passive-client-psk-external.json',
    cases: 15,
    ids: 'R8.3-01 R8.3-02 R8.3-04 R8.3-05 R12.2-20 R12.2-21 R12.4.3.2-05 R12.4.3.2-09 R12.4.3.2-15',
  },
  {
    file: 'passive-client-external-senders.json',
    cases: 10,
    ids: 'R12.1.8-01 R12.1.8-02 R12.1.8-03 R12.1.8-05 R12.1.8.1-01 R12.1.8.1-02',
  },
  {
    file: 'passive-client-succession.json',
    cases: 17,
    ids: 'R8.6-02 R11.2-01 R11.2-04 R11.2-07 R11.3-01 R11.3-02 R11.3-07 R12.1.5-03',
    // The group that is replaced needs none of what its successor needs.
    free: /external_psks/,
  },
  {
    file: 'passive-client-messages.json',
    cases: 14,
    ids: 'R8.5-01 R8.5-02 R9.1-01 R9.2-05 R15-01 R15.3-01 R15.3-06 FRM-03 FRM-04 FRM-09 FRM-10',
  },
  { file: NEGATIVE, cases: 15, ids: 'PRO-18 PRO-19 PRO-23 PRO-25 FRM-15 FRM-21' },
];

describe.each(OWN)('$ids: $file', ({ file, cases: count, free }) => {
  const { cases } = recognise(JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8')));
  const first = cases.filter(({ cipher_suite: suite }) => suite === 1);

  test('all cases pass on node, and those of suite 1 on noble', () => {
    const report = runVectors(nodeProvider, recognise(cases));
    expect(report.failures).toEqual([]);
    expect(report.kind.name).toBe('passive-client');
    expect(report.passed).toBe(count);
    const noble = runVectors(nobleProvider, recognise(first));
    expect(noble.failures).toEqual([]);
  });

  // The rest is compared byte for byte in .ci/run, and so is the form of the file.
  test(`the generator makes the cases of suite 1 from seed ${SEED}`, () => {
    expect(JSON.parse(fileText(casesOf(file, SEED, [1])))).toEqual(first);
    const other = casesOf(file, SEED + 1, [1]);
    expect(JSON.parse(fileText(other))).not.toEqual(first);
  });

  test.skipIf(file === NEGATIVE)('no value goes unchecked, whichever digit is wrong', () => {
    const random = new Random(SEED);
    for (const vector of first) {
      const paths = leavesOf(vector).filter((path) => free?.test(path) !== true && !isVain(vector, path));
      const unchecked = paths.filter((path) => passes(withFlip(vector, path, random)));
      expect(unchecked).toEqual([]);
    }
  });
});

describe('the folder', () => {
  test('holds what the generator makes, and little of it', () => {
    expect(readdirSync(FOLDER).sort()).toEqual(Object.keys(FILES).sort());
    expect(OWN.map(({ file }) => file).sort()).toEqual(Object.keys(FILES).sort());
    const sizes = readdirSync(FOLDER).map((file) => readFileSync(`${FOLDER}/${file}`).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1_500_000);
  });

  test.each(OWN.filter(({ file }) => /external|senders|messages|succession/.test(file)))(
    '$file has every suite',
    ({ file }) => {
      const { cases } = recognise(JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8')));
      expect(new Set(cases.map(({ cipher_suite: suite }) => suite))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]));
    },
  );
});

describe(NEGATIVE, () => {
  const { cases } = recognise(JSON.parse(readFileSync(`${FOLDER}/${NEGATIVE}`, 'utf8')));
  const stages = cases.flatMap((vector) => [vector, ...epochsOf(vector)]);
  const refusals = stages.flatMap(({ rejected = [] }) => rejected as Json[]);

  test('names rules that the checklist has, and what is wrong', () => {
    const sections = JSON.parse(readFileSync('test/house/checklist-ids.json', 'utf8')) as Json;
    const known = new Set(Object.values(sections).flatMap((rows) => Object.keys(rows as Json)));
    const rules = refusals.flatMap(({ rules: ids }) => ids as string[]);
    expect(rules.filter((id) => !known.has(id))).toEqual([]);
    for (const { title, rules: ids } of refusals) {
      expect(title).toMatch(/^[a-zA-Z]/);
      expect((ids as string[]).length).toBeGreaterThan(0);
    }
    expect(refusals.length).toBe(123);
  });

  test('an honest commit follows on every refusal', () => {
    for (const vector of cases) {
      const epochs = epochsOf(vector);
      expect('rejected' in vector || 'rejected' in (epochs.at(-1) as Json)).toBe(false);
      for (const { rejected } of epochs.slice(0, -1))
        expect((rejected as Json[] | undefined)?.length ?? 1).toBe(1);
    }
  });

  test('a message that is accepted, another code and a proposal that is refused fail', () => {
    const vector = cases.find(({ family }) => family === 'signature') as Json;
    const epochs = epochsOf(vector);
    const at = epochs.findIndex((epoch) => 'rejected' in epoch);
    const { rejected } = epochs[at] as { readonly rejected: readonly [Json] };
    const [refusal] = rejected;
    const changed = (change: Json): Json => ({
      ...vector,
      epochs: epochs.map((epoch, i) =>
        i === at ? { ...epoch, rejected: [{ ...refusal, ...change }] } : epoch,
      ),
    });
    const { kind } = recognise(cases);
    expect(() => kind.verify(nodeProvider, changed({}))).not.toThrow();
    const { commit } = epochs[at + 1] as Json;
    expect(() => kind.verify(nodeProvider, changed({ message: commit }))).toThrow('accepted');
    expect(() => kind.verify(nodeProvider, changed({ code: 'crypto.aead' }))).toThrow('crypto.signature');
    const { message } = refusal;
    expect(() => kind.verify(nodeProvider, changed({ proposals: [message] }))).toThrow('proposals[0]');
  });
});

function epochsOf({ epochs }: Json): readonly Json[] {
  return epochs as readonly Json[];
}

function passes(vector: Json): boolean {
  return runVectors(nodeProvider, recognise([vector])).failed === 0;
}

/** Whether a path leads to the bytes of a message that is repeated or too late: nobody opens it any more. */
function isVain(vector: Json, path: string): boolean {
  const keys = path.split('.');
  const last = keys.pop();
  const holder = keys.reduce<unknown>((at, key) => (at as Json)[key], vector);
  if (last !== 'message' || !isJson(holder)) return false;
  const { outcome } = holder;
  return outcome !== 'delivered';
}

/** A copy in which one digit of a text, wherever it stands, is another. */
function withFlip(vector: Json, path: string, random: Random): Json {
  const copy = structuredClone(vector);
  const keys = path.split('.');
  const last = keys.pop() as string;
  const holder = keys.reduce<unknown>((at, key) => (at as Json)[key], copy) as Record<string, unknown>;
  const value = holder[last];
  if (typeof value !== 'string' || value === '') return withDamage(vector, path);
  const place = random.below(value.length);
  const digit = value[place] === 'a' ? 'b' : 'a';
  holder[last] = value.slice(0, place) + digit + value.slice(place + 1);
  return copy;
}
