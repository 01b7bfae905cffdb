/** The parts of a group in its order that need no server: what may be skipped, how often one may come back, who gets what. */

import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../../../src/base/bytes.ts';
import { provider } from '../../../../src/crypto/node/index.ts';
import type { Group } from '../../../../src/group/group.ts';
import { openStore } from '../../../../src/storage/index.ts';
import { memoryBackend } from '../../../../src/storage/memory.ts';
import { branchTag } from '../../../../src/xmpp/binding.ts';
import type { XmlElement } from '../../../../src/xmpp/element.ts';
import { groupInfoIn, headerOf } from '../../../../src/xmpp/ordered/header.ts';
import { invitationsOf } from '../../../../src/xmpp/ordered/invitations.ts';
import { bundleStanza, orderedStanza, outline } from '../../../../src/xmpp/ordered/outgoing.ts';
import { namesOf } from '../../../../src/xmpp/ordered/records.ts';
import { Repairs } from '../../../../src/xmpp/ordered/repairs.ts';
import { canGoOn } from '../../../../src/xmpp/ordered/trimmed.ts';
import type { Entry } from '../../../../src/xmpp/sequencer/contract.ts';
import { entryOf } from '../../../../src/xmpp/sequencer/entry.ts';
import { clockAt } from '../../../support/embedded.ts';
import { clientOf, commitOf, groupsOf } from '../../../support/groups.ts';
import { failed } from '../../../support/promises.ts';
import { codeOf } from '../../../support/refusals.ts';

const hash = (bytes: Uint8Array): Uint8Array => provider.suite(1).hash(bytes);

function entry(message: XmlElement, index: number): Entry {
  return entryOf({ id: `id-${index}`, message, time: undefined }, hash, true);
}

/** A commit of one member that everybody takes, as its bundle. */
function advance(groups: readonly Group[], by: number): XmlElement {
  const maker = groups[by];
  if (maker === undefined) throw new Error('nobody');
  const branch = branchTag(maker);
  const { message } = maker.commit();
  for (const group of groups) group.accept(commitOf(group, message));
  const groupInfo = { message: maker.groupInfo(), branch: branchTag(maker) };
  return bundleStanza(message, { branch, id: 'c', groupInfo });
}

function said(group: Group, words: string): XmlElement {
  return orderedStanza({ kind: 'app', message: group.encrypt(utf8(words)) }, words, branchTag(group));
}

describe('an archive that has forgotten where we were', () => {
  const [alice, bob] = groupsOf(['alice', 'bob']) as [Group, Group];
  const groupId = alice.id;
  const before = alice.epoch;
  const early = said(alice, 'in our epoch');
  const lost = (() => {
    const { message } = bob.commit();
    const stanza = bundleStanza(message, {
      branch: branchTag(bob),
      id: 'lost',
      groupInfo: { message: bob.groupInfo(), branch: utf8('nowhere!') },
    });
    if (bob.pending !== undefined) bob.discard(bob.pending);
    return stanza;
  })();
  const winner = advance([alice, bob], 0);
  const later = said(alice, 'in the next epoch');
  const second = advance([alice, bob], 1);

  test.each([
    ['nothing', [], true],
    ['messages of our epoch', [early], true],
    ['a commit of our epoch that later messages are on', [early, winner, later], true],
    ['a commit of our epoch that nothing speaks for', [winner], false],
    ['a loser, its winner gone', [lost, later], false],
    ['a loser after its winner, and what follows', [winner, lost, later], true],
    ['something of the next epoch alone', [later], false],
    ['commits of later epochs', [second], false],
  ] as const)('XMP-13: holds %s', (_, stanzas, good) => {
    expect(canGoOn(stanzas.map(entry), { groupId, epoch: before })).toBe(good);
  });

  test('other groups say nothing', () => {
    const entries = [winner, later, second].map(entry);
    expect(canGoOn(entries, { groupId: utf8('another'), epoch: before })).toBe(true);
  });
});

test('headers tell what anybody sees, and nothing of what is no message of a group', () => {
  const [alice] = groupsOf(['alice', 'bob']) as [Group, Group];
  const { epoch, id: groupId } = alice;
  expect(headerOf(alice.encrypt(utf8('x')))).toEqual({ groupId, epoch, content: 'application' });
  expect(headerOf(alice.commit().message)).toEqual({ groupId, epoch, content: 'commit' });
  expect(headerOf(alice.groupInfo())).toBeUndefined();
  expect(headerOf(utf8('no message'))).toBeUndefined();
  expect(groupInfoIn(alice.groupInfo())?.groupContext.epoch).toBe(epoch);
  expect(groupInfoIn(utf8('no message'))).toBeUndefined();
});

test('each account gets the secrets of its own devices, and all of them come in', () => {
  const [alice, bob, bobsPhone, carol] = ['alice', 'bob', 'bob phone', 'carol'].map((name) => clientOf(name));
  if (!alice || !bob || !bobsPhone || !carol) throw new Error('nobody');
  const group = alice.createGroup();
  const joiners = [bob, carol, bobsPhone];
  const made = group.invite(joiners.map((client) => client.createKeyPackage().message));
  group.accept(made);
  const invited = [{ to: 'bob' }, { to: 'carol' }, { to: 'bob' }];
  const [forBob, forCarol, ...more] = invitationsOf(made.welcome, invited, 'room@example');
  expect([forBob?.to, forCarol?.to, more]).toEqual(['bob', 'carol', []]);
  const welcomes = [forBob, forCarol].map((one) => one?.welcome ?? new Uint8Array());
  const [theirs, hers] = welcomes as [Uint8Array, Uint8Array];
  expect(codeOf(() => carol.prepareJoin(theirs))).toBe('state.unknown-key-package');
  expect(codeOf(() => bob.prepareJoin(hers))).toBe('state.unknown-key-package');
  const groups = [bob.prepareJoin(theirs), bobsPhone.prepareJoin(theirs), carol.prepareJoin(hers)];
  for (const join of groups)
    expect(toHex(join.accept().epochAuthenticator)).toBe(toHex(group.epochAuthenticator));
  expect(invitationsOf(undefined, [], 'room@example')).toEqual([]);
});

test('the outline of a stanza is the stanza without its ciphertext', () => {
  const [alice] = groupsOf(['alice', 'bob']) as [Group, Group];
  const text = outline(said(alice, 'words'));
  expect(text).not.toContain('<app>');
  expect(text).toContain('origin-id');
  expect(text).toContain("id='words'");
});

test('coming back is free three times, then takes longer each time, over restarts', async () => {
  const clock = clockAt(1_800_000_000_000);
  const store = await openStore(memoryBackend(), { provider });
  const names = namesOf(utf8('group'));
  const begin = (): Promise<void> => new Repairs(store, names, clock).begin();
  for (let free = 0; free < 3; free++) await begin();
  expect((await failed(begin())).code).toBe('state.desync');
  await clock.advance(10 * 60_000);
  await begin();
  await clock.advance(24 * 3_600_000);
  for (let free = 0; free < 3; free++) await begin();
  expect((await failed(begin())).code).toBe('state.desync');
  await store.close();
});
