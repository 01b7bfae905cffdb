/** One-to-one conversations: commits in a log room, messages as ordinary chat messages. */

import { expect, test } from 'vitest';
import { Parties } from '../../../support/parties.ts';

const DIALECTS = ['prosody', 'ejabberd'] as const;

test.each(DIALECTS)('two accounts talk, with a log room that nobody stays in, over %s', async (dialect) => {
  const parties = new Parties({ dialect });
  const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
  const chat = await alice.mls.chat(bob.mls.device.jid);
  await chat.send('hello');
  await parties.until('bob is in', () => bob.heard().length === 1);
  const theirs = await bob.mls.chat(alice.mls.device.jid);
  expect(theirs.group?.epochAuthenticator).toEqual(chat.group?.epochAuthenticator);
  await theirs.send('hello yourself');
  await parties.until('alice hears', () => alice.heard().length === 1);
  await theirs.refresh();
  await theirs.send('with new keys');
  await parties.until('alice follows', () => alice.heard().length === 2);
  expect(alice.mls.conversations).toHaveLength(1);
  expect([alice, bob].flatMap((one) => one.faults())).toEqual([]);
  await parties.stop();
});

test.each(DIALECTS)('a second device is let in and both read, over %s', async (dialect) => {
  const parties = new Parties({ dialect });
  const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
  const chat = await alice.mls.chat(bob.mls.device.jid);
  await chat.send('before');
  await parties.until('bob is in', () => bob.heard().length === 1);
  const { accountKey } = bob.mls;
  if (accountKey === undefined) throw new Error('no key');
  const phone = await parties.join('bob', 'phone', { accountKey });
  await bob.mls.inviteOwnDevices();
  await parties.until('the phone is in', () => phone.events.some(({ kind }) => kind === 'joined'));
  await chat.send('to both');
  await parties.until(
    'both hear',
    () => bob.heard().includes('to both') && phone.heard().includes('to both'),
  );
  const [mine] = phone.mls.conversations;
  await mine?.send('from the phone');
  await parties.until('all hear', () => [alice, bob].every((one) => one.heard().includes('from the phone')));
  expect([alice, bob, phone].flatMap((one) => one.faults())).toEqual([]);
  await parties.stop();
});

test.each(DIALECTS)('who was away reads everything in its order, over %s', async (dialect) => {
  const parties = new Parties({ dialect });
  const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
  const chat = await alice.mls.chat(bob.mls.device.jid);
  await chat.send('0');
  await parties.until('bob is in', () => bob.heard().length === 1);
  bob.connection.disconnect();
  for (let i = 1; i <= 30; i++) {
    if (i % 4 === 0) await chat.refresh();
    await chat.send(String(i));
  }
  bob.connection.connect();
  await bob.connection.transport.send({ name: 'presence', attrs: {}, children: [] });
  await parties.until('bob has all', () => bob.heard().length === 31);
  expect(bob.heard()).toEqual(Array.from({ length: 31 }, (_, i) => String(i)));
  expect([alice, bob].flatMap((one) => one.faults())).toEqual([]);
  await parties.stop();
});
