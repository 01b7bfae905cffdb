/** The moves of a group: pure functions from one state to the next (see `transition.ts`). */

import { equal } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import { secretsOf, takeReceiveKey } from '../schedule/secretTree.ts';
import type { PrivatePath } from '../tree/privatePath.ts';
import type { AuthenticatedContent } from '../wire/content.ts';
import { ContentType } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import { validateProposal } from './proposalRules.ts';
import {
  type MadeProposal,
  makeProposal,
  type NewProposal,
  type ProposalInput,
  selectProposals,
} from './proposals.ts';
import { authenticated, protect, requireActive, type SendOptions, signAsMember } from './protect.ts';
import { identifyProposal } from './receive.ts';
import { type BuiltCommit, buildCommit, type CommitOptions, isCommittable } from './sendCommit.ts';
import type {
  CachedProposal,
  GroupState,
  NextEpoch,
  PastEpoch,
  ProposalItem,
  ProposalSender,
} from './state.ts';
import type { Transition } from './transition.ts';

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

/** Send a proposal (§12.1). @throws `validation.*` */
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
  validateProposal(env, state.epoch, { proposal, sender, ref: undefined });
  const signed = signAsMember(env, state, { contentType: ContentType.proposal, proposal }, options);
  const sent = protect(env, state, signed, undefined);
  const { ref } = identifyProposal(env, state, authenticated(signed, undefined));
  const next = storeProposal(
    env,
    { ...state, secretTree: sent.secretTree },
    { proposal, sender, ref, ownKeys },
  );
  return { next, result: { message: sent.message, ref }, spent: sent.spent };
}

/** Build a commit over everything seen and `inputs` (§12.4). @throws `state.pending-commit`, `validation.*` */
export function commitMove(
  env: Environment,
  state: GroupState,
  inputs: readonly ProposalInput[],
  options: CommitOptions,
): Transition<GroupState, BuiltCommit> {
  requireActive(state);
  if (state.pending !== undefined) fail('state.pending-commit', { epoch: state.epoch.context.epoch });
  const sender: ProposalSender = { kind: 'member', leaf: state.epoch.self };
  const asked = inputs.map((input): ProposalItem => {
    if (input.kind === 'stored') return storedProposal(state, input.ref);
    return { proposal: makeProposal(env, state.epoch, input).proposal, sender, ref: undefined };
  });
  const seen = selectProposals(state.proposals, state.epoch.self).filter((item) => !asked.includes(item));
  const items = compatible(env, state, seen, asked);
  const built = buildCommit(env, state, items, options);
  const pending = { message: built.message, next: built.next };
  return { next: { ...state, secretTree: built.secretTree, pending }, result: built, spent: built.spent };
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
  seen: readonly CachedProposal[],
  asked: readonly ProposalItem[],
): readonly ProposalItem[] {
  if (seen.length === 0 || isCommittable(env, state, [...seen, ...asked])) return [...seen, ...asked];
  const kept: ProposalItem[] = [];
  for (const item of seen) if (isCommittable(env, state, [...kept, item, ...asked])) kept.push(item);
  return [...kept, ...asked];
}

/** Store a proposal that was received or sent. @throws `codec.limit` when there are too many */
export function storeProposal(env: Environment, state: GroupState, proposal: CachedProposal): GroupState {
  if (state.proposals.length >= env.policy.keptProposals)
    fail('codec.limit', { proposals: state.proposals.length });
  return { ...state, proposals: [...state.proposals, proposal] };
}

/** A message key to be consumed when a commit is decided: the one that opened it. */
export interface UsedKey {
  readonly leaf: PastEpoch['self'];
  readonly generation: number;
}

/** Enter the epoch of a commit; what belonged to the old one and is not kept is spent. */
export function enterMove(
  env: Environment,
  state: GroupState,
  next: NextEpoch,
): Transition<GroupState, void> {
  const { policy } = env;
  const { context, tree, self, secrets } = state.epoch;
  const old: PastEpoch = {
    context,
    tree,
    self,
    senderDataSecret: secrets.senderDataSecret,
    secretTree: state.secretTree,
  };
  const kept = [old, ...state.past].slice(0, policy.pastEpochs);
  const dropped = [old, ...state.past].slice(policy.pastEpochs);
  const psk = { epoch: context.epoch, secret: secrets.resumptionPsk };
  return {
    next: Object.freeze({
      status: next.reinit === undefined ? 'active' : 'closed',
      epoch: next.epoch,
      secretTree: next.secretTree,
      proposals: [],
      pending: undefined,
      past: kept,
      resumption: [psk, ...state.resumption].slice(0, policy.resumptionEpochs),
      held: state.held.filter(({ epoch }) => epoch > next.epoch.context.epoch),
      reinit: next.reinit,
    }),
    result: undefined,
    spent: [
      ...epochOnly(secrets),
      secrets.epochAuthenticator,
      ...dropped.flatMap(epochSecrets),
      ...replacedKeys(state, next),
      ...[psk, ...state.resumption].slice(policy.resumptionEpochs).map((entry) => entry.secret),
    ],
  };
}

/** We were removed: nothing can be sent any more, and only late messages can still be read. */
export function leaveMove(env: Environment, state: GroupState): Transition<GroupState, void> {
  const { secrets, privatePath } = state.epoch;
  const pending =
    state.pending === undefined
      ? []
      : [...nextSecrets(state.pending.next), ...secretKeysOf(state.pending.next.epoch.privatePath)];
  return {
    next: Object.freeze({
      ...state,
      status: 'removed',
      proposals: [],
      pending: undefined,
      held: [],
      past: state.past.slice(0, env.policy.pastEpochs),
    }),
    result: undefined,
    spent: [...epochOnly(secrets), ...secretKeysOf(privatePath), ...pending, ...updateKeys(state)],
  };
}

/** Consume the key that opened a commit, when its fate is decided (§9.2). */
export function consumeMove(
  env: Environment,
  state: GroupState,
  used: UsedKey,
): Transition<GroupState, void> {
  const from = { leaf: used.leaf, kind: 'handshake', generation: used.generation } as const;
  try {
    const taken = takeReceiveKey(env.suite, state.secretTree, from, env.policy);
    const spent = [...taken.spent, taken.key, taken.nonce];
    return { next: { ...state, secretTree: taken.next }, result: undefined, spent };
  } catch (error) {
    // The key is gone by another way (used, or evicted since), which is all that is wanted here.
    if (error instanceof MlsError) return { next: state, result: undefined };
    throw error;
  }
}

/** Drop a staged commit; what only it held is spent. */
export function discardMove(state: GroupState, next: NextEpoch | undefined): Transition<GroupState, void> {
  const isPendingOne = state.pending !== undefined && state.pending.next === next;
  const left = isPendingOne ? { ...state, pending: undefined } : state;
  if (next === undefined) return { next: left, result: undefined };
  const kept = new Set(secretKeysOf(state.epoch.privatePath));
  for (const { ownKeys } of state.proposals) if (ownKeys) kept.add(ownKeys.encryption.secretKey);
  const own = secretKeysOf(next.epoch.privatePath).filter((key) => !kept.has(key));
  return { next: left, result: undefined, spent: [...nextSecrets(next), ...own] };
}

/** Hold a message of a later epoch. @throws `state.epoch-future` when it is too far ahead or there is no room */
export function holdMove(
  env: Environment,
  state: GroupState,
  epoch: bigint,
  message: Uint8Array,
): Transition<GroupState, void> {
  if (state.held.some((entry) => equal(entry.message, message))) return { next: state, result: undefined };
  const { held } = env.policy;
  // The epoch is not authenticated: what cannot be near must not take the place of what may be.
  if (epoch - state.epoch.context.epoch > BigInt(held.epochs)) fail('state.epoch-future', { epoch });
  const bytes = state.held.reduce((sum, entry) => sum + entry.message.length, message.length);
  if (state.held.length >= held.count || bytes > held.bytes) {
    fail('state.epoch-future', { epoch, held: state.held.length });
  }
  return { next: { ...state, held: [...state.held, { epoch, message }] }, result: undefined };
}

/** Every secret of a state, for wiping it as a whole. */
export function* stateSecrets(state: GroupState): Generator<Uint8Array> {
  yield* Object.values(state.epoch.secrets);
  yield* secretsOf(state.secretTree.root);
  for (const pair of state.epoch.privatePath.values()) yield pair.secretKey;
  for (const past of state.past) yield* epochSecrets(past);
  for (const { secret } of state.resumption) yield secret;
  for (const { ownKeys } of state.proposals) if (ownKeys !== undefined) yield ownKeys.encryption.secretKey;
  if (state.pending !== undefined) yield* nextSecrets(state.pending.next);
}

/** Whether a received content is a commit with the same bytes as our pending one. */
export function isPending(state: GroupState, message: Uint8Array): boolean {
  return state.pending !== undefined && equal(state.pending.message, message);
}

/** The proposal inside a proposal message. */
export function proposalOf({ content }: AuthenticatedContent): ProposalItem['proposal'] {
  return content.content.contentType === ContentType.proposal
    ? content.content.proposal
    : fail('validation.sender');
}

/** Secrets that end with their epoch; what late messages and resumption need is not among them. */
function epochOnly(secrets: GroupState['epoch']['secrets']): Uint8Array[] {
  const { exporterSecret, externalSecret, confirmationKey, membershipKey, initSecret } = secrets;
  return [
    exporterSecret,
    externalSecret,
    confirmationKey,
    membershipKey,
    initSecret,
    secrets.epochAuthenticator,
  ];
}

function secretKeysOf(privatePath: PrivatePath): Uint8Array[] {
  return [...privatePath.values()].map((pair) => pair.secretKey);
}

function epochSecrets(past: PastEpoch): Uint8Array[] {
  return [past.senderDataSecret, ...secretsOf(past.secretTree.root)];
}

function nextSecrets({ epoch, secretTree }: NextEpoch): Uint8Array[] {
  return [...Object.values(epoch.secrets), ...secretsOf(secretTree.root)];
}

/** Private keys that the next epoch does not hold any more, and those of a pending commit or Update that lost. */
function replacedKeys(state: GroupState, next: NextEpoch): Uint8Array[] {
  const kept = new Set(secretKeysOf(next.epoch.privatePath));
  const lost =
    state.pending !== undefined && state.pending.next !== next ? nextSecrets(state.pending.next) : [];
  const lostKeys = state.pending === undefined ? [] : [...state.pending.next.epoch.privatePath.values()];
  const keys = [...state.epoch.privatePath.values(), ...lostKeys].map((pair) => pair.secretKey);
  return [...lost, ...[...keys, ...updateKeys(state)].filter((key) => !kept.has(key))];
}

/** Private keys of our own pending Updates. */
function updateKeys({ proposals }: GroupState): Uint8Array[] {
  return proposals.flatMap(({ ownKeys }) => (ownKeys === undefined ? [] : [ownKeys.encryption.secretKey]));
}
