/** Signing and verifying framed content (RFC 9420 §6.1). */

import { fail } from '../base/error.ts';
import { Writer } from '../codec/writer.ts';
import { refHash, signWithLabel, verifyWithLabel } from '../crypto/labels.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { AuthenticatedContent, FramedContent } from '../wire/content.ts';
import { MLS10, SenderType } from '../wire/registry.ts';

/** `FramedContentTBS`. @param groupContext encoded, of the epoch that the content names; used when the sender knows it */
export function framedContentTbs(
  wireFormat: number,
  content: FramedContent,
  groupContext: Uint8Array,
): Uint8Array {
  const writer = new Writer(1024);
  writer.uint16(MLS10);
  writer.uint16(wireFormat);
  FramedContent.write(writer, content);
  const { senderType } = content.sender;
  if (senderType === SenderType.member || senderType === SenderType.newMemberCommit) writer.raw(groupContext);
  return writer.finish();
}

/** Sign a `FramedContentTBS`. */
export function signContent(suite: SuiteCrypto, secretKey: Uint8Array, tbs: Uint8Array): Uint8Array {
  return signWithLabel(suite, secretKey, LABEL, tbs);
}

/** @throws `crypto.signature` */
export function verifyContent(
  suite: SuiteCrypto,
  signatureKey: Uint8Array,
  tbs: Uint8Array,
  signature: Uint8Array,
): void {
  if (!verifyWithLabel(suite, signatureKey, LABEL, tbs, signature)) {
    fail('crypto.signature', { structure: 'FramedContent' });
  }
}

/** `ProposalRef`: over the authenticated content, so that it depends on the wire format and the signature (§5.2). */
export function proposalRef(suite: SuiteCrypto, content: AuthenticatedContent): Uint8Array {
  return refHash(suite, 'MLS 1.0 Proposal Reference', AuthenticatedContent.bytes(content));
}

const LABEL = 'FramedContentTBS';
