/** What an observer knows of a group, as frozen values (see `transition.ts`). There is no secret in it. */

import { fail } from '../base/error.ts';
import { interimTranscriptHash } from '../schedule/transcript.ts';
import { ExternalPub, extensionBody } from '../wire/extension.ts';
import type { GroupInfo } from '../wire/groupInfo.ts';
import type { ReInitProposal } from '../wire/proposal.ts';
import { ExtensionType } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import { treeOf, validateGroupInfo, validateOutline } from './groupInfo.ts';
import type { CachedProposal, EpochState } from './state.ts';

/** The public half of an epoch. The confirmation tag is as it was received: nobody without the keys can check it. */
export type PublicEpoch = Pick<EpochState, 'context' | 'tree' | 'confirmationTag' | 'interimHash'>;

/** One group as seen from outside. */
export interface PublicState {
  /** `closed`: a ReInit took effect. */
  readonly status: 'active' | 'closed';
  readonly epoch: PublicEpoch;
  readonly proposals: readonly CachedProposal[];
  /** Marks of the commits that ended earlier epochs, newest first. */
  readonly ends: readonly Uint8Array[];
  /** A verified GroupInfo of this epoch for external joiners, as an MLSMessage. */
  readonly offer: Uint8Array | undefined;
  /** The ReInit that closed the group. */
  readonly reinit: ReInitProposal | undefined;
}

/**
 * Begin with what a member says of an epoch.
 * @param from `message`: the GroupInfo as an MLSMessage, nobody else's bytes; `ratchetTree`: encoded, unless carried
 * @param leaves whether to check every leaf on its own, or to believe the signer
 * @throws `validation.*`, `crypto.*`, `codec.*`
 */
export function firstPublicState(
  env: Environment,
  groupInfo: GroupInfo,
  from: { readonly message: Uint8Array; readonly ratchetTree: Uint8Array | undefined },
  leaves: 'checked' | 'believed',
): PublicState {
  const tree = treeOf(env, groupInfo, from.ratchetTree);
  if (leaves === 'checked') validateGroupInfo(env, groupInfo, tree);
  else validateOutline(env, groupInfo, tree);
  const { groupContext: context, confirmationTag } = groupInfo;
  const interimHash = interimTranscriptHash(env.suite, context.confirmedTranscriptHash, confirmationTag);
  return Object.freeze({
    status: 'active',
    epoch: Object.freeze({ context, tree, confirmationTag, interimHash }),
    proposals: [],
    ends: [],
    offer: isForJoiners(groupInfo) ? from.message : undefined,
    reinit: undefined,
  });
}

/** Whether somebody could join with it. */
export function isForJoiners({ extensions }: GroupInfo): boolean {
  return extensionBody(extensions, ExtensionType.externalPub, ExternalPub) !== undefined;
}

/** @throws `state.closed` after a ReInit */
export function requireOpen({ status }: PublicState): void {
  if (status === 'closed') fail('state.closed');
}
