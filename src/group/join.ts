/** Joining from a Welcome (RFC 9420 §12.4.3.1). */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { decodeOwned } from '../codec/codec.ts';
import { decryptWithLabel } from '../crypto/labels.ts';
import { deriveWelcomeSecret, welcomeKeys } from '../schedule/epoch.ts';
import { type Psk, pskSecret } from '../schedule/psk.ts';
import { directPath, leafNodeIndex } from '../tree/math.ts';
import { joinerPrivatePath, type PrivatePath } from '../tree/privatePath.ts';
import { leaves, subtreeAt, type Tree } from '../tree/tree.ts';
import type { HpkeCiphertext } from '../wire/commit.ts';
import { GroupInfo } from '../wire/groupInfo.ts';
import { LeafNode } from '../wire/leafNode.ts';
import type { PreSharedKeyId, ResumptionPskId } from '../wire/psk.ts';
import { GroupSecrets, type Welcome } from '../wire/welcome.ts';
import { firstState } from './create.ts';
import type { Environment } from './environment.ts';
import { treeOf, validateGroupInfo } from './groupInfo.ts';
import type { OwnKeyPackage } from './keyPackage.ts';
import { enterEpoch, epochFromJoiner, lookUpPsks, requireConfirmation } from './nextEpoch.ts';
import type { GroupState } from './state.ts';
import { requireAnnounced, successionOf, successionSecret, validateSuccession } from './succession.ts';

/** A join that has been checked. */
export interface Joined {
  readonly state: GroupState;
  /** The leaf that signed the GroupInfo. */
  readonly inviter: LeafIndex;
  readonly own: OwnKeyPackage;
  /** The PSK that ties the group to another one. */
  readonly succession: ResumptionPskId | undefined;
  readonly spent: readonly Uint8Array[];
}

/** What a Welcome may need besides a KeyPackage. */
export interface JoinInputs {
  /** Encoded, when the Welcome does not carry it. */
  readonly ratchetTree?: Uint8Array | undefined;
  /** The group of an id that we are or were in: a Welcome may follow on it (§11.2, §11.3). */
  readonly groupOf?: (groupId: Uint8Array) => GroupState | undefined;
  /** The closed group of ours whose ReInit announced a group of an id. */
  readonly announcing?: (groupId: Uint8Array) => GroupState | undefined;
}

/**
 * Open a Welcome with one of our KeyPackages and check everything. Nothing is consumed.
 * @param find a KeyPackage of ours by reference
 * @throws `state.unknown-key-package`, `state.missing-psk`, `validation.*`, `crypto.*`
 */
export function joinFromWelcome(
  env: Environment,
  welcome: Welcome,
  find: (ref: Uint8Array) => OwnKeyPackage | undefined,
  { ratchetTree, groupOf, announcing }: JoinInputs = {},
): Joined {
  const { suite } = env;
  if (welcome.cipherSuite !== suite.id) fail('validation.welcome', { suite: welcome.cipherSuite });
  const { own, secrets } = openGroupSecrets(env, welcome, find);
  validateNonces(env, secrets.psks);
  const succession = successionOf(secrets.psks);
  const old = succession && groupOf?.(succession.pskGroupId);
  const psks = lookUpPsks(withSuccession(env, succession, old), secrets.psks);
  const groupInfo = openGroupInfo(env, welcome, secrets.joinerSecret, psks);
  const { cipherSuite, groupId } = groupInfo.groupContext;
  if (cipherSuite !== welcome.cipherSuite) fail('validation.welcome', { suite: cipherSuite });
  const tree = treeOf(env, groupInfo, ratchetTree);
  const inviter = validateGroupInfo(env, groupInfo, tree);
  requireAnnounced(groupInfo.groupContext, succession, announcing?.(groupId));
  if (succession && old) validateSuccession(env, { context: groupInfo.groupContext, tree }, succession, old);
  const leaf = ownLeaf(tree, own);
  const invitation = secrets.pathSecret && { committer: inviter, pathSecret: secrets.pathSecret.pathSecret };
  // A copy: the group wipes it with the leaf, while the KeyPackage may serve another join.
  const keyPair = { ...own.encryption, secretKey: own.encryption.secretKey.slice() };
  const privatePath = joinerPrivatePath(suite, tree, { leaf, keyPair }, invitation);
  requirePathKeys(tree, leaf, privatePath);
  const keys = epochFromJoiner(suite, secrets.joinerSecret, groupInfo.groupContext, psks);
  requireConfirmation(keys, groupInfo.confirmationTag);
  const entered = enterEpoch(keys, { tree, self: leaf, privatePath, signer: own.signer });
  const spent = [secrets.joinerSecret, ...(secrets.pathSecret ? [secrets.pathSecret.pathSecret] : [])];
  return { state: firstState(entered), inviter, own, succession, spent };
}

/**
 * The first entry for us that opens (§12.4.3.1). An entry names us by a public reference, so that anybody can put one
 * there that does not open; a few are tried.
 * @throws `state.unknown-key-package`, `crypto.aead`, `crypto.kem`, `codec.*`
 */
function openGroupSecrets(
  env: Environment,
  welcome: Welcome,
  find: (ref: Uint8Array) => OwnKeyPackage | undefined,
): { readonly own: OwnKeyPackage; readonly secrets: GroupSecrets } {
  const ours = welcome.secrets.flatMap((entry) => {
    const own = find(entry.newMember);
    return own === undefined ? [] : [{ own, sealed: entry.encryptedGroupSecrets }];
  });
  let refusal: MlsError | undefined;
  for (const { own, sealed } of ours.slice(0, MAX_ATTEMPTS)) {
    try {
      return { own, secrets: openEntry(env, welcome, own, sealed) };
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      refusal ??= error;
    }
  }
  if (refusal !== undefined) throw refusal;
  return fail('state.unknown-key-package', { entries: welcome.secrets.length });
}

/** Decapsulations that one Welcome may cost. */
const MAX_ATTEMPTS = 4;

/** @throws `validation.welcome`, `crypto.aead`, `crypto.kem`, `codec.*` */
function openEntry(
  env: Environment,
  welcome: Welcome,
  { init, keyPackage }: OwnKeyPackage,
  sealed: HpkeCiphertext,
): GroupSecrets {
  const { cipherSuite, encryptedGroupInfo } = welcome;
  if (keyPackage.cipherSuite !== cipherSuite) fail('validation.welcome', { suite: cipherSuite });
  const opened = decryptWithLabel(env.suite, init, LABEL, encryptedGroupInfo, sealed);
  return decodeOwned(GroupSecrets, opened, env.decoding);
}

/** @throws `validation.psk` */
function validateNonces({ suite }: Environment, ids: readonly PreSharedKeyId[]): void {
  for (const id of ids) {
    if (id.pskNonce.length !== suite.sizes.hash) fail('validation.psk', { nonce: id.pskNonce.length });
  }
}

/** The PSK of the group that this one comes from is taken from that group alone. @throws `state.missing-psk` */
function withSuccession(
  env: Environment,
  succession: ResumptionPskId | undefined,
  old: GroupState | undefined,
): Environment {
  if (succession === undefined) return env;
  const secret = successionSecret(old, succession);
  return { ...env, psks: (id) => (id === succession ? secret : env.psks(id)) };
}

/** @throws `crypto.aead`, `codec.*` */
function openGroupInfo(
  env: Environment,
  welcome: Welcome,
  joinerSecret: Uint8Array,
  psks: readonly Psk[],
): GroupInfo {
  const { suite } = env;
  const combined = pskSecret(suite, psks);
  const welcomeSecret = deriveWelcomeSecret(suite, joinerSecret, combined);
  const { key, nonce } = welcomeKeys(suite, welcomeSecret);
  const opened = suite.open(key, nonce, NO_AAD, welcome.encryptedGroupInfo);
  wipe(combined, welcomeSecret, key, nonce);
  return decodeOwned(
    GroupInfo,
    opened ?? fail('crypto.aead', { field: 'encrypted_group_info' }),
    env.decoding,
  );
}

/** Our leaf is byte for byte the one of our KeyPackage. @throws `validation.welcome` */
function ownLeaf(tree: Tree, { keyPackage }: OwnKeyPackage): LeafIndex {
  const expected = LeafNode.bytes(keyPackage.leafNode);
  for (const [leaf, node] of leaves(tree.root)) {
    if (equal(LeafNode.bytes(node), expected)) return leafIndex(leaf);
  }
  return fail('validation.welcome', { missing: 'own leaf' });
}

/** A parent above us has us unmerged, or the path secret gave its key. @throws `validation.path` */
function requirePathKeys(tree: Tree, leaf: LeafIndex, privatePath: PrivatePath): void {
  for (const node of directPath(leafNodeIndex(leaf), tree.width)) {
    const parent = subtreeAt(tree, node)?.parent;
    if (parent === undefined || privatePath.has(node) || parent.unmergedLeaves.includes(leaf)) continue;
    fail('validation.path', { node, missing: 'path secret' });
  }
}

const LABEL = 'Welcome';
const NO_AAD = /* @__PURE__ */ new Uint8Array(0);
