/** PublicMessage and its membership tag (RFC 9420 §6.2). */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { Writer } from '../codec/writer.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { type AuthenticatedContent, writeAuthData } from '../wire/content.ts';
import type { PublicMessage } from '../wire/message.ts';
import { SenderType, WireFormat } from '../wire/registry.ts';

/** Wrap content for sending; members prove membership with a tag. @param tbs the `FramedContentTBS` */
export function protectPublic(
  suite: SuiteCrypto,
  { content, auth }: AuthenticatedContent,
  tbs: Uint8Array,
  membershipKey: Uint8Array,
): PublicMessage {
  const fromMember = content.sender.senderType === SenderType.member;
  const membershipTag = fromMember
    ? membershipTagOf(suite, { content, auth }, tbs, membershipKey)
    : undefined;
  return { content, auth, membershipTag };
}

/** Check the tag of a member's message and unwrap it. @throws `crypto.membership-tag` */
export function unprotectPublic(
  suite: SuiteCrypto,
  { content, auth, membershipTag }: PublicMessage,
  tbs: Uint8Array,
  membershipKey: Uint8Array,
): AuthenticatedContent {
  if (content.sender.senderType === SenderType.member) {
    const expected = membershipTagOf(suite, { content, auth }, tbs, membershipKey);
    if (membershipTag === undefined || !equal(membershipTag, expected)) fail('crypto.membership-tag');
  }
  return { wireFormat: WireFormat.publicMessage, content, auth };
}

/** MAC over `AuthenticatedContentTBM`: the signed bytes, the signature and the confirmation tag. */
function membershipTagOf(
  suite: SuiteCrypto,
  { content, auth }: Pick<AuthenticatedContent, 'content' | 'auth'>,
  tbs: Uint8Array,
  membershipKey: Uint8Array,
): Uint8Array {
  const writer = new Writer(tbs.length + 256);
  writer.raw(tbs);
  writeAuthData(writer, content.content.contentType, auth);
  return suite.hmac(membershipKey, writer.finish());
}
