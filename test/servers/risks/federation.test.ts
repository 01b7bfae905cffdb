/** R24: a log room that the peer reaches from another server, and the GroupInfo copy beside it. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attr, el } from '../../../src/xmpp/element.ts';
import { bareJid, parseJid } from '../../../src/xmpp/jid.ts';
import { discoInfo, readDiscoInfo } from '../../../src/xmpp/stanza/disco.ts';
import { hint } from '../../../src/xmpp/stanza/hints.ts';
import { buildMls, mlsIn, readMls } from '../../../src/xmpp/stanza/mls.ts';
import * as muc from '../../../src/xmpp/stanza/muc.ts';
import * as pubsub from '../../../src/xmpp/stanza/pubsub.ts';
import { refusedWith } from '../../../src/xmpp/stanza/stanzaError.ts';
import type { Connected } from '../clients.ts';
import { answerNames } from '../names.ts';
import { freePort, type Server } from '../server.ts';
import { SERVERS } from '../servers.ts';
import { append, connected, enterRoom, failure, makeRoom, next, readAll } from '../steps.ts';

const PAIRS = SERVERS.flatMap((host) =>
  SERVERS.map((peer) => ({ name: `${host.name} and ${peer.name}`, host, peer })),
);
const NODE = 'urn:xmpp:mls:0:group-info/6d2f0c1e9ab34c7d8e5f60718293a4b5';

describe.skipIf(!SERVERS.every(({ available }) => available)).each(PAIRS)('R24: $name', ({ host, peer }) => {
  const bytes = Uint8Array.from({ length: 200 }, (_, index) => index);
  const branch = bytes.slice(0, 8);
  const room = '5be07a3f42d1c6e8905b1d77f3a491c7@rooms.capulet.example';
  const servers: Server[] = [];
  let names: { port: number; close: () => void };
  let juliet: Connected;
  let romeo: Connected;
  let tybalt: Connected;

  beforeAll(async () => {
    const ports = new Map<string, number>();
    names = await answerNames(ports);
    for (const [domain, kind] of [
      ['capulet.example', host],
      ['montague.example', peer],
    ] as const) {
      const port = await freePort();
      ports.set(domain, port);
      servers.push(await kind.start({ domain, federation: { port, names: names.port } }));
    }
    const [capulet, montague] = servers as [Server, Server];
    juliet = await connected(capulet, 'juliet');
    romeo = await connected(montague, 'romeo');
    tybalt = await connected(montague, 'tybalt');
  });

  afterAll(async () => {
    for (const one of [juliet, romeo, tybalt]) await one?.disconnect();
    for (const server of servers) await server.stop();
    names.close();
  });

  const accountOf = (one: Connected): string => bareJid(parseJid(one.transport.jid));

  test('a peer who is owner reads the archive without joining, joins, appends, and both read one order', async () => {
    const payload = buildMls({ kind: 'group-info', groupInfo: { branch, message: bytes } });
    await makeRoom(juliet.transport, room, '9f3c1a5b7e2d4860', accountOf(romeo));
    const first = await append(juliet.transport, room, payload);
    await juliet.transport.send(muc.leave(room, '9f3c1a5b7e2d4860'));

    const unseen = await readAll(romeo.transport, room);
    expect(unseen.map(({ id }) => id)).toEqual([first.id]);
    const mls = unseen[0] && mlsIn(unseen[0].message);
    expect(mls && readMls(mls)?.content).toEqual({
      kind: 'group-info',
      groupInfo: { branch, message: bytes },
    });

    const presence = await enterRoom(romeo.transport, room, 'c0ffee0011223344');
    expect(presence?.occupant.affiliation).toBe('owner');
    const second = await append(romeo.transport, room, buildMls({ kind: 'commit', message: bytes }, branch));
    expect(second.id).toBeDefined();
    for (const one of [juliet, romeo])
      expect((await readAll(one.transport, room)).map(({ id }) => id)).toEqual([first.id, second.id]);

    const info = readDiscoInfo(await romeo.transport.request(discoInfo(room)));
    for (const feature of [
      'muc_persistent',
      'muc_membersonly',
      'muc_nonanonymous',
      'muc_hidden',
      'urn:xmpp:mam:2',
    ])
      expect([...info.features]).toContain(feature);
    const form = muc.readRoomConfiguration(await romeo.transport.request(muc.roomConfiguration(room)));
    expect(form.get('muc#roomconfig_membersonly')).toEqual(['1']);
  });

  test('all occupants see one order, which is that of the archive, when both append at once', async () => {
    await enterRoom(juliet.transport, room, '9f3c1a5b7e2d4860');
    const start = (await readAll(juliet.transport, room)).length;
    const orders = [juliet, romeo].map(({ transport }) => {
      const order: string[] = [];
      transport.subscribe((stanza) => {
        const id = stanza.name === 'message' ? attr(stanza, 'id') : undefined;
        if (id?.startsWith('append-')) order.push(id);
      });
      return order;
    });
    const payload = buildMls({ kind: 'commit', message: bytes }, branch);
    await Promise.all(
      [juliet, romeo].map(async ({ transport }) => {
        for (let count = 0; count < 20; count++) await append(transport, room, payload);
      }),
    );
    // The last of each may still be on its way to the other.
    for (let wait = 0; wait < 50 && orders.some((order) => order.length < 40); wait++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const archived = (await readAll(romeo.transport, room))
      .slice(start)
      .map(({ message }) => attr(message, 'id'));
    expect(archived).toHaveLength(40);
    expect(orders).toEqual([archived, archived]);
  });

  test('a stranger of the other server is refused the archive and the room', async () => {
    const refused = await failure(readAll(tybalt.transport, room));
    expect(refusedWith(refused, 'forbidden')).toBe(true);
    await tybalt.transport.send(muc.enter(room, 'tybalt'));
    const error = await next(
      tybalt.transport,
      (stanza) => stanza.name === 'presence' && attr(stanza, 'type') === 'error',
    );
    expect(attr(error, 'from')).toContain(room);
  });

  test('the copy of the GroupInfo is read through the affiliation member, and not by others', async () => {
    const owner = accountOf(juliet);
    const options = { accessModel: 'whitelist', maxItems: 1 } as const;
    const payload = buildMls({ kind: 'group-info', groupInfo: { branch, message: bytes } });
    await juliet.transport.request(pubsub.createNode(NODE, options));
    await juliet.transport.request(pubsub.affiliate(NODE, accountOf(romeo), 'member'));
    await juliet.transport.request(pubsub.publish(NODE, { id: 'current', payload }, options));
    const fetch = pubsub.fetchItems(owner, NODE, ['current']);
    const [item] = pubsub.readItems(await romeo.transport.request(fetch), owner, NODE);
    const content = item?.payload && readMls(item.payload)?.content;
    expect(content).toEqual({ kind: 'group-info', groupInfo: { branch, message: bytes } });
    expect(pubsub.isAbsent(await failure(tybalt.transport.request(fetch)))).toBe(true);
  });

  test('a hint without a body, and a chat message with <store/>, arrive from the other server', async () => {
    for (const type of ['headline', 'chat']) {
      const id = `${type}-1`;
      const came = next(juliet.transport, (stanza) => attr(stanza, 'id') === id);
      const payload = buildMls({ kind: 'app', message: bytes }, branch);
      const kept = hint(type === 'chat' ? 'store' : 'no-store');
      await romeo.transport.send(el('message', { to: accountOf(juliet), type, id }, payload, kept));
      const mls = mlsIn(await came);
      expect(mls && readMls(mls)?.content).toEqual({ kind: 'app', message: bytes });
    }
  });
});
