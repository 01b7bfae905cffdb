/** What became of a message that an observer saw: exactly one of a closed set (ADR 5). */

import type { MlsError } from '../base/error.ts';
import type { StoredProposal } from './processed.ts';
import type { StagedCommit } from './views.ts';

/** A message of another group, or of a kind that has no place here. */
export interface Foreign {
  readonly kind: 'foreign';
  readonly wireFormat: number;
  readonly groupId: Uint8Array | undefined;
}

/** The outcome of `PublicGroup.process`. */
export type Observed =
  /** Checked and stored for a later commit. */
  | { readonly kind: 'proposal'; readonly proposal: StoredProposal; readonly authenticatedData: Uint8Array }
  /** Checked, as far as it can be from outside, and staged. */
  | { readonly kind: 'commit'; readonly commit: StagedCommit; readonly authenticatedData: Uint8Array }
  /** Taken in before. */
  | { readonly kind: 'duplicate' }
  /** Of an epoch that has passed. */
  | { readonly kind: 'expired'; readonly epoch: bigint }
  /** Of a later epoch, which nothing proves. It is not held: bring it again when the epoch is reached. */
  | { readonly kind: 'ahead'; readonly epoch: bigint }
  /** Of another group, or no message of a group. */
  | Foreign
  /**
   * A PrivateMessage of the group. Nothing of it is proven. After one with a commit that the members take, the group can
   * be followed again only from a new GroupInfo.
   */
  | {
      readonly kind: 'opaque';
      readonly groupId: Uint8Array;
      readonly epoch: bigint;
      readonly content: 'application' | 'proposal' | 'commit';
    }
  /** It breaks a rule, or something is missing here; nothing has changed. `error.retry` says whether to keep it. */
  | { readonly kind: 'rejected'; readonly error: MlsError };

/** The outcome of `PublicGroup.offer`. */
export type Offered =
  /** Verified, and handed out until the epoch ends or a newer one comes. */
  | { readonly kind: 'kept' }
  /** Of an epoch that has passed. */
  | { readonly kind: 'expired'; readonly epoch: bigint }
  /** Of a later epoch: bring it again when that is reached. */
  | { readonly kind: 'ahead'; readonly epoch: bigint }
  /** Of another group, or no GroupInfo. */
  | Foreign
  /** It says something else of this epoch than we know, or serves no joiner; nothing has changed. */
  | { readonly kind: 'rejected'; readonly error: MlsError };
