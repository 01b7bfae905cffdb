/** What became of a message: exactly one of a closed set (ADR 5). */

import type { LeafIndex } from '../base/brand.ts';
import type { CommitChanges } from './changes.ts';
import type { Member } from './state.ts';

/** A proposal that waits for a commit. `sender` is `undefined` for an external sender or a would-be member. */
export interface StoredProposal {
  readonly ref: Uint8Array;
  readonly type: number;
  readonly sender: Member | undefined;
}

/** A commit that was checked; the group has not moved. */
export interface StagedCommit {
  readonly origin: 'own' | 'member' | 'new-member';
  /** The epoch it creates: the group's epoch + 1. */
  readonly epoch: bigint;
  readonly committer: LeafIndex;
  readonly changes: CommitChanges;
}

/** A commit of our own. */
export interface OwnCommit extends StagedCommit {
  readonly origin: 'own';
  /** MLSMessage to send. */
  readonly message: Uint8Array;
  /** For those added; to be sent when the commit was accepted (RFC 9420 §14). */
  readonly welcome: Uint8Array | undefined;
  readonly groupInfo: Uint8Array | undefined;
}

/** The outcome of `Group.process`. */
export type Processed =
  /** Decrypted and authenticated; `epoch` may be a recent past one (§15.3), and `sender` is as it was then. */
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
  /** A commit of ours that we no longer hold took effect: we are out of step and must rejoin. */
  | { readonly kind: 'lost-commit'; readonly epoch: bigint }
  /** Our own proposal or application message came back. */
  | { readonly kind: 'own-message'; readonly content: 'application' | 'proposal' | 'commit' }
  /** Taken in before. */
  | { readonly kind: 'duplicate' }
  /** Belongs to a later epoch; held until a commit leads there. */
  | { readonly kind: 'held'; readonly epoch: bigint }
  /** Its epoch's keys are gone, or it is a handshake message of a past epoch. */
  | { readonly kind: 'expired'; readonly epoch: bigint }
  /** A message of another group, or of a kind that no group takes in. */
  | { readonly kind: 'foreign'; readonly wireFormat: number; readonly groupId: Uint8Array | undefined };
