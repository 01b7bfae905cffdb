/** The embedded server passes what real libraries pass on real servers. */

import { describe } from 'vitest';
import { createServer } from '../../../src/embedded/index.ts';
import { systemTimers } from '../../../src/xmpp/timers.ts';
import { Random } from '../../fuzz/random.ts';
import { type Connected, type Lab, roundTrips } from '../../support/roundTrips.ts';

describe.each(['prosody', 'ejabberd'] as const)('the embedded server as %s', (dialect) => {
  const start = async (): Promise<Lab> => {
    const random = new Random(1);
    const server = createServer({
      dialect,
      timers: systemTimers,
      random: (length) => random.bytes(length),
    });
    for (const name of ['silent', 'other']) server.addUser(name);
    let resources = 0;
    const connect = async (name: string): Promise<Connected> => {
      const connection = server.connect(name, `r${resources++}`);
      return {
        transport: connection.transport,
        disconnect: async () => connection.disconnect(),
        connect: async () => connection.connect(),
      };
    };
    return {
      domain: server.domain,
      rooms: server.rooms,
      dialect,
      addUser: async (name) => server.addUser(name),
      connect,
      connectSilent: connect,
    };
  };
  roundTrips(start, 'juliet');
});
