/** A provider that throws a plain `Error` at its k-th call: a back end that fails at the worst moment. */

import type { Provider } from '../../src/crypto/provider.ts';
import { watched } from './counting.ts';

/** What the faulty provider throws; nothing of the library. */
export class Fault extends Error {}

/** A provider that works until it is told to fail. */
export class Faulty {
  readonly provider: Provider;
  #left = Number.POSITIVE_INFINITY;
  #fired = false;

  constructor(provider: Provider) {
    this.provider = watched(provider, {
      before: (name) => {
        this.#left -= 1;
        if (this.#left !== 0) return;
        this.#fired = true;
        throw new Fault(`fault in ${name}`);
      },
    });
  }

  /** Throw at the k-th call from now, counted from 1; later calls work again. */
  arm(k: number): void {
    this.#left = k;
    this.#fired = false;
  }
  /** Work from now on. @returns whether the fault has come about */
  disarm(): boolean {
    this.#left = Number.POSITIVE_INFINITY;
    return this.#fired;
  }
}
