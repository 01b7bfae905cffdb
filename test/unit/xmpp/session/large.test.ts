/** Rooms so large that the tree does not travel with every commit. */

import { test } from 'vitest';
import { filledWith } from '../../../support/bareMembers.ts';
import { Parties } from '../../../support/parties.ts';

test('a device is invited into a large room', async () => {
  const parties = new Parties({});
  const alice = await parties.join('alice');
  const bob = await parties.join('bob');
  const room = await parties.room(alice, 'hall', [bob]);
  const hall = await alice.mls.room(room, { joinRule: 'affiliated' });
  const now = Math.floor(parties.timers.now() / 1000);
  let t = performance.now();
  await hall.ordered?.reach(filledWith(60, now));
  console.log('filled', performance.now() - t, hall.group?.epoch);
  t = performance.now();
  await hall.invite(bob.mls.device.jid);
  await parties.until('bob is in', () => bob.events.some(({ kind }) => kind === 'joined'));
  console.log('joined', performance.now() - t);
  await hall.send('hello');
  await parties.until('heard', () => bob.heard().length === 1);
  console.log(parties.report());
  await parties.stop();
});
