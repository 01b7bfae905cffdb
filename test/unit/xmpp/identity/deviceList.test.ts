/** Device lists: what is refused, which of two counts, and how two become one. */

import { describe, expect, test } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../../../src/base/bytes.ts';
import { decode, encode } from '../../../../src/codec/codec.ts';
import { accountKeyOf, aikName } from '../../../../src/xmpp/identity/accountKey.ts';
import {
  type ActiveDevice,
  DeviceListTBS,
  deviceListItem,
  isListed,
  isListSigned,
  isRevoked,
  MOST_ACTIVE,
  MOST_REVOKED,
  type RevokedDevice,
  readDeviceList,
  SignedDeviceList,
  signDeviceList,
  signRollover,
} from '../../../../src/xmpp/identity/deviceList.ts';
import {
  isRenewalDue,
  isStale,
  judgeList,
  type KnownLists,
  listDigest,
  mergeLists,
} from '../../../../src/xmpp/identity/listVerdict.ts';
import { codeOf, errorOf } from '../../../support/refusals.ts';
import { seeded } from '../../../support/seeded.ts';

const provider = seeded(2);
const suite1 = provider.suite(1);
const [aik, otherAik] = [
  suite1.signatureKeyPair(provider.random(32)),
  suite1.signatureKeyPair(provider.random(32)),
];
const JID = 'juliet@capulet.example';

function device(n: number, keys = 1): ActiveDevice {
  const deviceId = n.toString(16).padStart(16, '0');
  const key = (k: number): Uint8Array => Uint8Array.of(n >> 8, n, k);
  return {
    deviceId,
    added: BigInt(n),
    keys: Array.from({ length: keys }, (_, k) => ({ scheme: 0x0807, key: key(k) })),
  };
}
function revoked(n: number, when = 5n): RevokedDevice {
  return { deviceId: n.toString(16).padStart(16, '0'), when, reason: 2 };
}
const CONTENT = {
  jid: JID,
  seq: 3n,
  issued: 100n,
  expires: 200n,
  prefer: 0 as 0 | 1,
  active: [device(1), device(2)],
  revoked: [revoked(9)],
  rollover: undefined,
};

function sign(
  change: Partial<typeof CONTENT> & Partial<Pick<DeviceListTBS, 'rollover' | 'prefer'>> = {},
  key = aik,
): SignedDeviceList {
  return signDeviceList(suite1, key, { ...CONTENT, ...change });
}
function rule(change: Parameters<typeof sign>[0]): unknown {
  const { rule: broken } = errorOf(() => sign(change)).detail;
  return broken;
}

describe('a device list', () => {
  test('is read as it was signed', () => {
    const signed = sign();
    expect(readDeviceList(suite1, deviceListItem(signed), JID)).toEqual(signed);
    expect(isListSigned(suite1, decode(SignedDeviceList, encode(SignedDeviceList, signed)))).toBe(true);
    expect(isListed(signed.list, device(1).deviceId, { scheme: 0x0807, key: Uint8Array.of(0, 1, 0) })).toBe(
      true,
    );
    expect(isListed(signed.list, device(1).deviceId, { scheme: 0x0808, key: Uint8Array.of(0, 1, 0) })).toBe(
      false,
    );
    expect(isListed(signed.list, device(2).deviceId, { scheme: 0x0807, key: Uint8Array.of(0, 1, 0) })).toBe(
      false,
    );
    expect(isRevoked(signed.list, revoked(9).deviceId)).toBe(true);
    expect(isRevoked(signed.list, device(1).deviceId)).toBe(false);
  });

  test('has the layout of section 3.3', () => {
    const list = encode(DeviceListTBS, sign({ active: [device(1)], revoked: [revoked(9)] }).list);
    expect(toHex(list)).toBe(
      `0016${toHex(utf8(JID))}080720${toHex(aik.publicKey)}0000000000000003` +
        '000000000000006400000000000000c800' +
        '170000000000000001000000000000000106080703000100' +
        '110000000000000009000000000000000502' +
        '00',
    );
  });

  test('XMP-17: is refused with another signature, or of another account', () => {
    const item = deviceListItem(sign());
    const forged = { ...item, signature: item.signature.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) };
    const told = (one: typeof item, jid = JID): unknown[] => {
      const error = errorOf(() => readDeviceList(suite1, one, jid));
      return [error.code, ...Object.values(error.detail)];
    };
    expect(told(forged)).toEqual(['xmpp.device-list', 'signature']);
    expect(told(item, 'romeo@montague.example')).toEqual(['xmpp.device-list', 'account']);
    expect(told({ ...item, signature: new Uint8Array(0) })).toEqual(['xmpp.device-list', 'signature']);
    expect(told({ ...item, signature: sign({}, otherAik).signature })).toEqual([
      'xmpp.device-list',
      'signature',
    ]);
    const unprefixed = { ...item, signature: suite1.sign(aik.secretKey, item.list) };
    expect(told(unprefixed)).toEqual(['xmpp.device-list', 'signature']);
  });

  test('XMP-17: a device that the server put in, or took out, spoils the signature', () => {
    const { signature } = sign();
    for (const active of [[device(1)], [device(1), device(2), device(3)], [device(1), device(2, 2)]]) {
      const item = { list: encode(DeviceListTBS, sign({ active }).list), signature };
      expect(codeOf(() => readDeviceList(suite1, item, JID))).toBe('xmpp.device-list');
    }
  });

  test('is refused truncated, with more behind it, or of another version', () => {
    const { list, signature } = deviceListItem(sign());
    const code = (bytes: Uint8Array): unknown =>
      codeOf(() => readDeviceList(suite1, { list: bytes, signature }, JID));
    for (let length = 0; length < list.length; length++)
      expect(code(list.subarray(0, length))).toBe('xmpp.device-list');
    expect(code(concat(list, Uint8Array.of(0)))).toBe('xmpp.device-list');
    expect(code(concat(Uint8Array.of(1), list.subarray(1)))).toBe('xmpp.device-list');
  });

  test('is refused with an account key that is none', () => {
    const { list } = sign();
    const key = { scheme: 0x0807, key: fromHex(`01${'00'.repeat(31)}`) };
    const item = { list: encode(DeviceListTBS, { ...list, accountKey: key }), signature: new Uint8Array(64) };
    expect(errorOf(() => readDeviceList(suite1, item, JID)).detail).toMatchObject({ rule: 'account key' });
  });

  test('XMP-17, IDN-08: names no more than it may, and nothing twice', () => {
    const many = (count: number): ActiveDevice[] => Array.from({ length: count }, (_, n) => device(n));
    const gone = (count: number): RevokedDevice[] =>
      Array.from({ length: count }, (_, n) => revoked(n + 1000));
    expect(sign({ active: many(MOST_ACTIVE), revoked: gone(MOST_REVOKED) }).list.active).toHaveLength(
      MOST_ACTIVE,
    );
    expect(rule({ active: many(MOST_ACTIVE + 1) })).toBe('active');
    expect(rule({ revoked: gone(MOST_REVOKED + 1) })).toBe('revoked');
    expect(rule({ active: [device(1, 0)] })).toBe('device keys');
    expect(rule({ active: [device(1, 17)] })).toBe('device keys');
    expect(rule({ active: [device(1), { ...device(2), deviceId: device(1).deviceId }] })).toBe(
      'device twice',
    );
    expect(rule({ active: [device(1), { ...device(1), deviceId: device(2).deviceId }] })).toBe('key twice');
    expect(rule({ active: [device(9)] })).toBe('device twice');
    expect(rule({ revoked: [revoked(9), revoked(9, 6n)] })).toBe('device twice');
    expect(rule({ issued: 201n })).toBe('dates');
    expect(sign({ active: [], revoked: [] }).list.active).toEqual([]);
  });
});

describe('a new list', () => {
  const known = (...lists: readonly SignedDeviceList[]): KnownLists => ({
    current: lists.at(-1)?.list,
    seen: new Map(
      lists.map(({ list }) => [
        aikName(suite1, list.accountKey),
        { seq: list.seq, digest: listDigest(suite1, list) },
      ]),
    ),
  });
  const judge = (lists: KnownLists, { list }: SignedDeviceList, isOwn = false, now = 150): string =>
    judgeList(suite1, lists, list, { isOwn, now });
  const at = (seq: bigint, change = {}, key = aik): SignedDeviceList => sign({ seq, ...change }, key);

  test('XMP-17, IDN-03: counts by its number', () => {
    const now3 = known(at(3n));
    expect(judge(known(), at(3n))).toBe('first');
    expect(judge(now3, at(3n))).toBe('same');
    expect(judge(now3, at(4n))).toBe('ok');
    expect(judge(now3, at(2n))).toBe('rollback');
    expect(judge(now3, at(3n, { prefer: 1 }))).toBe('ambiguous');
    expect(judge(now3, at(3n, { prefer: 1 }), true)).toBe('merge');
  });

  test('IDN-03: is stale once it has expired, but old it is in any case', () => {
    expect(judge(known(at(3n)), at(4n), false, 200)).toBe('ok');
    expect(judge(known(at(3n)), at(4n), false, 201)).toBe('stale');
    expect(judge(known(at(3n)), at(3n), false, 201)).toBe('stale');
    expect(judge(known(at(3n)), at(2n), false, 201)).toBe('rollback');
    expect([isStale(at(1n).list, 200), isStale(at(1n).list, 201)]).toEqual([false, true]);
    const week = 100 + 7 * 86_400;
    expect([isRenewalDue(at(1n).list, week - 1), isRenewalDue(at(1n).list, week)]).toEqual([false, true]);
  });

  test('IDN-01: of another key is a reset, unless the old key has named it', () => {
    const before = known(at(3n));
    const rollover = signRollover(suite1, aik, accountKeyOf(otherAik), 120n);
    expect(judge(before, at(1n, {}, otherAik))).toBe('reset');
    expect(judge(before, at(1n, { rollover }, otherAik))).toBe('rollover');
    const broken = [
      { ...rollover, when: 121n },
      { ...rollover, oldKey: accountKeyOf(otherAik) },
      { ...rollover, oldSignature: rollover.oldSignature.map((byte) => byte ^ 1) },
      signRollover(suite1, otherAik, accountKeyOf(otherAik), 120n),
      signRollover(suite1, aik, accountKeyOf(aik), 120n),
    ];
    for (const one of broken) expect(judge(before, at(1n, { rollover: one }, otherAik))).toBe('reset');
  });

  test('of an earlier key does not go back behind what was seen of that', () => {
    const both = known(at(3n), at(1n, {}, otherAik));
    expect(judge(both, at(2n))).toBe('rollback');
    expect(judge(both, at(3n))).toBe('reset');
  });
});

test('IDN-14: two lists of one number become one, the same whoever merges', () => {
  const a = sign({ active: [device(3), device(1)], revoked: [revoked(9, 7n)], issued: 110n }).list;
  const b = sign({ active: [device(2), device(9)], revoked: [revoked(1)], prefer: 1, expires: 300n }).list;
  const merged = mergeLists(a, b);
  expect(encode(DeviceListTBS, merged)).toEqual(encode(DeviceListTBS, mergeLists(b, a)));
  expect(merged).toMatchObject({ seq: 4n, issued: 110n, expires: 300n, prefer: 1 });
  expect(merged.active).toEqual([device(2), device(3)]);
  expect(merged.revoked).toEqual([revoked(1), revoked(9, 7n)]);
  const again = mergeLists(
    { ...a, revoked: [{ ...revoked(9), reason: 3 }], active: [{ ...device(1), keys: device(4).keys }] },
    { ...b, revoked: [revoked(9)], active: [device(1)] },
  );
  expect(again.revoked).toEqual([revoked(9)]);
  expect(again.active).toEqual([device(1)]);
});
