/** What a sealed backend gives to whoever reads it, and what it takes from whoever writes to it. */

import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../../src/base/bytes.ts';
import { createNobleProvider } from '../../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import type { KeyValueStore } from '../../../src/storage/backend.ts';
import { memoryBackend } from '../../../src/storage/memory.ts';
import { sealedBackend } from '../../../src/storage/sealed.ts';
import { seeded } from '../../support/seeded.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const SECRET = utf8('a secret of thirty-two bytes, ok');

describe('a sealed backend', () => {
  const make = async () => {
    const plain = memoryBackend();
    const store = sealedBackend(plain, KEY, nodeProvider);
    await store.batch([
      { type: 'put', key: 'a', value: SECRET },
      { type: 'put', key: 'b', value: SECRET },
    ]);
    return { plain, store };
  };

  test('leaves names readable and values not, equal ones as little as others', async () => {
    const { plain } = await make();
    const [a, b] = [await raw(plain, 'a'), await raw(plain, 'b')];
    expect(toHex(a)).not.toContain(toHex(SECRET));
    expect(a.length).toBe(1 + 12 + SECRET.length + 16);
    expect(a).not.toEqual(b);
    expect(await names(plain)).toEqual(['a', 'b']);
  });

  test('STO-08: any bit flipped, any end cut off, is storage.corrupt, and of this record only', async () => {
    const { plain, store } = await make();
    const record = await raw(plain, 'a');
    const damaged = [
      ...Array.from({ length: record.length * 8 }, (_, bit) => flipped(record, bit)),
      ...Array.from({ length: record.length }, (_, length) => record.slice(0, length)),
      Uint8Array.of(...record, 0),
      SECRET,
    ];
    for (const value of damaged) {
      await plain.batch([{ type: 'put', key: 'a', value }]);
      await expect(store.get('a')).rejects.toMatchObject({ code: 'storage.corrupt' });
    }
    await expect(names(store)).rejects.toMatchObject({ code: 'storage.corrupt' });
    expect(await store.get('b')).toEqual(SECRET);
  });

  test('STO-08, STO-09: records cannot stand in for each other', async () => {
    const { plain, store } = await make();
    await plain.batch([{ type: 'put', key: 'b', value: await raw(plain, 'a') }]);
    await expect(store.get('b')).rejects.toMatchObject({ code: 'storage.corrupt' });
  });

  test('another key opens nothing', async () => {
    const { plain } = await make();
    const other = sealedBackend(plain, flipped(KEY, 0), nodeProvider);
    await expect(other.get('a')).rejects.toMatchObject({ code: 'storage.corrupt' });
  });

  test('both back ends write the same form', async () => {
    const { plain } = await make();
    expect(await sealedBackend(plain, KEY, createNobleProvider()).get('a')).toEqual(SECRET);
  });

  test('a record that another writer sealed anew in between is a conflict, as is one that cannot be opened', async () => {
    const { plain, store } = await make();
    const other = sealedBackend(plain, KEY, nodeProvider);
    const between = sealedBackend(
      {
        ...plain,
        batch: async (ops, guard) => {
          await other.batch([{ type: 'put', key: 'a', value: SECRET }]);
          await plain.batch(ops, guard);
        },
      },
      KEY,
      nodeProvider,
    );
    const guard = { key: 'a', value: SECRET };
    await expect(between.batch([{ type: 'del', key: 'b' }], guard)).rejects.toMatchObject({
      code: 'storage.conflict',
    });
    await store.batch([{ type: 'del', key: 'b' }], guard);
    await plain.batch([{ type: 'put', key: 'a', value: SECRET }]);
    await expect(store.batch([], guard)).rejects.toMatchObject({ code: 'storage.corrupt' });
  });

  test('no nonce comes twice', async () => {
    const plain = memoryBackend();
    const store = sealedBackend(plain, KEY, seeded(1));
    const nonces = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const keys = ['a', 'b', 'c', 'd'];
      await store.batch(keys.map((key) => ({ type: 'put', key, value: SECRET })));
      for (const key of keys) nonces.add(toHex((await raw(plain, key)).subarray(1, 13)));
    }
    expect(nonces.size).toBe(200);
  });

  test('takes a key of 32 bytes only, and a copy of it', async () => {
    const plain = memoryBackend();
    for (const length of [0, 16, 31, 33]) {
      expect(() => sealedBackend(plain, new Uint8Array(length), nodeProvider)).toThrow('codec.input');
    }
    const mine = KEY.slice();
    const store = sealedBackend(plain, mine, nodeProvider);
    mine.fill(0);
    await store.batch([{ type: 'put', key: 'a', value: SECRET }]);
    expect(await sealedBackend(plain, KEY, nodeProvider).get('a')).toEqual(SECRET);
  });

  test('seals nothing under a key that was wiped', async () => {
    const { plain, store } = await make();
    await store.close?.();
    const before = await raw(plain, 'a');
    const late = sealedBackend(plain, KEY, nodeProvider);
    const reading = late.get('a');
    await late.close?.();
    await expect(reading).rejects.toMatchObject({ code: 'storage.durability' });
    for (const work of [
      () => store.batch([{ type: 'put', key: 'a', value: SECRET }]),
      () => store.get('a'),
      () => names(store),
    ]) {
      await expect(work()).rejects.toMatchObject({ code: 'storage.durability' });
    }
    expect(await raw(plain, 'a')).toEqual(before);
  });

  test('offers a lock and compact where the backend does', () => {
    const { lock: _, ...plain } = memoryBackend();
    expect(Object.keys(sealedBackend(plain, KEY, nodeProvider)).sort()).toEqual([
      'batch',
      'close',
      'get',
      'scan',
    ]);
    const more = { ...memoryBackend(), compact: async () => {} };
    expect(Object.keys(sealedBackend(more, KEY, nodeProvider))).toEqual(
      expect.arrayContaining(['lock', 'compact']),
    );
  });
});

async function raw(store: KeyValueStore, key: string): Promise<Uint8Array> {
  return (await store.get(key)) ?? new Uint8Array(0);
}

async function names(store: KeyValueStore): Promise<string[]> {
  const found: string[] = [];
  for await (const [key] of store.scan('')) found.push(key);
  return found;
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const out = bytes.slice();
  out[bit >>> 3]! ^= 1 << (bit & 7);
  return out;
}
