/** A group that was joined or founded, before anybody has decided to enter it. */

import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { leaves } from '../tree/tree.ts';
import type { Group } from './group.ts';
import { stateSecrets } from './spent.ts';
import type { GroupState } from './state.ts';
import { type Member, memberAt } from './views.ts';

/** A join that was checked but not taken: inspect `members`, then accept or discard. */
export interface StagedJoin {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly members: readonly Member[];
  /** Who invited us; `undefined` for an external join. */
  readonly inviter: Member | undefined;
  /** Enter the group; a single-use KeyPackage is used up. @throws `state.stale-handle` the second time */
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
export function stageJoin(state: GroupState, inviter: Member | undefined, enter: () => Group): StagedJoin {
  let decided = false;
  const decide = (): void => {
    if (decided) fail('state.stale-handle');
    decided = true;
  };
  const { context, tree } = state.epoch;
  return {
    groupId: context.groupId.slice(),
    epoch: context.epoch,
    members: [...leaves(tree.root)].flatMap(([leaf]) => memberAt(tree, leaf) ?? []),
    inviter,
    accept: () => {
      decide();
      return enter();
    },
    discard: () => {
      decide();
      wipe(...stateSecrets(state));
    },
  };
}
