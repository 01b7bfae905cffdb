/** Records in any database of the `abstract-level` family, above all LevelDB through `level`. */

import { fail } from '../base/error.ts';
import type { KeyValueStore } from './backend.ts';
import { translated } from './failures.ts';
import { afterPrefix, checkedKey, checkedPrefix, checkGuard, ownedGuard, ownedOps } from './operations.ts';
import { processLock, type Turns, takingTurns } from './turns.ts';

/** How names and values are put into the database. */
export interface LevelEncodings {
  readonly keyEncoding: 'utf8';
  readonly valueEncoding: 'view';
}

/** Which records an iterator gives, and how many bytes it may read ahead. */
export interface LevelRange extends LevelEncodings {
  readonly gte: string;
  readonly lt: string;
  readonly highWaterMarkBytes: number;
}

/** What is used of an iterator of `abstract-level`. */
export interface LevelIterator {
  nextv(size: number): Promise<[string, Uint8Array][]>;
  close(): Promise<void>;
}

/** One operation of a batch, as `abstract-level` has it. */
export type LevelOperation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string };

/** What is used of a database of `abstract-level` 3; a `Level`, `ClassicLevel`, `MemoryLevel` or a sublevel fits. */
export interface LevelDatabase {
  readonly supports: { readonly implicitSnapshots?: boolean | undefined };
  open(): Promise<void>;
  get(key: string, options: LevelEncodings): Promise<Uint8Array | undefined>;
  batch(operations: LevelOperation[], options: LevelEncodings & { readonly sync: true }): Promise<void>;
  iterator(options: LevelRange): LevelIterator;
  close(): Promise<void>;
}

/** Of a sublevel, and of LevelDB. */
interface Further {
  /** The database that a sublevel is a part of. */
  readonly db?: LevelDatabase & Further;
  readonly prefix?: string;
  compactRange?(start: string, end: string, options: { readonly keyEncoding: 'utf8' }): Promise<void>;
}

const ENCODINGS: LevelEncodings = /* @__PURE__ */ Object.freeze({
  keyEncoding: 'utf8',
  valueEncoding: 'view',
});
/** Around all names, and no names themselves. */
const EDGES: readonly LevelOperation[] = /* @__PURE__ */ Object.freeze([
  { type: 'del', key: '\x01' },
  { type: 'del', key: '\x7f' },
]);
/** Records, and bytes, of one step of a scan. */
const PAGE = 1000;
const PAGE_BYTES = 1 << 20;

/** What all adapters over one database of this process share, so that they cannot get between each other's steps. */
interface Shared {
  readonly turns: Turns;
  /** By the prefix of the sublevel; the whole database has the empty one. */
  readonly locks: Map<string, NonNullable<KeyValueStore['lock']>>;
}

const SHARED = /* @__PURE__ */ new WeakMap<object, Shared>();

/**
 * A backend over a database that nobody else writes to; over a sublevel, for a part of one. The database is opened at
 * the first use, where it is not open. LevelDB belongs to one process at a time, which its own lock file sees to;
 * `lock` and guards keep writers of this process apart. Batches ask for `sync`: a database that does not know it, as
 * `browser-level` and `memory-level`, is only as durable as it is by itself.
 *
 * What was deleted stays in the files of LevelDB until it compacts them; `compact` makes it, where the database can.
 * @throws each method: `codec.input`, `storage.lock` when another process has the database open, `storage.corrupt`,
 * `storage.durability`; `batch` also `storage.conflict`, `storage.quota`. LevelDB refuses all further writes after one
 * that failed, and whether that one is there shows when it is opened again.
 */
export function levelBackend(database: LevelDatabase): KeyValueStore {
  const { db: root = database, prefix = '' } = database as LevelDatabase & Further;
  const { turns, lock } = sharedOf(root, prefix);
  const open = opening(database);
  const store: KeyValueStore = {
    get: async (key) => {
      checkedKey(key);
      await open();
      return plain(await translated(() => database.get(key, ENCODINGS)));
    },
    scan: (start) => scan({ database, open, turns }, checkedPrefix(start)),
    batch: async (ops, guard) => {
      const [own, condition] = [ownedOps(ops), ownedGuard(guard)];
      await open();
      // An unguarded batch waits too: it could alter what a guarded one has just looked at.
      await turns(() =>
        translated(async () => {
          if (condition !== undefined) checkGuard(await database.get(condition.key, ENCODINGS), condition);
          await database.batch([...own], { ...ENCODINGS, sync: true });
        }),
      );
    },
    lock,
    close: () => translated(() => database.close()),
  };
  const { compactRange } = root as LevelDatabase & Further;
  if (compactRange === undefined) return store;
  const compact = () =>
    translated(() => compactRange.call(root, prefix, afterPrefix(prefix), { keyEncoding: 'utf8' }));
  return {
    ...store,
    compact: async () => {
      await open();
      await compact();
      // LevelDB leaves its lowest files alone unless something above them overlaps.
      await turns(() => translated(() => database.batch([...EDGES], { ...ENCODINGS, sync: true })));
      await compact();
    },
  };
}

function sharedOf(root: object, prefix: string) {
  const shared = SHARED.get(root) ?? { turns: takingTurns(), locks: new Map() };
  SHARED.set(root, shared);
  const lock = shared.locks.get(prefix) ?? processLock();
  shared.locks.set(prefix, lock);
  return { turns: shared.turns, lock };
}

/** Opens once; operations on a database that could not be opened do not say why, `open` does. */
function opening(database: LevelDatabase): () => Promise<void> {
  let opened: Promise<void> | undefined;
  return () => {
    opened ??= translated(() => database.open()).catch((error) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}

interface Scanned {
  readonly database: LevelDatabase;
  readonly open: () => Promise<void>;
  readonly turns: Turns;
}

async function* scan(
  { database, open, turns }: Scanned,
  prefix: string,
): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
  await open();
  const range = { gte: prefix, lt: afterPrefix(prefix), highWaterMarkBytes: PAGE_BYTES, ...ENCODINGS };
  const iterator = database.iterator(range);
  const next = () => translated(() => iterator.nextv(PAGE));
  try {
    // An iterator without a snapshot sees what is written meanwhile; then all is read before anything is given.
    const step = database.supports.implicitSnapshots === true ? next : once(() => turns(() => all(next)));
    for (let page = await step(); page.length > 0; page = await step()) {
      for (const [key, value] of page) yield [key, plain(value) ?? fail('storage.corrupt')];
    }
  } finally {
    await translated(() => iterator.close());
  }
}

type Page = [string, Uint8Array][];

async function all(next: () => Promise<Page>): Promise<Page> {
  const found: Page = [];
  for (let page = await next(); page.length > 0; page = await next()) found.push(...page);
  return found;
}

/** The result, then nothing. */
function once(step: () => Promise<Page>): () => Promise<Page> {
  let done = false;
  return async () => {
    if (done) return [];
    done = true;
    return step();
  };
}

/** Node's databases give a `Buffer`, whose methods are other ones; the bytes are the reader's own all the same. */
function plain(value: Uint8Array | undefined): Uint8Array | undefined {
  return value === undefined ? undefined : new Uint8Array(value.buffer, value.byteOffset, value.length);
}
