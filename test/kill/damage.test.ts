/** Records that were damaged, exchanged, set back or taken away, and what is left in records that should be gone. */

import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { MlsError } from '../../src/base/error.ts';
import { insideOf } from '../../src/group/group.ts';
import { stateSecrets } from '../../src/group/spent.ts';
import type { KeyValueStore } from '../../src/storage/backend.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import type { StoredGroup } from '../../src/storage/storedGroup.ts';
import { Random } from '../fuzz/random.ts';
import { addTo, openProfile, type Profile, text } from '../support/stored.ts';
import { backendOf, type Contents, contentsOf } from './world.ts';

const { KILL_SEED } = process.env;
const SEED = Number(KILL_SEED ?? 1);
/** Bits that are turned over in each record; all of them when there are no more. */
const { BITS: bits } = process.env;
const BITS = Number(bits ?? 12);
const KEY = new Uint8Array(32).fill(9);

/** A damage that was not noticed as it ought to be. */
type Wrong = string | undefined;

for (const sealKey of [undefined, KEY]) {
  describe(`STO-08: a record of a store that is ${sealKey === undefined ? 'not ' : ''}sealed`, () => {
    test('with a bit turned over, or cut short, spoils nothing but its own group', async () => {
      const random = new Random(SEED);
      const { contents, ids, state } = await twoGroups(sealKey);
      const wrong: Wrong[] = [];
      for (const [name, value] of contents) {
        const bits = Math.min(value.length * 8, BITS);
        for (let i = 0; i < bits; i++) {
          const bit = bits === BITS ? random.below(value.length * 8) : i;
          const damaged = value.slice();
          damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
          wrong.push(await check({ contents, ids, state, sealKey }, name, damaged, `bit ${bit}`));
        }
        for (const length of new Set([0, 1, value.length >> 1, value.length - 1]))
          wrong.push(
            await check({ contents, ids, state, sealKey }, name, value.slice(0, length), `cut ${length}`),
          );
        // Names are not counted: a plaintext, or the place of a group, leaves no gap.
        if (!/^[iqx]\//.test(name))
          wrong.push(await check({ contents, ids, state, sealKey }, name, undefined, 'gone'));
      }
      expect(wrong.flatMap((one) => one ?? []).slice(0, 20)).toEqual([]);
    });

    test('does not stand in for another one, nor for a later one of its name', async () => {
      const { contents, ids, state, earlier } = await twoGroups(sealKey);
      const wrong: Wrong[] = [];
      for (const [name, value] of contents) {
        const twin = name.startsWith('g/1/') ? name.replace('g/1/', 'g/2/') : name.replace('g/2/', 'g/1/');
        const other = contents.get(twin);
        if (other !== undefined && twin !== name && toHex(other) !== toHex(value))
          wrong.push(await check({ contents, ids, state, sealKey }, name, other, 'of the other group'));
        const old = earlier.get(name);
        if (old !== undefined && name.startsWith('g/') && toHex(old) !== toHex(value))
          wrong.push(await check({ contents, ids, state, sealKey }, name, old, 'older'));
      }
      expect(wrong.flatMap((one) => one ?? []).slice(0, 20)).toEqual([]);
    });
    test('does not keep a damaged group from being removed and joined anew', async () => {
      const { contents, ids, state } = await twoGroups(sealKey);
      for (const name of [...contents.keys()].filter((one) => /^[gi]\/1\//.test(one))) {
        const backend = backendOf(new Map([...contents, [name, Uint8Array.of(1, 2, 3)]]));
        const profile = await openIt(backend, sealKey);
        await expect(profile.client.group(ids[0]!)).rejects.toMatchObject({ code: 'storage.corrupt' });
        await profile.store.remove(ids[0]!);
        await profile.client.createGroup({ id: ids[0]! });
        await profile.store.close();
        const again = await openIt(backend, sealKey);
        expect((await again.client.group(ids[0]!)).group.epoch).toBe(0n);
        expect(await summary(again, ids[1]!)).toBe(state[1]);
        await again.store.close();
      }
    });
  });
}

describe('STO-08, STO-19: the store as a whole', () => {
  test('a wrong key, a missing one, or one too many', async () => {
    const sealed = memoryBackend();
    await (await openProfile(sealed, 'alice', { open: { sealKey: KEY } })).store.close();
    const plain = memoryBackend();
    await (await openProfile(plain, 'alice')).store.close();
    const wrong = new Uint8Array(32).fill(8);
    for (const [backend, open] of [
      [sealed, { sealKey: wrong }],
      [sealed, {}],
      [plain, { sealKey: KEY }],
    ] as const) {
      const before = await contentsOf(backend);
      await expect(openProfile(backend, 'alice', { open })).rejects.toMatchObject({
        code: 'storage.corrupt',
      });
      expect(await contentsOf(backend)).toEqual(before);
    }
    await (await openProfile(sealed, 'alice', { open: { sealKey: KEY } })).store.close();
  });

  test('a store of a later format is left as it is', async () => {
    const backend = memoryBackend();
    await (await openProfile(backend, 'alice')).store.close();
    const meta = (await backend.get('m')) as Uint8Array;
    meta[2] = 2;
    await backend.batch([{ type: 'put', key: 'm', value: meta }]);
    const before = await contentsOf(backend);
    await expect(openProfile(backend, 'alice')).rejects.toMatchObject({ code: 'storage.version' });
    expect(await contentsOf(backend)).toEqual(before);
  });
});

describe('STO-20: what is gone is in no record', () => {
  test('keys of messages, init keys, past epochs, and removed groups', async () => {
    const backend = memoryBackend();
    const policy = { pastEpochs: 2, resumptionEpochs: 3 };
    const alice = await openProfile(backend, 'alice', { client: { policy }, open: { lostWrites: 0 } });
    const bob = await openProfile(memoryBackend(), 'bob');
    const theirs = await bob.client.createGroup();
    const seen = new Map<string, string>();
    /** Whatever is secret now, by name of the moment. */
    const note = async (when: string): Promise<void> => {
      for (const [name, value] of await contentsOf(backend))
        if (/^k\/|^g\/[^/]+\/[ersty]/.test(name)) seen.set(toHex(value), `${when}: ${name}`);
      for (const secret of stateSecrets(insideOf(group.group).cell.state))
        if (secret.length >= 16) seen.set(toHex(secret), `${when}: state`);
    };
    const ours = await addTo(theirs, alice);
    const group = ours[0] as StoredGroup;
    await note('joined');
    expect([...(await contentsOf(backend)).keys()].filter((name) => name.startsWith('k/'))).toEqual([]);
    const messages = await Promise.all(Array.from({ length: 6 }, (_, i) => theirs.encrypt(text(`${i}`))));
    await group.process(messages[5]!);
    await note('skipped');
    for (const message of messages.slice(0, 5)) await group.process(message);
    await Promise.all(Array.from({ length: 40 }, (_, i) => group.encrypt(text(`${i}`))));
    await note('sent');
    const pending = await group.commit();
    await note('pending');
    await group.discard(pending);
    for (let epoch = 0; epoch < 5; epoch++) {
      const commit = await theirs.commit();
      await theirs.accept(commit);
      const staged = await group.process(commit.message);
      if (staged.kind === 'commit') await group.accept(staged.commit);
    }
    const own = await group.commit();
    await theirs.process(own.message);
    await group.accept(own);
    await group.acknowledge(...group.inbox.map(({ id }) => id));
    // What lasts: the signature key, and nothing else.
    const lasting = toHex((await backend.get('c/1')) as Uint8Array);
    const all = toHex(
      new Uint8Array([...(await contentsOf(backend)).values()].flatMap((value) => [...value])),
    );
    const left = [...seen].filter(([secret]) => all.includes(secret) && !lasting.includes(secret));
    expect(left.map(([, where]) => where)).toEqual([]);
    await note('last');
    await alice.store.remove(theirs.group.id);
    const end = toHex(
      new Uint8Array([...(await contentsOf(backend)).values()].flatMap((value) => [...value])),
    );
    expect([...seen].filter(([secret]) => end.includes(secret) && !lasting.includes(secret))).toEqual([]);
    const names = [...(await contentsOf(backend)).keys()];
    expect(names.filter((name) => /^[gixqk]\//.test(name))).toEqual([]);
  });
});

interface Small {
  readonly contents: Contents;
  readonly ids: readonly Uint8Array[];
  /** What is seen of each group. */
  readonly state: readonly string[];
  readonly sealKey: Uint8Array | undefined;
}

/** A profile with two groups of two: messages passed over and not acknowledged, a proposal, a past epoch, a commit. */
async function twoGroups(sealKey: Uint8Array | undefined): Promise<Small & { readonly earlier: Contents }> {
  const backend = memoryBackend();
  const alice = await openProfile(backend, 'alice', { open: { ...(sealKey && { sealKey }), lostWrites: 0 } });
  const ids: Uint8Array[] = [];
  let earlier: Contents = new Map();
  for (const friend of ['bob', 'carol']) {
    const ours = await alice.client.createGroup();
    const [theirs] = await addTo(ours, await openProfile(memoryBackend(), friend));
    const messages = [await theirs!.encrypt(text('0')), await theirs!.encrypt(text('1'))];
    await ours.process(messages[1]!);
    await ours.encrypt(text('hello'));
    earlier = new Map([...earlier, ...(await contentsOf(backend))]);
    const commit = await theirs!.commit();
    await theirs!.accept(commit);
    const staged = await ours.process(commit.message);
    if (staged.kind === 'commit') await ours.accept(staged.commit);
    await ours.process((await theirs!.propose({ kind: 'update', leaf: {} })).message);
    await ours.commit();
    ids.push(ours.group.id);
  }
  await alice.client.createKeyPackage();
  await alice.store.close();
  const contents = await contentsOf(backend);
  const profile = await openIt(backendOf(contents), sealKey);
  const state = await Promise.all(ids.map((id) => summary(profile, id)));
  return { contents, ids, state, sealKey, earlier };
}

/** Which group a record is of: 0 or 1, or both. */
function ownersOf(name: string): readonly number[] {
  const match = /^[gixq]\/(\d)/.exec(name);
  return match === null ? [] : [Number(match[1]) - 1];
}

/** Put something in place of a record, and look. */
async function check(
  { contents, ids, state, sealKey }: Small,
  name: string,
  value: Uint8Array | undefined,
  how: string,
): Promise<Wrong> {
  const changed = new Map(contents);
  if (value === undefined) changed.delete(name);
  else changed.set(name, value);
  const where = `${name}, ${how}`;
  const owners = ownersOf(name);
  let profile: Profile;
  try {
    profile = await openIt(backendOf(changed), sealKey);
  } catch (error) {
    if (!isStorage(error)) return `${where}: opening threw ${error}`;
    return owners.length > 0 ? `${where}: the store does not open` : undefined;
  }
  for (const [i, id] of ids.entries()) {
    const seen = await summary(profile, id).catch((error: unknown) => error);
    if (typeof seen !== 'string' && !(isStorage(seen) && owners.includes(i)))
      return `${where}: group ${i} threw ${seen}`;
    if (typeof seen === 'string' && seen !== state[i]) return `${where}: group ${i} has changed`;
  }
  return undefined;
}

function isStorage(error: unknown): boolean {
  return error instanceof MlsError && ['storage.corrupt', 'storage.version'].includes(error.code);
}

function openIt(backend: KeyValueStore, sealKey: Uint8Array | undefined): Promise<Profile> {
  return openProfile(backend, 'alice', { open: { ...(sealKey && { sealKey }), lostWrites: 0 } });
}

/** A group as far as its state goes. */
async function summary({ client }: Profile, id: Uint8Array): Promise<string> {
  const { group, inbox, due } = await client.group(id);
  return JSON.stringify([toHex(group.save()), inbox.map((one) => [one.id, toHex(one.data)]), due.length]);
}
