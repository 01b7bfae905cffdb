/** Rooms and channels as sequencers, on real servers. */

import { client, xml } from '@xmpp/client';
import { describe } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { xmppJsTransport } from '../../src/xmpp/adapters/xmppjs.ts';
import { el } from '../../src/xmpp/element.ts';
import { createLogRoom } from '../../src/xmpp/sequencer/logRoom.ts';
import { MixSequencer } from '../../src/xmpp/sequencer/mix.ts';
import { RoomSequencer } from '../../src/xmpp/sequencer/room.ts';
import { createChannel, joinChannel } from '../../src/xmpp/stanza/mix.ts';
import { affiliateTo } from '../../src/xmpp/stanza/muc.ts';
import { systemTimers } from '../../src/xmpp/timers.ts';
import { beOfPatience } from './clients.ts';
import { accountOf, type Device, sequencerContract, TOOLS, type World } from './sequencer.contract.ts';
import type { Server } from './server.ts';
import { SERVERS } from './servers.ts';

const NAMES = ['juliet', 'romeo', 'nurse'];

/** A device over xmpp.js, whose connection can be broken. */
export async function connectDevice(server: Server, name: string): Promise<Device> {
  const xmpp = client({ service: server.tcp, domain: server.domain, username: name, password: name });
  beOfPatience(xmpp);
  // An 'error' event that nobody hears ends the process.
  xmpp.on('error', () => undefined);
  const transport = xmppJsTransport(xmpp, xml);
  await xmpp.start();
  return {
    transport,
    disconnect: () => xmpp.stop(),
    connect: () => xmpp.start(),
    resume: () =>
      new Promise<void>((resolve) => {
        const stop = transport.watch((state) => {
          if (state !== 'resumed') return;
          stop();
          resolve();
        });
        (xmpp as unknown as { socket: { destroy(): void } }).socket.destroy();
      }),
  };
}

async function roomsOn(start: () => Promise<Server>): Promise<World> {
  const server = await start();
  for (const name of NAMES) await server.addUser(name, name);
  const room = async ([owner, ...others]: readonly Device[]): Promise<string> => {
    const { transport } = owner!;
    const made = {
      transport,
      timers: systemTimers,
      random: TOOLS.random,
      service: server.rooms,
      nick: 'maker',
    };
    const place = await createLogRoom({ ...made, peer: accountOf(others[0]!) });
    for (const other of others.slice(1))
      await transport.request(affiliateTo(place, accountOf(other), 'member'));
    return place;
  };
  return {
    connect: (name) => connectDevice(server, name),
    place: room,
    sequencer: ({ place, ...wanted }) =>
      new RoomSequencer({ ...TOOLS, timers: systemTimers, room: place, ...wanted }),
    expel: async (owner, place, device) => {
      await owner.transport.request(affiliateTo(place, accountOf(device), 'none'));
    },
    expire: () => server.expire(),
    stop: () => server.stop(),
  };
}

for (const { name, available, start } of SERVERS) {
  describe.skipIf(!available)(`rooms of ${name}`, () => {
    sequencerContract(() => roomsOn(start), NAMES);
  });
}

async function channelsOn(start: () => Promise<Server>): Promise<World> {
  const server = await start();
  for (const name of NAMES) await server.addUser(name, name);
  return {
    connect: async (name) => {
      const device = await connectDevice(server, name);
      const { transport, connect } = device;
      // Channels send to whoever is available.
      const available = (): Promise<void> => transport.send(el('presence'));
      await available();
      return { ...device, connect: () => connect().then(available) };
    },
    place: async (devices) => {
      const name = toHex(TOOLS.random(8));
      const place = `${name}@${server.mix}`;
      await devices[0]!.transport.request(createChannel(server.mix!, name));
      for (const { transport } of devices)
        await transport.request(joinChannel(place, accountOf({ transport })));
      return place;
    },
    sequencer: ({ place, ...wanted }) =>
      new MixSequencer({ ...TOOLS, timers: systemTimers, channel: place, ...wanted }),
    isOpen: true,
    isUnordered: true,
    expire: () => server.expire(),
    stop: () => server.stop(),
  };
}

const [, ejabberd] = SERVERS;
describe.skipIf(ejabberd?.available !== true)('channels of ejabberd', () => {
  sequencerContract(() => channelsOn(ejabberd!.start), NAMES);
});
