/** The command `vectors`: what passes, what fails, and that no verifier takes a wrong value for a right one. */

import { describe, expect, test } from 'vitest';
import { MlsError } from '../../../src/base/error.ts';
import { KINDS, kindOf } from '../../../src/cli/vectors/kinds.ts';
import { parseVectors, recognise, runVectors } from '../../../src/cli/vectors/run.ts';
import { Difference, isJson, type Json, uint64Of } from '../../../src/cli/vectors/verifier.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import { leavesOf, withDamage } from '../../support/damage.ts';
import { vectorFile } from '../../support/vectorFiles.ts';
import { run } from './terminal.ts';

const LENGTHS = [
  { vlbytes_header: '00', length: 0 },
  { vlbytes_header: '3f', length: 63 },
  { vlbytes_header: '4040', length: 64 },
  { vlbytes_header: 'bfffffff', length: 2 ** 30 - 1 },
];
const TREE = {
  n_leaves: 2,
  n_nodes: 3,
  root: 1,
  left: [null, 0, null],
  right: [null, 2, null],
  parent: [1, null, 1],
  sibling: [2, null, 0],
};
const GOOD = JSON.stringify(LENGTHS);
const BAD = JSON.stringify([TREE, { ...TREE, sibling: [2, null, 1] }]);

describe('vectors', () => {
  test('good files: a line each, plain counts at the end, exit 0', async () => {
    const files = { 'a/lengths.json': GOOD, 'tree.json': JSON.stringify([TREE]) };
    const { code, out, err } = await run(['vectors', 'a/lengths.json', 'tree.json'], files);
    expect(out).toEqual([
      'ok  lengths.json (deserialization): 4 passed',
      'ok  tree.json (tree-math): 1 passed',
      '5 passed, 0 failed',
    ]);
    expect([code, err]).toEqual([0, []]);
  });

  test('a wrong value: file, case and difference are named, exit 1', async () => {
    const { code, out } = await run(['vectors', 'tree.json', 'lengths.json'], {
      'tree.json': BAD,
      'lengths.json': GOOD,
    });
    expect(out).toEqual([
      'FAIL  tree.json (tree-math): 1 passed, 1 failed',
      '      tree.json, case 1: sibling[2]: 0, expected 1',
      'ok  lengths.json (deserialization): 4 passed',
      '5 passed, 1 failed',
    ]);
    expect(code).toBe(1);
  });

  test.each([
    ['unknown kind', '[{"a":1}]', 'no known kind'],
    ['empty list', '[]', 'not a list of test vectors'],
    ['no list', '{"n_leaves":1}', 'not a list of test vectors'],
    ['no JSON', 'vectors', 'JSON'],
    ['no text', new Uint8Array([0xff]), 'codec.utf8'],
    ['list of numbers', '[1]', 'no known kind'],
  ])('%s: one failure, exit 1', async (_, content, words) => {
    const { code, out } = await run(['vectors', 'x.json', 'good.json'], {
      'x.json': content,
      'good.json': GOOD,
    });
    expect(code).toBe(1);
    expect(out[0]).toMatch(/^FAIL {2}x\.json: /);
    expect(out[0]).toContain(words);
    expect(out.at(-1)).toBe('4 passed, 1 failed');
  });

  test('an unreadable file: one failure, exit 1', async () => {
    const { code, out } = await run(['vectors', 'missing.json']);
    expect(code).toBe(1);
    expect(out[0]).toContain('ENOENT');
    expect(out.at(-1)).toBe('0 passed, 1 failed');
  });

  test('cases of a suite that the provider lacks are skipped', async () => {
    const content = JSON.stringify([{ cipher_suite: 0xf00f, psks: [], psk_secret: '' }]);
    const { code, out } = await run(['vectors', 'x.json'], { 'x.json': content });
    expect(out).toEqual(['ok  x.json (psk-secret): 0 passed, 1 skipped', '0 passed, 0 failed, 1 skipped']);
    expect(code).toBe(0);
  });

  test('cases without their fields fail, whatever stands in their place', async () => {
    const content = JSON.stringify([TREE, 7, null, 'x', { ...TREE, left: 3 }, { ...TREE, right: ['x'] }]);
    const { out } = await run(['vectors', 'x.json'], { 'x.json': content });
    expect(out.at(-1)).toBe('1 passed, 5 failed');
  });

  test.each([
    [['vectors'], 'no file is named'],
    [['vectors', 'x', '--provider', 'openssl'], 'noble and node'],
    [['vectors', 'x', '--provider'], 'provider'],
    [['vectors', 'x', '--fast'], '--fast'],
  ])('%j is a wrong call: usage, exit 2', async (args, words) => {
    const { code, out, err } = await run(args, { x: GOOD });
    expect(code).toBe(2);
    expect(out).toEqual([]);
    expect(err[0]).toContain(words);
    expect(err[1]).toMatch(/^usage: /);
  });

  test('both providers can be chosen', async () => {
    for (const provider of ['node', 'noble']) {
      const { code } = await run(['vectors', `--provider=${provider}`, 'x'], { x: GOOD });
      expect(code).toBe(0);
    }
  });

  test('names and values cannot steer the terminal', async () => {
    const { out } = await run(['vectors', '\u001b[2Jx.json'], { '\u001b[2Jx.json': '[{"a":1}]' });
    expect(out.join('')).not.toContain('\u001b');
  });

  test('colour marks the results when it is wanted, never the last line', async () => {
    const { out } = await run(['vectors', 'x', 'y'], { x: GOOD, y: BAD }, true);
    expect(out[0]).toContain('\u001b[32mok');
    expect(out[1]).toContain('\u001b[31mFAIL');
    expect(out.at(-1)).toBe('5 passed, 1 failed');
  });

  test('an epoch beyond 2^53 keeps its digits', () => {
    const text = '[{"n_leaves":1,"n_nodes":1,"sibling":[],"epoch": 18446744073709551615}]';
    const [vector] = parseVectors(new TextEncoder().encode(text)).cases;
    expect(uint64Of(vector as Json, 'epoch')).toBe(2n ** 64n - 1n);
    expect(uint64Of({ epoch: 5 }, 'epoch')).toBe(5n);
    expect(() => uint64Of({ epoch: 2 ** 60 }, 'epoch')).toThrow(Difference);
  });
});

/** Kind to the file that shows it, and the case to damage: a small one that has everything. */
const SAMPLES: Readonly<Record<string, readonly [file: string, pick: (vector: Json) => boolean]>> = {
  'crypto-basics': ['crypto-basics.json', isSuite(1)],
  deserialization: ['deserialization.json', ({ length }) => length === 389],
  'key-schedule': ['key-schedule.json', isSuite(1)],
  'message-protection': ['message-protection.json', isSuite(1)],
  messages: ['messages.json', () => true],
  'passive-client': [
    'passive-client-handling-commit.json',
    (vector) => isSuite(1)(vector) && hasProposals(vector),
  ],
  'psk-secret': ['psk_secret.json', (vector) => isSuite(1)(vector) && lengthOf(vector, 'psks') === 3],
  'secret-tree': ['secret-tree.json', isSuite(1)],
  'transcript-hashes': ['transcript-hashes.json', isSuite(1)],
  'tree-math': ['tree-math.json', ({ n_leaves }) => n_leaves === 8],
  // An Update: what the signature of a KeyPackage covers does not enter the tree, nor does the sender of an Add.
  'tree-operations': ['tree-operations.json', ({ proposal }) => String(proposal).startsWith('0002')],
  'tree-validation': [
    'tree-validation.json',
    (vector) => isSuite(1)(vector) && lengthOf(vector, 'resolutions') > 10,
  ],
  treekem: ['treekem.json', (vector) => isSuite(1)(vector) && lengthOf(vector, 'leaves_private') > 2],
  welcome: ['welcome.json', isSuite(1)],
};

/** Values whose change leaves another case that is right as well. */
const FREE: Readonly<Record<string, RegExp>> = {
  // Only its first Nh bytes are used.
  'secret-tree': /^sender_data\.ciphertext$/,
  // Structures are read and written, not judged.
  messages: /./,
};

describe('no value of a vector goes unchecked', () => {
  test('every kind has a sample', () => {
    expect(Object.keys(SAMPLES).sort()).toEqual(KINDS.map(({ name }) => name).sort());
  });

  for (const [name, [file, pick]] of Object.entries(SAMPLES)) {
    const found = vectorFile('mls-vectors', file);
    test.skipIf(found.skip)(`${name}: ${found.title}`, () => {
      const { kind, cases } = recognise(found.json<unknown>());
      const vector = cases.find(pick) as Json;
      expect(kind.name).toBe(name);
      expect(() => kind.verify(nodeProvider, vector)).not.toThrow();

      const unchecked = leavesOf(vector).filter((path) => {
        const damaged = withDamage(vector, path);
        return passes(() => kind.verify(nodeProvider, damaged));
      });
      const free = FREE[name];
      expect(unchecked.filter((path) => free === undefined || !free.test(path))).toEqual([]);
    });

    test.skipIf(found.skip)(`${name}: the command names a damaged case`, async () => {
      const { cases } = recognise(found.json<unknown>());
      const vector = cases.find(pick) as Json;
      const { commit } = vector;
      const [path] = leavesOf(vector)
        .filter((leaf) => /^(?!cipher_suite)/.test(leaf))
        .slice(-1) as [string];
      const damaged =
        name === 'messages' ? { ...vector, commit: `${String(commit)}00` } : withDamage(vector, path);
      const { code, out } = await run(['vectors', file], { [file]: JSON.stringify([vector, damaged]) });
      expect(code).toBe(1);
      expect(out[0]).toBe(`FAIL  ${file} (${name}): 1 passed, 1 failed`);
      expect(out[1]).toMatch(new RegExp(`^ {6}${file.replace('.', '\\.')}, case 1(, suite 1)?: .`));
      expect(out.at(-1)).toBe('1 passed, 1 failed');
    });
  }

  const messages = vectorFile('mls-vectors', 'messages.json');
  test.skipIf(messages.skip)('messages: every field is decoded to its end, and as what it is called', () => {
    const { kind, cases } = recognise(messages.json<unknown>());
    const vector = cases[0] as Json;
    for (const field of Object.keys(vector)) {
      const hex = String(vector[field]);
      for (const wrong of [`${hex}00`, hex.slice(0, -2), `ff${hex.slice(2)}`, '']) {
        if (field === 'remove_proposal' && wrong.startsWith('ff')) continue;
        expect(() => kind.verify(nodeProvider, { ...vector, [field]: wrong }), field).toThrow(field);
      }
    }
    const { public_message_proposal: other } = vector;
    const swapped = { ...vector, public_message_commit: other };
    expect(() => kind.verify(nodeProvider, swapped)).toThrow('content_type');
  });
});

test('kinds are told apart by their fields, and every case of a kind has them', () => {
  for (const [name, [file]] of Object.entries(SAMPLES)) {
    const found = vectorFile('mls-vectors', file);
    if (found.skip) continue;
    const { cases } = recognise(found.json<unknown>());
    expect(new Set(cases.map((vector) => kindOf(vector)?.name))).toEqual(new Set([name]));
    const [first] = cases;
    expect(KINDS.filter(({ fields }) => fields.every((field) => field in (first as Json)))).toHaveLength(1);
  }
});

test('a bug of a verifier is reported, not thrown', () => {
  const kind = {
    name: 'broken',
    fields: [],
    verify: () => {
      throw new TypeError('oops');
    },
  };
  expect(runVectors(nodeProvider, { kind, cases: [{}] }).failures).toEqual([
    { index: 0, suite: undefined, reason: 'oops' },
  ]);
});

function isSuite(suite: number): (vector: Json) => boolean {
  return ({ cipher_suite: own }) => own === suite;
}

function hasProposals(vector: Json): boolean {
  const { epochs } = vector;
  const psks = lengthOf(vector, 'external_psks');
  return (
    psks > 0 &&
    Array.isArray(epochs) &&
    epochs.some((epoch) => isJson(epoch) && lengthOf(epoch, 'proposals') > 0)
  );
}

function lengthOf(vector: Json, field: string): number {
  const list = vector[field];
  return Array.isArray(list) ? list.length : 0;
}

function passes(verify: () => void): boolean {
  try {
    verify();
    return true;
  } catch (error) {
    expect(error instanceof Difference || error instanceof MlsError, String(error)).toBe(true);
    return false;
  }
}
