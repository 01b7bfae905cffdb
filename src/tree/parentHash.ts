/** Parent hashes: making them for a path, and checking a whole tree (RFC 9420 §7.9). */

import { leafIndex } from '../base/brand.ts';
import { EMPTY, equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { Writer } from '../codec/writer.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { LeafSource } from '../wire/registry.ts';
import type { ParentNode } from '../wire/treeNode.ts';
import { originalTreeHash, treeHash } from './hash.ts';
import { covers } from './math.ts';
import { type PathStep, type ResolutionEntry, resolution } from './resolve.ts';
import { descend, halves, type Subtree, type Tree } from './tree.ts';

/** The parent hash of each node of a new path, from the leaf towards the root, and that of the leaf itself. */
export interface PathHashes {
  readonly leaf: Uint8Array;
  readonly nodes: readonly Uint8Array[];
}

/**
 * Parent hashes of a new path (§7.9): the topmost node has an empty one, each node below the hash of the one above.
 * @param keys the new encryption keys, one per step
 */
export function pathParentHashes(
  suite: SuiteCrypto,
  steps: readonly PathStep[],
  keys: readonly Uint8Array[],
): PathHashes {
  const nodes = new Array<Uint8Array>(steps.length);
  let above = EMPTY;
  for (let i = steps.length - 1; i >= 0; i--) {
    nodes[i] = above;
    const step = steps[i] as PathStep;
    above = hashInput(suite, keys[i] as Uint8Array, above, treeHash(suite, step.copath));
  }
  return { leaf: above, nodes };
}

/** Check that every non-blank parent is covered by a chain from a leaf (§7.9.2). @throws `validation.parent-hash` */
export function verifyParentHashes(suite: SuiteCrypto, tree: Tree): void {
  const visit = (subtree: Subtree): void => {
    if (subtree.level === 0 || subtree.resolutionSize === 0) return;
    const [left, right] = halves(subtree);
    // Both sides cannot be valid at once: each hash would have to contain the other.
    if (
      subtree.parent !== undefined &&
      !isLinked(suite, subtree.parent, left, right) &&
      !isLinked(suite, subtree.parent, right, left)
    ) {
      fail('validation.parent-hash', { node: subtree.node });
    }
    visit(left);
    visit(right);
  };
  visit(tree.root);
}

/** Whether some node below `child` has a parent hash that is valid with respect to the parent (§7.9.2). */
function isLinked(suite: SuiteCrypto, parent: ParentNode, child: Subtree, sibling: Subtree): boolean {
  const unmergedBelow = parent.unmergedLeaves.filter((leaf) => covers(child.node, leafIndex(leaf)));
  if (child.resolutionSize !== unmergedBelow.length + 1) return false;
  const unmerged = new Set(unmergedBelow);
  // All of the resolution but one entry must be unmerged at the parent; that one is the candidate.
  // (Half of a parent's index is no leaf's.)
  const rest = resolution(child).filter(({ node }) => !unmerged.has(node / 2));
  if (rest.length !== 1) return false;
  const [candidate] = rest as [ResolutionEntry];
  const claimed = parentHashOf(descend(child, candidate.node));
  if (claimed === undefined) return false;
  const original = originalTreeHash(suite, sibling, parent.unmergedLeaves);
  return equal(claimed, hashInput(suite, parent.encryptionKey, parent.parentHash, original));
}

/** A leaf has a parent hash only when a commit put it there. */
function parentHashOf({ leaf, parent }: Subtree): Uint8Array | undefined {
  if (parent !== undefined) return parent.parentHash;
  return leaf?.source.leafNodeSource === LeafSource.commit ? leaf.source.parentHash : undefined;
}

/** `ParentHashInput`. */
function hashInput(
  suite: SuiteCrypto,
  encryptionKey: Uint8Array,
  parentHash: Uint8Array,
  originalSiblingTreeHash: Uint8Array,
): Uint8Array {
  const writer = new Writer();
  writer.opaque(encryptionKey);
  writer.opaque(parentHash);
  writer.opaque(originalSiblingTreeHash);
  return suite.hash(writer.finish());
}
