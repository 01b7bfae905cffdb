/** `Group.process`: from bytes to what became of them, and the state that follows. */

import { leafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { decodeOwned } from '../codec/codec.ts';
import type { Content, FramedContent } from '../wire/content.ts';
import { MlsMessage } from '../wire/message.ts';
import { ContentType, ProposalType, WireFormat } from '../wire/registry.ts';
import { requireWithin } from './bounds.ts';
import { markOf, type UsedKey } from './decide.ts';
import type { Environment } from './environment.ts';
import { holdMove } from './held.ts';
import { storeProposal } from './moves.ts';
import type { Processed, ProcessOptions } from './processed.ts';
import {
  type Authentic,
  checkProposal,
  identifyProposal,
  receivePrivate,
  receivePublic,
  type SetBack,
  senderLeaf,
  type Unremarkable,
} from './receive.ts';
import { type CheckedCommit, checkCommit } from './receiveCommit.ts';
import type { GroupState, PastEpoch } from './state.ts';
import type { Transition } from './transition.ts';
import { memberAt } from './views.ts';

/** An outcome, with a commit still in its inner form. */
export type Taken =
  | Exclude<Processed, { kind: 'commit' | 'rejected' }>
  | {
      readonly kind: 'checked-commit';
      readonly checked: CheckedCommit;
      readonly origin: 'member' | 'new-member';
      readonly used: UsedKey | undefined;
      readonly authenticatedData: Uint8Array;
    };

/** Take in one message. @throws `state.not-member`, `state.closed`, and whatever rule the message breaks */
export function processMove(
  env: Environment,
  state: GroupState,
  bytes: Uint8Array,
  options: ProcessOptions = {},
): Transition<GroupState, Taken> {
  const message = decodeOwned(MlsMessage, bytes, env.decoding);
  const { wireFormat } = message;
  if (wireFormat !== WireFormat.publicMessage && wireFormat !== WireFormat.privateMessage)
    return foreign(state, wireFormat, undefined);
  const { groupId } =
    wireFormat === WireFormat.publicMessage ? message.publicMessage.content : message.privateMessage;
  if (!isApplication(message)) requireWithin(env, 'handshakeBytes', bytes.length);
  if (!equal(groupId, state.epoch.context.groupId)) return foreign(state, wireFormat, groupId);
  const known = knownCommit(state, bytes);
  if (known !== undefined) return { next: state, result: known };
  const input = { bytes, options };
  if (wireFormat === WireFormat.privateMessage)
    return settle(env, state, receivePrivate(env, state, message.privateMessage), input);
  if (message.publicMessage.content.epoch >= state.epoch.context.epoch) requireCurrent(state);
  return settle(env, state, receivePublic(env, state, message.publicMessage), input);
}

function isApplication(message: MlsMessage): boolean {
  return 'privateMessage' in message && message.privateMessage.contentType === ContentType.application;
}

/** A message as it came. */
interface Input {
  readonly bytes: Uint8Array;
  readonly options: ProcessOptions;
}

/** A commit that we hold, have dropped, or have taken. */
function knownCommit(state: GroupState, bytes: Uint8Array): Taken | undefined {
  const { pending } = state;
  if (pending !== undefined && equal(pending.commit.message, bytes))
    return { kind: 'own-commit', commit: pending.commit };
  const mark = markOf(bytes);
  if (state.dropped.some((dropped) => equal(dropped, mark))) return ownCommitLost(state.epoch.context.epoch);
  const ended = state.past.find(({ end }) => equal(end.mark, mark));
  if (ended === undefined) return undefined;
  return ended.end.isOwn ? { kind: 'own-message', content: 'commit' } : { kind: 'duplicate' };
}

function ownCommitLost(epoch: bigint): Taken {
  return { kind: 'desynchronised', evidence: { kind: 'own-commit', epoch } };
}

function foreign(
  state: GroupState,
  wireFormat: number,
  groupId: Uint8Array | undefined,
): Transition<GroupState, Taken> {
  return { next: state, result: { kind: 'foreign', wireFormat, groupId: groupId?.slice() } };
}

function settle(
  env: Environment,
  state: GroupState,
  received: Authentic | Unremarkable | SetBack,
  input: Input,
): Transition<GroupState, Taken> {
  if (received.kind === 'set-back') return { next: setBack(state), result: ownGeneration(received) };
  if (received.kind !== 'authentic') return settleUnremarkable(env, state, received, input);
  const { content } = received.content;
  const { context } = received.of === 'current' ? state.epoch : received.of;
  env.draft?.validateAad(context.extensions, content.authenticatedData);
  switch (content.content.contentType) {
    case ContentType.application:
      return takeApplication(state, received, content, content.content);
    case ContentType.proposal:
      requireCurrent(state);
      return takeProposal(env, state, received, input.options);
    case ContentType.commit:
      requireCurrent(state);
      return takeCommit(env, state, received);
  }
}

function settleUnremarkable(
  env: Environment,
  state: GroupState,
  { kind, contentType, epoch }: Unremarkable,
  { bytes, options }: Input,
): Transition<GroupState, Taken> {
  if (kind === 'future') {
    requireCurrent(state);
    return holdMove(env, state, { epoch, message: bytes, source: options.source ?? '' });
  }
  if (kind === 'own-message') return { next: state, result: { kind, content: CONTENT_NAMES[contentType] } };
  return { next: state, result: kind === 'expired' ? { kind, epoch } : { kind } };
}

/** Signed with our key, and unknown: whoever has more of our history than we do. */
function setBack(state: GroupState): GroupState {
  return state.isSetBack ? state : { ...state, isSetBack: true };
}

function ownGeneration({ epoch, generation }: SetBack): Taken {
  return { kind: 'desynchronised', evidence: { kind: 'own-generation', epoch, generation } };
}

const CONTENT_NAMES = { 1: 'application', 2: 'proposal', 3: 'commit' } as const;

/** A member that left, or whose group is closed, follows no more handshakes. @throws `state.not-member`, `state.closed` */
function requireCurrent({ status }: GroupState): void {
  if (status !== 'active') fail(status === 'removed' ? 'state.not-member' : 'state.closed');
}

function takeApplication(
  state: GroupState,
  received: Authentic,
  content: FramedContent,
  body: Extract<Content, { contentType: 1 }>,
): Transition<GroupState, Taken> {
  const { of, secretTree, spent, generation } = received;
  const tree = of === 'current' ? state.epoch.tree : of.tree;
  const sender = memberAt(tree, senderLeaf(content) ?? leafIndex(0)) ?? fail('validation.sender');
  if (secretTree === undefined || generation === undefined) return fail('validation.wire-format');
  return {
    next: withSecretTree(state, of, secretTree),
    result: {
      kind: 'application',
      data: body.applicationData.slice(),
      authenticatedData: content.authenticatedData.slice(),
      sender,
      epoch: content.epoch,
      generation,
    },
    spent,
  };
}

function withSecretTree(
  state: GroupState,
  of: 'current' | PastEpoch,
  secretTree: GroupState['secretTree'],
): GroupState {
  if (of === 'current') return { ...state, secretTree };
  return { ...state, past: state.past.map((past) => (past === of ? { ...past, secretTree } : past)) };
}

function takeProposal(
  env: Environment,
  state: GroupState,
  received: Authentic,
  options: ProcessOptions,
): Transition<GroupState, Taken> {
  const { content } = received.content;
  const { ref, known } = identifyProposal(env, state, received.content);
  const isOwn = senderLeaf(content) === state.epoch.self;
  const { secretTree, spent } = received;
  // The same content may come under a key that is not used yet: that key has done its work as well.
  if (known)
    return {
      next: secretTree === undefined ? state : { ...state, secretTree },
      result: isOwn ? { kind: 'own-message', content: 'proposal' } : { kind: 'duplicate' },
      spent,
    };
  const item = checkProposal(env, state.epoch, received.content, ref);
  const { proposal, sender } = item;
  if (isOwn && proposal.proposalType === ProposalType.update) {
    const evidence = { kind: 'own-update', epoch: content.epoch } as const;
    return { next: setBack(state), result: { kind: 'desynchronised', evidence } };
  }
  const stored = storeProposal(env, state, item, options);
  const member = sender.kind === 'member' ? memberAt(state.epoch.tree, sender.leaf) : undefined;
  return {
    next: secretTree === undefined ? stored : { ...stored, secretTree },
    result: {
      kind: 'proposal',
      proposal: { ref: ref.slice(), type: proposal.proposalType, sender: member },
      authenticatedData: content.authenticatedData.slice(),
    },
    spent,
  };
}

/** The key that opened a commit is consumed when its fate is decided (ADR 4), so the state stays as it is. */
function takeCommit(env: Environment, state: GroupState, received: Authentic): Transition<GroupState, Taken> {
  const { content } = received.content;
  const leaf = senderLeaf(content);
  // Signed with our key, and not the commit we hold: it is one that we have forgotten.
  if (leaf === state.epoch.self) return { next: setBack(state), result: ownCommitLost(content.epoch) };
  const checked = checkCommit(env, state, received.content);
  if ('unusable' in checked) {
    const { unusable: error, committer } = checked;
    const evidence = { kind: 'unusable-commit', epoch: content.epoch, committer, error } as const;
    return { next: state, result: { kind: 'desynchronised', evidence } };
  }
  const used =
    received.generation === undefined || leaf === undefined
      ? undefined
      : { leaf, generation: received.generation };
  return {
    next: state,
    result: {
      kind: 'checked-commit',
      checked,
      origin: leaf === undefined ? 'new-member' : 'member',
      used,
      authenticatedData: content.authenticatedData.slice(),
    },
    spent: checked.spent,
  };
}
