/** Processing a commit (RFC 9420 §12.4.2). The content has been unprotected and its signature verified. */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { externalKeyPair } from '../schedule/epoch.ts';
import { openExternalInit } from '../schedule/exporter.ts';
import type { Psk } from '../schedule/psk.ts';
import { leafNodeIndex } from '../tree/math.ts';
import { type AddedLeaves, applyPath, type MergedPath, openPath } from '../tree/path.ts';
import { type PrivatePath, prunePrivatePath } from '../tree/privatePath.ts';
import { firstBlank, leafAt, type Tree, withPlace } from '../tree/tree.ts';
import { validateMutualSupport, validateUniqueKeys } from '../tree/validate.ts';
import type { Commit, UpdatePath } from '../wire/commit.ts';
import type { AuthenticatedContent } from '../wire/content.ts';
import { GroupContext } from '../wire/groupContext.ts';
import { LeafSource, SenderType } from '../wire/registry.ts';
import { type Applied, applyProposals } from './applyProposals.ts';
import { changesOf } from './changes.ts';
import { type Environment, requireCredential } from './environment.ts';
import {
  deriveNextEpoch,
  enterEpoch,
  lookUpPsks,
  provisionalContext,
  requireConfirmation,
} from './nextEpoch.ts';
import {
  type Committer,
  isPathRequired,
  validateProposalList,
  validateReplacementLeaf,
} from './proposalRules.ts';
import type { CachedProposal, EpochState, GroupState, NextEpoch, ProposalItem } from './state.ts';
import type { CommitChanges } from './views.ts';

/** A commit that was checked and could be taken. */
export interface CheckedCommit {
  readonly changes: CommitChanges;
  readonly committer: LeafIndex;
  /** Absent when the commit removes us. */
  readonly next: NextEpoch | undefined;
  readonly spent: readonly Uint8Array[];
}

/** A commit that passes what all members check, but whose secrets lead nowhere here. */
export interface UnusableCommit {
  readonly unusable: MlsError;
  readonly committer: LeafIndex;
}

/**
 * Check a commit and prepare the epoch it creates. Nothing of the state changes.
 * @throws `validation.*`, `crypto.*`, `state.missing-psk`, `policy.successor`
 */
export function checkCommit(
  env: Environment,
  state: GroupState,
  content: AuthenticatedContent,
): CheckedCommit | UnusableCommit {
  const { epoch } = state;
  const commit = commitOf(content);
  const { sender } = content.content;
  const committer: Committer =
    sender.senderType === SenderType.member
      ? { kind: 'member', leaf: leafIndex(sender.leafIndex) }
      : { kind: 'external' };
  const items = resolveProposals(commit, state.proposals, committer);
  validateProposalList(env, epoch, items, committer);
  const applied = applyProposals(env, epoch, items);
  const psks = lookUpPsks(env, applied.psks, state);
  if (commit.path === undefined && isPathRequired(env, items)) fail('validation.path-required');
  const leaf = committer.kind === 'member' ? committer.leaf : firstBlank(applied.tree);
  const merged = mergeCommitPath(env, state, { commit, applied, committer, leaf });
  const tree = merged?.tree ?? applied.tree;
  validateUniqueKeys(tree);
  validateMutualSupport(tree, applied.extensions);
  const pathLeaf = merged && { leaf, joined: committer.kind === 'external' };
  const changes = changesOf(applied, { before: epoch.tree, after: tree }, epoch.self, pathLeaf);
  if (changes.removesSelf) return { changes, committer: leaf, next: undefined, spent: [] };
  // All members have the key for this one: it fails for all or for none.
  const external = applied.externalInit && externalInit(env.suite, epoch, applied.externalInit);
  const { path } = commit;
  try {
    return finish(env, state, content, { applied, psks, merged, tree, changes, leaf, path, external });
  } catch (error) {
    if (!(error instanceof MlsError) || error.blame === 'local' || isUnproven(committer, error)) throw error;
    return { unusable: error, committer: leaf };
  }
}

/**
 * From outside, nothing covers the confirmation tag, and ECDSA signatures have two forms: whoever carried the commit may
 * have changed either, and says nothing about us.
 */
function isUnproven(committer: Committer, { code }: MlsError): boolean {
  return committer.kind === 'external' && code === 'crypto.confirmation-tag';
}

interface Prepared {
  readonly applied: Applied;
  readonly psks: readonly Psk[];
  readonly merged: MergedPath | undefined;
  readonly tree: Tree;
  readonly changes: CommitChanges;
  readonly leaf: LeafIndex;
  readonly path: UpdatePath | undefined;
  /** The init secret that an external joiner chose. */
  readonly external: Uint8Array | undefined;
}

/** The private part: path secret, key schedule, confirmation tag. */
function finish(
  env: Environment,
  state: GroupState,
  content: AuthenticatedContent,
  { applied, psks, merged, tree, changes, leaf, path, external }: Prepared,
): CheckedCommit {
  const { suite } = env;
  const { epoch } = state;
  const provisional = provisionalContext(suite, epoch.context, tree, applied.extensions);
  const ownUpdate = committedUpdate(state, applied);
  const base = ownKeysAfter(state, applied.tree, ownUpdate);
  const opened =
    merged === undefined || path === undefined
      ? undefined
      : openPath(suite, { leaf: epoch.self, privatePath: base }, merged, {
          path,
          added: addedLeaves(applied),
          context: GroupContext.bytes(provisional),
        });
  const initSecret = external ?? epoch.secrets.initSecret;
  const { wireFormat, auth } = content;
  const commitSecret = opened?.commitSecret ?? new Uint8Array(suite.sizes.hash);
  const keys = deriveNextEpoch(
    suite,
    { interimHash: epoch.interimHash, initSecret },
    { wireFormat, content: content.content, signature: auth.signature },
    { provisional, commitSecret, psks },
  );
  requireConfirmation(keys, auth.confirmationTag);
  const privatePath = prunePrivatePath(new Map([...base, ...(opened?.keyPairs ?? [])]), tree);
  const signer = ownUpdate?.ownKeys?.signer ?? epoch.signer;
  const entered = enterEpoch(keys, { tree, self: epoch.self, privatePath, signer });
  const spent = [commitSecret, keys.joinerSecret, ...(opened?.spent ?? []), ...(external ? [external] : [])];
  return { changes, committer: leaf, next: { ...entered, reinit: applied.reinit }, spent };
}

/** The init secret that an external joiner chose (§8.3). */
function externalInit(suite: SuiteCrypto, { secrets }: EpochState, kemOutput: Uint8Array): Uint8Array {
  const pair = externalKeyPair(suite, secrets.externalSecret);
  const initSecret = openExternalInit(suite, pair, kemOutput);
  wipe(pair.secretKey);
  return initSecret;
}

/** Leaves that get no ciphertext of the commit's path. */
export function addedLeaves(applied: Applied): AddedLeaves {
  return new Set(applied.added.map(({ leaf }) => leaf));
}

function commitOf({ content }: AuthenticatedContent): Commit {
  return content.content.contentType === 3 ? content.content.commit : fail('validation.sender');
}

/** §12.4.2: inline proposals are the committer's own. @throws `validation.unknown-proposal-ref` */
function resolveProposals(
  commit: Commit,
  known: readonly CachedProposal[],
  committer: Committer,
): ProposalItem[] {
  const sender = committer.kind === 'member' ? committer : ({ kind: 'new-member' } as const);
  return commit.proposals.map((entry) => {
    if (entry.type === 1) return { proposal: entry.proposal, sender, ref: undefined };
    if (committer.kind === 'external') return fail('validation.external-commit', { rule: 'reference' });
    const found = known.find((cached) => equal(cached.ref, entry.reference));
    return found ?? fail('validation.unknown-proposal-ref', { known: known.length });
  });
}

/** Check the committer's new leaf and merge the path. @throws `validation.path`, … */
function mergeCommitPath(
  env: Environment,
  { epoch }: GroupState,
  {
    commit,
    applied,
    committer,
    leaf,
  }: {
    readonly commit: Commit;
    readonly applied: Applied;
    readonly committer: Committer;
    readonly leaf: LeafIndex;
  },
): MergedPath | undefined {
  const { path } = commit;
  if (path === undefined) return undefined;
  const { leafNode } = path;
  validateReplacementLeaf(env, epoch, { leafNode, leaf, source: LeafSource.commit });
  const replaced =
    committer.kind === 'member'
      ? leafAt(epoch.tree, leaf)
      : leafAt(epoch.tree, applied.removed[0]?.leaf ?? NOWHERE);
  if (replaced !== undefined && equal(replaced.encryptionKey, leafNode.encryptionKey)) {
    fail('validation.path', { leaf, key: 'unchanged' });
  }
  requireCredential(env, leafNode, replaced);
  return applyPath(env.suite, withPlace(applied.tree, leaf), leaf, { path, added: addedLeaves(applied) });
}

const NOWHERE = 0xffff_ffff;

/** Our own Update, if this commit covers it. */
function committedUpdate(state: GroupState, applied: Applied): CachedProposal | undefined {
  const leaf = leafAt(applied.tree, state.epoch.self);
  return state.proposals.find(
    ({ ownKeys }) =>
      ownKeys !== undefined && leaf !== undefined && equal(ownKeys.encryption.publicKey, leaf.encryptionKey),
  );
}

/** Our private keys after proposals. */
function ownKeysAfter(state: GroupState, tree: Tree, ownUpdate: CachedProposal | undefined): PrivatePath {
  const { self, privatePath } = state.epoch;
  const keys = ownUpdate?.ownKeys;
  const current =
    keys === undefined ? privatePath : new Map([...privatePath, [leafNodeIndex(self), keys.encryption]]);
  return prunePrivatePath(current, tree);
}
