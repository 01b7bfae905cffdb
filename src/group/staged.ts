/** A group that was joined or founded, before anybody has decided to enter it. */

import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import type { Extension } from '../wire/extension.ts';
import type { ResumptionPskId } from '../wire/psk.ts';
import { PskUsage } from '../wire/registry.ts';
import type { Group } from './group.ts';
import { stateSecrets } from './spent.ts';
import type { GroupState } from './state.ts';
import { type Member, membersIn } from './views.ts';

/** Another group from which a new one comes, as its PSK proves (RFC 9420 §11.2, §11.3). */
export interface Origin {
  readonly kind: 'reinit' | 'branch';
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
}

/** A join that was checked but not taken: inspect `members`, then accept or discard. */
export interface StagedJoin {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly members: readonly Member[];
  /** Extensions of the group. */
  readonly extensions: readonly Extension[];
  /** Who invited us; `undefined` for an external join. */
  readonly inviter: Member | undefined;
  /** The group that this one replaces or branches off; `undefined` for any other, whatever its id. */
  readonly origin: Origin | undefined;
  /** Reference of the KeyPackage of ours that the Welcome names; `undefined` for an external join. */
  readonly keyPackage: Uint8Array | undefined;
  /** Enter the group; a single-use KeyPackage is used up. @throws `state.stale-handle` the second time, `validation.group-id` */
  accept(): Group;
  /** Drop it; the KeyPackage stays usable. */
  discard(): void;
}

/** A join without invitation; `message` is to be sent first. */
export interface ExternalJoinOffer extends StagedJoin {
  /** MLSMessage with the external commit. */
  readonly message: Uint8Array;
}

/** A group founded on another one; its first commit is taken already. */
export interface FoundedGroup {
  readonly group: Group;
  /** MLSMessage for all others; `undefined` when there are none. */
  readonly welcome: Uint8Array | undefined;
  /** MLSMessage for external joiners, when asked for. */
  readonly groupInfo: Uint8Array | undefined;
}

/** Stage a state. @param enter makes the group, once */
export function stageJoin(
  state: GroupState,
  by: {
    readonly inviter?: Member | undefined;
    readonly succession?: ResumptionPskId | undefined;
    readonly keyPackage?: Uint8Array;
  },
  enter: () => Group,
): StagedJoin {
  let decided = false;
  const requireOpen = (): void => {
    if (decided) fail('state.stale-handle');
  };
  const { context, tree } = state.epoch;
  return {
    groupId: context.groupId.slice(),
    epoch: context.epoch,
    members: [...membersIn(tree)],
    extensions: context.extensions,
    inviter: by.inviter,
    origin: by.succession && originOf(by.succession),
    keyPackage: by.keyPackage,
    accept: () => {
      requireOpen();
      const group = enter();
      decided = true;
      return group;
    },
    discard: () => {
      requireOpen();
      decided = true;
      wipe(...stateSecrets(state));
    },
  };
}

function originOf({ usage, pskGroupId, pskEpoch }: ResumptionPskId): Origin {
  const kind = usage === PskUsage.reinit ? 'reinit' : 'branch';
  return { kind, groupId: pskGroupId.slice(), epoch: pskEpoch };
}
