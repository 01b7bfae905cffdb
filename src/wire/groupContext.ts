/** GroupContext (RFC 9420 §8.1). */

import { type CachedCodec, cached } from '../codec/cached.ts';
import { opaque, struct, uint16, uint64 } from '../codec/codec.ts';
import { CONTEXT_BODIES, type Extension, extensionList } from './extension.ts';
import { ProtocolVersion } from './keyPackage.ts';

export interface GroupContext {
  readonly version: 1;
  readonly cipherSuite: number;
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly treeHash: Uint8Array;
  readonly confirmedTranscriptHash: Uint8Array;
  readonly extensions: readonly Extension[];
}

export const GroupContext: CachedCodec<GroupContext> = /* @__PURE__ */ cached(
  /* @__PURE__ */ struct<GroupContext>({
    version: ProtocolVersion,
    cipherSuite: uint16,
    groupId: opaque,
    epoch: uint64,
    treeHash: opaque,
    confirmedTranscriptHash: opaque,
    extensions: /* @__PURE__ */ extensionList(CONTEXT_BODIES),
  }),
);
