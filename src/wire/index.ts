/**
 * The structures of RFC 9420 and of draft-ietf-mls-extensions with their codecs, for applications, inspectors, tests and
 * other tools. Public door `xmpp-mls/wire`.
 */

export { type Codec, type Decoded, decode, encode } from '../codec/codec.ts';
export {
  DEFAULT_LIMITS,
  type DecodeLimits,
  type DecodeOptions,
  type OpenBody,
  type OpenTypes,
} from '../codec/reader.ts';
export * from './codePoints.ts';
export * from './commit.ts';
export * from './component.ts';
export * from './content.ts';
export * from './credential.ts';
export * from './draftProposal.ts';
export * from './extension.ts';
export * from './groupContext.ts';
export * from './groupInfo.ts';
export * from './keyPackage.ts';
export * from './leafNode.ts';
export * from './message.ts';
export * from './proposal.ts';
export * from './psk.ts';
export * from './registry.ts';
export * from './treeNode.ts';
export * from './welcome.ts';
