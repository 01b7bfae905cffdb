/** Which groups are in the store, and where. */

import { toHex } from '../base/bytes.ts';
import type { Batch } from './batch.ts';
import { placeKey } from './keys.ts';
import { encode, Place } from './records.ts';

/** A group in the store. */
export interface PlacedGroup extends Place {
  readonly place: number;
}

/** The list of groups, in memory as it is in the store. */
export class Places {
  readonly #places = new Map<number, PlacedGroup>();
  #next = 1;

  /** Whether there are groups of which it cannot be told which ones they are. */
  readonly isDamaged: boolean;

  /** @param places as they are in the store @param damaged those that could not be read */
  constructor(places: Iterable<PlacedGroup>, damaged: readonly number[] = []) {
    for (const placed of places) this.#keep(placed);
    this.isDamaged = damaged.length > 0;
    this.#next = Math.max(this.#next, ...damaged.map((place) => place + 1));
  }

  /** All of them, joins that are not decided among them. */
  get all(): readonly PlacedGroup[] {
    return [...this.#places.values()];
  }

  /** The group of an id that we are in, as the client of a suite. @param suite any, when left out */
  find(groupId: Uint8Array, suite?: number): PlacedGroup | undefined {
    const id = toHex(groupId);
    return this.all.find(
      (placed) =>
        placed.standing === 'in' &&
        toHex(placed.groupId) === id &&
        (suite === undefined || placed.suite === suite),
    );
  }

  /** What a place is for. */
  get(place: number): PlacedGroup | undefined {
    return this.#places.get(place);
  }

  /** A place that nobody has had. */
  take(): number {
    return this.#next++;
  }

  /** Put a group on the list when the batch is written. */
  put(batch: Batch, placed: PlacedGroup): void {
    batch.put(placeKey(placed.place), encode(Place, placed));
    batch.onKept(() => this.#keep(placed));
  }

  /** Take a group off the list when the batch is written. */
  del(batch: Batch, place: number): void {
    batch.del(placeKey(place));
    batch.onKept(() => this.#places.delete(place));
  }

  #keep(placed: PlacedGroup): void {
    this.#places.set(placed.place, placed);
    this.#next = Math.max(this.#next, placed.place + 1);
  }
}
