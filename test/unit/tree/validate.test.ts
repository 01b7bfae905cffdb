/**
 * Checks of whole trees (RFC 9420 §7.3, §7.8, §7.9, §12.4.3.1): the worked examples of parent hashes, and the forgeries
 * TRE-01 to TRE-14 as far as they concern the tree alone.
 */

import { describe, expect, test } from 'vitest';
import { leafIndex, nodeIndex } from '../../../src/base/brand.ts';
import { concat, toHex, utf8 } from '../../../src/base/bytes.ts';
import { encode } from '../../../src/codec/codec.ts';
import { originalTreeHash, treeHash } from '../../../src/tree/hash.ts';
import { verifyParentHashes } from '../../../src/tree/parentHash.ts';
import { summaryOf } from '../../../src/tree/summary.ts';
import {
  addLeaf,
  type Subtree,
  singleLeafTree,
  subtreeAt,
  type Tree,
  treeFromNodes,
  treeToNodes,
} from '../../../src/tree/tree.ts';
import {
  validateMutualSupport,
  validateTreeStructure,
  validateUniqueKeys,
} from '../../../src/tree/validate.ts';
import { type Extension, makeExtension, RequiredCapabilities } from '../../../src/wire/extension.ts';
import type { Capabilities, LeafNode } from '../../../src/wire/leafNode.ts';
import type { ParentNode, TreeNode } from '../../../src/wire/treeNode.ts';
import {
  bareLeaf,
  bareTree,
  encryptionPair,
  forged,
  type Insider,
  leafOfTree,
  makeLeaf,
  NaiveTree,
  parentOfTree,
  person,
  Room,
  suite,
  vec,
} from '../../support/trees.ts';
import { codeOf } from '../wire/layout.ts';

const at = (tree: Tree, node: number): Subtree => subtreeAt(tree, nodeIndex(node)) as Subtree;
/** The verdict on a tree whose hash is what the group context says. */
const verdict = (tree: Tree): string =>
  codeOf(() => validateTreeStructure(suite, tree, NaiveTree.of(tree).hash()));
const parent = (node: ParentNode, change: Partial<ParentNode> = {}): TreeNode => ({
  nodeType: 2,
  parentNode: { ...node, ...change },
});
const leaf = (leafNode: LeafNode): TreeNode => ({ nodeType: 1, leafNode });
const otherKey = encryptionPair('a key from outside').publicKey;

/** Eight members without blanks, then one leaf replaced by a newcomer who is unmerged above. */
function full(): Room {
  const room = new Room('A', 'full');
  room.commit(0, { add: ['B', 'C', 'D', 'E', 'F', 'G', 'H'] });
  for (const from of [2, 4, 6]) room.commit(from);
  return room;
}
/** Unmerged leaves in both halves; node 11 and the root list leaf 6, the root and node 3 list leaf 1. */
function unmerged(): Room {
  const room = full();
  room.commit(0, { remove: [1, 6] });
  room.commit(7);
  room.commit(2);
  room.commit(0, { add: ['X', 'Y'], bare: true });
  return room;
}
const parentsOf = (tree: Tree): number[] =>
  [...treeToNodes(tree).entries()].flatMap(([i, node]) => (node?.nodeType === 2 ? [i] : []));
/** ParentHashInput by hand. */
function parentHash(tree: Tree, node: number, sibling: number, original = true): Uint8Array {
  const naive = NaiveTree.of(tree);
  const value = parentOfTree(tree, node);
  const hash = naive.hash(sibling, original ? value.unmergedLeaves : []);
  return suite.hash(concat(vec(value.encryptionKey), vec(value.parentHash), vec(hash)));
}
/** Give the leaf its parent hash, signed by its own key: what an insider can do. */
function resigned(room: Room, tree: Tree, index: number, hash: Uint8Array): Tree {
  const { who } = room.members.get(index) as Insider;
  const { encryptionKey } = leafOfTree(tree, index);
  const leafNode = makeLeaf(who, { encryptionKey, source: { leafNodeSource: 3, parentHash: hash } }, index);
  return forged(tree, { [2 * index]: leaf(leafNode) });
}

describe('worked examples', () => {
  test('RB-01, R7.9.2-01..04 the parent hashes of a growing group, and which of them are valid', () => {
    const room = new Room('A', 'RB');
    const link = (node: number): number[] => NaiveTree.of(room.tree).links(node);
    room.commit(0, { add: ['B'] });
    // A adds B: A -> X.
    expect(link(1)).toEqual([0]);
    expect(verdict(room.tree)).toBe('none');
    room.commit(1, { add: ['C', 'D'] });
    // B adds C and D: B -> X' -> Y', Z blank.
    expect([link(1), link(3)]).toEqual([[2], [1]]);
    expect(at(room.tree, 5).parent).toBeUndefined();
    expect(verdict(room.tree)).toBe('none');
    room.commit(2);
    // C commits: C -> Z' -> Y''; X' keeps the hash of Y', which is gone, and B -> X' stays.
    expect([link(1), link(3), link(5)]).toEqual([[2], [5], [4]]);
    const { tree } = room;
    const source = (index: number) => leafOfTree(tree, index).source;
    const claims = [0, 1, 2].map((index) => {
      const from = source(index);
      return from.leafNodeSource === 3 ? toHex(from.parentHash) : '';
    });
    expect(
      claims.map((claim, i) => claim === toHex(parentHash(tree, i < 2 ? 1 : 5, [2, 0, 6][i] as number))),
    ).toEqual([false, true, true]);
    expect(source(3).leafNodeSource).toBe(1);
    const valid = (node: number, sibling: number): boolean =>
      toHex(parentOfTree(tree, node).parentHash) === toHex(parentHash(tree, 3, sibling));
    expect([valid(1, 5), valid(5, 1)]).toEqual([false, true]);
    expect(parentOfTree(tree, 3).parentHash).toHaveLength(0);
    expect(verdict(tree)).toBe('none');
  });

  test('R7.9-09, R7.9-04, R7.9-08 the original hash of Y under W, with F blank and gone from the list of Y', () => {
    const tree = bareTree('A', 'T', 'B', 'U', 'C', '_', 'D', 'W[5]', 'E', '_', 'F', 'Y[5]', 'G');
    const before = bareTree('A', 'T', 'B', 'U', 'C', '_', 'D', 'W[5]', 'E', '_', '_', 'Y', 'G');
    const original = toHex(originalTreeHash(suite, at(tree, 11), [5]));
    expect(original).toBe(toHex(NaiveTree.of(before).hash(11)));
    expect(original).not.toBe(toHex(treeHash(suite, at(tree, 11))));
    expect(toHex(originalTreeHash(suite, at(tree, 3), [5]))).toBe(toHex(treeHash(suite, at(tree, 3))));
    expect(originalTreeHash(suite, at(tree, 3), [5])).toBe(treeHash(suite, at(tree, 3)));
  });

  test('R7.9-04, R7.9-08 other unmerged leaves stay in the list of the original', () => {
    const tree = bareTree('A', 'T', 'B', 'U', 'C', '_', 'D', 'W[5,6]', 'E', '_', 'F', 'Y[5,6]', 'G');
    const before = bareTree('A', 'T', 'B', 'U', 'C', '_', 'D', 'W[6]', 'E', '_', '_', 'Y[6]', 'G');
    const original = toHex(originalTreeHash(suite, at(tree, 11), [5]));
    expect(original).toBe(toHex(NaiveTree.of(before).hash(11)));
  });

  test('R7.9-01..03, R7.9-07 the hash input is key, parent hash and sibling hash, on the immediate child', () => {
    const room = full();
    room.commit(4, { remove: [2, 3] });
    room.commit(0);
    // Leaf 0: node 1, then the root; node 3 is filtered out. The sibling under the root is node 11.
    const { tree } = room;
    expect(toHex(parentOfTree(tree, 1).parentHash)).toBe(toHex(parentHash(tree, 7, 11)));
    const { source } = leafOfTree(tree, 0);
    expect(source.leafNodeSource === 3 && toHex(source.parentHash)).toBe(toHex(parentHash(tree, 1, 2)));
  });
});

describe('TRE-01 the tree hash', () => {
  test('TRE-01, R12.4.3.1-15 one byte, one node blanked or two leaves swapped, in trees of 2 to 33 leaves', () => {
    for (const size of [2, 3, 5, 8, 13, 33]) {
      let tree = singleLeafTree(bareLeaf('L0'));
      for (let i = 1; i < size; i++) tree = addLeaf(tree, bareLeaf(`L${i}`)).tree;
      const nodes = treeToNodes(tree).map((node, i): TreeNode | undefined =>
        i % 2 === 0
          ? node
          : {
              nodeType: 2,
              parentNode: { encryptionKey: utf8(`P${i}`), parentHash: utf8('h'), unmergedLeaves: [] },
            },
      );
      const expected = treeHash(suite, treeFromNodes(nodes).root);
      const check = (changed: readonly (TreeNode | undefined)[]): string =>
        codeOf(() => validateTreeStructure(suite, treeFromNodes(changed), expected));
      expect(check(nodes)).not.toBe('validation.tree-hash');
      nodes.forEach((node, i) => {
        const without = nodes.map((other, j) => (i === j ? undefined : other));
        expect(check(without)).toBe('validation.tree-hash');
        const changed: TreeNode =
          node?.nodeType === 1
            ? leaf({ ...node.leafNode, signature: utf8('another') })
            : parent((node as { parentNode: ParentNode }).parentNode, { parentHash: utf8('i') });
        expect(check(nodes.map((other, j) => (i === j ? changed : other)))).toBe('validation.tree-hash');
        if (i % 2 === 0 && i > 0) {
          const moved = nodes.map((other, j) => (j === i ? nodes[i - 2] : j === i - 2 ? nodes[i] : other));
          expect(check(moved)).toBe('validation.tree-hash');
        }
      });
    }
  });
});

describe('TRE-04 .. TRE-08 parent hashes', () => {
  test('R7.9.2-02 trees made by commits are accepted', () => {
    expect(verdict(full().tree)).toBe('none');
    expect(verdict(unmerged().tree)).toBe('none');
    expect(parentOfTree(unmerged().tree, 7).unmergedLeaves).toEqual([1, 6]);
  });

  test('TRE-05, R7.9.2-02, R12.4.3.1-16 each parent key replaced, with and without the hashes below it', () => {
    for (const room of [full(), unmerged()]) {
      for (const node of parentsOf(room.tree)) {
        const once = forged(room.tree, {
          [node]: parent(parentOfTree(room.tree, node), { encryptionKey: otherKey }),
        });
        expect([node, verdict(once)]).toEqual([node, 'validation.parent-hash']);
        // An outsider can mend the chain down to the leaf, which is signed.
        let tree = once;
        const naive = NaiveTree.of(room.tree);
        for (let above = node; ; ) {
          const [below] = naive.links(above) as [number];
          if (below % 2 === 0) break;
          const [left, right] = naive.shape.children.get(above) as readonly [number, number];
          const sibling = naive.below(left).includes(below) ? right : left;
          const hash = parentHash(tree, above, sibling);
          tree = forged(tree, { [below]: parent(parentOfTree(tree, below), { parentHash: hash }) });
          above = below;
        }
        expect([node, verdict(tree)]).toEqual([node, 'validation.parent-hash']);
      }
    }
  });

  test('TRE-05, R7.9.2-03 a parent put where there was a blank', () => {
    const room = full();
    room.commit(0, { remove: [3] });
    room.commit(0);
    expect(at(room.tree, 5).parent).toBeUndefined();
    const value = { encryptionKey: otherKey, parentHash: parentHash(room.tree, 3, 1), unmergedLeaves: [] };
    expect(verdict(forged(room.tree, { 5: parent(value) }))).toBe('validation.parent-hash');
  });

  test('TRE-04, TRE-02 a tree wider than its leaves need', () => {
    const two = new Room('A', 'two');
    two.commit(0, { add: ['B'] });
    const own = { encryptionKey: otherKey, parentHash: new Uint8Array(0), unmergedLeaves: [] };
    // A root over a blank right half, which an insider has linked properly.
    const wide = forged(two.tree, { 3: parent(own) });
    const linked = forged(wide, { 1: parent(parentOfTree(wide, 1), { parentHash: parentHash(wide, 3, 5) }) });
    const signed = resigned(two, linked, 0, parentHash(linked, 1, 2));
    expect(codeOf(() => verifyParentHashes(suite, signed))).toBe('none');
    expect(verdict(signed)).toBe('validation.tree');
    expect(verdict(wide)).toBe('validation.tree');
    // A parent in a half without leaves, and nothing but a parent.
    expect(verdict(forged(two.tree, { 5: parent(own) }))).toBe('validation.tree');
    expect(verdict(treeFromNodes([undefined, parent(own)]))).toBe('validation.tree');
    // In the half that has leaves it is a parent without a chain.
    const room = full();
    room.commit(7, { remove: [5, 4] });
    expect(verdict(forged(room.tree, { 9: parent(own) }))).toBe('validation.parent-hash');
  });

  test('TRE-06, TRE-10, R7.9.2-01, R12.4.3.1-18/19 each unmerged leaf taken away or added, at each parent', () => {
    const { tree } = unmerged();
    const naive = NaiveTree.of(tree);
    for (const node of parentsOf(tree)) {
      const value = parentOfTree(tree, node);
      for (let index = 0; index < 8; index++) {
        const listed = value.unmergedLeaves.includes(index);
        const unmergedLeaves = listed
          ? value.unmergedLeaves.filter((other) => other !== index)
          : [...value.unmergedLeaves, index].sort((a, b) => a - b);
        const found = verdict(forged(tree, { [node]: parent(value, { unmergedLeaves }) }));
        const others = naive
          .directPath(2 * index)
          .filter((other) => other !== node && naive.parentAt(other) !== undefined);
        const lists = (other: number): boolean => naive.parentAt(other)?.unmerged.includes(index) === true;
        const inside = naive.below(node).includes(2 * index);
        const broken = listed
          ? others.some(
              (other) => other > node !== other < node && naive.below(other).includes(node) && lists(other),
            )
          : !inside || others.some((other) => naive.below(node).includes(other) && !lists(other));
        expect([node, index, found]).toEqual([
          node,
          index,
          broken ? 'validation.unmerged-leaves' : 'validation.parent-hash',
        ]);
      }
    }
  });

  test('R7.9.2-05 equal hashes are not enough: the unmerged leaves must be those of the parent', () => {
    // A alone on the left commits; then B is put beside it without being listed at the root.
    const room = full();
    room.commit(4, { remove: [1, 2, 3] });
    room.commit(0);
    expect(verdict(room.tree)).toBe('none');
    const smuggled = forged(room.tree, { 2: leaf(makeLeaf(person('S'))) });
    const { source } = leafOfTree(smuggled, 0);
    expect(source.leafNodeSource === 3 && toHex(source.parentHash)).toBe(toHex(parentHash(smuggled, 7, 11)));
    expect(verdict(smuggled)).toBe('validation.parent-hash');
    const listed = forged(smuggled, { 7: parent(parentOfTree(smuggled, 7), { unmergedLeaves: [1] }) });
    expect(verdict(listed)).toBe('none');
    // The wrong one of two leaves is named.
    const wrong = forged(listed, { 7: parent(parentOfTree(listed, 7), { unmergedLeaves: [0] }) });
    expect(verdict(wrong)).toBe('validation.parent-hash');
  });

  test('R7.9.2-05 an unmerged leaf of the parent that is merged below it breaks the chain, though hashes agree', () => {
    // The root is linked through node 11, which has leaf 4 merged: no list of the root's is part of a hash.
    const { tree } = full();
    const forgedRoot = (of: Tree, unmergedLeaves: readonly number[]): string => {
      const root = parent(parentOfTree(of, 7), { unmergedLeaves });
      return codeOf(() => verifyParentHashes(suite, forged(of, { 7: root })));
    };
    expect(NaiveTree.of(tree).links(7)).toEqual([11]);
    expect([forgedRoot(tree, []), forgedRoot(tree, [4])]).toEqual(['none', 'validation.parent-hash']);
    // Here it is linked through node 3, which has leaf 1 unmerged: leaf 2 in its place keeps the number of leaves.
    const other = unmerged().tree;
    expect(NaiveTree.of(other).links(7)).toEqual([3]);
    expect([forgedRoot(other, [1, 6]), forgedRoot(other, [2, 6])]).toEqual([
      'none',
      'validation.parent-hash',
    ]);
  });

  test('TRE-07, R7.9-04 a parent hash over the sibling as it is now, not as it was', () => {
    const room = unmerged();
    const { tree } = room;
    const link = NaiveTree.of(tree).links(7);
    expect(link).toEqual([3]);
    // A chain whose topmost link sees leaf 6 in the sibling; the rest of it is mended down to its leaf.
    const naive = NaiveTree.of(tree);
    const wrong = forged(tree, {
      3: parent(parentOfTree(tree, 3), { parentHash: parentHash(tree, 7, 11, false) }),
    });
    const chain = naive.links(3);
    const mended = mend(room, wrong, 3, chain[0] as number);
    expect(NaiveTree.of(mended).links(3)).toEqual(chain);
    expect(verdict(mended)).toBe('validation.parent-hash');
    const right = forged(tree, { 3: parent(parentOfTree(tree, 3), { parentHash: parentHash(tree, 7, 11) }) });
    expect(verdict(mend(room, right, 3, chain[0] as number))).toBe('none');
  });

  /** Make the chain from `below` down to its leaf fit to `above`. */
  function mend(room: Room, tree: Tree, above: number, below: number): Tree {
    const naive = NaiveTree.of(tree);
    const [left, right] = naive.shape.children.get(above) as readonly [number, number];
    const hash = parentHash(tree, above, naive.below(left).includes(below) ? right : left);
    if (below % 2 === 0) return resigned(room, tree, below / 2, hash);
    const [next] = naive.links(below) as [number];
    return mend(
      room,
      forged(tree, { [below]: parent(parentOfTree(tree, below), { parentHash: hash }) }),
      below,
      next,
    );
  }

  test('TRE-08 a root with a parent hash, a committed leaf without one, hashes of a wrong length', () => {
    const room = full();
    for (const hash of [utf8('x'), suite.hash(utf8('x'))]) {
      expect(
        verdict(forged(room.tree, { 7: parent(parentOfTree(room.tree, 7), { parentHash: hash }) })),
      ).toBe('validation.parent-hash');
    }
    // Leaf 6 sent the last commit: it carries the chain 13, 11, 7.
    const { source } = leafOfTree(room.tree, 6);
    const real = source.leafNodeSource === 3 ? source.parentHash : utf8('');
    for (const hash of [new Uint8Array(0), real.slice(1), concat(real, Uint8Array.of(0))]) {
      expect(verdict(resigned(room, room.tree, 6, hash))).toBe('validation.parent-hash');
    }
    expect(verdict(resigned(room, room.tree, 6, real))).toBe('none');
    for (const node of [11, 13]) {
      const value = parentOfTree(room.tree, node);
      for (const hash of [
        new Uint8Array(0),
        value.parentHash.slice(0, 31),
        concat(value.parentHash, Uint8Array.of(0)),
      ]) {
        expect(verdict(forged(room.tree, { [node]: parent(value, { parentHash: hash }) }))).toBe(
          'validation.parent-hash',
        );
      }
    }
  });

  test('R7.1-04, R7.7-06 after truncation the root keeps the parent hash that it had', () => {
    const room = full();
    room.commit(0);
    room.propose({ remove: [4, 5, 6, 7] });
    expect([room.tree.width, room.tree.root.node]).toEqual([4, 3]);
    expect(room.tree.root.parent?.parentHash).toHaveLength(suite.sizes.hash);
    expect(verdict(room.tree)).toBe('none');
  });

  test('R7.9.1-02, R7.9.2-03 a leaf from a KeyPackage or an Update cannot start a chain', () => {
    const room = full();
    for (const source of [
      { leafNodeSource: 2 } as const,
      { leafNodeSource: 1, lifetime: { notBefore: 0n, notAfter: 9n } } as const,
    ]) {
      const { who } = room.members.get(6) as Insider;
      const { encryptionKey } = leafOfTree(room.tree, 6);
      const leafNode = makeLeaf(who, { encryptionKey, source }, 6);
      expect(verdict(forged(room.tree, { 12: leaf(leafNode) }))).toBe('validation.parent-hash');
      // A leaf that carries no link may be replaced so.
      const idle = room.members.get(1) as Insider;
      const other = makeLeaf(idle.who, { encryptionKey: leafOfTree(room.tree, 1).encryptionKey, source }, 1);
      expect(verdict(forged(room.tree, { 2: leaf(other) }))).toBe('validation.parent-hash');
    }
    expect(NaiveTree.of(room.tree).links(1)).toEqual([0]);
  });
});

describe('TRE-09, TRE-10 unmerged leaves', () => {
  test('TRE-09, R12.4.3.1-18 beyond the tree, blank, or outside the subtree, at each depth', () => {
    const room = full();
    room.commit(7, { remove: [1] });
    room.commit(0);
    room.commit(2);
    const { tree } = room;
    for (const [node, bad] of [
      [3, [1, 4, 7, 8, 0xffff_ffff]],
      [7, [1, 8, 0xffff_ffff]],
      [5, [0, 1, 4, 100]],
      [13, [1, 5, 8]],
    ] as const) {
      for (const index of bad) {
        const found = verdict(
          forged(tree, { [node]: parent(parentOfTree(tree, node), { unmergedLeaves: [index] }) }),
        );
        expect([node, index, found]).toEqual([node, index, 'validation.unmerged-leaves']);
      }
    }
  });

  test('TRE-10, R12.4.3.1-19 missing from a non-blank node between', () => {
    const { tree } = unmerged();
    for (const [node, index] of [
      [3, 1],
      [11, 6],
    ] as const) {
      const value = parentOfTree(tree, node);
      const rest = value.unmergedLeaves.filter((other) => other !== index);
      expect(verdict(forged(tree, { [node]: parent(value, { unmergedLeaves: rest }) }))).toBe(
        'validation.unmerged-leaves',
      );
    }
  });
});

describe('keys', () => {
  test('TRE-13, R7.3-17, R7.3-18 two leaves with one signature key or one encryption key', () => {
    const tree = bareTree('A', '_', 'B');
    expect(codeOf(() => validateUniqueKeys(tree))).toBe('none');
    const signature = addLeaf(tree, bareLeaf('C', { signature: bareLeaf('A').signatureKey })).tree;
    expect(codeOf(() => validateUniqueKeys(signature))).toBe('validation.duplicate-key');
    const encryption = addLeaf(tree, bareLeaf('C', { encryption: bareLeaf('B').encryptionKey })).tree;
    expect(codeOf(() => validateUniqueKeys(encryption))).toBe('validation.duplicate-key');
    // A signature key that is an encryption key elsewhere is no repetition.
    const across = addLeaf(tree, bareLeaf('C', { signature: bareLeaf('B').encryptionKey })).tree;
    expect(codeOf(() => validateUniqueKeys(across))).toBe('none');
  });

  test('TRE-14, R12.4.3.1-20, R16.7-01 every pair of nodes with one encryption key', () => {
    const names = ['A', 'T', 'B', 'R', 'C', 'S', 'D', 'Q', 'E', '_', 'F', 'U', 'G'];
    const tree = bareTree(...names);
    const nodes = treeToNodes(tree);
    for (let i = 0; i < nodes.length; i++) {
      for (let j = 0; j < i; j++) {
        const [one, other] = [nodes[i], nodes[j]];
        if (one === undefined || other === undefined) continue;
        const { encryptionKey } = other.nodeType === 1 ? other.leafNode : other.parentNode;
        const twin =
          one.nodeType === 1
            ? leaf({ ...one.leafNode, encryptionKey })
            : parent(one.parentNode, { encryptionKey });
        expect(codeOf(() => validateUniqueKeys(forged(tree, { [i]: twin })))).toBe(
          'validation.duplicate-key',
        );
      }
    }
  });

  test('TRE-14 a valid tree in which the insider has used one key at two nodes', () => {
    const room = full();
    // Leaf 1 takes the key of the root; its leaf carries no link, and node 1 its hash only through leaf 0.
    room.commit(1);
    const key = parentOfTree(room.tree, 13).encryptionKey;
    const { who } = room.members.get(1) as Insider;
    const { source } = leafOfTree(room.tree, 1);
    const twin = makeLeaf(who, { encryptionKey: key, source }, 1);
    expect(verdict(forged(room.tree, { 2: leaf(twin) }))).toBe('validation.duplicate-key');
  });

  test('R7.3-21 a parent key that is no key of the suite', () => {
    const { tree } = full();
    for (const encryptionKey of [new Uint8Array(0), new Uint8Array(31).fill(9), new Uint8Array(32)]) {
      expect(verdict(forged(tree, { 3: parent(parentOfTree(tree, 3), { encryptionKey }) }))).toBe(
        'crypto.public-key',
      );
    }
  });
});

describe('what all members support', () => {
  const member = (name: string, capabilities: Partial<Capabilities> = {}, credentialType = 1): LeafNode => {
    const bare = bareLeaf(name);
    return {
      ...bare,
      credential: credentialType === 1 ? bare.credential : { credentialType: 2, certificates: [utf8(name)] },
      capabilities: { ...bare.capabilities, ...capabilities },
    };
  };
  const group = (...members: readonly LeafNode[]): Tree => {
    const [first, ...rest] = members as [LeafNode, ...LeafNode[]];
    return rest.reduce((tree, one) => addLeaf(tree, one).tree, singleLeafTree(first));
  };
  const extension = (extensionType: number): Extension => ({
    extensionType,
    extensionData: new Uint8Array(0),
  });
  const required = (value: Partial<RequiredCapabilities>): Extension =>
    makeExtension(3, RequiredCapabilities, {
      extensionTypes: [],
      proposalTypes: [],
      credentialTypes: [],
      ...value,
    });
  const judge = (tree: Tree, ...extensions: readonly Extension[]): string =>
    codeOf(() => validateMutualSupport(tree, extensions));

  test('R7.3-06, R7.3-07, TRE-18 credential types in use are supported by all, in either direction', () => {
    const both = { credentials: [1, 2] };
    expect(judge(group(member('A'), member('B')))).toBe('none');
    expect(judge(group(member('A', both), member('B', both, 2)))).toBe('none');
    // An existing member does not support the newcomer's type; the newcomer does not support that of the others.
    expect(judge(group(member('A'), member('B', both, 2)))).toBe('validation.capabilities');
    expect(judge(group(member('A', both), member('B', { credentials: [2] }, 2)))).toBe(
      'validation.capabilities',
    );
    expect(judge(group(member('A', both), member('B', both), member('C', both, 2), member('D')))).toBe(
      'validation.capabilities',
    );
    // A type that nobody uses need not be supported by all.
    expect(judge(group(member('A', both), member('B')))).toBe('none');
  });

  test('R7.3-08, TRE-18 group extensions that are not default are supported by every member', () => {
    const some = { extensions: [0xf001, 0xf002] };
    const tree = group(member('A', some), member('B', { extensions: [0xf002] }), member('C', some));
    expect(judge(tree, extension(0xf002))).toBe('none');
    expect(judge(tree, extension(0xf001))).toBe('validation.capabilities');
    expect(judge(tree, extension(5))).toBe('none');
    expect(judge(tree, extension(6))).toBe('validation.capabilities');
  });

  test('R7.3-04, TRE-18 required extensions, proposals and credentials; default extensions and proposals count, credentials never', () => {
    const some = { extensions: [0xf001], proposals: [0xf002], credentials: [1, 0xf003] };
    const tree = group(member('A', some), member('B', some));
    const poor = (lack: Partial<Capabilities>): Tree =>
      group(member('A', some), member('B', { ...some, ...lack }));
    const all = required({ extensionTypes: [0xf001], proposalTypes: [0xf002], credentialTypes: [0xf003] });
    expect(judge(tree, all)).toBe('none');
    expect(judge(poor({ extensions: [] }), all)).toBe('validation.capabilities');
    expect(judge(poor({ proposals: [] }), all)).toBe('validation.capabilities');
    expect(judge(poor({ credentials: [1] }), all)).toBe('validation.capabilities');
    const defaults = required({
      extensionTypes: [1, 2, 3, 4, 5],
      proposalTypes: [1, 2, 3, 4, 5, 6, 7],
      credentialTypes: [1],
    });
    expect(judge(tree, defaults)).toBe('none');
    expect(judge(tree, required({ credentialTypes: [2] }))).toBe('validation.capabilities');
    expect(judge(tree, required({ proposalTypes: [8] }))).toBe('validation.capabilities');
    expect(judge(tree, required({ extensionTypes: [6] }))).toBe('validation.capabilities');
  });

  test('R7.2-09, R7.2-13, R7.2-19 default, unknown, repeated and unsorted values are no error', () => {
    const odd = {
      extensions: [0xf001, 3, 0x0a0a, 0xf001],
      proposals: [7, 1, 0xffff],
      credentials: [0xeaea, 1, 1],
      versions: [9, 1],
    };
    const tree = group(member('A', odd), member('B', { extensions: [0xf001] }));
    expect(judge(tree, extension(0xf001), extension(3 + 1))).toBe('none');
    expect(summaryOf(tree.root)).toEqual({
      credentialsInUse: [1],
      credentials: [1],
      extensions: [0xf001],
      proposals: [],
    });
    expect(summaryOf(singleLeafTree(member('A', odd)).root)?.extensions).toEqual([3, 0x0a0a, 0xf001]);
  });

  test('TRE-02 nobody', () => {
    expect(judge(treeFromNodes([undefined]))).toBe('validation.tree');
  });

  test('what is remembered is used again, and only one path is made anew', () => {
    const tree = group(...Array.from({ length: 8 }, (_, i) => member(`M${i}`)));
    const before = summaryOf(tree.root);
    expect(summaryOf(tree.root)).toBe(before);
    const left = summaryOf(at(tree, 3));
    const changed = forgedLeaf(tree, 7, member('N', { extensions: [1] }));
    expect(summaryOf(at(changed, 3))).toBe(left);
    expect(
      encode(RequiredCapabilities, { extensionTypes: [], proposalTypes: [], credentialTypes: [] }),
    ).toHaveLength(3);
  });

  test('members who list the same share one list', () => {
    const lists = { extensions: [0xf001, 0xf002], proposals: [0xf003, 0xf004] };
    const tree = group(...Array.from({ length: 8 }, (_, i) => member(`M${i}`, lists)));
    const all = summaryOf(tree.root);
    const [first, left] = [summaryOf(at(tree, 0)), summaryOf(at(tree, 3))];
    for (const name of ['credentialsInUse', 'credentials', 'extensions', 'proposals'] as const) {
      expect(all?.[name]).toBe(first?.[name]);
      expect(left?.[name]).toBe(first?.[name]);
    }
    // One list that is as long as the other and not the same.
    const mixed = group(member('A', lists), member('B', { ...lists, extensions: [0xf001, 0xf005] }));
    expect(summaryOf(mixed.root)?.extensions).toEqual([0xf001]);
  });

  function forgedLeaf(tree: Tree, index: number, value: LeafNode): Tree {
    const without = addLeaf(tree, value).tree;
    expect(without.width).toBe(16);
    expect(leafIndex(index)).toBe(7);
    return without;
  }
});
