/** Trees by their changes: what differs between two trees, put into the first, gives the second. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leafIndex, type NodeIndex } from '../../src/base/brand.ts';
import { toHex } from '../../src/base/bytes.ts';
import { encode } from '../../src/codec/codec.ts';
import { occurrences } from '../../src/tree/keyIndex.ts';
import { diffTrees, type NodeValue, patchTree } from '../../src/tree/patch.ts';
import { renewalOf, renewalsFrom, renewed } from '../../src/tree/renewals.ts';
import {
  addLeaf,
  blankLeaf,
  leaves,
  setLeaf,
  singleLeafTree,
  type Tree,
  treeToNodes,
  truncate,
} from '../../src/tree/tree.ts';
import { RatchetTree } from '../../src/wire/treeNode.ts';
import { bareLeaf, bareParent } from '../support/trees.ts';

let count = 0;
const fresh = (): string => `name ${count++}`;

/** One step in the life of a tree. */
function grown(tree: Tree, kind: number, choice: number): Tree {
  const places = [...leaves(tree.root)].map(([leaf]) => leaf);
  const leaf = places[choice % places.length] ?? leafIndex(0);
  if (kind === 0) return addLeaf(tree, bareLeaf(fresh())).tree;
  if (kind === 1 && places.length > 1) return truncate(blankLeaf(tree, leaf));
  return setLeaf(tree, leaf, bareLeaf(fresh()), () => (choice % 3 === 0 ? undefined : bareParent(fresh())));
}

const shown = (tree: Tree): string => toHex(encode(RatchetTree, treeToNodes(tree)));

describe('patches of trees', () => {
  const steps = fc.array(fc.tuple(fc.nat(2), fc.nat(50)), { maxLength: 12 });

  test('lead from one tree to the other, both ways, and share what stays', () => {
    fc.assert(
      fc.property(steps, steps, (first, second) => {
        const start = first.reduce(
          (tree, [kind, choice]) => grown(tree, kind, choice),
          singleLeafTree(bareLeaf('first')),
        );
        const end = second.reduce((tree, [kind, choice]) => grown(tree, kind, choice), start);
        for (const [a, b] of [
          [start, end],
          [end, start],
        ] as const) {
          const values = new Map<NodeIndex, NodeValue>();
          diffTrees(a, b, (node, _, after) => values.set(node, after));
          const patched = patchTree(a, b.width, values);
          expect(shown(patched)).toBe(shown(b));
          expect(patched.width).toBe(b.width);
          diffTrees(patched, b, () => expect.unreachable('patched with the same objects'));
          for (const [, leaf] of leaves(b.root))
            expect(occurrences(patched.signatureKeys, leaf.signatureKey)).toBe(1);
          expect(patched.encryptionKeys.duplicates).toBe(b.encryptionKeys.duplicates);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('ages of leaves can be put together again', () => {
    fc.assert(
      fc.property(steps, (all) => {
        let tree = singleLeafTree(bareLeaf('first'));
        let renewals = renewalsFrom(1, new Map([[0, 0n]]));
        for (const [i, [kind, choice]] of all.entries()) {
          const after = grown(tree, kind, choice);
          renewals = renewed(renewals, { before: tree, after }, BigInt(i + 1));
          tree = after;
        }
        const epochs = new Map(
          [...leaves(tree.root)].map(([leaf]) => [leaf as number, renewalOf(renewals, tree.width, leaf)]),
        );
        const again = renewalsFrom(tree.width, epochs);
        for (const [leaf, epoch] of epochs) expect(renewalOf(again, tree.width, leaf)).toBe(epoch);
      }),
      { numRuns: 100 },
    );
  });
});
