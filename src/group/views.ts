/** What an application sees of members and commits. */

import type { LeafIndex } from '../base/brand.ts';
import { leafAt, leaves, type Tree } from '../tree/tree.ts';
import type { Credential } from '../wire/credential.ts';
import type { Extension } from '../wire/extension.ts';
import type { Capabilities, LeafNode } from '../wire/leafNode.ts';
import type { OtherProposal } from '../wire/proposal.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';

/** A member as it was in one epoch. */
export interface Member {
  readonly leaf: LeafIndex;
  readonly credential: Credential;
  readonly signatureKey: Uint8Array;
}

/** A member with what its leaf node says beside its identity (RFC 9420 §7.2). */
export interface MemberLeaf extends Member {
  readonly extensions: readonly Extension[];
  readonly capabilities: Capabilities;
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

/** Every member, from left to right, one at a time. */
export function* membersIn(tree: Tree): Generator<Member> {
  for (const [leaf, { credential, signatureKey }] of leaves(tree.root))
    yield Object.freeze({ leaf, credential, signatureKey });
}

/** As {@link memberAt}, with the rest of the leaf. */
export function memberLeafAt(tree: Tree, leaf: LeafIndex): MemberLeaf | undefined {
  const node = leafAt(tree, leaf);
  return node && memberLeaf(leaf, node);
}

/** Every member with its leaf, from left to right, one at a time. */
export function* memberLeaves(tree: Tree): Generator<MemberLeaf> {
  for (const [leaf, node] of leaves(tree.root)) yield memberLeaf(leaf, node);
}

function memberLeaf(
  leaf: LeafIndex,
  { credential, signatureKey, extensions, capabilities }: LeafNode,
): MemberLeaf {
  return Object.freeze({ leaf, credential, signatureKey, extensions, capabilities });
}
