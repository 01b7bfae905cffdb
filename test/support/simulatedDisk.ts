/**
 * A disk that loses power. It keeps every write and every sync in the order they came, so that after a cut the test can
 * ask for each of the things that a real disk may hold then:
 *
 *   const disk = new SimulatedDisk();
 *   disk.cutAt(17);                                  // the power fails during the 17th step from now
 *   await expect(work(disk)).rejects.toThrow();      // from then on every call throws PowerCut
 *   const after = disk.survivors('torn', 1);         // a disk of its own, with what is left; cut it again if you like
 *
 * A step is a `put`, a `del` or a `sync`: to visit every boundary of a program, run it once, take `disk.steps`, and run
 * it again with the cut at 1, 2, ... steps. Reads are no steps. The same seed gives the same survivors.
 */

import type { PlainStore } from '../../src/storage/journaled.ts';
import { Random } from '../fuzz/random.ts';

/** What every call throws during and after a cut; nothing of the library. */
export class PowerCut extends Error {}

/**
 * What is left after a cut of the writes that no finished sync covers, the one under way among them:
 * - `lost`: none;
 * - `torn`: all in their order, but the last only in part: the start of the value, or the full length with zeros at its
 *   end; a removal did not happen;
 * - `reordered`: some, in any order, each whole or in part;
 * - `killed`: all, and they still await a sync: the process ended, the machine did not. Whether the step under way was
 *   done depends on the seed.
 */
export type Survival = 'lost' | 'torn' | 'reordered' | 'killed';

/** All that power cuts do. */
export const CUTS: readonly Survival[] = ['lost', 'torn', 'reordered'];

interface Write {
  readonly key: string;
  /** `undefined` for a removal. */
  readonly value: Uint8Array | undefined;
}

type Step = Write | 'sync';
type Records = Map<string, Uint8Array>;

/** Something that happens instead of a step. */
type Fault = 'cut' | 'stall' | { readonly error: Error };

/** A plain store with faults. */
export class SimulatedDisk implements PlainStore {
  /** What was durable when this disk was made. */
  readonly #base: ReadonlyMap<string, Uint8Array>;
  readonly #log: Step[] = [];
  /** What readers see. */
  readonly #now: Records;
  readonly #faults = new Map<number, Fault>();
  #steps = 0;
  #syncs = 0;
  #off = false;
  /** What was under way when the power failed. */
  #underWay: Step | undefined;

  constructor(base: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#base = base;
    this.#now = new Map(base);
  }

  /** Writes and syncs so far, those that failed among them. */
  get steps(): number {
    return this.#steps;
  }
  /** Syncs so far that were carried out. */
  get syncs(): number {
    return this.#syncs;
  }
  /** Whether the power has failed. */
  get off(): boolean {
    return this.#off;
  }

  /** Cut the power during the k-th step from now, counted from 1. */
  cutAt(k: number): void {
    this.#faults.set(this.#steps + k, 'cut');
  }
  /** Cut the power now, between two steps. */
  cut(): void {
    this.#off = true;
  }
  /** Let `times` steps, the k-th from now first, fail with an error and do nothing: a full disk, a bad sector. */
  failAt(k: number, error: Error, times = 1): void {
    for (let i = 0; i < times; i++) this.#faults.set(this.#steps + k + i, { error });
  }
  /** Let the k-th step from now never end. */
  stallAt(k: number): void {
    this.#faults.set(this.#steps + k, 'stall');
  }
  /** Forget faults that have not come yet. */
  repair(): void {
    this.#faults.clear();
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#needPower();
    return this.#now.get(key);
  }
  async *scan(prefix: string): AsyncGenerator<readonly [string, Uint8Array]> {
    this.#needPower();
    for (const key of [...this.#now.keys()].sort()) {
      if (key.startsWith(prefix)) yield [key, this.#now.get(key)!];
    }
  }
  async put(key: string, value: Uint8Array): Promise<void> {
    await this.#step({ key, value: value.slice() });
  }
  async del(key: string): Promise<void> {
    await this.#step({ key, value: undefined });
  }
  async sync(): Promise<void> {
    await this.#step('sync');
    this.#syncs += 1;
  }

  /** A disk with what is left of this one. This one stays as it is, and can be asked again. */
  survivors(survival: Survival, seed = 0): SimulatedDisk {
    const random = new Random(seed);
    const synced = this.#log.lastIndexOf('sync') + 1;
    const open = this.#log.slice(synced) as Write[];
    const last = this.#underWay === undefined || this.#underWay === 'sync' ? [] : [this.#underWay];
    const durable = this.#until(synced);
    if (survival !== 'killed') {
      for (const write of left([...open, ...last], survival, random)) perform(durable, write);
      return new SimulatedDisk(durable);
    }
    const disk = new SimulatedDisk(durable);
    for (const write of [...open, ...(random.below(2) === 0 ? [] : last)]) disk.#do(write);
    return disk;
  }

  /**
   * A disk with what this one held durably `syncs` syncs ago: a machine that had lied about the last ones, or a restored
   * copy.
   */
  ago(syncs: number): SimulatedDisk {
    const ends = this.#log.flatMap((step, i) => (step === 'sync' ? [i + 1] : []));
    return new SimulatedDisk(this.#until(syncs < ends.length ? ends[ends.length - 1 - syncs]! : 0));
  }

  /** All that it holds, for searching bytes in it. */
  contents(): ReadonlyMap<string, Uint8Array> {
    return this.#now;
  }

  /** Records after the first steps of the log. */
  #until(length: number): Records {
    const records: Records = new Map(this.#base);
    for (const step of this.#log.slice(0, length)) if (step !== 'sync') perform(records, step);
    return records;
  }

  #needPower(): void {
    if (this.#off) throw new PowerCut('there is no power');
  }

  async #step(step: Step): Promise<void> {
    this.#needPower();
    this.#steps += 1;
    const fault = this.#faults.get(this.#steps);
    if (fault === 'stall') return new Promise(() => {});
    if (fault === 'cut') {
      this.#off = true;
      this.#underWay = step;
      throw new PowerCut(`cut at step ${this.#steps}`);
    }
    if (fault !== undefined) throw fault.error;
    this.#do(step);
  }

  #do(step: Step): void {
    this.#log.push(step);
    if (step !== 'sync') perform(this.#now, step);
  }
}

function perform(records: Records, { key, value }: Write): void {
  if (value === undefined) records.delete(key);
  else records.set(key, value);
}

function left(writes: readonly Write[], survival: Survival, random: Random): readonly Write[] {
  if (survival === 'lost') return [];
  if (survival === 'torn')
    return [...writes.slice(0, -1), ...writes.slice(-1).flatMap((one) => torn(one, random))];
  const shuffled = [...writes];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled.flatMap((one) => [[], [one], [one], torn(one, random)][random.below(4)]!);
}

function torn({ key, value }: Write, random: Random): Write[] {
  if (value === undefined || value.length === 0) return [];
  const start = value.slice(0, random.below(value.length));
  if (random.below(2) === 0) return [{ key, value: start }];
  const zeros = new Uint8Array(value.length);
  zeros.set(start);
  return [{ key, value: zeros }];
}
