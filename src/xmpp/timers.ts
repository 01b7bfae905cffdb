/** Time as the binding sees it: an argument everywhere, so that tests can turn the clock. */

/** A clock with an alarm. */
export interface Timers {
  /** Milliseconds since 1970. */
  now(): number;
  /** Run something later, once; returns how to call it off. @param ms milliseconds */
  after(ms: number, run: () => void): () => void;
}

/** The clock of the platform. */
export const systemTimers: Timers = /* @__PURE__ */ Object.freeze({
  now: () => Date.now(),
  after: (ms: number, run: () => void) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
});

/** A clock that tells whole milliseconds, by one that may also tell parts of them. */
export function wholeTimers(timers: Timers): Timers {
  return { now: () => Math.floor(timers.now()), after: (ms, run) => timers.after(ms, run) };
}
