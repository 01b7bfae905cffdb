/**
 * Atomic, durable batches over a store that has none: a journal of two places, written in turns.
 *
 * Batch n is written to place n mod 2 and synced, which makes it durable, and is then applied. The sync also covers what
 * batch n - 1 had applied. So when batch n + 1 is written over n - 1, nothing of n - 1 is needed any more, and one
 * sync a batch is enough. After a crash, whole entries are replayed, n - 1 before n: each says what its records are
 * afterwards, so replaying twice, or after a crash while replaying, ends the same. An entry that is not whole was never
 * acknowledged, and nothing of it was applied.
 */

import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import type { Provider } from '../crypto/provider.ts';
import type { KeyValueStore, StoreOp } from './backend.ts';
import { translated } from './failures.ts';
import { type Digest, type JournalEntry, readEntry, writeEntry } from './journal.ts';
import { checkedKey, checkedPrefix, checkGuard, ownedGuard, ownedOps } from './operations.ts';
import { takingTurns } from './turns.ts';

/**
 * A store of single records, with one writer. Until a `sync` that began later has ended, a crash may undo a write, do it
 * in part (the start of the value, or the right length with zeros at the end), or keep later ones without it. Other
 * records are not touched by that.
 */
export interface PlainStore {
  /** The value as it was last written; it is not altered afterwards. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Every record whose key starts with `prefix`, in the order of keys. Nothing is written meanwhile. */
  scan(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /** It does not alter `value`, nor keep it after it has ended. */
  put(key: string, value: Uint8Array): Promise<void>;
  del(key: string): Promise<void>;
  /** Make all writes before it durable, those before a sync that failed included. */
  sync(): Promise<void>;
  /** As {@link KeyValueStore.lock}. */
  lock?(options: { readonly wait: boolean }): Promise<() => Promise<void>>;
  close?(): Promise<void>;
}

/** SHA-256 is the hash of this suite (RFC 9420 §17.1). */
const SUITE = 3;
/** Names of records and of the journal's places in the plain store begin so. */
const DATA = 'd/';
const JOURNAL = 'j/';

/**
 * A backend over a plain store that nobody else uses, neither directly nor through another `journaled`. It puts a prefix
 * before names. What a crash left unfinished is seen by readers at once and finished by the first batch. The last two
 * batches stay in the journal; `compact` makes them leave.
 * @throws `codec.unsupported` when the provider lacks suite 3. Each method: `codec.input`, `storage.version` for a
 * journal of a later release, and what the plain store throws, as `storage.quota` or `storage.durability`. A batch that
 * failed so, with `outcome: 'unknown'` in its detail, may be there all the same: read before writing again.
 */
export function journaled(plain: PlainStore, provider: Provider): KeyValueStore {
  const journal = new Journal(plain, provider.suite(SUITE).hash);
  const turns = takingTurns();
  const turn = <T>(step: () => Promise<T>) =>
    turns(() =>
      translated(async () => {
        await journal.open();
        return step();
      }),
    );
  const store: KeyValueStore = {
    get: async (key) => {
      checkedKey(key);
      return turn(() => journal.get(key));
    },
    async *scan(prefix) {
      checkedPrefix(prefix);
      // Nothing may be written while the plain store is read, so all is read before anything is given.
      yield* await turn(() => journal.all(prefix));
    },
    batch: async (ops, guard) => {
      const [own, condition] = [ownedOps(ops), ownedGuard(guard)];
      await turn(async () => {
        if (condition !== undefined) checkGuard(await journal.get(condition.key), condition);
        await journal.write(own);
      });
    },
    compact: async () => {
      // Entries of nothing, in both places.
      await turn(() => journal.write([]));
      await turn(() => journal.write([]));
    },
  };
  const { lock, close } = plain;
  if (lock !== undefined) store.lock = (options) => translated(() => lock.call(plain, options));
  if (close !== undefined) store.close = () => turns(() => translated(() => close.call(plain)));
  return store;
}

/** The two places, and what was written to them last. It is used by one step at a time. */
class Journal {
  readonly #plain: PlainStore;
  readonly #digest: Digest;
  /** Sequence of the last entry that is durable; `undefined` when that is to be found out. */
  #last: bigint | undefined;
  /** What records are by the journal, where it is not sure that they are so in the plain store. */
  #over: ReadonlyMap<string, Uint8Array | undefined> = new Map();

  constructor(plain: PlainStore, digest: Digest) {
    this.#plain = plain;
    this.#digest = digest;
  }

  /** Learn what was done. It writes nothing, so that a full disk can be read. */
  async open(): Promise<void> {
    if (this.#last !== undefined) return;
    // What is read may be in a cache only, when another process was killed: it must not go after it was acted upon.
    await this.#plain.sync();
    const entries = await this.#entries();
    this.#over = effectOf(entries.flatMap(({ ops }) => ops));
    this.#last = entries.at(-1)?.sequence ?? 0n;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = this.#over.has(key) ? this.#over.get(key) : await this.#plain.get(DATA + key);
    return value?.slice();
  }

  async all(prefix: string): Promise<[key: string, value: Uint8Array][]> {
    const found: [string, Uint8Array][] = [];
    for await (const [name, value] of this.#plain.scan(DATA + prefix)) {
      const key = name.slice(DATA.length);
      if (!this.#over.has(key)) found.push([key, value.slice()]);
    }
    if (this.#over.size === 0) return found;
    for (const [key, value] of this.#over) {
      if (value !== undefined && key.startsWith(prefix)) found.push([key, value.slice()]);
    }
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Do a batch. When the sync has ended it is done, whatever happens next. */
  async write(ops: readonly StoreOp[]): Promise<void> {
    if (this.#over.size > 0) await this.#replay();
    const sequence = (this.#last ?? 0n) + 1n;
    const record = writeEntry({ sequence, ops }, this.#digest);
    const place = placeOf(sequence);
    try {
      await this.#plain.put(place, record);
      await this.#plain.sync();
    } catch (cause) {
      await this.#undo(place, cause);
    } finally {
      wipe(record);
    }
    this.#last = sequence;
    this.#over = effectOf(ops);
    try {
      await this.#apply();
      this.#over = new Map();
    } catch {
      // Durable and therefore done. Readers see it; whoever writes next replays it, or is told why that cannot be.
    }
  }

  /** Before the next entry takes the place of one that may be needed for this. */
  async #replay(): Promise<void> {
    await this.#apply();
    await this.#plain.sync();
    this.#over = new Map();
  }

  async #apply(): Promise<void> {
    for (const [key, value] of this.#over) {
      if (value === undefined) await this.#plain.del(DATA + key);
      else await this.#plain.put(DATA + key, value);
    }
  }

  /** Take back an entry whose fate is open, so that "it failed" is true. */
  async #undo(place: string, cause: unknown): Promise<never> {
    const before = this.#last;
    this.#last = undefined;
    try {
      // What this place held before was no longer needed.
      await this.#plain.del(place);
      await this.#plain.sync();
    } catch {
      return fail('storage.durability', { outcome: 'unknown' }, cause);
    }
    this.#last = before;
    throw cause;
  }

  /** The whole ones, in the order in which they were written. */
  async #entries(): Promise<JournalEntry[]> {
    const found: JournalEntry[] = [];
    for (const place of [placeOf(0n), placeOf(1n)]) {
      const entry = readEntry(await this.#plain.get(place), this.#digest);
      if (entry !== undefined) found.push(entry);
    }
    return found.sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
  }
}

/** What records are after some operations; `undefined` for none. */
function effectOf(ops: readonly StoreOp[]): ReadonlyMap<string, Uint8Array | undefined> {
  return new Map(ops.map((op) => [op.key, op.type === 'put' ? op.value : undefined]));
}

function placeOf(sequence: bigint): string {
  return JOURNAL + (sequence % 2n);
}
