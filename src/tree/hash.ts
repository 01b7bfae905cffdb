/** Tree hashes (RFC 9420 §7.8), computed once per node and remembered on it. */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { Writer } from '../codec/writer.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { LeafNode } from '../wire/leafNode.ts';
import { NodeType, ParentNode } from '../wire/treeNode.ts';
import { covers } from './math.ts';
import { halves, type Subtree } from './tree.ts';

/** Hash of a subtree. */
export function treeHash(suite: SuiteCrypto, subtree: Subtree): Uint8Array {
  const known = subtree.memo.hash;
  if (known !== undefined) return known;
  const fresh = hashNode(suite, subtree, (half) => treeHash(suite, half));
  subtree.memo.hash = fresh;
  return fresh;
}

/**
 * Hash of a subtree as it was before some leaves were added: they are blank, and gone from all unmerged lists
 * (§7.9). Only the paths to these leaves are hashed anew.
 */
export function originalTreeHash(suite: SuiteCrypto, subtree: Subtree, added: readonly number[]): Uint8Array {
  const inside = added.filter((leaf) => covers(subtree.node, leafIndex(leaf)));
  if (inside.length === 0) return treeHash(suite, subtree);
  const gone = new Set(inside);
  const before: Subtree = {
    ...subtree,
    leaf: undefined,
    parent: subtree.parent && {
      ...subtree.parent,
      unmergedLeaves: subtree.parent.unmergedLeaves.filter((leaf) => !gone.has(leaf)),
    },
  };
  return hashNode(suite, before, (half) => originalTreeHash(suite, half, inside));
}

function hashNode(suite: SuiteCrypto, subtree: Subtree, hashOf: (half: Subtree) => Uint8Array): Uint8Array {
  return suite.hash(
    subtree.level === 0 ? leafInput(leafIndex(subtree.node / 2), subtree.leaf) : parentInput(subtree, hashOf),
  );
}

function leafInput(index: LeafIndex, leaf: LeafNode | undefined): Uint8Array {
  const writer = new Writer(leaf === undefined ? 6 : 512);
  writer.uint8(NodeType.leaf);
  writer.uint32(index);
  writer.uint8(leaf === undefined ? 0 : 1);
  if (leaf !== undefined) LeafNode.write(writer, leaf);
  return writer.finish();
}

function parentInput(subtree: Subtree, hashOf: (half: Subtree) => Uint8Array): Uint8Array {
  const [left, right] = halves(subtree);
  const writer = new Writer();
  writer.uint8(NodeType.parent);
  writer.uint8(subtree.parent === undefined ? 0 : 1);
  if (subtree.parent !== undefined) ParentNode.write(writer, subtree.parent);
  writer.opaque(hashOf(left));
  writer.opaque(hashOf(right));
  return writer.finish();
}
