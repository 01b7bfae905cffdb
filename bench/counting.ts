/** A backend that counts what is written through it. */

import type { Guard, KeyValueStore, StoreOp } from '../src/storage/backend.ts';

/** What was written. */
export interface Written {
  readonly batches: number;
  /** Put or removed. */
  readonly records: number;
  /** Names and values; of removed records, names. */
  readonly bytes: number;
}

/** Counts batches, records and bytes on their way into another backend. */
export class CountingBackend implements KeyValueStore {
  readonly #inner: KeyValueStore;
  /** Records whose name begins so are counted apart. */
  readonly #apart: string;
  #written: Written = NONE;
  #apartBytes = 0;

  constructor(inner: KeyValueStore, apart: string) {
    this.#inner = inner;
    this.#apart = apart;
  }

  /** What has been written since the last call, the records counted apart left out. */
  take(): Written & { readonly apart: number } {
    const taken = { ...this.#written, apart: this.#apartBytes };
    this.#written = NONE;
    this.#apartBytes = 0;
    return taken;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#inner.get(key);
  }
  scan(prefix: string): AsyncIterable<readonly [string, Uint8Array]> {
    return this.#inner.scan(prefix);
  }
  async batch(ops: readonly StoreOp[], guard?: Guard): Promise<void> {
    let { records, bytes } = this.#written;
    for (const op of ops) {
      const size = op.key.length + (op.type === 'put' ? op.value.length : 0);
      if (op.key.startsWith(this.#apart)) {
        this.#apartBytes += size;
        continue;
      }
      records += 1;
      bytes += size;
    }
    this.#written = { batches: this.#written.batches + 1, records, bytes };
    await this.#inner.batch(ops, guard);
  }
  async close(): Promise<void> {
    await this.#inner.close?.();
  }
}

const NONE: Written = { batches: 0, records: 0, bytes: 0 };
