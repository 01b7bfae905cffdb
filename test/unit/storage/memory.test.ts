/** What backends refuse before they do anything. */

import { expect, test } from 'vitest';
import type { StoreOp } from '../../../src/storage/backend.ts';
import { memoryBackend } from '../../../src/storage/memory.ts';

const VALUE = Uint8Array.of(1);

test.each(['', 'ä', 'a\n', 'a\x7f', '\u0000', 7])('a name cannot be %j', async (key) => {
  const store = memoryBackend();
  const name = key as string;
  const refused = { code: 'codec.input' };
  await expect(store.get(name)).rejects.toMatchObject(refused);
  await expect(store.batch([{ type: 'put', key: name, value: VALUE }])).rejects.toMatchObject(refused);
  await expect(store.batch([{ type: 'del', key: name }])).rejects.toMatchObject(refused);
  await expect(store.batch([], { key: name, value: undefined })).rejects.toMatchObject(refused);
  if (key !== '')
    await expect(store.scan(name)[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
});

test.each(['text', null, undefined, [1], new Uint16Array(1), { length: 1 }])(
  'a value cannot be %j',
  async (value) => {
    const store = memoryBackend();
    const ops = [
      { type: 'put', key: 'a', value: VALUE },
      { type: 'put', key: 'b', value },
    ] as StoreOp[];
    await expect(store.batch(ops)).rejects.toMatchObject({ code: 'codec.input' });
    expect(await store.get('a')).toBeUndefined();
  },
);

test('an operation is put or del', async () => {
  const ops = [{ type: 'get', key: 'a' }] as unknown as StoreOp[];
  await expect(memoryBackend().batch(ops)).rejects.toMatchObject({ code: 'codec.input' });
});

test('locks are granted in the order of asking', async () => {
  const store = memoryBackend();
  const order: number[] = [];
  const take = async (i: number) => {
    const release = await store.lock?.({ wait: true });
    order.push(i);
    await release?.();
  };
  await Promise.all([take(1), take(2), take(3)]);
  expect(order).toEqual([1, 2, 3]);
  await store.lock?.({ wait: false });
});
