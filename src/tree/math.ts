/**
 * Arithmetic of the array form of a perfect binary tree (RFC 9420 Appendix C). Indices may reach 2^32 - 1, so nothing
 * here uses signed 32-bit operators on them.
 */

import { type LeafIndex, leafIndex, type NodeIndex, nodeIndex } from '../base/brand.ts';

/** The widest tree this library holds: 2^24 leaves. Wider ones are refused before anything is allocated. */
export const MAX_LEAVES: number = 2 ** 24;

/** floor(log2 x), with log2(0) = 0. */
export function log2(x: number): number {
  let k = 0;
  while (2 ** (k + 1) <= x) k++;
  return k;
}

/** Nodes of a tree with `leaves` leaves; 0 for none. */
export function nodeWidth(leaves: number): number {
  return leaves === 0 ? 0 : 2 * (leaves - 1) + 1;
}

/** Root of a tree with `leaves` leaves. */
export function rootOf(leaves: number): NodeIndex {
  return nodeIndex(2 ** log2(nodeWidth(leaves)) - 1);
}

/** Height of a node above the leaves: the number of trailing one bits. */
export function levelOf(node: NodeIndex): number {
  let level = 0;
  let rest: number = node;
  while (rest % 2 === 1) {
    rest = (rest - 1) / 2;
    level++;
  }
  return level;
}

/** Node of a leaf. */
export function leafNodeIndex(leaf: LeafIndex): NodeIndex {
  return nodeIndex(2 * leaf);
}

/** Left child; `undefined` for a leaf. */
export function leftOf(node: NodeIndex): NodeIndex | undefined {
  const level = levelOf(node);
  return level === 0 ? undefined : nodeIndex(node - 2 ** (level - 1));
}

/** Right child; `undefined` for a leaf. */
export function rightOf(node: NodeIndex): NodeIndex | undefined {
  const level = levelOf(node);
  return level === 0 ? undefined : nodeIndex(node + 2 ** (level - 1));
}

/** Parent in a tree with `leaves` leaves; `undefined` for the root. */
export function parentOf(node: NodeIndex, leaves: number): NodeIndex | undefined {
  if (node === rootOf(leaves)) return undefined;
  const step = 2 ** levelOf(node);
  const isLeftChild = Math.floor(node / (2 * step)) % 2 === 0;
  return nodeIndex(isLeftChild ? node + step : node - step);
}

/** The other child of the parent; `undefined` for the root. */
export function siblingOf(node: NodeIndex, leaves: number): NodeIndex | undefined {
  const parent = parentOf(node, leaves);
  if (parent === undefined) return undefined;
  return nodeIndex(2 * parent - node);
}

/** From the parent of a node up to the root, both included; empty for the root (§4.1.2). */
export function directPath(node: NodeIndex, leaves: number): NodeIndex[] {
  const path: NodeIndex[] = [];
  for (let at = parentOf(node, leaves); at !== undefined; at = parentOf(at, leaves)) path.push(at);
  return path;
}

/** The sibling of a node and of each node on its direct path but the root (§4.1.2). */
export function copath(node: NodeIndex, leaves: number): NodeIndex[] {
  return [node, ...directPath(node, leaves)].flatMap((step) => siblingOf(step, leaves) ?? []);
}

/** The lowest node that has both leaves below it. */
export function commonAncestor(a: LeafIndex, b: LeafIndex): NodeIndex {
  let level = 0;
  let x: number = a;
  let y: number = b;
  while (x !== y) {
    x = Math.floor(x / 2);
    y = Math.floor(y / 2);
    level++;
  }
  return nodeIndex(x * 2 ** (level + 1) + 2 ** level - 1);
}

/** The first leaf below a node, and the number of leaf places below it. */
export function leafRange(node: NodeIndex): { readonly first: LeafIndex; readonly count: number } {
  const count = 2 ** levelOf(node);
  return { first: leafIndex((node - count + 1) / 2), count };
}

/** Whether a leaf lies at or below a node. */
export function covers(node: NodeIndex, leaf: LeafIndex): boolean {
  const { first, count } = leafRange(node);
  return leaf >= first && leaf < first + count;
}
