/** After another commit won: which of our own intentions still make sense (RFC 9420 §14). */

import { leafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { encode } from '../codec/codec.ts';
import { occurrences } from '../tree/keyIndex.ts';
import { leafAt } from '../tree/tree.ts';
import type { LeafNode } from '../wire/leafNode.ts';
import { isKnownProposal, type OtherProposal, Proposal } from '../wire/proposal.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';
import { ProposalType, PskType, WireFormat } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import { removedLeaf } from './proposalRules.ts';
import type { LeafChange, NewProposal } from './proposals.ts';
import { mlsMessage } from './protect.ts';
import type { GroupState } from './state.ts';
import type { CommitChanges, StagedCommit } from './views.ts';

/** Our proposals, sent or inside a commit that lost, which the winner neither did nor made pointless. */
export function worthProposing(
  env: Environment,
  before: GroupState,
  after: GroupState,
  winner: StagedCommit,
): readonly NewProposal[] {
  if (after.status !== 'active') return [];
  const { self } = before.epoch;
  const sent = before.proposals.filter(({ sender }) => sender.kind === 'member' && sender.leaf === self);
  const lost = before.pending?.commit === winner ? undefined : before.pending;
  const ours = [...sent.map(({ proposal }) => proposal), ...(lost?.proposals ?? [])];
  const inputs = ours.flatMap(
    (proposal) => stillWanted(env, { before, after, changes: winner.changes }, proposal) ?? [],
  );
  const leaf = lost && leafChange(before, lost.next.epoch.signer, leafAt(lost.next.epoch.tree, self));
  return leaf === undefined || Object.keys(leaf).length === 0
    ? inputs
    : [...inputs, { kind: 'update', leaf }];
}

/** From one epoch to the next. */
interface Step {
  readonly before: GroupState;
  readonly after: GroupState;
  readonly changes: CommitChanges;
}

/** The proposal as an input once more; `undefined` when it is done or pointless. */
function stillWanted(env: Environment, step: Step, proposal: Proposal): NewProposal | undefined {
  const { before, after, changes } = step;
  if (!isKnownProposal(proposal)) return customAgain(env, step, proposal);
  switch (proposal.proposalType) {
    case ProposalType.add: {
      const { keyPackage } = proposal;
      if (occurrences(after.epoch.tree.signatureKeys, keyPackage.leafNode.signatureKey) > 0) return undefined;
      return { kind: 'add', keyPackage: mlsMessage({ wireFormat: WireFormat.keyPackage, keyPackage }) };
    }
    case ProposalType.remove:
      return isSameMember(before, after, proposal.removed) ? removal(proposal.removed) : undefined;
    case ProposalType.update:
      return updateAgain(before, after, proposal.leafNode);
    case ProposalType.psk:
      return changes.psks.some((done) => isSamePsk(done, proposal.psk)) ? undefined : pskInput(proposal.psk);
    case ProposalType.groupContextExtensions:
      // It replaces the whole list, and so would undo what the winner has put there.
      if (changes.extensions !== undefined) return undefined;
      return { kind: 'extensions', extensions: proposal.extensions };
    case ProposalType.reinit: {
      const { groupId, cipherSuite: suite, extensions } = proposal;
      return { kind: 'reinit', successor: { groupId, suite, extensions } };
    }
    default:
      return undefined;
  }
}

/** Whoever wants to leave is still here, whatever others have said; of anything else the value is what counts. */
function customAgain(
  env: Environment,
  { before, changes }: Step,
  proposal: OtherProposal,
): NewProposal | undefined {
  if (proposal.proposalType === env.draft?.codePoints.proposals.selfRemove) return { kind: 'leave' };
  const leaves = removedLeaf(env, proposal, { kind: 'member', leaf: before.epoch.self }) !== undefined;
  const bytes = encode(Proposal, proposal);
  const isDone = !leaves && changes.custom.some((done) => equal(encode(Proposal, done.proposal), bytes));
  return isDone ? undefined : { kind: 'other', ...proposal };
}

function removal(removed: number): NewProposal {
  return { kind: 'remove', leaf: leafIndex(removed) };
}

function isSameMember(before: GroupState, after: GroupState, leaf: number): boolean {
  const old = leafAt(before.epoch.tree, leaf);
  const now = leafAt(after.epoch.tree, leaf);
  return old !== undefined && now !== undefined && equal(old.signatureKey, now.signatureKey);
}

function updateAgain(before: GroupState, after: GroupState, leafNode: LeafNode): NewProposal | undefined {
  const { self, signer } = after.epoch;
  const now = leafAt(after.epoch.tree, self);
  if (now !== undefined && equal(now.encryptionKey, leafNode.encryptionKey)) return undefined;
  const own = before.proposals.find(
    ({ proposal }) =>
      isKnownProposal(proposal) &&
      proposal.proposalType === ProposalType.update &&
      proposal.leafNode === leafNode,
  );
  return { kind: 'update', leaf: leafChange(after, own?.ownKeys?.signer ?? signer, leafNode) };
}

/** In what a new leaf of ours differs from the present one, apart from its keys. */
function leafChange(
  { epoch }: GroupState,
  signer: GroupState['epoch']['signer'],
  wanted: LeafNode | undefined,
): LeafChange {
  const current = leafAt(epoch.tree, epoch.self);
  if (current === undefined || wanted === undefined) return {};
  const { credential, extensions } = wanted;
  return {
    ...(credential !== current.credential && { credential }),
    ...(!equal(wanted.signatureKey, current.signatureKey) && { signer }),
    ...(extensions !== current.extensions && { extensions }),
  };
}

/** The nonce is fresh in every proposal, and the value is what counts. */
function isSamePsk(a: PreSharedKeyId, b: PreSharedKeyId): boolean {
  if (a.pskType === PskType.external) return b.pskType === PskType.external && equal(a.pskId, b.pskId);
  return b.pskType === PskType.resumption && a.pskEpoch === b.pskEpoch && equal(a.pskGroupId, b.pskGroupId);
}

function pskInput(psk: PreSharedKeyId): NewProposal {
  return psk.pskType === PskType.external
    ? { kind: 'external-psk', id: psk.pskId }
    : { kind: 'resumption-psk', groupId: psk.pskGroupId, epoch: psk.pskEpoch };
}
