/** Device lists and KeyPackages at the nodes of a real Prosody. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { acceptAnyCredential, basicCredential, type KeyPair } from '../../src/index.ts';
import { type MlsStore, openStore, type StoredClient } from '../../src/storage/index.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import { Devices } from '../../src/xmpp/devices.ts';
import { el } from '../../src/xmpp/element.ts';
import { accountKeyOf } from '../../src/xmpp/identity/accountKey.ts';
import { signDeviceCert } from '../../src/xmpp/identity/deviceCert.ts';
import { LEAF_EXTENSIONS } from '../../src/xmpp/keyPackageCheck.ts';
import { KeyPackageFetcher } from '../../src/xmpp/keyPackages.ts';
import { Nodes } from '../../src/xmpp/nodes.ts';
import { OwnKeyPackages } from '../../src/xmpp/ownKeyPackages.ts';
import { Pins } from '../../src/xmpp/pins.ts';
import { NODE_DEVICES, NODE_KEY_PACKAGES } from '../../src/xmpp/stanza/mlsItems.ts';
import { configurationOf, configure, readConfiguration } from '../../src/xmpp/stanza/pubsub.ts';
import { systemTimers } from '../../src/xmpp/timers.ts';
import type { Connected } from './clients.ts';
import { LIBRARIES } from './clients.ts';
import { hasProsody, type Server, startProsody } from './prosody.ts';

const available = hasProsody();
const suite1 = nodeProvider.suite(1);
const DEVICE_ID = '9f3c1a5b7e2d4860';
let server: Server;
let connections: Connected[] = [];

beforeAll(async () => {
  if (available) server = await startProsody();
});

afterAll(async () => {
  for (const connected of connections) await connected.disconnect();
  connections = [];
  if (available) await server.stop();
});

interface Account {
  readonly jid: string;
  readonly connected: Connected;
  readonly nodes: Nodes;
  readonly devices: Devices;
  readonly store: MlsStore;
  readonly client: StoredClient;
  readonly aik: KeyPair;
  readonly repaired: string[];
}

async function account(name: string): Promise<Account> {
  server.addUser(name, name);
  const jid = `${name}@${server.domain}`;
  const [library] = LIBRARIES;
  if (library === undefined) throw new Error('no library');
  const connected = await library[1](server, name);
  connections.push(connected);
  const { transport } = connected;
  await transport.send(el('presence'));
  const repaired: string[] = [];
  const nodes = new Nodes({
    transport,
    account: jid,
    repaired: (node, fields) => repaired.push(node, ...fields),
  });
  const store = await openStore(memoryBackend());
  const aik = suite1.signatureKeyPair(nodeProvider.random(32));
  const client = await store.client({
    credential: basicCredential(`${jid}/${DEVICE_ID}`),
    validateCredential: acceptAnyCredential,
    policy: { extensionTypes: LEAF_EXTENSIONS },
  });
  const ownKey = accountKeyOf(aik);
  const pins = new Pins(store, suite1);
  const devices = new Devices({ nodes, pins, suite1, timers: systemTimers, account: jid, ownKey });
  return { jid, connected, nodes, devices, store, client, aik, repaired };
}

async function publish({ jid, devices, nodes, store, client, aik }: Account): Promise<void> {
  const now = BigInt(Math.floor(systemTimers.now() / 1000));
  const keys = [{ scheme: 0x0807, key: client.signatureKey }];
  await devices.publish(aik, { add: [{ deviceId: DEVICE_ID, added: now, keys }] });
  const cert = signDeviceCert(suite1, aik, {
    jid,
    deviceId: DEVICE_ID,
    cipherSuite: 1,
    deviceKey: client.signatureKey,
    manager: true,
    notBefore: now - 3600n,
    notAfter: now + 400n * 86_400n,
  });
  const own = await OwnKeyPackages.open({
    nodes,
    store,
    clients: [client],
    device: { jid, deviceId: DEVICE_ID },
    leafExtensions: () => [cert],
    timers: systemTimers,
  });
  expect(await own.maintain({ login: true })).toBe(true);
  expect(await own.maintain({ login: true })).toBe(false);
}

describe.skipIf(!available)('devices with Prosody', () => {
  test('publish list and KeyPackages, and are found by strangers', async () => {
    const [juliet, romeo] = [await account('juliet'), await account('romeo')];
    await publish(juliet);
    expect((await juliet.devices.checkOwn()).verdict).toBe('same');
    expect((await romeo.devices.fetch('nobody@localhost')).verdict).toBe('none');
    const fetcher = new KeyPackageFetcher({
      nodes: romeo.nodes,
      devices: romeo.devices,
      provider: nodeProvider,
      clients: new Map([[1, romeo.client]]),
      timers: systemTimers,
    });
    const found = await fetcher.fetch([juliet.jid]);
    expect(found).toMatchObject({ suite: 1, left: [], refused: [] });
    expect(found.chosen).toMatchObject([{ jid: juliet.jid, deviceId: DEVICE_ID, lastResort: false }]);
    const group = await romeo.client.createGroup();
    const commit = await group.invite(found.chosen.map(({ message }) => message));
    await group.accept(commit);
    const joined = await (await juliet.client.prepareJoin(commit.welcome)).accept();
    expect(joined.group.members).toHaveLength(2);
  });

  test('XMP-15: put a node right that was left open to others, with one warning', async () => {
    const { nodes, devices, connected, repaired, aik } = await account('mercutio');
    await devices.publish(aik);
    await connected.transport.request(
      configure(NODE_DEVICES, { 'pubsub#publish_model': 'open', 'pubsub#access_model': 'whitelist' }),
    );
    await devices.publish(aik);
    expect(repaired).toEqual([NODE_DEVICES, 'pubsub#access_model', 'pubsub#publish_model']);
    const form = readConfiguration(await connected.transport.request(configurationOf(NODE_DEVICES)));
    expect(form.get('pubsub#publish_model')).toEqual(['publishers']);
    expect(form.get('pubsub#access_model')).toEqual(['open']);
    nodes.renew();
    await devices.publish(aik);
    expect(repaired).toHaveLength(3);
    await nodes.ensure(NODE_KEY_PACKAGES, { accessModel: 'open', maxItems: 'max' });
    nodes.renew();
    await nodes.ensure(NODE_KEY_PACKAGES, { accessModel: 'open', maxItems: 'max' });
    expect(repaired).toHaveLength(3);
  });
});
