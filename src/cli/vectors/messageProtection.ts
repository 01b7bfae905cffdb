/** Vectors of kind message-protection: public and private messages, opened and made (RFC 9420 §6.1 to §6.3). */

import { decode, encode } from '../../codec/codec.ts';
import type { Provider, SuiteCrypto } from '../../crypto/provider.ts';
import { framedContentTbs, signContent, verifyContent } from '../../framing/authentic.ts';
import { openPrivate, openSenderData, sealPrivate } from '../../framing/privateMessage.ts';
import { protectPublic, unprotectPublic } from '../../framing/publicMessage.ts';
import { createSecretTree, type SecretTree } from '../../schedule/secretTree.ts';
import { Commit } from '../../wire/commit.ts';
import type { AuthenticatedContent, Content } from '../../wire/content.ts';
import { GroupContext } from '../../wire/groupContext.ts';
import { MlsMessage } from '../../wire/message.ts';
import { Proposal } from '../../wire/proposal.ts';
import { ContentType, MLS10, SenderType, WireFormat } from '../../wire/registry.ts';
import {
  bytesOf,
  differ,
  expectBytes,
  expectHex,
  expectSame,
  hexOf,
  type Json,
  numberOf,
  signatureKeyOf,
  uint64Of,
  type Verifier,
  within,
} from './verifier.ts';

/** Given messages open to the given content; messages made here from that content open again. */
export const verifyMessageProtection: Verifier = (provider, vector) => {
  const epoch = readEpoch(provider, vector);
  for (const kind of ['proposal', 'commit', 'application'] as const) {
    if (kind !== 'application') within(`${kind}_pub`, () => verifyPublic(epoch, kind));
    within(`${kind}_priv`, () => verifyPrivate(epoch, kind));
  }
};

type Kind = 'proposal' | 'commit' | 'application';

interface TestEpoch {
  readonly provider: Provider;
  readonly suite: SuiteCrypto;
  readonly vector: Json;
  readonly context: GroupContext;
}

function readEpoch(provider: Provider, vector: Json): TestEpoch {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  const context: GroupContext = {
    version: MLS10,
    cipherSuite: suite.id,
    groupId: bytesOf(vector, 'group_id'),
    epoch: uint64Of(vector, 'epoch'),
    treeHash: bytesOf(vector, 'tree_hash'),
    confirmedTranscriptHash: bytesOf(vector, 'confirmed_transcript_hash'),
    extensions: [],
  };
  return { provider, suite, vector, context };
}

function verifyPublic(epoch: TestEpoch, kind: Kind): void {
  const given = openPublicMessage(epoch, bytesOf(epoch.vector, `${kind}_pub`));
  expectContent(epoch, kind, given);

  const made = sign(epoch, kind, WireFormat.publicMessage, given);
  const tbs = tbsOf(epoch, made);
  const publicMessage = protectPublic(epoch.suite, made, tbs, bytesOf(epoch.vector, 'membership_key'));
  const message = encode(MlsMessage, { version: MLS10, wireFormat: WireFormat.publicMessage, publicMessage });
  expectContent(
    epoch,
    kind,
    within('made anew', () => openPublicMessage(epoch, message)),
  );
}

function verifyPrivate(epoch: TestEpoch, kind: Kind): void {
  const given = openPrivateMessage(epoch, bytesOf(epoch.vector, `${kind}_priv`));
  expectContent(epoch, kind, given);

  const made = sign(epoch, kind, WireFormat.privateMessage, given);
  const random = (length: number): Uint8Array => epoch.provider.random(length);
  const secrets = {
    senderDataSecret: bytesOf(epoch.vector, 'sender_data_secret'),
    secretTree: secretTree(epoch),
  };
  // Some padding, which the receiver has to take off.
  const sealed = sealPrivate(epoch.suite, secrets, made, { random, pad: (length) => length + 7 });
  const body = { wireFormat: WireFormat.privateMessage, privateMessage: sealed.message } as const;
  const message = encode(MlsMessage, { version: MLS10, ...body });
  expectContent(
    epoch,
    kind,
    within('made anew', () => openPrivateMessage(epoch, message)),
  );
}

function openPublicMessage(epoch: TestEpoch, bytes: Uint8Array): AuthenticatedContent {
  const message = decode(MlsMessage, bytes);
  if (message.wireFormat !== WireFormat.publicMessage) return differ('not a public message');
  const { content } = message.publicMessage;
  const tbs = framedContentTbs(WireFormat.publicMessage, content, GroupContext.bytes(epoch.context));
  const key = bytesOf(epoch.vector, 'membership_key');
  return verified(epoch, unprotectPublic(epoch.suite, message.publicMessage, tbs, key));
}

function openPrivateMessage(epoch: TestEpoch, bytes: Uint8Array): AuthenticatedContent {
  const message = decode(MlsMessage, bytes);
  if (message.wireFormat !== WireFormat.privateMessage) return differ('not a private message');
  const { suite, vector } = epoch;
  const received = message.privateMessage;
  const senderData = openSenderData(suite, bytesOf(vector, 'sender_data_secret'), received);
  const use = { limits: { maxForward: 1000, keptKeys: 1000 }, decoding: {} };
  const opened = openPrivate(suite, secretTree(epoch), { message: received, senderData }, use);
  return verified(epoch, opened.content);
}

function verified(epoch: TestEpoch, message: AuthenticatedContent): AuthenticatedContent {
  const key = bytesOf(epoch.vector, 'signature_pub');
  verifyContent(epoch.suite, key, tbsOf(epoch, message), message.auth.signature);
  return message;
}

function tbsOf(epoch: TestEpoch, { wireFormat, content }: AuthenticatedContent): Uint8Array {
  return framedContentTbs(wireFormat, content, GroupContext.bytes(epoch.context));
}

/** The vectors are of a group of two, in which the second member speaks. */
function secretTree(epoch: TestEpoch): SecretTree {
  return createSecretTree(2, bytesOf(epoch.vector, 'encryption_secret'));
}

const SENDER = { senderType: SenderType.member, leafIndex: 1 } as const;

function expectContent({ context, vector }: TestEpoch, kind: Kind, { content }: AuthenticatedContent): void {
  expectBytes('group_id', content.groupId, context.groupId);
  expectSame('epoch', content.epoch, context.epoch);
  const { sender } = content;
  expectSame('sender type', sender.senderType, SENDER.senderType);
  expectSame('sender', 'leafIndex' in sender ? sender.leafIndex : undefined, SENDER.leafIndex);
  expectHex(kind, rawContent(content.content, kind), hexOf(vector, kind));
}

/** A copy is encoded, since codecs remember the encoding of the very objects that they read. */
function rawContent(content: Content, kind: Kind): Uint8Array {
  if (content.contentType === ContentType.application && kind === 'application')
    return content.applicationData;
  if (content.contentType === ContentType.proposal && kind === 'proposal') {
    return encode(Proposal, structuredClone(content.proposal));
  }
  if (content.contentType === ContentType.commit && kind === 'commit') {
    return encode(Commit, structuredClone(content.commit));
  }
  return differ(`content type ${content.contentType}`);
}

/** Sign the raw content of the case. A confirmation tag is taken over: its key is not part of the vector. */
function sign(
  epoch: TestEpoch,
  kind: Kind,
  wireFormat: 1 | 2,
  given: AuthenticatedContent,
): AuthenticatedContent {
  const { groupId, epoch: number } = epoch.context;
  const authenticatedData = given.content.authenticatedData;
  const content = {
    groupId,
    epoch: number,
    sender: SENDER,
    authenticatedData,
    content: contentOf(epoch, kind),
  };
  const tbs = framedContentTbs(wireFormat, content, GroupContext.bytes(epoch.context));
  const signature = signContent(
    epoch.suite,
    signatureKeyOf(epoch.suite, epoch.vector, 'signature_priv'),
    tbs,
  );
  return { wireFormat, content, auth: { signature, confirmationTag: given.auth.confirmationTag } };
}

function contentOf({ vector }: TestEpoch, kind: Kind): Content {
  const bytes = bytesOf(vector, kind);
  if (kind === 'proposal') return { contentType: ContentType.proposal, proposal: decode(Proposal, bytes) };
  if (kind === 'commit') return { contentType: ContentType.commit, commit: decode(Commit, bytes) };
  return { contentType: ContentType.application, applicationData: bytes };
}
