/** Older copies of a profile that come back to life, with and without evidence of what was done since. */

import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { decode } from '../../src/codec/codec.ts';
import { openSenderData } from '../../src/framing/privateMessage.ts';
import { insideOf } from '../../src/group/group.ts';
import { add } from '../../src/group/proposals.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import type { StoredGroup } from '../../src/storage/storedGroup.ts';
import type { Watermark } from '../../src/storage/writer.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { WireFormat } from '../../src/wire/registry.ts';
import { Random } from '../fuzz/random.ts';
import { seeded } from '../support/seeded.ts';
import { addTo, openProfile, type Profile, read, text } from '../support/stored.ts';
import { Device } from './device.ts';
import { Ledger } from './ledger.ts';
import { Network } from './network.ts';
import { backendOf, contentsOf } from './world.ts';

const { KILL_SEED } = process.env;
const SEED = Number(KILL_SEED ?? 1);
const { FORKS: forks } = process.env;
const FORKS = Number(forks ?? 200);

describe('STO-13: evidence of what an older copy does not know', () => {
  const kinds = {
    // Beyond what the copy leaves out anyway.
    'own-generation': async (group: StoredGroup) =>
      (await Promise.all(Array.from({ length: 20 }, () => group.encrypt(text('lost'))))).at(-1)!,
    'own-update': async (group: StoredGroup) =>
      (await group.propose({ kind: 'update', leaf: {} }, { handshake: 'public' })).message,
    'own-commit': async (group: StoredGroup) => (await group.commit([], { handshake: 'public' })).message,
  };
  for (const [kind, act] of Object.entries(kinds)) {
    test(`${kind}: nothing more is sent, everything is read, and coming in anew ends it`, async () => {
      const { backend, alice, ours, theirs } = await couple();
      const copy = await contentsOf(backend);
      const lost = await act(ours);
      // Another one than what a copy that is not aware of anything would use.
      const again = await openProfile(backendOf(copy), 'alice', { open: { lostWrites: 0 } });
      const group = await again.client.group(ours.group.id);
      expect(await group.process(lost)).toMatchObject({ kind: 'desynchronised', evidence: { kind } });
      await alice.store.close();
      await expectSetBack(group, theirs);
      await again.store.close();
      // It is remembered.
      const third = await openProfile(again.backend, 'alice');
      const remembered = await third.client.group(theirs.group.id);
      await expectSetBack(remembered, theirs);
      await comeIn(third, theirs);
    });
  }
});

describe('STO-05: a counter outside of the store', () => {
  test('an old copy is noticed when it is opened, in each of its groups, however late that is loaded', async () => {
    const { mark, watermark } = counter();
    const { backend, alice, ours, theirs } = await couple({ watermark });
    const second = await alice.client.createGroup();
    const bob = await openProfile(memoryBackend(), 'bob too');
    const [theirsToo] = await addTo(second, bob);
    const ids = [ours.group.id, second.group.id] as const;
    const copy = backendOf(await contentsOf(backend));
    for (let i = 0; i < 40; i++) await ours.encrypt(text(`${i}`));
    for (let i = 0; i < 40; i++) await second.encrypt(text(`${i}`));
    await alice.store.close();
    const before = mark.value;
    let again = await openProfile(copy, 'alice', { open: { watermark, lostWrites: 0 } });
    await expectSetBack(await again.client.group(ids[0]), theirs);
    expect(mark.value).toBeGreaterThan(before);
    await again.store.close();
    again = await openProfile(copy, 'alice', { open: { watermark, lostWrites: 0 } });
    await expectSetBack(await again.client.group(ids[1]), theirsToo!);
    await comeIn(again, theirs);
    await again.store.close();
    // Whoever has come in anew is not suspected any more.
    again = await openProfile(copy, 'alice', { open: { watermark, lostWrites: 0 } });
    const group = await again.client.group(ids[0]);
    expect(await read(theirs, await group.encrypt(text('on')))).toBe('on');
    await expectSetBack(await again.client.group(ids[1]), theirsToo!);
  });

  test('a Welcome that an old copy takes in again counts as old', async () => {
    const { watermark } = counter();
    const backend = memoryBackend();
    const open = { watermark, lostWrites: 0 };
    const alice = await openProfile(backend, 'alice', { open });
    const bob = await openProfile(memoryBackend(), 'bob');
    const theirs = await bob.client.createGroup();
    const { message } = await alice.client.createKeyPackage();
    const copy = backendOf(await contentsOf(backend));
    const invitation = await theirs.invite([message]);
    await theirs.accept(invitation);
    const joined = await (await alice.client.prepareJoin(invitation.welcome)).accept();
    expect(await read(theirs, await joined.encrypt(text('hello')))).toBe('hello');
    await alice.store.close();
    // Noticed at the first start, and still known at the second.
    await (await openProfile(copy, 'alice', { open })).store.close();
    const again = await openProfile(copy, 'alice', { open });
    const group = await (await again.client.prepareJoin(invitation.welcome)).accept();
    await expectSetBack(group, theirs);
    const fresh = await again.client.createGroup();
    await fresh.encrypt(text('nothing of this can be known'));
  });
});

describe('STO-14: an older copy from which everything is withheld', () => {
  test('uses keys again, but no nonce: the random guard differs', async () => {
    const { backend, ours } = await couple();
    const again = await openProfile(backendOf(await contentsOf(backend)), 'alice', {
      open: { lostWrites: 0 },
    });
    const group = await again.client.group(ours.group.id);
    const guards: string[] = [];
    const nonces = new Set<string>();
    for (const one of [ours, group])
      for (let i = 0; i < 60; i++) {
        const { generation, reuseGuard } = senderDataOf(ours, await one.encrypt(text(`${i}`)));
        guards.push(toHex(reuseGuard));
        nonces.add(`${generation} ${toHex(reuseGuard)}`);
      }
    expect(nonces.size).toBe(120);
    expect(new Set(guards).size).toBeGreaterThan(115);
  });
});

describe('CAM-12: forks', () => {
  test(`STO-13: ${FORKS} copies run on beside the original; none repeats a key when it could know`, async () => {
    const sum = { repeated: 0, noticed: 0, unaware: 0 };
    for (let seed = SEED; seed < SEED + FORKS; seed++) await fork(seed, sum);
    console.log(
      `forks: ${FORKS}, noticed by ${sum.noticed}, ${sum.repeated} repetitions` +
        ` (${sum.unaware} with nothing to notice, seed ${SEED})`,
    );
    expect(sum.repeated).toBe(0);
    expect(sum.noticed).toBeGreaterThan(FORKS / 4);
  });
});

/** A copy of alice, made anywhere in a story, starts when the original is through; what was said reaches it first. */
async function fork(
  seed: number,
  sum: { repeated: number; noticed: number; unaware: number },
): Promise<void> {
  const random = new Random(seed);
  const [network, ledger] = [new Network(), new Ledger()];
  const common = { network, ledger, open: { lostWrites: 0 } };
  const bob = new Device({ name: 'bob', ...common, provider: seeded(seed * 3) });
  await bob.open(memoryBackend());
  await bob.createGroup();
  const backend = memoryBackend();
  const alice = new Device({ name: 'alice', ...common, provider: seeded(seed * 3 + 1) });
  await alice.open(backend);
  await alice.publishKeyPackage();
  await bob.commit('invite', [add(network.packages.get('alice') as Uint8Array)]);
  await bob.receive();
  await alice.join();
  const length = 2 + random.below(6);
  const at = random.below(length);
  let copy = await contentsOf(backend);
  for (let i = 0; i < length; i++) {
    if (i === at) copy = await contentsOf(backend);
    await act(random, alice, bob, `${i}`);
  }
  await bob.receive();
  const other = new Device({ name: 'alice', ...common, isOld: true, provider: seeded(seed * 3 + 2) });
  await other.open(backendOf(copy));
  await other.receive();
  for (let i = 0; i < 20; i++)
    await other.say(`text copy ${i}`).catch((error: { code?: string }) => {
      if (error.code !== 'state.rollback' && error.code !== 'state.proposals-pending') throw error;
    });
  sum.repeated += ledger.repetitions().length;
  if (other.evidence.some((kind) => kind.startsWith('own-'))) sum.noticed += 1;
  else sum.unaware += 1;
}

async function act(random: Random, alice: Device, bob: Device, key: string): Promise<void> {
  switch (random.below(5)) {
    case 0:
      return alice.say(`text ${key}`);
    case 1:
      return alice.sayAll(Array.from({ length: 1 + random.below(30) }, (_, i) => `text ${key} ${i}`));
    case 2:
      await bob.receive();
      await bob.commit(`bob ${key}`);
      await bob.receive();
      return alice.receive();
    case 3:
      await alice.receive();
      await alice.commit(`alice ${key}`);
      return alice.receive();
    default:
      return alice.receive();
  }
}

interface Couple extends Pick<Profile, 'backend'> {
  readonly alice: Profile;
  readonly ours: StoredGroup;
  readonly theirs: StoredGroup;
}

async function couple(open: { watermark?: Watermark } = {}): Promise<Couple> {
  const backend = memoryBackend();
  const alice = await openProfile(backend, 'alice', { open: { lostWrites: 0, ...open } });
  const bob = await openProfile(memoryBackend(), 'bob');
  const ours = await alice.client.createGroup();
  const [theirs] = await addTo(ours, bob);
  await ours.encrypt(text('one'));
  return { backend, alice, ours, theirs: theirs! };
}

/** A counter that only goes up, as a platform may offer one. */
function counter(): { mark: { value: bigint }; watermark: Watermark } {
  const mark = { value: 0n };
  const watermark = {
    read: async () => mark.value,
    write: async (version: bigint) => {
      if (version > mark.value) mark.value = version;
    },
  };
  return { mark, watermark };
}

async function expectSetBack(group: StoredGroup, theirs: StoredGroup): Promise<void> {
  await expect(group.encrypt(text('no'))).rejects.toMatchObject({ code: 'state.rollback' });
  expect(await read(group, await theirs.encrypt(text('still read')))).toBe('still read');
}

function senderDataOf({ group }: StoredGroup, bytes: Uint8Array): ReturnType<typeof openSenderData> {
  const { env, cell } = insideOf(group);
  const message = decode(MlsMessage, bytes);
  if (message.wireFormat !== WireFormat.privateMessage) throw new Error('not private');
  return openSenderData(env.suite, cell.state.epoch.secrets.senderDataSecret, message.privateMessage);
}

/** Rejoin, and talk. */
async function comeIn(profile: Profile, theirs: StoredGroup): Promise<void> {
  const offer = await profile.client.prepareExternalJoin(theirs.group.groupInfo(), { resync: true });
  const staged = await theirs.process(offer.message);
  if (staged.kind !== 'commit') throw new Error(staged.kind);
  await theirs.accept(staged.commit);
  const group = await offer.accept();
  expect(await read(theirs, await group.encrypt(text('back')))).toBe('back');
  expect(await read(group, await theirs.encrypt(text('welcome')))).toBe('welcome');
}
