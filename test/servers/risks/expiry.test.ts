/** R18: what is left when archives forget. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attr, el } from '../../../src/xmpp/element.ts';
import { bareJid, parseJid } from '../../../src/xmpp/jid.ts';
import { hint } from '../../../src/xmpp/stanza/hints.ts';
import { buildMls, mlsIn, readMls } from '../../../src/xmpp/stanza/mls.ts';
import * as pubsub from '../../../src/xmpp/stanza/pubsub.ts';
import { refusedWith } from '../../../src/xmpp/stanza/stanzaError.ts';
import type { Connected } from '../clients.ts';
import { findClock } from '../clock.ts';
import type { Server } from '../server.ts';
import { SERVERS } from '../servers.ts';
import { append, connected, enterRoom, failure, makeRoom, next, readAll, readArchive } from '../steps.ts';

const DAY = 86_400;
const NODE = 'urn:xmpp:mls:0:group-info/6d2f0c1e9ab34c7d8e5f60718293a4b5';
const WHITELIST = { accessModel: 'whitelist', maxItems: 1 } as const;

describe.each(SERVERS)('R18: $name', ({ available, start }) => {
  describe.skipIf(!available || findClock() === undefined)('after a week', () => {
    const payloadOf = (mark: number) =>
      buildMls({ kind: 'commit', message: Uint8Array.of(mark, 1, 2, 3) }, new Uint8Array(8));
    const ids: Record<string, string | undefined> = {};
    let server: Server;
    let juliet: Connected;
    let room: string;
    let quiet: string;

    beforeAll(async () => {
      server = await start({ clock: -10 * DAY, retention: 7 });
      room = `busy@${server.rooms}`;
      quiet = `quiet@${server.rooms}`;
      juliet = await connected(server, 'juliet');
      const { transport } = juliet;
      const self = bareJid(parseJid(transport.jid));
      await makeRoom(transport, quiet, 'juliet');
      ids['quiet'] = (await append(transport, quiet, payloadOf(0))).id;
      await makeRoom(transport, room, 'juliet');
      for (const name of ['anchor', 'winner']) ids[name] = (await append(transport, room, payloadOf(1))).id;
      const came = next(transport, (stanza) => attr(stanza, 'id') === 'old');
      await transport.send(el('message', { to: self, type: 'chat', id: 'old' }, payloadOf(2), hint('store')));
      await came;
      await transport.request(pubsub.createNode(NODE, WHITELIST));
      await transport.request(pubsub.publish(NODE, { id: 'current', payload: payloadOf(3) }, WHITELIST));
      expect((await readAll(transport, self)).length).toBeGreaterThan(0);
      // Erlang takes the clock of its start for the truth, and is in no hurry to believe another.
      await juliet.disconnect();
      server.setClock(0);
      await server.restart();
      await juliet.connect();
      await enterRoom(transport, room, 'juliet');
      ids['loser'] = (await append(transport, room, payloadOf(4))).id;
      expect(await readAll(transport, room)).toHaveLength(3);
      await juliet.disconnect();
      await server.expire();
      await juliet.connect();
      await juliet.transport.send(el('presence'));
    });

    afterAll(async () => {
      await juliet?.disconnect();
      await server?.stop();
    });

    test('a loser is left whose winner is gone, and nothing in the archive tells', async () => {
      const left = await readAll(juliet.transport, room);
      expect(left.map(({ id }) => id)).toEqual([ids['loser']]);
      const mls = left[0] && mlsIn(left[0].message);
      expect(mls && readMls(mls)?.content).toMatchObject({ message: Uint8Array.of(4, 1, 2, 3) });
    });

    test('a reader who was away finds out only by the overlap', async () => {
      const query = { archive: room, queryId: 'r', page: { max: 50, after: ids['anchor'] ?? '' } };
      if (server.dialect === 'prosody') {
        const refused = await failure(readArchive(juliet.transport, query));
        expect(refusedWith(refused, 'item-not-found')).toBe(true);
      } else {
        // No error, and no gap to be seen: the first result is not the last that was taken.
        const [found, fin] = await readArchive(juliet.transport, query);
        expect(found.map(({ id }) => id)).toEqual([ids['loser']]);
        expect(fin.complete).toBe(true);
      }
    });

    test('a quiet room is empty, and still a room', async () => {
      expect(await readAll(juliet.transport, quiet)).toEqual([]);
      const query = { archive: quiet, queryId: 'q', page: { max: 50, after: ids['quiet'] ?? '' } };
      if (server.dialect === 'prosody') {
        const refused = await failure(readArchive(juliet.transport, query));
        expect(refusedWith(refused, 'item-not-found')).toBe(true);
      } else {
        const [found, fin] = await readArchive(juliet.transport, query);
        expect([found, fin.complete]).toEqual([[], true]);
      }
    });

    test('the archive of the account forgets as well, the copy in PEP does not', async () => {
      const self = bareJid(parseJid(juliet.transport.jid));
      expect(await readAll(juliet.transport, self)).toEqual([]);
      const fetched = await juliet.transport.request(pubsub.fetchItems(undefined, NODE, ['current']));
      expect(pubsub.readItems(fetched, self, NODE).map(({ id }) => id)).toEqual(['current']);
    });
  });
});
