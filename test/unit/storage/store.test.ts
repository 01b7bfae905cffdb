/** A profile in a store: what a restart must not change. */

import { describe, expect, test } from 'vitest';
import { memoryBackend } from '../../../src/storage/memory.ts';
import { addTo, openProfile, read, reopen, text } from '../../support/stored.ts';

describe('a stored group', () => {
  test('goes on after a restart', async () => {
    let alice = await openProfile(memoryBackend(), 'alice');
    let bob = await openProfile(memoryBackend(), 'bob');
    let ours = await alice.client.createGroup();
    let [theirs] = await addTo(ours, bob);
    const message = await ours.encrypt(text('hello'));
    expect(await read(theirs!, message)).toBe('hello');
    const id = ours.group.id;
    alice = await reopen(alice, 'alice');
    bob = await reopen(bob, 'bob');
    ours = await alice.client.group(id);
    theirs = await bob.client.group(id);
    expect(ours.group.epochAuthenticator).toEqual(theirs.group.epochAuthenticator);
    expect(await read(theirs, await ours.encrypt(text('again')))).toBe('again');
    expect(await read(ours, await theirs.encrypt(text('me too')))).toBe('me too');
    expect(await read(theirs, message)).toBe('duplicate');
    const commit = await theirs.commit();
    expect((await ours.process(commit.message)).kind).toBe('commit');
    bob = await reopen(bob, 'bob');
    theirs = await bob.client.group(id);
    const echo = await theirs.process(commit.message);
    expect(echo.kind).toBe('own-commit');
    if (echo.kind === 'own-commit') await theirs.accept(echo.commit);
    const staged = await ours.process(commit.message);
    if (staged.kind === 'commit') await ours.accept(staged.commit);
    expect(ours.group.epoch).toBe(theirs.group.epoch);
    expect(await read(theirs, await ours.encrypt(text('third')))).toBe('third');
    alice = await reopen(alice, 'alice');
    ours = await alice.client.group(id);
    expect(await read(theirs, await ours.encrypt(text('fourth')))).toBe('fourth');
    expect(await read(ours, await theirs.encrypt(text('fifth')))).toBe('fifth');
  });
});
