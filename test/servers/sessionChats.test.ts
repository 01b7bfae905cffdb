/** Conversations of two accounts on real servers: the log room, and what goes beside it (design, 4.4). */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { el } from '../../src/xmpp/element.ts';
import { CURRENT, groupInfoNode } from '../../src/xmpp/stanza/mlsItems.ts';
import { fetchItems, readItems } from '../../src/xmpp/stanza/pubsub.ts';
import { People, type Person, talk } from './people.ts';
import type { Server } from './server.ts';
import { SERVERS } from './servers.ts';

describe.each(SERVERS)('conversations on $name', ({ available, start }) => {
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

  async function two(): Promise<[Person, Person]> {
    people = new People(server);
    count += 1;
    return [await people.join(`juliet${count}`), await people.join(`romeo${count}`)];
  }

  const noFaults = (): void => expect(people.all.flatMap((one) => one.faults())).toEqual([]);
  const epoch = (one: Person, jid: string): bigint | undefined => talk(one, jid).group?.epoch;

  test.skipIf(!available)(
    'two talk, commit, and leave copies of the GroupInfo',
    { timeout: 240_000 },
    async () => {
      const [juliet, romeo] = await two();
      const chat = await juliet.mls.chat(romeo.jid);
      await chat.send('who is there');
      await people.until('romeo heard', () => romeo.heard().length === 1);
      await talk(romeo, juliet.jid).send('it is I');
      await people.until('juliet heard', () => juliet.heard().length === 1);
      await talk(romeo, juliet.jid).refresh();
      await people.until('she follows', () => epoch(juliet, romeo.jid) === epoch(romeo, juliet.jid));
      await chat.refresh();
      await chat.send('with new keys');
      await people.until('romeo heard again', () => romeo.heard().length === 2);
      expect(epoch(juliet, romeo.jid)).toBe(3n);
      const node = groupInfoNode(chat.group!.id);
      const copyAt = async (reader: Person, owner: Person): Promise<number> => {
        const request = fetchItems(owner.jid === reader.jid ? undefined : owner.jid, node, [CURRENT]);
        const answer = await reader.transport.request(request).catch(() => undefined);
        return answer === undefined ? 0 : readItems(answer, owner.jid, node).length;
      };
      for (const [reader, owner] of [
        [romeo, juliet],
        [juliet, romeo],
      ] as const) {
        let found = 0;
        for (let tries = 0; tries < 100 && found === 0; tries++) {
          found = await copyAt(reader, owner);
          if (found === 0) await new Promise((resolve) => setTimeout(resolve, 100));
        }
        expect(found).toBe(1);
      }
      noFaults();
    },
  );

  test.skipIf(!available)(
    'a peer that is offline reads it all when it comes',
    { timeout: 240_000 },
    async () => {
      const [juliet, romeo] = await two();
      await romeo.connected.disconnect();
      const chat = await juliet.mls.chat(romeo.jid);
      const said = ['one', 'two', 'three', 'four', 'five', 'six'];
      for (const [index, word] of said.entries()) {
        await chat.send(word);
        if (index % 2 === 1) await chat.refresh();
      }
      await romeo.connected.connect();
      await romeo.transport.send(el('presence'));
      await people.until('romeo has read', () => romeo.heard().length === said.length);
      expect(romeo.heard()).toEqual(said);
      await talk(romeo, juliet.jid).send('all read');
      await people.until('juliet heard', () => juliet.heard().length === 1);
      noFaults();
    },
  );

  test.skipIf(!available)(
    'both begin at once, and come to speak in one group',
    { timeout: 240_000 },
    async () => {
      const [juliet, romeo] = await two();
      const [hers, his] = await Promise.all([juliet.mls.chat(romeo.jid), romeo.mls.chat(juliet.jid)]);
      await Promise.all([hers.send('from her'), his.send('from him')]);
      await people.until('both heard', () => juliet.heard().length === 1 && romeo.heard().length === 1);
      await talk(juliet, romeo.jid).send('again from her');
      await talk(romeo, juliet.jid).send('again from him');
      await people.until('both heard again', () => juliet.heard().length === 2 && romeo.heard().length === 2);
      const groups = [talk(juliet, romeo.jid), talk(romeo, juliet.jid)].map(({ group }) => group!.id);
      expect(groups[0]).toEqual(groups[1]);
      noFaults();
    },
  );

  test.skipIf(!available)(
    'a further device of one comes into the conversation',
    { timeout: 240_000 },
    async () => {
      const [juliet, romeo] = await two();
      const chat = await juliet.mls.chat(romeo.jid);
      await chat.send('before');
      await people.until('romeo heard', () => romeo.heard().length === 1);
      const phone = await people.join(romeo.name, { accountKey: romeo.mls.accountKey! });
      await romeo.mls.inviteOwnDevices();
      await people.until('the phone is in', () => phone.events.some(({ kind }) => kind === 'joined'));
      await chat.send('to both');
      await people.until('both heard', () => phone.heard().length === 1 && romeo.heard().length === 2);
      await talk(phone, juliet.jid).send('from the phone');
      await people.until('juliet and romeo heard', () =>
        [juliet, romeo].every((one) => one.heard().includes('from the phone')),
      );
      noFaults();
    },
  );
});
