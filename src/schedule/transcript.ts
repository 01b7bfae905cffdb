/** Transcript hashes (RFC 9420 §8.2). */

import { concat } from '../base/bytes.ts';
import { Writer } from '../codec/writer.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { type AuthenticatedContent, FramedContent } from '../wire/content.ts';

/** `confirmed_transcript_hash` of the epoch that a commit creates. */
export function confirmedTranscriptHash(
  suite: SuiteCrypto,
  interimHash: Uint8Array,
  commit: Pick<AuthenticatedContent, 'wireFormat' | 'content'> & { readonly signature: Uint8Array },
): Uint8Array {
  const writer = new Writer(1024);
  writer.raw(interimHash);
  writer.uint16(commit.wireFormat);
  FramedContent.write(writer, commit.content);
  writer.opaque(commit.signature);
  return suite.hash(writer.finish());
}

/** `interim_transcript_hash`; in epoch 0 the confirmed hash is empty (§11). */
export function interimTranscriptHash(
  suite: SuiteCrypto,
  confirmedHash: Uint8Array,
  confirmationTag: Uint8Array,
): Uint8Array {
  const writer = new Writer();
  writer.opaque(confirmationTag);
  return suite.hash(concat(confirmedHash, writer.finish()));
}
