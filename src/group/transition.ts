/**
 * The single place where a group changes.
 *
 * Every move is a pure function from a frozen state to a {@link Transition}: the next state, the result, and the bytes
 * that are spent. `Cell.run` computes all of it first, then puts the next state in place, then wipes. A throw anywhere
 * in the move leaves the old state, since nothing was assigned; after the assignment nothing can throw. Whoever holds
 * the old state (a staged commit, a snapshot) holds a pointer; what it must not outlive is only what was spent.
 *
 * Under a store the assignment waits until the next state is durable: moves are made in `attempt`, on a state that
 * nobody else sees, and `keep` puts it in place or `drop` forgets it.
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

/** A state that waits for being durable, and what is spent when it is. */
interface Ahead<S> {
  readonly state: S;
  readonly spent: readonly Uint8Array[];
}

/** Holds the current state of one group or client. */
export class Cell<S> {
  #state: S | undefined;
  #isStored = false;
  /** What attempts have led to so far. */
  #ahead: Ahead<S> | undefined;
  /** The attempt under way. */
  #attempt: Ahead<S> | undefined;

  constructor(state: S) {
    this.#state = state;
  }

  /** In an attempt, the state that it has reached. @throws `state.closed-handle` */
  get state(): S {
    return this.#attempt?.state ?? this.#state ?? fail('state.closed-handle');
  }

  /** The state that is in place, and that which waits. @throws `state.closed-handle` */
  get waiting(): { readonly before: S; readonly after: S } {
    const before = this.#state ?? fail('state.closed-handle');
    return { before, after: this.#ahead?.state ?? before };
  }

  /** Whether {@link close} has not been called. */
  get isOpen(): boolean {
    return this.#state !== undefined;
  }

  /** Run one move. @throws only `MlsError`; then nothing has changed. `state.busy` under a store, outside of an attempt */
  run<T>(move: (state: S) => Transition<S, T>): T {
    const attempt = this.#attempt;
    if (this.#isStored && attempt === undefined) fail('state.busy');
    const { next, result, spent = [] } = guarded(() => move(this.state));
    if (attempt !== undefined) {
      this.#attempt = { state: next, spent: [...attempt.spent, ...spent] };
      return result;
    }
    this.#state = next;
    wipe(...spent);
    return result;
  }

  /** From now on moves need an {@link attempt}. */
  store(): void {
    this.#isStored = true;
  }

  /** Make moves after those that wait already. When one throws, none of this attempt count. */
  attempt<T>(moves: () => T): T {
    if (this.#attempt !== undefined) fail('state.busy');
    this.#attempt = this.#ahead ?? { state: this.state, spent: [] };
    try {
      const result = moves();
      this.#ahead = this.#attempt;
      return result;
    } finally {
      this.#attempt = undefined;
    }
  }

  /** Put what waits in place. */
  keep(): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead === undefined || this.#state === undefined) return;
    this.#state = ahead.state;
    wipe(...ahead.spent);
  }

  /** Forget what waits. */
  drop(): void {
    this.#ahead = undefined;
  }

  /** Wipe what is left and refuse further use. */
  close(secrets: (state: S) => Iterable<Uint8Array>): void {
    if (this.#state === undefined) return;
    const left = [...secrets(this.#state), ...(this.#ahead === undefined ? [] : secrets(this.#ahead.state))];
    this.#state = undefined;
    this.#ahead = undefined;
    wipe(...left);
  }
}
