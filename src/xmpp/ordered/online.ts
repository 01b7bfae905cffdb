/** Waits for the connection to be there. */

import type { Transport } from '../transport.ts';

/** Whether a connection is there, as far as it has told. */
export class Online {
  #isOffline = false;
  #isStopped = false;
  #wake: () => void = () => {};
  readonly #unwatch: () => void;

  constructor(transport: Transport) {
    this.#unwatch = transport.watch((state) => {
      this.#isOffline = state === 'offline';
      if (!this.#isOffline) this.#wake();
    });
  }

  /** Resolves when it is there, or after {@link stop}. The end of a session is often told when another one has begun already. */
  async wait(): Promise<void> {
    if (!this.#isOffline || this.#isStopped) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Wait no longer. */
  stop(): void {
    this.#isStopped = true;
    this.#unwatch();
    this.#wake();
  }
}
