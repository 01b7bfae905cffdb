/** Received commits of one epoch that wait for a decision, out of reach of the application. */

import { fail } from '../base/error.ts';
import { markOf, type UsedKey } from './decide.ts';
import type { EpochEnd, GroupState, NextEpoch } from './state.ts';
import type { StagedCommit } from './views.ts';

/** What a commit is made of. */
export interface Staged {
  /** Absent when it removes us. */
  readonly next: NextEpoch | undefined;
  /** The key that opened it. */
  readonly used: UsedKey | undefined;
  readonly end: EpochEnd;
}

/** The commits of an epoch by the handles that stand for them. */
export class StagedCommits {
  #staged = new Map<StagedCommit, Staged>();

  /** What undoes every change from here on. */
  mark(): () => void {
    const before = new Map(this.#staged);
    return () => {
      this.#staged = before;
    };
  }

  /** Stage one more. @returns the oldest, when there are too many: it is staged no longer, and can be processed again */
  add(commit: StagedCommit, staged: Staged): Staged | undefined {
    this.#staged.set(commit, staged);
    const [oldest] = this.#staged;
    if (oldest === undefined || this.#staged.size <= MAX_STAGED) return undefined;
    this.#staged.delete(oldest[0]);
    return oldest[1];
  }

  /** What is behind a handle, our own pending commit included. @throws `state.stale-handle` */
  find({ pending, status, epoch }: GroupState, commit: StagedCommit): Staged {
    if (pending !== undefined && pending.commit === commit) {
      const end = { mark: markOf(pending.commit.message), isOwn: true };
      return { next: pending.next, used: undefined, end };
    }
    const staged = this.#staged.get(commit);
    if (staged !== undefined && status === 'active') return staged;
    return fail('state.stale-handle', { epoch: epoch.context.epoch });
  }

  delete(commit: StagedCommit): void {
    this.#staged.delete(commit);
  }

  /** The epochs that do not come about when `winner` does. */
  losers(winner: NextEpoch | undefined): readonly NextEpoch[] {
    return [...this.#staged.values()].flatMap(({ next }) => (next === winner ? [] : (next ?? [])));
  }

  clear(): void {
    this.#staged.clear();
  }
}

/** Whoever has more to choose from drops the oldest. */
const MAX_STAGED = 16;
