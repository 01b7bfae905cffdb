/** One direction of a stream: steps one after another, each a turn or a latency later. */

import type { Timers } from '../xmpp/timers.ts';

/** A queue of steps. */
export interface Pipe {
  /** Run a step after all before it. */
  put(step: () => void): void;
  /** Keep what is put, until released. */
  hold(): void;
  /** Go on with what was kept. */
  release(): void;
  /** Forget what is in it, and take no more. */
  close(): void;
}

/** Make a pipe. @param latencyMs milliseconds; 0 is the next turn */
export function createPipe(timers: Timers, latencyMs: number): Pipe {
  let waiting: (() => void)[] = [];
  let held = false;
  let closed = false;
  const turn = (): void => {
    if (held || closed) return;
    waiting.shift()?.();
  };
  const soon = (): void => {
    if (latencyMs === 0) void Promise.resolve().then(turn);
    else timers.after(latencyMs, turn);
  };
  return {
    put: (step) => {
      if (closed) return;
      waiting.push(step);
      if (!held) soon();
    },
    hold: () => {
      held = true;
    },
    release: () => {
      if (!held || closed) return;
      held = false;
      for (const _ of waiting) soon();
    },
    close: () => {
      closed = true;
      waiting = [];
    },
  };
}
