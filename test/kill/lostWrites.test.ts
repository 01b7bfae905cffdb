/** Batches that were acknowledged and are gone: after power failures, and after a restore of an older copy. */

import { describe, expect, test } from 'vitest';
import { provider } from '../../src/crypto/node/index.ts';
import { add } from '../../src/group/proposals.ts';
import { journaled } from '../../src/storage/journaled.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import { Random } from '../fuzz/random.ts';
import { seeded } from '../support/seeded.ts';
import { SimulatedDisk } from '../support/simulatedDisk.ts';
import { addTo, openProfile, read, text } from '../support/stored.ts';
import { Device } from './device.ts';
import { Ledger } from './ledger.ts';
import { Network } from './network.ts';

const { KILL_SEED } = process.env;
const SEED = Number(KILL_SEED ?? 1);
const { LOST_STORIES } = process.env;
const STORIES = Number(LOST_STORIES ?? 60);

describe('lost writes', () => {
  test('STO-03: no generation is used twice when up to 5 batches are lost, again and again', async () => {
    const failures: string[] = [];
    for (let seed = SEED; seed < SEED + STORIES; seed++) {
      const faults = await story(seed).catch((error: Error) => [error.stack ?? error.message]);
      failures.push(...faults.slice(0, 2).map((fault) => `seed ${seed}: ${fault}`));
    }
    expect(failures.slice(0, 20)).toEqual([]);
  });
});

describe('STO-03: what was sent in batches that are lost', () => {
  for (const k of [1, 2, 3, 4, 5]) {
    test(`comes back after ${k} lost ones, and is known for one's own`, async () => {
      const disk = new SimulatedDisk();
      const open = { lostWrites: 5 };
      let alice = await openProfile(journaled(disk, provider), 'alice', { open });
      const bob = await openProfile(memoryBackend(), 'bob');
      const ours = await alice.client.createGroup();
      const theirs = (await addTo(ours, bob))[0]!;
      const id = ours.group.id;
      const ledger = new Ledger();
      ledger.enter(ours);
      ledger.seal(await ours.encrypt(text('first')));
      // As many batches as are going to be lost, each with all that it allows for.
      const lost: Uint8Array[] = [];
      for (let i = 0; i < k; i++)
        lost.push(...(await Promise.all(Array.from({ length: 16 }, () => ours.encrypt(text('lost'))))));
      for (const one of lost) ledger.seal(one);
      const old = disk.ago(k);
      // Before anything comes back, and after another loss of the same kind.
      for (const next of [() => old, () => old.ago(k)]) {
        alice = await openProfile(journaled(next(), provider), 'alice', { open });
        const group = await alice.client.group(id);
        for (let i = 0; i < 3; i++) ledger.seal(await group.encrypt(text('again')));
      }
      expect(ledger.repetitions()).toEqual([]);
      alice = await openProfile(journaled(disk.ago(k), provider), 'alice', { open });
      const group = await alice.client.group(id);
      expect(await read(theirs, await group.encrypt(text('unaware')))).toBe('unaware');
      const outcome = await group.process(lost.at(-1)!);
      expect(outcome).toMatchObject({ kind: 'desynchronised', evidence: { kind: 'own-generation' } });
      await expect(group.encrypt(text('no'))).rejects.toMatchObject({ code: 'state.rollback' });
      expect(await read(group, await theirs.encrypt(text('still read')))).toBe('still read');
      const offer = await alice.client.prepareExternalJoin(theirs.group.groupInfo(), { resync: true });
      const staged = await theirs.process(offer.message);
      if (staged.kind === 'commit') await theirs.accept(staged.commit);
      const back = await offer.accept();
      expect(await read(theirs, await back.encrypt(text('back')))).toBe('back');
    });
  }

  test('a Welcome that is taken in again begins where a lost state cannot have been', async () => {
    const disk = new SimulatedDisk();
    const first = await openProfile(journaled(disk, provider), 'alice');
    const bob = await openProfile(memoryBackend(), 'bob');
    const theirs = await bob.client.createGroup();
    const invitation = await theirs.invite([(await first.client.createKeyPackage()).message]);
    await theirs.accept(invitation);
    const [ledger, syncs] = [new Ledger(), disk.syncs];
    const joined = await (await first.client.prepareJoin(invitation.welcome)).accept();
    ledger.enter(joined);
    for (let i = 0; i < 20; i++) ledger.seal(await joined.encrypt(text(`${i}`)));
    const again = await openProfile(journaled(disk.ago(disk.syncs - syncs), provider), 'alice');
    expect(again.client.groups).toEqual([]);
    const group = await (await again.client.prepareJoin(invitation.welcome)).accept();
    for (let i = 0; i < 20; i++) ledger.seal(await group.encrypt(text(`again ${i}`)));
    expect(ledger.repetitions()).toEqual([]);
  });
});

/** Alice loses batches several times; nothing of what she said comes back to her. */
async function story(seed: number): Promise<readonly string[]> {
  const random = new Random(seed);
  const [network, ledger] = [new Network(), new Ledger()];
  const common = { network, ledger, isOld: true };
  const bob = new Device({ name: 'bob', ...common, provider: seeded(seed), open: { lostWrites: 0 } });
  await bob.open(journaled(new SimulatedDisk(), provider));
  await bob.createGroup();
  let disk = new SimulatedDisk();
  for (let life = 0; life < 4; life++) {
    const alice = new Device({ name: 'alice', ...common, provider: seeded(seed * 10 + life) });
    alice.hearsItself = false;
    await alice.open(journaled(disk, provider));
    if (life === 0) {
      await alice.publishKeyPackage();
      await bob.commit('invite', [add(network.packages.get('alice')!)]);
      await bob.receive();
    }
    // A second power failure may come before anything is done, or after little.
    const count = 1 + random.below(6);
    for (let i = 0; i < count; i++) await act(random, alice, bob, `${life} ${i}`);
    disk = disk.ago(Math.min(random.below(6), disk.syncs));
  }
  return ledger.repetitions();
}

async function act(random: Random, alice: Device, bob: Device, key: string): Promise<void> {
  if (!alice.isIn) await alice.join();
  if (!alice.isIn) return;
  const words = (n: number): string[] => Array.from({ length: n }, (_, i) => `text ${key} ${i}`);
  switch (random.below(6)) {
    case 0:
    case 1:
      for (const one of words(1 + random.below(3))) await alice.say(one);
      return;
    case 2:
      return alice.sayAll(words(1 + random.below(50)));
    case 3:
      return alice.sayAsOne(words(1 + random.below(40)));
    case 4:
      await bob.receive();
      await bob.commit(`bob ${key}`);
      await bob.receive();
      return alice.receive();
    default:
      if (alice.group.group.pending === undefined) await alice.commit(`alice ${key}`, [], { publish: false });
      return;
  }
}
