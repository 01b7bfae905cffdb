/** Runs inside the browser: what the tests of the IndexedDB backend do there. */

import { toHex } from '../../src/base/bytes.ts';
import { MlsError } from '../../src/base/error.ts';
import type { KeyValueStore, StoreOp } from '../../src/storage/backend.ts';
import { storeConformance } from '../../src/storage/conformance.ts';
import { indexedDbBackend } from '../../src/storage/indexeddb.ts';
import type { IdbFactory, IdbTransaction } from '../../src/storage/indexeddbTypes.ts';

interface Deleting {
  addEventListener(type: string, listener: () => void): void;
}

const { indexedDB } = globalThis as unknown as {
  indexedDB: IdbFactory & { deleteDatabase(name: string): Deleting };
};

let places = 0;

/** Each case in a database of its own. */
const CASES = storeConformance(() => {
  const name = `conformance-${++places}`;
  return { open: () => indexedDbBackend({ name }), destroy: () => removed(name) };
});

let store: KeyValueStore | undefined;
let release: (() => Promise<void>) | undefined;

const offered = {
  cases: () => CASES.map(({ name }) => name),
  /** The code of a failure, or nothing. */
  run: (name: string) => outcome(async () => CASES.find((one) => one.name === name)?.run()),

  open: (name: string, relaxed = false) =>
    outcome(async () => {
      store = indexedDbBackend({ name, acceptRelaxedDurability: relaxed });
    }),
  /** On a platform whose transactions are something else than asked for. */
  openOn: (name: string, durability: string | undefined, relaxed: boolean) =>
    outcome(async () => {
      store = indexedDbBackend({
        name,
        indexedDB: withDurability(durability),
        acceptRelaxedDurability: relaxed,
      });
    }),
  close: () => outcome(async () => opened().close?.()),
  get: async (key: string) => {
    const value = await opened().get(key);
    return value === undefined ? undefined : toHex(value);
  },
  names: async (prefix: string) => {
    const found: string[] = [];
    for await (const [key] of opened().scan(prefix)) found.push(key);
    return found;
  },
  put: (key: string, bytes: number[]) =>
    outcome(() => opened().batch([{ type: 'put', key, value: Uint8Array.from(bytes) }])),
  /** On the condition that the record is as told. */
  putIf: (key: string, bytes: number[], before: number[]) =>
    outcome(() =>
      opened().batch([{ type: 'put', key, value: Uint8Array.from(bytes) }], {
        key,
        value: Uint8Array.from(before),
      }),
    ),
  /** A small value, then a large one, in one batch. */
  fill: (key: string, length: number) =>
    outcome(() =>
      opened().batch([
        { type: 'put', key: `${key}/before`, value: noise(1) },
        { type: 'put', key, value: noise(length) },
      ]),
    ),
  remove: (name: string) => removed(name),
  lock: (wait: boolean) =>
    outcome(async () => {
      release = await opened().lock?.({ wait });
    }),
  unlock: () => outcome(async () => release?.()),

  /** Raise a version as often as told, each time on the condition that nobody else did. @returns how often one lost */
  raise: async (times: number, writer: string) => {
    let lost = 0;
    for (let done = 0; done < times; ) {
      const value = await opened().get('version');
      const version = value === undefined ? 0 : (value[0] as number) * 256 + (value[1] as number);
      const next = Uint8Array.of((version + 1) >>> 8, version + 1);
      const ops: StoreOp[] = [
        { type: 'put', key: 'version', value: next },
        { type: 'put', key: `by/${String(version + 1).padStart(5, '0')}/${writer}`, value: next },
      ];
      const failed = await outcome(() => opened().batch(ops, { key: 'version', value }));
      if (failed === 'storage.conflict') lost += 1;
      else if (failed !== undefined) return failed;
      else done += 1;
    }
    return lost;
  },
  /** Mean milliseconds of a batch, and what transactions said of their durability. */
  measure: async (batches: number) => {
    const seen = new Set<string | undefined>();
    const watched = indexedDbBackend({ name: 'measured', indexedDB: withDurability('as it is', seen) });
    await watched.batch([{ type: 'put', key: 'k', value: noise(100) }]);
    const start = performance.now();
    for (let i = 0; i < batches; i++) {
      await watched.batch([
        { type: 'put', key: 'k', value: noise(1000) },
        { type: 'put', key: 'v', value: noise(8) },
      ]);
    }
    const each = (performance.now() - start) / batches;
    const reading = performance.now();
    for (let i = 0; i < batches; i++) await watched.get('k');
    const read = (performance.now() - reading) / batches;
    await watched.close?.();
    return { each, read, seen: [...seen] };
  },
};

Object.assign(globalThis, { offered });

function opened(): KeyValueStore {
  if (store === undefined) throw new Error('open first');
  return store;
}

async function outcome(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof MlsError)) return String(error);
    return Object.keys(error.detail).length === 0 || error.code !== 'storage.contract'
      ? error.code
      : `${error.code} ${JSON.stringify(error.detail)}`;
  }
}

function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) {
    globalThis.crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + 65536)));
  }
  return bytes;
}

function removed(name: string): Promise<void> {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name);
    for (const event of ['success', 'error', 'blocked']) request.addEventListener(event, () => resolve());
  });
}

/** IndexedDB whose transactions say another durability, or which notes what they say. */
function withDurability(durability: string | undefined, seen?: Set<string | undefined>): IdbFactory {
  const bound = <T extends object>(target: T, own: Partial<T>): T =>
    new Proxy(target, {
      get: (object, name) => {
        if (name in own) return own[name as keyof T];
        const value: unknown = Reflect.get(object, name);
        return typeof value === 'function' ? value.bind(object) : value;
      },
    });
  const transactionOf = (one: IdbTransaction): IdbTransaction => {
    seen?.add(one.durability);
    return seen === undefined ? bound(one, { durability } as Partial<IdbTransaction>) : one;
  };
  return {
    open: (name, version) => {
      const request = indexedDB.open(name, version);
      const database = () =>
        bound(request.result, {
          transaction: (...args) => transactionOf(request.result.transaction(...args)),
        });
      return new Proxy(request, {
        get: (object, name) => {
          if (name === 'result') return database();
          const value: unknown = Reflect.get(object, name);
          return typeof value === 'function' ? value.bind(object) : value;
        },
      });
    },
  };
}
