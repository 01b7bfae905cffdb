/** GroupInfo: making, sealing into a Welcome, and checking (RFC 9420 §12.4.3). */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { EMPTY } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { decode } from '../codec/codec.ts';
import { signWithLabel, verifyWithLabel } from '../crypto/labels.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { externalKeyPair } from '../schedule/epoch.ts';
import { validateLeafAlone, verifyLeafSignature } from '../tree/leafNode.ts';
import { leafAt, leaves, type Tree, treeFromNodes, treeToNodes } from '../tree/tree.ts';
import { validateMutualSupport, validateTreeStructure } from '../tree/validate.ts';
import {
  type Extension,
  ExternalPub,
  ExternalSenders,
  extensionBody,
  makeExtension,
} from '../wire/extension.ts';
import { GroupInfo, GroupInfoContent } from '../wire/groupInfo.ts';
import { ExtensionType } from '../wire/registry.ts';
import { signedPart, withSignature } from '../wire/signed.ts';
import { RatchetTree } from '../wire/treeNode.ts';
import { requireUnderstood } from './applyProposals.ts';
import { requireWithin } from './bounds.ts';
import { greaseExtension, greaseValue } from './capabilities.ts';
import { type Environment, requireCredential, requireExternalSenders } from './environment.ts';
import { requireMayEnter } from './rules.ts';
import type { EpochState } from './state.ts';

/** What a GroupInfo is to carry. */
export interface GroupInfoOptions {
  /** The tree itself (§12.4.3.3), which reveals the members to whoever reads it. */
  readonly ratchetTree: boolean;
  /** The key to which external joiners encrypt (§12.4.3.2). */
  readonly externalPub: boolean;
}

/** Sign a GroupInfo of an epoch as its member `self`. */
export function createGroupInfo(env: Environment, epoch: EpochState, options: GroupInfoOptions): GroupInfo {
  const { suite, random, policy } = env;
  const extensions: Extension[] = [];
  if (options.ratchetTree) {
    extensions.push(makeExtension(ExtensionType.ratchetTree, RatchetTree, treeToNodes(epoch.tree)));
  }
  if (options.externalPub) {
    const { publicKey, secretKey } = externalKeyPair(suite, epoch.secrets.externalSecret);
    wipe(secretKey);
    extensions.push(makeExtension(ExtensionType.externalPub, ExternalPub, { externalPub: publicKey }));
  }
  if (policy.grease) extensions.push(...greaseExtension(greaseValue(random), random));
  const { context, confirmationTag, self, signer } = epoch;
  const content = { groupContext: context, extensions, confirmationTag, signer: self };
  return withSignature(GroupInfoContent, content, (signed) =>
    signWithLabel(suite, signer.secretKey, LABEL, signed),
  );
}

/**
 * The tree that belongs to a GroupInfo: its own, or one delivered apart. @throws `validation.group-info` without one
 * @param delivered encoded `ratchet_tree`
 */
export function treeOf(env: Environment, groupInfo: GroupInfo, delivered: Uint8Array | undefined): Tree {
  const carried = extensionBody(groupInfo.extensions, ExtensionType.ratchetTree, RatchetTree);
  if (carried === undefined && delivered === undefined)
    return fail('validation.group-info', { missing: 'ratchet_tree' });
  const nodes = carried ?? decode(RatchetTree, delivered ?? EMPTY, env.decoding);
  const tree = treeFromNodes(nodes);
  requireWithin(env, 'leaves', tree.root.leafCount);
  return tree;
}

/**
 * Everything that a new member, external or invited, checks of a GroupInfo and its tree before it uses them
 * (§12.4.3.1, §12.4.3.2). Leaf signatures come last, being the bulk of the work.
 * @throws `validation.*`, `crypto.*`
 */
export function validateGroupInfo(env: Environment, groupInfo: GroupInfo, tree: Tree): LeafIndex {
  const signer = validateOutline(env, groupInfo, tree);
  validateLeaves(env, groupInfo, tree);
  requireMayEnter(env, { context: groupInfo.groupContext, tree });
  return signer;
}

/**
 * The part of {@link validateGroupInfo} that believes the signer about single leaves: suite, structure and hash of the
 * tree, the signature, and what all members must support. @throws `validation.*`, `crypto.*`
 */
export function validateOutline(env: Environment, groupInfo: GroupInfo, tree: Tree): LeafIndex {
  const { suite } = env;
  const { groupContext } = groupInfo;
  if (groupContext.cipherSuite !== suite.id)
    fail('validation.group-info', { suite: groupContext.cipherSuite });
  requireUnderstood(env, groupContext.extensions);
  validateTreeStructure(suite, tree, groupContext.treeHash);
  const signer = verifySigner(suite, groupInfo, tree);
  validateMutualSupport(tree, groupContext.extensions);
  return signer;
}

/** Every leaf with its credential and signature, and the external senders. @throws `validation.*`, `crypto.*` */
function validateLeaves(env: Environment, { groupContext }: GroupInfo, tree: Tree): void {
  const { suite } = env;
  for (const [leaf, node] of leaves(tree.root)) {
    validateLeafAlone(suite, node, undefined, env.policy.maxLifetimeSeconds);
    requireCredential(env, node);
    verifyLeafSignature(suite, node, { groupId: groupContext.groupId, leaf });
  }
  const senders = extensionBody(groupContext.extensions, ExtensionType.externalSenders, ExternalSenders);
  if (senders !== undefined) requireExternalSenders(env, senders);
}

const LABEL = 'GroupInfoTBS';

/** The member that signed. @throws `validation.group-info` for a signer that is no member, `crypto.signature` */
export function verifySigner(suite: SuiteCrypto, groupInfo: GroupInfo, tree: Tree): LeafIndex {
  const signer = leafAt(tree, groupInfo.signer);
  if (signer === undefined) return fail('validation.group-info', { signer: groupInfo.signer });
  const signed = signedPart(GroupInfo, groupInfo);
  if (!verifyWithLabel(suite, signer.signatureKey, LABEL, signed, groupInfo.signature)) {
    fail('crypto.signature', { structure: 'GroupInfo' });
  }
  return leafIndex(groupInfo.signer);
}
