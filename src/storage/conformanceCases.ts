/** The cases of the suite for backends, and how they look at records. */

import { equal } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import type { KeyValueStore, StoreOp } from './backend.ts';

/** What a case works with. */
export interface Bench {
  readonly store: KeyValueStore;
  /** Another one on the same records. */
  second(): Promise<KeyValueStore>;
  /** The same records after all were closed. */
  reopened(): Promise<KeyValueStore>;
}

/** By what must hold. */
export const CASES: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  'a record that was never written is undefined': async ({ store }) => {
    expect((await store.get('a')) === undefined, 'undefined for no record');
    expect((await all(store, '')).length === 0, 'no records in an empty store');
    await store.batch([del('a')]);
    expect((await store.get('a')) === undefined, 'removing nothing is nothing');
  },
  'records are written, overwritten and removed': async ({ store }) => {
    await store.batch([put('a', 1), put('b', 2)]);
    await store.batch([put('a', 3), del('b')]);
    await expectRecords(store, '', { a: 3 });
  },
  'a batch of nothing is allowed': async ({ store }) => {
    await store.batch([]);
    await expectRecords(store, '', {});
  },
  'operations of a batch take effect in their order': async ({ store }) => {
    await store.batch([put('a', 1), del('a'), put('b', 1), put('b', 2), put('c', 1), del('c'), put('c', 3)]);
    await expectRecords(store, '', { b: 2, c: 3 });
  },
  'values may be any bytes, none, and a mebibyte': async ({ store }) => {
    const values = [new Uint8Array(0), Uint8Array.from({ length: 256 }, (_, i) => i), pattern(1 << 20)];
    await store.batch(values.map((value, i) => ({ type: 'put', key: `v${i}`, value })));
    for (const [i, value] of values.entries()) expectBytes(await store.get(`v${i}`), value);
    const found = await all(store, 'v');
    for (const [i, value] of values.entries()) expectBytes(found[i]?.[1], value);
  },
  'names may be any printable ASCII': async ({ store }) => {
    const names = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    const long = `${'n'.repeat(400)}/`;
    await store.batch([...names, long].map((name) => put(name, name.charCodeAt(0))));
    for (const name of names) expectBytes(await store.get(name), Uint8Array.of(name.charCodeAt(0)));
    expect((await all(store, '')).length === 96, '96 records');
    expect((await all(store, long)).length === 1, 'a name of 401 characters');
  },
  'a scan goes in the order of names': async ({ store }) => {
    const names = ['b', 'a/2', 'a/10', 'a', 'B', 'a!', '~', 'a~', 'a/'];
    await store.batch(names.map((name) => put(name, 1)));
    const found = (await all(store, '')).map(([key]) => key);
    expect(found.join() === [...names].sort().join(), 'names in order', found.join());
  },
  'a scan gives what starts with the prefix, and nothing else': async ({ store }) => {
    await store.batch(
      ['a', 'a/', 'a/1', 'a/1/x', 'a/~', 'a/~~', 'a0', 'b', '/a/'].map((name) => put(name, 1)),
    );
    await expectRecords(store, 'a/', { 'a/': 1, 'a/1': 1, 'a/1/x': 1, 'a/~': 1, 'a/~~': 1 });
    await expectRecords(store, 'a/~', { 'a/~': 1, 'a/~~': 1 });
    await expectRecords(store, 'c', {});
  },
  'bytes are copied on the way in': async ({ store }) => {
    const value = Uint8Array.of(1, 2, 3);
    const ops: StoreOp[] = [{ type: 'put', key: 'a', value }];
    const version = Uint8Array.of(9);
    await store.batch([{ type: 'put', key: 'v', value: version }]);
    const writing = store.batch(ops, { key: 'v', value: version });
    value.fill(0);
    version.fill(0);
    ops.length = 0;
    await writing;
    expectBytes(await store.get('a'), Uint8Array.of(1, 2, 3));
    expectBytes(await store.get('v'), Uint8Array.of(9));
  },
  'bytes are copied on the way out': async ({ store }) => {
    await store.batch([put('a', 7)]);
    (await store.get('a'))?.fill(0);
    for (const [, value] of await all(store, 'a')) value.fill(0);
    await expectRecords(store, '', { a: 7 });
    expectBytes(await store.get('a'), Uint8Array.of(7));
  },
  'a part of a larger buffer is written alone': async ({ store }) => {
    const whole = pattern(100);
    await store.batch([{ type: 'put', key: 'a', value: whole.subarray(10, 20) }]);
    const value = await store.get('a');
    expectBytes(value, whole.slice(10, 20));
  },
  'a guard that holds lets the batch through': async ({ store }) => {
    await store.batch([put('v', 1), put('a', 1)], { key: 'v', value: undefined });
    await store.batch([put('v', 2), put('a', 2)], { key: 'v', value: Uint8Array.of(1) });
    await store.batch([put('a', 3)], { key: 'v', value: Uint8Array.of(2) });
    await store.batch([del('v')], { key: 'v', value: Uint8Array.of(2) });
    await store.batch([put('a', 4)], { key: 'v', value: undefined });
    await expectRecords(store, '', { a: 4 });
  },
  'a guard that does not hold stops all of the batch': async ({ store }) => {
    await store.batch([put('v', 1), put('a', 1)]);
    const ops = [put('a', 2), del('v'), put('b', 2)];
    for (const value of [undefined, Uint8Array.of(2), new Uint8Array(0), Uint8Array.of(1, 0)]) {
      await expectConflict(store.batch(ops, { key: 'v', value }));
    }
    await expectConflict(store.batch(ops, { key: 'none', value: new Uint8Array(0) }));
    await expectRecords(store, '', { a: 1, v: 1 });
  },
  'an empty value is not the absence of one': async ({ store }) => {
    await store.batch([{ type: 'put', key: 'v', value: new Uint8Array(0) }]);
    await expectConflict(store.batch([put('a', 1)], { key: 'v', value: undefined }));
    await store.batch([put('a', 2)], { key: 'v', value: new Uint8Array(0) });
    expectBytes(await store.get('a'), Uint8Array.of(2));
  },
  'a scan is of one moment, whatever is written meanwhile': async ({ store }) => {
    const names = Array.from({ length: 2500 }, (_, i) => `s/${String(i).padStart(4, '0')}`);
    await store.batch(names.map((name) => put(name, 1)));
    const found: string[] = [];
    for await (const [key, value] of store.scan('s/')) {
      if (found.length === 0) {
        await store.batch([
          ...names.slice(1000).map(del),
          put('s/0500', 2),
          put('s/0000x', 2),
          put('s/9', 2),
        ]);
      }
      expect(value[0] === 1, 'the value of the moment', key);
      found.push(key);
    }
    expect(found.join() === names.join(), 'the names of the moment', found.length);
    expect((await all(store, 's/')).length === 1002, 'what was written meanwhile');
  },
  'a scan can be left early': async ({ store }) => {
    await store.batch([put('a', 1), put('b', 1), put('c', 1)]);
    for await (const [key] of store.scan('')) if (key === 'a') break;
    await store.batch([put('a', 2)]);
    await expectRecords(store, '', { a: 2, b: 1, c: 1 });
  },
  'five thousand records': async ({ store, reopened }) => {
    const names = Array.from({ length: 5000 }, (_, i) => `n/${String(i).padStart(4, '0')}`);
    await store.batch(names.map((key, i) => ({ type: 'put', key, value: Uint8Array.of(i >>> 8, i) })));
    const found = await all(await reopened(), 'n/');
    expect(found.length === names.length, '5000 records', found.length);
    for (const [i, [key, value]] of found.entries()) {
      expect(key === names[i], 'the next name', key);
      expectBytes(value, Uint8Array.of(i >>> 8, i));
    }
  },
  'records are there after closing and opening': async ({ store, reopened }) => {
    await store.batch([put('a', 1), put('b', 2)]);
    const again = await reopened();
    await again.batch([del('a'), put('c', 3)], { key: 'b', value: Uint8Array.of(2) });
    await expectRecords(await reopened(), '', { b: 2, c: 3 });
  },
  'batches at the same time do not mix': async ({ store }) => {
    const writing = Array.from({ length: 50 }, (_, i) =>
      store.batch([put('a', i), put('b', i), put(`c${i}`, i)]),
    );
    const seen = all(store, '');
    await Promise.all(writing);
    for (const records of [await seen, await all(store, '')]) {
      const of = (name: string) => records.find(([key]) => key === name)?.[1][0];
      expect(of('a') === of('b'), 'both records of one batch', of('a'));
    }
    expect((await all(store, 'c')).length === 50, 'every batch');
  },
  'of many writers with one guard, one wins': async ({ store, second }) => {
    const other = await second();
    await store.batch([put('v', 0)]);
    for (let version = 0; version < 10; version++) {
      const guard = { key: 'v', value: Uint8Array.of(version) };
      const tries = [store, other, other, store].map((writer, i) =>
        writer.batch([put('v', version + 1), put(`w${version}/${i}`, i)], guard).then(
          () => 1,
          (error: unknown) => conflictOnly(error),
        ),
      );
      const wins = (await Promise.all(tries)).reduce((sum, one) => sum + one, 0);
      expect(wins === 1, 'one winner', wins);
      expect((await all(store, `w${version}/`)).length === 1, 'the records of the winner alone');
    }
  },
  'a lock, where there is one, has one holder': async ({ store, second }) => {
    if (store.lock === undefined) return;
    const other = await second();
    const release = await store.lock({ wait: false });
    await expectCode(lockOf(other, false), 'storage.lock');
    let granted = false;
    const waiting = lockOf(other, true).then((give) => {
      granted = true;
      return give;
    });
    for (let i = 0; i < 10; i++) await store.get('a');
    expect(!granted, 'no second holder');
    await release();
    const releaseOther = await waiting;
    await expectCode(lockOf(store, false), 'storage.lock');
    // Giving up what one does not have any more takes nothing from the holder.
    await release();
    await expectCode(lockOf(store, false), 'storage.lock');
    await releaseOther();
    await (await lockOf(store, false))();
  },
  'compact, where there is one, leaves records as they are': async ({ store }) => {
    await store.batch([put('a', 1), put('b', 2)]);
    await store.batch([del('b'), put('c', 3)]);
    await store.compact?.();
    await expectRecords(store, '', { a: 1, c: 3 });
  },
};

function put(key: string, byte: number): StoreOp {
  return { type: 'put', key, value: Uint8Array.of(byte) };
}

function del(key: string): StoreOp {
  return { type: 'del', key };
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8)) & 0xff);
}

async function all(store: KeyValueStore, prefix: string): Promise<(readonly [string, Uint8Array])[]> {
  const found: (readonly [string, Uint8Array])[] = [];
  for await (const record of store.scan(prefix)) found.push(record);
  return found;
}

async function lockOf(store: KeyValueStore, wait: boolean): Promise<() => Promise<void>> {
  return (
    store.lock?.({ wait }) ?? fail('storage.contract', { expected: 'a lock in every one that is opened' })
  );
}

function expect(holds: boolean, expected: string, saw?: string | number): void {
  if (!holds) fail('storage.contract', { expected, saw });
}

function expectBytes(found: Uint8Array | undefined, expected: Uint8Array): void {
  expect(found !== undefined && equal(found, expected), `${expected.length} bytes`, found?.length);
}

/** Records of one byte each, by name in order. */
async function expectRecords(
  store: KeyValueStore,
  prefix: string,
  records: Readonly<Record<string, number>>,
): Promise<void> {
  const found = (await all(store, prefix)).map(([key, value]) => `${key}=${value.join()}`).join(' ');
  const expected = Object.entries(records).map(([key, byte]) => `${key}=${byte}`);
  expect(found === expected.join(' '), expected.join(' '), found);
}

async function expectConflict(writing: Promise<void>): Promise<void> {
  await expectCode(writing, 'storage.conflict');
}

async function expectCode(work: Promise<unknown>, code: string): Promise<void> {
  const saw = await work.then(
    () => 'success',
    (error: unknown) => (error instanceof MlsError ? error.code : String(error)),
  );
  expect(saw === code, code, saw);
}

/** @returns 0, the wins of whoever lost */
function conflictOnly(error: unknown): number {
  if (!(error instanceof MlsError) || error.code !== 'storage.conflict') throw error;
  return 0;
}
