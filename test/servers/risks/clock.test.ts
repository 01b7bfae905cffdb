/**
 * R2b: colliding commits while the clock of the server is set back. COLLISIONS is the number of messages of each of the
 * eight clients (default 25; 500 is what the design asks for).
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attr } from '../../../src/xmpp/element.ts';
import { buildMls } from '../../../src/xmpp/stanza/mls.ts';
import type { Connected } from '../clients.ts';
import { findClock } from '../clock.ts';
import type { Server } from '../server.ts';
import { SERVERS } from '../servers.ts';
import { append, connected, enterRoom, makeRoom, readAll } from '../steps.ts';

const EACH = Number(process.env['COLLISIONS'] ?? 25);
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const payload = buildMls({ kind: 'commit', message: new Uint8Array(300) }, new Uint8Array(8));

describe.each(SERVERS)('R2b: $name', ({ available, start }) => {
  describe.skipIf(!available || findClock() === undefined)('whose clock is set back', () => {
    let server: Server;
    let clients: Connected[];

    beforeAll(async () => {
      server = await start({ clock: 0 });
      clients = [];
      for (const name of NAMES) clients.push(await connected(server, name));
    });

    afterAll(async () => {
      for (const client of clients) await client.disconnect();
      await server.stop();
    });

    test('archive and stream have one order while it runs', { timeout: 600_000 }, async () => {
      const room = `steps@${server.rooms}`;
      const orders = await occupy(clients, room);
      let steps = 0;
      const stepping = setInterval(() => server.setClock(-5 * ++steps), 100);
      await Promise.all(
        clients.map(async ({ transport }) => {
          for (let count = 0; count < EACH; count++) await append(transport, room, payload);
        }),
      );
      clearInterval(stepping);
      const total = NAMES.length * EACH;
      for (let wait = 0; wait < 100 && orders.some((order) => order.length < total); wait++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      expect(steps).toBeGreaterThan(0);
      const archived = (await readAll(one(clients).transport, room)).map(({ message }) =>
        attr(message, 'id'),
      );
      expect(archived).toHaveLength(total);
      for (const order of orders) expect(order).toEqual(archived);
      server.setClock(0);
    });

    test('what is archived after a restart with an earlier clock', async () => {
      const { transport, connect, disconnect } = one(clients);
      const room = `restart@${server.rooms}`;
      await makeRoom(transport, room, 'a');
      const before = [await append(transport, room, payload), await append(transport, room, payload)];
      const pages = async (): Promise<(string | undefined)[]> =>
        (await readAll(transport, room)).map(({ id }) => id);
      const order = before.map(({ id }) => id);
      expect(await pages()).toEqual(order);
      await disconnect();
      server.setClock(-60);
      await server.restart();
      await connect();
      await enterRoom(transport, room, 'a');
      const after = await append(transport, room, payload);
      const stands = server.dialect === 'prosody' ? [...order, after.id] : [after.id, ...order];
      expect(await pages()).toEqual(stands);
      const read = (await readAll(transport, room, order[0])).map(({ id }) => id);
      // A reader of ejabberd who goes on from what it has does not see the newer entry.
      expect(read).toEqual(server.dialect === 'prosody' ? [order[1], after.id] : [order[1]]);
    });
  });
});

function one<T>(all: readonly T[]): T {
  const [first] = all;
  if (first === undefined) throw new Error('nobody');
  return first;
}

/** All into one room, each keeping the order in which it hears. */
async function occupy(clients: readonly Connected[], room: string): Promise<string[][]> {
  const everybody = NAMES.map((name) => `${name}@localhost`);
  await makeRoom(one(clients).transport, room, 'a', ...everybody.slice(1));
  for (const [index, { transport }] of clients.entries())
    if (index > 0) await enterRoom(transport, room, NAMES[index] ?? '');
  return clients.map(({ transport }) => {
    const order: string[] = [];
    transport.subscribe((stanza) => {
      const id = stanza.name === 'message' ? attr(stanza, 'id') : undefined;
      if (id?.startsWith('append-')) order.push(id);
    });
    return order;
  });
}
