/** Each adapter over its library against real servers: the round trips that the binding is made of. */

import { afterAll, describe } from 'vitest';
import { type Lab, roundTrips } from '../support/roundTrips.ts';
import { connectSilent, LIBRARIES } from './clients.ts';
import type { Server } from './server.ts';
import { SERVERS, type ServerKind } from './servers.ts';

const running = new Map<ServerKind, Promise<Server>>();

/** One server of a kind serves all libraries. */
function serverOf(kind: ServerKind): Promise<Server> {
  const found = running.get(kind) ?? startFor(kind);
  running.set(kind, found);
  return found;
}

async function startFor(kind: ServerKind): Promise<Server> {
  const server = await kind.start();
  await Promise.all(['silent', 'other'].map((name) => server.addUser(name, name)));
  return server;
}

afterAll(async () => {
  for (const server of running.values()) await (await server).stop();
});

for (const kind of SERVERS) {
  describe.skipIf(!kind.available).each(LIBRARIES)(`%s with ${kind.name}`, (library, connect) => {
    const lab = async (): Promise<Lab> => {
      const server = await serverOf(kind);
      return {
        domain: server.domain,
        rooms: server.rooms,
        dialect: server.dialect,
        addUser: (name) => server.addUser(name, name),
        connect: (name) => connect(server, name),
        connectSilent: (name) => connectSilent(server, name),
      };
    };
    roundTrips(lab, library.toLowerCase().replace(/[^a-z]/g, ''));
  });
}
