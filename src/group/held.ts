/** Messages of later epochs (RFC 9420 §14): held within bounds that no single source can use up. */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { Environment } from './environment.ts';
import type { Policy } from './policy.ts';
import type { Divergence } from './processed.ts';
import type { GroupState, HeldMessage } from './state.ts';
import type { Transition } from './transition.ts';

/** What became of an early message. */
export type Held =
  | { readonly kind: 'held'; readonly epoch: bigint }
  | { readonly kind: 'desynchronised'; readonly evidence: Divergence };

/**
 * Hold a message of a later epoch. Its epoch is not authenticated, so it never leads to more than being held; one that
 * is too far ahead is reported once for each source and epoch of ours.
 * @throws `state.epoch-future` when there is no room, or it was reported already
 */
export function holdMove(
  env: Environment,
  state: GroupState,
  early: HeldMessage,
): Transition<GroupState, Held> {
  const { epoch } = early;
  const held: Held = { kind: 'held', epoch };
  if (state.held.some(({ message }) => equal(message, early.message))) return { next: state, result: held };
  const limits = env.policy.held;
  if (epoch - state.epoch.context.epoch > BigInt(limits.epochs)) return tooFar(state, early);
  const own = heldFrom(state.held, early.source);
  if (early.source !== '' && loadOf([...own, early], limits) > 1 / SHARE) {
    fail('state.epoch-future', { epoch, held: own.length });
  }
  return { next: { ...state, held: [...makeRoom(state.held, early, limits), early] }, result: held };
}

/** The part of the room that a named source may fill: one in this many. */
const SHARE = 4;
/** Sources that are remembered as reported, so that a flood of made-up ones costs nothing. */
const MAX_REPORTED = 64;

function tooFar(state: GroupState, { epoch, source }: HeldMessage): Transition<GroupState, Held> {
  if (state.ahead.includes(source) || state.ahead.length >= MAX_REPORTED)
    fail('state.epoch-future', { epoch });
  const result = { kind: 'desynchronised', evidence: { kind: 'ahead', epoch } } as const;
  return { next: { ...state, ahead: [...state.ahead, source] }, result };
}

/** Drop the newest messages of whoever holds most, as long as that is more than the newcomer would hold. */
function makeRoom(held: readonly HeldMessage[], early: HeldMessage, limits: Limits): readonly HeldMessage[] {
  let left = held;
  while (loadOf([...left, early], limits) > 1) {
    const most = heaviest(left, limits);
    const own = loadOf([...heldFrom(left, early.source), early], limits);
    if (most.length === 0 || own >= loadOf(most, limits)) {
      return fail('state.epoch-future', { epoch: early.epoch, held: held.length });
    }
    const last = most.at(-1);
    left = left.filter((entry) => entry !== last);
  }
  return left;
}

/** What the source with the largest share holds. */
function heaviest(held: readonly HeldMessage[], limits: Limits): readonly HeldMessage[] {
  let most: readonly HeldMessage[] = [];
  for (const source of new Set(held.map((entry) => entry.source))) {
    const theirs = heldFrom(held, source);
    if (loadOf(theirs, limits) > loadOf(most, limits)) most = theirs;
  }
  return most;
}

function heldFrom(held: readonly HeldMessage[], source: string): readonly HeldMessage[] {
  return held.filter((entry) => entry.source === source);
}

/** The part of the room that messages take, by number or by bytes, whichever is more. */
function loadOf(held: readonly HeldMessage[], { count, bytes }: Limits): number {
  return Math.max(held.length / count, held.reduce((sum, { message }) => sum + message.length, 0) / bytes);
}

type Limits = Policy['held'];
