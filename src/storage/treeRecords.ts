/** Ratchet trees as records: one for each node that is not blank, so that a commit writes a path. */

import { type LeafIndex, leafIndex, type NodeIndex, nodeIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { DecodeOptions } from '../codec/reader.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { treeHash } from '../tree/hash.ts';
import { diffTrees, isLeaf, type NodeValue, patchTree } from '../tree/patch.ts';
import { type Renewals, renewalOf, renewalsFrom } from '../tree/renewals.ts';
import { type Tree, treeFromNodes } from '../tree/tree.ts';
import type { LeafNode } from '../wire/leafNode.ts';
import type { TreeNode } from '../wire/treeNode.ts';
import type { Changes, Value } from './changes.ts';
import { fromShort, type GroupKeys } from './keys.ts';
import { encode, LeafPart, type NewNode, type OldLeaf, ParentNode, readRecord } from './records.ts';

/** A tree, and when its leaves were last replaced. */
export interface Aged {
  readonly tree: Tree;
  readonly renewals: Renewals;
}

/** What changes when one tree follows another. The tree hash in the group context covers these records, ages apart. */
export function writeTree(
  changes: Changes,
  keys: GroupKeys,
  before: Aged | undefined,
  after: Aged | undefined,
): void {
  diffTrees(before?.tree, after?.tree, (node, old, now) => {
    const [was, is] = [nodeRecord(before, node, old), nodeRecord(after, node, now)];
    changes.write(keys.node(node), was, is);
    if (node % 2 === 0) changes.cover(keys.node(node), was && ageOf(was), is && ageOf(is));
  });
}

function nodeRecord(aged: Aged | undefined, node: NodeIndex, value: NodeValue): Value {
  if (value === undefined || aged === undefined) return undefined;
  if (!isLeaf(value)) return encode(ParentNode, value);
  return encode(LeafPart, {
    renewed: renewalOf(aged.renewals, aged.tree.width, node / 2),
    leafNode: value,
  });
}

/** The part of a leaf's record that the tree hash does not cover. */
export function ageOf(record: Uint8Array): Uint8Array {
  return record.subarray(0, 8);
}

/** Gathers the records of a tree. */
export class TreeReader {
  readonly #nodes: (TreeNode | undefined)[] = [];
  readonly #epochs = new Map<number, bigint>();
  readonly #decoding: DecodeOptions;

  constructor(decoding: DecodeOptions) {
    this.#decoding = decoding;
  }

  leaf(name: string | undefined, value: Uint8Array): void {
    const leaf = fromShort(name);
    const { renewed, leafNode } = readRecord(LeafPart, value, this.#decoding);
    this.#put(2 * leaf, { nodeType: 1, leafNode });
    this.#epochs.set(leaf, renewed);
  }

  parent(name: string | undefined, value: Uint8Array): void {
    this.#put(fromShort(name), { nodeType: 2, parentNode: readRecord(ParentNode, value, this.#decoding) });
  }

  /** @throws `storage.corrupt` unless it is the tree that has been written, whole */
  finish(suite: SuiteCrypto, width: number, hash: Uint8Array): Aged {
    // Places that were never written become blanks.
    const tree = treeFromNodes(Array.from(this.#nodes));
    if (tree.width !== width || !equal(treeHash(suite, tree.root), hash)) fail('storage.corrupt', { width });
    return { tree, renewals: renewalsFrom(width, this.#epochs) };
  }

  #put(index: number, node: TreeNode): void {
    if (!(index >= 0 && index < MAX_NODES)) fail('storage.corrupt', { node: index });
    this.#nodes[index] = node;
  }
}

const MAX_NODES = 2 ** 25;

/** The leaves that an epoch had and the next one has not, or has others for. */
export function replacedLeaves(old: Tree, next: Tree): readonly OldLeaf[] {
  const replaced: OldLeaf[] = [];
  diffTrees(old, next, (node, before) => {
    if (node % 2 === 0)
      replaced.push({ leaf: leafIndex(node / 2), leafNode: before as LeafNode | undefined });
  });
  return replaced;
}

/** An earlier tree as far as its leaves go: what late messages need. */
export function earlierTree(next: Tree, width: number, replaced: readonly OldLeaf[]): Tree {
  const leaf = (index: LeafIndex): NodeIndex => nodeIndex(2 * index);
  const values = new Map<NodeIndex, NodeValue>(replaced.map((old) => [leaf(old.leaf), old.leafNode]));
  // Parents are of no use in an earlier epoch, and those of a part that it lacked would be in the way.
  const blankOutside = (node: NodeIndex): void => {
    if (node > 2 * width - 2) values.set(node, undefined);
  };
  if (next.width > width) diffTrees(next, undefined, blankOutside);
  return patchTree(next, width, values);
}

/** What stands in a tree at the nodes in which it differs from another one. */
export function newNodes(before: Tree, after: Tree): readonly NewNode[] {
  const nodes: NewNode[] = [];
  diffTrees(before, after, (node, _, now) => {
    const [leafNode, parentNode] = isLeaf(now) ? [now, undefined] : [undefined, now];
    nodes.push({ node, leafNode, parentNode });
  });
  return nodes;
}

/** The tree that {@link newNodes} lead to. */
export function laterTree(before: Tree, width: number, nodes: readonly NewNode[]): Tree {
  const values = nodes.map(
    ({ node, leafNode, parentNode }) => [nodeIndex(node), leafNode ?? parentNode] as const,
  );
  return patchTree(before, width, new Map(values));
}
