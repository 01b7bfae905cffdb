/** The record of renewals: as far as trees differ, and no further. */

import { describe, expect, test } from 'vitest';
import { leafIndex } from '../../../src/base/brand.ts';
import { type Renewals, renewalOf, renewed } from '../../../src/tree/renewals.ts';
import {
  addLeaf,
  blankLeaf,
  leaves,
  type Tree,
  treeFromNodes,
  treeToNodes,
  truncate,
  updateLeaf,
} from '../../../src/tree/tree.ts';
import { Random } from '../../fuzz/random.ts';
import { bareLeaf, bareTree } from '../../support/trees.ts';

describe('renewals', () => {
  test('R3.2-01: the epoch of every leaf, whatever is added, updated and removed', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed);
      let tree = bareTree('first');
      let renewals: Renewals = 0n;
      const expected = new Map([[0, 0n]]);
      for (let epoch = 1n; epoch <= 60n; epoch++) {
        const before = tree;
        for (let steps = random.below(4); steps >= 0; steps--) tree = change(tree, random, epoch, expected);
        // A tree that was loaded shares nothing with the one before.
        if (random.below(5) === 0) tree = treeFromNodes(treeToNodes(tree));
        renewals = renewed(renewals, { before, after: tree }, epoch);
        const found = [...leaves(tree.root)].map(([leaf]) => [leaf, renewalOf(renewals, tree.width, leaf)]);
        expect(found, `seed ${seed}, epoch ${epoch}`).toEqual([...expected].sort(([a], [b]) => a - b));
      }
    }
  });

  test('a commit copies one path, and a tree whose leaves are of one age is one number', () => {
    const before = bareTree(...Array.from({ length: 64 }, (_, i) => `member ${i}`));
    const after = updateLeaf(before, leafIndex(37), bareLeaf('renewed'));
    expect(renewed(3n, { before, after: before }, 4n)).toBe(3n);
    const renewals = renewed(3n, { before, after }, 4n);
    expect(sizeOf(renewals)).toBe(2 * 6 + 1);
    expect(renewed(renewals, { before: after, after }, 5n)).toBe(renewals);
    let all = renewals;
    let tree = after;
    for (let leaf = 0; leaf < 64; leaf++) tree = updateLeaf(tree, leafIndex(leaf), bareLeaf(`again ${leaf}`));
    all = renewed(all, { before: after, after: tree }, 5n);
    expect(all).toBe(5n);
  });
});

function change(tree: Tree, random: Random, epoch: bigint, expected: Map<number, bigint>): Tree {
  const members = [...leaves(tree.root)].map(([leaf]) => leaf);
  const chosen = members[random.below(members.length)] as (typeof members)[number];
  const kind = random.below(4);
  const fresh = bareLeaf(`${epoch} ${random.below(2 ** 30)}`);
  if (kind === 0 && members.length > 1) {
    expected.delete(chosen);
    return truncate(blankLeaf(tree, chosen));
  }
  if (kind < 2) {
    expected.set(chosen, epoch);
    return updateLeaf(tree, chosen, fresh);
  }
  const added = addLeaf(tree, fresh);
  expected.set(added.leaf, epoch);
  return added.tree;
}

function sizeOf(renewals: Renewals): number {
  return typeof renewals === 'bigint' ? 1 : 1 + sizeOf(renewals.left) + sizeOf(renewals.right);
}
