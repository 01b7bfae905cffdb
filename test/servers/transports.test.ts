/** Each adapter over its library against a real Prosody: the round trips that the binding is made of. */

import { afterAll, beforeAll, describe } from 'vitest';
import { roundTrips } from '../support/roundTrips.ts';
import { connectSilent, LIBRARIES } from './clients.ts';
import { hasProsody, type Server, startProsody } from './prosody.ts';

const available = hasProsody();
let server: Server;

beforeAll(async () => {
  if (!available) return;
  server = await startProsody();
  for (const name of ['silent', 'other']) server.addUser(name, name);
});

afterAll(async () => {
  if (available) await server.stop();
});

describe.skipIf(!available).each(LIBRARIES)('%s with Prosody', (library, connect) => {
  const lab = () => ({
    domain: server.domain,
    rooms: server.rooms,
    dialect: 'prosody' as const,
    addUser: (name: string) => server.addUser(name, name),
    connect: (name: string) => connect(server, name),
    connectSilent: (name: string) => connectSilent(server, name),
  });
  roundTrips(lab, library.toLowerCase().replace(/[^a-z]/g, ''));
});
