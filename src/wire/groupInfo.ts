/** GroupInfo (RFC 9420 §12.4.3). */

import { type CachedCodec, cached } from '../codec/cached.ts';
import { type Codec, opaque, struct, uint32 } from '../codec/codec.ts';
import { type Extension, type ExtensionBodies, ExternalPub, extensionList } from './extension.ts';
import { GroupContext } from './groupContext.ts';
import { ExtensionType } from './registry.ts';
import { RatchetTree } from './treeNode.ts';

/** A GroupInfo without its signature. */
export interface GroupInfoContent {
  readonly groupContext: GroupContext;
  readonly extensions: readonly Extension[];
  readonly confirmationTag: Uint8Array;
  /** Leaf index of the member that signs, unchecked. */
  readonly signer: number;
}
export interface GroupInfo extends GroupInfoContent {
  readonly signature: Uint8Array;
}

const bodies: ExtensionBodies = /* @__PURE__ */ new Map<number, Codec<unknown>>([
  [ExtensionType.ratchetTree, RatchetTree],
  [ExtensionType.externalPub, ExternalPub],
]);

const content = {
  groupContext: GroupContext,
  extensions: /* @__PURE__ */ extensionList(bodies),
  confirmationTag: opaque,
  signer: uint32,
};

/** `GroupInfoTBS`. */
export const GroupInfoContent: Codec<GroupInfoContent> = /* @__PURE__ */ struct<GroupInfoContent>(content);

export const GroupInfo: CachedCodec<GroupInfo> = /* @__PURE__ */ cached(
  /* @__PURE__ */ struct<GroupInfo>({ ...content, signature: opaque }),
);
