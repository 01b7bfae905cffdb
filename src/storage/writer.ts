/**
 * The one way into the store. Jobs run one after another, in memory; what all waiting ones have changed is written as one
 * batch, and only then their results are handed out. Every batch proves that nobody else has written since the last one.
 *
 * When a write fails, memory goes back to what the store holds. If it cannot be told what the store holds, the writer
 * stops: whoever goes on has to open the store again.
 */

import { equal } from '../base/bytes.ts';
import type { MlsErrorCode } from '../base/codes.ts';
import { fail, MlsError } from '../base/error.ts';
import type { KeyValueStore, StoreOp } from './backend.ts';
import { Batch } from './batch.ts';
import { VERSION_KEY } from './keys.ts';
import { encode, readRecord, Version } from './records.ts';

/** Where what was written is known from outside of the store, so that an old copy of it is noticed. */
export interface Watermark {
  /** The version last told; `undefined` when none was. */
  read(): Promise<bigint | undefined>;
  /** Told after each batch, before anything is handed out. */
  write(version: bigint): Promise<void>;
}

/** How a writer behaves. */
export interface WriterOptions {
  readonly timeoutMs: number;
  readonly watermark: Watermark | undefined;
  /** Batches that the platform may lose after it has said that they are written. */
  readonly lostWrites: number;
  /** Eight random bytes, which tell the batches of this writer from those of any other. */
  readonly name: Uint8Array;
  /** The version last told outside of the store, which may be later than that of the store. */
  readonly seen: bigint | undefined;
}

interface Job {
  readonly run: (batch: Batch) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Done {
  readonly job: Job;
  readonly result: unknown;
}

/** Runs jobs and writes what they change. */
export class Writer {
  readonly #backend: KeyValueStore;
  readonly #options: WriterOptions;
  readonly #waiting: Job[] = [];
  /** The record of the version as it is in the store. */
  #held: Uint8Array | undefined;
  #count: bigint;
  #draining: Promise<void> | undefined;
  #stopped: MlsError | undefined;

  /** @param held the version as the store has it, `undefined` for a new one @throws `storage.corrupt` */
  constructor(backend: KeyValueStore, held: Uint8Array | undefined, options: WriterOptions) {
    this.#backend = backend;
    this.#held = held?.slice();
    const count = versionOf(held);
    this.#count = options.seen !== undefined && options.seen > count ? options.seen : count;
    this.#options = options;
  }

  /** Run a job when its turn has come. @throws what it throws, and `storage.*`; in both cases it has not happened */
  run<T>(job: (batch: Batch) => T): Promise<T> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    const result = new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run: job, resolve: resolve as (result: unknown) => void, reject });
    });
    this.#draining ??= this.#drain();
    return result;
  }

  /** Read, within the time allowed; whoever stopped does not know what is there. @throws `storage.*` */
  async read<T>(what: () => Promise<T>): Promise<T> {
    if (this.#stopped !== undefined) throw this.#stopped;
    return inTime(what(), this.#options.timeoutMs);
  }

  /** Finish what waits, and refuse more. */
  async stop(code: MlsErrorCode): Promise<void> {
    await this.#draining;
    this.#stopped ??= failure(code);
  }

  async #drain(): Promise<void> {
    // Jobs that are asked for in the same turn go together.
    await undefined;
    while (this.#waiting.length > 0) await this.#round();
    this.#draining = undefined;
  }

  async #round(): Promise<void> {
    const batch = new Batch();
    const done = this.#runJobs(batch);
    try {
      await this.#save(batch);
    } catch (error) {
      batch.drop();
      for (const { job } of done) job.reject(error);
      return;
    }
    try {
      batch.keep();
    } catch (error) {
      // Written, but not in memory: whoever goes on has to open the store again.
      this.#stopped = error instanceof MlsError ? error : failure('internal.bug', error);
      for (const { job } of done) job.reject(this.#stopped);
      return;
    }
    for (const { job, result } of done) job.resolve(result);
  }

  #runJobs(batch: Batch): readonly Done[] {
    const done: Done[] = [];
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      const own = new Batch();
      try {
        if (this.#stopped !== undefined) throw this.#stopped;
        const result = job.run(own);
        batch.add(own);
        done.push({ job, result });
      } catch (error) {
        own.undo();
        job.reject(error);
      }
      if (done.length >= MAX_JOBS || [...batch.touched].some(({ isFull }) => isFull)) break;
    }
    return done;
  }

  async #save({ ops, touched }: Batch): Promise<void> {
    for (const durable of touched) ops.push(...durable.delta());
    if (ops.length > 0) await this.#write(ops);
    await this.#weighDown(Math.max(0, ...[...touched].map(({ weight }) => weight)));
  }

  /** Let batches of nothing follow one that stands for several: lost ones never hold more than they are reckoned to. */
  async #weighDown(weight: number): Promise<void> {
    const more = Math.min(weight - 1, this.#options.lostWrites);
    try {
      for (let i = 0; i < more; i++) await this.#write([]);
    } catch (error) {
      // What they were to hold down is written, and must not be acted upon.
      this.#halt(error);
    }
  }

  async #write(ops: StoreOp[]): Promise<void> {
    const count = this.#count + 1n;
    const next = encode(Version, { count, writer: this.#options.name });
    ops.push({ type: 'put', key: VERSION_KEY, value: next.slice() });
    try {
      const guard = { key: VERSION_KEY, value: this.#held };
      await inTime(this.#backend.batch(ops, guard), this.#options.timeoutMs);
    } catch (error) {
      await this.#settle(error, next);
    }
    this.#held = next;
    this.#count = count;
    await this.#tell(count);
  }

  /** After a failure, find out what the store holds. @throws the failure, unless the batch was written after all */
  async #settle(error: unknown, next: Uint8Array): Promise<void> {
    let held: Uint8Array | undefined;
    try {
      held = await inTime(this.#backend.get(VERSION_KEY), this.#options.timeoutMs);
    } catch {
      // Written or not: only opening the store again can tell.
      return this.#halt(error);
    }
    if (isSame(held, next)) return;
    const isAsBefore = isSame(held, this.#held);
    // What came too late may still be written.
    if (!isAsBefore || isCode(error, 'storage.timeout'))
      return this.#halt(isAsBefore ? error : conflict(error));
    throw error;
  }

  #halt(error: unknown): never {
    this.#stopped = error instanceof MlsError ? error : conflict(error);
    throw this.#stopped;
  }

  async #tell(version: bigint): Promise<void> {
    // A mark that was not told only makes an old copy harder to notice.
    await inTime(Promise.resolve(this.#options.watermark?.write(version)), this.#options.timeoutMs).catch(
      () => {},
    );
  }
}

/** Jobs of one batch: a bound for memory, and for how long the first one waits. */
const MAX_JOBS = 256;

/** The version that a store has; 0 when nothing was written. @throws `storage.corrupt` */
export function versionOf(value: Uint8Array | undefined): bigint {
  return value === undefined ? 0n : readRecord(Version, value).count;
}

/** Wait, but not for ever, and give every failure a code. @throws `storage.*` */
export function inTime<T>(what: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(failure('storage.timeout')), timeoutMs);
    what.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof MlsError ? error : failure('storage.durability', error));
      },
    );
  });
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equal(a, b);
}

function conflict(cause: unknown): MlsError {
  return failure('storage.conflict', cause);
}

function isCode(error: unknown, code: MlsErrorCode): boolean {
  return error instanceof MlsError && error.code === code;
}

function failure(code: MlsErrorCode, cause?: unknown): MlsError {
  try {
    return fail(code, {}, cause);
  } catch (error) {
    return error as MlsError;
  }
}
