/** Taking in a message (RFC 9420 §6): find out what it is, unprotect it, and prove its sender. */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import { framedContentTbs, proposalRef, verifyContent } from '../framing/authentic.ts';
import { openPrivate, openSenderData } from '../framing/privateMessage.ts';
import { unprotectPublic } from '../framing/publicMessage.ts';
import { keeps } from '../schedule/ratchet.ts';
import { ratchetOf, type SecretTree } from '../schedule/secretTree.ts';
import { leafAt } from '../tree/tree.ts';
import type { AuthenticatedContent, FramedContent } from '../wire/content.ts';
import { GroupContext } from '../wire/groupContext.ts';
import type { PrivateMessage, PublicMessage } from '../wire/message.ts';
import type { Proposal } from '../wire/proposal.ts';
import { ContentType, ProposalType, SenderType, WireFormat } from '../wire/registry.ts';
import { requireWithin } from './bounds.ts';
import type { Environment } from './environment.ts';
import { type RulesEpoch, traitsOf, validateProposal } from './proposalRules.ts';
import { requireMayPropose } from './rules.ts';
import { senderSignatureKey } from './sender.ts';
import type { CachedProposal, GroupState, PastEpoch, ProposalSender } from './state.ts';

/** A message that was unprotected and whose signature holds. */
export interface Authentic {
  readonly kind: 'authentic';
  readonly content: AuthenticatedContent;
  /** The epoch it belongs to, current or past. */
  readonly of: 'current' | PastEpoch;
  /** Generation of the key, for private messages. */
  readonly generation: number | undefined;
  /** Message keys of that epoch, once the message counts. */
  readonly secretTree: SecretTree | undefined;
  readonly spent: readonly Uint8Array[];
}

/** Why there is nothing to look at. */
export interface Unremarkable {
  readonly kind: 'own-message' | 'duplicate' | 'expired' | 'future';
  readonly contentType: ContentType;
  readonly epoch: bigint;
}

/** Sealed and signed with our keys, in a generation that we have not used. */
export interface SetBack {
  readonly kind: 'set-back';
  readonly epoch: bigint;
  readonly generation: number;
}

/**
 * Unprotect a PublicMessage of the current epoch.
 * @throws `validation.wire-format`, `crypto.membership-tag`, `validation.sender`, `crypto.signature`
 */
export function receivePublic(
  env: Environment,
  state: GroupState,
  message: PublicMessage,
): Authentic | Unremarkable {
  const { epoch } = state;
  const { membershipKey } = epoch.secrets;
  const content = verifyPublic(env, epoch, message, (tbs) =>
    unprotectPublic(env.suite, message, tbs, membershipKey),
  );
  if ('kind' in content) return content;
  return {
    kind: 'authentic',
    content,
    of: 'current',
    generation: undefined,
    secretTree: undefined,
    spent: [],
  };
}

/**
 * The steps with a PublicMessage that take no secrets, in the order of {@link receivePublic}.
 * @param unprotect checks the membership tag, as far as the caller can; it gets the `FramedContentTBS`
 * @throws `validation.wire-format`, `validation.sender`, `crypto.signature`, and what `unprotect` throws
 */
export function verifyPublic(
  env: Environment,
  epoch: RulesEpoch,
  { content }: PublicMessage,
  unprotect: (tbs: Uint8Array) => AuthenticatedContent,
): AuthenticatedContent | (Unremarkable & { readonly kind: 'expired' | 'future' }) {
  const { contentType } = content.content;
  if (contentType === ContentType.application) fail('validation.wire-format', { contentType });
  const late = compareEpoch(content.epoch, epoch.context.epoch);
  if (late !== undefined) return { kind: late, contentType, epoch: content.epoch };
  const tbs = framedContentTbs(WireFormat.publicMessage, content, GroupContext.bytes(epoch.context));
  const authentic = unprotect(tbs);
  verifyContent(env.suite, senderSignatureKey(env, epoch, content), tbs, authentic.auth.signature);
  return authentic;
}

/**
 * Open a PrivateMessage of the current epoch or, for application data, of a past one that is still kept.
 * @throws `crypto.aead`, `validation.sender`, `state.generation-gap`, `state.key-evicted`, `crypto.signature`, `codec.*`
 */
export function receivePrivate(
  env: Environment,
  state: GroupState,
  message: PrivateMessage,
): Authentic | Unremarkable | SetBack {
  const { contentType, epoch } = message;
  const current = state.epoch.context.epoch;
  const past = epoch < current ? state.past.find((entry) => entry.context.epoch === epoch) : undefined;
  const late = compareEpoch(epoch, current);
  if (late !== undefined && (past === undefined || contentType !== ContentType.application)) {
    return { kind: late, contentType, epoch };
  }
  return openWith(env, past ?? currentKeys(state), message, past ?? 'current');
}

type MessageKeys = Pick<PastEpoch, 'context' | 'tree' | 'self' | 'senderDataSecret' | 'secretTree'>;

function currentKeys({ epoch, secretTree }: GroupState): MessageKeys {
  const { context, tree, self, secrets } = epoch;
  return { context, tree, self, senderDataSecret: secrets.senderDataSecret, secretTree };
}

function openWith(
  env: Environment,
  keys: MessageKeys,
  message: PrivateMessage,
  of: Authentic['of'],
): Authentic | Unremarkable | SetBack {
  const { contentType, epoch } = message;
  const senderData = openSenderData(env.suite, keys.senderDataSecret, message);
  const sender = leafAt(keys.tree, senderData.leafIndex);
  if (sender === undefined) return fail('validation.sender', { leaf: senderData.leafIndex });
  const { generation } = senderData;
  const isOwn = senderData.leafIndex === keys.self;
  if (contentType !== ContentType.application) requireWithin(env, 'handshakeGeneration', generation);
  // Keys of our own generations are gone with sending; those that we have not used can be tried.
  if (isOwn && isSent(keys, contentType, generation)) return { kind: 'own-message', contentType, epoch };
  try {
    const use = { limits: env.policy, decoding: env.decoding };
    const opened = openPrivate(env.suite, keys.secretTree, { message, senderData }, use);
    const { content, auth } = opened.content;
    const tbs = framedContentTbs(WireFormat.privateMessage, content, GroupContext.bytes(keys.context));
    verifyContent(env.suite, sender.signatureKey, tbs, auth.signature);
    if (isOwn) return { kind: 'set-back', epoch, generation };
    const { secretTree, spent } = opened;
    return { kind: 'authentic', content: opened.content, of, generation, secretTree, spent };
  } catch (error) {
    if (error instanceof MlsError && error.code === 'state.replay')
      return { kind: 'duplicate', contentType, epoch };
    throw error;
  }
}

/** Whether we may have sent in a generation: it is behind us, and was not left out after a restart. */
function isSent({ secretTree, self }: MessageKeys, contentType: ContentType, generation: number): boolean {
  const kind = contentType === ContentType.application ? 'application' : 'handshake';
  const ratchet = ratchetOf(secretTree, self, kind);
  return ratchet !== undefined && generation < ratchet.next && !keeps(ratchet, generation);
}

function compareEpoch(received: bigint, current: bigint): 'expired' | 'future' | undefined {
  if (received === current) return undefined;
  return received < current ? 'expired' : 'future';
}

/** Reference of a proposal, and whether it is stored already. */
export function identifyProposal(
  env: Environment,
  state: Pick<GroupState, 'proposals'>,
  content: AuthenticatedContent,
): { readonly ref: Uint8Array; readonly known: boolean } {
  const ref = proposalRef(env.suite, content);
  return { ref, known: state.proposals.some((cached) => equal(cached.ref, ref)) };
}

/** The leaf of a member who sent something. */
export function senderLeaf({ sender }: FramedContent): LeafIndex | undefined {
  return sender.senderType === SenderType.member ? leafIndex(sender.leafIndex) : undefined;
}

/**
 * A received proposal on its own (§12.1), as it would be kept. An ExternalInit is only for the commit it comes with.
 * @throws `validation.*`, `crypto.*`, `policy.successor`
 */
export function checkProposal(
  env: Environment,
  epoch: RulesEpoch,
  content: AuthenticatedContent,
  ref: Uint8Array,
): CachedProposal {
  const item = { proposal: proposalOf(content), sender: proposalSender(content.content), ref };
  validateProposal(env, epoch, item);
  requireMayPropose(env, epoch, item);
  const { proposalType } = item.proposal;
  // Whoever leaves says so in public, for joiners to see (extensions draft §6.3).
  if (content.wireFormat !== WireFormat.publicMessage && traitsOf(env, proposalType).removesSender === true)
    fail('validation.wire-format', { proposal: proposalType });
  if (proposalType === ProposalType.externalInit) fail('validation.proposal', { proposal: proposalType });
  return { ...item, ownKeys: undefined };
}

function proposalSender({ sender }: FramedContent): ProposalSender {
  if (sender.senderType === SenderType.member) return { kind: 'member', leaf: leafIndex(sender.leafIndex) };
  if (sender.senderType === SenderType.external) return { kind: 'external', index: sender.senderIndex };
  return { kind: 'new-member' };
}

/** The proposal inside a proposal message. */
export function proposalOf({ content }: AuthenticatedContent): Proposal {
  return content.content.contentType === ContentType.proposal
    ? content.content.proposal
    : fail('validation.sender');
}
