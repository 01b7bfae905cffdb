/** Commit and UpdatePath (RFC 9420 §12.4, §7.6). */

import { type Codec, opaque, optional, select, struct, uint8, vector } from '../codec/codec.ts';
import { LeafNode } from './leafNode.ts';
import { Proposal } from './proposal.ts';

/** §7.6 */
export interface HpkeCiphertext {
  readonly kemOutput: Uint8Array;
  readonly ciphertext: Uint8Array;
}
/** §7.6: one node of the filtered direct path. */
export interface UpdatePathNode {
  readonly encryptionKey: Uint8Array;
  /** In the order of the resolution of the copath child. */
  readonly encryptedPathSecret: readonly HpkeCiphertext[];
}
export interface UpdatePath {
  readonly leafNode: LeafNode;
  /** From the leaf towards the root. */
  readonly nodes: readonly UpdatePathNode[];
}
export type ProposalOrRef =
  | { readonly type: 1; readonly proposal: Proposal }
  | { readonly type: 2; readonly reference: Uint8Array };
export interface Commit {
  readonly proposals: readonly ProposalOrRef[];
  readonly path: UpdatePath | undefined;
}

export const HpkeCiphertext: Codec<HpkeCiphertext> = /* @__PURE__ */ struct<HpkeCiphertext>({
  kemOutput: opaque,
  ciphertext: opaque,
});
const UpdatePathNode: Codec<UpdatePathNode> = /* @__PURE__ */ struct<UpdatePathNode>({
  encryptionKey: opaque,
  encryptedPathSecret: /* @__PURE__ */ vector(HpkeCiphertext),
});
export const UpdatePath: Codec<UpdatePath> = /* @__PURE__ */ struct<UpdatePath>({
  leafNode: LeafNode,
  nodes: /* @__PURE__ */ vector(UpdatePathNode),
});

const entries: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [1, /* @__PURE__ */ struct({ proposal: Proposal })],
  [2, /* @__PURE__ */ struct({ reference: opaque })],
]);
const ProposalOrRef: Codec<ProposalOrRef> = /* @__PURE__ */ select<ProposalOrRef>('type', uint8, (type) =>
  entries.get(type),
);

export const Commit: Codec<Commit> = /* @__PURE__ */ struct<Commit>({
  proposals: /* @__PURE__ */ vector(ProposalOrRef),
  path: /* @__PURE__ */ optional(UpdatePath),
});
