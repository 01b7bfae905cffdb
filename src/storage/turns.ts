/** Taking turns inside one process: a queue of steps, and a lock. */

import { fail } from '../base/error.ts';
import type { KeyValueStore } from './backend.ts';

/** Runs a step when all steps before it have ended, well or badly; the result is that of the step. */
export type Turns = <T>(step: () => Promise<T>) => Promise<T>;

/** A queue of its own. */
export function takingTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(step: () => Promise<T>): Promise<T> => {
    const turn = last.then(step);
    // The result, a failure above all, is the caller's alone.
    last = turn.then(nothing, nothing);
    return turn;
  };
}

/** A lock of its own, granted in the order of asking. */
export function processLock(): NonNullable<KeyValueStore['lock']> {
  let last: Promise<void> = Promise.resolve();
  let asking = 0;
  return async ({ wait }) => {
    if (asking > 0 && !wait) fail('storage.lock');
    asking += 1;
    let free = nothing;
    const before = last;
    last = new Promise((resolve) => {
      free = resolve;
    });
    await before;
    let held = true;
    return async () => {
      // A second release must not give away the place of whoever came next.
      if (held) asking -= 1;
      held = false;
      free();
    };
  };
}

function nothing(): void {}
