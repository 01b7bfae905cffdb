/** A client in a store: KeyPackages, joins, offers, groups that follow on others, and removal. */

import { describe, expect, test } from 'vitest';
import type { LeafIndex } from '../../../src/base/brand.ts';
import { fromHex, toHex } from '../../../src/base/bytes.ts';
import { MlsError } from '../../../src/base/error.ts';
import { reinit, remove } from '../../../src/group/proposals.ts';
import type { KeyValueStore, StoreOp } from '../../../src/storage/backend.ts';
import { memoryBackend } from '../../../src/storage/memory.ts';
import { addTo, openProfile, type Profile, read, reopen, text } from '../../support/stored.ts';

/** A backend whose batches fail while it is told so. */
function failing(): KeyValueStore & { fails: boolean } {
  const inner = memoryBackend();
  return {
    fails: false,
    get: (key) => inner.get(key),
    scan: (prefix) => inner.scan(prefix),
    async batch(ops: readonly StoreOp[], guard) {
      if (this.fails) throw new MlsError('storage.quota');
      await inner.batch(ops, guard);
    },
  };
}

async function names({ backend }: Profile, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const [key] of backend.scan(prefix)) found.push(key);
  return found;
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof MlsError ? error.code : error),
  );

describe('KeyPackages', () => {
  test('STO-01 are durable before they can be published, used up by a join, and still known after a restart', async () => {
    const alice = await openProfile(memoryBackend(), 'alice');
    let bob = await openProfile(memoryBackend(), 'bob');
    const { message, ref } = await bob.client.createKeyPackage();
    bob = await reopen(bob, 'bob');
    expect(bob.client.keyPackages).toEqual([toHex(ref)]);
    const group = await alice.client.createGroup();
    const commit = await group.invite([message]);
    await group.accept(commit);
    const join = await bob.client.prepareJoin(commit.welcome);
    expect(toHex(join.keyPackage!)).toBe(toHex(ref));
    await join.accept();
    expect(bob.client.keyPackages).toEqual([]);
    expect(await names(bob, 'k/')).toEqual([]);
    expect(await codeOf(bob.client.prepareJoin(commit.welcome))).toBe('state.key-package-used');
    bob = await reopen(bob, 'bob');
    expect(await codeOf(bob.client.prepareJoin(commit.welcome))).toBe('state.unknown-key-package');
    expect(bob.client.groups.map(toHex)).toEqual([toHex(group.group.id)]);
  });

  test('of last resort stay, forgotten ones go, damaged ones are left alone', async () => {
    const alice = await openProfile(memoryBackend(), 'alice');
    let bob = await openProfile(memoryBackend(), 'bob');
    const last = await bob.client.createKeyPackage({ lastResort: true });
    const other = await bob.client.createKeyPackage();
    const group = await alice.client.createGroup();
    const commit = await group.invite([last.message]);
    await group.accept(commit);
    await (await bob.client.prepareJoin(commit.welcome)).accept();
    expect(bob.client.keyPackages).toEqual([toHex(last.ref), toHex(other.ref)]);
    await bob.client.forgetKeyPackage(other.ref);
    expect(await names(bob, 'k/')).toHaveLength(1);
    await bob.backend.batch([{ type: 'put', key: `k/1/${'00'.repeat(32)}`, value: fromHex('0001') }]);
    bob = await reopen(bob, 'bob');
    expect(bob.client.keyPackages).toEqual([toHex(last.ref)]);
  });

  test('JOI-07 a reusable one serves two Welcomes, through a restart, until it is forgotten', async () => {
    const alice = await openProfile(memoryBackend(), 'alice');
    const carol = await openProfile(memoryBackend(), 'carol');
    let bob = await openProfile(memoryBackend(), 'bob');
    const { message, ref } = await bob.client.createKeyPackage({ reusable: true });
    const welcomes: Uint8Array[] = [];
    for (const { client } of [alice, carol, carol]) {
      const group = await client.createGroup();
      const commit = await group.invite([message]);
      await group.accept(commit);
      welcomes.push(commit.welcome);
    }
    await (await bob.client.prepareJoin(welcomes[0]!)).accept();
    bob = await reopen(bob, 'bob');
    expect(bob.client.keyPackages).toEqual([toHex(ref)]);
    await (await bob.client.prepareJoin(welcomes[1]!)).accept();
    expect(bob.client.groups).toHaveLength(2);
    await bob.client.forgetKeyPackage(ref);
    expect(await names(bob, 'k/')).toEqual([]);
    expect(await codeOf(bob.client.prepareJoin(welcomes[2]!))).toBe('state.unknown-key-package');
  });

  test('STO-16 a Welcome that was taken leads nowhere once we were removed; a newer one does', async () => {
    const alice = await openProfile(memoryBackend(), 'alice');
    const bob = await openProfile(memoryBackend(), 'bob');
    const { message } = await bob.client.createKeyPackage({ reusable: true });
    const group = await alice.client.createGroup();
    const first = await group.invite([message]);
    await group.accept(first);
    const theirs = await (await bob.client.prepareJoin(first.welcome)).accept();
    const removal = await group.commit([remove(1 as LeafIndex)]);
    await group.accept(removal);
    const seen = await theirs.process(removal.message);
    if (seen.kind !== 'commit') throw new Error(seen.kind);
    await theirs.accept(seen.commit);
    expect(theirs.group.isActive).toBe(false);
    expect(await codeOf(bob.client.prepareJoin(first.welcome))).toBe('validation.group-id');
    const second = await group.invite([message]);
    await group.accept(second);
    const again = await (await bob.client.prepareJoin(second.welcome)).accept();
    expect(again.group.epoch).toBe(3n);
  });

  test('a join that cannot be written leaves everything as it was, and can be accepted later', async () => {
    const backend = failing();
    const alice = await openProfile(memoryBackend(), 'alice');
    const bob = await openProfile(backend, 'bob');
    const { message } = await bob.client.createKeyPackage();
    const group = await alice.client.createGroup();
    const commit = await group.invite([message]);
    await group.accept(commit);
    const join = await bob.client.prepareJoin(commit.welcome);
    backend.fails = true;
    expect(await codeOf(join.accept())).toBe('storage.quota');
    expect(bob.client.groups).toEqual([]);
    expect(await codeOf(bob.client.createKeyPackage())).toBe('storage.quota');
    expect(bob.client.keyPackages).toHaveLength(1);
    backend.fails = false;
    const theirs = await join.accept();
    expect(await read(theirs, await group.encrypt(text('hello')))).toBe('hello');
  });
});

describe('external joins', () => {
  test('STO-15 are stored before they are sent, and can be accepted after a restart', async () => {
    const alice = await openProfile(memoryBackend(), 'alice');
    let bob = await openProfile(memoryBackend(), 'bob');
    const group = await alice.client.createGroup();
    const { message } = await bob.client.prepareExternalJoin(group.group.groupInfo());
    bob = await reopen(bob, 'bob');
    const [offer] = await bob.client.offers();
    expect(toHex(offer!.message)).toBe(toHex(message));
    expect(bob.client.groups).toEqual([]);
    const staged = await group.process(message);
    if (staged.kind === 'commit') await group.accept(staged.commit);
    const theirs = await offer!.accept();
    expect(await codeOf(offer!.accept())).toBe('state.stale-handle');
    expect(await bob.client.offers()).toEqual([]);
    expect(await read(theirs, await group.encrypt(text('welcome')))).toBe('welcome');
    bob = await reopen(bob, 'bob');
    const again = await bob.client.group(group.group.id);
    expect(await read(again, await group.encrypt(text('still')))).toBe('still');
  });

  test('STO-12 a resync takes the place of the old state, with its unread messages, and ends the old handle', async () => {
    const alice = await openProfile(memoryBackend(), 'alice');
    const bob = await openProfile(memoryBackend(), 'bob');
    const group = await alice.client.createGroup();
    const [old] = await addTo(group, bob);
    await old!.process(await group.encrypt(text('unread')));
    const offer = await bob.client.prepareExternalJoin(group.group.groupInfo(), { resync: true });
    expect(await bob.client.group(group.group.id)).toBe(old);
    const staged = await group.process(offer.message);
    if (staged.kind === 'commit') await group.accept(staged.commit);
    const fresh = await offer.accept();
    expect(await codeOf(old!.encrypt(text('from the past')))).toBe('state.closed-handle');
    expect(await bob.client.group(group.group.id)).toBe(fresh);
    expect(fresh.inbox.map(({ data }) => new TextDecoder().decode(data))).toEqual(['unread']);
    expect(await read(group, await fresh.encrypt(text('back')))).toBe('back');
    const places = new Set((await names(bob, 'g/')).map((name) => name.split('/')[1]));
    expect([places.size, (await names(bob, 'x/')).length]).toEqual([1, 1]);
  });

  test('one that is dropped leaves nothing', async () => {
    const alice = await openProfile(memoryBackend(), 'alice');
    const bob = await openProfile(memoryBackend(), 'bob');
    const group = await alice.client.createGroup();
    const offer = await bob.client.prepareExternalJoin(group.group.groupInfo());
    await offer.discard();
    expect([await names(bob, 'g/'), await names(bob, 'x/')]).toEqual([[], []]);
    expect(await codeOf(offer.accept())).toBe('state.stale-handle');
  });
});

describe('groups', () => {
  test('a group is one object, refused twice, and nothing is left of it once it is removed', async () => {
    let alice = await openProfile(memoryBackend(), 'alice');
    const id = text('one');
    const group = await alice.client.createGroup({ id });
    expect(await alice.client.group(id)).toBe(group);
    expect(await codeOf(alice.client.createGroup({ id }))).toBe('validation.group-id');
    alice = await reopen(alice, 'alice');
    expect(await codeOf(alice.client.createGroup({ id }))).toBe('validation.group-id');
    expect(await codeOf(group.encrypt(text('closed')))).toBe('state.closed-handle');
    await alice.store.remove(id);
    expect([await names(alice, 'g/'), await names(alice, 'x/'), alice.client.groups]).toEqual([[], [], []]);
    expect(await codeOf(alice.client.group(id))).toBe('state.unknown-group');
    expect(await codeOf(alice.store.remove(id))).toBe('state.unknown-group');
  });

  test('moves go through the store: a move on the group itself is refused', async () => {
    const alice = await openProfile(memoryBackend(), 'alice');
    const { group } = await alice.client.createGroup();
    expect(() => group.encrypt(text('not durable'))).toThrow('state.busy');
    expect(() => group.commit()).toThrow('state.busy');
    expect(group.export('label', text(''), 16)).toHaveLength(16);
  });

  test('successors and subgroups are written when they are founded', async () => {
    let alice = await openProfile(memoryBackend(), 'alice');
    const bob = await openProfile(memoryBackend(), 'bob');
    const group = await alice.client.createGroup();
    const [theirs] = await addTo(group, bob);
    const forBranch = await bob.client.createKeyPackage();
    const branch = await alice.client.branch(group, [forBranch.message]);
    const joined = await (await bob.client.prepareJoin(branch.welcome!)).accept();
    expect(await read(joined, await branch.group.encrypt(text('aside')))).toBe('aside');
    const closing = await group.commit([reinit({ groupId: text('next'), suite: 1 })]);
    await group.accept(closing);
    const staged = await theirs!.process(closing.message);
    if (staged.kind === 'commit') await theirs!.accept(staged.commit);
    const { id } = group.group;
    alice = await reopen(alice, 'alice');
    const closed = await alice.client.group(id);
    expect(closed.group.status).toBe('closed');
    const forNext = await bob.client.createKeyPackage();
    const written: string[] = [];
    const next = await alice.client.reinitialise(closed, [forNext.message], {}, ({ welcome }, records) => {
      records.put('outbox/1', welcome!);
      written.push('outbox/1');
    });
    const join = await bob.client.prepareJoin((await alice.store.get('outbox/1'))!, { from: theirs! });
    const followed = await join.accept();
    expect(await read(followed, await next.group.encrypt(text('here now')))).toBe('here now');
  });
});

describe('records of the application', () => {
  test('go with a step of a group, or not at all', async () => {
    const backend = failing();
    const alice = await openProfile(backend, 'alice');
    const group = await alice.client.createGroup();
    const message = await group.update((g, records) => {
      const sent = g.encrypt(text('hello'));
      records.put('sent/1', sent);
      return sent;
    });
    expect(toHex((await alice.store.get('sent/1'))!)).toBe(toHex(message));
    const { epochAuthenticator } = group.group;
    backend.fails = true;
    const step = group.update((g, records) => {
      g.accept(g.commit());
      records.del('sent/1');
    });
    expect(await codeOf(step)).toBe('storage.quota');
    expect(group.group.epochAuthenticator).toEqual(epochAuthenticator);
    backend.fails = false;
    await expect(
      group.update((g, records) => {
        g.accept(g.commit());
        records.put('sent/2', message);
        throw new Error('the application');
      }),
    ).rejects.toThrow('the application');
    expect(group.group.epoch).toBe(0n);
    await alice.store.write((records) => records.put('note', text('later')));
    const found: string[] = [];
    for await (const [name] of alice.store.scan()) found.push(name);
    expect(found).toEqual(['note', 'sent/1']);
    expect(await codeOf(alice.store.write((records) => records.put('ünicode', text(''))))).toBe(
      'codec.input',
    );
  });
});
