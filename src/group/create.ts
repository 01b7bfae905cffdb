/** A new group of one (RFC 9420 §11). */

import { leafIndex } from '../base/brand.ts';
import { EMPTY } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { confirmationTag, fromEpochSecret } from '../schedule/epoch.ts';
import { interimTranscriptHash } from '../schedule/transcript.ts';
import { treeHash } from '../tree/hash.ts';
import { leafNodeIndex } from '../tree/math.ts';
import { singleLeafTree } from '../tree/tree.ts';
import { validateMutualSupport } from '../tree/validate.ts';
import { type Extension, ExternalSenders, extensionBody } from '../wire/extension.ts';
import { GroupContext } from '../wire/groupContext.ts';
import { ExtensionType, GREASE, MLS10 } from '../wire/registry.ts';
import { requireUnderstood } from './applyProposals.ts';
import { type Environment, requireExternalSenders } from './environment.ts';
import type { OwnKeyPackage } from './keyPackage.ts';
import { enterEpoch } from './nextEpoch.ts';
import type { GroupState } from './state.ts';

/** What a new group is to be. */
export interface NewGroup {
  /** @defaultValue random bytes of the hash length */
  readonly id?: Uint8Array;
  /** Extensions of the GroupContext. @defaultValue none */
  readonly extensions?: readonly Extension[];
}

/**
 * Found a group in epoch 0 with the leaf of a fresh KeyPackage.
 * @throws `validation.capabilities`, `validation.unsupported`, `validation.credential`, `codec.duplicate-extension`
 */
export function createGroupState(env: Environment, own: OwnKeyPackage, options: NewGroup): GroupState {
  const { suite, random } = env;
  const extensions = options.extensions ?? [];
  for (const { extensionType } of extensions) {
    if (GREASE.includes(extensionType)) fail('validation.unsupported', { extension: extensionType });
  }
  requireUnderstood(env, extensions);
  const senders = extensionBody(extensions, ExtensionType.externalSenders, ExternalSenders);
  if (senders !== undefined) requireExternalSenders(env, senders);
  const tree = singleLeafTree(own.keyPackage.leafNode);
  validateMutualSupport(tree, extensions);
  const context: GroupContext = {
    version: MLS10,
    cipherSuite: suite.id,
    groupId: options.id?.slice() ?? random(suite.sizes.hash),
    epoch: 0n,
    treeHash: treeHash(suite, tree.root),
    confirmedTranscriptHash: EMPTY,
    extensions,
  };
  // What could not be sent is refused here: encoding finds two extensions of one type.
  GroupContext.bytes(context);
  const epochSecret = random(suite.sizes.hash);
  const secrets = fromEpochSecret(suite, epochSecret);
  wipe(epochSecret);
  const tag = confirmationTag(suite, secrets.confirmationKey, EMPTY);
  const interimHash = interimTranscriptHash(suite, EMPTY, tag);
  const self = leafIndex(0);
  const privatePath = new Map([[leafNodeIndex(self), own.encryption]]);
  const member = { tree, self, privatePath, signer: own.signer };
  return firstState(enterEpoch({ context, secrets, confirmationTag: tag, interimHash }, member));
}

/** The state of a member that has just entered a group. */
export function firstState(entered: Pick<GroupState, 'epoch' | 'secretTree' | 'exporterTree'>): GroupState {
  return Object.freeze({
    ...entered,
    status: 'active',
    // Older history is not ours to know.
    renewals: entered.epoch.context.epoch,
    proposals: [],
    pending: undefined,
    past: [],
    resumption: [],
    held: [],
    ahead: [],
    dropped: [],
    isSetBack: false,
    reinit: undefined,
  });
}
