/** Processing a commit (RFC 9420 §12.4.2). The content has been unprotected and its signature verified. */

import type { LeafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { MlsError } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { externalKeyPair } from '../schedule/epoch.ts';
import { openExternalInit } from '../schedule/exporter.ts';
import type { Psk } from '../schedule/psk.ts';
import { leafNodeIndex } from '../tree/math.ts';
import { openPath } from '../tree/path.ts';
import { type PrivatePath, prunePrivatePath } from '../tree/privatePath.ts';
import { leafAt, type Tree } from '../tree/tree.ts';
import type { AuthenticatedContent } from '../wire/content.ts';
import { GroupContext } from '../wire/groupContext.ts';
import { SenderType } from '../wire/registry.ts';
import type { Applied } from './applyProposals.ts';
import type { Environment } from './environment.ts';
import { deriveNextEpoch, enterEpoch, lookUpPsks, requireConfirmation } from './nextEpoch.ts';
import { addedLeaves, checkPublicHalf, type PublicCheck } from './publicCommit.ts';
import type { CachedProposal, EpochState, GroupState, NextEpoch } from './state.ts';
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
  const check = checkPublicHalf(env, state, content, (ids) => lookUpPsks(env, ids, state));
  const { changes, committer } = check;
  if (changes.removesSelf) return { changes, committer, next: undefined, spent: [] };
  const { externalInit: kemOutput } = check.applied;
  // All members have the key for this one: it fails for all or for none.
  const external = kemOutput && externalInit(env.suite, state.epoch, kemOutput);
  try {
    return finish(env, state, content, { ...check, external });
  } catch (error) {
    if (!(error instanceof MlsError) || error.blame === 'local') throw error;
    if (concernsAll(error, content, check.psks)) throw error;
    return { unusable: error, committer };
  }
}

/**
 * A wrong confirmation tag is wrong for all, unless a PSK has another value here. From outside, nothing covers the tag, and
 * ECDSA signatures have two forms: whoever carried the commit may have changed either, and says nothing about us.
 */
function concernsAll({ code }: MlsError, { content }: AuthenticatedContent, psks: readonly Psk[]): boolean {
  const isMember = content.sender.senderType === SenderType.member;
  return code === 'crypto.confirmation-tag' && (!isMember || psks.length === 0);
}

interface Prepared extends PublicCheck<readonly Psk[]> {
  /** The init secret that an external joiner chose. */
  readonly external: Uint8Array | undefined;
}

/** The private part: path secret, key schedule, confirmation tag. */
function finish(
  env: Environment,
  state: GroupState,
  content: AuthenticatedContent,
  { applied, psks, path, merged, tree, provisional, changes, committer, external }: Prepared,
): CheckedCommit {
  const { suite } = env;
  const { epoch } = state;
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
  return { changes, committer, next: { ...entered, reinit: applied.reinit }, spent };
}

/** The init secret that an external joiner chose (§8.3). */
function externalInit(suite: SuiteCrypto, { secrets }: EpochState, kemOutput: Uint8Array): Uint8Array {
  const pair = externalKeyPair(suite, secrets.externalSecret);
  const initSecret = openExternalInit(suite, pair, kemOutput);
  wipe(pair.secretKey);
  return initSecret;
}

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
