/** Rules for the proposals of one commit (RFC 9420 §12.1, §12.2), one function per rule. */

import type { LeafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { encode } from '../codec/codec.ts';
import { validateLeafAlone, verifyLeafSignature } from '../tree/leafNode.ts';
import { leafAt } from '../tree/tree.ts';
import type { LeafNode } from '../wire/leafNode.ts';
import { isKnownProposal, type Proposal, type UpdateProposal } from '../wire/proposal.ts';
import { PreSharedKeyId, type ResumptionPskId } from '../wire/psk.ts';
import {
  LeafSource,
  PROPOSAL_TRAITS,
  type ProposalTraits,
  ProposalType,
  PskType,
  PskUsage,
} from '../wire/registry.ts';
import { requireWithin } from './bounds.ts';
import { type Environment, requireCredential } from './environment.ts';
import { validateKeyPackage } from './keyPackage.ts';
import type { EpochState, ProposalItem } from './state.ts';

/** Where a proposal is judged. */
export type RulesEpoch = Pick<EpochState, 'context' | 'tree'>;

/** Who commits: a member, or somebody who joins by the commit itself. */
export type Committer =
  | {
      readonly kind: 'member';
      readonly leaf: LeafIndex;
      /** The PSK that ties the first commit of a new group to another group (§11.2, §11.3). */
      readonly succession?: ResumptionPskId | undefined;
    }
  | { readonly kind: 'external' };

/** Traits of a proposal type (§17.4). @throws `validation.unsupported` for a type this client does not understand */
export function traitsOf(env: Environment, type: number): ProposalTraits {
  const traits = PROPOSAL_TRAITS.get(type) ?? env.policy.proposalTypes.get(type);
  return traits ?? fail('validation.unsupported', { proposal: type });
}

/** Whether a list forces an UpdatePath (§12.4). */
export function isPathRequired(env: Environment, items: readonly ProposalItem[]): boolean {
  return (
    items.length === 0 || items.some(({ proposal }) => traitsOf(env, proposal.proposalType).pathRequired)
  );
}

/**
 * The rules for one proposal on its own (§12.1).
 * @throws `validation.*`, `crypto.*`, `policy.successor`
 */
export function validateProposal(
  env: Environment,
  epoch: RulesEpoch,
  { proposal, sender }: ProposalItem,
  succession?: ResumptionPskId,
): void {
  const { removesSender } = traitsOf(env, proposal.proposalType);
  if (removesSender === true && sender.kind !== 'member')
    fail('validation.sender', { proposal: proposal.proposalType });
  if (!isKnownProposal(proposal)) {
    env.draft?.validateProposal(proposal);
    return;
  }
  switch (proposal.proposalType) {
    case ProposalType.add:
      requireCredential(env, validateKeyPackage(env, proposal.keyPackage).leafNode);
      return;
    case ProposalType.update:
      if (sender.kind !== 'member') fail('validation.sender', { proposal: proposal.proposalType });
      else validateUpdate(env, epoch, sender.leaf, proposal);
      return;
    case ProposalType.remove:
      if (leafAt(epoch.tree, proposal.removed) === undefined)
        fail('validation.proposal', { removed: proposal.removed });
      return;
    case ProposalType.psk:
      validatePsk(env, proposal.psk, succession);
      return;
    case ProposalType.reinit:
      // A lower version is all that is wrong with one: which suites a client has does not follow from its leaf.
      if (proposal.version < epoch.context.version) fail('validation.reinit', { version: proposal.version });
      return;
    default:
  }
}

/** A new leaf node for a member: from an Update proposal or an update path (§7.3). */
export function validateReplacementLeaf(
  env: Environment,
  epoch: RulesEpoch,
  replacement: { readonly leafNode: LeafNode; readonly leaf: LeafIndex; readonly source: LeafSource },
): void {
  const { leafNode, leaf, source } = replacement;
  validateLeafAlone(env.suite, leafNode, source, env.policy.maxLifetimeSeconds);
  verifyLeafSignature(env.suite, leafNode, { groupId: epoch.context.groupId, leaf });
}

/** @throws `validation.proposal` for an unchanged encryption key */
function validateUpdate(
  env: Environment,
  epoch: RulesEpoch,
  leaf: LeafIndex,
  { leafNode }: UpdateProposal,
): void {
  const current = leafAt(epoch.tree, leaf);
  if (current === undefined) fail('validation.sender', { leaf });
  validateReplacementLeaf(env, epoch, { leafNode, leaf, source: LeafSource.update });
  if (equal(current.encryptionKey, leafNode.encryptionKey))
    fail('validation.proposal', { leaf, key: 'unchanged' });
  requireCredential(env, leafNode, current);
}

/** @throws `validation.psk` */
function validatePsk({ suite }: Environment, psk: PreSharedKeyId, succession?: ResumptionPskId): void {
  if (psk.pskNonce.length !== suite.sizes.hash) fail('validation.psk', { nonce: psk.pskNonce.length });
  if (psk.pskType === PskType.resumption && psk.usage !== PskUsage.application && psk !== succession) {
    fail('validation.psk', { usage: psk.usage });
  }
}

/** The rules for the list as a whole (§12.2). @throws `validation.proposal-list`, `validation.*`, `codec.limit` */
export function validateProposalList(
  env: Environment,
  epoch: RulesEpoch,
  items: readonly ProposalItem[],
  committer: Committer,
): void {
  requireWithin(env, 'proposals', items.length);
  if (committer.kind === 'external') externalCommitList(env, items);
  else memberCommitList(env, items, committer.leaf);
  const succession = committer.kind === 'member' ? committer.succession : undefined;
  for (const item of items) validateProposal(env, epoch, item, succession);
  onePerLeaf(env, items);
  distinctClients(items);
  distinctPsks(items);
}

function memberCommitList(env: Environment, items: readonly ProposalItem[], committer: LeafIndex): void {
  for (const item of items) {
    const { proposal, sender } = item;
    requireSelfRemoval(env, item);
    if (removedLeaf(env, proposal, sender) === committer)
      fail('validation.proposal-list', { rule: 'removal of committer' });
    if (!isKnownProposal(proposal)) continue;
    const type = proposal.proposalType;
    if (type === ProposalType.update && sender.kind === 'member' && sender.leaf === committer) {
      fail('validation.proposal-list', { rule: 'update by committer' });
    }
    if (type === ProposalType.externalInit) fail('validation.proposal-list', { rule: 'external init' });
    if (type === ProposalType.reinit && items.length > 1)
      fail('validation.reinit', { proposals: items.length });
  }
  if (count(items, ProposalType.groupContextExtensions) > 1) {
    fail('validation.proposal-list', { rule: 'several group context extensions' });
  }
}

/**
 * Exactly one ExternalInit, at most one Remove, any PSKs, all by value; of registered types what their traits allow.
 * @throws `validation.external-commit`
 */
function externalCommitList(env: Environment, items: readonly ProposalItem[]): void {
  const allowed: readonly number[] = [ProposalType.externalInit, ProposalType.remove, ProposalType.psk];
  for (const { proposal, ref } of items) {
    const type = proposal.proposalType;
    const way = allowed.includes(type) ? 'value' : env.policy.proposalTypes.get(type)?.externalCommit;
    if (way !== (ref === undefined ? 'value' : 'reference'))
      fail('validation.external-commit', { proposal: type });
  }
  if (count(items, ProposalType.externalInit) !== 1)
    fail('validation.external-commit', { rule: 'external init' });
  if (count(items, ProposalType.remove) > 1) fail('validation.external-commit', { rule: 'several removals' });
}

/** Whoever leaves has said so in a message of its own. @throws `validation.proposal-list` */
function requireSelfRemoval(env: Environment, { proposal, ref }: ProposalItem): void {
  if (ref === undefined && traitsOf(env, proposal.proposalType).removesSender === true)
    fail('validation.proposal-list', { rule: 'self removal by value' });
}

/** @throws `validation.proposal-list` for several Updates or removals of one leaf */
function onePerLeaf(env: Environment, items: readonly ProposalItem[]): void {
  const touched = new Set<number>();
  for (const { proposal, sender } of items) {
    const leaf = touchedLeaf(env, proposal, sender);
    if (leaf === undefined) continue;
    if (touched.has(leaf)) fail('validation.proposal-list', { rule: 'leaf changed twice', leaf });
    touched.add(leaf);
  }
}

/** The leaf that a proposal replaces or removes. */
export function touchedLeaf(
  env: Environment,
  proposal: Proposal,
  sender: ProposalItem['sender'],
): number | undefined {
  const isUpdate = isKnownProposal(proposal) && proposal.proposalType === ProposalType.update;
  if (isUpdate) return sender.kind === 'member' ? sender.leaf : undefined;
  return removedLeaf(env, proposal, sender);
}

/** The leaf that a proposal removes, its sender's included. */
export function removedLeaf(
  { policy }: Environment,
  proposal: Proposal,
  sender: ProposalItem['sender'],
): number | undefined {
  if (isKnownProposal(proposal))
    return proposal.proposalType === ProposalType.remove ? proposal.removed : undefined;
  const { removesSender } = policy.proposalTypes.get(proposal.proposalType) ?? {};
  return removesSender === true && sender.kind === 'member' ? sender.leaf : undefined;
}

/** @throws `validation.duplicate-client` when one client is added twice */
function distinctClients(items: readonly ProposalItem[]): void {
  const keys = items.flatMap(({ proposal }) =>
    isKnownProposal(proposal) && proposal.proposalType === ProposalType.add
      ? [proposal.keyPackage.leafNode.signatureKey]
      : [],
  );
  refuseEqual(keys, () => fail('validation.duplicate-client'));
}

/** @throws `validation.psk` when one PreSharedKeyID appears twice */
function distinctPsks(items: readonly ProposalItem[]): void {
  const ids = items.flatMap(({ proposal }) =>
    isKnownProposal(proposal) && proposal.proposalType === ProposalType.psk
      ? [encode(PreSharedKeyId, proposal.psk)]
      : [],
  );
  refuseEqual(ids, () => fail('validation.psk', { rule: 'duplicate id' }));
}

function refuseEqual(values: readonly Uint8Array[], refuse: () => never): void {
  const seen = new Set<string>();
  for (const value of values) {
    const key = value.join();
    if (seen.has(key)) refuse();
    seen.add(key);
  }
}

function count(items: readonly ProposalItem[], type: number): number {
  return items.filter(({ proposal }) => proposal.proposalType === type).length;
}
