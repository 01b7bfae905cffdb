/** R25 and section 4.4: services on which no log room can be made, and what is seen of that. */

import { afterEach, describe, expect, test } from 'vitest';
import { attr, el, elementsOf } from '../../../src/xmpp/element.ts';
import { discoInfo, readDiscoInfo } from '../../../src/xmpp/stanza/disco.ts';
import { hint } from '../../../src/xmpp/stanza/hints.ts';
import { buildMls } from '../../../src/xmpp/stanza/mls.ts';
import * as muc from '../../../src/xmpp/stanza/muc.ts';
import { readError } from '../../../src/xmpp/stanza/stanzaError.ts';
import type { Connected } from '../clients.ts';
import type { Server, ServerOptions } from '../server.ts';
import { SERVERS } from '../servers.ts';
import { append, connected, enterRoom, failure, makeRoom, next } from '../steps.ts';

const payload = buildMls({ kind: 'commit', message: new Uint8Array(300) }, new Uint8Array(8));

for (const kind of SERVERS) {
  describe.skipIf(!kind.available)(`R25: ${kind.name}`, () => {
    const running: (Server | Connected)[] = [];

    async function begin(options: ServerOptions): Promise<[Server, Connected]> {
      const server = await kind.start(options);
      running.push(server);
      const juliet = await connected(server, 'juliet');
      running.push(juliet);
      return [server, juliet];
    }

    afterEach(async () => {
      for (const one of running.splice(0).reverse()) await ('stop' in one ? one.stop() : one.disconnect());
    });

    test('a service that lets nobody make rooms says so in the presence', async () => {
      const [server, { transport }] = await begin({ rooms: 'closed' });
      const error = next(transport, (stanza) => attr(stanza, 'type') === 'error');
      await transport.send(muc.enter(`room@${server.rooms}`, 'n'));
      const { type, condition } = readError(await error);
      expect([type, condition]).toEqual(
        server.dialect === 'prosody' ? ['cancel', 'not-allowed'] : ['auth', 'forbidden'],
      );
    });

    test('without a service of rooms a request for it is refused', async () => {
      const [server, { transport }] = await begin({ rooms: 'absent' });
      const error = await failure(transport.request(discoInfo(server.rooms)));
      // Nobody is there, so another server is looked for; this Prosody may not talk to others at all.
      const condition = server.dialect === 'prosody' ? 'not-allowed' : 'remote-server-not-found';
      expect([error.code, error.detail['condition']]).toEqual(['xmpp.refused', condition]);
    });

    test('without an archive the room does not offer one, and sends around without a place', async () => {
      const [server, { transport }] = await begin({ archive: false });
      const room = `room@${server.rooms}`;
      await makeRoom(transport, room, 'n');
      const { features } = readDiscoInfo(await transport.request(discoInfo(room)));
      expect(features.has('urn:xmpp:mam:2')).toBe(false);
      const { id, reflected } = await append(transport, room, payload);
      expect(id).toBeUndefined();
      expect(elementsOf(reflected).some(({ name }) => name === 'mls')).toBe(true);
    });

    test('a stanza above the limit ends the stream without an answer', async () => {
      const [server, { transport }] = await begin({ stanzaBytes: 65_536 });
      const room = `room@${server.rooms}`;
      await enterRoom(transport, room, 'n');
      const offline = new Promise<void>((resolve) => {
        transport.watch((state) => {
          if (state === 'offline') resolve();
        });
      });
      const big = buildMls({ kind: 'commit', message: new Uint8Array(80_000) }, new Uint8Array(8));
      await transport.send(el('message', { to: room, type: 'groupchat', id: 'big' }, big, hint('store')));
      await offline;
    });
  });
}
