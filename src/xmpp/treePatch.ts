/**
 * MLS for XMPP, version 0, section 6.3 of the paper: what differs between the ratchet trees of two epochs.
 *
 * Patches are hints. What they lead to is compared with the signed tree hash by whoever joins with it.
 */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { checked, optional, struct, uint32, uint64, vector } from '../codec/codec.ts';
import { type Codec, encode, LeafNode, NodeType, ParentNode, RatchetTree, TreeNode } from '../wire/index.ts';

/** A ratchet tree in array order (RFC 9420, section 12.4.3.3). */
export type TreeNodes = readonly (TreeNode | undefined)[];

/** One node that is another than before, or blank now. */
export interface NodePatch {
  readonly index: number;
  readonly node: TreeNode | undefined;
}

/** Turns the tree of the epoch before into that of `epoch`. */
export interface TreePatch {
  readonly epoch: bigint;
  /** Nodes in the array of the new tree. */
  readonly nodeCount: number;
  /** By strictly increasing index. */
  readonly changes: readonly NodePatch[];
}

/** Nodes of a tree of 10 000 leaves. */
const MOST_NODES = 19_999;

const NodePatch: Codec<NodePatch> = /* @__PURE__ */ struct<NodePatch>({
  index: uint32,
  node: /* @__PURE__ */ optional(TreeNode),
});

/**
 * `TreePatch`.
 * @throws `codec.limit` for more than 10 000 leaves, `validation.tree` for nodes outside the tree, at places that are not
 *   theirs, or out of order
 */
export const TreePatch: Codec<TreePatch> = /* @__PURE__ */ checked(
  /* @__PURE__ */ struct<TreePatch>({
    epoch: uint64,
    nodeCount: uint32,
    changes: /* @__PURE__ */ vector(NodePatch),
  }),
  ({ nodeCount, changes }) => {
    if (nodeCount > MOST_NODES) fail('codec.limit', { nodes: nodeCount });
    changes.forEach(({ index, node }, at) => {
      const isInOrder = index > (changes[at - 1]?.index ?? -1) && index < nodeCount;
      const expected = index % 2 === 0 ? NodeType.leaf : NodeType.parent;
      if (!isInOrder || (node !== undefined && node.nodeType !== expected)) {
        fail('validation.tree', { node: index });
      }
    });
  },
);

/**
 * What leads from one tree to the next.
 * @param before `Group.ratchetTree` in the epoch before
 * @param after that of `epoch`
 */
export function makeTreePatch(before: TreeNodes, after: TreeNodes, epoch: bigint): TreePatch {
  const changes = after.flatMap((node, index): NodePatch[] =>
    isSame(node, before[index]) ? [] : [{ index, node }],
  );
  return { epoch, nodeCount: after.length, changes };
}

/** The tree after a patch; right only if its hash is. */
export function applyTreePatch(before: TreeNodes, { nodeCount, changes }: TreePatch): TreeNodes {
  const after = Array.from({ length: nodeCount }, (_, index) => before[index]);
  for (const { index, node } of changes) after[index] = node;
  return after;
}

/** The tree as bytes: what `JoinOptions.ratchetTree` takes. @throws `validation.tree` for what is no tree */
export function encodeTree(nodes: TreeNodes): Uint8Array {
  return encode(RatchetTree, nodes);
}

function isSame(a: TreeNode | undefined, b: TreeNode | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.nodeType === NodeType.leaf && b.nodeType === NodeType.leaf) {
    return a.leafNode === b.leafNode || equal(encode(LeafNode, a.leafNode), encode(LeafNode, b.leafNode));
  }
  if (a.nodeType === NodeType.parent && b.nodeType === NodeType.parent) {
    const [one, other] = [a.parentNode, b.parentNode];
    return one === other || equal(encode(ParentNode, one), encode(ParentNode, other));
  }
  return false;
}
