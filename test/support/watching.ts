/**
 * An observer beside the members: it must say of every public message what they say, as far as that takes no secrets.
 * `World` asks it for every verdict, so that each rule that is tested on members is tested on observers as well.
 */

import { expect } from 'vitest';
import { equal } from '../../src/base/bytes.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { MlsError } from '../../src/base/error.ts';
import type { Environment } from '../../src/group/environment.ts';
import { followMove, observeMove, type Seen } from '../../src/group/follow.ts';
import { decodePublicState, encodePublicState } from '../../src/group/publicRecord.ts';
import type { PublicState } from '../../src/group/publicState.ts';
import type { GroupState, NextEpoch } from '../../src/group/state.ts';
import { GroupContext } from '../../src/wire/groupContext.ts';

/** One member, as `world.ts` and `peers.ts` have them. */
interface Beside {
  readonly env: Environment;
  readonly state: GroupState;
}

/** What an observer knows that has seen what a member has. */
export function publicStateOf({ status, epoch, proposals, reinit }: GroupState): PublicState {
  const { context, tree, confirmationTag, interimHash } = epoch;
  return Object.freeze({
    status: status === 'closed' ? 'closed' : 'active',
    epoch: Object.freeze({ context, tree, confirmationTag, interimHash }),
    proposals: proposals.map((item) => ({ ...item, ownKeys: undefined })),
    ends: [],
    offer: undefined,
    reinit,
  });
}

/** Codes behind which there may be a secret: an observer may find nothing amiss, or something else. */
const TAKES_SECRETS: readonly MlsErrorCode[] = [
  'crypto.membership-tag',
  'crypto.confirmation-tag',
  'crypto.aead',
  'crypto.kem',
  'state.missing-psk',
];

/** The observer beside a member refuses with the same code, and its state stays the same, byte for byte. */
export function watchRefusal({ env, state }: Beside, message: Uint8Array, code: MlsErrorCode): void {
  const before = publicStateOf(state);
  const bytes = encodePublicState(env, before);
  const found = verdict(() => observeMove(env, before, message, {}).result);
  expect(equal(encodePublicState(env, before), bytes)).toBe(true);
  if (found === 'opaque' || TAKES_SECRETS.includes(code)) return;
  // Whether a path secret belongs to the keys of a path is for those to say who can decrypt it.
  const mayPass = code === 'validation.path' ? [code, 'checked-commit'] : [code];
  expect(mayPass, 'verdict of an observer').toContain(found);
}

/** The observer beside a member comes to the same epoch, also after a restart. */
export function watchCommit({ env, state }: Beside, message: Uint8Array, next: NextEpoch): void {
  for (const before of [publicStateOf(state), restarted(env, publicStateOf(state))]) {
    const { result } = observeMove(env, before, message, {});
    if (result.kind === 'opaque') return;
    if (result.kind !== 'checked-commit') throw new Error(`observer: ${result.kind}`);
    const { epoch, reinit } = followMove(env, before, result.next).next;
    expect(GroupContext.bytes(epoch.context)).toEqual(GroupContext.bytes(next.epoch.context));
    expect(epoch.interimHash).toEqual(next.epoch.interimHash);
    expect(epoch.confirmationTag).toEqual(next.epoch.confirmationTag);
    expect(reinit === undefined).toBe(next.reinit === undefined);
  }
}

function restarted(env: Environment, state: PublicState): PublicState {
  return decodePublicState(env, encodePublicState(env, state));
}

function verdict(step: () => Seen): string {
  try {
    return step().kind;
  } catch (error) {
    if (error instanceof MlsError) return error.code;
    throw error;
  }
}
