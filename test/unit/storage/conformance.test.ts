/** Every backend that runs under Node does what backends must; one that does not is found out. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { describe, expect, test } from 'vitest';
import { nobleProvider } from '../../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import type { KeyValueStore } from '../../../src/storage/backend.ts';
import { type StorePlace, storeConformance } from '../../../src/storage/conformance.ts';
import { journaled } from '../../../src/storage/journaled.ts';
import { levelBackend } from '../../../src/storage/level.ts';
import { memoryBackend } from '../../../src/storage/memory.ts';
import { sealedBackend } from '../../../src/storage/sealed.ts';
import { SimulatedDisk } from '../../support/simulatedDisk.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

const PLACES: Readonly<Record<string, () => StorePlace>> = {
  memory: () => {
    const store = memoryBackend();
    return { open: () => store };
  },
  level: () => levelPlace((database) => database),
  'a sublevel': () => levelPlace((database) => database.sublevel('profile')),
  'sealed memory': () => {
    const store = memoryBackend();
    return { open: () => sealedBackend(store, KEY, nodeProvider) };
  },
  'journaled, on a disk': () => journaledPlace(),
  'sealed, journaled': () => {
    const { open } = journaledPlace();
    return { open: () => sealedBackend(open(), KEY, nobleProvider) };
  },
};

for (const [kind, make] of Object.entries(PLACES)) {
  describe(`backend: ${kind}`, () => {
    for (const { name, run } of storeConformance(make)) test(name, run);
  });
}

describe('the suite for backends', () => {
  const FAULTS: Readonly<Record<string, (store: KeyValueStore) => Partial<KeyValueStore>>> = {
    'forgets guards': (store) => ({ batch: (ops) => store.batch(ops) }),
    'writes half of a refused batch': (store) => ({
      batch: async (ops, guard) => {
        await store.batch(ops.slice(0, 1));
        await store.batch(ops.slice(1), guard);
      },
    }),
    'scans what is there when it gets there': (store) => ({
      async *scan(prefix) {
        for await (const [key] of store.scan(prefix)) {
          const value = await store.get(key);
          if (value !== undefined) yield [key, value];
        }
      },
    }),
    'takes a prefix for a start': (store) => ({
      async *scan(prefix) {
        for await (const [key, value] of store.scan('')) if (key >= prefix) yield [key, value];
      },
    }),
    'gives its own bytes away': (store) => {
      const given = new Map<string, Uint8Array | undefined>();
      return {
        get: async (key) => {
          if (!given.has(key)) given.set(key, await store.get(key));
          return given.get(key);
        },
      };
    },
    'locks for everybody': () => ({ lock: async () => async () => {} }),
    'drops empty values': (store) => ({
      get: async (key) => {
        const value = await store.get(key);
        return value?.length === 0 ? undefined : value;
      },
    }),
  };
  for (const [fault, broken] of Object.entries(FAULTS)) {
    test(`finds out one that ${fault}`, async () => {
      const make = (): StorePlace => {
        const store = memoryBackend();
        return { open: () => ({ ...store, ...broken(store) }) };
      };
      const outcomes = await Promise.allSettled(storeConformance(make).map(({ run }) => run()));
      const codes = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
      expect(codes).toContain('storage.contract');
    });
  }

  test('takes its places away, and closes what it opened, pass or fail', async () => {
    let [open, places] = [0, 0];
    const make = (): StorePlace => {
      const store = memoryBackend();
      places += 1;
      const opened = (): KeyValueStore => {
        open += 1;
        const close = async () => {
          open -= 1;
        };
        return { ...store, batch: places % 2 === 0 ? store.batch : async () => {}, close };
      };
      const destroy = async () => {
        places -= 1;
      };
      return { open: opened, destroy };
    };
    await Promise.allSettled(storeConformance(make).map(({ run }) => run()));
    expect([open, places]).toEqual([0, 0]);
  });
});

function journaledPlace(): { open: () => KeyValueStore } {
  const disk = new SimulatedDisk();
  let shared: KeyValueStore | undefined;
  let users = 0;
  // One journal for all that are open together: it has the disk for itself.
  const close = async () => {
    users -= 1;
    if (users === 0) shared = undefined;
  };
  const open = () => {
    shared ??= journaled(disk, nodeProvider);
    users += 1;
    return { ...shared, close };
  };
  return { open };
}

/** A folder with a database, which a process can open once. */
function levelPlace(part: (database: Level) => Parameters<typeof levelBackend>[0]): StorePlace {
  const folder = mkdtempSync(join(tmpdir(), 'xmpp-mls-level-'));
  let database: Level | undefined;
  let users = 0;
  const open = (): KeyValueStore => {
    database ??= new Level(folder);
    users += 1;
    const close = async () => {
      users -= 1;
      if (users > 0) return;
      await database?.close();
      database = undefined;
    };
    return { ...levelBackend(part(database)), close };
  };
  return { open, destroy: async () => rmSync(folder, { recursive: true }) };
}
