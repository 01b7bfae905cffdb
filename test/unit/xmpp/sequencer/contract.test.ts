/** Rooms as sequencers, on the server in the process, with the habits of either real one. */

import { describe } from 'vitest';
import { createServer } from '../../../../src/embedded/index.ts';
import { createLogRoom } from '../../../../src/xmpp/sequencer/logRoom.ts';
import { RoomSequencer } from '../../../../src/xmpp/sequencer/room.ts';
import { affiliateTo } from '../../../../src/xmpp/stanza/muc.ts';
import { systemTimers } from '../../../../src/xmpp/timers.ts';
import {
  accountOf,
  type Device,
  sequencerContract,
  TOOLS,
  type World,
} from '../../../servers/sequencer.contract.ts';

const NAMES = ['juliet', 'romeo', 'nurse'];

function embedded(dialect: 'prosody' | 'ejabberd'): World {
  const server = createServer({ dialect, timers: systemTimers, random: TOOLS.random });
  return {
    connect: async (name): Promise<Device> => {
      server.addUser(name);
      const connection = server.connect(name, 'device');
      return {
        transport: connection.transport,
        disconnect: async () => connection.disconnect(),
        connect: async () => connection.connect(),
        resume: async () => {
          connection.drop();
          await new Promise((resolve) => setTimeout(resolve, 20));
          connection.resume();
        },
      };
    },
    place: async ([owner, ...others]) => {
      const { transport } = owner!;
      const made = {
        transport,
        timers: systemTimers,
        random: TOOLS.random,
        service: server.rooms,
        nick: 'maker',
      };
      const place = await createLogRoom({ ...made, peer: accountOf(others[0]!) });
      for (const other of others.slice(1)) {
        await transport.request(affiliateTo(place, accountOf(other), 'member'));
      }
      return place;
    },
    sequencer: ({ place, ...wanted }) =>
      new RoomSequencer({ ...TOOLS, timers: systemTimers, room: place, ...wanted }),
    expel: async (owner, place, device) => {
      await owner.transport.request(affiliateTo(place, accountOf(device), 'none'));
    },
    expire: async () => server.expireArchives(0),
    stop: async () => undefined,
  };
}

describe.each(['prosody', 'ejabberd'] as const)('rooms of the embedded server, as %s', (dialect) => {
  sequencerContract(async () => embedded(dialect), NAMES);
});
