/** Batches that were acknowledged and are gone: after power failures, and after a restore of an older copy. */

import { describe, expect, test } from 'vitest';
import { provider } from '../../src/crypto/node/index.ts';
import { add } from '../../src/group/proposals.ts';
import { journaled } from '../../src/storage/journaled.ts';
import { Random } from '../fuzz/random.ts';
import { seeded } from '../support/seeded.ts';
import { SimulatedDisk } from '../support/simulatedDisk.ts';
import { Device } from './device.ts';
import { Ledger } from './ledger.ts';
import { Network } from './network.ts';

const SEED = Number(process.env['KILL_SEED'] ?? 1);
const STORIES = Number(process.env['LOST_STORIES'] ?? 60);

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
