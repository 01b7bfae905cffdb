/** The moves of an observer: taking in what passes by, without any secret (RFC 9420 §6, §12.4.2). */

import type { LeafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { decodeOwned } from '../codec/codec.ts';
import { confirmedTranscriptHash, interimTranscriptHash } from '../schedule/transcript.ts';
import type { AuthenticatedContent } from '../wire/content.ts';
import { MlsMessage, type PrivateMessage, type PublicMessage } from '../wire/message.ts';
import type { ReInitProposal } from '../wire/proposal.ts';
import { ContentType, SenderType, WireFormat } from '../wire/registry.ts';
import { requireWithin } from './bounds.ts';
import { markOf } from './decide.ts';
import type { Environment } from './environment.ts';
import { storeProposal } from './moves.ts';
import type { Foreign, Observed } from './observed.ts';
import type { ProcessOptions } from './processed.ts';
import { checkPublicHalf, type PublicCheck } from './publicCommit.ts';
import { type PublicEpoch, type PublicState, requireOpen } from './publicState.ts';
import { checkProposal, identifyProposal, verifyPublic } from './receive.ts';
import type { Transition } from './transition.ts';
import { type CommitChanges, memberAt } from './views.ts';

/** Where a commit leads that was checked. */
export interface NextPublicEpoch {
  readonly epoch: PublicEpoch;
  readonly reinit: ReInitProposal | undefined;
  /** How to know the commit again. */
  readonly mark: Uint8Array;
}

/** An outcome, with a commit still in its inner form. */
export type Seen =
  | Exclude<Observed, { kind: 'commit' | 'rejected' }>
  | {
      readonly kind: 'checked-commit';
      readonly next: NextPublicEpoch;
      readonly origin: 'member' | 'new-member';
      readonly committer: LeafIndex;
      readonly changes: CommitChanges;
      readonly authenticatedData: Uint8Array;
    };

/** Take in one message. @throws `state.closed`, and whatever rule the message breaks */
export function observeMove(
  env: Environment,
  state: PublicState,
  bytes: Uint8Array,
  options: Pick<ProcessOptions, 'wanted'>,
): Transition<PublicState, Seen> {
  const message = decodeOwned(MlsMessage, bytes, env.decoding);
  const { wireFormat } = message;
  if (wireFormat !== WireFormat.publicMessage && wireFormat !== WireFormat.privateMessage)
    return { next: state, result: foreign(wireFormat, undefined) };
  const { groupId } =
    wireFormat === WireFormat.publicMessage ? message.publicMessage.content : message.privateMessage;
  const { context } = state.epoch;
  if (!equal(groupId, context.groupId)) return { next: state, result: foreign(wireFormat, groupId) };
  if (wireFormat === WireFormat.privateMessage)
    return { next: state, result: opaqueMessage(message.privateMessage) };
  requireWithin(env, 'handshakeBytes', bytes.length);
  const mark = markOf(bytes);
  if (state.ends.some((end) => equal(end, mark))) return { next: state, result: { kind: 'duplicate' } };
  const { publicMessage } = message;
  if (publicMessage.content.epoch >= context.epoch) requireOpen(state);
  const content = verifyPublic(env, state.epoch, publicMessage, () => asReceived(env, publicMessage));
  if ('kind' in content) {
    const kind = content.kind === 'future' ? 'ahead' : content.kind;
    return { next: state, result: { kind, epoch: content.epoch } };
  }
  return content.content.content.contentType === ContentType.commit
    ? { next: state, result: takeCommit(env, state, content, mark) }
    : takeProposal(env, state, content, options);
}

/** Enter the epoch of a commit. */
export function followMove(
  env: Environment,
  state: PublicState,
  { epoch, reinit, mark }: NextPublicEpoch,
): Transition<PublicState, void> {
  const next: PublicState = {
    status: reinit === undefined ? 'active' : 'closed',
    epoch,
    proposals: [],
    ends: [mark, ...state.ends].slice(0, env.policy.pastEpochs),
    offer: undefined,
    reinit,
  };
  return { next: Object.freeze(next), result: undefined };
}

/** A message that has no place in the group at hand. */
export function foreign(wireFormat: number, groupId: Uint8Array | undefined): Foreign {
  return { kind: 'foreign', wireFormat, groupId: groupId?.slice() };
}

const CONTENT_NAMES = { 1: 'application', 2: 'proposal', 3: 'commit' } as const;

function opaqueMessage({ groupId, epoch, contentType }: PrivateMessage): Seen {
  return { kind: 'opaque', groupId: groupId.slice(), epoch, content: CONTENT_NAMES[contentType] };
}

/** All that can be said of a membership tag without its key is how long it is. @throws `crypto.membership-tag` */
function asReceived(
  { suite }: Environment,
  { content, auth, membershipTag }: PublicMessage,
): AuthenticatedContent {
  if (membershipTag !== undefined && membershipTag.length !== suite.sizes.hash)
    fail('crypto.membership-tag', { length: membershipTag.length });
  return { wireFormat: WireFormat.publicMessage, content, auth };
}

function takeProposal(
  env: Environment,
  state: PublicState,
  content: AuthenticatedContent,
  options: Pick<ProcessOptions, 'wanted'>,
): Transition<PublicState, Seen> {
  const { ref, known } = identifyProposal(env, state, content);
  if (known) return { next: state, result: { kind: 'duplicate' } };
  const item = checkProposal(env, state.epoch, content, ref);
  const { proposal, sender } = item;
  const member = sender.kind === 'member' ? memberAt(state.epoch.tree, sender.leaf) : undefined;
  return {
    next: Object.freeze(storeProposal(env, state, item, options)),
    result: {
      kind: 'proposal',
      proposal: { ref: ref.slice(), type: proposal.proposalType, sender: member },
      authenticatedData: content.content.authenticatedData.slice(),
    },
  };
}

function takeCommit(
  env: Environment,
  state: PublicState,
  content: AuthenticatedContent,
  mark: Uint8Array,
): Seen {
  const check = checkPublicHalf(env, state, content, () => undefined);
  const epoch = nextPublicEpoch(env, state.epoch, content, check);
  const { committer, changes, applied } = check;
  const { sender, authenticatedData } = content.content;
  return {
    kind: 'checked-commit',
    next: { epoch, reinit: applied.reinit, mark },
    origin: sender.senderType === SenderType.member ? 'member' : 'new-member',
    committer,
    changes,
    authenticatedData: authenticatedData.slice(),
  };
}

/**
 * The epoch that a commit creates, with the confirmation tag as it came. What no member could open or match, whatever
 * its keys, is refused by its length. @throws `crypto.kem`, `crypto.confirmation-tag`
 */
function nextPublicEpoch(
  { suite }: Environment,
  { interimHash }: PublicEpoch,
  { wireFormat, content, auth }: AuthenticatedContent,
  { applied, provisional, tree }: PublicCheck<unknown>,
): PublicEpoch {
  const { sizes } = suite;
  const { externalInit } = applied;
  if (externalInit !== undefined && externalInit.length !== sizes.enc)
    fail('crypto.kem', { length: externalInit.length });
  const { signature, confirmationTag } = auth;
  if (confirmationTag?.length !== sizes.hash)
    return fail('crypto.confirmation-tag', { length: confirmationTag?.length });
  const confirmedHash = confirmedTranscriptHash(suite, interimHash, { wireFormat, content, signature });
  const context = { ...provisional, confirmedTranscriptHash: confirmedHash };
  const interim = interimTranscriptHash(suite, confirmedHash, confirmationTag);
  return Object.freeze({ context, tree, confirmationTag, interimHash: interim });
}
