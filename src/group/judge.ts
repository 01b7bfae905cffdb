/** What a commit would come to, found out without taking it in. */

import type { LeafIndex } from '../base/brand.ts';
import { ownedCopy } from '../base/bytes.ts';
import { guarded, MlsError } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { type Group, insideOf } from './group.ts';
import { processMove, type Taken } from './process.ts';
import { type Processed, saysNothing } from './processed.ts';
import { droppedSecrets } from './spent.ts';
import type { GroupState } from './state.ts';
import type { CommitChanges } from './views.ts';

/** What `Group.process` would say of a message. */
export type Judgement =
  /** A commit that passes every check. */
  | {
      readonly kind: 'valid';
      readonly origin: 'member' | 'new-member';
      readonly committer: LeafIndex;
      readonly changes: CommitChanges;
      readonly authenticatedData: Uint8Array;
    }
  /** A commit that passes every check that all members share; its secrets do not lead us on. */
  | { readonly kind: 'unusable'; readonly error: MlsError }
  /** It breaks a rule, or something is missing here. */
  | { readonly kind: 'rejected'; readonly error: MlsError }
  /** No commit by others to be decided now. */
  | { readonly kind: 'other'; readonly outcome: Exclude<Processed['kind'], 'commit' | 'rejected'> };

/**
 * Judge a commit as `Group.process` does, without any effect: nothing is staged, no key is consumed, and it works on a
 * group of a store as well. Costs as much as processing it.
 * @throws `state.closed-handle`, `codec.input` for no bytes, and `crypto.*` or `internal.bug` when a back end fails
 */
export function judge(group: Group, message: Uint8Array): Judgement {
  const { env, cell } = insideOf(group);
  const { state } = cell;
  const bytes = guarded(() => ownedCopy(message));
  try {
    return judged(state, guarded(() => processMove(env, state, bytes)).result);
  } catch (error) {
    if (error instanceof MlsError && !saysNothing(error)) return { kind: 'rejected', error };
    throw error;
  }
}

function judged(state: GroupState, taken: Taken): Judgement {
  if (taken.kind === 'checked-commit') {
    const { checked, origin, authenticatedData } = taken;
    const { committer, changes, next, spent } = checked;
    wipe(...spent, ...(next === undefined ? [] : droppedSecrets(state, next)));
    return { kind: 'valid', origin, committer, changes, authenticatedData };
  }
  if (taken.kind === 'application') wipe(taken.data);
  if (taken.kind === 'desynchronised' && taken.evidence.kind === 'unusable-commit')
    return { kind: 'unusable', error: taken.evidence.error };
  return { kind: 'other', outcome: taken.kind };
}
