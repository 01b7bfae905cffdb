/** Formats of the store: how one that an earlier release wrote becomes one of today. */

import { fail } from '../base/error.ts';
import type { KeyValueStore, StoreOp } from './backend.ts';
import { META_KEY } from './keys.ts';
import { encode, Meta } from './records.ts';
import type { Writer } from './writer.ts';

/** What turns a store of one format into one of the next. */
export type Migration = (records: KeyValueStore) => Promise<readonly StoreOp[]>;

/** The format that is written. */
export const FORMAT = 1;

/** By the format they start from: one for each that was released and is not written any more. */
const MIGRATIONS: ReadonlyMap<number, Migration> = /* @__PURE__ */ new Map<number, Migration>();

/** @throws `storage.version` for a format that is not known yet: nothing else of such a store can be understood */
export function requireKnown(format: number): number {
  return format <= FORMAT ? format : fail('storage.version', { format, known: FORMAT });
}

/**
 * Bring a store up to date, format by format, each in one batch: whatever happens in between, it has one format or the
 * other. @throws `storage.*`
 */
export async function migrate(
  records: KeyValueStore,
  writer: Writer,
  format: number,
  { to, migrations }: Migrations = TODAY,
): Promise<void> {
  for (let at = format; at !== to; at++) {
    const migration = migrations.get(at) ?? fail('storage.version', { format: at, known: to });
    const ops = await writer.read(() => migration(records));
    await writer.run((batch) => {
      for (const op of ops) {
        if (op.type === 'put') batch.put(op.key, op.value);
        else batch.del(op.key);
      }
      batch.put(META_KEY, encode(Meta, { format: at + 1 }));
    });
  }
}

/** Where to, and how. */
export interface Migrations {
  readonly to: number;
  readonly migrations: ReadonlyMap<number, Migration>;
}

const TODAY: Migrations = /* @__PURE__ */ Object.freeze({ to: FORMAT, migrations: MIGRATIONS });
