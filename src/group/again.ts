/** After another commit won: which of our own intentions still make sense (RFC 9420 §14). */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { type Codec, encode } from '../codec/codec.ts';
import type { KeyPair } from '../crypto/provider.ts';
import { occurrences } from '../tree/keyIndex.ts';
import { leafAt, leaves, type Tree } from '../tree/tree.ts';
import { Credential } from '../wire/credential.ts';
import { extensionList } from '../wire/extension.ts';
import { LeafNode } from '../wire/leafNode.ts';
import { isKnownProposal, type OtherProposal, Proposal } from '../wire/proposal.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';
import { ProposalType, PskType, WireFormat } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import { type LeafChange, makePlainProposal, type NewProposal } from './proposals.ts';
import { mlsMessage } from './protect.ts';
import { isCommittable } from './sendCommit.ts';
import type { EpochState, GroupState, PendingCommit, ProposalItem } from './state.ts';
import type { CommitChanges, StagedCommit } from './views.ts';

/** Our proposals, sent or inside a commit that lost, which the winner neither did nor made pointless. */
export function worthProposing(
  env: Environment,
  before: GroupState,
  after: GroupState,
  winner: StagedCommit,
): readonly NewProposal[] {
  if (after.status !== 'active') return [];
  const epochs = { before: before.epoch, after: after.epoch, changes: winner.changes };
  const lost = before.pending?.commit === winner ? undefined : before.pending;
  const ours = [...sentProposals(before), ...(lost?.proposals ?? [])];
  const targets = new Set(ours.flatMap((proposal) => targetOf(epochs, proposal, ours) ?? []));
  const inputs = ours.flatMap((proposal) => stillWanted(env, epochs, proposal, targets) ?? []);
  const updates = [updateAgain(before, epochs), lost && lostLeaf(epochs, lost)];
  const all = [...[...targets].map(removal), ...inputs, ...updates.flatMap((input) => input ?? [])];
  const distinct = all.filter((input, i) => !all.slice(i + 1).some((later) => isSame(input, later)));
  return committable(env, after, distinct);
}

/** Of inputs that exclude each other in the new epoch, the first; what cannot be committed any more is left out. */
function committable(env: Environment, after: GroupState, inputs: readonly NewProposal[]): NewProposal[] {
  const { context, self } = after.epoch;
  // Whoever asks the client for this group still gets the epoch before.
  const within: Environment = {
    ...env,
    psks: (id) => (isOf(context.groupId, id) ? undefined : env.psks(id)),
  };
  // An Update says how the commit is to renew our leaf, and a leave is for others to commit.
  const items = new Map<NewProposal, ProposalItem>();
  for (const input of inputs) {
    if (input.kind === 'update') continue;
    const proposal = makePlainProposal(env, input);
    if (isLeave(env, proposal)) continue;
    items.set(input, { proposal, sender: { kind: 'member', leaf: self }, ref: undefined });
  }
  if (items.size === 0 || isCommittable(within, after, [...items.values()])) return [...inputs];
  const kept: ProposalItem[] = [];
  return inputs.filter((input) => {
    const item = items.get(input);
    if (item === undefined) return true;
    const isPossible = isCommittable(within, after, [...kept, item]);
    if (isPossible) kept.push(item);
    return isPossible;
  });
}

function isOf(groupId: Uint8Array, id: PreSharedKeyId): boolean {
  return id.pskType === PskType.resumption && equal(id.pskGroupId, groupId);
}

/** From one epoch to the next, and what the commit between them says. */
interface Epochs {
  readonly before: EpochState;
  readonly after: EpochState;
  readonly changes: CommitChanges;
}

function sentProposals({ proposals, epoch }: GroupState): readonly Proposal[] {
  const own = proposals.filter(({ sender }) => sender.kind === 'member' && sender.leaf === epoch.self);
  return own.map(({ proposal }) => proposal);
}

/** The proposal as an input once more; `undefined` when it is done or pointless. Removes and Updates are seen to apart. */
function stillWanted(
  env: Environment,
  epochs: Epochs,
  proposal: Proposal,
  targets: ReadonlySet<LeafIndex>,
): NewProposal | undefined {
  if (!isKnownProposal(proposal)) return customAgain(env, epochs, proposal);
  const { after, changes } = epochs;
  switch (proposal.proposalType) {
    case ProposalType.add: {
      const { keyPackage } = proposal;
      const seat = seatOf(after.tree, keyPackage.leafNode.signatureKey);
      // The client is in: nothing is left to do, unless its old leaf is to go.
      if (seat !== undefined && !targets.has(seat)) return undefined;
      return { kind: 'add', keyPackage: mlsMessage({ wireFormat: WireFormat.keyPackage, keyPackage }) };
    }
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
  { changes }: Epochs,
  proposal: OtherProposal,
): NewProposal | undefined {
  if (proposal.proposalType === env.draft?.codePoints.proposals.selfRemove) return { kind: 'leave' };
  const isDone =
    !isLeave(env, proposal) && changes.custom.some((done) => isEqual(Proposal, done.proposal, proposal));
  return isDone ? undefined : { kind: 'other', ...proposal };
}

/** Whether it takes its sender out, and so is for others to commit. */
function isLeave({ policy }: Environment, { proposalType }: Proposal): boolean {
  return policy.proposalTypes.get(proposalType)?.removesSender === true;
}

/** Where the member sits whom a Remove was about; `undefined` when it has left. A new key of its own does not save it. */
function targetOf(
  { before, after, changes }: Epochs,
  proposal: Proposal,
  ours: readonly Proposal[],
): LeafIndex | undefined {
  if (!isKnownProposal(proposal) || proposal.proposalType !== ProposalType.remove) return undefined;
  const leaf = leafIndex(proposal.removed);
  if (changes.removed.some((member) => member.leaf === leaf)) {
    // Whoever has replaced itself from outside, or was added anew, is still there.
    const old = leafAt(before.tree, leaf);
    const seat = old && seatOf(after.tree, old.signatureKey);
    // By an Add of our own, it is where we wanted it.
    return seat !== undefined && ours.some((add) => isAddOf(add, leafAt(after.tree, seat)))
      ? undefined
      : seat;
  }
  return leaf;
}

function isAddOf(proposal: Proposal, leafNode: LeafNode | undefined): boolean {
  if (!isKnownProposal(proposal) || proposal.proposalType !== ProposalType.add) return false;
  return leafNode !== undefined && isEqual(LeafNode, proposal.keyPackage.leafNode, leafNode);
}

function removal(leaf: LeafIndex): NewProposal {
  return { kind: 'remove', leaf };
}

/** The leaf of a client, which its signature key tells. */
function seatOf(tree: Tree, signatureKey: Uint8Array): LeafIndex | undefined {
  if (occurrences(tree.signatureKeys, signatureKey) === 0) return undefined;
  for (const [leaf, node] of leaves(tree.root)) if (equal(node.signatureKey, signatureKey)) return leaf;
  return undefined;
}

/** The latest of our Updates, which stands for all before it. */
function updateAgain({ proposals }: GroupState, epochs: Epochs): NewProposal | undefined {
  const own = proposals.findLast(({ ownKeys }) => ownKeys !== undefined);
  if (own?.ownKeys === undefined) return undefined;
  const { encryption, signer } = own.ownKeys;
  const was = leafAt(epochs.before.tree, epochs.before.self);
  const now = leafAt(epochs.after.tree, epochs.after.self);
  const key = now?.encryptionKey ?? encryption.publicKey;
  if (equal(key, encryption.publicKey)) return undefined;
  const { proposal } = own;
  const wanted = isKnownProposal(proposal) && 'leafNode' in proposal ? proposal.leafNode : undefined;
  const leaf = leafChange(epochs, wanted, signer);
  // Our leaf has fresh keys from another commit: that is all an Update without content would do.
  const isFresh = was !== undefined && !equal(key, was.encryptionKey);
  return isFresh && isNothing(leaf) ? undefined : { kind: 'update', leaf };
}

/** What the path of a commit that lost would have put into our leaf. */
function lostLeaf(epochs: Epochs, { next }: PendingCommit): NewProposal | undefined {
  const leaf = leafChange(epochs, leafAt(next.epoch.tree, epochs.before.self), next.epoch.signer);
  return isNothing(leaf) ? undefined : { kind: 'update', leaf };
}

/** What of a leaf's content, apart from its encryption key, is neither as it was nor as it has become. */
function leafChange(epochs: Epochs, wanted: LeafNode | undefined, signer: KeyPair): LeafChange {
  const was = leafAt(epochs.before.tree, epochs.before.self);
  const now = leafAt(epochs.after.tree, epochs.after.self);
  if (was === undefined || now === undefined || wanted === undefined) return {};
  const isNew = (isSameIn: (leaf: LeafNode) => boolean): boolean => !isSameIn(was) && !isSameIn(now);
  const { credential, signatureKey, extensions } = wanted;
  return {
    ...(isNew((leaf) => isEqual(Credential, leaf.credential, credential)) && { credential }),
    ...(isNew((leaf) => equal(leaf.signatureKey, signatureKey)) && { signer }),
    ...(isNew((leaf) => isEqual(Extensions, leaf.extensions, extensions)) && { extensions }),
  };
}

const Extensions = /* @__PURE__ */ extensionList(/* @__PURE__ */ new Map());

function isNothing(change: LeafChange): boolean {
  return Object.keys(change).length === 0;
}

/** After a restart equal values are no longer the same objects. */
function isEqual<T>(codec: Codec<T>, a: T, b: T): boolean {
  return a === b || equal(encode(codec, a), encode(codec, b));
}

/** One list must not ask for the same twice (§12.2): the later stands for both. */
function isSame(a: NewProposal, b: NewProposal): boolean {
  if (a.kind === 'extensions' || a.kind === 'reinit') return a.kind === b.kind;
  if (a.kind === 'add') return b.kind === 'add' && equal(a.keyPackage, b.keyPackage);
  if (a.kind === 'external-psk') return b.kind === 'external-psk' && equal(a.id, b.id);
  if (a.kind !== 'resumption-psk') return false;
  return b.kind === 'resumption-psk' && a.epoch === b.epoch && equal(a.groupId, b.groupId);
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
