/** A room with everything that happens in one. */

import { expect, test } from 'vitest';
import { Parties } from '../../../support/parties.ts';

const DIALECTS = ['prosody', 'ejabberd'] as const;

test.each(DIALECTS)('a room is made, people are let in and talk, over %s', async (dialect) => {
  const parties = new Parties({ dialect });
  const [alice, bob, carol] = [
    await parties.join('alice'),
    await parties.join('bob'),
    await parties.join('carol'),
  ];
  const room = await parties.room(alice, 'garden', [bob, carol]);
  const garden = await alice.mls.room(room);
  expect(garden.status).toBe('active');
  await garden.invite(bob.mls.device.jid, carol.mls.device.jid);
  await parties.until('bob and carol are in', () =>
    [bob, carol].every(({ events }) => events.some(({ kind }) => kind === 'joined')),
  );
  const [theirs] = bob.mls.conversations;
  await garden.send('hello');
  await theirs?.send('hello yourself');
  await parties.until(
    'all heard',
    () => alice.heard().length === 1 && bob.heard().length === 1 && carol.heard().length === 2,
  );
  expect(carol.heard().sort()).toEqual(['hello', 'hello yourself']);
  await garden.remove(carol.mls.device.jid);
  await parties.until('carol is out', () => carol.events.some(({ kind }) => kind === 'removed'));
  expect([alice, bob, carol].flatMap((one) => one.faults())).toEqual([]);
  await parties.stop();
});

test.each(DIALECTS)(
  'XMP-13: a way in is found after the archive has forgotten it, over %s',
  async (dialect) => {
    const parties = new Parties({ dialect });
    const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
    const room = await parties.room(alice, 'garden', [bob]);
    const garden = await alice.mls.room(room, { joinRule: 'affiliated' });
    await garden.send('hello');
    parties.server.expireArchives(0, room);
    const theirs = await bob.mls.room(room, { joinRule: 'affiliated' });
    expect(theirs.status).toBe('active');
    await theirs.send('I found you');
    await parties.until('alice hears', () => alice.heard().includes('I found you'));
    expect([alice, bob].flatMap((one) => one.faults())).toEqual([]);
    await parties.stop();
  },
);

test('the way in is posted again before it is buried', async () => {
  const parties = new Parties();
  const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
  const room = await parties.room(alice, 'garden', [bob]);
  const garden = await alice.mls.room(room, { joinRule: 'affiliated' });
  await Promise.all(Array.from({ length: 210 }, (_, i) => garden.send(String(i))));
  await parties.quiet();
  parties.server.expireArchives(50, room);
  expect((await bob.mls.room(room)).status).toBe('active');
  await parties.stop();
});

test('whoever sends gets the id that others know the message by, also when it was sent for it', async () => {
  const parties = new Parties();
  const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
  const room = await parties.room(alice, 'garden', [bob]);
  const garden = await alice.mls.room(room);
  await garden.invite(bob.mls.device.jid);
  await parties.until('bob is in', () => bob.events.some(({ kind }) => kind === 'joined'));
  const given = new Map<string, string>();
  const sending = Array.from({ length: 20 }, async (_, i) => {
    const { id } = await garden.send(String(i));
    given.set(String(i), id);
  });
  const flushing = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) await garden.ordered?.mailer.flush();
  };
  await Promise.all([...sending, flushing(), flushing()]);
  await parties.until('bob has all', () => bob.heard().length === 20);
  for (const event of bob.events)
    if (event.kind === 'message') expect(given.get(event.content.body ?? '')).toBe(event.id);
  await parties.stop();
});
