/** Sending: sign content, frame it as the policy says, and wrap it as an MLSMessage (RFC 9420 §6). */

import { EMPTY } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { encode } from '../codec/codec.ts';
import { framedContentTbs, signContent } from '../framing/authentic.ts';
import { sealPrivate } from '../framing/privateMessage.ts';
import { protectPublic } from '../framing/publicMessage.ts';
import { ratchetOf, type SecretTree } from '../schedule/secretTree.ts';
import type { AuthenticatedContent, Content, FramedContent, Sender } from '../wire/content.ts';
import { GroupContext } from '../wire/groupContext.ts';
import { type MessageBody, MlsMessage } from '../wire/message.ts';
import { ContentType, MLS10, SenderType, WireFormat } from '../wire/registry.ts';
import { requireWithin } from './bounds.ts';
import type { Environment } from './environment.ts';
import type { GroupState } from './state.ts';

/** How to send one message. */
export interface SendOptions {
  /** Authenticated, not encrypted. @defaultValue empty */
  readonly authenticatedData?: Uint8Array;
  /** @defaultValue what the policy says */
  readonly handshake?: 'private' | 'public';
}

/** A signed content, still to be framed. */
export interface SignedContent {
  readonly wireFormat: 1 | 2;
  readonly content: FramedContent;
  readonly tbs: Uint8Array;
  readonly signature: Uint8Array;
}

/** A message as it travels, and the secret tree after it. */
export interface Protected {
  readonly message: Uint8Array;
  readonly secretTree: SecretTree;
  readonly spent: readonly Uint8Array[];
}

/** Sign content as a member of the current epoch. */
export function signAsMember(
  env: Environment,
  { epoch }: GroupState,
  content: Content,
  options: SendOptions,
): SignedContent {
  const sender: Sender = { senderType: SenderType.member, leafIndex: epoch.self };
  const framed = frame(env, epoch.context, sender, { ...options, content });
  const isPublic = (options.handshake ?? env.policy.handshake) === 'public';
  const wireFormat =
    content.contentType !== ContentType.application && isPublic
      ? WireFormat.publicMessage
      : WireFormat.privateMessage;
  return sign(env, framed, wireFormat, { context: epoch.context, secretKey: epoch.signer.secretKey });
}

/** Sign content for a PublicMessage from outside the group, with a key of its own. */
export function signAsOutsider(
  env: Environment,
  context: GroupContext,
  from: { readonly sender: Sender; readonly secretKey: Uint8Array; readonly authenticatedData?: Uint8Array },
  content: Content,
): SignedContent {
  const framed = frame(env, context, from.sender, { ...from, content });
  return sign(env, framed, WireFormat.publicMessage, { context, secretKey: from.secretKey });
}

/**
 * Frame signed content for sending by a member.
 * @throws `codec.limit` for an over-long message, `crypto.limit` when our handshakes of this epoch are used up,
 *   `state.rollback` in private, when keys may be used up
 */
export function protect(
  env: Environment,
  state: GroupState,
  signed: SignedContent,
  confirmationTag: Uint8Array | undefined,
): Protected {
  const { suite, policy, random } = env;
  const { epoch, secretTree } = state;
  const content = authenticated(signed, confirmationTag);
  if (signed.wireFormat === WireFormat.publicMessage) {
    const publicMessage = protectPublic(suite, content, signed.tbs, epoch.secrets.membershipKey);
    const message = mlsMessage({ wireFormat: WireFormat.publicMessage, publicMessage });
    requireWithin(env, 'handshakeBytes', message.length);
    return { message, secretTree, spent: [] };
  }
  const isHandshake = content.content.content.contentType !== ContentType.application;
  if (isHandshake) requireGeneration(env, ratchetOf(secretTree, epoch.self, 'handshake')?.next ?? 0);
  if (state.isSetBack) fail('state.rollback', { epoch: epoch.context.epoch });
  const secrets = { senderDataSecret: epoch.secrets.senderDataSecret, secretTree };
  const sealed = sealPrivate(suite, secrets, content, { random, pad: policy.pad });
  const message = mlsMessage({ wireFormat: WireFormat.privateMessage, privateMessage: sealed.message });
  if (isHandshake) requireWithin(env, 'handshakeBytes', message.length);
  return { message, secretTree: sealed.secretTree, spent: sealed.spent };
}

/** Others would refuse it. @throws `crypto.limit` */
function requireGeneration({ policy }: Environment, generation: number): void {
  if (generation > policy.bounds.handshakeGeneration) fail('crypto.limit', { generation });
}

/** Frame signed content from outside the group. @throws `codec.limit` */
export function protectFromOutside(
  env: Environment,
  signed: SignedContent,
  confirmationTag: Uint8Array | undefined,
): Uint8Array {
  const content = authenticated(signed, confirmationTag);
  const publicMessage = protectPublic(env.suite, content, signed.tbs, NO_KEY);
  const message = mlsMessage({ wireFormat: WireFormat.publicMessage, publicMessage });
  requireWithin(env, 'handshakeBytes', message.length);
  return message;
}

/** The `authenticated_data` of a message that is to carry this. */
export function framedAad(
  env: Environment,
  { extensions }: GroupContext,
  data: Uint8Array = EMPTY,
): Uint8Array {
  const own = data.slice();
  return env.draft?.frameAad(extensions, own) ?? own;
}

/** Content with its authentication data. */
export function authenticated(
  signed: SignedContent,
  confirmationTag: Uint8Array | undefined,
): AuthenticatedContent {
  const { wireFormat, content, signature } = signed;
  return { wireFormat, content, auth: { signature, confirmationTag } };
}

/** Encode an MLSMessage. */
export function mlsMessage(body: MessageBody): Uint8Array {
  return encode(MlsMessage, { version: MLS10, ...body });
}

/** @throws `state.not-member`, `state.closed` unless the group is active */
export function requireActive({ status }: GroupState): void {
  if (status === 'removed') fail('state.not-member');
  if (status === 'closed') fail('state.closed');
}

const NO_KEY = /* @__PURE__ */ new Uint8Array(0);

function frame(
  env: Environment,
  context: GroupContext,
  sender: Sender,
  { content, authenticatedData }: SendOptions & { readonly content: Content },
): FramedContent {
  const { groupId, epoch } = context;
  const aad = framedAad(env, context, authenticatedData);
  return { groupId, epoch, sender, authenticatedData: aad, content };
}

function sign(
  env: Environment,
  content: FramedContent,
  wireFormat: 1 | 2,
  by: { readonly context: GroupContext; readonly secretKey: Uint8Array },
): SignedContent {
  const tbs = framedContentTbs(wireFormat, content, GroupContext.bytes(by.context));
  return { wireFormat, content, tbs, signature: signContent(env.suite, by.secretKey, tbs) };
}
