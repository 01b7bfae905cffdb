/** What differs between two trees, and a tree with some nodes exchanged: how a store keeps trees by their changes. */

import { type NodeIndex, nodeIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import type { LeafNode } from '../wire/leafNode.ts';
import type { ParentNode } from '../wire/treeNode.ts';
import { addKey, dropKey } from './keyIndex.ts';
import { MAX_LEAVES } from './math.ts';
import { blankSubtree, halves, leafSubtree, parentSubtree, type Subtree, type Tree } from './tree.ts';

/** What stands at a node; `undefined` when it is blank. */
export type NodeValue = LeafNode | ParentNode | undefined;

/** Told of a node that differs. Leaves are at even indices. */
export type OnChange = (node: NodeIndex, before: NodeValue, after: NodeValue) => void;

/** Tell every node that is not the same object in both: what they share is not looked at. */
export function diffTrees(before: Tree | undefined, after: Tree | undefined, onChange: OnChange): void {
  const walk = (a: Subtree | undefined, b: Subtree | undefined): void => {
    const [old, now] = [filled(a), filled(b)];
    if (old === now) return;
    const level = Math.max(old?.level ?? 0, now?.level ?? 0);
    // The one that is lower is the left half of the other: node indices do not move.
    const [oldHere, nowHere] = [at(old, level), at(now, level)];
    const node = (oldHere ?? nowHere)?.node as NodeIndex;
    const [valueBefore, valueAfter] = [nodeValue(oldHere), nodeValue(nowHere)];
    if (valueBefore !== valueAfter) onChange(node, valueBefore, valueAfter);
    if (level === 0) return;
    const [oldLeft, oldRight] = oldHere === undefined ? [old] : halves(oldHere);
    const [nowLeft, nowRight] = nowHere === undefined ? [now] : halves(nowHere);
    walk(oldLeft, nowLeft);
    walk(oldRight, nowRight);
  };
  walk(before?.root, after?.root);
}

/**
 * A tree with some nodes exchanged and another width; the rest is shared.
 * @param values by node, leaves at even indices @throws `codec.limit`, and `storage.corrupt` when the width does not fit
 */
export function patchTree(tree: Tree, width: number, values: ReadonlyMap<NodeIndex, NodeValue>): Tree {
  if (width > MAX_LEAVES) fail('codec.limit', { leaves: width });
  let { root, encryptionKeys, signatureKeys } = tree;
  while (2 ** root.level < width) root = doubled(root);
  const exchange = (old: NodeValue, now: NodeValue): void => {
    if (old !== undefined) encryptionKeys = dropKey(encryptionKeys, old.encryptionKey);
    if (now !== undefined) encryptionKeys = addKey(encryptionKeys, now.encryptionKey);
    if (isLeaf(old)) signatureKeys = dropKey(signatureKeys, old.signatureKey);
    if (isLeaf(now)) signatureKeys = addKey(signatureKeys, now.signatureKey);
  };
  const rebuild = (subtree: Subtree, nodes: readonly NodeIndex[]): Subtree => {
    if (nodes.length === 0) return subtree;
    const old = nodeValue(subtree);
    const now = values.has(subtree.node) ? values.get(subtree.node) : old;
    exchange(old, now);
    if (subtree.level === 0) return leafSubtree(subtree.node, now as LeafNode | undefined);
    const [left, right] = halves(subtree);
    const leftOnes = nodes.filter((node) => node < subtree.node);
    const rightOnes = nodes.filter((node) => node > subtree.node);
    const halvesNow = [rebuild(left, leftOnes), rebuild(right, rightOnes)] as const;
    return parentSubtree(subtree.node, now as ParentNode | undefined, ...halvesNow);
  };
  root = rebuild(root, [...values.keys()]);
  while (2 ** root.level > width) root = leftHalf(root);
  return { root, width, encryptionKeys, signatureKeys };
}

function filled(subtree: Subtree | undefined): Subtree | undefined {
  return subtree === undefined || subtree.resolutionSize === 0 ? undefined : subtree;
}

function at(subtree: Subtree | undefined, level: number): Subtree | undefined {
  return subtree?.level === level ? subtree : undefined;
}

function nodeValue(subtree: Subtree | undefined): NodeValue {
  return subtree?.leaf ?? subtree?.parent;
}

/** Whether what stands at a node is a leaf. */
export function isLeaf(value: NodeValue): value is LeafNode {
  return value !== undefined && 'signatureKey' in value;
}

function doubled(root: Subtree): Subtree {
  const step = 2 ** root.level;
  const right = blankSubtree(nodeIndex(root.node + 2 * step), root.level);
  return parentSubtree(nodeIndex(root.node + step), undefined, root, right);
}

function leftHalf(root: Subtree): Subtree {
  const [left, right] = halves(root);
  if (filled(right) !== undefined || root.parent !== undefined) fail('storage.corrupt', { node: root.node });
  return left;
}
