/** What LevelDB brings with it: other processes, failures, and files that remember. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import { type LevelDatabase, levelBackend } from '../../../src/storage/level.ts';

const VALUE = Uint8Array.of(1, 2, 3);

describe('a level backend', () => {
  let folder = '';
  const opened: Level[] = [];
  const level = () => {
    const database = new Level(folder);
    opened.push(database);
    return database;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'xmpp-mls-level-'));
  });
  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close();
    rmSync(folder, { recursive: true });
  });

  test('STO-10: a second opener of the files is told storage.lock, and gets in when the first has closed', async () => {
    const first = levelBackend(level());
    await first.batch([{ type: 'put', key: 'a', value: VALUE }]);
    const second = levelBackend(level());
    await expect(second.get('a')).rejects.toMatchObject({ code: 'storage.lock' });
    await expect(second.batch([])).rejects.toMatchObject({ code: 'storage.lock' });
    await expect(second.scan('')[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'storage.lock',
    });
    await first.close?.();
    expect(await second.get('a')).toEqual(VALUE);
  });

  test('STO-10: so is another process', async () => {
    await levelBackend(level()).batch([]);
    const program = `import { Level } from 'level';
      const database = new Level(${JSON.stringify(folder)});
      await database.open().then(() => console.log('open'), (error) => console.log(error.cause.code));`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
    expect((await run).stdout.trim()).toBe('LEVEL_LOCKED');
  });

  test('STO-12: two backends over one database see each other, sublevels are apart', async () => {
    const database = level();
    const [one, two] = [levelBackend(database), levelBackend(database)];
    const part = levelBackend(database.sublevel('part'));
    const guard = { key: 'v', value: undefined };
    const writes = [one, two, part, one].map((store) =>
      store.batch([{ type: 'put', key: 'v', value: VALUE }], guard),
    );
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    const release = await one.lock?.({ wait: false });
    await expect(two.lock?.({ wait: false })).rejects.toMatchObject({ code: 'storage.lock' });
    await part.lock?.({ wait: false });
    await release?.();
    await two.lock?.({ wait: false });
  });

  test('STO-03: asks for sync, and for its bytes as they are', async () => {
    const asked: unknown[] = [];
    const database: LevelDatabase = {
      ...faulty(new Error('unused')),
      batch: async (...args) => void asked.push(args),
    };
    await levelBackend(database).batch([{ type: 'put', key: 'a', value: VALUE }]);
    const options = { keyEncoding: 'utf8', valueEncoding: 'view', sync: true };
    expect(asked).toEqual([[[{ type: 'put', key: 'a', value: VALUE }], options]]);
  });

  test.each([
    ['LEVEL_IO_ERROR', 'IO error: 000003.log: No space left on device', 'storage.quota'],
    ['LEVEL_IO_ERROR', 'IO error: 000003.log: Input/output error', 'storage.durability'],
    ['LEVEL_CORRUPTION', 'Corruption: bad block', 'storage.corrupt'],
    ['LEVEL_DATABASE_NOT_OPEN', 'Database is not open', 'storage.durability'],
    ['ENOSPC', 'no room', 'storage.quota'],
  ])('STO-06, STO-08: %s, %s, is %s', async (code, message, expected) => {
    const cause = Object.assign(new Error(message), { code });
    const store = levelBackend(faulty(new Error('wrapped', { cause })));
    await expect(store.batch([])).rejects.toMatchObject({ code: expected });
    await expect(store.get('a')).rejects.toMatchObject({ code: expected });
    await expect(store.scan('')[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: expected });
  });

  test('STO-08: damaged files are storage.corrupt', async () => {
    const first = levelBackend(level());
    await first.batch([{ type: 'put', key: 'a', value: VALUE }]);
    await first.close?.();
    for (const name of readdirSync(folder).filter((one) => one.startsWith('MANIFEST'))) {
      const bytes = readFileSync(join(folder, name));
      writeFileSync(join(folder, name), bytes.fill(0x55, 8, 20));
    }
    await expect(levelBackend(level()).get('a')).rejects.toMatchObject({ code: 'storage.corrupt' });
  });

  test('a database without snapshots is read whole before anything is given', async () => {
    const database = level();
    const store = levelBackend({
      supports: { implicitSnapshots: false },
      open: () => database.open(),
      get: (key, options) => database.get<string, Uint8Array>(key, options),
      batch: (ops, options) => database.batch<string, Uint8Array>(ops, options),
      iterator: (options) => database.iterator<string, Uint8Array>(options),
      close: () => database.close(),
    });
    await store.batch(['a', 'b', 'c'].map((key) => ({ type: 'put', key, value: VALUE })));
    const found: string[] = [];
    for await (const [key] of store.scan('')) {
      await store.batch([{ type: 'del', key: 'c' }]);
      found.push(key);
    }
    expect(found).toEqual(['a', 'b', 'c']);
    expect(await store.get('c')).toBeUndefined();
  });

  test('STO-20: deleted bytes are in the files until compact', async () => {
    for (const part of [(database: Level) => database, (database: Level) => database.sublevel('part')]) {
      const database = level();
      const store = levelBackend(part(database));
      const secret = Buffer.from(nodeProvider.random(32));
      const found = () =>
        readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(secret));
      await store.batch([{ type: 'put', key: 'k', value: secret }]);
      await store.batch([{ type: 'del', key: 'k' }]);
      expect(found()).toBe(true);
      await store.compact?.();
      expect(found()).toBe(false);
      // Also what had sunk to the lowest files before.
      await store.batch([{ type: 'put', key: 'k', value: secret }]);
      await store.compact?.();
      await store.batch([{ type: 'del', key: 'k' }]);
      await store.compact?.();
      expect(found()).toBe(false);
      await store.close?.();
    }
  });
});

/** A database that opens, and then fails. */
function faulty(error: Error): LevelDatabase {
  const failing = async (): Promise<never> => {
    throw error;
  };
  return {
    supports: { implicitSnapshots: true },
    open: async () => {},
    get: failing,
    batch: failing,
    iterator: () => ({ nextv: failing, close: async () => {} }),
    close: failing,
  };
}
