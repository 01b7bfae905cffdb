/** Further devices of an account, and connections that come and go. */

import { expect, test } from 'vitest';
import { Parties, type Party } from '../../../support/parties.ts';

const isIn = ({ events }: Party): boolean => events.some(({ kind }) => kind === 'joined');

test.each(['prosody', 'ejabberd'] as const)(
  'a further device enters a room where the account has its nick already, over %s',
  async (dialect) => {
    const parties = new Parties({ dialect });
    const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
    const room = await parties.room(alice, 'garden', [bob]);
    const garden = await alice.mls.room(room);
    await garden.invite(bob.mls.device.jid);
    await parties.until('bob is in', () => isIn(bob));
    const laptop = await parties.join('bob', 'two', { accountKey: bob.mls.accountKey! });
    const entered = await laptop.mls.room(room);
    expect(entered.status).toBe('active');
    await entered.send('from my laptop');
    await parties.until('both heard', () => alice.heard().length === 1 && bob.heard().length === 1);
    expect([alice, bob, laptop].flatMap((one) => one.faults())).toEqual([]);
    await parties.stop();
  },
);

test.each(['prosody', 'ejabberd'] as const)(
  'XMP-33: who is cut off in the middle of its duties does them in the next session, over %s',
  async (dialect) => {
    const parties = new Parties({ dialect });
    const [alice, bob] = [await parties.join('alice'), await parties.join('bob')];
    const room = await parties.room(alice, 'garden', [bob]);
    const garden = await alice.mls.room(room);
    await garden.invite(bob.mls.device.jid);
    await parties.until('bob is in', () => isIn(bob));
    bob.connection.disconnect();
    for (let count = 0; count < 60; count++) await garden.send(`word ${count}`);
    await garden.refresh();
    for (let cut = 0; cut < 3; cut++) {
      bob.connection.connect();
      await parties.quiet();
      bob.connection.disconnect();
    }
    bob.connection.connect();
    await parties.until('bob has read', () => bob.heard().length === 60);
    expect(bob.heard()).toEqual(Array.from({ length: 60 }, (_, count) => `word ${count}`));
    await bob.mls.conversations[0]?.send('all read');
    await parties.until('alice heard', () => alice.heard().length === 1);
    expect([alice, bob].flatMap((one) => one.faults())).toEqual([]);
    await parties.stop();
  },
);
