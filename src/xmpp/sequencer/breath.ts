/** Long work that lets others have their turn: whoever draws a screen, or answers a ping. */

import type { Timers } from '../timers.ts';

/** Milliseconds of work without a pause. */
const MOST_MS = 30;

/** Counts how long has been worked. */
export class Breath {
  readonly #timers: Timers;
  #since: number;

  constructor(timers: Timers) {
    this.#timers = timers;
    this.#since = timers.now();
  }

  /** Pause if it is time to; between any two steps of the work. */
  async draw(): Promise<void> {
    if (this.#timers.now() - this.#since < MOST_MS) return;
    await new Promise<void>((resolve) => this.#timers.after(0, resolve));
    this.#since = this.#timers.now();
  }
}
