/** Batches over a plain store stay whole through every power cut. */

import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../../src/base/bytes.ts';
import { MlsError } from '../../../src/base/error.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import type { KeyValueStore, StoreOp } from '../../../src/storage/backend.ts';
import { journaled } from '../../../src/storage/journaled.ts';
import { Random } from '../../fuzz/random.ts';
import { CUTS, PowerCut, SimulatedDisk } from '../../support/simulatedDisk.ts';

const SEED = 7;

describe('a journaled store', () => {
  for (const survival of CUTS) {
    test(`STO-01..04: after a cut at every boundary, ${survival}, it is as before or after the batch under way`, async () => {
      const boundaries = await stepsOf(BATCHES);
      for (let at = 1; at <= boundaries; at++) {
        const [disk, done] = await cutDuring(new SimulatedDisk(), at, BATCHES);
        const after = disk.survivors(survival, SEED + at);
        const seen = await expectOneOf(after, done, `${survival} at ${at}`);
        // Nothing is wrong with what it does from there on.
        await play(open(after), BATCHES.slice(seen));
        expect(await textOf(open(after.survivors('lost')))).toBe(STATES.at(-1));
      }
    });

    test(`STO-01..04: so it is when the power fails again, ${survival}, while the first cut is made good`, async () => {
      const boundaries = await stepsOf(BATCHES);
      let cuts = 0;
      for (let at = 1; at <= boundaries; at++) {
        const [first, done] = await cutDuring(new SimulatedDisk(), at, BATCHES);
        const left = () => first.survivors(survival, SEED + at);
        const seen = await expectOneOf(left(), done, `${survival} at ${at}`);
        const next = BATCHES.slice(seen, seen + 3);
        for (let again = 1; ; again++) {
          const [second, further] = await cutDuring(left(), again, next);
          if (!second.off) break;
          cuts += 1;
          for (const later of CUTS) {
            const where = `${survival} at ${at}, ${later} at ${again}`;
            await expectOneOf(second.survivors(later, SEED + again), seen + further, where);
          }
        }
      }
      expect(cuts).toBeGreaterThan(boundaries * 10);
    });
  }

  test('STO-01: what was read after a killed process is not undone by a power cut', async () => {
    const boundaries = await stepsOf(BATCHES);
    let ahead = 0;
    for (let at = 1; at <= boundaries; at++) {
      for (const seed of [0, 1, 2]) {
        const [disk, done] = await cutDuring(new SimulatedDisk(), at, BATCHES);
        const after = disk.survivors('killed', seed);
        const seen = await expectOneOf(after, done, `killed at ${at}`);
        if (seen > done) ahead += 1;
        for (const survival of CUTS) {
          expect(await textOf(open(after.survivors(survival, seed)))).toBe(STATES[seen]);
        }
      }
    }
    expect(ahead).toBeGreaterThan(10);
  });

  test('STO-03: a disk that lied about its last syncs holds an earlier state, whole', async () => {
    const disk = new SimulatedDisk();
    await play(open(disk), BATCHES);
    for (let lost = 0; lost < BATCHES.length; lost++) {
      expect(await textOf(open(disk.ago(lost)))).toBe(STATES[BATCHES.length - lost]);
    }
  });

  test('syncs once a batch', async () => {
    const disk = new SimulatedDisk();
    const store = open(disk);
    await textOf(store);
    const before = disk.syncs;
    await play(store, BATCHES);
    expect(disk.syncs - before).toBe(BATCHES.length);
  });

  test('STO-06: a full disk refuses the batch, undoes it, and can still be read', async () => {
    const disk = new SimulatedDisk();
    const store = open(disk);
    await play(store, BATCHES.slice(0, 2));
    for (const step of [1, 2]) {
      disk.failAt(step, full());
      await expect(store.batch(BATCHES[2]!)).rejects.toMatchObject({ code: 'storage.quota' });
      expect(await textOf(store)).toBe(STATES[2]);
      expect(await textOf(open(disk.survivors('killed')))).toBe(STATES[2]);
      for (let seed = 0; seed < 20; seed++) {
        expect(await textOf(open(disk.survivors('reordered', seed)))).toBe(STATES[2]);
      }
    }
    await play(store, BATCHES.slice(2));
    expect(await textOf(store)).toBe(STATES.at(-1));
  });

  test('STO-06: a batch that is durable is done, although the disk is too full to apply it', async () => {
    const disk = new SimulatedDisk();
    const store = open(disk);
    await play(store, BATCHES.slice(0, 2));
    disk.failAt(3, full(), 100);
    await store.batch(BATCHES[2]!);
    expect(await textOf(store)).toBe(STATES[3]);
    const reopened = open(disk.survivors('torn'));
    expect(await textOf(reopened)).toBe(STATES[3]);
    await expect(store.batch(BATCHES[3]!)).rejects.toMatchObject({ code: 'storage.quota' });
    disk.repair();
    await play(store, BATCHES.slice(3));
    expect(await textOf(open(disk.survivors('lost')))).toBe(STATES.at(-1));
  });

  test('STO-07: a batch whose fate is open is said to be so, and reading tells', async () => {
    for (const kept of [true, false]) {
      const disk = new SimulatedDisk();
      const store = open(disk);
      await play(store, BATCHES.slice(0, 2));
      // Kept: the entry is there, but neither the sync nor taking it back succeeds.
      disk.failAt(kept ? 2 : 1, new Error('bad sector'), 2);
      const error = await store.batch(BATCHES[2]!).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(MlsError);
      expect(error).toMatchObject({ code: 'storage.durability', detail: { outcome: 'unknown' } });
      expect(await textOf(store)).toBe(STATES[kept ? 3 : 2]);
      expect(await textOf(open(disk.survivors('lost')))).toBe(STATES[kept ? 3 : 2]);
    }
  });

  test('STO-19: a journal of a later release is left alone', async () => {
    const disk = new SimulatedDisk();
    await play(open(disk), BATCHES.slice(0, 2));
    const record = (await disk.get('j/0'))!.slice();
    record[33] = 2;
    record.set(nodeProvider.suite(3).hash(record.subarray(32)), 0);
    await disk.put('j/0', record);
    const steps = disk.contents().size;
    await expect(open(disk).get('a')).rejects.toMatchObject({ code: 'storage.version' });
    expect(disk.contents().size).toBe(steps);
  });

  test('STO-20: what was deleted is gone after compact', async () => {
    const disk = new SimulatedDisk();
    const store = open(disk);
    const secret = new Random(SEED).bytes(32);
    await store.batch([{ type: 'put', key: 'k', value: secret }]);
    await store.batch([{ type: 'del', key: 'k' }]);
    const found = () => [...disk.contents().values()].some((value) => toHex(value).includes(toHex(secret)));
    expect(found()).toBe(true);
    await store.compact!();
    expect(found()).toBe(false);
  });
});

/** Twelve batches over few names: overwritten, removed and made anew, once in one batch; empty and larger values. */
const BATCHES: readonly (readonly StoreOp[])[] = batches();
/** The records after so many batches, as text. */
const STATES: readonly string[] = BATCHES.reduce<[Map<string, string>, string[]]>(
  ([records, states], batch) => {
    for (const op of batch) {
      if (op.type === 'put') records.set(op.key, toHex(op.value));
      else records.delete(op.key);
    }
    return [records, [...states, textOfAll([...records].sort(([a], [b]) => (a < b ? -1 : 1)))]];
  },
  [new Map(), [textOfAll([])]],
)[1];

function batches(): StoreOp[][] {
  const random = new Random(SEED);
  const names = ['a', 'b', 'c', 'd', 'version'];
  return Array.from({ length: 12 }, (_, i) => {
    const ops = Array.from({ length: 1 + random.below(3) }, (): StoreOp => {
      const key = random.pick(names.slice(0, 4));
      if (random.below(3) === 0) return { type: 'del', key };
      return { type: 'put', key, value: random.bytes(random.pick([0, 1, 30, 200])) };
    });
    if (i === 5) ops.push({ type: 'put', key: 'a', value: utf8('once') }, { type: 'del', key: 'a' });
    return [...ops, { type: 'put', key: 'version', value: Uint8Array.of(i + 1) }];
  });
}

function open(disk: SimulatedDisk): KeyValueStore {
  return journaled(disk, nodeProvider);
}

async function play(store: KeyValueStore, list: readonly (readonly StoreOp[])[]): Promise<void> {
  for (const ops of list) await store.batch(ops);
}

async function stepsOf(list: readonly (readonly StoreOp[])[]): Promise<number> {
  const disk = new SimulatedDisk();
  await play(open(disk), list);
  return disk.steps;
}

/** Run batches with a cut. @returns the disk, and how many batches were acknowledged */
async function cutDuring(
  disk: SimulatedDisk,
  at: number,
  list: readonly (readonly StoreOp[])[],
): Promise<[SimulatedDisk, number]> {
  disk.cutAt(at);
  const store = open(disk);
  let done = 0;
  try {
    for (const ops of list) {
      await store.batch(ops);
      done += 1;
    }
  } catch (error) {
    if (!disk.off) throw error;
    expect(causeOf(error)).toBeInstanceOf(PowerCut);
  }
  return [disk, done];
}

function causeOf(error: unknown): unknown {
  return error instanceof MlsError ? causeOf(error.cause) : error;
}

/** @returns after how many batches the records are as they are: `done`, or one more */
async function expectOneOf(disk: SimulatedDisk, done: number, where: string): Promise<number> {
  const text = await textOf(open(disk));
  const states = STATES.slice(done, done + 2);
  expect(states, where).toContain(text);
  return done + states.indexOf(text);
}

async function textOf(store: KeyValueStore): Promise<string> {
  const found: [string, string][] = [];
  for await (const [key, value] of store.scan('')) found.push([key, toHex(value)]);
  return textOfAll(found);
}

function textOfAll(records: readonly (readonly [string, string])[]): string {
  return records.map(([key, value]) => `${key}=${value}`).join(' ');
}

function full(): Error {
  return Object.assign(new Error('full'), { code: 'ENOSPC' });
}
