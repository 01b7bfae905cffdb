/** Vectors of kind transcript-hashes (RFC 9420 §8.2, §6.1). */

import { decode } from '../../codec/codec.ts';
import { confirmationTag } from '../../schedule/epoch.ts';
import { confirmedTranscriptHash, interimTranscriptHash } from '../../schedule/transcript.ts';
import { AuthenticatedContent } from '../../wire/content.ts';
import { ContentType } from '../../wire/registry.ts';
import {
  bytesOf,
  differ,
  expectBytes,
  expectHex,
  expectSame,
  hexOf,
  numberOf,
  type Verifier,
} from './verifier.ts';

/** Both hashes after a commit, and the confirmation tag that it carries. */
export const verifyTranscriptHashes: Verifier = (provider, vector) => {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  const { wireFormat, content, auth } = decode(
    AuthenticatedContent,
    bytesOf(vector, 'authenticated_content'),
  );
  expectSame('content type', content.content.contentType, ContentType.commit);
  const tag = auth.confirmationTag ?? differ('confirmation_tag: none');

  const commit = { wireFormat, content, signature: auth.signature };
  const confirmed = confirmedTranscriptHash(suite, bytesOf(vector, 'interim_transcript_hash_before'), commit);
  expectHex('confirmed_transcript_hash_after', confirmed, hexOf(vector, 'confirmed_transcript_hash_after'));

  const interim = interimTranscriptHash(suite, confirmed, tag);
  expectHex('interim_transcript_hash_after', interim, hexOf(vector, 'interim_transcript_hash_after'));

  expectBytes(
    'confirmation_tag',
    tag,
    confirmationTag(suite, bytesOf(vector, 'confirmation_key'), confirmed),
  );
};
