/** Nodes of the ratchet tree (RFC 9420 §7.1) and the ratchet_tree extension (§12.4.3.3). */

import { fail } from '../base/error.ts';
import { type CachedCodec, cached } from '../codec/cached.ts';
import { type Codec, checked, opaque, optional, struct, uint8, uint32, vector } from '../codec/codec.ts';
import { LeafNode } from './leafNode.ts';

export interface ParentNode {
  readonly encryptionKey: Uint8Array;
  readonly parentHash: Uint8Array;
  /** Leaf indices over the whole tree, strictly increasing. */
  readonly unmergedLeaves: readonly number[];
}

/** §12.4.3.3 `Node`. */
export type TreeNode =
  | { readonly nodeType: 1; readonly leafNode: LeafNode }
  | { readonly nodeType: 2; readonly parentNode: ParentNode };

/** §7.8 `NodeType`. */
export const NodeType = /* @__PURE__ */ Object.freeze({ leaf: 1, parent: 2 } as const);

const unmergedLeaves = /* @__PURE__ */ checked(/* @__PURE__ */ vector(uint32, 4), (leaves) => {
  for (let i = 1; i < leaves.length; i++) {
    if ((leaves[i] as number) <= (leaves[i - 1] as number))
      fail('validation.unmerged-leaves', { position: i });
  }
});

/** @throws `validation.unmerged-leaves` unless the list is strictly increasing */
export const ParentNode: CachedCodec<ParentNode> = /* @__PURE__ */ cached(
  /* @__PURE__ */ struct<ParentNode>({ encryptionKey: opaque, parentHash: opaque, unmergedLeaves }),
);

/** §12.4.3.3 `Node`. @throws `codec.enum` */
export const TreeNode: Codec<TreeNode> = {
  read: (r) => {
    const type = r.uint8();
    if (type === NodeType.leaf) return { nodeType: NodeType.leaf, leafNode: LeafNode.read(r) };
    if (type === NodeType.parent) return { nodeType: NodeType.parent, parentNode: ParentNode.read(r) };
    return fail('codec.enum', { field: 'nodeType', value: type, offset: r.offset - 1 });
  },
  write: (w, node) => {
    uint8.write(w, node.nodeType);
    if (node.nodeType === NodeType.leaf) LeafNode.write(w, node.leafNode);
    else ParentNode.write(w, node.parentNode);
  },
};

/**
 * `optional<Node> ratchet_tree<V>` in array order: leaves at even places, the last entry not blank.
 * @throws `validation.tree`
 */
export const RatchetTree: Codec<readonly (TreeNode | undefined)[]> = /* @__PURE__ */ checked(
  /* @__PURE__ */ vector(/* @__PURE__ */ optional(TreeNode)),
  (nodes) => {
    if (nodes.at(-1) === undefined) fail('validation.tree', { nodes: nodes.length, last: 'blank' });
    nodes.forEach((node, index) => {
      const expected = index % 2 === 0 ? NodeType.leaf : NodeType.parent;
      if (node !== undefined && node.nodeType !== expected) fail('validation.tree', { node: index });
    });
  },
);
