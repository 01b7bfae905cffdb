/**
 * What a backend must do, as cases for any test runner:
 *
 *   for (const { name, run } of storeConformance(make)) test(name, run);
 */

import type { KeyValueStore } from './backend.ts';
import { type Bench, CASES } from './conformanceCases.ts';

/** A fresh, empty place for records, for one case. */
export interface StorePlace {
  /**
   * The records of this place. It is called again after `close` of the one before, as after a restart, and while others
   * are open, as by a second writer.
   */
  open(): KeyValueStore | Promise<KeyValueStore>;
  /** Take the place away; all that was opened is closed. */
  destroy?(): Promise<void>;
}

/** One case. */
export interface ConformanceCase {
  /** What must hold. */
  readonly name: string;
  /** @throws `storage.contract` with what was expected; whatever the backend throws */
  run(): Promise<void>;
}

/** Cases for one kind of backend. Each makes a place of its own; they can run in any order and side by side. */
export function storeConformance(make: () => StorePlace | Promise<StorePlace>): readonly ConformanceCase[] {
  return Object.entries(CASES).map(([name, check]) => ({ name, run: () => withPlace(make, check) }));
}

async function withPlace(
  make: () => StorePlace | Promise<StorePlace>,
  check: (bench: Bench) => Promise<void>,
): Promise<void> {
  const place = await make();
  const opened: KeyValueStore[] = [];
  const open = async () => {
    const store = await place.open();
    opened.push(store);
    return store;
  };
  const closeAll = async () => {
    for (const store of opened.splice(0)) await store.close?.();
  };
  const reopened = async () => {
    await closeAll();
    return open();
  };
  try {
    await check({ store: await open(), second: open, reopened });
  } finally {
    await closeAll();
    await place.destroy?.();
  }
}
