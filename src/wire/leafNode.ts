/** LeafNode (RFC 9420 §7.2). */

import { type CachedCodec, cached } from '../codec/cached.ts';
import { type Codec, opaque, select, struct, uint8, uint64 } from '../codec/codec.ts';
import { Credential } from './credential.ts';
import { type Extension, extensionList, LEAF_BODIES, uint16List } from './extension.ts';
import { LeafSource } from './registry.ts';

/** What a client supports. Unknown values are kept and mean nothing. */
export interface Capabilities {
  readonly versions: readonly number[];
  readonly cipherSuites: readonly number[];
  readonly extensions: readonly number[];
  readonly proposals: readonly number[];
  readonly credentials: readonly number[];
}

/** Seconds since 1970, both ends included. */
export interface Lifetime {
  readonly notBefore: bigint;
  readonly notAfter: bigint;
}

/** Where a leaf node comes from, with what only that source has. */
export type LeafNodeSource =
  | { readonly leafNodeSource: 1; readonly lifetime: Lifetime }
  | { readonly leafNodeSource: 2 }
  | { readonly leafNodeSource: 3; readonly parentHash: Uint8Array };

/** A leaf node without its signature. */
export interface LeafNodeContent {
  readonly encryptionKey: Uint8Array;
  readonly signatureKey: Uint8Array;
  readonly credential: Credential;
  readonly capabilities: Capabilities;
  readonly source: LeafNodeSource;
  readonly extensions: readonly Extension[];
}
export interface LeafNode extends LeafNodeContent {
  readonly signature: Uint8Array;
}

const Capabilities: Codec<Capabilities> = /* @__PURE__ */ struct<Capabilities>({
  versions: uint16List,
  cipherSuites: uint16List,
  extensions: uint16List,
  proposals: uint16List,
  credentials: uint16List,
});
const Lifetime: Codec<Lifetime> = /* @__PURE__ */ struct<Lifetime>({ notBefore: uint64, notAfter: uint64 });

const sources: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [LeafSource.keyPackage, /* @__PURE__ */ struct({ lifetime: Lifetime })],
  [LeafSource.update, /* @__PURE__ */ struct({})],
  [LeafSource.commit, /* @__PURE__ */ struct({ parentHash: opaque })],
]);

const content = {
  encryptionKey: opaque,
  signatureKey: opaque,
  credential: Credential,
  capabilities: Capabilities,
  source: /* @__PURE__ */ select<LeafNodeSource>('leafNodeSource', uint8, (source) => sources.get(source)),
  extensions: /* @__PURE__ */ extensionList(LEAF_BODIES),
};

/** The signed fields, which `LeafNodeTBS` (§7.2) begins with. */
export const LeafNodeContent: Codec<LeafNodeContent> = /* @__PURE__ */ struct<LeafNodeContent>(content);

export const LeafNode: CachedCodec<LeafNode> = /* @__PURE__ */ cached(
  /* @__PURE__ */ struct<LeafNode>({ ...content, signature: opaque }),
);
