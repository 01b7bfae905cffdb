/** Stores that cannot write, write late, or have another writer beside them. */

import { describe, expect, test } from 'vitest';
import { MlsError } from '../../src/base/error.ts';
import type { StoredGroup } from '../../src/storage/storedGroup.ts';
import { Random } from '../fuzz/random.ts';
import { addTo, openProfile, type Profile, read, text } from '../support/stored.ts';
import { Ledger } from './ledger.ts';
import { Rigged } from './rigged.ts';
import { backendOf, contentsOf } from './world.ts';

const { SENDS: sends } = process.env;
const SENDS = Number(sends ?? 10_000);

describe('a batch that fails', () => {
  test('STO-06: a full store refuses a step, and nothing has happened', async () => {
    const { rigged, ours, theirs } = await couple();
    const message = await theirs.encrypt(text('hello'));
    const commit = await theirs.commit();
    const steps: (() => Promise<unknown>)[] = [
      () => ours.process(message),
      () => ours.acknowledge(...ours.inbox.map(({ id }) => id)),
      () => ours.commit(),
      async () => {
        const staged = await ours.process(commit.message);
        if (staged.kind === 'commit') await ours.accept(staged.commit);
      },
      () => ours.propose({ kind: 'update', leaf: {} }),
    ];
    await theirs.discard(commit);
    for (const [i, step] of steps.entries()) {
      const before = [summary(ours), await contentsOf(rigged)];
      rigged.failNext(Object.assign(new Error('full'), { code: 'storage.quota' }));
      await expect(step(), `step ${i}`).rejects.toMatchObject({ code: 'storage.durability' });
      expect([summary(ours), await contentsOf(rigged)]).toEqual(before);
      rigged.failNext(quota());
      await expect(step(), `step ${i}`).rejects.toMatchObject({ code: 'storage.quota' });
      expect([summary(ours), await contentsOf(rigged)]).toEqual(before);
      await step();
      expect(summary(ours)).not.toEqual(before[0]);
    }
  });

  test('STO-06: a batch that says it failed, and is there all the same, has happened', async () => {
    const { rigged, ours, theirs } = await couple();
    rigged.rig = (write) => {
      rigged.rig = () => undefined;
      return write().then(() => Promise.reject(new Error('the answer was lost')));
    };
    expect(await read(theirs, await ours.encrypt(text('hello')))).toBe('hello');
    expect(await read(theirs, await ours.encrypt(text('again')))).toBe('again');
  });
});

describe('a batch that does not end', () => {
  for (const when of ['never', 'before the store is opened again', 'after it'] as const) {
    test(`STO-07: a store refuses until it is opened again; the batch lands: ${when}`, async () => {
      const ledger = new Ledger();
      const { rigged, alice, ours, theirs } = await couple({ timeoutMs: 25, lostWrites: 0 });
      const id = ours.group.id;
      ledger.enter(ours);
      for (let i = 0; i < 5; i++) ledger.seal(await ours.encrypt(text(`${i}`)));
      const message = await theirs.encrypt(text('hello'));
      const land = rigged.stallNext();
      await expect(ours.process(message)).rejects.toMatchObject({ code: 'storage.timeout' });
      await expect(ours.process(message)).rejects.toMatchObject({ code: 'storage.timeout' });
      await expect(ours.encrypt(text('no'))).rejects.toMatchObject({ code: 'storage.timeout' });
      expect(ours.inbox).toEqual([]);
      await alice.store.close();
      if (when.startsWith('before')) await land();
      const again = await openProfile(rigged, 'alice', { open: { lostWrites: 0 } });
      const group = await again.client.group(id);
      const outcome = await group.process(message);
      expect(outcome.kind).toBe(when.startsWith('before') ? 'duplicate' : 'application');
      expect(group.inbox.map(({ data }) => new TextDecoder().decode(data))).toEqual(['hello']);
      for (let i = 0; i < 20; i++) ledger.seal(await group.encrypt(text(`again ${i}`)));
      if (when === 'after it') await expect(land()).rejects.toMatchObject({ code: 'storage.conflict' });
      for (let i = 0; i < 20; i++) ledger.seal(await group.encrypt(text(`more ${i}`)));
      expect(ledger.size).toBe(45);
      expect(ledger.repetitions()).toEqual([]);
    });
  }
});

describe('two writers', () => {
  test('STO-10, STO-11: whoever comes second is refused, and stays so until it opens the store again', async () => {
    const { rigged, ours, theirs } = await couple();
    const other = await openProfile(rigged, 'alice');
    const group = await other.client.group(ours.group.id);
    expect(await read(theirs, await group.encrypt(text('other')))).toBe('other');
    for (let i = 0; i < 3; i++)
      await expect(ours.encrypt(text('one'))).rejects.toMatchObject({ code: 'storage.conflict' });
    await expect(ours.commit()).rejects.toMatchObject({ code: 'storage.conflict' });
    expect(await read(theirs, await group.encrypt(text('still here')))).toBe('still here');
  });

  test(`STO-10: two writers on one store send ${SENDS} messages, each in a generation of its own`, async () => {
    const random = new Random(1);
    const ledger = new Ledger();
    const { rigged, ours } = await couple();
    const id = ours.group.id;
    ledger.enter(ours);
    const start = async (): Promise<StoredGroup> =>
      (await openProfile(rigged, 'alice', { open: { lostWrites: 0 } })).client.group(id);
    const handles = [await start(), await start()];
    let conflicts = 0;
    const burst = async (i: number): Promise<void> => {
      const count = 1 + random.below(40);
      const sent = await Promise.allSettled(
        Array.from({ length: count }, (_, k) => handles[i]!.encrypt(text(`${i} ${k}`))),
      );
      for (const one of sent) if (one.status === 'fulfilled') ledger.seal(one.value);
      const failed = sent.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
      if (failed.length === 0) return;
      conflicts += 1;
      expect(failed.every((error) => error instanceof MlsError && error.code === 'storage.conflict')).toBe(
        true,
      );
      handles[i] = await start();
    };
    while (ledger.size < SENDS) await Promise.all([burst(0), burst(1)]);
    expect(conflicts).toBeGreaterThan(10);
    expect(ledger.repetitions()).toEqual([]);
  });
});

interface Couple {
  readonly rigged: Rigged;
  readonly alice: Profile;
  readonly ours: StoredGroup;
  readonly theirs: StoredGroup;
}

/** Alice on a store that can be rigged, and bob. */
async function couple(open: { timeoutMs?: number; lostWrites?: number } = {}): Promise<Couple> {
  const rigged = new Rigged();
  const alice = await openProfile(rigged, 'alice', { open });
  const bob = await openProfile(backendOf(), 'bob');
  const ours = await alice.client.createGroup();
  const [theirs] = await addTo(ours, bob);
  return { rigged, alice, ours, theirs: theirs! };
}

/** What can be seen of a group. */
function summary({ group, inbox, due }: StoredGroup): unknown {
  const { epoch, proposals, pending, epochAuthenticator } = group;
  return [epoch, epochAuthenticator, proposals.length, pending?.message, inbox.map(({ id }) => id), due];
}

function quota(): Error {
  return Object.assign(new MlsError('storage.quota', {}), {});
}
