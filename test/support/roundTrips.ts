/** The round trips that the binding is made of, over any transport: real libraries on real servers, and the embedded server. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { MlsError } from '../../src/base/error.ts';
import { attr, childText, el, type XmlElement } from '../../src/xmpp/element.ts';
import { bareJid, parseJid } from '../../src/xmpp/jid.ts';
import { enableCarbons, readCarbon } from '../../src/xmpp/stanza/carbons.ts';
import { discoInfo, readDiscoInfo } from '../../src/xmpp/stanza/disco.ts';
import { offered } from '../../src/xmpp/stanza/form.ts';
import { hint } from '../../src/xmpp/stanza/hints.ts';
import { iqGet } from '../../src/xmpp/stanza/iq.ts';
import {
  type ArchiveQuery,
  type ArchiveResult,
  archiveQuery,
  readFin,
  readResult,
} from '../../src/xmpp/stanza/mam.ts';
import { buildMls, mlsIn, readMls } from '../../src/xmpp/stanza/mls.ts';
import {
  buildKeyPackages,
  NODE_KEY_PACKAGES,
  NODE_OPTIONS,
  readKeyPackages,
} from '../../src/xmpp/stanza/mlsItems.ts';
import * as muc from '../../src/xmpp/stanza/muc.ts';
import * as pubsub from '../../src/xmpp/stanza/pubsub.ts';
import { openEnvelope, sealEnvelope } from '../../src/xmpp/stanza/sce.ts';
import { refusedWith } from '../../src/xmpp/stanza/stanzaError.ts';
import { originId, readOriginId, readStanzaId } from '../../src/xmpp/stanza/stanzaId.ts';
import type { ConnectionState, Transport } from '../../src/xmpp/transport.ts';

/** A connected client, in no other way than its transport and its sessions. */
export interface Connected {
  readonly transport: Transport;
  disconnect(): Promise<unknown>;
  /** Write to the stream as it stands, where the library lets that be done. */
  readonly write?: (xml: string) => Promise<unknown>;
  /** Begin another session, after {@link disconnect}, over the same transport. */
  connect(): Promise<unknown>;
}

/** A server with a way to it. Accounts `silent` and `other` exist. */
export interface Lab {
  readonly domain: string;
  readonly rooms: string;
  readonly dialect: 'prosody' | 'ejabberd';
  addUser(name: string): Promise<void>;
  connect(name: string): Promise<Connected>;
  /** A client that answers nothing by itself. */
  connectSilent(name: string): Promise<Connected>;
}

/** The first stanza that arrives and is what is looked for. */
function next(transport: Transport, is: (stanza: XmlElement) => boolean): Promise<XmlElement> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('nothing came')), 10_000);
    const stop = transport.subscribe((stanza) => {
      if (!is(stanza)) return;
      clearTimeout(late);
      stop();
      resolve(stanza);
    });
  });
}

async function failure(step: Promise<unknown>): Promise<MlsError> {
  const error: unknown = await step.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof MlsError) return error;
  throw new Error('no MlsError', { cause: error });
}

/** Enter a room, and make it members-only with what of this its form offers. */
async function enterRoom(
  transport: Transport,
  room: string,
  nick: string,
): Promise<muc.RoomPresence | undefined> {
  const self = next(
    transport,
    (stanza) => muc.readRoomPresence(stanza)?.statuses.has(muc.STATUS.self) === true,
  );
  await transport.send(muc.enter(room, nick));
  return muc.readRoomPresence(await self);
}

async function readArchive(
  transport: Transport,
  query: ArchiveQuery,
): Promise<[ArchiveResult[], ReturnType<typeof readFin>]> {
  const self = bareJid(parseJid(transport.jid));
  const results: ArchiveResult[] = [];
  const stop = transport.subscribe((stanza) => {
    const result = readResult(stanza, query, self);
    if (result !== undefined) results.push(result);
  });
  const fin = readFin(await transport.request(archiveQuery(query)));
  stop();
  return [results, fin];
}

/** The tests, inside a `describe`. @param start called when they begin */
export function roundTrips(start: () => Promise<Lab>, name: string): void {
  const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
  let lab: Lab;
  let account: string;
  let connected: Connected;
  let transport: Transport;

  beforeAll(async () => {
    lab = await start();
    await lab.addUser(name);
    account = `${name}@${lab.domain}`;
    connected = await lab.connect(name);
    transport = connected.transport;
    await transport.send(el('presence'));
  });

  afterAll(() => connected.disconnect());

  test('has a full address', () => {
    expect(transport.jid).toMatch(new RegExp(`^${account}/.`));
  });

  test('asks the server what it is', async () => {
    const info = readDiscoInfo(await transport.request(discoInfo(lab.domain)));
    expect(info.identities.some(({ category }) => category === 'server')).toBe(true);
    const own = readDiscoInfo(await transport.request(discoInfo(account)));
    expect(own.features.has('urn:xmpp:mam:2')).toBe(true);
  });

  test('tells why a request was refused', async () => {
    const error = await failure(transport.request(iqGet(lab.domain, el('nothing', { xmlns: 'urn:none' }))));
    expect([error.code, error.detail['condition']]).toEqual(['xmpp.refused', 'service-unavailable']);
    const absent = await failure(transport.request(pubsub.fetchItems(undefined, 'urn:absent', ['x'])));
    expect(pubsub.isAbsent(absent)).toBe(true);
  });

  test('does not wait for ever, and takes no answer of anybody else', async () => {
    const silent = await lab.connectSilent('silent');
    const other = await lab.connectSilent('other');
    try {
      const request = el(
        'iq',
        { type: 'get', id: 'guessed', to: silent.transport.jid },
        el('q', { xmlns: 'urn:q' }),
      );
      expect((await failure(transport.request(request, 200))).code).toBe('xmpp.timeout');
      const asked = next(silent.transport, (stanza) => attr(stanza, 'id') === 'guessed');
      const answer = failure(transport.request(request, 1000));
      await asked;
      await other.transport.send(el('iq', { type: 'result', id: 'guessed', to: transport.jid }));
      expect(['xmpp.sender', 'xmpp.timeout']).toContain((await answer).code);
    } finally {
      await Promise.all([silent.disconnect(), other.disconnect()]);
    }
  });

  test('XMP-33: asks in vain when the session ends before the answer', async () => {
    const silent = await lab.connectSilent('silent');
    const asker = await lab.connect(name);
    try {
      const request = el('iq', { type: 'get', to: silent.transport.jid }, el('q', { xmlns: 'urn:q' }));
      const asked = next(silent.transport, (stanza) => stanza.name === 'iq');
      const answer = failure(asker.transport.request(request, 8000));
      await asked;
      await asker.disconnect();
      await asker.connect();
      const began = performance.now();
      expect((await answer).code).toBe('xmpp.timeout');
      expect(performance.now() - began).toBeLessThan(4000);
    } finally {
      await Promise.all([silent.disconnect(), asker.disconnect()]);
    }
  });

  test('refuses to send what would end the stream', async () => {
    expect((await failure(transport.send(el('message', {}, el('body', {}, '\u0000'))))).code).toBe(
      'codec.input',
    );
    expect((await failure(transport.request(el('iq', { type: 'get', 'a b': 'c' })))).code).toBe(
      'codec.input',
    );
    await transport.request(discoInfo(lab.domain));
  });

  test('publishes to a node of its own, fetches, hears of it, and retracts', async () => {
    const options = NODE_OPTIONS.keyPackages;
    await transport.request(pubsub.createNode(NODE_KEY_PACKAGES, options));
    const again = await failure(transport.request(pubsub.createNode(NODE_KEY_PACKAGES, options)));
    expect(refusedWith(again, 'conflict')).toBe(true);
    const packages = [{ suite: 1, lastResort: true, message: bytes }];
    const id = '9f3c1a5b7e2d4860';
    await transport.request(
      pubsub.publish(NODE_KEY_PACKAGES, { id, payload: buildKeyPackages(packages) }, options),
    );
    const fetch = (): Promise<XmlElement> =>
      transport.request(pubsub.fetchItems(account, NODE_KEY_PACKAGES, [id, 'absent']));
    const [item] = pubsub.readItems(await fetch(), account, NODE_KEY_PACKAGES);
    expect(item?.id).toBe(id);
    expect(item?.payload && readKeyPackages(item.payload)).toEqual(packages);
    const form = pubsub.readConfiguration(await transport.request(pubsub.configurationOf(NODE_KEY_PACKAGES)));
    expect(form.get('pubsub#access_model')).toEqual(['open']);
    expect(form.get('pubsub#publish_model')).toEqual(['publishers']);
    const wrong = { ...options, accessModel: 'whitelist' as const };
    const refused = await failure(
      transport.request(pubsub.publish(NODE_KEY_PACKAGES, { id, payload: buildKeyPackages([]) }, wrong)),
    );
    expect(refusedWith(refused, 'precondition-not-met')).toBe(true);
    await transport.request(pubsub.retract(NODE_KEY_PACKAGES, id));
    expect(pubsub.readItems(await fetch(), account, NODE_KEY_PACKAGES)).toEqual([]);
  });

  test('hears a room repeat its message, and reads it in the archive', async () => {
    const room = `${name}@${lab.rooms}`;
    const presence = await enterRoom(transport, room, 'Juliet');
    expect(presence?.statuses.has(muc.STATUS.created)).toBe(true);
    expect(presence?.occupant.affiliation).toBe('owner');
    const form = muc.readRoomConfiguration(await transport.request(muc.roomConfiguration(room)));
    const wanted = { 'muc#roomconfig_persistentroom': '1', 'muc#roomconfig_enablearchiving': '1', mam: '1' };
    const fields = offered(form, wanted);
    // Two names for one thing; ejabberd refuses the whole form for a field that it does not know.
    const other = { prosody: 'mam', ejabberd: 'muc#roomconfig_enablearchiving' }[lab.dialect];
    expect(Object.keys(fields)).toHaveLength(2);
    expect(Object.keys(fields)).not.toContain(other);
    await transport.request(muc.configureRoom(room, fields));
    await transport.request(muc.affiliateTo(room, `peer@${lab.domain}`, 'member'));
    const members = muc.readAffiliates(await transport.request(muc.affiliates(room, 'member')));
    expect(members.map(({ jid }) => jid)).toEqual([`peer@${lab.domain}`]);

    const ids: (string | undefined)[] = [];
    for (const id of ['m-1', 'm-2', 'm-3']) {
      const echo = next(transport, (stanza) => stanza.name === 'message' && attr(stanza, 'id') === id);
      const payload = buildMls({ kind: 'proposal', message: bytes }, bytes.slice(0, 8));
      await transport.send(
        el('message', { to: room, type: 'groupchat', id }, payload, originId(id), hint('store')),
      );
      const reflected = await echo;
      const mls = mlsIn(reflected);
      expect(mls && readMls(mls)?.content).toEqual({ kind: 'proposal', message: bytes });
      expect(readOriginId(reflected)).toBe(id);
      ids.push(readStanzaId(reflected, room));
    }
    const first = { archive: room, queryId: 'q1', page: { max: 2 } };
    const [entries, page] = await readArchive(transport, first);
    expect(entries.map((one) => one.id)).toEqual(ids.slice(0, 2));
    expect(page.complete).toBe(false);
    const [rest, end] = await readArchive(transport, {
      archive: room,
      queryId: 'q2',
      page: { max: 2, after: page.last ?? '' },
    });
    expect(rest.map((one) => one.id)).toEqual(ids.slice(2));
    expect(end.complete).toBe(true);
    const found = rest[0] && mlsIn(rest[0].message);
    expect(found && readMls(found)?.branch).toEqual(bytes.slice(0, 8));
    const gone = { archive: room, queryId: 'q3', page: { max: 2, after: 'absent' } };
    if (lab.dialect === 'prosody') {
      expect(refusedWith(await failure(readArchive(transport, gone)), 'item-not-found')).toBe(true);
    } else {
      // An id that it does not know is read as a time: items, and no error. Hence the overlap of every read.
      const [items] = await readArchive(transport, gone);
      expect(items.map((one) => one.id)).toEqual(ids.slice(0, 2));
    }
  });

  test('gets copies of what another device sends', async () => {
    await transport.request(enableCarbons());
    const other = await lab.connect(name);
    try {
      await other.transport.send(el('presence'));
      const copy = next(transport, (stanza) => readCarbon(stanza, account)?.direction === 'sent');
      const payload = buildMls({ kind: 'app', message: bytes });
      await other.transport.send(
        el('message', { to: lab.domain, type: 'chat', id: 'c-1' }, payload, hint('store')),
      );
      const carbon = readCarbon(await copy, account);
      expect(carbon && attr(carbon.message, 'id')).toBe('c-1');
      expect(carbon && mlsIn(carbon.message)).toBeDefined();
    } finally {
      await other.disconnect();
    }
  });

  test('keeps text as it was', async () => {
    const body = `a<b>&'"c ]]> ${'é'.repeat(5)} \u{1f600} line\nbreak`;
    const came = next(transport, (stanza) => attr(stanza, 'id') === 't-1');
    await transport.send(el('message', { to: transport.jid, type: 'chat', id: 't-1' }, el('body', {}, body)));
    expect(childText(await came, 'body')).toBe(body);
  });

  test('reads documents with the parser of the library', () => {
    const envelope = {
      content: [el('body', { xmlns: 'jabber:client' }, `<&'">`), el('x', { xmlns: 'urn:x', a: `'"` })],
      from: account,
      to: `peer@${lab.domain}`,
      time: 1_795_512_600,
      mid: 'm',
    };
    expect(openEnvelope(sealEnvelope(envelope), transport.parse)).toEqual(envelope);
    for (const bad of [
      '',
      'x',
      '<a>',
      '<a/><b/>',
      '<a></b>',
      '</document><a/>',
      '<a/></document><document>',
      '<p:a/>',
    ]) {
      expect(() => transport.parse(bad), bad).toThrow(MlsError);
    }
  });

  test('tells when the connection is gone, and sends nothing then', async () => {
    const gone = await lab.connect(name);
    const seen: ConnectionState[] = [];
    const offline = new Promise<void>((resolve) => {
      gone.transport.watch((state) => {
        seen.push(state);
        if (state === 'offline') resolve();
      });
    });
    await gone.transport.request(discoInfo(lab.domain));
    await gone.disconnect();
    await offline;
    expect(seen.at(-1)).toBe('offline');
    expect((await failure(gone.transport.send(el('presence')))).code).toBe('xmpp.offline');
    expect((await failure(gone.transport.request(discoInfo(lab.domain)))).code).toBe('xmpp.offline');
  });

  test('begins a new session over the same transport, and hears everything once', async () => {
    const seen: ConnectionState[] = [];
    transport.watch((state) => seen.push(state));
    await connected.disconnect();
    await connected.connect();
    await transport.request(discoInfo(lab.domain));
    expect(seen).toEqual(['offline', 'online']);
    let count = 0;
    const stop = transport.subscribe((stanza) => {
      if (attr(stanza, 'id')?.startsWith('once-')) count++;
    });
    for (const id of ['once-1', 'once-2']) {
      const came = next(transport, (stanza) => attr(stanza, 'id') === id);
      await transport.send(el('message', { to: transport.jid, type: 'chat', id }, el('body', {}, id)));
      await came;
    }
    stop();
    expect(count).toBe(2);
  });
}
