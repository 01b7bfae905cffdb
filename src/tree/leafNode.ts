/** Making and checking leaf nodes (RFC 9420 §7.2, §7.3). */

import type { LeafIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import { Writer } from '../codec/writer.ts';
import { signWithLabel, verifyWithLabel } from '../crypto/labels.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { LeafNode, LeafNodeContent } from '../wire/leafNode.ts';
import { isDefaultExtension, type LeafSource, MLS10, LeafSource as Source } from '../wire/registry.ts';
import { signedPart, withSignature } from '../wire/signed.ts';

/** Where a leaf stands, which its signature covers unless it comes from a KeyPackage. */
export interface LeafPlace {
  readonly groupId: Uint8Array;
  readonly leaf: LeafIndex;
}

/** Sign a leaf node with its own signature key (§7.2). @param place needed for sources update and commit */
export function signLeaf(
  suite: SuiteCrypto,
  content: LeafNodeContent,
  secretKey: Uint8Array,
  place?: LeafPlace,
): LeafNode {
  return withSignature(LeafNodeContent, content, (signed) =>
    signWithLabel(suite, secretKey, LABEL, signedInput(signed, content.source.leafNodeSource, place)),
  );
}

/** @throws `crypto.signature` */
export function verifyLeafSignature(suite: SuiteCrypto, leaf: LeafNode, place?: LeafPlace): void {
  const input = signedInput(signedPart(LeafNode, leaf), leaf.source.leafNodeSource, place);
  if (!verifyWithLabel(suite, leaf.signatureKey, LABEL, input, leaf.signature)) {
    fail('crypto.signature', { structure: 'LeafNode', leaf: place?.leaf });
  }
}

/**
 * The rules of §7.3 that a leaf can break on its own: keys, capabilities, lifetime span.
 * @throws `validation.leaf-source`, `crypto.public-key`, `validation.capabilities`, `policy.lifetime`
 */
export function validateLeafAlone(
  suite: SuiteCrypto,
  leaf: LeafNode,
  source: LeafSource | undefined,
  maxLifetimeSeconds: number,
): void {
  if (source !== undefined && leaf.source.leafNodeSource !== source) {
    fail('validation.leaf-source', { expected: source, found: leaf.source.leafNodeSource });
  }
  if (!suite.isKemPublicKey(leaf.encryptionKey)) fail('crypto.public-key', { field: 'encryptionKey' });
  if (!suite.isSignaturePublicKey(leaf.signatureKey)) fail('crypto.public-key', { field: 'signatureKey' });
  validateOwnCapabilities(suite, leaf);
  validateLifetimeSpan(leaf, maxLifetimeSeconds);
}

/** @throws `policy.lifetime` unless a KeyPackage leaf is valid at `now` (seconds since 1970) */
export function validateLifetimeNow(leaf: LeafNode, now: number): void {
  if (leaf.source.leafNodeSource !== Source.keyPackage) return;
  const { notBefore, notAfter } = leaf.source.lifetime;
  const at = BigInt(now);
  if (at < notBefore || at > notAfter) fail('policy.lifetime', { notBefore, notAfter, now });
}

const LABEL = 'LeafNodeTBS';

/** `LeafNodeTBS`. */
function signedInput(content: Uint8Array, source: LeafSource, place: LeafPlace | undefined): Uint8Array {
  if (source === Source.keyPackage) return content;
  if (place === undefined) return fail('validation.leaf-source', { found: source });
  const writer = new Writer(content.length + place.groupId.length + 8);
  writer.raw(content);
  writer.opaque(place.groupId);
  writer.uint32(place.leaf);
  return writer.finish();
}

function validateOwnCapabilities(suite: SuiteCrypto, leaf: LeafNode): void {
  const { capabilities, credential, extensions } = leaf;
  if (!capabilities.versions.includes(MLS10)) fail('validation.capabilities', { version: MLS10 });
  if (!capabilities.cipherSuites.includes(suite.id)) fail('validation.capabilities', { suite: suite.id });
  if (!capabilities.credentials.includes(credential.credentialType)) {
    fail('validation.capabilities', { credential: credential.credentialType });
  }
  for (const { extensionType } of extensions) {
    if (!isDefaultExtension(extensionType) && !capabilities.extensions.includes(extensionType)) {
      fail('validation.capabilities', { extension: extensionType });
    }
  }
}

function validateLifetimeSpan({ source }: LeafNode, maxSeconds: number): void {
  if (source.leafNodeSource !== Source.keyPackage) return;
  const { notBefore, notAfter } = source.lifetime;
  if (notAfter < notBefore || Number(notAfter - notBefore) > maxSeconds) {
    fail('policy.lifetime', { notBefore, notAfter, maxSeconds });
  }
}
