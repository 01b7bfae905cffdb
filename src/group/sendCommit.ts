/** Creating a commit (RFC 9420 §12.4.1). Nothing of the group moves; only a handshake key is spent. */

import type { LeafIndex } from '../base/brand.ts';
import { fail, MlsError } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { encode } from '../codec/codec.ts';
import { encryptWithLabel } from '../crypto/labels.ts';
import type { KeyPair, SuiteCrypto } from '../crypto/provider.ts';
import { deriveWelcomeSecret, welcomeKeys } from '../schedule/epoch.ts';
import { type Psk, pskSecret } from '../schedule/psk.ts';
import { validateLifetimeNow } from '../tree/leafNode.ts';
import { commonAncestor } from '../tree/math.ts';
import { type DraftPath, draftPath, draftPrivatePath, sealPath } from '../tree/path.ts';
import { prunePrivatePath } from '../tree/privatePath.ts';
import { leafAt, type Tree } from '../tree/tree.ts';
import type { Commit, UpdatePath } from '../wire/commit.ts';
import { GroupContext } from '../wire/groupContext.ts';
import { GroupInfo } from '../wire/groupInfo.ts';
import type { ResumptionPskId } from '../wire/psk.ts';
import { ContentType, LeafSource, WireFormat } from '../wire/registry.ts';
import { GroupSecrets } from '../wire/welcome.ts';
import { type Applied, applyProposals } from './applyProposals.ts';
import { validateNextTree } from './bounds.ts';
import { changesOf } from './changes.ts';
import { type Environment, presentedBy, requireCredential } from './environment.ts';
import { createGroupInfo } from './groupInfo.ts';
import { keyPackageRef } from './keyPackage.ts';
import { deriveNextEpoch, type EpochKeys, enterEpoch, lookUpPsks, provisionalContext } from './nextEpoch.ts';
import { isPathRequired, validateProposalList } from './proposalRules.ts';
import { type LeafChange, renewLeaf } from './proposals.ts';
import { framedAad, mlsMessage, protect, type SendOptions, signAsMember } from './protect.ts';
import { type CommitFacts, requireMayCommit } from './rules.ts';
import type { EpochState, GroupState, NextEpoch, ProposalItem } from './state.ts';
import type { CommitChanges } from './views.ts';

/** How to commit. */
export interface CommitOptions extends SendOptions {
  /** `omit`: no UpdatePath where the proposals need none (§12.4). @defaultValue 'always' */
  readonly path?: 'always' | 'omit';
  /** New content for our own leaf, which the path carries. */
  readonly leaf?: LeafChange;
  /** Also make a GroupInfo for external joiners. @defaultValue false */
  readonly groupInfo?: boolean;
  /** Put the tree into Welcome and GroupInfo. @defaultValue true */
  readonly ratchetTree?: boolean;
}

/** The first commit of a new group may carry the PSK that ties it to another one. */
interface BuildOptions extends CommitOptions {
  readonly succession?: ResumptionPskId;
}

/** A commit of our own, ready to be sent. */
export interface BuiltCommit {
  /** MLSMessage. */
  readonly message: Uint8Array;
  /** MLSMessage with the Welcome, when somebody is added. */
  readonly welcome: Uint8Array | undefined;
  /** MLSMessage with a GroupInfo of the new epoch, when asked for. */
  readonly groupInfo: Uint8Array | undefined;
  readonly changes: CommitChanges;
  readonly next: NextEpoch;
  /** Message keys of the current epoch after sending. */
  readonly secretTree: GroupState['secretTree'];
  readonly spent: readonly Uint8Array[];
}

/**
 * Build a commit over a list of proposals.
 * @throws `validation.*`, `state.missing-psk`, `policy.lifetime`, `crypto.limit`
 */
export function buildCommit(
  env: Environment,
  state: GroupState,
  items: readonly ProposalItem[],
  options: BuildOptions,
): BuiltCommit {
  const { suite } = env;
  const { epoch } = state;
  const draft = draftCommit(env, state, items, options);
  const { applied, tree, psks, path, provisional, commitSecret } = draft;
  const sealed = path && sealUpdatePath(env, path.draft, applied, provisional);
  const commit = { contentType: ContentType.commit, commit: commitOver(items, sealed) } as const;
  const signed = signAsMember(env, state, commit, options);
  const old = { interimHash: epoch.interimHash, initSecret: epoch.secrets.initSecret };
  const keys = deriveNextEpoch(suite, old, signed, { provisional, commitSecret, psks });
  const sent = protect(env, state, signed, keys.confirmationTag);
  const privatePath = path
    ? draftPrivatePath(path.draft, epoch.self, path.encryption)
    : prunePrivatePath(epoch.privatePath, tree);
  const signer = (path && options.leaf?.signer) ?? epoch.signer;
  const entered = enterEpoch(keys, { tree, self: epoch.self, privatePath, signer });
  const pathLeaf = path && { leaf: epoch.self, joined: false };
  return {
    message: sent.message,
    ...joinMaterial(env, entered.epoch, { keys, psks, applied, draft: path?.draft }, options),
    changes: changesOf(applied, { before: epoch.tree, after: tree }, epoch.self, pathLeaf),
    next: { ...entered, reinit: applied.reinit },
    secretTree: sent.secretTree,
    spent: [...sent.spent, commitSecret, keys.joinerSecret, ...(path?.draft.pathSecrets ?? [])],
  };
}

/** A commit before it is sealed and signed. */
interface DraftCommit {
  readonly applied: Applied;
  readonly tree: Tree;
  readonly psks: readonly Psk[];
  readonly path: { readonly draft: DraftPath; readonly encryption: KeyPair } | undefined;
  readonly provisional: GroupContext;
  readonly commitSecret: Uint8Array;
}

/** Steps 1 to 4 of §12.4.1: check and apply the proposals, and draw the path. */
function draftCommit(
  env: Environment,
  state: GroupState,
  items: readonly ProposalItem[],
  options: BuildOptions,
): DraftCommit {
  const { suite } = env;
  const { epoch } = state;
  const facts = ownFacts(env, state, items, options);
  validateProposalList(env, epoch, items, facts.committer);
  requireMayCommit(env, epoch, items, facts);
  const applied = applyProposals(env, epoch, items);
  for (const { keyPackage } of applied.added) validateLifetimeNow(keyPackage.leafNode, env.clock());
  const psks = lookUpPsks(env, applied.psks, state);
  const path = facts.leafNode ? makePath(env, epoch, applied, options.leaf ?? {}) : undefined;
  const tree = path?.draft.tree ?? applied.tree;
  validateNextTree(env, tree, applied.extensions);
  const provisional = provisionalContext(suite, epoch.context, tree, applied.extensions);
  const commitSecret = path?.draft.commitSecret ?? new Uint8Array(suite.sizes.hash);
  return { applied, tree, psks, path, provisional, commitSecret };
}

/** What the rules of the application are told of a commit of ours. */
function ownFacts(
  env: Environment,
  { epoch }: GroupState,
  items: readonly ProposalItem[],
  options: BuildOptions,
): CommitFacts {
  const withPath = isPathRequired(env, items) || options.path !== 'omit';
  const current = leafAt(epoch.tree, epoch.self) ?? fail('state.not-member');
  const { signer, ...change } = options.leaf ?? {};
  const signatureKey = signer?.publicKey ?? current.signatureKey;
  return {
    committer: { kind: 'member', leaf: epoch.self, succession: options.succession },
    leafNode: withPath ? { ...presentedBy(current), ...change, signatureKey } : undefined,
    authenticatedData: framedAad(env, epoch.context, options.authenticatedData),
  };
}

/** Whether a list could be committed by us as far as it is known before the path. */
export function isCommittable(
  env: Environment,
  state: GroupState,
  items: readonly ProposalItem[],
  options: CommitOptions = {},
): boolean {
  const { epoch } = state;
  try {
    const facts = ownFacts(env, state, items, options);
    validateProposalList(env, epoch, items, facts.committer);
    requireMayCommit(env, epoch, items, facts);
    const applied = applyProposals(env, epoch, items);
    for (const { keyPackage } of applied.added) validateLifetimeNow(keyPackage.leafNode, env.clock());
    lookUpPsks(env, applied.psks, state);
    validateNextTree(env, applied.tree, applied.extensions);
    return true;
  } catch (error) {
    if (error instanceof MlsError && error.code !== 'internal.bug') return false;
    throw error;
  }
}

/** Encrypt a draft's secrets to everybody but the members that this commit adds. */
export function sealUpdatePath(
  env: Environment,
  draft: DraftPath,
  applied: Applied,
  provisional: GroupContext,
): UpdatePath {
  const added = new Set<number>(applied.added.map(({ leaf }) => leaf));
  return sealPath(env.suite, draft, { random: env.random, context: GroupContext.bytes(provisional), added });
}

function makePath(
  env: Environment,
  epoch: EpochState,
  applied: Applied,
  change: LeafChange,
): { readonly draft: DraftPath; readonly encryption: KeyPair } {
  const { suite, random } = env;
  const encryption = suite.deriveKeyPair(random(suite.sizes.kemSeed));
  const makeLeaf = (parentHash: Uint8Array) =>
    renewLeaf(env, epoch, change, { encryption, source: { leafNodeSource: LeafSource.commit, parentHash } });
  const draft = draftPath(suite, applied.tree, epoch.self, { random, makeLeaf });
  if (Object.values(change).some((part) => part !== undefined)) {
    requireCredential(env, draft.leafNode, leafAt(epoch.tree, epoch.self));
  }
  return { draft, encryption };
}

/** The Commit over a list: by reference what has one. */
export function commitOver(items: readonly ProposalItem[], path: UpdatePath | undefined): Commit {
  const proposals: Commit['proposals'] = items.map(({ proposal, ref }) =>
    ref === undefined ? { type: 1, proposal } : { type: 2, reference: ref },
  );
  return { proposals, path };
}

interface JoinInputs {
  readonly keys: EpochKeys;
  readonly psks: readonly Psk[];
  readonly applied: Applied;
  readonly draft: DraftPath | undefined;
}

/** Welcome and GroupInfo, if anybody needs them. */
function joinMaterial(
  env: Environment,
  next: EpochState,
  inputs: JoinInputs,
  { groupInfo: wanted = false, ratchetTree = true }: CommitOptions,
): Pick<BuiltCommit, 'welcome' | 'groupInfo'> {
  const published = wanted ? createGroupInfo(env, next, { ratchetTree, externalPub: true }) : undefined;
  const groupInfo = published && mlsMessage({ wireFormat: WireFormat.groupInfo, groupInfo: published });
  if (inputs.applied.added.length === 0) return { welcome: undefined, groupInfo };
  const forJoiners = createGroupInfo(env, next, { ratchetTree, externalPub: false });
  return { welcome: sealWelcome(env, next.self, forJoiners, inputs), groupInfo };
}

/** One Welcome for everybody added (§12.4.3.1). */
function sealWelcome(
  env: Environment,
  committer: LeafIndex,
  groupInfo: GroupInfo,
  { keys, psks, applied, draft }: JoinInputs,
): Uint8Array {
  const { suite, random } = env;
  const encryptedGroupInfo = sealGroupInfo(suite, groupInfo, keys.joinerSecret, psks);
  const secrets = applied.added.map(({ leaf, keyPackage }) => {
    const ancestor = commonAncestor(leaf, committer);
    const position = draft?.steps.findIndex((step) => step.node === ancestor) ?? -1;
    const pathSecret = draft?.pathSecrets[position];
    const groupSecrets = encode(GroupSecrets, {
      joinerSecret: keys.joinerSecret,
      pathSecret: pathSecret && { pathSecret },
      psks: psks.map(({ id }) => id),
    });
    const { initKey } = keyPackage;
    const sealed = encryptWithLabel(suite, initKey, 'Welcome', encryptedGroupInfo, groupSecrets, random);
    wipe(groupSecrets);
    return { newMember: keyPackageRef(suite, keyPackage), encryptedGroupSecrets: sealed };
  });
  const welcome = { cipherSuite: suite.id, secrets, encryptedGroupInfo };
  return mlsMessage({ wireFormat: WireFormat.welcome, welcome });
}

/** Encrypt a GroupInfo for the holders of a joiner secret. */
function sealGroupInfo(
  suite: SuiteCrypto,
  groupInfo: GroupInfo,
  joinerSecret: Uint8Array,
  psks: readonly Psk[],
): Uint8Array {
  const combined = pskSecret(suite, psks);
  const welcomeSecret = deriveWelcomeSecret(suite, joinerSecret, combined);
  const { key, nonce } = welcomeKeys(suite, welcomeSecret);
  const sealed = suite.seal(key, nonce, new Uint8Array(0), GroupInfo.bytes(groupInfo));
  wipe(combined, welcomeSecret, key, nonce);
  return sealed;
}
