/** Handles that outlive what they stand for, and calls that get between each other. */

import { describe, expect, test } from 'vitest';
import type { StoredGroup } from '../../src/storage/storedGroup.ts';
import { addTo, openProfile, type Profile, read, text } from '../support/stored.ts';
import { Rigged } from './rigged.ts';
import { backendOf } from './world.ts';

describe('STO-12: handles', () => {
  test('there is one for each group, and it ends with the store, the group, or a new seat in it', async () => {
    const { alice, ours, bob, theirs } = await couple();
    const id = ours.group.id;
    expect(await alice.client.group(id)).toBe(ours);
    const [one, two] = await Promise.all([alice.client.group(id), alice.client.group(id)]);
    expect(one).toBe(two);
    const offer = await alice.client.prepareExternalJoin(theirs.group.groupInfo(), { resync: true });
    const rejoined = await offer.accept();
    await expectEnded(ours);
    expect(await alice.client.group(id)).toBe(rejoined);
    const staged = await theirs.process(offer.message);
    if (staged.kind === 'commit') await theirs.accept(staged.commit);
    expect(await read(theirs, await rejoined.encrypt(text('back')))).toBe('back');
    await alice.store.remove(id);
    await expectEnded(rejoined);
    await expect(alice.client.group(id)).rejects.toMatchObject({ code: 'state.unknown-group' });
    await bob.store.close();
    await expectEnded(theirs);
  });

  test('an offer is decided once, whoever holds it', async () => {
    const { alice, theirs } = await couple();
    const offer = await alice.client.prepareExternalJoin(theirs.group.groupInfo(), { resync: true });
    const [again] = await alice.client.offers();
    const joined = await again!.accept();
    await expect(offer.accept()).rejects.toMatchObject({ code: 'state.stale-handle' });
    await expect(offer.discard()).rejects.toMatchObject({ code: 'state.stale-handle' });
    expect(await alice.client.offers()).toEqual([]);
    const staged = await theirs.process(offer.message);
    if (staged.kind === 'commit') await theirs.accept(staged.commit);
    expect(await read(theirs, await joined.encrypt(text('in')))).toBe('in');
  });

  test('a group that is removed while it is loaded is not there afterwards', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const { rigged, alice, ours } = await couple();
      const id = ours.group.id;
      await alice.store.close();
      const again = await openProfile(rigged, 'alice');
      const loading = again.client.group(id).then(
        (group) => group.encrypt(text('ghost')).catch(() => undefined),
        () => undefined,
      );
      for (let i = 0; i < turns; i++) await undefined;
      await Promise.all([loading, again.store.remove(id)]);
      await again.store.close();
      const left: string[] = [];
      for await (const [key] of rigged.scan('g/')) left.push(key);
      expect(left, `after ${turns} turns`).toEqual([]);
    }
  });
});

describe('calls in the same turn', () => {
  test('a plaintext that comes while a group is rejoined keeps its place in the inbox', async () => {
    const { rigged, alice, ours, theirs } = await couple();
    const id = ours.group.id;
    const late = await theirs.encrypt(text('late'));
    const offer = await alice.client.prepareExternalJoin(theirs.group.groupInfo(), { resync: true });
    const staged = await theirs.process(offer.message);
    if (staged.kind === 'commit') await theirs.accept(staged.commit);
    const [outcome, rejoined] = await Promise.all([ours.process(late), offer.accept()]);
    expect(outcome.kind).toBe('application');
    await rejoined.process(await theirs.encrypt(text('new')));
    expect(textsOf(rejoined)).toEqual(['late', 'new']);
    await alice.store.close();
    const again = await openProfile(rigged, 'alice');
    expect(textsOf(await again.client.group(id))).toEqual(['late', 'new']);
  });

  test('STO-17: the same bytes are taken in once, under whatever name and however often', async () => {
    const { ours, theirs } = await couple();
    const message = await theirs.encrypt(text('once'));
    const outcomes = await Promise.all(['a', 'a', 'b'].map((source) => ours.process(message, { source })));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['application', 'duplicate', 'duplicate']);
    expect((await ours.process(message)).kind).toBe('duplicate');
    expect(ours.inbox).toHaveLength(1);
    await ours.acknowledge(ours.inbox[0]!.id);
    expect((await ours.process(message)).kind).toBe('duplicate');
    expect(ours.inbox).toEqual([]);
    const other = await theirs.encrypt(text('other'));
    expect((await ours.process(other, { source: 'a' })).kind).toBe('application');
  });

  test('STO-16: while a commit of ours is undecided, and when it has lost, the old epoch is all there', async () => {
    const { rigged, alice, ours, theirs } = await couple();
    const id = ours.group.id;
    await ours.commit();
    expect(await read(theirs, await ours.encrypt(text('meanwhile')))).toBe('meanwhile');
    expect(await read(ours, await theirs.encrypt(text('you too')))).toBe('you too');
    const other = await theirs.commit();
    const staged = await ours.process(other.message);
    rigged.failNext(new Error('not now'));
    if (staged.kind !== 'commit') throw new Error(staged.kind);
    await expect(ours.accept(staged.commit)).rejects.toMatchObject({ code: 'storage.durability' });
    // Nothing was wiped: neither our commit nor the epoch.
    expect(ours.group.pending).toBeDefined();
    expect(await read(theirs, await ours.encrypt(text('still')))).toBe('still');
    await alice.store.close();
    const again = await (await openProfile(rigged, 'alice')).client.group(id);
    const restaged = await again.process(other.message);
    if (restaged.kind !== 'commit') throw new Error(restaged.kind);
    await again.accept(restaged.commit);
    await theirs.accept(other);
    expect(again.group.pending).toBeUndefined();
    expect(again.group.epochAuthenticator).toEqual(theirs.group.epochAuthenticator);
    expect(await read(theirs, await again.encrypt(text('on')))).toBe('on');
  });
});

describe('what the application does', () => {
  test('STO-23: what throws in a step undoes it; what calls from within waits its turn', async () => {
    const { ours, theirs } = await couple();
    const message = await theirs.encrypt(text('hello'));
    const oops = (): never => {
      throw new Error('oops');
    };
    await expect(ours.process(message, {}, oops)).rejects.toThrow('oops');
    await expect(
      ours.update((group) => {
        group.encrypt(text('never seen'));
        group.commit();
        oops();
      }),
    ).rejects.toThrow('oops');
    expect(ours.group.pending).toBeUndefined();
    expect(ours.inbox).toEqual([]);
    let inner: Promise<string> | undefined;
    const outcome = await ours.process(message, {}, () => {
      inner = ours.encrypt(text('reply')).then((reply) => read(theirs, reply));
      expect(() => ours.group.encrypt(text('raw'))).not.toThrow();
    });
    expect(outcome.kind).toBe('application');
    expect(await inner).toBe('reply');
    expect(() => ours.group.encrypt(text('raw'))).toThrow(expect.objectContaining({ code: 'state.busy' }));
    const [first, second] = await ours.update((group) => {
      void ours.update((again) => expect(again).toBe(group));
      return [group.encrypt(text('1')), group.encrypt(text('2'))];
    });
    expect([await read(theirs, first!), await read(theirs, second!)]).toEqual(['1', '2']);
  });

  test('STO-22: nothing is handed out before it is durable', async () => {
    const { rigged, ours, theirs } = await couple();
    const trace: string[] = [];
    rigged.rig = async (write) => {
      trace.push('begin');
      for (let i = 0; i < 5; i++) await undefined;
      await write();
      trace.push('end');
    };
    const message = await theirs.encrypt(text('hello'));
    const commit = await theirs.commit();
    const steps: (() => Promise<unknown>)[] = [
      () => ours.process(message, {}, () => trace.push('inside')),
      () => ours.acknowledge(...ours.inbox.map(({ id }) => id)),
      () => ours.encrypt(text('one')),
      () => ours.propose({ kind: 'update', leaf: {} }),
      () => ours.commit(),
      async () => {
        const staged = await ours.process(commit.message);
        if (staged.kind === 'commit') await ours.accept(staged.commit);
      },
      () => ours.update((_, records) => records.put('mine', text('1'))),
    ];
    for (const step of steps) {
      await step();
      expect(trace.slice(-2)).toEqual(['begin', 'end']);
      trace.push('handed out');
    }
    expect(trace.indexOf('inside')).toBeLessThan(trace.indexOf('begin'));
  });

  test('STO-21: whatever the clock says, nothing that is ours is lost', async () => {
    const clocks = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 4e9, 2 ** 53];
    for (const now of clocks) {
      const { rigged, alice, ours, theirs, bob } = await couple();
      const id = ours.group.id;
      const { message: keyPackage } = await alice.client.createKeyPackage();
      await alice.store.close();
      const again = await openProfile(rigged, 'alice', { client: { clock: () => now } });
      expect(again.client.keyPackages).toHaveLength(1);
      const group = await again.client.group(id);
      expect(await read(group, await theirs.encrypt(text('hello')))).toBe('hello');
      expect(await read(theirs, await group.encrypt(text('me too')))).toBe('me too');
      const commit = await theirs.commit();
      const staged = await group.process(commit.message);
      if (staged.kind !== 'commit') throw new Error(`${now}: ${staged.kind}`);
      await group.accept(staged.commit);
      const other = await bob.client.createGroup();
      const invitation = await other.invite([keyPackage]);
      await other.accept(invitation);
      const join = await again.client.prepareJoin(invitation.welcome);
      expect((await join.accept()).group.isActive, `clock ${now}`).toBe(true);
    }
  });
});

interface Couple {
  readonly rigged: Rigged;
  readonly alice: Profile;
  readonly bob: Profile;
  readonly ours: StoredGroup;
  readonly theirs: StoredGroup;
}

async function couple(): Promise<Couple> {
  const rigged = new Rigged();
  const alice = await openProfile(rigged, 'alice');
  const bob = await openProfile(backendOf(), 'bob');
  const ours = await alice.client.createGroup();
  const [theirs] = await addTo(ours, bob);
  return { rigged, alice, bob, ours, theirs: theirs! };
}

async function expectEnded(group: StoredGroup): Promise<void> {
  const ended = { code: 'state.closed-handle' };
  await expect(group.encrypt(text('no'))).rejects.toMatchObject(ended);
  await expect(group.process(Uint8Array.of(1))).rejects.toMatchObject(ended);
  await expect(group.commit()).rejects.toMatchObject(ended);
  expect(() => group.group.epoch).toThrow(expect.objectContaining(ended));
}

function textsOf({ inbox }: StoredGroup): readonly string[] {
  return inbox.map(({ data }) => new TextDecoder().decode(data));
}
