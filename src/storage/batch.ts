/** What jobs of one batch gather: records to write, and what to do in memory when they are, or are not. */

import type { StoreOp } from './backend.ts';

/** Something in memory that follows what is written. */
export interface Durable {
  /** Records to write for what has changed in memory; computed once per batch. */
  delta(): readonly StoreOp[];
  /** They are written. */
  keep(): void;
  /** They are not. */
  drop(): void;
  /** Whether a batch must not take up more of it. */
  readonly isFull: boolean;
  /** For how many batches the last delta stands, when it is reckoned how many a platform may lose. */
  readonly weight: number;
}

/** What a job may do beside computing. */
export class Batch {
  readonly ops: StoreOp[] = [];
  readonly touched = new Set<Durable>();
  readonly #kept: (() => void)[] = [];
  readonly #dropped: (() => void)[] = [];

  /** Write a record; the value is copied. */
  put(key: string, value: Uint8Array): void {
    this.ops.push({ type: 'put', key, value: value.slice() });
  }

  /** Remove a record. */
  del(key: string): void {
    this.ops.push({ type: 'del', key });
  }

  /** Have something in memory written along. */
  touch(durable: Durable): void {
    this.touched.add(durable);
  }

  /** Called when the batch is written. */
  onKept(then: () => void): void {
    this.#kept.push(then);
  }

  /** Called when it is not, or the job throws. */
  onDropped(then: () => void): void {
    this.#dropped.push(then);
  }

  /** Take over what another one has gathered. */
  add(other: Batch): void {
    this.ops.push(...other.ops);
    this.#kept.push(...other.#kept);
    this.#dropped.push(...other.#dropped);
    for (const durable of other.touched) this.touched.add(durable);
  }

  /** It is written. */
  keep(): void {
    for (const durable of this.touched) durable.keep();
    for (const then of this.#kept) then();
    this.#wipe();
  }

  /** It is not. */
  drop(): void {
    for (const durable of this.touched) durable.drop();
    for (const then of this.#dropped) then();
    this.#wipe();
  }

  /** Its job has thrown; what it has touched has undone itself. */
  undo(): void {
    for (const then of this.#dropped) then();
  }

  /** What was written is ours, and partly secret. */
  #wipe(): void {
    for (const op of this.ops) if (op.type === 'put') op.value.fill(0);
  }
}
