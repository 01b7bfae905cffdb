/**
 * The half of a commit that everybody can check who sees it (RFC 9420 §12.4.2): proposals, path and tree. Members add
 * their secrets to it (`receiveCommit.ts`), observers the confirmation tag as it came (`follow.ts`).
 */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { type AddedLeaves, applyPath, type MergedPath } from '../tree/path.ts';
import { firstBlank, leafAt, type Tree, withPlace } from '../tree/tree.ts';
import type { Commit, UpdatePath } from '../wire/commit.ts';
import type { AuthenticatedContent } from '../wire/content.ts';
import type { GroupContext } from '../wire/groupContext.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';
import { LeafSource, SenderType } from '../wire/registry.ts';
import { type Applied, applyProposals } from './applyProposals.ts';
import { requireWithin, validateNextTree } from './bounds.ts';
import { changesOf } from './changes.ts';
import { type Environment, requireCredential } from './environment.ts';
import { provisionalContext } from './nextEpoch.ts';
import {
  type Committer,
  isPathRequired,
  type RulesEpoch,
  validateProposalList,
  validateReplacementLeaf,
} from './proposalRules.ts';
import { requireMayCommit } from './rules.ts';
import type { CachedProposal, ProposalItem } from './state.ts';
import type { CommitChanges } from './views.ts';

/** What a commit is judged by: an epoch without its secrets, and the proposals that were seen in it. */
export interface PublicView {
  readonly epoch: RulesEpoch & {
    /** Absent for those who only watch. */
    readonly self?: LeafIndex;
  };
  readonly proposals: readonly CachedProposal[];
}

/** A commit that passes what everybody can check. */
export interface PublicCheck<P> {
  /** Leaf of the committer after the commit. */
  readonly committer: LeafIndex;
  readonly applied: Applied;
  /** What `lookUp` made of the PSKs. */
  readonly psks: P;
  readonly path: UpdatePath | undefined;
  readonly merged: MergedPath | undefined;
  /** After proposals and path. */
  readonly tree: Tree;
  /** Everything of the next context but the transcript hash (§7.6). */
  readonly provisional: GroupContext;
  readonly changes: CommitChanges;
}

/**
 * Check the public half of a commit whose signature has been verified. Costs O(log N).
 * @param lookUp what the caller has to say about the PSKs that it names, in its order; may throw
 * @throws `validation.*`, `crypto.public-key`, `crypto.signature`, `policy.successor`, `crypto.limit`
 */
export function checkPublicHalf<P>(
  env: Environment,
  view: PublicView,
  content: AuthenticatedContent,
  lookUp: (ids: readonly PreSharedKeyId[]) => P,
): PublicCheck<P> {
  const { epoch } = view;
  const commit = commitOf(content);
  const { sender } = content.content;
  const committer: Committer =
    sender.senderType === SenderType.member
      ? { kind: 'member', leaf: leafIndex(sender.leafIndex) }
      : { kind: 'external' };
  const items = resolveProposals(env, commit, view.proposals, committer);
  validateProposalList(env, epoch, items, committer);
  const { authenticatedData } = content.content;
  requireMayCommit(env, epoch, items, { committer, leafNode: commit.path?.leafNode, authenticatedData });
  const applied = applyProposals(env, epoch, items);
  const psks = lookUp(applied.psks);
  const { path } = commit;
  if (path === undefined && isPathRequired(env, items)) fail('validation.path-required');
  const leaf = committer.kind === 'member' ? committer.leaf : firstBlank(applied.tree);
  const merged = path && mergeCommitPath(env, epoch, { path, applied, committer, leaf });
  const tree = merged?.tree ?? applied.tree;
  validateNextTree(env, tree, applied.extensions);
  const pathLeaf = merged && { leaf, joined: committer.kind === 'external' };
  const changes = changesOf(applied, { before: epoch.tree, after: tree }, epoch.self, pathLeaf);
  const provisional = provisionalContext(env.suite, epoch.context, tree, applied.extensions);
  return { committer: leaf, applied, psks, path, merged, tree, provisional, changes };
}

/** Leaves that get no ciphertext of the commit's path. */
export function addedLeaves(applied: Applied): AddedLeaves {
  return new Set(applied.added.map(({ leaf }) => leaf));
}

function commitOf({ content }: AuthenticatedContent): Commit {
  return content.content.contentType === 3 ? content.content.commit : fail('validation.sender');
}

/** §12.4.2: inline proposals are the committer's own. @throws `validation.unknown-proposal-ref`, `codec.limit` */
function resolveProposals(
  env: Environment,
  commit: Commit,
  known: readonly CachedProposal[],
  committer: Committer,
): ProposalItem[] {
  const sender = committer.kind === 'member' ? committer : ({ kind: 'new-member' } as const);
  requireWithin(env, 'proposals', commit.proposals.length);
  const mayRefer = [...env.policy.proposalTypes.values()].some(
    (traits) => traits.externalCommit === 'reference',
  );
  return commit.proposals.map((entry) => {
    if (entry.type === 1) return { proposal: entry.proposal, sender, ref: undefined };
    if (committer.kind === 'external' && !mayRefer) fail('validation.external-commit', { rule: 'reference' });
    const found = known.find((cached) => equal(cached.ref, entry.reference));
    return found ?? fail('validation.unknown-proposal-ref', { known: known.length });
  });
}

/** Check the committer's new leaf and merge the path. @throws `validation.path`, … */
function mergeCommitPath(
  env: Environment,
  epoch: RulesEpoch,
  {
    path,
    applied,
    committer,
    leaf,
  }: {
    readonly path: UpdatePath;
    readonly applied: Applied;
    readonly committer: Committer;
    readonly leaf: LeafIndex;
  },
): MergedPath {
  const { leafNode } = path;
  validateReplacementLeaf(env, epoch, { leafNode, leaf, source: LeafSource.commit });
  const replaced =
    committer.kind === 'member' ? leafAt(epoch.tree, leaf) : leafAt(epoch.tree, applied.replaced ?? NOWHERE);
  if (replaced !== undefined && equal(replaced.encryptionKey, leafNode.encryptionKey)) {
    fail('validation.path', { leaf, key: 'unchanged' });
  }
  requireCredential(env, leafNode, replaced);
  return applyPath(env.suite, withPlace(applied.tree, leaf), leaf, { path, added: addedLeaves(applied) });
}

const NOWHERE = 0xffff_ffff;
