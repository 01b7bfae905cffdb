/** KeyPackages: our own at their node, and those of others, one rule broken at a time. */

import { beforeEach, describe, expect, test } from 'vitest';
import { toHex } from '../../../src/base/bytes.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import { acceptAnyCredential, basicCredential, commonCapabilities, type KeyPair } from '../../../src/index.ts';
import { type MlsStore, openStore, type StoredClient } from '../../../src/storage/index.ts';
import { memoryBackend } from '../../../src/storage/memory.ts';
import { Devices } from '../../../src/xmpp/devices.ts';
import { schemeOf } from '../../../src/xmpp/identity/accountKey.ts';
import { type NewDeviceCert, signDeviceCert } from '../../../src/xmpp/identity/deviceCert.ts';
import { type ActiveDevice, RevocationReason } from '../../../src/xmpp/identity/deviceList.ts';
import { LEAF_EXTENSIONS } from '../../../src/xmpp/keyPackageCheck.ts';
import { type FetchedPackages, KeyPackageFetcher, type Wanted } from '../../../src/xmpp/keyPackages.ts';
import { Nodes } from '../../../src/xmpp/nodes.ts';
import { OwnKeyPackages } from '../../../src/xmpp/ownKeyPackages.ts';
import type { ListChange } from '../../../src/xmpp/ownList.ts';
import { Pins } from '../../../src/xmpp/pins.ts';
import {
  buildKeyPackages,
  type KeyPackageItem,
  NODE_KEY_PACKAGES,
  readKeyPackages,
} from '../../../src/xmpp/stanza/mlsItems.ts';
import { FakePep, FakeTransport, refuse } from '../../support/fakeTransport.ts';
import { failed } from '../../support/promises.ts';
import { sent } from '../../support/xml.ts';

const suite1 = nodeProvider.suite(1);
const DAY = 86_400;
const START = 1_800_000_000;
const JULIET = 'juliet@capulet.example';
const ROMEO = 'romeo@montague.example';
const ID = '9f3c1a5b7e2d4860';
const OTHER_ID = 'c0ffee0011223344';

let pep: FakePep;
let now: number;

/** What of a device can be other than it should be. */
interface Odd {
  readonly identity?: string;
  readonly cert?: Partial<NewDeviceCert>;
  readonly certKey?: KeyPair;
  readonly extensionTypes?: readonly number[];
  readonly suites?: readonly number[];
  readonly signer?: KeyPair;
}

class Device {
  readonly jid: string;
  readonly deviceId: string;
  readonly aik: KeyPair;
  readonly transport: FakeTransport;
  readonly nodes: Nodes;
  readonly devices: Devices;
  readonly store: MlsStore;
  clients: StoredClient[] = [];
  odd: Odd = {};

  constructor(jid: string, deviceId: string, aik: KeyPair, store: MlsStore) {
    this.jid = jid;
    this.deviceId = deviceId;
    this.aik = aik;
    this.store = store;
    this.transport = new FakeTransport(`${jid}/${deviceId}`, pep.answer);
    this.nodes = new Nodes({ transport: this.transport, account: jid });
    const pins = new Pins(store, suite1);
    this.devices = new Devices({ nodes: this.nodes, pins, suite1, timers: timers(), account: jid });
  }

  leafExtensions(suite: number, client: StoredClient): ReturnType<typeof signDeviceCert>[] {
    const { jid, deviceId } = this;
    const dates = { notBefore: BigInt(START - DAY), notAfter: BigInt(START + 400 * DAY) };
    const device = {
      jid,
      deviceId,
      cipherSuite: suite,
      deviceKey: client.signatureKey,
      manager: true,
      ...dates,
    };
    return [signDeviceCert(suite1, this.odd.certKey ?? this.aik, { ...device, ...this.odd.cert })];
  }
  get own(): Promise<OwnKeyPackages> {
    const { nodes, store, clients } = this;
    const leafExtensions = (suite: number) => {
      const client = clients.find((one) => one.suite === suite);
      return client === undefined ? [] : this.leafExtensions(suite, client);
    };
    return OwnKeyPackages.open({ nodes, store, clients, device: this, leafExtensions, timers: timers() });
  }
  get listing(): ActiveDevice {
    const keys = this.clients.map(({ suite, signatureKey }) => ({
      scheme: schemeOf(suite) ?? 0,
      key: signatureKey,
    }));
    return { deviceId: this.deviceId, added: 1n, keys };
  }
  async list(change: ListChange = {}): Promise<void> {
    await this.devices.publish(this.aik, { add: [this.listing], ...change });
  }
  fetcher(): KeyPackageFetcher {
    const clients = new Map(this.clients.map((client) => [client.suite, client]));
    return new KeyPackageFetcher({
      nodes: this.nodes,
      devices: this.devices,
      provider: nodeProvider,
      clients,
      timers: timers(),
    });
  }
  /** What is at the node of this device. */
  get item(): KeyPackageItem[] {
    const payload = pep.node(this.jid, NODE_KEY_PACKAGES)?.items.get(this.deviceId);
    return payload === undefined ? [] : readKeyPackages(payload);
  }
  set item(items: readonly KeyPackageItem[]) {
    pep.node(this.jid, NODE_KEY_PACKAGES)?.items.set(this.deviceId, sent(buildKeyPackages(items)));
  }
}

function timers(): { now(): number; after(): () => void } {
  return { now: () => now * 1000, after: () => () => {} };
}

async function device(jid: string, deviceId: string, odd: Odd = {}, aik = newKey()): Promise<Device> {
  const made = new Device(jid, deviceId, aik, await openStore(memoryBackend()));
  made.odd = odd;
  for (const suite of odd.suites ?? [1]) {
    const client = await made.store.client({
      suite,
      credential: basicCredential(odd.identity ?? `${jid}/${deviceId}`),
      validateCredential: acceptAnyCredential,
      policy: { extensionTypes: odd.extensionTypes ?? LEAF_EXTENSIONS },
      clock: () => now,
      ...(odd.signer && { signer: odd.signer }),
    });
    made.clients.push(client);
  }
  return made;
}
function newKey(): KeyPair {
  return suite1.signatureKeyPair(nodeProvider.random(32));
}
/** A device with its list and KeyPackages published. */
async function published(
  jid: string,
  deviceId: string,
  odd: Odd = {},
  change: ListChange = {},
): Promise<Device> {
  const made = await device(jid, deviceId, odd);
  await made.list(change);
  await (await made.own).maintain({ login: true });
  return made;
}

beforeEach(() => {
  pep = new FakePep();
  now = START;
});

describe('our own KeyPackages', () => {
  const count = (items: readonly KeyPackageItem[]): string =>
    `${items.filter((one) => !one.lastResort).length}+${items.filter((one) => one.lastResort).length}`;
  const messages = (items: readonly KeyPackageItem[]): Set<string> =>
    new Set(items.map(({ message }) => toHex(message)));
  const kept = (before: readonly KeyPackageItem[], after: readonly KeyPackageItem[]): number =>
    [...messages(before)].filter((one) => messages(after).has(one)).length;

  test('are eight and a last resort for each suite, in one item', async () => {
    const juliet = await published(JULIET, ID, { suites: [1, 2] });
    expect([1, 2].map((suite) => count(juliet.item.filter((one) => one.suite === suite)))).toEqual([
      '8+1',
      '8+1',
    ]);
    expect(messages(juliet.item).size).toBe(18);
    expect(await (await juliet.own).maintain({ login: true })).toBe(false);
    expect(await (await juliet.own).maintain()).toBe(false);
  });

  test('JOI-05, JOI-06: that a join took are replaced', async () => {
    const juliet = await published(JULIET, ID);
    const romeo = await published(ROMEO, OTHER_ID);
    const own = await juliet.own;
    const join = async (message: Uint8Array): Promise<unknown> => {
      const group = await romeo.clients[0]?.createGroup();
      const commit = await group?.invite([message]);
      if (group === undefined || commit === undefined) throw new Error('no group');
      await group.accept(commit);
      const staged = await juliet.clients[0]?.prepareJoin(commit.welcome ?? new Uint8Array());
      let use: unknown;
      await staged?.accept((_group, records) => {
        use = own.use(staged.keyPackage ?? new Uint8Array(), records);
      });
      return use;
    };
    const before = juliet.item;
    const oneTime = before.find((one) => !one.lastResort)?.message ?? new Uint8Array();
    expect(await join(oneTime)).toEqual({ lastResort: false, again: false });
    expect(await own.maintain({ joined: true })).toBe(true);
    expect([count(juliet.item), kept(before, juliet.item)]).toEqual(['8+1', 8]);
    const last = juliet.item.find((one) => one.lastResort)?.message ?? new Uint8Array();
    expect(await join(last)).toEqual({ lastResort: true, again: false });
    expect(await join(last)).toEqual({ lastResort: true, again: true });
    const middle = juliet.item;
    expect(await own.maintain({ joined: true })).toBe(true);
    expect([count(juliet.item), kept(middle, juliet.item)]).toEqual(['8+1', 8]);
    expect(await join(last)).toEqual({ lastResort: true, again: true });
    expect(await (await juliet.own).maintain({ login: true })).toBe(false);
  });

  test('name every suite that the device could change to', async () => {
    const { item } = await published(JULIET, ID);
    const { cipherSuites } = commonCapabilities([item[0]?.message ?? new Uint8Array()]);
    expect(cipherSuites).toEqual([1, ...nodeProvider.suites.filter((suite) => suite !== 1)]);
    expect(cipherSuites).toEqual(expect.arrayContaining([2, 3]));
  });

  test('JOI-07 work for a second Welcome, for seven days and one catch-up', async () => {
    const juliet = await published(JULIET, ID);
    const romeo = await published(ROMEO, OTHER_ID);
    const own = await juliet.own;
    const join = async (message: Uint8Array): Promise<unknown> => {
      const group = await romeo.clients[0]?.createGroup();
      const commit = await group?.invite([message]);
      if (group === undefined || commit === undefined) throw new Error('no group');
      await group.accept(commit);
      const staged = await juliet.clients[0]?.prepareJoin(commit.welcome ?? new Uint8Array());
      let use: unknown;
      await staged?.accept((_group, records) => {
        use = own.use(staged.keyPackage ?? new Uint8Array(), records);
      });
      return use;
    };
    const { message } = juliet.item.find((one) => !one.lastResort) ?? { message: new Uint8Array() };
    expect(await join(message)).toEqual({ lastResort: false, again: false });
    await own.maintain({ joined: true });
    expect(messages(juliet.item).has(toHex(message))).toBe(false);
    now += 7 * DAY;
    await own.maintain();
    expect(await join(message)).toEqual({ lastResort: false, again: true });
    await own.maintain({ caughtUp: true });
    await expect(join(message)).rejects.toMatchObject({ code: 'state.unknown-key-package' });
  });

  test('are renewed in time: the last resort after 30 days, all before they expire, and the item after 14 days', async () => {
    const juliet = await published(JULIET, ID);
    const own = await juliet.own;
    const first = juliet.item;
    now += 13 * DAY;
    expect(await own.maintain()).toBe(false);
    now += DAY;
    expect([await own.maintain(), kept(first, juliet.item)]).toEqual([true, 9]);
    now = START + 30 * DAY;
    expect([await own.maintain(), count(juliet.item), kept(first, juliet.item)]).toEqual([true, '8+1', 8]);
    now = START + 40 * DAY;
    expect([await own.maintain(), count(juliet.item), kept(first, juliet.item)]).toEqual([true, '8+1', 0]);
    const refs = (): number => juliet.clients[0]?.keyPackages.length ?? 0;
    expect(refs()).toBe(18);
    now = START + 67 * DAY - 1;
    await own.maintain();
    const before = refs();
    now = START + 67 * DAY;
    await own.maintain();
    expect(before - refs()).toBe(9);
  });

  test('are made anew when the server has lost them; the old private halves stay', async () => {
    const juliet = await published(JULIET, ID);
    const before = juliet.item;
    pep.nodes.clear();
    const own = await juliet.own;
    expect(await own.maintain({ login: true })).toBe(true);
    expect([count(juliet.item), kept(before, juliet.item)]).toEqual(['8+1', 0]);
    expect(juliet.clients[0]?.keyPackages).toHaveLength(18);
  });

  test('are published again when the server shows something else', async () => {
    const juliet = await published(JULIET, ID);
    const before = juliet.item;
    juliet.item = before.slice(1);
    expect(await (await juliet.own).maintain({ login: true })).toBe(true);
    expect(kept(before, juliet.item)).toBe(9);
  });

  test('that could not be published are, the next time', async () => {
    const juliet = await device(JULIET, ID);
    const own = await juliet.own;
    juliet.transport.answer = (iq, from) =>
      JSON.stringify(iq).includes('"publish"') ? refuse('forbidden') : pep.answer(iq, from);
    expect((await failed(own.maintain({ login: true }))).code).toBe('xmpp.refused');
    juliet.transport.answer = pep.answer;
    expect(await own.maintain()).toBe(true);
    expect(juliet.clients[0]?.keyPackages).toHaveLength(9);
  });

  test('are between 2 and 16', async () => {
    const juliet = await device(JULIET, ID);
    const options = {
      nodes: juliet.nodes,
      store: juliet.store,
      clients: [],
      device: juliet,
      timers: timers(),
    };
    for (const oneTime of [1, 17, 2.5])
      expect((await failed(OwnKeyPackages.open({ ...options, oneTime }))).code).toBe('codec.input');
  });
});

describe('KeyPackages of others', () => {
  let romeo: Device;
  const fetch = (accounts: readonly string[] = [JULIET], wanted: Wanted = {}): Promise<FetchedPackages> =>
    romeo.fetcher().fetch(accounts, wanted);
  const codes = ({ refused }: FetchedPackages): string[] => [
    ...new Set(refused.map(({ error }) => error.code)),
  ];
  const rules = ({ refused }: FetchedPackages): unknown[] => [
    ...new Set(refused.map(({ error: { detail } }) => Object.values(detail).at(-1))),
  ];
  const left = (found: FetchedPackages): string[] =>
    found.left.map(({ jid, error }) => `${jid} ${error.code}`);

  beforeEach(async () => {
    romeo = await device(ROMEO, OTHER_ID, { suites: [1, 2, 3] });
  });

  test('are fetched by the device ids of the list, and one is chosen for each device', async () => {
    const juliet = await published(JULIET, ID);
    const found = await fetch();
    expect(found).toMatchObject({
      suite: 1,
      chosen: [{ jid: JULIET, deviceId: ID, lastResort: false }],
      left: [],
      refused: [],
    });
    expect(JSON.stringify(romeo.transport.requests.at(-1))).toContain(ID);
    const seen = new Set<string>();
    for (let time = 0; time < 60; time++)
      seen.add(toHex((await fetch()).chosen[0]?.message ?? new Uint8Array()));
    expect(seen.size).toBeGreaterThan(5);
    juliet.item = juliet.item.filter((one) => one.lastResort);
    expect((await fetch()).chosen).toMatchObject([{ lastResort: true }]);
    expect((await fetch([JULIET], { except: new Set([`${JULIET}/${ID}`]) })).chosen).toEqual([]);
  });

  test('XMP-18: that are not there are reported, and the others found', async () => {
    await published(JULIET, ID);
    const mercutio = await device('mercutio@montague.example', ID);
    await mercutio.list();
    const found = await fetch([JULIET, mercutio.jid, 'nobody@capulet.example']);
    expect(found.chosen).toHaveLength(1);
    expect(left(found)).toEqual([
      'nobody@capulet.example xmpp.no-key-package',
      'mercutio@montague.example xmpp.no-key-package',
    ]);
  });

  test('XMP-16: with the identity of another account, or of another device', async () => {
    const bob = await published('bob@capulet.example', ID);
    const juliet = await published(JULIET, ID);
    juliet.item = bob.item;
    expect([codes(await fetch()), left(await fetch())]).toEqual([
      ['policy.identity-unverified'],
      [`${JULIET} xmpp.no-key-package`],
    ]);
    expect((await fetch()).refused[0]?.error.detail).toEqual({
      rule: 'account',
      named: 'bob@capulet.example',
      jid: JULIET,
    });
    const other = await published('tybalt@capulet.example', ID, {
      identity: `tybalt@capulet.example/${OTHER_ID}`,
      cert: { deviceId: OTHER_ID },
    });
    const found = await fetch([other.jid]);
    expect([codes(found), found.refused[0]?.error.detail]).toEqual([
      ['policy.identity-unverified'],
      { rule: 'device', named: OTHER_ID, deviceId: ID },
    ]);
  });

  test('XMP-16: of a device whose key is not listed, or that is revoked', async () => {
    const listed = { deviceId: ID, added: 1n, keys: [{ scheme: 0x0807, key: newKey().publicKey }] };
    await published(JULIET, ID, {}, { add: [listed] });
    expect([codes(await fetch()), rules(await fetch())]).toEqual([
      ['policy.identity-unverified'],
      ['not listed'],
    ]);
    const tybalt = await published('tybalt@capulet.example', ID);
    await tybalt.devices.publish(tybalt.aik, {
      revoke: [{ deviceId: ID, when: 1n, reason: RevocationReason.lost }],
    });
    expect(left(await fetch([tybalt.jid]))).toEqual([`${tybalt.jid} xmpp.no-key-package`]);
  });

  test('IDN-02: certified by another key, or for another device key', async () => {
    await published(JULIET, ID, { certKey: newKey() });
    expect([codes(await fetch()), left(await fetch())]).toEqual([
      ['policy.identity-changed'],
      [`${JULIET} xmpp.no-key-package`],
    ]);
    await published('tybalt@capulet.example', ID, { cert: { deviceKey: newKey().publicKey } });
    const found = await fetch(['tybalt@capulet.example']);
    expect([codes(found), rules(found)]).toEqual([['policy.identity-unverified'], ['signature']]);
  });

  test('IDN-03: with a certificate that has expired, or is not valid yet', async () => {
    await published(JULIET, ID, { cert: { notAfter: BigInt(START - 1) } });
    expect([codes(await fetch()), rules(await fetch())]).toEqual([
      ['policy.identity-unverified'],
      ['certificate dates'],
    ]);
    await published('tybalt@capulet.example', ID, { cert: { notBefore: BigInt(START + 1) } });
    expect(codes(await fetch(['tybalt@capulet.example']))).toEqual(['policy.identity-unverified']);
  });

  test('out of date, or with too long a lifetime', async () => {
    const juliet = await published(JULIET, ID);
    const message = (
      await juliet.clients[0]?.createKeyPackage({
        lifetimeSeconds: 92 * DAY,
        leafExtensions: juliet.leafExtensions(1, juliet.clients[0]),
      })
    )?.message;
    juliet.item = [{ suite: 1, lastResort: false, message: message ?? new Uint8Array() }];
    expect([codes(await fetch()), rules(await fetch())]).toEqual([['policy.lifetime'], ['too long']]);
    const tybalt = await published('tybalt@capulet.example', ID);
    now = START + 61 * DAY;
    await tybalt.list();
    expect(codes(await fetch(['tybalt@capulet.example']))).toEqual(['policy.lifetime']);
  });

  test('damaged, of another suite than they say, or no KeyPackages at all', async () => {
    const juliet = await published(JULIET, ID);
    const [first] = juliet.item;
    if (first === undefined) throw new Error('no item');
    const flipped = first.message.slice();
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    const broken = [
      { ...first, message: flipped },
      { ...first, suite: 3 },
      { ...first, suite: 9 },
    ];
    juliet.item = broken;
    expect((await fetch()).refused.map(({ error }) => error.code)).toEqual(
      broken.map(() => 'validation.key-package'),
    );
    juliet.item = [{ ...first, message: first.message.subarray(0, 20) }];
    expect(codes(await fetch())).toEqual(['codec.truncated']);
    pep
      .node(JULIET, NODE_KEY_PACKAGES)
      ?.items.set(ID, sent({ name: 'other', attrs: { xmlns: 'urn:x' }, children: [] }));
    expect(codes(await fetch())).toEqual(['xmpp.stanza']);
  });

  test('of devices that lack what the binding or the group needs', async () => {
    await published(JULIET, ID, { extensionTypes: [0xf0e0] });
    expect((await fetch()).refused[0]?.error).toMatchObject({
      code: 'validation.capabilities',
      detail: { field: 'extensions', missing: 0xf0e1 },
    });
    const tybalt = 'tybalt@capulet.example';
    await published(tybalt, ID);
    const need = (required: Partial<NonNullable<Wanted['required']>>): Promise<FetchedPackages> =>
      fetch([tybalt], {
        required: { extensionTypes: [], proposalTypes: [], credentialTypes: [], ...required },
      });
    expect(codes(await need({ extensionTypes: [0xf0f0] }))).toEqual(['validation.capabilities']);
    expect(codes(await need({ proposalTypes: [0xf0f0] }))).toEqual(['validation.capabilities']);
    expect(codes(await need({ credentialTypes: [2] }))).toEqual(['validation.capabilities']);
    expect(
      (await need({ extensionTypes: [1, 0xf0e1], proposalTypes: [1], credentialTypes: [1] })).chosen,
    ).toHaveLength(1);
  });

  test('IDN-08: one device key under two accounts counts for the first', async () => {
    const signer = newKey();
    await published(JULIET, ID, { signer });
    await published('tybalt@capulet.example', ID, { signer });
    const found = await fetch([JULIET, 'tybalt@capulet.example']);
    expect(found.chosen.map(({ jid }) => jid)).toEqual([JULIET]);
    expect(codes(found)).toEqual(['policy.identity-unverified']);
    expect(left(found)).toEqual(['tybalt@capulet.example xmpp.no-key-package']);
  });

  test('of an account whose list has expired, or whose key the user has to judge', async () => {
    const juliet = await published(JULIET, ID);
    await fetch();
    now += 31 * DAY;
    expect(left(await fetch())).toEqual([`${JULIET} xmpp.device-list`]);
    await juliet.list();
    const pin = await romeo.devices.pin(JULIET);
    if (pin === undefined) throw new Error('no pin');
    await new Pins(romeo.store, suite1).put({ ...pin, trust: 'distrusted' });
    expect(left(await fetch())).toEqual([`${JULIET} policy.identity-changed`]);
  });

  test('are of the first suite that all have; whom that would leave none is left out', async () => {
    await published(JULIET, ID, { suites: [2, 3] });
    await published('tybalt@capulet.example', ID, { suites: [1, 3] });
    await published('paris@verona.example', ID, { suites: [1] });
    const found = await fetch([JULIET, 'tybalt@capulet.example', 'paris@verona.example']);
    expect([found.suite, found.chosen.map(({ suite }) => suite), left(found)]).toEqual([
      3,
      [3, 3],
      ['paris@verona.example xmpp.no-key-package'],
    ]);
    expect(found.left[0]?.error.detail).toEqual({ rule: 'suite' });
    expect((await fetch([JULIET], { preference: [2] })).suite).toBe(2);
    expect((await fetch(['paris@verona.example'], { suite: 2 })).suite).toBeUndefined();
  });
});
