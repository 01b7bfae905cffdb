/** The whole truth about a group, as frozen values. Every move makes a new one (see `transition.ts`). */

import type { LeafIndex } from '../base/brand.ts';
import type { KeyPair } from '../crypto/provider.ts';
import type { EpochSecrets } from '../schedule/epoch.ts';
import type { ExporterTree } from '../schedule/safeExporter.ts';
import type { SecretTree } from '../schedule/secretTree.ts';
import type { PrivatePath } from '../tree/privatePath.ts';
import type { Renewals } from '../tree/renewals.ts';
import type { Tree } from '../tree/tree.ts';
import type { GroupContext } from '../wire/groupContext.ts';
import type { Proposal, ReInitProposal } from '../wire/proposal.ts';
import type { OwnCommit } from './views.ts';

/** What one epoch consists of, apart from its message keys: it never changes while the epoch lasts. */
export interface EpochState {
  readonly context: GroupContext;
  readonly tree: Tree;
  readonly self: LeafIndex;
  readonly privatePath: PrivatePath;
  readonly signer: KeyPair;
  /** Without those that the secret tree and the exporter tree have taken over. */
  readonly secrets: Omit<EpochSecrets, 'encryptionSecret' | 'applicationExportSecret'>;
  readonly confirmationTag: Uint8Array;
  readonly interimHash: Uint8Array;
}

/** An earlier epoch, as far as late application messages need it. */
export interface PastEpoch {
  readonly context: GroupContext;
  readonly tree: Tree;
  readonly self: LeafIndex;
  readonly senderDataSecret: Uint8Array;
  readonly secretTree: SecretTree;
  /** The commit that ended it. */
  readonly end: EpochEnd;
}

/** A commit that was taken, as far as it is needed to know it again. */
export interface EpochEnd {
  /** The last bytes of its MLSMessage: authentication tags, which tell it from any other commit of its epoch. */
  readonly mark: Uint8Array;
  readonly isOwn: boolean;
}

/** A message of a later epoch, waiting for the commits that lead there. */
export interface HeldMessage {
  readonly epoch: bigint;
  readonly message: Uint8Array;
  /** Whom the transport got it from; empty when it did not say. */
  readonly source: string;
}

/** Who made a proposal. */
export type ProposalSender =
  | { readonly kind: 'member'; readonly leaf: LeafIndex }
  | { readonly kind: 'external'; readonly index: number }
  | { readonly kind: 'new-member' };

/** A proposal with its proven sender, and its reference unless it came inside a commit. */
export interface ProposalItem {
  readonly proposal: Proposal;
  readonly sender: ProposalSender;
  readonly ref: Uint8Array | undefined;
}

/** A proposal seen in this epoch. */
export interface CachedProposal extends ProposalItem {
  readonly ref: Uint8Array;
  /** Private halves of our own Update, until the epoch closes. */
  readonly ownKeys: { readonly encryption: KeyPair; readonly signer: KeyPair } | undefined;
}

/** A resumption PSK of an epoch (§8.6). */
export interface ResumptionPsk {
  readonly epoch: bigint;
  readonly secret: Uint8Array;
}

/** What an accepted commit leads to. */
export interface NextEpoch {
  readonly epoch: EpochState;
  readonly secretTree: SecretTree;
  readonly exporterTree: ExporterTree;
  /** The commit closes the group (§11.2). */
  readonly reinit: ReInitProposal | undefined;
}

/** Our own commit, waiting for the word that it won. */
export interface PendingCommit {
  /** As handed out; its `message` is recognised when it comes back. */
  readonly commit: OwnCommit;
  readonly next: NextEpoch;
  /** What it carries by value: handed back if another commit wins. */
  readonly proposals: readonly Proposal[];
  /** Made when we knew that our state was set back: no other copy of us can be in its epoch. */
  readonly isFresh: boolean;
}

/** One group as seen by one member. */
export interface GroupState {
  /** `closed`: a ReInit took effect. `removed`: we are no longer a member. Both only read. */
  readonly status: 'active' | 'removed' | 'closed';
  readonly epoch: EpochState;
  readonly secretTree: SecretTree;
  /** What components have not exported of this epoch (MLS extensions draft). */
  readonly exporterTree: ExporterTree;
  /** When each leaf was last replaced. */
  readonly renewals: Renewals;
  readonly proposals: readonly CachedProposal[];
  readonly pending: PendingCommit | undefined;
  /** Newest first. */
  readonly past: readonly PastEpoch[];
  /** Newest first. */
  readonly resumption: readonly ResumptionPsk[];
  /** Messages of later epochs, oldest first. */
  readonly held: readonly HeldMessage[];
  /** Sources whose messages were so far ahead in this epoch that it was reported. */
  readonly ahead: readonly string[];
  /** Marks of our own commits that we dropped in this epoch. */
  readonly dropped: readonly Uint8Array[];
  /** Something of ours came that we do not know: until a fresh epoch, keys that we would send with may be used up. */
  readonly isSetBack: boolean;
  /** The ReInit that closed the group. */
  readonly reinit: ReInitProposal | undefined;
}
