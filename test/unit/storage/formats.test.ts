/** Stores that each release has written, opened by this one (`test-vectors/store`). */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex, utf8 } from '../../../src/base/bytes.ts';
import { provider } from '../../../src/crypto/node/index.ts';
import { acceptAnyCredential } from '../../../src/group/policy.ts';
import type { KeyValueStore, StoreOp } from '../../../src/storage/backend.ts';
import { memoryBackend } from '../../../src/storage/memory.ts';
import { FORMAT, type Migration, migrate } from '../../../src/storage/migrate.ts';
import { openStore } from '../../../src/storage/store.ts';
import type { StoredGroup } from '../../../src/storage/storedGroup.ts';
import { Writer } from '../../../src/storage/writer.ts';
import { basicCredential } from '../../../src/wire/credential.ts';
import { read } from '../../support/stored.ts';

const FOLDER = join(import.meta.dirname, '../../../test-vectors/store');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

interface Said {
  readonly message: string;
  readonly text: string;
}
interface Seen {
  readonly group_id: string;
  readonly epoch: number;
  readonly epoch_authenticator: string;
  readonly members: number;
  readonly proposals: readonly string[];
  readonly inbox: readonly { readonly id: string; readonly data: string }[];
  readonly due: readonly string[];
}
interface Busy extends Seen {
  readonly pending: string;
  readonly late: Said;
  readonly skipped: Said;
  readonly early: Said;
  readonly held: { readonly text: string };
  readonly after: Said;
}
interface Fixture {
  readonly format: number;
  readonly seal_key: string;
  readonly expected: {
    readonly signature_key: string;
    readonly key_packages: readonly string[];
    readonly busy: Busy;
    readonly quiet: Seen;
    readonly offer: { readonly group_id: string; readonly message: string };
    readonly record: { readonly name: string; readonly value: string };
  };
  readonly records: Readonly<Record<string, string>>;
  readonly sealed_records: Readonly<Record<string, string>>;
}

async function filled(records: Readonly<Record<string, string>>): Promise<KeyValueStore> {
  const backend = memoryBackend();
  const put = ([key, hex]: [string, string]): StoreOp => ({ type: 'put', key, value: fromHex(hex) });
  await backend.batch(Object.entries(records).map(put));
  return backend;
}

function looksLike({ group, inbox, due }: StoredGroup, seen: Seen): void {
  expect(Number(group.epoch)).toBe(seen.epoch);
  expect(toHex(group.epochAuthenticator)).toBe(seen.epoch_authenticator);
  expect(group.members).toHaveLength(seen.members);
  expect(group.proposals.map(({ ref }) => toHex(ref))).toEqual(seen.proposals);
  expect(inbox.map(({ id, data }) => ({ id, data: toHex(data) }))).toEqual(seen.inbox);
  expect(due.map(toHex)).toEqual(seen.due);
}

describe('STO-19 a store of an earlier release', () => {
  test('there is one for every format so far', () => {
    expect(files.sort()).toEqual(Array.from({ length: FORMAT }, (_, i) => `format-${i + 1}.json`));
  });

  test.each(files.flatMap((file) => [[file, false] as const, [file, true] as const]))(
    '%s opens, sealed: %s, and everything in it goes on',
    async (file, isSealed) => {
      const fixture = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Fixture;
      const { busy, quiet, offer, record, ...expected } = fixture.expected;
      const backend = await filled(isSealed ? fixture.sealed_records : fixture.records);
      const sealKey = isSealed ? { sealKey: fromHex(fixture.seal_key) } : {};
      const store = await openStore(backend, { provider, ...sealKey });
      const client = await store.client({
        credential: basicCredential('stored'),
        validateCredential: acceptAnyCredential,
        clock: () => 1_800_000_000,
      });
      expect(toHex(client.signatureKey)).toBe(expected.signature_key);
      expect([...client.keyPackages].sort()).toEqual([...expected.key_packages].sort());
      expect(toHex((await store.get(record.name))!)).toBe(record.value);
      looksLike(await client.group(fromHex(quiet.group_id)), quiet);
      const [offered] = await client.offers();
      expect(toHex(offered!.groupId)).toBe(offer.group_id);
      expect(toHex((await offered!.accept()).group.id)).toBe(offer.group_id);
      const group = await client.group(fromHex(busy.group_id));
      looksLike(group, busy);
      for (const said of [busy.late, busy.skipped, busy.early])
        expect(await read(group, fromHex(said.message))).toBe(said.text);
      expect(toHex(group.group.pending!.message)).toBe(busy.pending);
      const echo = await group.process(fromHex(busy.pending));
      expect(echo.kind).toBe('own-commit');
      if (echo.kind === 'own-commit') await group.accept(echo.commit);
      expect(group.due).toHaveLength(1);
      expect(await read(group, group.due[0]!)).toBe(busy.held.text);
      expect(await read(group, fromHex(busy.after.message))).toBe(busy.after.text);
      expect(await group.encrypt(utf8('and on'))).toBeInstanceOf(Uint8Array);
    },
  );

  test('of a later format is not touched', async () => {
    const backend = await filled({ m: '6d0002', v: '00'.repeat(16) });
    const before = await contents(backend);
    await expect(openStore(backend, { provider })).rejects.toMatchObject({ code: 'storage.version' });
    expect(await contents(backend)).toEqual(before);
  });
});

describe('migration', () => {
  const migrations = new Map<number, Migration>([
    [1, async () => [{ type: 'put', key: 'a/first', value: utf8('1') }]],
    [
      2,
      async (records) => {
        const value = (await records.get('a/first')) ?? utf8('lost');
        return [
          { type: 'del', key: 'a/first' },
          { type: 'put', key: 'a/second', value },
        ];
      },
    ],
  ]);
  const writerOf = (backend: KeyValueStore): Writer =>
    new Writer(backend, undefined, {
      timeoutMs: 1000,
      watermark: undefined,
      lostWrites: 0,
      seen: undefined,
      name: new Uint8Array(8),
    });

  test('goes from format to format, each step whole or not at all', async () => {
    const backend = memoryBackend();
    await migrate(backend, writerOf(backend), 1, { to: 3, migrations });
    expect((await contents(backend)).filter(([key]) => key !== 'v')).toEqual([
      ['a/second', toHex(utf8('1'))],
      ['m', '6d0003'],
    ]);
  });

  test('a step that fails leaves the format before it', async () => {
    const backend = memoryBackend();
    const broken = new Map([...migrations, [2, () => Promise.reject(new Error('broken'))] as const]);
    const work = migrate(backend, writerOf(backend), 1, { to: 3, migrations: broken });
    await expect(work).rejects.toMatchObject({ code: 'storage.durability' });
    expect((await contents(backend)).filter(([key]) => key !== 'v')).toEqual([
      ['a/first', toHex(utf8('1'))],
      ['m', '6d0002'],
    ]);
  });
});

async function contents(backend: KeyValueStore): Promise<[string, string][]> {
  const all: [string, string][] = [];
  for await (const [key, value] of backend.scan('')) all.push([key, toHex(value)]);
  return all;
}
