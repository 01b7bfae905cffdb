/** A backend in memory whose batches can be made to fail, to come late, or to be listened to. */

import type { Guard, KeyValueStore, StoreOp } from '../../src/storage/backend.ts';
import { memoryBackend } from '../../src/storage/memory.ts';

/** What is done instead of a batch; `undefined` lets it through. */
export type Rig = (write: () => Promise<void>, ops: readonly StoreOp[]) => Promise<void> | undefined;

/** Records that several stores may open at once: nothing but guards keeps them apart. */
export class Rigged implements KeyValueStore {
  readonly #inner: KeyValueStore;
  /** For all batches from now on. */
  rig: Rig = () => undefined;
  /** Batches so far. */
  count = 0;

  constructor(inner: KeyValueStore = memoryBackend()) {
    this.#inner = inner;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#inner.get(key);
  }
  scan(prefix: string): AsyncIterable<readonly [string, Uint8Array]> {
    return this.#inner.scan(prefix);
  }
  batch(ops: readonly StoreOp[], guard?: Guard): Promise<void> {
    this.count += 1;
    // What comes late must not see that values are wiped.
    const own = ops.map((op) => (op.type === 'put' ? { ...op, value: op.value.slice() } : op));
    const write = (): Promise<void> => this.#inner.batch(own, guard);
    return this.rig(write, own) ?? write();
  }

  /** The next batch fails. */
  failNext(error: unknown): void {
    this.rig = () => {
      this.rig = () => undefined;
      return Promise.reject(error);
    };
  }

  /** The next batch never ends. @returns what writes it after all */
  stallNext(): () => Promise<void> {
    let late: () => Promise<void> = async () => {};
    this.rig = (write) => {
      this.rig = () => undefined;
      late = write;
      return new Promise(() => {});
    };
    return () => late();
  }
}
