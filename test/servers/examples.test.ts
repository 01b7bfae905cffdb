/** R7b, R8: every example of section 5 through rooms, PEP and accounts of real servers, written as text. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attr, childrenOf, el, isElement, type XmlElement } from '../../src/xmpp/element.ts';
import { bareJid, parseJid } from '../../src/xmpp/jid.ts';
import { discoInfo, readDiscoInfo } from '../../src/xmpp/stanza/disco.ts';
import { mlsIn, readMls } from '../../src/xmpp/stanza/mls.ts';
import { readDevices, readKeyPackages } from '../../src/xmpp/stanza/mlsItems.ts';
import * as pubsub from '../../src/xmpp/stanza/pubsub.ts';
import { type Connected, connectSilent } from './clients.ts';
import { MESSAGES, REQUESTS, type Route } from './examples.ts';
import type { Server } from './server.ts';
import { SERVERS } from './servers.ts';
import { connected, enterRoom, next, readAll } from './steps.ts';

const BYTES = Buffer.from(Uint8Array.from({ length: 701 }, (_, index) => (index * 7) % 256)).toString(
  'base64',
);

for (const kind of SERVERS) {
  describe.skipIf(!kind.available)(`R7b, R8: ${kind.name}`, () => {
    let server: Server;
    let juliet: Connected;
    let romeo: Connected;
    let addresses: Readonly<Record<'ROOM' | 'PEER' | 'SELF', string>>;

    beforeAll(async () => {
      server = await kind.start();
      juliet = await connected(server, 'juliet');
      romeo = await connected(server, 'romeo');
      const [self, peer] = [juliet, romeo].map(({ transport }) => bareJid(parseJid(transport.jid)));
      addresses = { ROOM: `coven@${server.rooms}`, PEER: peer ?? '', SELF: self ?? '' };
      await enterRoom(juliet.transport, addresses.ROOM, 'Juliet');
    });

    afterAll(async () => {
      for (const one of [juliet, romeo]) await one.disconnect();
      await server.stop();
    });

    const fill = (xml: string): string =>
      xml
        .replaceAll('BYTES', BYTES)
        .replaceAll('ARCHIVING', server.dialect === 'prosody' ? 'muc#roomconfig_enablearchiving' : 'mam')
        .replace(/ROOM|PEER|SELF/g, (name) => addresses[name as keyof typeof addresses]);

    test.each(REQUESTS)('%s is taken as it stands', async (_, iq) => {
      await juliet.transport.request(juliet.transport.parse(fill(iq)));
    });

    test('5.1, 5.2: what was published is fetched by the other account', async () => {
      for (const [node, id, read] of [
        ['devices', 'current', readDevices],
        ['keypackages', '9f3c1a5b7e2d4860', readKeyPackages],
      ] as const) {
        const name = `urn:xmpp:mls:0:${node}`;
        const [, iq] = REQUESTS.find(([, one]) => one.includes(`pub-${node}`)) ?? ['', ''];
        const written = /<item[^>]*>(.*)<\/item>/.exec(fill(iq))?.[1] ?? '';
        const fetch = pubsub.fetchItems(addresses.SELF, name, [id]);
        const [item] = pubsub.readItems(await romeo.transport.request(fetch), addresses.SELF, name);
        expect(item?.payload).toEqual(romeo.transport.parse(written));
        expect(item?.payload && read(item.payload)).toBeDefined();
      }
    });

    test('5.14: what a client can do reaches the one who asks', async () => {
      const other = await connectSilent(server, 'juliet');
      const features = [
        'urn:xmpp:mls:0',
        'urn:xmpp:mls:0:devices+notify',
        'urn:xmpp:mls:0#sframe',
        'urn:xmpp:sce:1',
      ];
      other.transport.subscribe((stanza) => {
        if (stanza.name !== 'iq' || attr(stanza, 'type') !== 'get') return;
        const identity = el('identity', { category: 'client', type: 'pc', name: 'Example' });
        const xmlns = 'http://jabber.org/protocol/disco#info';
        const query = el(
          'query',
          { xmlns },
          identity,
          ...features.map((name) => el('feature', { var: name })),
        );
        const to = attr(stanza, 'from');
        void other.transport.send(el('iq', { type: 'result', id: attr(stanza, 'id'), to }, query));
      });
      const info = readDiscoInfo(await romeo.transport.request(discoInfo(other.transport.jid)));
      expect([...info.features]).toEqual(features);
      await other.disconnect();
    });

    test.each(MESSAGES)('%s arrives as it was written (%s)', async (title, route, mls, beside) => {
      await enterRoomOnce(romeo, addresses.ROOM);
      const id = title.replace(/[^a-z0-9]/gi, '');
      const to = { chat: addresses.PEER, headline: addresses.PEER, occupant: `${addresses.ROOM}/Romeo` };
      const type = {
        chat: 'chat',
        headline: 'headline',
        occupant: 'chat',
        room: 'groupchat',
        unkept: 'groupchat',
      }[route];
      const target = route === 'room' || route === 'unkept' ? addresses.ROOM : to[route];
      const written = fill(mls);
      const came = next(romeo.transport, (stanza) => stanza.name === 'message' && attr(stanza, 'id') === id);
      await juliet.write?.(`<message type='${type}' id='${id}' to='${target}'>${written}${beside}</message>`);
      const sent = romeo.transport.parse(written);
      expectSame(await came, sent);
      const archive = archiveOf(route);
      if (archive === undefined) return;
      const entries = await readAll(romeo.transport, archive);
      const found = entries.filter(({ message }) => attr(message, 'id') === id);
      expect(found).toHaveLength(1);
      for (const { message } of found) expectSame(message, sent);
    });

    const archiveOf = (route: Route): string | undefined =>
      route === 'room' ? addresses.ROOM : route === 'chat' ? addresses.PEER : undefined;
  });
}

const entered = new WeakSet<Connected>();

async function enterRoomOnce(one: Connected, room: string): Promise<void> {
  if (!entered.has(one)) await enterRoom(one.transport, room, 'Romeo');
  entered.add(one);
}

/** The element is the same, white space included, and says the same to us. */
function expectSame(message: XmlElement, sent: XmlElement): void {
  const got = mlsIn(message);
  expect(got).toEqual(sent);
  expect(got && readMls(got)).toEqual(readMls(sent));
  expect(childrenOf(message, 'body')).toEqual([]);
  expect(message.children.every(isElement)).toBe(true);
}
