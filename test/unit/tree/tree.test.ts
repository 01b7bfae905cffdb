/**
 * The persistent tree and its resolutions (RFC 9420 §4.1, §7.1, §7.7, §12.4.3.3): the worked examples, growth and
 * truncation, and what two versions of a tree share.
 */

import { describe, expect, test } from 'vitest';
import { leafIndex, nodeIndex } from '../../../src/base/brand.ts';
import { toHex } from '../../../src/base/bytes.ts';
import { decode, encode } from '../../../src/codec/codec.ts';
import { treeHash } from '../../../src/tree/hash.ts';
import { occurrences } from '../../../src/tree/keyIndex.ts';
import { verifyParentHashes } from '../../../src/tree/parentHash.ts';
import { prunePrivatePath } from '../../../src/tree/privatePath.ts';
import { filteredPath, resolution, resolutionLength } from '../../../src/tree/resolve.ts';
import {
  addLeaf,
  blankLeaf,
  blankParent,
  firstBlank,
  halves,
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
} from '../../../src/tree/tree.ts';
import { validateTreeStructure } from '../../../src/tree/validate.ts';
import { LeafNode } from '../../../src/wire/leafNode.ts';
import { ParentNode, RatchetTree, type TreeNode } from '../../../src/wire/treeNode.ts';
import {
  bareLeaf,
  bareParent,
  bareTree,
  encryptionPair,
  NaiveTree,
  namesOf,
  Room,
  suite,
  uint,
  vec,
} from '../../support/trees.ts';
import { b, cat, codeOf, parentBytes, u8, u32, v, verdictOf } from '../wire/layout.ts';

const at = (tree: Tree, node: number): Subtree => subtreeAt(tree, nodeIndex(node)) as Subtree;
const resolved = (tree: Tree, node: number): number[] =>
  resolution(at(tree, node)).map((entry) => entry.node);
const filtered = (tree: Tree, leaf: number): number[] =>
  filteredPath(tree, leafIndex(leaf)).map((step) => step.node);

describe('worked examples', () => {
  test('R4.1.1-03..06 the resolutions of the example with blanks and unmerged leaves', () => {
    // X over A B _ D with B unmerged, Y over E F _ H with H unmerged, blank root.
    const tree = bareTree('A', '_', 'B', 'X[1]', '_', '_', 'D', '_', 'E', '_', 'F', 'Y[7]', '_', '_', 'H');
    expect(resolved(tree, 3)).toEqual([3, 2]);
    expect(resolved(tree, 4)).toEqual([]);
    expect(resolved(tree, 12)).toEqual([]);
    expect(resolved(tree, 7)).toEqual([3, 2, 11, 14]);
    expect(resolved(tree, 8)).toEqual([8]);
    expect(resolved(tree, 5)).toEqual([6]);
  });

  test('R4.1.2-03, R4.1.2-06 the filtered direct paths of the example with five members', () => {
    const names = ['A', 'T', 'B', '_', '_', '_', '_', 'W', 'E', 'X', 'F', 'Y', 'G'];
    const tree = bareTree(...names);
    const paths = [0, 1, 4, 5, 6].map((leaf) => filtered(tree, leaf).map((node) => names[node]));
    expect(paths).toEqual([
      ['T', 'W'],
      ['T', 'W'],
      ['X', 'Y', 'W'],
      ['X', 'Y', 'W'],
      ['Y', 'W'],
    ]);
  });

  test('R4.1.2-03 unmerged leaves count when a node is filtered', () => {
    // C stands under blank parents only; the pair (C, _) is not filtered out of the path of D's place.
    const tree = bareTree('A', 'T', 'B', 'R[2]', 'C');
    expect(filtered(tree, 0)).toEqual([1, 3]);
    expect(filtered(tree, 2)).toEqual([3]);
    expect(filteredPath(tree, leafIndex(0)).map((step) => step.copath.node)).toEqual([2, 5]);
  });

  test('R12.4.3.3-10 the eleven entries of the RFC are a tree of eight leaves', () => {
    const tree = bareTree('A', 'W', 'B', 'X', 'C', '_', 'D', 'Y', 'E', 'Z', 'F');
    expect(tree.width).toBe(8);
    expect(tree.root.node).toBe(7);
    const key = (node: number): string => new TextDecoder().decode(at(tree, node).parent?.encryptionKey);
    expect([1, 3, 7, 9].map(key)).toEqual(['enc W', 'enc X', 'enc Y', 'enc Z']);
    expect([5, 11, 13].map((node) => at(tree, node).parent)).toEqual([undefined, undefined, undefined]);
    expect([...leaves(tree.root)].map(([leaf]) => leaf)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(treeToNodes(tree)).toHaveLength(11);
    const encoded = encode(RatchetTree, treeToNodes(tree));
    const again = treeFromNodes(decode(RatchetTree, encoded));
    expect(namesOf(again)).toEqual(['A', 'W', 'B', 'X', 'C', '_', 'D', 'Y', 'E', 'Z', 'F']);
    expect(toHex(treeHash(suite, again.root))).toBe(toHex(NaiveTree.of(tree).hash()));
  });

  test('RA-01 a full tree, one with blanks, one with unmerged leaves, one with both come from operations', () => {
    const shape = (room: Room): string =>
      NaiveTree.of(room.tree)
        .nodes.map((node) => {
          if (node === undefined) return '_';
          if ('leaf' in node) return 'l';
          return node.unmerged.length === 0 ? 'p' : `p[${node.unmerged.join()}]`;
        })
        .join(' ');
    // Everybody in, then a commit from one of each pair: no blank is left.
    const full = new Room('A', 'RA');
    full.commit(0, { add: ['B', 'C', 'D', 'E', 'F', 'G', 'H'] });
    for (const from of [2, 4, 6]) full.commit(from);
    expect(shape(full)).toBe('l p l p l p l p l p l p l p l');
    // H goes, and with it the parents above; C and D follow.
    full.commit(0, { remove: [7] });
    expect(shape(full)).toBe('l p l p l p l p l p l _ l _ _');
    full.commit(0, { remove: [2, 3] });
    expect(shape(full)).toBe('l p l _ _ _ _ p l p l _ l _ _');
    full.commit(4);
    expect(shape(full)).toBe('l p l _ _ _ _ p l p l p l _ _');
    // Two additions without a path: unmerged at every non-blank parent above, sorted.
    full.commit(0, { add: ['I', 'J'], bare: true });
    expect(shape(full)).toBe('l p l _ l _ l p[2,3] l p l p l _ _');
    full.commit(4, { add: ['K'], bare: true });
    expect(shape(full)).toBe('l p l _ l _ l p[2,3,7] l p l p[7] l _ l');
  });
});

describe('R7.7 growth and truncation', () => {
  test('R7.7-01, R7.7-05, R7.7-06 a full tree doubles, its old root becoming the left half', () => {
    const tree = bareTree('A', 'R', 'B');
    const grown = addLeaf(tree, bareLeaf('C'));
    expect(grown.leaf).toBe(2);
    expect(grown.tree.width).toBe(4);
    expect(grown.tree.root.parent).toBeUndefined();
    expect(halves(grown.tree.root)[0]).toBe(tree.root);
    expect(namesOf(grown.tree)).toEqual(['A', 'R', 'B', '_', 'C']);
    expect(NaiveTree.of(grown.tree).nodes).toHaveLength(2 * NaiveTree.of(tree).nodes.length + 1);
  });

  test('R7.7-02, R7.7-03, RD-01 eight leaves shrink to two, and to one', () => {
    const tree = bareTree('A', 'T', 'B', 'S', '_', '_', '_', 'R', '_', '_', '_', '_', '_', '_', 'H');
    expect(truncate(tree)).toBe(tree);
    const alone = blankLeaf(tree, leafIndex(7));
    expect(alone.width).toBe(8);
    const two = truncate(alone);
    expect([two.width, two.root.node]).toEqual([2, 1]);
    expect(namesOf(two)).toEqual(['A', 'T', 'B']);
    expect(two.root).toBe(at(alone, 1));
    const one = truncate(blankLeaf(two, leafIndex(1)));
    expect([one.width, namesOf(one)]).toEqual([1, ['A']]);
    expect(truncate(one)).toBe(one);
  });

  test('R7.7-02 a populated root goes with its key', () => {
    // The root keeps its key: leaf 2 went without blanking, as a root set before it was there.
    const tree = bareTree('A', 'T', 'B', 'R');
    expect(tree.width).toBe(4);
    const cut = truncate(tree);
    expect(namesOf(cut)).toEqual(['A', 'T', 'B']);
    expect(occurrences(tree.encryptionKeys, bareParent('R').encryptionKey)).toBe(1);
    expect(occurrences(cut.encryptionKeys, bareParent('R').encryptionKey)).toBe(0);
  });

  test('R7.7-03 a tree is not truncated to nothing', () => {
    const empty = truncate(blankLeaf(bareTree('A', 'T', 'B', '_', 'C'), leafIndex(0)));
    expect(empty.width).toBe(4);
    const none = [1, 2].reduce((tree, leaf) => blankLeaf(tree, leafIndex(leaf)), empty);
    expect(truncate(none).width).toBe(1);
    expect(truncate(none).root.leaf).toBeUndefined();
  });

  test('R7.7-04, R7.5-18 private keys of blank, replaced and discarded nodes are dropped', () => {
    const room = new Room('A', 'prune');
    room.commit(0, { add: ['B', 'C'] });
    const keys = (room.members.get(0) as { keys: ReadonlyMap<number, unknown> }).keys;
    expect([...keys.keys()].sort()).toEqual([0, 1, 3]);
    const shrunk = truncate(blankLeaf(room.tree, leafIndex(2)));
    expect([...prunePrivatePath(room.members.get(0)?.keys ?? new Map(), shrunk).keys()].sort()).toEqual([
      0, 1,
    ]);
    const other = setLeaf(
      room.tree,
      leafIndex(2),
      bareLeaf('Z'),
      (parent) => parent && { ...parent, encryptionKey: encryptionPair('other').publicKey },
    );
    expect([...prunePrivatePath(room.members.get(0)?.keys ?? new Map(), other).keys()].sort()).toEqual([
      0, 1,
    ]);
  });

  test('TRE-24, R12.1.1-04 a slot that is removed and filled in one commit is blank in between', () => {
    const tree = bareTree('A', 'T', 'B', 'R', 'C', 'S', 'D');
    const removed = truncate(blankLeaf(tree, leafIndex(1)));
    expect(firstBlank(removed)).toBe(1);
    const added = addLeaf(removed, bareLeaf('N'));
    expect(added.leaf).toBe(1);
    expect(namesOf(added.tree)).toEqual(['A', '_', 'N', '_', 'C', 'S', 'D']);
    expect(occurrences(added.tree.signatureKeys, bareLeaf('B').signatureKey)).toBe(0);
    // The rightmost leaf goes first, so that the newcomer gets a place in the smaller tree.
    const shrunk = truncate([2, 3].reduce((now, leaf) => blankLeaf(now, leafIndex(leaf)), tree));
    expect(addLeaf(shrunk, bareLeaf('N')).leaf).toBe(2);
    expect(namesOf(addLeaf(shrunk, bareLeaf('N')).tree)).toEqual(['A', 'T', 'B', '_', 'N']);
  });
});

describe('additions, updates, removals', () => {
  test('R4.2-04, R7.1-02, R7.1-03, R12.1.1-05 a new leaf is unmerged at every non-blank parent above, in order', () => {
    const tree = bareTree('A', 'T', 'B', 'R[3]', '_', 'S[3]', 'D', 'Q[3]', 'E');
    const { tree: after, leaf } = addLeaf(tree, bareLeaf('C'));
    expect(leaf).toBe(2);
    expect(namesOf(after)).toEqual(['A', 'T', 'B', 'R[2,3]', 'C', 'S[2,3]', 'D', 'Q[2,3]', 'E']);
  });

  test('R7.1-02, R12.1.1-05 a new leaf takes its place between those before and those behind it', () => {
    const tree = bareTree('A', '_', 'B', '_', 'C', '_', '_', 'Q[0,2,5,6]', 'E', '_', 'F', '_', 'G', '_', 'H');
    expect(namesOf(addLeaf(tree, bareLeaf('D')).tree)[7]).toBe('Q[0,2,3,5,6]');
    const none = bareTree('_', '_', 'B', 'Q');
    expect(namesOf(addLeaf(none, bareLeaf('A')).tree)).toEqual(['A', '_', 'B', 'Q[0]']);
  });

  test('R7.1-02, TRE-09 an unsorted or repeated list does not decode', () => {
    for (const list of [
      [3, 2],
      [2, 2],
      [0, 5, 5],
      [0, 9, 1],
    ]) {
      expect(verdictOf(ParentNode, parentBytes(v(...list.map(u32))))).toBe('validation.unmerged-leaves');
    }
    expect(verdictOf(ParentNode, parentBytes(v(u32(2), u32(3), u32(0xffff_ffff))))).toBe('accepted');
  });

  test('R7.4-01 an update or a removal blanks every parent above, and their lists go with them', () => {
    const tree = bareTree('A', 'T', 'B', 'R[3]', '_', 'S[3]', 'D', 'Q[3]', 'E');
    expect(namesOf(updateLeaf(tree, leafIndex(3), bareLeaf('d')))).toEqual([
      'A',
      'T',
      'B',
      '_',
      '_',
      '_',
      'd',
      '_',
      'E',
    ]);
    expect(namesOf(blankLeaf(tree, leafIndex(3)))).toEqual(['A', 'T', 'B', '_', '_', '_', '_', '_', 'E']);
    expect(namesOf(updateLeaf(tree, leafIndex(0), bareLeaf('a')))).toEqual([
      'a',
      '_',
      'B',
      '_',
      '_',
      'S[3]',
      'D',
      '_',
      'E',
    ]);
  });

  test('R4.1.1-02 keys are counted over leaves and parents, signature keys over leaves', () => {
    const tree = bareTree('A', 'T', 'B');
    const twice = addLeaf(tree, bareLeaf('C', { encryption: bareParent('T').encryptionKey })).tree;
    expect(occurrences(twice.encryptionKeys, bareParent('T').encryptionKey)).toBe(2);
    expect([twice.encryptionKeys.duplicates, twice.signatureKeys.duplicates]).toEqual([1, 0]);
    // T goes, and with it the repetition.
    const updated = updateLeaf(twice, leafIndex(0), bareLeaf('a'));
    expect(updated.encryptionKeys.duplicates).toBe(0);
    const same = addLeaf(tree, bareLeaf('C', { signature: bareLeaf('A').signatureKey })).tree;
    expect([same.encryptionKeys.duplicates, same.signatureKeys.duplicates]).toEqual([0, 1]);
    // R7.3-17: a leaf may keep its own signature key.
    const kept = updateLeaf(tree, leafIndex(0), bareLeaf('a', { signature: bareLeaf('A').signatureKey }));
    expect(kept.signatureKeys.duplicates).toBe(0);
  });

  test('R7.5-02, R7.5-03 leaves added by the commit are left out as leaves and as unmerged leaves', () => {
    const tree = bareTree('A', 'T', 'B', 'R[2]', 'C', '_', 'D', 'Q[2,5]', 'E', '_', 'F');
    const left = at(tree, 3);
    const except = new Set([2, 5]);
    expect(resolution(left, except).map(({ node }) => node)).toEqual([3]);
    expect(resolutionLength(left, except)).toBe(1);
    expect(resolution(at(tree, 9), except).map(({ node }) => node)).toEqual([8]);
    expect(resolution(at(tree, 10), except)).toEqual([]);
    for (const node of [0, 2, 3, 4, 5, 7, 9, 10, 11, 13]) {
      expect(resolutionLength(at(tree, node), except)).toBe(resolution(at(tree, node), except).length);
    }
  });

  test('R4.1.1-03 an unmerged leaf that is blank or elsewhere is refused when it is resolved', () => {
    expect(codeOf(() => resolution(bareTree('A', 'T[1]').root))).toBe('validation.unmerged-leaves');
    const elsewhere = bareTree('A', 'T[2]', 'B', '_', 'C');
    expect(codeOf(() => resolution(elsewhere.root))).toBe('validation.unmerged-leaves');
    expect(codeOf(() => resolution(bareTree('A', 'T[4294967295]', 'B').root))).toBe(
      'validation.unmerged-leaves',
    );
  });

  test('R12.1.1-03 the leftmost blank place is taken', () => {
    expect(firstBlank(bareTree('A', '_', '_', '_', 'C'))).toBe(1);
    expect(firstBlank(bareTree('_', '_', 'B', '_', 'C'))).toBe(0);
    expect(firstBlank(bareTree('A', '_', 'B', '_', 'C'))).toBe(3);
    expect(firstBlank(bareTree('A', '_', 'B', '_', 'C', '_', 'D'))).toBe(4);
  });
});

describe('versions', () => {
  /** Every subtree that a tree has unfolded, by node. */
  const subtrees = (tree: Tree): Map<number, Subtree> => {
    const found = new Map<number, Subtree>();
    const visit = (subtree: Subtree): void => {
      found.set(subtree.node, subtree);
      if (subtree.level > 0) halves(subtree).forEach(visit);
    };
    visit(tree.root);
    return found;
  };

  test('R4.1-02 a change makes new nodes on one path and shares all others', () => {
    const tree = bareTree('A', 'T', 'B', 'R', 'C', 'S', 'D', 'Q', 'E', 'U', 'F', 'V', '_', 'W', 'H');
    const before = subtrees(tree);
    const snapshot = namesOf(tree).join(' ');
    const changes: [string, number, () => Tree][] = [
      ['add', 6, () => addLeaf(tree, bareLeaf('N')).tree],
      ['update', 2, () => updateLeaf(tree, leafIndex(2), bareLeaf('N'))],
      ['blank', 5, () => blankLeaf(tree, leafIndex(5))],
      ['set', 0, () => setLeaf(tree, leafIndex(0), bareLeaf('N'), (parent) => parent)],
    ];
    for (const [name, leaf, change] of changes) {
      const path = [2 * leaf, ...NaiveTree.of(tree).directPath(2 * leaf)];
      for (const [node, subtree] of subtrees(change())) {
        const is = subtree === before.get(node) ? 'shared' : 'new';
        expect([name, node, is]).toEqual([name, node, path.includes(node) ? 'new' : 'shared']);
      }
      expect(namesOf(tree).join(' ')).toBe(snapshot);
    }
  });

  test('R4.1-02 keys that stay are not counted anew', () => {
    const tree = bareTree('A', 'T', 'B', 'R', 'C');
    const same = setLeaf(tree, leafIndex(1), leafAt(tree, 1), (parent) => parent);
    expect(same.encryptionKeys).toBe(tree.encryptionKeys);
  });

  test('R4.1.1-02 a look at the whole tree unfolds neither leaves nor subtrees without any', () => {
    /** The nodes that have been unfolded, in order. */
    const unfolded = ({ node, memo }: Subtree): number[] =>
      memo.halves === undefined ? [] : [node, ...memo.halves.flatMap(unfolded)].sort((a, b) => a - b);
    const looks: readonly ((tree: Tree) => unknown)[] = [
      treeToNodes,
      (tree) => [...leaves(tree.root)],
      (tree) => [0, 2, 5].map((leaf) => filteredPath(tree, leafIndex(leaf))),
      (tree) => verifyParentHashes(suite, tree),
    ];
    // Twelve entries: the last is above F and the first place beyond the array.
    const make = () => bareTree('A', '_', 'B', '_', 'C', '_', 'D', '_', 'E', '_', 'F', '_');
    for (const look of looks) {
      const tree = make();
      expect(unfolded(tree.root)).toEqual([1, 3, 5, 7, 9, 11]);
      look(tree);
      expect(unfolded(tree.root)).toEqual([1, 3, 5, 7, 9, 11]);
    }
    // Hashing looks at every node there is.
    const tree = make();
    validateTreeStructure(suite, tree, treeHash(suite, tree.root));
    expect(unfolded(tree.root)).toEqual([1, 3, 5, 7, 9, 11, 13]);
  });

  test('R4.1-02 what a version remembers survives its successors', () => {
    let tree = singleLeafTree(bareLeaf('L0'));
    const versions: { tree: Tree; hash: string; nodes: string; duplicates: number }[] = [];
    for (let i = 1; i < 40; i++) {
      const doubled = i % 7 === 0 ? { encryption: bareLeaf('L0').encryptionKey } : {};
      if (i % 5 === 0) tree = truncate(blankLeaf(tree, leafIndex((3 * i) % tree.width)));
      else if (i % 3 === 0) tree = setLeaf(tree, leafIndex(i % tree.width), bareLeaf(`U${i}`), blankParent);
      else tree = addLeaf(tree, bareLeaf(`L${i}`, doubled)).tree;
      const { duplicates } = tree.encryptionKeys;
      const nodes = namesOf(tree).join(' ');
      versions.push({ tree, hash: toHex(treeHash(suite, tree.root)), nodes, duplicates });
    }
    for (const version of versions) {
      expect(namesOf(version.tree).join(' ')).toBe(version.nodes);
      const fresh = treeFromNodes(treeToNodes(version.tree));
      expect(toHex(NaiveTree.of(version.tree).hash())).toBe(version.hash);
      expect(fresh.encryptionKeys.duplicates).toBe(version.duplicates);
    }
  });
});

describe('R12.4.3.3 the array form', () => {
  const node = (value: Uint8Array | undefined): Uint8Array =>
    value === undefined ? u8(0) : cat(u8(1), value);
  const leafNode = cat(u8(1), encode(LeafNode, bareLeaf('A')));
  const parentNode = cat(u8(2), parentBytes());
  const array = (...entries: readonly (Uint8Array | undefined)[]): string =>
    verdictOf(RatchetTree, vec(...entries.map(node)));

  test('TRE-02 empty, ending in a blank, or all blank', () => {
    expect(array(leafNode)).toBe('accepted');
    expect(array()).toBe('validation.tree');
    expect(array(undefined)).toBe('validation.tree');
    for (let length = 1; length <= 40; length++) {
      for (let last = -1; last < length; last++) {
        const entries = Array.from({ length }, (_, i) =>
          i === last || (i === 0 && last >= 0) ? (i % 2 === 0 ? leafNode : parentNode) : undefined,
        );
        expect(array(...entries)).toBe(last === length - 1 ? 'accepted' : 'validation.tree');
      }
    }
  });

  test('R12.4.3.3 a tree of one leaf has one entry however many places it has, one of none has none', () => {
    const tree = bareTree('A', 'T', 'B');
    expect(treeToNodes(blankLeaf(tree, leafIndex(1)))).toHaveLength(1);
    const none = [0, 1].reduce((now, leaf) => blankLeaf(now, leafIndex(leaf)), tree);
    expect(treeToNodes(none)).toEqual([]);
  });

  test('TRE-02 any length is padded to the next full width', () => {
    for (let length = 1; length <= 40; length++) {
      const entries = Array.from({ length }, (_, i): TreeNode | undefined => {
        if (i !== 0 && i !== length - 1) return undefined;
        if (i % 2 === 0) return { nodeType: 1, leafNode: bareLeaf(`L${i}`) };
        return { nodeType: 2, parentNode: bareParent(`P${i}`) };
      });
      const tree = treeFromNodes(entries);
      let width = 1;
      while (2 * width - 1 < length) width *= 2;
      expect(tree.width).toBe(width);
      expect(treeToNodes(tree)).toEqual(entries);
    }
  });

  test('TRE-03 a leaf in an odd slot or a parent in an even one, at each slot', () => {
    for (let slot = 0; slot < 15; slot++) {
      const entries = Array.from({ length: 15 }, (_, i) =>
        i === slot ? (i % 2 === 0 ? parentNode : leafNode) : i % 2 === 0 ? leafNode : parentNode,
      );
      expect(array(...entries)).toBe('validation.tree');
    }
    expect(array(cat(u8(3), b('x')))).toBe('codec.enum');
  });

  test('R7.8-03, R7.8-05 blanks left out of the array are hashed with their index', () => {
    const tree = bareTree('A', '_', '_', '_', 'C');
    const leaf = (index: number, value: TreeNode | undefined): Uint8Array => {
      const bytes = value?.nodeType === 1 ? encode(LeafNode, value.leafNode) : undefined;
      return suite.hash(cat(u8(1), uint(index, 4), bytes === undefined ? u8(0) : cat(u8(1), bytes)));
    };
    const parent = (left: Uint8Array, right: Uint8Array): Uint8Array =>
      suite.hash(cat(u8(2), u8(0), v(left), v(right)));
    const entries = treeToNodes(tree);
    const left = parent(leaf(0, entries[0]), leaf(1, undefined));
    const right = parent(leaf(2, entries[4]), leaf(3, undefined));
    expect(toHex(treeHash(suite, tree.root))).toBe(toHex(parent(left, right)));
    expect(leafAt(tree, 1)).toBeUndefined();
  });
});
