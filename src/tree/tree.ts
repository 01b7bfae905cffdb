/**
 * The ratchet tree as a persistent value (RFC 9420 §4.1, §7.7).
 *
 * A tree is a perfect binary tree of immutable nodes. A change copies the nodes from one leaf to the root and shares
 * everything else with the tree it came from, so that a version costs O(log N), keeping an old one is keeping a
 * pointer, and whatever was computed about an unchanged subtree (its hash, its summary) is never computed again: it is
 * remembered on the node itself. Node indices are absolute (Appendix C) and survive growth, since a tree that doubles
 * becomes the left half of the new one. All-blank subtrees are unfolded only when somebody looks inside.
 */

import { type LeafIndex, leafIndex, type NodeIndex, nodeIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import type { LeafNode } from '../wire/leafNode.ts';
import type { ParentNode, TreeNode } from '../wire/treeNode.ts';
import { addKey, dropKey, EMPTY_INDEX, type KeyIndex } from './keyIndex.ts';
import { MAX_LEAVES } from './math.ts';
import type { Summary } from './summary.ts';

/** A node with everything below it. */
export interface Subtree {
  readonly node: NodeIndex;
  /** Height above the leaves. */
  readonly level: number;
  /** Set on non-blank leaves only. */
  readonly leaf: LeafNode | undefined;
  /** Set on non-blank parents only. */
  readonly parent: ParentNode | undefined;
  /** Non-blank leaves below. */
  readonly leafCount: number;
  /** Length of the resolution (§4.1.1). */
  readonly resolutionSize: number;
  readonly memo: SubtreeMemo;
}

/** Facts that are computed once, on first use. */
interface SubtreeMemo {
  halves?: readonly [Subtree, Subtree];
  hash?: Uint8Array;
  summary?: Summary;
}

/** One version of a ratchet tree. */
export interface Tree {
  readonly root: Subtree;
  /** Leaf places: a power of two. */
  readonly width: number;
  /** HPKE keys of all nodes. */
  readonly encryptionKeys: KeyIndex;
  /** Signature keys of all leaves. */
  readonly signatureKeys: KeyIndex;
}

/** What becomes of a parent on the way from a changed leaf to the root. */
export type ParentEdit = (parent: ParentNode | undefined, node: NodeIndex) => ParentNode | undefined;

/** Blank every parent on the way: for updates and removals. */
export const blankParent: ParentEdit = () => undefined;

/** A tree of one leaf. */
export function singleLeafTree(leaf: LeafNode): Tree {
  return {
    root: leafSubtree(nodeIndex(0), leaf),
    width: 1,
    encryptionKeys: addKey(EMPTY_INDEX, leaf.encryptionKey),
    signatureKeys: addKey(EMPTY_INDEX, leaf.signatureKey),
  };
}

/**
 * Build a tree from its array form, padded with blanks to the next full width (§12.4.3.3).
 * @throws `codec.limit` when it is wider than {@link MAX_LEAVES}
 */
export function treeFromNodes(nodes: readonly (TreeNode | undefined)[]): Tree {
  let width = 1;
  while (2 * width - 1 < nodes.length) width *= 2;
  if (width > MAX_LEAVES) fail('codec.limit', { leaves: width });
  const root = build(nodes, width);
  let encryptionKeys = EMPTY_INDEX;
  let signatureKeys = EMPTY_INDEX;
  for (const node of nodes) {
    if (node?.nodeType === 1) {
      encryptionKeys = addKey(encryptionKeys, node.leafNode.encryptionKey);
      signatureKeys = addKey(signatureKeys, node.leafNode.signatureKey);
    } else if (node !== undefined) {
      encryptionKeys = addKey(encryptionKeys, node.parentNode.encryptionKey);
    }
  }
  return { root, width, encryptionKeys, signatureKeys };
}

/** The array form, without the blanks after the last node (§12.4.3.3). */
export function treeToNodes(tree: Tree): (TreeNode | undefined)[] {
  const nodes = new Array<TreeNode | undefined>(2 * tree.width - 1).fill(undefined);
  let last = -1;
  const collect = (subtree: Subtree): void => {
    if (subtree.leaf !== undefined) nodes[subtree.node] = { nodeType: 1, leafNode: subtree.leaf };
    if (subtree.parent !== undefined) nodes[subtree.node] = { nodeType: 2, parentNode: subtree.parent };
    if (nodes[subtree.node] !== undefined) last = Math.max(last, subtree.node);
    if (subtree.level > 0 && subtree.resolutionSize > 0) for (const half of halves(subtree)) collect(half);
  };
  collect(tree.root);
  return nodes.slice(0, last + 1);
}

/** The two children of a parent. */
export function halves(subtree: Subtree): readonly [Subtree, Subtree] {
  const known = subtree.memo.halves;
  if (known !== undefined) return known;
  const step = 2 ** (subtree.level - 1);
  const fresh = [
    blankSubtree(nodeIndex(subtree.node - step), subtree.level - 1),
    blankSubtree(nodeIndex(subtree.node + step), subtree.level - 1),
  ] as const;
  subtree.memo.halves = fresh;
  return fresh;
}

/** The subtree at a node; `undefined` outside the tree. */
export function subtreeAt(tree: Tree, node: NodeIndex): Subtree | undefined {
  return node > 2 * tree.width - 2 ? undefined : descend(tree.root, node);
}

/** The subtree at a node that is known to lie at or below another. */
export function descend(from: Subtree, node: NodeIndex): Subtree {
  let at = from;
  while (at.node !== node) at = halves(at)[node < at.node ? 0 : 1];
  return at;
}

/** The leaf at a place; `undefined` when it is blank or outside the tree. */
export function leafAt(tree: Tree, leaf: number): LeafNode | undefined {
  return subtreeAt(tree, nodeIndex(2 * leaf))?.leaf;
}

/** Every non-blank leaf, from left to right. */
export function* leaves(subtree: Subtree): Generator<readonly [LeafIndex, LeafNode]> {
  if (subtree.leaf !== undefined) yield [leafIndex(subtree.node / 2), subtree.leaf];
  if (subtree.level === 0 || subtree.leafCount === 0) return;
  for (const half of halves(subtree)) yield* leaves(half);
}

/** The leftmost blank place, possibly the first one of a tree that has still to double (§12.1.1). */
export function firstBlank(tree: Tree): LeafIndex {
  if (tree.root.leafCount === tree.width) return leafIndex(tree.width);
  let at = tree.root;
  while (at.level > 0) {
    const [left, right] = halves(at);
    at = left.leafCount < 2 ** left.level ? left : right;
  }
  return leafIndex(at.node / 2);
}

/**
 * Put a leaf, or a blank, at a place, and edit the parents above it. The tree doubles when the place is just outside.
 * @throws `codec.limit` when it would be wider than {@link MAX_LEAVES}
 */
export function setLeaf(tree: Tree, leaf: LeafIndex, value: LeafNode | undefined, edit: ParentEdit): Tree {
  const grown = withPlace(tree, leaf);
  let { encryptionKeys, signatureKeys } = grown;
  const exchange = (
    before: ParentNode | LeafNode | undefined,
    after: ParentNode | LeafNode | undefined,
  ): void => {
    if (before === after) return;
    if (before !== undefined) encryptionKeys = dropKey(encryptionKeys, before.encryptionKey);
    if (after !== undefined) encryptionKeys = addKey(encryptionKeys, after.encryptionKey);
  };
  const rebuild = (subtree: Subtree): Subtree => {
    if (subtree.level === 0) {
      exchange(subtree.leaf, value);
      if (subtree.leaf !== undefined) signatureKeys = dropKey(signatureKeys, subtree.leaf.signatureKey);
      if (value !== undefined) signatureKeys = addKey(signatureKeys, value.signatureKey);
      return leafSubtree(subtree.node, value);
    }
    const [left, right] = halves(subtree);
    const goesLeft = 2 * leaf < subtree.node;
    const parent = edit(subtree.parent, subtree.node);
    exchange(subtree.parent, parent);
    return goesLeft
      ? parentSubtree(subtree.node, parent, rebuild(left), right)
      : parentSubtree(subtree.node, parent, left, rebuild(right));
  };
  const root = rebuild(grown.root);
  return { root, width: grown.width, encryptionKeys, signatureKeys };
}

/** Add a leaf at the leftmost blank place; it is unmerged at every non-blank parent above (§12.1.1). */
export function addLeaf(tree: Tree, value: LeafNode): { readonly tree: Tree; readonly leaf: LeafIndex } {
  const leaf = firstBlank(tree);
  const unmerge: ParentEdit = (parent) =>
    parent && { ...parent, unmergedLeaves: insertSorted(parent.unmergedLeaves, leaf) };
  return { tree: setLeaf(tree, leaf, value, unmerge), leaf };
}

/** Replace a leaf and blank the parents above (§12.1.2). */
export function updateLeaf(tree: Tree, leaf: LeafIndex, value: LeafNode): Tree {
  return setLeaf(tree, leaf, value, blankParent);
}

/** Blank a leaf and the parents above, without truncating; {@link truncate} follows when all removals are done. */
export function blankLeaf(tree: Tree, leaf: LeafIndex): Tree {
  return setLeaf(tree, leaf, undefined, blankParent);
}

/** Halve the tree while its right half has no leaf (§7.7). A populated root that goes takes its key along. */
export function truncate(tree: Tree): Tree {
  let { root, width, encryptionKeys } = tree;
  while (width > 1) {
    const [left, right] = halves(root);
    if (right.leafCount > 0) break;
    if (root.parent !== undefined) encryptionKeys = dropKey(encryptionKeys, root.parent.encryptionKey);
    root = left;
    width /= 2;
  }
  return width === tree.width ? tree : { ...tree, root, width, encryptionKeys };
}

/** The tree, doubled when a place is just outside it (§7.7). @throws `codec.limit` */
export function withPlace(tree: Tree, leaf: LeafIndex): Tree {
  return leaf < tree.width ? tree : doubled(tree);
}

function doubled(tree: Tree): Tree {
  const width = 2 * tree.width;
  if (width > MAX_LEAVES) fail('codec.limit', { leaves: width });
  const right = blankSubtree(nodeIndex(tree.root.node + width), tree.root.level);
  return { ...tree, width, root: parentSubtree(nodeIndex(width - 1), undefined, tree.root, right) };
}

function build(nodes: readonly (TreeNode | undefined)[], width: number): Subtree {
  const at = (index: number, level: number): Subtree => {
    const step = 2 ** level;
    if (index - step + 1 >= nodes.length) return blankSubtree(nodeIndex(index), level);
    const value = nodes[index];
    if (level === 0) return leafSubtree(nodeIndex(index), value?.nodeType === 1 ? value.leafNode : undefined);
    const parent = value?.nodeType === 2 ? value.parentNode : undefined;
    return parentSubtree(
      nodeIndex(index),
      parent,
      at(index - step / 2, level - 1),
      at(index + step / 2, level - 1),
    );
  };
  return at(width - 1, Math.log2(width));
}

/** A leaf place. */
export function leafSubtree(node: NodeIndex, leaf: LeafNode | undefined): Subtree {
  const count = leaf === undefined ? 0 : 1;
  return { node, level: 0, leaf, parent: undefined, leafCount: count, resolutionSize: count, memo: {} };
}

/** A place with nothing at or below it. */
export function blankSubtree(node: NodeIndex, level: number): Subtree {
  return { node, level, leaf: undefined, parent: undefined, leafCount: 0, resolutionSize: 0, memo: {} };
}

/** A parent place above two halves. */
export function parentSubtree(
  node: NodeIndex,
  parent: ParentNode | undefined,
  left: Subtree,
  right: Subtree,
): Subtree {
  return {
    node,
    level: left.level + 1,
    leaf: undefined,
    parent,
    leafCount: left.leafCount + right.leafCount,
    resolutionSize:
      parent === undefined ? left.resolutionSize + right.resolutionSize : 1 + parent.unmergedLeaves.length,
    memo: { halves: [left, right] },
  };
}

function insertSorted(list: readonly number[], value: number): readonly number[] {
  if ((list.at(-1) ?? -1) < value) return [...list, value];
  const position = list.findIndex((entry) => entry > value);
  return [...list.slice(0, position), value, ...list.slice(position)];
}
