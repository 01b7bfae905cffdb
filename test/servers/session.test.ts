/** Sessions on real servers, with what happens between people (design, 4.3 to 4.8, 7.4). */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { el } from '../../src/xmpp/element.ts';
import { affiliateTo } from '../../src/xmpp/stanza/muc.ts';
import { LIBRARIES } from './clients.ts';
import { People, type Person, talk } from './people.ts';
import type { Server } from './server.ts';
import { SERVERS } from './servers.ts';

describe.each(SERVERS)('sessions on $name', ({ available, start }) => {
  let server: Server;
  let people: People;
  let count = 0;

  beforeAll(async () => {
    if (available) server = await start();
  });
  afterEach(async () => {
    await people.stop();
  });
  afterAll(async () => {
    if (available) await server.stop();
  });

  /** Accounts of this test alone. */
  async function come(...names: readonly string[]): Promise<Person[]> {
    people = new People(server);
    count += 1;
    const came: Person[] = [];
    for (const name of names) came.push(await people.join(`${name}${count}`));
    return came;
  }

  const isIn = ({ events }: Person): boolean => events.some(({ kind }) => kind === 'joined');

  /** A room with the first as its owner, and all others in its group. */
  async function roomOf([owner, ...others]: readonly Person[]): Promise<string> {
    const room = await people.room(owner!, `room${count}`, others);
    const conversation = await owner!.mls.room(room);
    await conversation.invite(...others.map(({ jid }) => jid));
    await people.until('all are in', () => others.every(isIn));
    return room;
  }

  const noFaults = (): void => expect(people.all.flatMap((one) => one.faults())).toEqual([]);

  test.skipIf(!available)('a room is made, people are let in, talk, and leave', async () => {
    const [alice, bob, carol] = (await come('alice', 'bob', 'carol')) as [Person, Person, Person];
    const room = await roomOf([alice, bob, carol]);
    await talk(alice, room).send('hello');
    await people.until('the others heard', () => [bob, carol].every((one) => one.heard().length === 1));
    await talk(bob, room).send('hello yourself');
    await people.until('alice heard', () => alice.heard().length === 1 && carol.heard().length === 2);
    expect(carol.heard()).toEqual(['hello', 'hello yourself']);
    await talk(carol, room).leave();
    await people.until('carol asked', () => (talk(alice, room).group?.proposals.length ?? 0) > 0);
    await talk(alice, room).send('she is gone');
    expect(talk(alice, room).members.map(({ jid }) => jid)).toEqual([alice.jid, bob.jid]);
    await people.until('bob heard', () => bob.heard().includes('she is gone'));
    noFaults();
  });

  test.skipIf(!available)('whom the room puts out is put out of the group', async () => {
    const [alice, bob, carol] = (await come('alice', 'bob', 'carol')) as [Person, Person, Person];
    const room = await roomOf([alice, bob, carol]);
    await alice.transport.request(affiliateTo(room, carol.jid, 'none'));
    const isOut = (one: Person): boolean => !membersOf(one, room).includes(carol.jid);
    await people.until('carol is out for both', () => isOut(alice) && isOut(bob));
    await talk(bob, room).send('between us');
    await people.until('alice heard', () => alice.heard().length === 1);
    expect(carol.heard()).toEqual([]);
  });

  test.skipIf(!available)('further devices come in, invited or by themselves', async () => {
    const [alice, bob] = (await come('alice', 'bob')) as [Person, Person];
    const room = await roomOf([alice, bob]);
    const tablet = await people.join(alice.name, { accountKey: alice.mls.accountKey! });
    await alice.mls.inviteOwnDevices();
    await people.until('the tablet is in', () => isIn(tablet));
    const laptop = await people.join(bob.name, { accountKey: bob.mls.accountKey! });
    expect((await laptop.mls.room(room)).status).toBe('active');
    await talk(laptop, room).send('from my laptop');
    await people.until('all heard', () => [alice, tablet, bob].every((one) => one.heard().length === 1));
    await talk(tablet, room).send('from my tablet');
    await people.until('all heard again', () => [alice, bob].every((one) => one.heard().length === 2));
    expect(membersOf(bob, room).sort()).toEqual([alice.jid, alice.jid, bob.jid, bob.jid]);
    expect(laptop.heard()).toEqual(['from my tablet']);
    noFaults();
  });

  test.skipIf(!available)(
    'whoever was offline reads all of it in its order',
    { timeout: 240_000 },
    async () => {
      const [alice, bob, carol] = (await come('alice', 'bob', 'carol')) as [Person, Person, Person];
      const room = await roomOf([alice, bob, carol]);
      await carol.connected.disconnect();
      const said: string[] = [];
      for (let round = 0; round < 3; round++) {
        for (let number = 0; number < 20; number++) {
          said.push(`${round} ${number}`);
          await talk(number % 2 === 0 ? alice : bob, room).send(`${round} ${number}`);
        }
        await talk(round === 1 ? bob : alice, room).refresh();
      }
      const { epoch } = talk(alice, room).group!;
      await carol.connected.connect();
      await carol.transport.send(el('presence'));
      await people.until(
        'carol has read',
        () => carol.heard().length >= 60 && epochOf(carol, room) === epoch,
      );
      expect(carol.heard()).toEqual(said);
      await talk(carol, room).send('I have read it all');
      await people.until('they hear her', () => [alice, bob].every((one) => one.heard().length === 31));
      noFaults();
    },
  );

  test.skipIf(!available)('a device that dies in the middle goes on from its store', async () => {
    const [alice, bob] = (await come('alice', 'bob')) as [Person, Person];
    const room = await roomOf([alice, bob]);
    await talk(alice, room).send('before');
    const inTheAir = [talk(bob, room).send('one'), talk(bob, room).refresh(), talk(bob, room).send('two')];
    const ends = Promise.allSettled(inTheAir);
    await new Promise((resolve) => setTimeout(resolve, 15));
    const kept = await bob.crash();
    await talk(alice, room).send('meanwhile');
    const again = await people.join(bob.name, { backend: kept });
    await ends;
    await people.until('bob reads on', () => again.heard().includes('meanwhile'));
    await talk(again, room).send('after');
    await people.until('alice hears him', () => alice.heard().includes('after'));
    await people.until('both are where the other is', () => epochOf(alice, room) === epochOf(again, room));
    expect(new Set(alice.heard()).size).toBe(alice.heard().length);
    noFaults();
  });

  test.skipIf(!available).each(LIBRARIES.slice(1))('the main path over %s', async (library, connect) => {
    const name = library.toLowerCase().replace(/[^a-z]/g, '');
    const [alice] = (await come(`a${name}`)) as [Person];
    const bob = await people.join(`b${name}${count}`, { connect });
    const carol = await people.join(`c${name}${count}`, { connect });
    const room = await roomOf([bob, alice, carol]);
    await talk(bob, room).send('hello');
    await people.until('both heard', () => [alice, carol].every((one) => one.heard().length === 1));
    await carol.connected.disconnect();
    await talk(alice, room).send('you are away');
    await talk(bob, room).refresh();
    await talk(bob, room).send('still');
    await carol.connected.connect();
    await carol.transport.send(el('presence'));
    await people.until('carol has read', () => carol.heard().length === 3);
    expect(carol.heard()).toEqual(['hello', 'you are away', 'still']);
    const chat = await carol.mls.chat(bob.jid);
    await chat.send('a word in private');
    await people.until('bob heard', () => bob.heard().includes('a word in private'));
    noFaults();
  });
});

function membersOf(one: Person, jid: string): string[] {
  return talk(one, jid).members.map((member) => member.jid);
}

function epochOf(one: Person, jid: string): bigint | undefined {
  return talk(one, jid).group?.epoch;
}
