/** The moves of a group: pure functions from one state to the next (see `transition.ts`). */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { safeExport } from '../schedule/safeExporter.ts';
import { type RatchetKind, ratchetOf, takeReceiveKey } from '../schedule/secretTree.ts';
import type { Proposal } from '../wire/proposal.ts';
import { ContentType } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import type { ProcessOptions } from './processed.ts';
import { validateProposal } from './proposalRules.ts';
import {
  type LeafChange,
  type MadeProposal,
  makeProposal,
  type NewProposal,
  type ProposalInput,
  selectProposals,
} from './proposals.ts';
import { authenticated, protect, requireActive, type SendOptions, signAsMember } from './protect.ts';
import { identifyProposal } from './receive.ts';
import { isTakenUp, requireMayPropose } from './rules.ts';
import { type BuiltCommit, buildCommit, type CommitOptions, isCommittable } from './sendCommit.ts';
import type { CachedProposal, GroupState, ProposalItem, ProposalSender } from './state.ts';
import type { Transition } from './transition.ts';
import type { OwnCommit } from './views.ts';

/** Encrypt application data (§15). @throws `state.proposals-pending`, `state.closed`, `codec.limit` */
export function encryptMove(
  env: Environment,
  state: GroupState,
  data: Uint8Array,
  options: SendOptions,
): Transition<GroupState, Uint8Array> {
  requireActive(state);
  if (data.length > env.policy.maxMessageBytes) fail('codec.limit', { length: data.length });
  // Strangers' requests wait for a decision and hold nobody up.
  const awaited = state.proposals.filter(({ sender }) => sender.kind !== 'new-member');
  if (awaited.length > 0) fail('state.proposals-pending', { proposals: awaited.length });
  const content = { contentType: ContentType.application, applicationData: data } as const;
  const signed = signAsMember(env, state, content, options);
  const sent = protect(env, state, signed, undefined);
  return { next: { ...state, secretTree: sent.secretTree }, result: sent.message, spent: sent.spent };
}

/** Send a proposal (§12.1). @throws `validation.*`, `policy.lifetime` */
export function proposeMove(
  env: Environment,
  state: GroupState,
  input: NewProposal,
  options: SendOptions,
): Transition<GroupState, { readonly message: Uint8Array; readonly ref: Uint8Array }> {
  requireActive(state);
  const made: MadeProposal = makeProposal(env, state.epoch, input);
  const { proposal, ownKeys } = made;
  const sender: ProposalSender = { kind: 'member', leaf: state.epoch.self };
  const isLeave = env.policy.proposalTypes.get(proposal.proposalType)?.removesSender === true;
  if (isLeave) requireFirstLeave(state, proposal);
  validateProposal(env, state.epoch, { proposal, sender, ref: undefined });
  requireMayPropose(env, state.epoch, { proposal, sender, ref: UNKNOWN });
  const framing: SendOptions = isLeave ? { ...options, handshake: 'public' } : options;
  const signed = signAsMember(env, state, { contentType: ContentType.proposal, proposal }, framing);
  const sent = protect(env, state, signed, undefined);
  const { ref, known } = identifyProposal(env, state, authenticated(signed, undefined));
  const after = { ...state, secretTree: sent.secretTree };
  // The same content with the same signature is the same proposal, however often it is sent.
  const next = known ? after : storeProposal(env, after, { proposal, sender, ref, ownKeys });
  return { next, result: { message: sent.message, ref: ref.slice() }, spent: sent.spent };
}

/** One leave per epoch is enough (extensions draft §6.3). @throws `validation.proposal` */
function requireFirstLeave({ proposals, epoch }: GroupState, { proposalType }: Proposal): void {
  const again = proposals.some(
    ({ proposal, sender }) =>
      proposal.proposalType === proposalType && sender.kind === 'member' && sender.leaf === epoch.self,
  );
  if (again) fail('validation.proposal', { rule: 'one leave per epoch' });
}

/** The reference follows from the signature, which is not made yet. */
const UNKNOWN = /* @__PURE__ */ new Uint8Array(0);

/** Build a commit over everything seen and `inputs` (§12.4). @throws `state.pending-commit`, `validation.*` */
export function commitMove(
  env: Environment,
  state: GroupState,
  inputs: readonly ProposalInput[],
  options: CommitOptions,
): Transition<GroupState, BuiltCommit & { readonly commit: OwnCommit }> {
  requireActive(state);
  if (state.pending !== undefined) fail('state.pending-commit', { epoch: state.epoch.context.epoch });
  const asked = inputs.filter(isNoUpdate).map((input) => askedItem(env, state, input));
  const takenUp = state.proposals.filter((item) => isTakenUp(env, state.epoch, item));
  const seen = selectProposals(env, takenUp, state.epoch.self).filter((item) => !asked.includes(item));
  const how = { ...options, ...leafOption(inputs, options) };
  const items = compatible(env, state, { seen, asked }, how);
  const built = buildCommit(env, state, items, how);
  const { message, welcome, groupInfo, changes, next } = built;
  const { self: committer } = state.epoch;
  const { epoch } = next.epoch.context;
  const commit = Object.freeze({ origin: 'own', epoch, committer, changes, message, welcome, groupInfo });
  const proposals = asked.filter(({ ref }) => ref === undefined).map(({ proposal }) => proposal);
  return {
    next: {
      ...state,
      secretTree: built.secretTree,
      pending: { commit, next, proposals, isFresh: state.isSetBack },
    },
    result: { ...built, commit },
    spent: built.spent,
  };
}

function askedItem(
  env: Environment,
  state: GroupState,
  input: Exclude<ProposalInput, { kind: 'update' }>,
): ProposalItem {
  if (input.kind === 'stored') return storedProposal(state, input.ref);
  const { proposal } = makeProposal(env, state.epoch, input);
  return { proposal, sender: { kind: 'member', leaf: state.epoch.self }, ref: undefined };
}

/** A committer renews its leaf with the path, so that an Update among the inputs says what the leaf is to become. */
function leafOption(
  inputs: readonly ProposalInput[],
  { leaf }: CommitOptions,
): { readonly path: 'always'; readonly leaf: LeafChange } | undefined {
  const changes = inputs.flatMap((input) => (input.kind === 'update' ? [input.leaf] : []));
  return changes.length === 0 ? undefined : { path: 'always', leaf: Object.assign({}, ...changes, leaf) };
}

function isNoUpdate(input: ProposalInput): input is Exclude<ProposalInput, { kind: 'update' }> {
  return input.kind !== 'update';
}

/** @throws `validation.unknown-proposal-ref` */
function storedProposal(state: GroupState, ref: Uint8Array): CachedProposal {
  const found = state.proposals.find((cached) => equal(cached.ref, ref));
  return found ?? fail('validation.unknown-proposal-ref', { known: state.proposals.length });
}

/**
 * Of the proposals seen, those that can be committed together and with what was asked for (§12.4): one that breaks the
 * list is left out, or whoever sent it could keep everybody from committing.
 */
function compatible(
  env: Environment,
  state: GroupState,
  { seen, asked }: { readonly seen: readonly CachedProposal[]; readonly asked: readonly ProposalItem[] },
  options: CommitOptions,
): readonly ProposalItem[] {
  if (seen.length === 0 || isCommittable(env, state, [...seen, ...asked], options))
    return [...seen, ...asked];
  const kept: ProposalItem[] = [];
  for (const item of seen) if (isCommittable(env, state, [...kept, item, ...asked], options)) kept.push(item);
  return [...kept, ...asked];
}

/**
 * Leave out the next generations of ours, in case a state that was lost has used them. Their keys are kept, so that such
 * use is noticed.
 */
export function skipOwnMove(
  { suite }: Environment,
  state: GroupState,
  generations: { readonly [kind in RatchetKind]: number },
): Transition<GroupState, void> {
  let { secretTree } = state;
  const { self: leaf } = state.epoch;
  const spent: Uint8Array[] = [];
  for (const kind of ['handshake', 'application'] as const) {
    const count = generations[kind];
    if (count === 0) continue;
    const generation = (ratchetOf(secretTree, leaf, kind)?.next ?? 0) + count - 1;
    const limits = { maxForward: count, keptKeys: count };
    const taken = takeReceiveKey(suite, secretTree, { leaf, kind, generation }, limits);
    secretTree = taken.next;
    spent.push(...taken.spent, taken.key, taken.nonce);
  }
  return { next: { ...state, secretTree }, result: undefined, spent };
}

/** @throws `state.exported`, `codec.input`, `state.closed`, `state.not-member` */
export function safeExportMove(
  env: Environment,
  state: GroupState,
  componentId: number,
): Transition<GroupState, Uint8Array> {
  requireActive(state);
  const { secret, next, spent } = safeExport(env.suite, state.exporterTree, componentId);
  return { next: { ...state, exporterTree: next }, result: secret, spent };
}

/**
 * Store a proposal that was received or sent. Would-be members share one allowance, since anybody can be one.
 * @throws `codec.limit` when there are too many, of this sender or in all
 */
export function storeProposal<S extends Pick<GroupState, 'proposals'>>(
  { policy }: Environment,
  state: S,
  proposal: CachedProposal,
  options: ProcessOptions = {},
): S {
  const { proposals } = state;
  if (options.wanted !== true) {
    const same = proposals.filter(({ sender }) => isSameSender(sender, proposal.sender)).length;
    if (proposals.length >= policy.keptProposals || same >= policy.keptProposalsPerSender)
      fail('codec.limit', { proposals: proposals.length, same });
  }
  return { ...state, proposals: [...proposals, proposal] };
}

function isSameSender(a: ProposalSender, b: ProposalSender): boolean {
  if (a.kind === 'member') return b.kind === 'member' && a.leaf === b.leaf;
  return a.kind === 'external' ? b.kind === 'external' && a.index === b.index : b.kind === 'new-member';
}
