/** Devices that commit at once, are cut off, crash, and lose what they had. */

import { expect, test } from 'vitest';
import { toHex } from '../../../../src/base/bytes.ts';
import { memoryBackend } from '../../../../src/storage/memory.ts';
import { Parties, type Party } from '../../../support/parties.ts';

const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'];

/** A room with all of them in. */
async function crowd(parties: Parties): Promise<Party[]> {
  const people: Party[] = [];
  for (const name of NAMES) people.push(await parties.join(name));
  const [first, ...others] = people;
  if (first === undefined) throw new Error('nobody');
  const room = await parties.room(first, 'garden', others);
  const garden = await first.mls.room(room);
  await garden.invite(...others.map(({ mls }) => mls.device.jid));
  await parties.until('all are in', () => people.every((one) => groupOf(one)?.epoch === garden.group?.epoch));
  return people;
}

function groupOf({ mls }: Party) {
  return mls.conversations[0]?.group;
}

function agreed(people: readonly Party[]): boolean {
  return new Set(people.map((one) => toHex(groupOf(one)?.epochAuthenticator ?? new Uint8Array()))).size === 1;
}

test.each(['prosody', 'ejabberd'] as const)(
  'XMP-01, XMP-33: six commit at once, again and again, over %s',
  async (dialect) => {
    const parties = new Parties({ dialect });
    const people = await crowd(parties);
    for (let round = 0; round < 5; round++) {
      const refreshing = people.map(async ({ mls }) => mls.conversations[0]?.refresh());
      const speaking = people.map(async ({ mls, name }) => mls.conversations[0]?.send(`${name} ${round}`));
      await Promise.all([...refreshing, ...speaking]);
    }
    await parties.until('all agree', () => agreed(people));
    await parties.until('all heard all', () =>
      people.every((one) => one.heard().length === 5 * (NAMES.length - 1)),
    );
    for (const one of people) expect(new Set(one.heard()).size).toBe(one.heard().length);
    expect(people.flatMap((one) => one.faults())).toEqual([]);
    await parties.stop();
  },
);

test('STO-01, XMP-33: a device that crashes takes up what it had begun', async () => {
  const parties = new Parties();
  const people = await crowd(parties);
  const [alice, bob] = people;
  if (alice === undefined || bob === undefined) throw new Error('nobody');
  const epoch = groupOf(alice)?.epoch ?? 0n;
  // The commit leaves, and its maker dies before it comes back.
  bob.connection.transport.subscribe(() => {});
  const refreshing = bob.mls.conversations[0]?.refresh().catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 2));
  bob.connection.disconnect();
  await bob.mls.stop();
  await refreshing;
  await bob.store.close();
  const again = await parties.join('bob', 'again', { backend: bob.backend });
  await again.mls.conversations[0]?.send('I am back');
  await parties.until('alice hears', () => alice.heard().includes('I am back'));
  expect(groupOf(again)?.epoch).toBeGreaterThanOrEqual(epoch);
  await parties.until('all agree', () => agreed([...people.filter((one) => one !== bob), again]));
  expect(again.faults()).toEqual([]);
  await parties.stop();
});

test('a device that has lost its state comes back by itself', async () => {
  const parties = new Parties();
  const people = await crowd(parties);
  const [alice, bob] = people;
  if (alice === undefined || bob === undefined) throw new Error('nobody');
  const { accountKey } = bob.mls;
  if (accountKey === undefined) throw new Error('no key');
  await bob.mls.stop();
  bob.connection.disconnect();
  const fresh = await parties.join('bob', 'new', { backend: memoryBackend(), accountKey });
  const garden = await fresh.mls.room(alice.mls.conversations[0]?.jid ?? '');
  expect(garden.status).toBe('active');
  await garden.send('a new device');
  await parties.until('alice hears', () => alice.heard().includes('a new device'));
  await parties.stop();
});
