/** What an application sees of members and commits. */

import type { LeafIndex } from '../base/brand.ts';
import { leafAt, type Tree } from '../tree/tree.ts';
import type { Credential } from '../wire/credential.ts';
import type { Extension } from '../wire/extension.ts';
import type { OtherProposal } from '../wire/proposal.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';

/** A member as it was in one epoch. */
export interface Member {
  readonly leaf: LeafIndex;
  readonly credential: Credential;
  readonly signatureKey: Uint8Array;
}

/** How long a member has kept its keys (RFC 9420 §3.2). */
export interface Renewal {
  readonly member: Member;
  /** The epoch that its leaf came with or was last replaced in; at least that in which we joined. */
  readonly epoch: bigint;
}

/** A committed proposal of a type beyond RFC 9420. */
export interface CustomProposal {
  readonly proposal: OtherProposal;
  /** `undefined` when it came from outside the group. */
  readonly sender: Member | undefined;
}

/** What a commit would change; judge identities here before accepting (RFC 9420 §5.3.1). */
export interface CommitChanges {
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
  /** Members whose leaf was replaced, with the old leaf for comparison. */
  readonly updated: readonly { readonly before: Member; readonly after: Member }[];
  /** The new list, if it was replaced. */
  readonly extensions: readonly Extension[] | undefined;
  readonly psks: readonly PreSharedKeyId[];
  readonly reinit: boolean;
  /** Proposals of types beyond RFC 9420 that it covers, in its order; what they mean is up to whoever defined them. */
  readonly custom: readonly CustomProposal[];
  /** We are among `removed`. */
  readonly removesSelf: boolean;
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

/** The member at a leaf; `undefined` when it is blank. */
export function memberAt(tree: Tree, leaf: LeafIndex): Member | undefined {
  const node = leafAt(tree, leaf);
  return node && Object.freeze({ leaf, credential: node.credential, signatureKey: node.signatureKey });
}
