/** Records in memory: for tests, for trying things out, and as the measure of what the other backends do. */

import type { KeyValueStore, StoreOp } from './backend.ts';
import { checkedKey, checkedPrefix, checkGuard, ownedGuard, ownedOps } from './operations.ts';
import { processLock } from './turns.ts';

/**
 * A backend that lives as long as the object. It is durable in no other sense. Whoever has the object is a writer; it
 * can be opened again and again, as a file can.
 * @throws each method: `codec.input`; `batch`: `storage.conflict`; `lock`: `storage.lock`
 */
export function memoryBackend(): KeyValueStore {
  // A value in here is never altered, so that a scan may go on with what it has seen.
  const records = new Map<string, Uint8Array>();
  let order: readonly string[] | undefined;
  return {
    get: async (key) => copy(records.get(checkedKey(key))),
    async *scan(prefix) {
      checkedPrefix(prefix);
      order ??= [...records.keys()].sort();
      const names = order.slice(firstFrom(order, prefix));
      const until = names.findIndex((name) => !name.startsWith(prefix));
      const found = names.slice(0, until < 0 ? names.length : until).map((name) => [name, records.get(name)]);
      for (const [name, value] of found as [string, Uint8Array][]) yield [name, value.slice()];
    },
    batch: async (ops, guard) => {
      const [own, condition] = [ownedOps(ops), ownedGuard(guard)];
      if (condition !== undefined) checkGuard(records.get(condition.key), condition);
      const names = own.some((op) => records.has(op.key) !== (op.type === 'put'));
      apply(records, own);
      // A name that came and went again is no harm: the order is made anew.
      if (names) order = undefined;
    },
    lock: processLock(),
  };
}

function copy(value: Uint8Array | undefined): Uint8Array | undefined {
  return value?.slice();
}

function apply(records: Map<string, Uint8Array>, ops: readonly StoreOp[]): void {
  for (const op of ops) {
    if (op.type === 'put') records.set(op.key, op.value);
    else records.delete(op.key);
  }
}

/** Index of the first name that is not below `least`. */
function firstFrom(names: readonly string[], least: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] as string) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
