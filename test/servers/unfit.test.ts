/** What a session says of a server that lacks something: a code, and what the operator is to enable (design, 1.2 and 4.4). */

import { afterEach, describe, expect, test } from 'vitest';
import { People } from './people.ts';
import type { Server, ServerOptions } from './server.ts';
import { SERVERS } from './servers.ts';
import { failure } from './steps.ts';

for (const { name, available, start } of SERVERS) {
  describe.skipIf(!available)(`sessions on a ${name} that is not fit`, () => {
    let server: Server | undefined;
    let people: People | undefined;

    async function on(options: ServerOptions): Promise<People> {
      server = await start(options);
      people = new People(server);
      return people;
    }

    afterEach(async () => {
      await people?.stop();
      await server?.stop();
      people = undefined;
      server = undefined;
    });

    test('without archives it cannot begin', async () => {
      const error = await failure((await on({ archive: false })).join('juliet'));
      expect(error).toMatchObject({
        code: 'xmpp.server-unfit',
        detail: { feature: 'urn:xmpp:mam:2', entity: 'juliet@localhost' },
      });
    });

    test('without a service of rooms there is no conversation', async () => {
      const there = await on({ rooms: 'absent' });
      const juliet = await there.join('juliet');
      const romeo = await there.join('romeo');
      expect(await failure(juliet.mls.chat(romeo.jid))).toMatchObject({
        code: 'xmpp.server-unfit',
        detail: { feature: 'http://jabber.org/protocol/muc', entity: 'localhost' },
      });
    });

    test('where nobody may make rooms there is no conversation', async () => {
      const there = await on({ rooms: 'closed' });
      const juliet = await there.join('juliet');
      const romeo = await there.join('romeo');
      expect(await failure(juliet.mls.chat(romeo.jid))).toMatchObject({
        code: 'xmpp.server-unfit',
        detail: { feature: 'room creation', entity: 'rooms.localhost' },
      });
    });

    test('a limit on stanzas that is packaged, or a limit on the rate, does not hinder', async () => {
      const there = await on({ stanzaBytes: 262_144, rate: 10_000 });
      const juliet = await there.join('juliet');
      const romeo = await there.join('romeo');
      const room = await there.room(juliet, 'garden', [romeo]);
      const garden = await juliet.mls.room(room);
      await garden.invite(romeo.jid);
      await garden.send('x'.repeat(20_000));
      await there.until('romeo heard', () => romeo.heard().length === 1, 90);
      expect(await failure(garden.send('x'.repeat(100_000)))).toMatchObject({ code: 'xmpp.too-large' });
      await garden.send('short');
      await there.until('romeo heard again', () => romeo.heard().length === 2, 90);
    });
  });
}
