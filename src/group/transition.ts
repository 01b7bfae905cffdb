/**
 * The single place where a group changes.
 *
 * Every move is a pure function from a frozen state to a {@link Transition}: the next state, the result, and the bytes
 * that are spent. `Cell.run` computes all of it first, then puts the next state in place, then wipes. A throw anywhere
 * in the move leaves the old state, since nothing was assigned; after the assignment nothing can throw. Whoever holds
 * the old state (a staged commit, a snapshot) holds a pointer; what it must not outlive is only what was spent.
 */

import { fail, guarded } from '../base/error.ts';
import { wipe } from '../base/secret.ts';

/** What a move leads to. */
export interface Transition<S, T> {
  readonly next: S;
  readonly result: T;
  /** Secrets that nothing needs once `next` is in place. */
  readonly spent?: readonly Uint8Array[];
}

/** Holds the current state of one group or client. */
export class Cell<S> {
  #state: S | undefined;

  constructor(state: S) {
    this.#state = state;
  }

  /** @throws `state.closed-handle` */
  get state(): S {
    return this.#state ?? fail('state.closed-handle');
  }

  /** Whether {@link close} has not been called. */
  get isOpen(): boolean {
    return this.#state !== undefined;
  }

  /** Run one move. @throws only `MlsError`; then nothing has changed */
  run<T>(move: (state: S) => Transition<S, T>): T {
    const { next, result, spent = [] } = guarded(() => move(this.state));
    this.#state = next;
    wipe(...spent);
    return result;
  }

  /** Wipe what is left and refuse further use. */
  close(secrets: (state: S) => Iterable<Uint8Array>): void {
    if (this.#state === undefined) return;
    const left = [...secrets(this.#state)];
    this.#state = undefined;
    wipe(...left);
  }
}
