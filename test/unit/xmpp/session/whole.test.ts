/** What is begun is done whole, or taken up again: a first message, and a farewell. */

import { expect, test } from 'vitest';
import { memoryBackend } from '../../../../src/storage/memory.ts';
import { mlsIn } from '../../../../src/xmpp/stanza/mls.ts';
import { Parties } from '../../../support/parties.ts';

test('STO-01: who dies before the invitations have left sends them in the next life', async () => {
  const parties = new Parties();
  const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
  const { transport } = alice.connection;
  const send = transport.send.bind(transport);
  let isDead = false;
  const died = new Promise<void>((resolve) => {
    transport.send = (stanza) => {
      // The first thing of MLS that would leave: the first entry of the log room.
      isDead ||= mlsIn(stanza) !== undefined;
      if (!isDead) return send(stanza);
      resolve();
      return new Promise(() => {});
    };
  });
  void alice.mls.chat(bob.mls.device.jid).catch(() => {});
  await died;
  alice.connection.disconnect();
  void alice.mls.stop();
  await alice.store.close();
  const again = await parties.join('alice', 'again', { backend: alice.backend });
  await parties.until('bob is in', () => bob.events.some(({ kind }) => kind === 'joined'));
  await (await again.mls.chat(bob.mls.device.jid)).send('hello');
  await parties.until('bob hears', () => bob.heard().includes('hello'));
  expect([bob, again].flatMap((one) => one.faults())).toEqual([]);
  await again.mls.stop();
  await bob.mls.stop();
});

test('who has left does not read on after a restart', async () => {
  const parties = new Parties();
  const backend = memoryBackend();
  const [alice, bob] = [await parties.join('alice'), await parties.join('bob', 'one', { backend })];
  const room = await parties.room(alice, 'garden', [bob]);
  const garden = await alice.mls.room(room);
  await garden.invite(bob.mls.device.jid);
  await parties.until('bob is in', () => bob.mls.conversations[0]?.status === 'active');
  await bob.mls.conversations[0]?.leave();
  bob.connection.disconnect();
  await bob.mls.stop();
  await bob.store.close();
  const again = await parties.join('bob', 'two', { backend });
  await garden.send('without bob');
  expect(garden.members.map(({ jid }) => jid)).toEqual([alice.mls.device.jid]);
  await parties.quiet();
  expect([again.mls.conversations, again.heard()]).toEqual([[], []]);
  await parties.stop();
});
