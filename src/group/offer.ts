/** A member's GroupInfo, verified by an observer who hands it to external joiners (RFC 9420 §12.4.3). */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { decodeOwned, encode } from '../codec/codec.ts';
import { treeToNodes } from '../tree/tree.ts';
import { ExternalPub, extensionBody, findExtension } from '../wire/extension.ts';
import { GroupContext } from '../wire/groupContext.ts';
import type { GroupInfo } from '../wire/groupInfo.ts';
import { MlsMessage } from '../wire/message.ts';
import { ExtensionType, WireFormat } from '../wire/registry.ts';
import { RatchetTree } from '../wire/treeNode.ts';
import type { Environment } from './environment.ts';
import { foreign } from './follow.ts';
import { verifySigner } from './groupInfo.ts';
import type { Offered } from './observed.ts';
import { type PublicEpoch, type PublicState, requireOpen } from './publicState.ts';
import type { Transition } from './transition.ts';

/** Verify a GroupInfo of the current epoch, and keep it. @throws `state.closed`, `validation.*`, `crypto.*`, `codec.*` */
export function offerMove(
  env: Environment,
  state: PublicState,
  bytes: Uint8Array,
): Transition<PublicState, Exclude<Offered, { kind: 'rejected' }>> {
  const message = decodeOwned(MlsMessage, bytes, env.decoding);
  if (message.wireFormat !== WireFormat.groupInfo)
    return { next: state, result: foreign(message.wireFormat, undefined) };
  const { groupInfo } = message;
  const { groupId, epoch } = groupInfo.groupContext;
  const { context } = state.epoch;
  if (!equal(groupId, context.groupId)) return { next: state, result: foreign(message.wireFormat, groupId) };
  if (epoch !== context.epoch)
    return { next: state, result: { kind: epoch < context.epoch ? 'expired' : 'ahead', epoch } };
  requireOpen(state);
  validateOffer(env, state.epoch, groupInfo);
  return { next: Object.freeze({ ...state, offer: bytes }), result: { kind: 'kept' } };
}

/** The ratchet tree of an epoch, encoded for delivery beside a GroupInfo (§12.4.3.3). O(N). */
export function encodedTree({ tree }: Pick<PublicEpoch, 'tree'>): Uint8Array {
  return encode(RatchetTree, treeToNodes(tree));
}

/**
 * It says of the epoch what we know of it, a member signed it, and a joiner finds in it what it needs.
 * @throws `validation.tree-hash`, `validation.group-info`, `crypto.confirmation-tag`, `crypto.public-key`, `crypto.signature`,
 * `validation.tree`
 */
function validateOffer(env: Environment, known: PublicEpoch, groupInfo: GroupInfo): void {
  const { groupContext, extensions, confirmationTag } = groupInfo;
  if (!equal(groupContext.treeHash, known.context.treeHash)) fail('validation.tree-hash');
  if (!equal(GroupContext.bytes(groupContext), GroupContext.bytes(known.context)))
    fail('validation.group-info', { rule: 'context' });
  if (!equal(confirmationTag, known.confirmationTag)) fail('crypto.confirmation-tag');
  const key = extensionBody(extensions, ExtensionType.externalPub, ExternalPub)?.externalPub;
  if (key === undefined) fail('validation.group-info', { missing: 'external_pub' });
  if (!env.suite.isKemPublicKey(key)) fail('crypto.public-key', { field: 'external_pub' });
  verifySigner(env.suite, groupInfo, known.tree);
  const carried = findExtension(extensions, ExtensionType.ratchetTree);
  if (carried !== undefined && !equal(carried.extensionData, encodedTree(known)))
    fail('validation.tree', { rule: 'ratchet_tree' });
}
