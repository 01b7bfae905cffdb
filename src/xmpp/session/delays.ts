/** Steps that are done later, at a moment that is drawn, so that not everybody acts at once. */

import { MlsError } from '../../base/error.ts';
import { uniform } from '../ordered/committer.ts';
import type { Timers } from '../timers.ts';
import type { Transport } from '../transport.ts';

/** What delays are made of. */
export interface DelaysOptions {
  readonly timers: Timers;
  readonly transport: Pick<Transport, 'watch'>;
  readonly random: (length: number) => Uint8Array;
}

/** Steps that were put off. */
export class Delays {
  readonly #options: DelaysOptions;
  readonly #failed: (error: unknown) => void;
  readonly #cancels = new Set<() => void>();

  #isStopped = false;

  /** @param failed told of what a step has thrown */
  constructor(options: DelaysOptions, failed: (error: unknown) => void) {
    this.#options = options;
    this.#failed = failed;
  }

  /** Do it at once, without anybody waiting for it; without a connection, when there is one again. */
  now(step: () => Promise<unknown>): void {
    step().catch((error: unknown) => {
      if (!isCutOff(error)) this.#failed(error);
      else if (!this.#isStopped) this.#whenOnline(step);
    });
  }

  /** @param between seconds, at least and at most */
  later([least, most]: readonly [number, number], step: () => Promise<unknown>): void {
    const { timers, random } = this.#options;
    const ms = 1000 * (least + (most - least) * uniform(random));
    const cancel = timers.after(ms, () => {
      this.#cancels.delete(cancel);
      this.now(step);
    });
    this.#cancels.add(cancel);
  }

  /** Everything is called off. */
  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  #whenOnline(step: () => Promise<unknown>): void {
    const cancel = this.#options.transport.watch((state) => {
      if (state === 'offline') return;
      cancel();
      this.#cancels.delete(cancel);
      this.now(step);
    });
    this.#cancels.add(cancel);
  }
}

/** Whether something failed only for want of a connection: the next session does it again. */
export function isCutOff(error: unknown): boolean {
  if (!(error instanceof MlsError)) return false;
  const { code, detail } = error;
  return code === 'xmpp.offline' || (code === 'xmpp.timeout' && detail['session'] === 'ended');
}
