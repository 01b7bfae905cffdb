/** Resolutions and filtered direct paths (RFC 9420 §4.1). */

import { type LeafIndex, leafIndex, type NodeIndex, nodeIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import { covers } from './math.ts';
import { descend, halves, type Subtree, type Tree } from './tree.ts';

/** One key that a ciphertext is made for. */
export interface ResolutionEntry {
  readonly node: NodeIndex;
  readonly encryptionKey: Uint8Array;
}

/** One step of a filtered direct path. */
export interface PathStep {
  /** The parent on the path. */
  readonly node: NodeIndex;
  /** Its child off the path. */
  readonly copath: Subtree;
}

/**
 * Resolution of a subtree: non-blank nodes that together cover its leaves (§4.1.1). Leaves in `except` are left out,
 * wherever they appear: those added by the commit at hand receive no ciphertext (§7.5).
 * @throws `validation.unmerged-leaves` when an unmerged leaf is blank or lies elsewhere
 */
export function resolution(subtree: Subtree, except: ReadonlySet<number> = NONE): ResolutionEntry[] {
  const entries: ResolutionEntry[] = [];
  collect(subtree, except, entries);
  return entries;
}

/** Length of {@link resolution}, without making it. */
export function resolutionLength(subtree: Subtree, except: ReadonlySet<number>): number {
  let length = subtree.resolutionSize;
  for (const leaf of except) if (covers(subtree.node, leafIndex(leaf))) length -= 1;
  return length;
}

/** Filtered direct path of a leaf, from the leaf towards the root (§4.1.2). */
export function filteredPath(tree: Tree, leaf: LeafIndex): PathStep[] {
  const steps: PathStep[] = [];
  let at = tree.root;
  while (at.level > 0) {
    const [left, right] = halves(at);
    const goesLeft = 2 * leaf < at.node;
    const copath = goesLeft ? right : left;
    if (copath.resolutionSize > 0) steps.push({ node: at.node, copath });
    at = goesLeft ? left : right;
  }
  return steps.reverse();
}

const NONE: ReadonlySet<number> = /* @__PURE__ */ new Set();

function collect(subtree: Subtree, except: ReadonlySet<number>, entries: ResolutionEntry[]): void {
  if (subtree.resolutionSize === 0) return;
  if (subtree.leaf !== undefined) {
    if (!except.has(subtree.node / 2))
      entries.push({ node: subtree.node, encryptionKey: subtree.leaf.encryptionKey });
    return;
  }
  if (subtree.parent === undefined) {
    for (const half of halves(subtree)) collect(half, except, entries);
    return;
  }
  entries.push({ node: subtree.node, encryptionKey: subtree.parent.encryptionKey });
  for (const leaf of subtree.parent.unmergedLeaves) {
    if (except.has(leaf)) continue;
    const node = nodeIndex(2 * leaf);
    entries.push({ node, encryptionKey: unmergedLeaf(subtree, node).encryptionKey });
  }
}

function unmergedLeaf(subtree: Subtree, node: NodeIndex): { readonly encryptionKey: Uint8Array } {
  const inside = covers(subtree.node, leafIndex(node / 2));
  const below = inside ? descend(subtree, node) : undefined;
  return below?.leaf ?? fail('validation.unmerged-leaves', { node: subtree.node, leaf: node / 2 });
}
