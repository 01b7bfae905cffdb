/** KeyPackage (RFC 9420 §10). */

import { type CachedCodec, cached } from '../codec/cached.ts';
import { type Codec, oneOf, opaque, struct, uint16 } from '../codec/codec.ts';
import { type Extension, extensionList } from './extension.ts';
import { LeafNode } from './leafNode.ts';
import { MLS10 } from './registry.ts';

/** A KeyPackage without its signature. */
export interface KeyPackageContent {
  readonly version: 1;
  readonly cipherSuite: number;
  readonly initKey: Uint8Array;
  readonly leafNode: LeafNode;
  readonly extensions: readonly Extension[];
}
export interface KeyPackage extends KeyPackageContent {
  readonly signature: Uint8Array;
}

/** `ProtocolVersion`, of which only mls10 is implemented. @throws `codec.unsupported` */
export const ProtocolVersion: Codec<1> = /* @__PURE__ */ oneOf(uint16, [MLS10], 'codec.unsupported');

const content = {
  version: ProtocolVersion,
  cipherSuite: uint16,
  initKey: opaque,
  leafNode: LeafNode,
  extensions: /* @__PURE__ */ extensionList(/* @__PURE__ */ new Map()),
};

/** `KeyPackageTBS`. */
export const KeyPackageContent: Codec<KeyPackageContent> = /* @__PURE__ */ struct<KeyPackageContent>(content);

export const KeyPackage: CachedCodec<KeyPackage> = /* @__PURE__ */ cached(
  /* @__PURE__ */ struct<KeyPackage>({ ...content, signature: opaque }),
);
