/** One after the other. */

/** Steps that are never under way at the same time. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Run a step when those before it have ended, however they ended. @throws what the step throws */
  run<T>(step: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(step);
    this.#last = mine.then(nothing, nothing);
    return mine;
  }
}

function nothing(): void {}
