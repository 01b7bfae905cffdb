/** Records in IndexedDB, for browsers. */

import type { MlsErrorCode } from '../base/codes.ts';
import { fail } from '../base/error.ts';
import type { Guard, KeyValueStore, StoreOp } from './backend.ts';
import { refuse, translated } from './failures.ts';
import type {
  IdbDatabase,
  IdbFactory,
  IdbKeyRanges,
  IdbObjectStore,
  IdbTransaction,
  WebLocks,
} from './indexeddbTypes.ts';
import { afterPrefix, checkedKey, checkedPrefix, checkGuard, ownedGuard, ownedOps } from './operations.ts';

/** Where the records are, and what of the platform is used. */
export interface IndexedDbOptions {
  /** Name of the database, which belongs to this backend alone, and of the lock. */
  readonly name: string;
  /** In place of the globals of the same names. */
  readonly indexedDB?: IdbFactory;
  readonly IDBKeyRange?: IdbKeyRanges;
  /** In place of `navigator.locks`. */
  readonly locks?: WebLocks;
  /**
   * Write although the browser does not promise that a write outlives a power cut. Without it, such a browser (before
   * Chrome 83, Safari 15, Firefox 126) is refused: a lost write can make a key be used twice.
   */
  readonly acceptRelaxedDurability?: boolean;
}

const STORE = 'records';
const VERSION = 1;
/** Records that are asked for at a time. */
const PAGE = 1000;

/**
 * A backend over a database of IndexedDB, which is made when there is none. Guards are checked inside the transaction
 * that writes, so they keep tabs apart with or without locks; `lock` is there where the browser has Web Locks.
 *
 * A scan holds all that it gives in memory, since a transaction does not wait for its readers. What was deleted may stay
 * in files of the browser, which offers no way to compact them. The browser may drop the whole database when space is
 * short, unless the page got `navigator.storage.persist()`.
 *
 * When another page deletes the database or opens it as a later version, this one lets go of it, and every later call
 * is `storage.lock`; when the browser closes it, `storage.durability`.
 * @throws `codec.input` where there is no IndexedDB. Each method: `codec.input`, `storage.lock`, `storage.version` for a
 * database of a later release, `storage.corrupt`, `storage.durability`; `batch` also `storage.conflict`, `storage.quota`
 */
export function indexedDbBackend(options: IndexedDbOptions): KeyValueStore {
  const { name, acceptRelaxedDurability = false } = options;
  const platform = globalThis as Platform;
  const factory = options.indexedDB ?? platform.indexedDB ?? fail('codec.input', { expected: 'indexedDB' });
  const ranges =
    options.IDBKeyRange ?? platform.IDBKeyRange ?? fail('codec.input', { expected: 'IDBKeyRange' });
  const locks = options.locks ?? platform.navigator?.locks;
  const connection = connect(factory, name);
  const store: KeyValueStore = {
    get: async (key) => {
      checkedKey(key);
      const database = await connection.open();
      return translated(() =>
        transact(database, 'readonly', ({ records, give }) => {
          const request = records.get(key);
          request.addEventListener('success', () => give(request.result));
        }),
      ).then(bytesOf);
    },
    async *scan(prefix) {
      checkedPrefix(prefix);
      const database = await connection.open();
      for (const [key, value] of await translated(() => readAll(database, prefix, ranges))) {
        yield [key, bytesOf(value) ?? fail('storage.corrupt')];
      }
    },
    batch: async (ops, guard) => {
      const [own, condition] = [ownedOps(ops), ownedGuard(guard)];
      const database = await connection.open();
      const relaxed = acceptRelaxedDurability;
      await translated(() => write(database, { ops: own, guard: condition, relaxed }));
    },
    close: async () => connection.close(),
  };
  if (locks !== undefined) store.lock = ({ wait }) => lockBy(locks, `xmpp-mls/${name}`, wait);
  return store;
}

interface Platform {
  readonly indexedDB?: IdbFactory;
  readonly IDBKeyRange?: IdbKeyRanges;
  readonly navigator?: { readonly locks?: WebLocks };
}

interface Connection {
  open(): Promise<IdbDatabase>;
  close(): Promise<void>;
}

/** Opens at the first use, and again after a failure; never again once it had to let go. */
function connect(factory: IdbFactory, name: string): Connection {
  let opened: Promise<IdbDatabase> | undefined;
  let gone: readonly [code: MlsErrorCode, reason: string] | undefined;
  const attempt = async () => {
    try {
      const database = await openDatabase(factory, name);
      database.addEventListener('versionchange', () => {
        gone = ['storage.lock', 'versionchange'];
        database.close();
      });
      database.addEventListener('close', () => {
        gone = ['storage.durability', 'closed by the browser'];
      });
      return database;
    } catch (cause) {
      opened = undefined;
      return refuse(cause);
    }
  };
  const check = () => {
    if (gone !== undefined) fail(gone[0], { reason: gone[1] });
  };
  return {
    open: async () => {
      check();
      opened ??= attempt();
      const database = await opened;
      check();
      return database;
    },
    close: async () => {
      gone = ['storage.durability', 'closed'];
      (await opened?.catch(() => undefined))?.close();
    },
  };
}

function openDatabase(factory: IdbFactory, name: string): Promise<IdbDatabase> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, VERSION);
    let late = false;
    request.addEventListener('upgradeneeded', () => request.result.createObjectStore(STORE));
    request.addEventListener('error', () => reject(request.error));
    request.addEventListener('blocked', () => {
      late = true;
      reject({ name: 'blocked' });
    });
    request.addEventListener('success', () => {
      if (late) request.result.close();
      else resolve(request.result);
    });
  });
}

/** Inside a transaction. */
interface Work {
  readonly transaction: IdbTransaction;
  readonly records: IdbObjectStore;
  /** Set the result. */
  give(value: unknown): void;
  /** Undo everything, with this as the reason. */
  stop(reason: unknown): void;
}

/** Run a transaction. @returns what was given, when it is complete */
function transact(
  database: IdbDatabase,
  mode: 'readonly' | 'readwrite',
  work: (work: Work) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction([STORE], mode, { durability: 'strict' });
    let result: unknown;
    let failure: unknown;
    const give = (value: unknown) => {
      result = value;
    };
    const stop = (reason: unknown) => {
      failure = reason;
      transaction.abort();
    };
    transaction.addEventListener('complete', () => resolve(result));
    transaction.addEventListener('abort', () => reject(failure ?? transaction.error));
    const records = transaction.objectStore(STORE);
    stoppable(stop, () => work({ transaction, records, give, stop }));
  });
}

/** Without this, what was asked for before a throw would be written. */
function stoppable(stop: (reason: unknown) => void, step: () => void): void {
  try {
    step();
  } catch (cause) {
    stop(cause);
  }
}

/** All in one transaction, page by page: what is asked for from inside a request keeps it open. */
async function readAll(
  database: IdbDatabase,
  prefix: string,
  ranges: IdbKeyRanges,
): Promise<[key: string, value: unknown][]> {
  const found: [string, unknown][] = [];
  await transact(database, 'readonly', ({ records }) => {
    const page = (from: string, after: boolean): void => {
      const range = ranges.bound(from, afterPrefix(prefix), after, true);
      const keys = records.getAllKeys(range, PAGE);
      const values = records.getAll(range, PAGE);
      values.addEventListener('success', () => {
        const names = keys.result as string[];
        for (const [i, name] of names.entries()) found.push([name, values.result[i]]);
        if (names.length === PAGE) page(names.at(-1) as string, true);
      });
    };
    page(prefix, false);
  });
  return found;
}

interface Batch {
  readonly ops: readonly StoreOp[];
  readonly guard: Guard | undefined;
  readonly relaxed: boolean;
}

async function write(database: IdbDatabase, { ops, guard, relaxed }: Batch): Promise<void> {
  await transact(database, 'readwrite', ({ transaction, records, stop }) => {
    const put = () => putAll(transaction, records, ops);
    if (transaction.durability !== 'strict' && !relaxed) {
      fail('storage.durability', { durability: transaction.durability });
    }
    if (guard === undefined) return put();
    const request = records.get(guard.key);
    request.addEventListener('success', () =>
      stoppable(stop, () => {
        checkGuard(bytesOf(request.result), guard);
        put();
      }),
    );
  });
}

function putAll(transaction: IdbTransaction, records: IdbObjectStore, ops: readonly StoreOp[]): void {
  for (const op of ops) {
    if (op.type === 'put') records.put(op.value, op.key);
    else records.delete(op.key);
  }
  // Does not wait until the browser has noticed that nothing follows.
  transaction.commit?.();
}

/** @throws `storage.corrupt` for a record that we did not write */
function bytesOf(value: unknown): Uint8Array | undefined {
  return value === undefined || value instanceof Uint8Array ? value : fail('storage.corrupt');
}

async function lockBy(locks: WebLocks, name: string, wait: boolean): Promise<() => Promise<void>> {
  let free = (): void => {};
  let done: Promise<unknown> = Promise.resolve();
  const granted = await new Promise<boolean>((resolve, reject) => {
    done = locks.request(name, { mode: 'exclusive', ifAvailable: !wait }, async (lock) => {
      resolve(lock !== null);
      // The lock is held until this settles.
      if (lock !== null)
        await new Promise<void>((release) => {
          free = release;
        });
    });
    // Also when the lock is stolen from us: then guards notice.
    done.catch(reject);
  }).catch(refuse);
  if (!granted) fail('storage.lock');
  return async () => {
    free();
    await done.catch(() => {});
  };
}
