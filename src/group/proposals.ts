/** Proposals as values, and choosing among those that were seen (RFC 9420 §12.1, §12.2). */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import { decode } from '../codec/codec.ts';
import type { KeyPair } from '../crypto/provider.ts';
import { signLeaf, validateLifetimeNow } from '../tree/leafNode.ts';
import { leafAt } from '../tree/tree.ts';
import type { Credential } from '../wire/credential.ts';
import type { Extension } from '../wire/extension.ts';
import type { LeafNode } from '../wire/leafNode.ts';
import { MlsMessage } from '../wire/message.ts';
import { isKnownProposal, type Proposal } from '../wire/proposal.ts';
import { LeafSource, MLS10, ProposalType, PskType, PskUsage, WireFormat } from '../wire/registry.ts';
import { requireDraft } from './draft.ts';
import type { Environment } from './environment.ts';
import { removedLeaf, touchedLeaf } from './proposalRules.ts';
import type { CachedProposal, EpochState } from './state.ts';

/** What an application proposes; it becomes a {@link Proposal} where suite and group are known. */
export type ProposalInput =
  | { readonly kind: 'add'; readonly keyPackage: Uint8Array }
  | { readonly kind: 'remove'; readonly leaf: LeafIndex }
  | { readonly kind: 'update'; readonly leaf: LeafChange }
  | { readonly kind: 'external-psk'; readonly id: Uint8Array }
  | { readonly kind: 'resumption-psk'; readonly groupId: Uint8Array; readonly epoch: bigint }
  | { readonly kind: 'extensions'; readonly extensions: readonly Extension[] }
  | { readonly kind: 'reinit'; readonly successor: Successor }
  | { readonly kind: 'leave' }
  | { readonly kind: 'app-data'; readonly componentId: number; readonly update: Uint8Array | undefined }
  | { readonly kind: 'app-ephemeral'; readonly componentId: number; readonly data: Uint8Array }
  | { readonly kind: 'stored'; readonly ref: Uint8Array }
  | { readonly kind: 'other'; readonly proposalType: number; readonly body: Uint8Array };

/** What becomes a proposal of our own. */
export type NewProposal = Exclude<ProposalInput, { kind: 'stored' }>;

/** What becomes a proposal of the extensions draft. */
export type DraftInput = Extract<NewProposal, { kind: 'leave' | 'app-data' | 'app-ephemeral' }>;

type OtherInput = Extract<NewProposal, { kind: 'other' }>;

/** New content for our own leaf; what is left out stays. */
export interface LeafChange {
  readonly credential?: Credential;
  readonly signer?: KeyPair;
  readonly extensions?: readonly Extension[];
}

/** The group that is to follow (§11.2). */
export interface Successor {
  readonly groupId: Uint8Array;
  readonly suite: number;
  readonly extensions?: readonly Extension[];
}

/** Add a client. @param keyPackage its KeyPackage as an MLSMessage */
export function add(keyPackage: Uint8Array): NewProposal {
  return { kind: 'add', keyPackage };
}
/** Remove the member at a leaf. */
export function remove(leaf: LeafIndex | number): NewProposal {
  return { kind: 'remove', leaf: leafIndex(leaf) };
}
/** Renew our own leaf, with fresh keys; in a commit, whose path renews it anyway, it says what the leaf is to hold. */
export function update(change: LeafChange = {}): NewProposal {
  return { kind: 'update', leaf: change };
}
/** Mix in a PSK that the application distributed (§8.4). */
export function externalPsk(id: Uint8Array): NewProposal {
  return { kind: 'external-psk', id };
}
/** Prove knowledge of an earlier epoch of this or another group (§8.6). */
export function resumptionPsk(groupId: Uint8Array, epoch: bigint): NewProposal {
  return { kind: 'resumption-psk', groupId, epoch };
}
/** Replace all extensions of the group (§12.1.7). */
export function setExtensions(extensions: readonly Extension[]): NewProposal {
  return { kind: 'extensions', extensions };
}
/** Close the group in favour of a successor (§11.2). */
export function reinit(successor: Successor): NewProposal {
  return { kind: 'reinit', successor };
}
/** Leave: another member, or a client that joins, commits it (extensions draft §6.3). Only for `propose`. */
export function leave(): NewProposal {
  return { kind: 'leave' };
}
/** Change the data of a component in the group (extensions draft §4.7). @param update what its `update` takes; `undefined` removes it */
export function appData(componentId: number, update: Uint8Array | undefined): NewProposal {
  return { kind: 'app-data', componentId, update };
}
/** Data for a component that comes with a commit and is not kept (extensions draft §4.8). */
export function appEphemeral(componentId: number, data: Uint8Array): NewProposal {
  return { kind: 'app-ephemeral', componentId, data };
}
/** Commit a stored proposal that is not taken by itself: a would-be member's request to be added (§12.1.8). */
export function stored(ref: Uint8Array): ProposalInput {
  return { kind: 'stored', ref };
}
/** A proposal of a type registered in the policy. */
export function customProposal(proposalType: number, body: Uint8Array): NewProposal {
  return { kind: 'other', proposalType, body };
}

/** A proposal, with the private halves if it renews our leaf. */
export interface MadeProposal {
  readonly proposal: Proposal;
  readonly ownKeys: CachedProposal['ownKeys'];
}

/** Make the proposal. @throws `validation.key-package`, `policy.lifetime`, `codec.*` */
export function makeProposal(env: Environment, epoch: EpochState, input: NewProposal): MadeProposal {
  if (input.kind === 'update') return makeUpdate(env, epoch, input.leaf);
  return { proposal: makePlainProposal(env, input), ownKeys: undefined };
}

/** The KeyPackage in an MLSMessage. @throws `validation.key-package` for another kind of message, `codec.*` */
export function readKeyPackage(
  env: Environment,
  message: Uint8Array,
): Extract<MlsMessage, { wireFormat: 5 }>['keyPackage'] {
  const decoded = decode(MlsMessage, message, env.decoding);
  if (decoded.wireFormat === WireFormat.keyPackage) return decoded.keyPackage;
  return fail('validation.key-package', { wireFormat: decoded.wireFormat });
}

/** A new leaf node for ourselves with the given source; unchanged where `change` is silent. */
export function renewLeaf(
  env: Environment,
  epoch: EpochState,
  change: LeafChange,
  made: {
    readonly encryption: KeyPair;
    readonly source: Extract<LeafNode['source'], { leafNodeSource: 2 | 3 }>;
  },
): LeafNode {
  const current = leafAt(epoch.tree, epoch.self) ?? fail('state.not-member');
  const signer = change.signer ?? epoch.signer;
  const content = {
    encryptionKey: made.encryption.publicKey,
    signatureKey: signer.publicKey,
    credential: change.credential ?? current.credential,
    capabilities: current.capabilities,
    source: made.source,
    extensions: change.extensions ?? current.extensions,
  };
  return signLeaf(env.suite, content, signer.secretKey, { groupId: epoch.context.groupId, leaf: epoch.self });
}

/**
 * What a commit of ours covers of the proposals seen (§12.2, §12.4): all but our own Updates and what removes us; of
 * several for one leaf a leave before a Remove before an Update, and the latest of a kind; a ReInit only when there is
 * nothing else; requests of would-be members only when they are asked for.
 */
export function selectProposals(
  env: Environment,
  cached: readonly CachedProposal[],
  self: LeafIndex,
): readonly CachedProposal[] {
  const foreign = cached.filter(({ proposal, sender }) => {
    const isUpdate = proposal.proposalType === ProposalType.update;
    const own = sender.kind === 'member' && sender.leaf === self;
    return sender.kind !== 'new-member' && !(own && isUpdate) && removedLeaf(env, proposal, sender) !== self;
  });
  const perLeaf = foreign.filter(
    (item, i) => !foreign.some((other, j) => supersedes(env, other, item, j > i)),
  );
  const reinits = perLeaf.filter(({ proposal }) => proposal.proposalType === ProposalType.reinit);
  if (reinits.length === perLeaf.length) return reinits.slice(-1);
  return perLeaf.filter(({ proposal }) => proposal.proposalType !== ProposalType.reinit);
}

function supersedes(
  env: Environment,
  other: CachedProposal,
  item: CachedProposal,
  isLater: boolean,
): boolean {
  const leaf = touchedLeaf(env, item.proposal, item.sender);
  if (leaf === undefined || other === item) return false;
  if (touchedLeaf(env, other.proposal, other.sender) !== leaf) return false;
  const difference = rankOf(other) - rankOf(item);
  return difference === 0 ? isLater : difference > 0;
}

/** Of proposals that touch one leaf: a leave, a Remove, an Update. */
function rankOf({ proposal }: CachedProposal): number {
  if (!isKnownProposal(proposal)) return 2;
  return proposal.proposalType === ProposalType.remove ? 1 : 0;
}

function makeUpdate(env: Environment, epoch: EpochState, change: LeafChange): MadeProposal {
  const encryption = env.suite.deriveKeyPair(env.random(env.suite.sizes.kemSeed));
  const source = { leafNodeSource: LeafSource.update };
  const leafNode = renewLeaf(env, epoch, change, { encryption, source });
  const ownKeys = { encryption, signer: change.signer ?? epoch.signer };
  return { proposal: { proposalType: ProposalType.update, leafNode }, ownKeys };
}

/** A proposal that needs no group. @throws `validation.key-package`, `codec.*` */
export function makePlainProposal(
  env: Environment,
  input: Exclude<NewProposal, { kind: 'update' }>,
): Proposal {
  const pskNonce = (): Uint8Array => env.random(env.suite.sizes.hash);
  switch (input.kind) {
    case 'add': {
      const keyPackage = readKeyPackage(env, input.keyPackage);
      // §7.3: whoever sends it looks at the clock.
      validateLifetimeNow(keyPackage.leafNode, env.clock());
      return { proposalType: ProposalType.add, keyPackage };
    }
    case 'remove':
      return { proposalType: ProposalType.remove, removed: input.leaf };
    case 'external-psk': {
      const psk = { pskType: PskType.external, pskId: input.id.slice(), pskNonce: pskNonce() };
      return { proposalType: ProposalType.psk, psk };
    }
    case 'resumption-psk': {
      const from = { pskGroupId: input.groupId.slice(), pskEpoch: input.epoch };
      const psk = { pskType: PskType.resumption, usage: PskUsage.application, ...from, pskNonce: pskNonce() };
      return { proposalType: ProposalType.psk, psk };
    }
    case 'extensions':
      return { proposalType: ProposalType.groupContextExtensions, extensions: input.extensions };
    case 'reinit': {
      const { groupId, suite, extensions = [] } = input.successor;
      const successor = { groupId: groupId.slice(), version: MLS10, cipherSuite: suite, extensions };
      return { proposalType: ProposalType.reinit, ...successor };
    }
    case 'leave':
    case 'app-data':
    case 'app-ephemeral':
      return requireDraft(env).makeProposal(input);
    case 'other':
      requireReadable(env, input);
      return { proposalType: input.proposalType, body: input.body.slice() };
  }
}

/** What receivers would refuse to read is not sent. @throws `validation.proposal`, `codec.*` */
function requireReadable({ decoding }: Environment, { proposalType, body }: OtherInput): void {
  const known = decoding.openTypes?.proposals?.get(proposalType);
  if (known !== undefined) decode({ read: (r) => known.read(r), write: () => {} }, body, decoding);
}
