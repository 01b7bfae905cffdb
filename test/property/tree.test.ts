/**
 * The persistent tree against the naive array tree under random histories: shape, resolutions, filtered paths, hashes,
 * keys, and what every member supports.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leafIndex, nodeIndex } from '../../src/base/brand.ts';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { originalTreeHash, treeHash } from '../../src/tree/hash.ts';
import { occurrences } from '../../src/tree/keyIndex.ts';
import { filteredPath, resolution, resolutionLength } from '../../src/tree/resolve.ts';
import { summaryOf } from '../../src/tree/summary.ts';
import {
  addLeaf,
  blankLeaf,
  leafAt,
  leaves,
  type Subtree,
  setLeaf,
  singleLeafTree,
  subtreeAt,
  type Tree,
  treeFromNodes,
  treeToNodes,
  truncate,
  updateLeaf,
} from '../../src/tree/tree.ts';
import type { LeafNode } from '../../src/wire/leafNode.ts';
import { bareLeaf, NaiveTree, suite } from '../support/trees.ts';

/** Names repeat now and then, so that keys do. */
const step = fc.record({
  kind: fc.constantFrom('add', 'add', 'add', 'update', 'remove', 'path', 'path', 'removeLast'),
  at: fc.nat(1000),
  name: fc.nat(40),
  some: fc.subarray([1, 2, 3, 0xf001, 0x0a0a]),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function leafOf({ name, some }: Step, count: number): LeafNode {
  const bare = bareLeaf(name < 5 ? `twin${name}` : `L${count}`);
  const credentialType = name % 7 === 0 ? 2 : 1;
  const { capabilities } = bare;
  return {
    ...bare,
    credential:
      credentialType === 1 ? bare.credential : { credentialType, certificates: [bare.signatureKey] },
    capabilities: { ...capabilities, credentials: some, extensions: some, proposals: some },
  };
}

interface Pair {
  readonly tree: Tree;
  readonly naive: NaiveTree;
}

/** Take one step in both trees. */
function play({ tree, naive }: Pair, one: Step, count: number): Pair {
  const next = new NaiveTree(naive.nodes);
  const leaf = leafOf(one, count);
  const present = [...Array(next.width).keys()].filter((i) => next.leaf(i) !== undefined);
  const at = (one.kind === 'removeLast' ? present.at(-1) : present[one.at % present.length]) as number;
  if (one.kind === 'add') {
    const added = addLeaf(tree, leaf);
    expect(added.leaf).toBe(next.add(leaf));
    return { tree: added.tree, naive: next };
  }
  if (one.kind === 'update') {
    next.put(at, leaf);
    return { tree: updateLeaf(tree, leafIndex(at), leaf), naive: next };
  }
  if (one.kind === 'path') {
    next.put(at, leaf);
    const steps = next.filteredPath(at).map(({ node }) => node);
    for (const node of steps)
      next.nodes[node] = { key: suite.hash(leaf.encryptionKey), parentHash: leaf.signature, unmerged: [] };
    const path = setLeaf(tree, leafIndex(at), leaf, (_, node) =>
      steps.includes(node)
        ? { encryptionKey: suite.hash(leaf.encryptionKey), parentHash: leaf.signature, unmergedLeaves: [] }
        : undefined,
    );
    return { tree: path, naive: next };
  }
  if (present.length === 1) return { tree, naive };
  next.put(at, undefined);
  next.truncate();
  return { tree: truncate(blankLeaf(tree, leafIndex(at))), naive: next };
}

function start(): Pair {
  const first = bareLeaf('first');
  return { tree: singleLeafTree(first), naive: new NaiveTree([{ leaf: first }]) };
}

function expectSameNodes({ tree, naive }: Pair): void {
  expect(tree.width).toBe(naive.width);
  expect(NaiveTree.of(tree).nodes).toEqual(naive.nodes);
  const members = [...leaves(tree.root)];
  expect(members.map(([leaf]) => leaf)).toEqual(
    [...Array(naive.width).keys()].filter((leaf) => naive.leaf(leaf) !== undefined),
  );
  for (const [leaf, value] of members) expect(leafAt(tree, leaf)).toBe(value);
}

function expectSameResolutions({ tree, naive }: Pair, except: ReadonlySet<number>): void {
  for (let node = 0; node < naive.nodes.length; node++) {
    const subtree = subtreeAt(tree, nodeIndex(node)) as Subtree;
    const all = naive.resolution(node);
    const most = all.filter((entry) => entry % 2 === 1 || !except.has(entry / 2));
    expect(subtree.resolutionSize).toBe(all.length);
    expect(resolution(subtree).map((entry) => entry.node)).toEqual(all);
    expect(resolution(subtree, except).map((entry) => entry.node)).toEqual(most);
    const present = new Set(
      [...except].filter((leaf) => naive.leaf(leaf) !== undefined && isListed(naive, node, leaf)),
    );
    expect(resolutionLength(subtree, present)).toBe(resolution(subtree, present).length);
  }
  for (let leaf = 0; leaf < naive.width; leaf++) {
    const steps = filteredPath(tree, leafIndex(leaf));
    expect(steps.map(({ node, copath }) => ({ node, copath: copath.node }))).toEqual(
      naive.filteredPath(leaf),
    );
  }
}
/** The premise of `resolutionLength`: an added leaf is an entry of every resolution above it. */
function isListed(naive: NaiveTree, node: number, leaf: number): boolean {
  return !naive.below(node).includes(2 * leaf) || naive.resolution(node).includes(2 * leaf);
}

function expectSameHashes({ tree, naive }: Pair): void {
  for (let node = 0; node < naive.nodes.length; node++) {
    const subtree = subtreeAt(tree, nodeIndex(node)) as Subtree;
    expect(toHex(treeHash(suite, subtree))).toBe(toHex(naive.hash(node)));
  }
}

function expectSameKeys({ tree, naive }: Pair): void {
  const { encryption, signature } = naive.keys();
  for (const [map, index] of [
    [encryption, tree.encryptionKeys],
    [signature, tree.signatureKeys],
  ] as const) {
    for (const [key, count] of map) expect(occurrences(index, fromHex(key))).toBe(count);
    expect(index.duplicates).toBe([...map.values()].filter((count) => count > 1).length);
  }
}

function expectSameSummary({ tree, naive }: Pair): void {
  const members = [...Array(naive.width).keys()].flatMap((leaf) => naive.leaf(leaf) ?? []);
  const common = (list: (leaf: LeafNode) => readonly number[]): number[] =>
    [1, 2, 3, 0xf001, 0x0a0a].filter((value) => members.every((leaf) => list(leaf).includes(value)));
  const numeric = (values: Iterable<number>): number[] => [...new Set(values)].sort((a, b) => a - b);
  expect(summaryOf(tree.root)).toEqual({
    credentialsInUse: numeric(members.map((leaf) => leaf.credential.credentialType)),
    credentials: numeric(common((leaf) => leaf.capabilities.credentials)),
    extensions: numeric(common((leaf) => leaf.capabilities.extensions)),
    proposals: numeric(common((leaf) => leaf.capabilities.proposals)),
  });
}

const { MUTATION_ROOM } = process.env;
/** Of a hundred steps each. Every mutant of `npm run mutation` pays for them: it gets a few. */
const SEQUENCES = MUTATION_ROOM === undefined ? 100 : 5;

describe('the persistent tree is the naive one', () => {
  test('R4.1.1-03..06, R4.1.2-03, R7.7-02, R7.7-03, R12.3-06, TRE-24 shape, resolutions, filtered paths after every step', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.uniqueArray(fc.nat(20), { maxLength: 4 }),
        (steps, except) => {
          let pair = start();
          steps.forEach((one, i) => {
            pair = play(pair, one, i);
            expectSameNodes(pair);
          });
          expectSameResolutions(pair, new Set(except));
        },
      ),
      { numRuns: 150 },
    );
  });

  test('R7.8-01..06, TRE-23 cached hashes equal those from scratch after every one of 10000 steps', () => {
    let total = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 100, maxLength: 100 }), (steps) => {
        let pair = start();
        steps.forEach((one, i) => {
          pair = play(pair, one, i);
          total += 1;
          // A change that is thrown away must leave no trace.
          treeHash(suite, play(pair, { ...one, kind: 'update' }, -i).tree.root);
          const { tree, naive } = pair;
          const fresh = treeFromNodes(treeToNodes(tree));
          expect(toHex(treeHash(suite, tree.root))).toBe(toHex(treeHash(suite, fresh.root)));
          if (i % 20 === 19) expect(toHex(naive.hash())).toBe(toHex(treeHash(suite, tree.root)));
        });
        expectSameHashes(pair);
      }),
      { numRuns: SEQUENCES },
    );
    expect(total).toBeGreaterThanOrEqual(100 * SEQUENCES);
  });

  test('R7.3-17, R7.3-18, TRE-13, TRE-14 key counts after every step', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        let pair = start();
        steps.forEach((one, i) => {
          pair = play(pair, one, i);
          expectSameKeys(pair);
        });
        const fresh = treeFromNodes(treeToNodes(pair.tree));
        expectSameKeys({ ...pair, tree: fresh });
      }),
      { numRuns: 100 },
    );
  });

  test('R7.3-06..08 the summary equals a scan of all members after every step', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        let pair = start();
        steps.forEach((one, i) => {
          pair = play(pair, one, i);
          expectSameSummary(pair);
        });
      }),
      { numRuns: 100 },
    );
  });

  test('R7.9-04, R7.9-05, R7.9-08 original hashes, for any leaves taken out', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.uniqueArray(fc.nat(20), { maxLength: 8 }),
        (steps, without) => {
          const { tree, naive } = steps.reduce(play, start());
          for (let node = 0; node < naive.nodes.length; node++) {
            const subtree = subtreeAt(tree, nodeIndex(node)) as Subtree;
            const original = originalTreeHash(suite, subtree, without);
            expect(toHex(original)).toBe(toHex(naive.hash(node, without)));
            const inside = naive.below(node).some((below) => below % 2 === 0 && without.includes(below / 2));
            if (!inside) expect(original).toBe(treeHash(suite, subtree));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('R4.1-02 old versions are what they were after any history', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const versions = [start()];
        steps.forEach((one, i) => {
          versions.push(play(versions.at(-1) as Pair, one, i));
        });
        for (const version of versions) {
          expectSameNodes(version);
          expectSameKeys(version);
          expectSameSummary(version);
          expect(toHex(treeHash(suite, version.tree.root))).toBe(toHex(version.naive.hash()));
        }
      }),
      { numRuns: 60 },
    );
  });
});
