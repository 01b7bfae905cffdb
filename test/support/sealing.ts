/** Framing by hand: an insider who has the keys and breaks exactly one rule of RFC 9420 §6. */

import { leafIndex } from '../../src/base/brand.ts';
import { concat } from '../../src/base/bytes.ts';
import { decode, encode } from '../../src/codec/codec.ts';
import { Writer } from '../../src/codec/writer.ts';
import { expandWithLabel } from '../../src/crypto/labels.ts';
import { framedContentTbs, signContent } from '../../src/framing/authentic.ts';
import { mlsMessage } from '../../src/group/protect.ts';
import { type RatchetKind, ratchetOf, takeReceiveKey } from '../../src/schedule/secretTree.ts';
import {
  type Content,
  type FramedContent,
  type FramedContentAuthData,
  type Sender,
  writeAuthData,
  writeContentBody,
} from '../../src/wire/content.ts';
import { GroupContext } from '../../src/wire/groupContext.ts';
import { MlsMessage, type PrivateMessage, type PublicMessage, SenderData } from '../../src/wire/message.ts';
import { ContentType, SenderType, WireFormat } from '../../src/wire/registry.ts';
import type { Peer } from './peers.ts';

/** The body of a PrivateMessage. */
export function privateOf(message: Uint8Array): PrivateMessage {
  const decoded = decode(MlsMessage, message);
  if (decoded.wireFormat !== WireFormat.privateMessage) throw new Error('not a PrivateMessage');
  return decoded.privateMessage;
}
/** The body of a PublicMessage. */
export function publicOf(message: Uint8Array): PublicMessage {
  const decoded = decode(MlsMessage, message);
  if (decoded.wireFormat !== WireFormat.publicMessage) throw new Error('not a PublicMessage');
  return decoded.publicMessage;
}
/** A PrivateMessage as an MLSMessage. */
export function privateMessage(message: PrivateMessage): Uint8Array {
  return mlsMessage({ wireFormat: WireFormat.privateMessage, privateMessage: message });
}
/** A PublicMessage as an MLSMessage. */
export function publicMessage(message: PublicMessage): Uint8Array {
  return mlsMessage({ wireFormat: WireFormat.publicMessage, publicMessage: message });
}
/** Flip bits of one byte. */
export function flipped(bytes: Uint8Array, index: number, mask = 1): Uint8Array {
  const out = bytes.slice();
  out[index] = (out[index] as number) ^ mask;
  return out;
}

/** What to do otherwise than an honest sender. */
export interface Deviation {
  /** Whose ratchet, and which leaf the sender data name. Default: the forger's own. */
  readonly leaf?: number;
  /** Default: the forger's next one, or 0 in a foreign ratchet. */
  readonly generation?: number;
  /** The ratchet; by default the one of the content type. */
  readonly kind?: RatchetKind;
  /** Leaf that the sender data name, if another than the one whose ratchet is used. */
  readonly claimedLeaf?: number;
  /** Generation that the sender data name, if another. */
  readonly claimedGeneration?: number;
  readonly padding?: Uint8Array;
  /** In place of body, authentication data and padding. */
  readonly plaintext?: Uint8Array;
  /** In place of the 12 bytes. */
  readonly senderData?: Uint8Array;
  /** Sign this wire format. */
  readonly signedFormat?: number;
  /** Sign with this key. */
  readonly secretKey?: Uint8Array;
  /** Cipher with a header that differs from the one that is sent. */
  readonly authenticatedData?: Uint8Array;
  readonly confirmationTag?: Uint8Array;
  /** Bytes on the wire of the content type, if another than that of the content. */
  readonly headerType?: 1 | 2 | 3;
}

/** An application content. */
export function application(data: Uint8Array): Content {
  return { contentType: ContentType.application, applicationData: data };
}

/** Content framed and signed as a member of the current epoch. */
export function signedBy(
  peer: Peer,
  sender: Sender,
  content: Content,
  how: Deviation & { readonly wireFormat: number },
) {
  const { context, signer } = peer.state.epoch;
  const framed: FramedContent = {
    groupId: context.groupId,
    epoch: context.epoch,
    sender,
    authenticatedData: how.authenticatedData ?? new Uint8Array(0),
    content,
  };
  const tbs = framedContentTbs(how.signedFormat ?? how.wireFormat, framed, GroupContext.bytes(context));
  const signature = signContent(peer.env.suite, how.secretKey ?? signer.secretKey, tbs);
  const isCommit = content.contentType === ContentType.commit;
  const auth: FramedContentAuthData = {
    signature,
    confirmationTag: isCommit
      ? (how.confirmationTag ?? new Uint8Array(peer.env.suite.sizes.hash))
      : undefined,
  };
  return { framed, tbs, auth };
}

/** A PublicMessage with a right membership tag, whoever signed it. */
export function sealPublicBy(
  peer: Peer,
  sender: Sender,
  content: Content,
  how: Deviation = {},
): PublicMessage {
  const { framed, auth } = signedBy(peer, sender, content, { ...how, wireFormat: WireFormat.publicMessage });
  return tagged(peer, { content: framed, auth, membershipTag: undefined });
}

/** The message with the membership tag that belongs to it. */
export function tagged(peer: Peer, message: PublicMessage): PublicMessage {
  if (message.content.sender.senderType !== SenderType.member) return message;
  const { context, secrets } = peer.state.epoch;
  const tbs = framedContentTbs(WireFormat.publicMessage, message.content, GroupContext.bytes(context));
  const writer = new Writer();
  writer.raw(tbs);
  writeAuthData(writer, message.content.content.contentType, message.auth);
  return { ...message, membershipTag: peer.env.suite.hmac(secrets.membershipKey, writer.finish()) };
}

/** A PrivateMessage of a member who deviates. The forger's own state stays as it is. */
export function sealPrivateBy(peer: Peer, content: Content, how: Deviation = {}): Uint8Array {
  const { suite, random } = peer.env;
  const { context, secrets } = peer.state.epoch;
  const { contentType } = content;
  const leaf = how.leaf ?? peer.self;
  const claimed = how.claimedLeaf ?? leaf;
  const { framed, auth } = signedBy(peer, { senderType: SenderType.member, leafIndex: claimed }, content, {
    ...how,
    wireFormat: WireFormat.privateMessage,
  });
  const kind = how.kind ?? (contentType === ContentType.application ? 'application' : 'handshake');
  const used = leaf === peer.self ? ratchetOf(peer.state.secretTree, leafIndex(leaf), kind)?.next : 0;
  const generation = how.generation ?? used ?? 0;
  const from = { leaf: leafIndex(leaf), kind, generation };
  const limits = { maxForward: 1 << 20, keptKeys: 1 << 20 };
  const { key, nonce } = takeReceiveKey(suite, peer.state.secretTree, from, limits);
  const writer = new Writer();
  writeContentBody(writer, content);
  writeAuthData(writer, contentType, auth);
  const plaintext = how.plaintext ?? concat(writer.finish(), how.padding ?? new Uint8Array(0));
  const reuseGuard = random(4);
  const guarded = nonce.map((byte, i) => byte ^ (reuseGuard[i] ?? 0));
  const header = {
    groupId: context.groupId,
    epoch: context.epoch,
    contentType: how.headerType ?? contentType,
    authenticatedData: framed.authenticatedData,
  };
  const ciphertext = suite.seal(key, guarded, contentAad(header), plaintext);
  const senderData =
    how.senderData ??
    encode(SenderData, { leafIndex: claimed, generation: how.claimedGeneration ?? generation, reuseGuard });
  return privateMessage({
    ...header,
    ciphertext,
    encryptedSenderData: sealSenderData(
      peer,
      secrets.senderDataSecret,
      { ...header, ciphertext },
      senderData,
    ),
  });
}

/** Encrypt sender data for a ciphertext (§6.3.2). */
export function sealSenderData(
  { env: { suite } }: Peer,
  secret: Uint8Array,
  message: Omit<PrivateMessage, 'encryptedSenderData'>,
  senderData: Uint8Array,
): Uint8Array {
  const sample = message.ciphertext.subarray(0, suite.sizes.hash);
  const key = expandWithLabel(suite, secret, 'key', sample, suite.sizes.key);
  const nonce = expandWithLabel(suite, secret, 'nonce', sample, suite.sizes.nonce);
  return suite.seal(key, nonce, senderDataAad(message), senderData);
}

/** What a genuine message of the current epoch says inside; the peer must still have the key. */
export function openedBy(
  peer: Peer,
  message: Uint8Array,
): { readonly senderData: SenderData; readonly plaintext: Uint8Array } {
  const { suite } = peer.env;
  const sealed = privateOf(message);
  const secret = peer.state.epoch.secrets.senderDataSecret;
  const sample = sealed.ciphertext.subarray(0, suite.sizes.hash);
  const dataKey = expandWithLabel(suite, secret, 'key', sample, suite.sizes.key);
  const dataNonce = expandWithLabel(suite, secret, 'nonce', sample, suite.sizes.nonce);
  const opened = suite.open(dataKey, dataNonce, senderDataAad(sealed), sealed.encryptedSenderData);
  const senderData = decode(SenderData, opened ?? new Uint8Array(0));
  const kind = sealed.contentType === ContentType.application ? 'application' : 'handshake';
  const from = { leaf: leafIndex(senderData.leafIndex), kind, generation: senderData.generation } as const;
  const { key, nonce } = takeReceiveKey(suite, peer.state.secretTree, from, {
    maxForward: 1000,
    keptKeys: 1000,
  });
  const guarded = nonce.map((byte, i) => byte ^ (senderData.reuseGuard[i] ?? 0));
  const plaintext = suite.open(key, guarded, contentAad(sealed), sealed.ciphertext);
  if (plaintext === undefined) throw new Error('does not open');
  return { senderData, plaintext };
}

type Header = Pick<PrivateMessage, 'groupId' | 'epoch' | 'contentType' | 'authenticatedData'>;

function senderDataAad({ groupId, epoch, contentType }: Header): Uint8Array {
  const writer = new Writer();
  writer.opaque(groupId);
  writer.uint64(epoch);
  writer.uint8(contentType);
  return writer.finish();
}

function contentAad(header: Header): Uint8Array {
  const writer = new Writer();
  writer.raw(senderDataAad(header));
  writer.opaque(header.authenticatedData);
  return writer.finish();
}
