/** PrivateMessage: encrypted content and sender data (RFC 9420 §6.3). */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { isZero } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { decodeOwned, encode } from '../codec/codec.ts';
import { type DecodeOptions, Reader } from '../codec/reader.ts';
import { Writer } from '../codec/writer.ts';
import { expandWithLabel } from '../crypto/labels.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import type { RatchetLimits } from '../schedule/ratchet.ts';
import { type RatchetKind, type SecretTree, takeReceiveKey, takeSendKey } from '../schedule/secretTree.ts';
import {
  type AuthenticatedContent,
  type FramedContentAuthData,
  readAuthData,
  readContentBody,
  writeAuthData,
  writeContentBody,
} from '../wire/content.ts';
import { type PrivateMessage, SenderData } from '../wire/message.ts';
import { ContentType, SenderType, WireFormat } from '../wire/registry.ts';

/** The message keys of one epoch. */
export interface MessageSecrets {
  readonly senderDataSecret: Uint8Array;
  readonly secretTree: SecretTree;
}

/** A ciphertext, and the secret tree after it. */
export interface Sealed {
  readonly message: PrivateMessage;
  readonly generation: number;
  readonly secretTree: SecretTree;
  readonly spent: readonly Uint8Array[];
}

/**
 * Encrypt content as its sender, who must be a member.
 * @param padding zero bytes to append
 * @throws `validation.sender`, `crypto.limit`
 */
export function sealPrivate(
  suite: SuiteCrypto,
  secrets: MessageSecrets,
  { content, auth }: AuthenticatedContent,
  use: { readonly random: (length: number) => Uint8Array; readonly pad: Pad },
): Sealed {
  const { sender, groupId, epoch, authenticatedData } = content;
  if (sender.senderType !== SenderType.member)
    return fail('validation.sender', { senderType: sender.senderType });
  const { contentType } = content.content;
  const leaf = leafIndex(sender.leafIndex);
  const taken = takeSendKey(suite, secrets.secretTree, leaf, ratchetKind(contentType));
  const reuseGuard = use.random(4);
  const plaintext = privateContent(content.content, auth, use.pad);
  const header = { groupId, epoch, contentType, authenticatedData };
  const nonce = guarded(taken.nonce, reuseGuard);
  const ciphertext = suite.seal(taken.key, nonce, contentAad(header), plaintext);
  wipe(plaintext, taken.key, taken.nonce, nonce);
  const senderData = encode(SenderData, { leafIndex: leaf, generation: taken.generation, reuseGuard });
  const keys = senderDataKeys(suite, secrets.senderDataSecret, ciphertext);
  const encryptedSenderData = suite.seal(keys.key, keys.nonce, senderDataAad(header), senderData);
  wipe(keys.key, keys.nonce);
  return {
    message: { ...header, encryptedSenderData, ciphertext },
    generation: taken.generation,
    secretTree: taken.next,
    spent: taken.spent,
  };
}

/** Who sent a private message, and with which key. @throws `crypto.aead`, `codec.*` */
export function openSenderData(
  suite: SuiteCrypto,
  senderDataSecret: Uint8Array,
  message: PrivateMessage,
): SenderData {
  const { key, nonce } = senderDataKeys(suite, senderDataSecret, message.ciphertext);
  const opened = suite.open(key, nonce, senderDataAad(message), message.encryptedSenderData);
  wipe(key, nonce);
  return decodeOwned(SenderData, opened ?? fail('crypto.aead', { field: 'encryptedSenderData' }));
}

/** Decrypted content, still to be verified, and the secret tree that follows if it is. */
export interface Opened {
  readonly content: AuthenticatedContent;
  readonly secretTree: SecretTree;
  readonly spent: readonly Uint8Array[];
}

/**
 * Decrypt the content of a private message. The secret tree in use stays as it is: the caller puts the next one in its
 * place when the signature has been verified.
 * @throws `state.generation-gap`, `state.replay`, `state.key-evicted`, `crypto.aead`, `codec.*`
 */
export function openPrivate(
  suite: SuiteCrypto,
  secretTree: SecretTree,
  received: { readonly message: PrivateMessage; readonly senderData: SenderData },
  use: { readonly limits: RatchetLimits; readonly decoding: DecodeOptions },
): Opened {
  const { message, senderData } = received;
  const leaf: LeafIndex = leafIndex(senderData.leafIndex);
  const { contentType, groupId, epoch, authenticatedData } = message;
  const from = { leaf, kind: ratchetKind(contentType), generation: senderData.generation };
  const taken = takeReceiveKey(suite, secretTree, from, use.limits);
  const nonce = guarded(taken.nonce, senderData.reuseGuard);
  const opened = suite.open(taken.key, nonce, contentAad(message), message.ciphertext);
  wipe(taken.key, taken.nonce, nonce);
  const plaintext = opened ?? fail('crypto.aead', { field: 'ciphertext' });
  const { body, auth } = parseContent(plaintext, contentType, use.decoding);
  const sender = { senderType: SenderType.member, leafIndex: senderData.leafIndex } as const;
  const content = { groupId, epoch, sender, authenticatedData, content: body };
  return {
    content: { wireFormat: WireFormat.privateMessage, content, auth },
    secretTree: taken.next,
    spent: taken.spent,
  };
}

/** Padded length of a content of a type and `length` bytes. */
type Pad = (length: number, contentType: ContentType) => number;

/** `PrivateMessageContent` with its padding. */
function privateContent(
  content: AuthenticatedContent['content']['content'],
  auth: FramedContentAuthData,
  pad: Pad,
): Uint8Array {
  const writer = new Writer(512);
  writeContentBody(writer, content);
  writeAuthData(writer, content.contentType, auth);
  const bytes = writer.finish();
  const padded = new Uint8Array(Math.max(bytes.length, pad(bytes.length, content.contentType)));
  padded.set(bytes);
  wipe(bytes);
  return padded;
}

/** @throws `codec.padding` when a padding byte is not zero */
function parseContent(plaintext: Uint8Array, contentType: ContentType, decoding: DecodeOptions) {
  const reader = new Reader(plaintext, decoding);
  const body = readContentBody(reader, contentType);
  const auth = readAuthData(reader, contentType);
  if (!isZero(reader.take(reader.remaining))) fail('codec.padding');
  return { body, auth };
}

function ratchetKind(contentType: ContentType): RatchetKind {
  return contentType === ContentType.application ? 'application' : 'handshake';
}

/** The nonce with the reuse guard mixed into its first four bytes. */
function guarded(nonce: Uint8Array, reuseGuard: Uint8Array): Uint8Array {
  const mixed = nonce.slice();
  for (let i = 0; i < reuseGuard.length; i++) mixed[i] = (mixed[i] as number) ^ (reuseGuard[i] as number);
  return mixed;
}

function senderDataKeys(
  suite: SuiteCrypto,
  senderDataSecret: Uint8Array,
  ciphertext: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const sample = ciphertext.subarray(0, suite.sizes.hash);
  return {
    key: expandWithLabel(suite, senderDataSecret, 'key', sample, suite.sizes.key),
    nonce: expandWithLabel(suite, senderDataSecret, 'nonce', sample, suite.sizes.nonce),
  };
}

type Header = Pick<PrivateMessage, 'groupId' | 'epoch' | 'contentType' | 'authenticatedData'>;

function senderDataAad({ groupId, epoch, contentType }: Header): Uint8Array {
  const writer = new Writer(groupId.length + 16);
  writer.opaque(groupId);
  writer.uint64(epoch);
  writer.uint8(contentType);
  return writer.finish();
}

function contentAad(header: Header): Uint8Array {
  const { authenticatedData } = header;
  const writer = new Writer(header.groupId.length + authenticatedData.length + 32);
  writer.raw(senderDataAad(header));
  writer.opaque(authenticatedData);
  return writer.finish();
}
