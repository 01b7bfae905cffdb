/** Steps that are done later, at a moment that is drawn, so that not everybody acts at once. */

import { uniform } from '../ordered/committer.ts';
import type { Timers } from '../timers.ts';

/** Steps that were put off. */
export class Delays {
  readonly #timers: Timers;
  readonly #random: (length: number) => Uint8Array;
  readonly #failed: (error: unknown) => void;
  readonly #cancels = new Set<() => void>();

  /** @param failed told of what a step has thrown */
  constructor(timers: Timers, random: (length: number) => Uint8Array, failed: (error: unknown) => void) {
    this.#timers = timers;
    this.#random = random;
    this.#failed = failed;
  }

  /** Do it at once, without anybody waiting for it. */
  now(step: () => Promise<unknown>): void {
    step().catch(this.#failed);
  }

  /** @param between seconds, at least and at most */
  later([least, most]: readonly [number, number], step: () => Promise<unknown>): void {
    const ms = 1000 * (least + (most - least) * uniform(this.#random));
    const cancel = this.#timers.after(ms, () => {
      this.#cancels.delete(cancel);
      this.now(step);
    });
    this.#cancels.add(cancel);
  }

  /** Everything is called off. */
  stop(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
