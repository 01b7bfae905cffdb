/** Device lists over PEP: what is pinned, what is reported, what is put back. */

import { beforeEach, describe, expect, test } from 'vitest';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import type { KeyPair } from '../../../src/index.ts';
import { openStore } from '../../../src/storage/index.ts';
import { memoryBackend } from '../../../src/storage/memory.ts';
import { Devices, type DevicesOptions, type ListOutcome } from '../../../src/xmpp/devices.ts';
import { el, type XmlElement } from '../../../src/xmpp/element.ts';
import { accountKeyOf, aikId } from '../../../src/xmpp/identity/accountKey.ts';
import {
  deviceListItem,
  type SignedDeviceList,
  signDeviceList,
  signRollover,
} from '../../../src/xmpp/identity/deviceList.ts';
import { Nodes } from '../../../src/xmpp/nodes.ts';
import { isBlocked, Pins } from '../../../src/xmpp/pins.ts';
import { buildDevices, CURRENT, NODE_DEVICES, NODE_OPTIONS } from '../../../src/xmpp/stanza/mlsItems.ts';
import { FakePep, FakeTransport, refuse } from '../../support/fakeTransport.ts';
import { failed } from '../../support/promises.ts';
import { sent } from '../../support/xml.ts';

const ME = 'juliet@capulet.example';
const ROMEO = 'romeo@montague.example';
const suite1 = nodeProvider.suite(1);
const DAY = 86_400;
const NOW = 1_800_000_000;

function newKey(): KeyPair {
  return suite1.signatureKeyPair(nodeProvider.random(32));
}

let pep: FakePep;
let now: number;
let store: Awaited<ReturnType<typeof openStore>>;
let transport: FakeTransport;
let devices: Devices;
let aik: KeyPair;
let romeo: KeyPair;

/** A device of an account under the server of this test. */
async function open(options: Partial<DevicesOptions> = {}): Promise<Devices> {
  store = await openStore(memoryBackend());
  return reopen(options);
}
function reopen(options: Partial<DevicesOptions> = {}): Devices {
  const account = options.account ?? ME;
  transport = new FakeTransport(`${account}/r`, pep.answer);
  const timers = { now: () => now * 1000, after: () => () => {} };
  return new Devices({
    nodes: new Nodes({ transport, account }),
    pins: new Pins(store, suite1),
    suite1,
    timers,
    account,
    ...options,
  });
}

beforeEach(async () => {
  pep = new FakePep();
  now = NOW;
  [aik, romeo] = [newKey(), newKey()];
  devices = await open({ ownKey: accountKeyOf(aik) });
});

function list(key: KeyPair, change: Partial<SignedDeviceList['list']> = {}): SignedDeviceList {
  return signDeviceList(suite1, key, {
    jid: ROMEO,
    seq: 1n,
    issued: BigInt(now),
    expires: BigInt(now + 30 * DAY),
    prefer: 0,
    active: [{ deviceId: 'c0ffee0011223344', added: 1n, keys: [{ scheme: 0x0807, key: Uint8Array.of(7) }] }],
    revoked: [],
    rollover: undefined,
    ...change,
  });
}
function serve(jid: string, signed: SignedDeviceList): void {
  const form = new Map(
    Object.entries({
      FORM_TYPE: 'http://jabber.org/protocol/pubsub#node_config',
      'pubsub#access_model': 'open',
      'pubsub#persist_items': 'true',
      'pubsub#max_items': '1',
    }),
  );
  pep.nodes.set(`${jid} ${NODE_DEVICES}`, {
    form,
    items: new Map([[CURRENT, sent(buildDevices(deviceListItem(signed)))]]),
  });
}
async function see(signed: SignedDeviceList): Promise<ListOutcome> {
  serve(ROMEO, signed);
  return devices.fetch(ROMEO);
}
function told({ verdict, error, pin }: ListOutcome): unknown[] {
  return [verdict, error?.code, pin?.trust];
}
function event(from: string | undefined, ...items: XmlElement[]): XmlElement {
  const list = el('items', { node: NODE_DEVICES }, ...items);
  return sent(
    el('message', { from }, el('event', { xmlns: 'http://jabber.org/protocol/pubsub#event' }, list)),
  );
}
function itemOf(signed: SignedDeviceList, id = CURRENT): XmlElement {
  return el('item', { id }, buildDevices(deviceListItem(signed)));
}

describe('the list of a contact', () => {
  test('is trusted at first sight, and kept', async () => {
    expect(told(await see(list(romeo)))).toEqual(['first', undefined, 'tofu']);
    expect(told(await devices.fetch(ROMEO))).toEqual(['same', undefined, 'tofu']);
    expect(told(await see(list(romeo, { seq: 2n })))).toEqual(['ok', undefined, 'tofu']);
    const again = reopen();
    expect((await again.pin(ROMEO))?.signed.list.seq).toBe(2n);
    const pins: string[] = [];
    for await (const pin of new Pins(store, suite1).all()) pins.push(pin.jid);
    expect(pins).toEqual([ROMEO]);
  });

  test('that is not there says nothing, and takes nothing away', async () => {
    expect(told(await devices.fetch(ROMEO))).toEqual(['none', undefined, undefined]);
    await see(list(romeo));
    pep.nodes.clear();
    expect(told(await devices.fetch(ROMEO))).toEqual(['none', undefined, 'tofu']);
    transport.answer = () => refuse('remote-server-not-found');
    expect((await failed(devices.fetch(ROMEO))).code).toBe('xmpp.refused');
  });

  test('XMP-17, IDN-03: that is older than one that was seen is reported once, and does not count', async () => {
    await see(list(romeo, { seq: 5n }));
    expect(told(await see(list(romeo, { seq: 4n })))).toEqual(['rollback', 'xmpp.device-list', 'tofu']);
    expect(told(await devices.fetch(ROMEO))).toEqual(['rollback', undefined, 'tofu']);
    expect((await devices.pin(ROMEO))?.signed.list.seq).toBe(5n);
  });

  test('IDN-06: without the signature of the account it is reported once, and does not count', async () => {
    await see(list(romeo));
    const forged = { ...list(romeo, { seq: 2n }), signature: new Uint8Array(64) };
    expect(told(await see(forged))).toEqual(['refused', 'xmpp.device-list', 'tofu']);
    expect(told(await devices.fetch(ROMEO))).toEqual(['refused', undefined, 'tofu']);
    expect((await devices.pin(ROMEO))?.signed.list.seq).toBe(1n);
  });

  test('IDN-02: of another account is refused', async () => {
    expect(told(await see(list(romeo, { jid: 'mercutio@montague.example' })))).toEqual([
      'refused',
      'xmpp.device-list',
      undefined,
    ]);
  });

  test('IDN-08: under the key of another account is refused', async () => {
    await see(list(romeo));
    serve('mercutio@montague.example', list(romeo, { jid: 'mercutio@montague.example' }));
    const outcome = await devices.fetch('mercutio@montague.example');
    expect(told(outcome)).toEqual(['refused', 'policy.identity-unverified', undefined]);
  });

  test('IDN-03: that has expired is kept, and reported as stale', async () => {
    await see(list(romeo));
    now += 31 * DAY;
    expect(told(await devices.fetch(ROMEO))).toEqual(['stale', 'xmpp.device-list', 'tofu']);
    expect(told(await devices.fetch(ROMEO))).toEqual(['stale', undefined, 'tofu']);
  });

  test('of the same number with other bytes leaves the one that we have', async () => {
    await see(list(romeo));
    expect(told(await see(list(romeo, { prefer: 1 })))).toEqual(['ambiguous', undefined, 'tofu']);
    expect((await devices.pin(ROMEO))?.signed.list.prefer).toBe(0);
  });
});

describe('IDN-01: another key', () => {
  test('counts with a notice when the old one was trusted at first sight only', async () => {
    await see(list(romeo));
    const outcome = await see(list(newKey()));
    expect(told(outcome)).toEqual(['reset', 'policy.identity-changed', 'changed']);
    expect(outcome.pin && isBlocked(outcome.pin)).toBe(false);
    expect(outcome.pin?.previous?.trust).toBe('tofu');
  });

  test('waits for the user when the old one was verified', async () => {
    await see(list(romeo));
    await devices.decide(ROMEO, aikId(suite1, accountKeyOf(romeo)), 'verified');
    const other = newKey();
    const { pin } = await see(list(other));
    expect(pin && [pin.trust, isBlocked(pin)]).toEqual(['changed', true]);
    expect(told(await see(list(newKey())))).toEqual(['reset', 'policy.identity-changed', 'changed']);
    expect((await devices.pin(ROMEO))?.previous?.trust).toBe('verified');
    await see(list(other));
    const decided = await devices.decide(ROMEO, aikId(suite1, accountKeyOf(other)), 'verified');
    expect([decided.trust, isBlocked(decided)]).toEqual(['verified', false]);
  });

  test('that goes back to the old one is as if nothing had been, but not behind what was seen', async () => {
    await see(list(romeo, { seq: 5n }));
    await devices.decide(ROMEO, aikId(suite1, accountKeyOf(romeo)), 'verified');
    await see(list(newKey()));
    expect(told(await see(list(romeo, { seq: 4n })))).toEqual(['rollback', 'xmpp.device-list', 'changed']);
    expect(told(await see(list(romeo, { seq: 6n })))).toEqual([
      'reset',
      'policy.identity-changed',
      'verified',
    ]);
  });

  test('that the old one has named keeps what was thought of it, unless the user is strict', async () => {
    const next = newKey();
    const rollover = signRollover(suite1, romeo, accountKeyOf(next), BigInt(now));
    await see(list(romeo));
    await devices.decide(ROMEO, aikId(suite1, accountKeyOf(romeo)), 'verified');
    const strict = reopen({ strictRollover: true });
    const before = await devices.pin(ROMEO);
    expect(told(await see(list(next, { seq: 2n, rollover })))).toEqual(['rollover', undefined, 'verified']);
    if (before === undefined) throw new Error('no pin');
    await new Pins(store, suite1).put(before);
    expect(told(await strict.fetch(ROMEO))).toEqual(['rollover', 'policy.identity-changed', 'changed']);
  });

  test('is not what was judged: only the key that counts can be', async () => {
    await see(list(romeo));
    const id = aikId(suite1, accountKeyOf(newKey()));
    expect((await failed(devices.decide(ROMEO, id, 'verified'))).code).toBe('policy.identity-changed');
    expect((await failed(devices.decide('x@y', id, 'verified'))).code).toBe('policy.identity-changed');
    const distrusted = await devices.decide(ROMEO, aikId(suite1, accountKeyOf(romeo)), 'distrusted');
    expect(isBlocked(distrusted)).toBe(true);
  });
});

describe('XMP-14: a notification', () => {
  test('of somebody that we know counts', async () => {
    await see(list(romeo));
    const outcome = await devices.handle(event(ROMEO, itemOf(list(romeo, { seq: 2n }))));
    expect(outcome?.verdict).toBe('ok');
    expect((await devices.handle(event(ROMEO, itemOf(list(romeo, { seq: 2n })))))?.verdict).toBe('same');
  });

  test('of a stranger does not: he is asked when it is needed', async () => {
    expect(await devices.handle(event(ROMEO, itemOf(list(romeo))))).toBeUndefined();
    expect(await devices.pin(ROMEO)).toBeUndefined();
  });

  test('without an address is of our own account', async () => {
    const own = list(aik, { jid: ME });
    expect(await devices.handle(event(undefined, itemOf(own)))).toMatchObject({ jid: ME, verdict: 'first' });
  });

  test.each([
    ['from a resource', (): XmlElement => event(`${ROMEO}/orchard`, itemOf(list(romeo, { seq: 2n })))],
    ['from no address', (): XmlElement => event('@', itemOf(list(romeo, { seq: 2n })))],
    ['of another item', (): XmlElement => event(ROMEO, itemOf(list(romeo, { seq: 2n }), 'other'))],
    [
      'of several items',
      (): XmlElement => event(ROMEO, itemOf(list(romeo, { seq: 2n })), itemOf(list(romeo), 'b')),
    ],
  ])('%s is refused', async (_what, message) => {
    await see(list(romeo));
    expect((await failed(devices.handle(message()))).code).toBe('xmpp.node-owner');
    expect((await devices.pin(ROMEO))?.signed.list.seq).toBe(1n);
  });

  test('of one account with the list of another is refused', async () => {
    await see(list(romeo));
    serve('tybalt@capulet.example', list(newKey(), { jid: 'tybalt@capulet.example' }));
    await devices.fetch('tybalt@capulet.example');
    const outcome = await devices.handle(event('tybalt@capulet.example', itemOf(list(romeo, { seq: 2n }))));
    expect(outcome).toMatchObject({ verdict: 'refused', error: { code: 'xmpp.device-list' } });
  });

  test('of another node, of nothing, and anything else is not ours', async () => {
    const other = el(
      'message',
      { from: ROMEO },
      el('event', { xmlns: 'http://jabber.org/protocol/pubsub#event' }, el('items', { node: 'urn:x' })),
    );
    for (const message of [
      sent(other),
      event(ROMEO),
      sent(el('message', { from: ROMEO })),
      sent(el('presence')),
    ])
      expect(await devices.handle(message)).toBeUndefined();
  });
});

describe('our own list', () => {
  const device = (n: number) => ({
    deviceId: `000000000000000${n}`,
    added: 1n,
    keys: [{ scheme: 0x0807, key: Uint8Array.of(n) }],
  });
  const ids = ({ list: { active } }: SignedDeviceList): string =>
    active.map(({ deviceId }) => deviceId.at(-1)).join('');

  test('grows by what is published, and others can read it', async () => {
    const first = await devices.publish(aik, { add: [device(1)] });
    expect(first.list).toMatchObject({
      seq: 1n,
      jid: ME,
      issued: BigInt(NOW),
      expires: BigInt(NOW + 30 * DAY),
    });
    const second = await devices.publish(aik, { add: [device(2)], prefer: 1 });
    const third = await devices.publish(aik, {
      revoke: [{ deviceId: device(1).deviceId, when: 5n, reason: 3 }],
    });
    expect([second, third].map((one) => [one.list.seq, one.list.prefer, ids(one)])).toEqual([
      [2n, 1, '12'],
      [3n, 1, '2'],
    ]);
    expect((await devices.pin(ME))?.trust).toBe('verified');
    const other = await open({ account: ROMEO });
    expect(await other.fetch(ME)).toMatchObject({ verdict: 'first', pin: { signed: third } });
    expect((await failed(devices.publish(aik, { add: [device(1)] }))).code).toBe('xmpp.device-list');
  });

  test('takes in what another manager has written meanwhile', async () => {
    const first = await devices.publish(aik, { add: [device(1)] });
    const theirs = list(aik, { ...first.list, seq: 2n, active: [device(1), device(2)] });
    serve(ME, theirs);
    const merged = await devices.publish(aik, { add: [device(3)] });
    expect([merged.list.seq, ids(merged)]).toEqual([3n, '123']);
  });

  test('IDN-14: of which two managers wrote at once becomes one, and both stop', async () => {
    const first = await devices.publish(aik, { add: [device(1)] });
    const mine = await devices.publish(aik, { add: [device(2)] });
    const theirs = list(aik, { ...first.list, seq: 2n, active: [device(1), device(3)] });
    serve(ME, theirs);
    expect((await devices.checkOwn()).verdict).toBe('merge');
    const merged = await devices.publish(aik);
    expect([merged.list.seq, ids(merged)]).toEqual([3n, '123']);
    const theirStore = await open({ ownKey: accountKeyOf(aik) });
    serve(ME, theirs);
    await theirStore.fetch(ME);
    serve(ME, mine);
    expect(await theirStore.publish(aik)).toEqual(merged);
    expect((await theirStore.checkOwn()).verdict).toBe('same');
  });

  test('IDN-14: is put back when the server shows a forged, an older or none, at growing intervals', async () => {
    const old = await devices.publish(aik, { add: [device(1)] });
    const mine = await devices.publish(aik, { add: [device(2)] });
    const forged = { ...mine, signature: new Uint8Array(64) };
    let published = 0;
    const restored = async (signed: SignedDeviceList): Promise<boolean> => {
      serve(ME, signed);
      await devices.checkOwn();
      const after = transport.asked.filter((name) => name === 'publish').length;
      const isPublished = after > published;
      published = after;
      return isPublished;
    };
    await restored(mine);
    expect(await restored(forged)).toBe(true);
    expect(await restored(old)).toBe(false);
    now += 600;
    expect(await restored(old)).toBe(true);
    now += 600;
    expect(await restored(old)).toBe(false);
    now += 600;
    expect(await restored(old)).toBe(true);
    now += 2 * DAY;
    pep.nodes.clear();
    expect((await devices.checkOwn()).verdict).toBe('none');
    expect((await devices.checkOwn()).verdict).toBe('same');
  });

  test('IDN-14: under another key does not count, and is not fought over', async () => {
    await devices.publish(aik, { add: [device(1)] });
    const foreign = list(newKey(), { jid: ME, seq: 9n });
    serve(ME, foreign);
    expect(await devices.checkOwn()).toMatchObject({
      verdict: 'reset',
      error: { code: 'policy.identity-changed' },
    });
    expect((await devices.checkOwn()).error).toBeUndefined();
    expect(transport.asked.filter((name) => name === 'publish')).toHaveLength(1);
    expect(ids(await devices.publish(aik))).toBe('1');
  });

  test('of a device that is certified by another key is not learnt at first sight either', async () => {
    serve(ME, list(newKey(), { jid: ME }));
    expect(await devices.checkOwn()).toMatchObject({
      verdict: 'reset',
      pin: undefined,
      error: { code: 'policy.identity-changed' },
    });
    expect((await failed(devices.publish(aik, { add: [device(1)] }))).code).toBe('policy.identity-changed');
    expect(ids(await devices.publish(aik, { add: [device(1)], reset: true }))).toBe('1');
  });

  test('goes over to a new key that the old one names', async () => {
    await devices.publish(aik, { add: [device(1)] });
    const next = newKey();
    const contact = await open({ account: ROMEO });
    await contact.fetch(ME);
    const mine = await open({ ownKey: accountKeyOf(aik) });
    await mine.fetch(ME);
    expect((await failed(mine.publish(next))).code).toBe('policy.identity-changed');
    expect((await failed(mine.publish(newKey(), { from: next }))).code).toBe('policy.identity-changed');
    const signed = await mine.publish(next, { from: aik });
    expect([signed.list.seq, ids(signed)]).toEqual([2n, '1']);
    expect((await contact.fetch(ME)).verdict).toBe('rollover');
    expect((await failed((await open({ ownKey: accountKeyOf(aik) })).publish(aik))).code).toBe(
      'policy.identity-changed',
    );
    expect((await mine.publish(next)).list.rollover).toEqual(signed.list.rollover);
  });

  test('says with which options it is published', async () => {
    await devices.publish(aik);
    expect(pep.node(ME, NODE_DEVICES)?.form.get('pubsub#max_items')).toBe(
      String(NODE_OPTIONS.devices.maxItems),
    );
  });
});
