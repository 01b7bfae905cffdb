/** What became of a message: exactly one of a closed set (ADR 5). */

import type { LeafIndex } from '../base/brand.ts';
import type { MlsError } from '../base/error.ts';
import type { NewProposal } from './proposals.ts';
import type { CommitChanges, Member, OwnCommit, StagedCommit } from './views.ts';

/** A proposal that waits for a commit. `sender` is `undefined` for an external sender or a would-be member. */
export interface StoredProposal {
  readonly ref: Uint8Array;
  readonly type: number;
  readonly sender: Member | undefined;
}

/** Why this client and the group are no longer in the same state. */
export type Divergence =
  /** A commit that we discarded came back, or one that our key has signed and that we do not hold: our state was set back. */
  | { readonly kind: 'own-commit'; readonly epoch: bigint }
  /** A message was signed with our key, in a generation that we have not used: our state was set back. */
  | { readonly kind: 'own-generation'; readonly epoch: bigint; readonly generation: number }
  /** An Update was signed with our key, and its private key is not here: our state was set back. */
  | { readonly kind: 'own-update'; readonly epoch: bigint }
  /** A member's commit that passes every check that all members share, but whose secrets do not lead us to the next epoch. */
  | {
      readonly kind: 'unusable-commit';
      readonly epoch: bigint;
      readonly committer: LeafIndex;
      readonly error: MlsError;
    }
  /** Messages arrive from further ahead than may be held. Not authenticated: look for missed commits, no more. */
  | { readonly kind: 'ahead'; readonly epoch: bigint };

/** What is known of a message beside its bytes. */
export interface ProcessOptions {
  /** Whom the transport got it from: early messages are held within a share of the room for each source. @defaultValue '' */
  readonly source?: string;
  /** Store a proposal though the bounds on stored proposals are reached: a commit refers to it. @defaultValue false */
  readonly wanted?: boolean;
}

/** The outcome of `Group.process`. */
export type Processed =
  /** Decrypted and authenticated; `epoch` may be a recent past one (RFC 9420 §15.3), and `sender` is as it was then. */
  | {
      readonly kind: 'application';
      readonly data: Uint8Array;
      readonly authenticatedData: Uint8Array;
      readonly sender: Member;
      readonly epoch: bigint;
      readonly generation: number;
    }
  /** Checked and stored for a later commit. */
  | { readonly kind: 'proposal'; readonly proposal: StoredProposal; readonly authenticatedData: Uint8Array }
  /** Checked and staged. */
  | { readonly kind: 'commit'; readonly commit: StagedCommit; readonly authenticatedData: Uint8Array }
  /** Our own commit came back: the server took it, so accept it. */
  | { readonly kind: 'own-commit'; readonly commit: OwnCommit }
  /** Our own message came back; a commit among them was accepted already. */
  | { readonly kind: 'own-message'; readonly content: 'application' | 'proposal' | 'commit' }
  /** Taken in before. */
  | { readonly kind: 'duplicate' }
  /** Belongs to a later epoch; held until a commit leads there. */
  | { readonly kind: 'held'; readonly epoch: bigint }
  /** Its epoch's keys are gone, or it is a handshake message of a past epoch. */
  | { readonly kind: 'expired'; readonly epoch: bigint }
  /** A message of another group, or of a kind that no group takes in. */
  | { readonly kind: 'foreign'; readonly wireFormat: number; readonly groupId: Uint8Array | undefined }
  /** It breaks a rule, or something is missing here; nothing has changed. `error.retry` says whether to keep it. */
  | { readonly kind: 'rejected'; readonly error: MlsError }
  /**
   * It shows that we and the group have parted. Rejoin, unless the evidence is only `ahead`. Evidence that our state was
   * set back is remembered: nothing is sent in private any more before a fresh epoch (`state.rollback`).
   */
  | { readonly kind: 'desynchronised'; readonly evidence: Divergence };

/** What accepting a commit led to. */
export interface Accepted {
  readonly epoch: bigint;
  readonly changes: CommitChanges;
  /** Messages that had been held for this epoch, oldest first: pass each to `process`. */
  readonly released: readonly Uint8Array[];
  /** What we had proposed or tried to commit, was not covered and still makes sense: for `commit`, a leave for `propose`. */
  readonly again: readonly NewProposal[];
}

/** Failures of the caller or the machine, which say nothing about a message: they are thrown, not reported. */
export function saysNothing({ code, scope }: MlsError): boolean {
  return scope === 'profile' || code === 'internal.bug' || code === 'state.closed-handle';
}
