/** Deciding a staged commit: entering its epoch, leaving with it, or dropping it (RFC 9420 §12.4.2, §14). */

import { EMPTY } from '../base/bytes.ts';
import { MlsError } from '../base/error.ts';
import { takeReceiveKey } from '../schedule/secretTree.ts';
import { renewed } from '../tree/renewals.ts';
import type { Environment } from './environment.ts';
import { droppedSecrets, epochOnly, epochSecrets, removedSecrets, replacedSecrets } from './spent.ts';
import type { EpochEnd, GroupState, NextEpoch, PastEpoch } from './state.ts';
import type { Transition } from './transition.ts';

/** A message key to be consumed when a commit is decided: the one that opened it. */
export interface UsedKey {
  readonly leaf: PastEpoch['self'];
  readonly generation: number;
}

/** Enter the epoch of a commit; what belonged to the old one and is not kept is spent. @param end how to know the commit again */
export function enterMove(
  env: Environment,
  state: GroupState,
  next: NextEpoch,
  end: EpochEnd = UNMARKED,
): Transition<GroupState, void> {
  const { policy } = env;
  const { context, tree, self, secrets } = state.epoch;
  const { senderDataSecret } = secrets;
  const old: PastEpoch = { context, tree, self, senderDataSecret, secretTree: state.secretTree, end };
  const past = [old, ...state.past];
  const psk = { epoch: context.epoch, secret: secrets.resumptionPsk };
  const resumption = [psk, ...state.resumption];
  return {
    next: Object.freeze({
      status: next.reinit === undefined ? 'active' : 'closed',
      epoch: next.epoch,
      secretTree: next.secretTree,
      exporterTree: next.exporterTree,
      renewals: renewed(state.renewals, { before: tree, after: next.epoch.tree }, next.epoch.context.epoch),
      proposals: [],
      pending: undefined,
      past: past.slice(0, policy.pastEpochs),
      resumption: resumption.slice(0, policy.resumptionEpochs),
      held: state.held.filter(({ epoch }) => epoch > next.epoch.context.epoch),
      ahead: [],
      dropped: [],
      // An epoch that nobody but us can have made has keys that nobody has used.
      isSetBack: state.isSetBack && !(end.isOwn && state.pending?.isFresh === true),
      reinit: next.reinit,
    }),
    result: undefined,
    spent: [
      ...epochOnly(state),
      ...past.slice(policy.pastEpochs).flatMap(epochSecrets),
      ...replacedSecrets(state, next),
      ...resumption.slice(policy.resumptionEpochs).map((entry) => entry.secret),
    ],
  };
}

/** We were removed: nothing can be sent any more, and only late messages can still be read. */
export function leaveMove(env: Environment, state: GroupState): Transition<GroupState, void> {
  return {
    next: Object.freeze({
      ...state,
      status: 'removed',
      proposals: [],
      pending: undefined,
      held: [],
      past: state.past.slice(0, env.policy.pastEpochs),
    }),
    result: undefined,
    spent: removedSecrets(state),
  };
}

/** Consume the key that opened a commit, when its fate is decided (§9.2). */
export function consumeMove(
  env: Environment,
  state: GroupState,
  used: UsedKey,
): Transition<GroupState, void> {
  const from = { leaf: used.leaf, kind: 'handshake', generation: used.generation } as const;
  try {
    const taken = takeReceiveKey(env.suite, state.secretTree, from, env.policy);
    const spent = [...taken.spent, taken.key, taken.nonce];
    return { next: { ...state, secretTree: taken.next }, result: undefined, spent };
  } catch (error) {
    // The key is gone by another way (used, or evicted since), which is all that is wanted here.
    if (error instanceof MlsError) return { next: state, result: undefined };
    throw error;
  }
}

/** Drop a staged commit; what only it held is spent. */
export function discardMove(state: GroupState, next: NextEpoch | undefined): Transition<GroupState, void> {
  const { pending } = state;
  const left =
    pending !== undefined && pending.next === next
      ? { ...state, pending: undefined, dropped: [...state.dropped, markOf(pending.commit.message)] }
      : state;
  const spent = next === undefined ? [] : droppedSecrets(state, next);
  return { next: left, result: undefined, spent };
}

/** What tells a commit from others of its epoch: the authentication tags at its end. @param message MLSMessage */
export function markOf(message: Uint8Array): Uint8Array {
  return message.slice(-MARK_LENGTH);
}

const MARK_LENGTH = 32;

const UNMARKED: EpochEnd = /* @__PURE__ */ Object.freeze({ mark: EMPTY, isOwn: false });
