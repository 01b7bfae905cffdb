/** The next list of our own account: MLS for XMPP, version 0, sections 3.4 and 3.6. */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { encode } from '../codec/codec.ts';
import type { KeyPair, SuiteCrypto } from '../index.ts';
import { type AccountKey, accountKeyOf, sameAccountKey } from './identity/accountKey.ts';
import {
  type ActiveDevice,
  DeviceListTBS,
  isRolloverFrom,
  LIST_LIFETIME,
  MOST_REVOKED,
  type RevokedDevice,
  type SignedDeviceList,
  signDeviceList,
  signRollover,
} from './identity/deviceList.ts';
import { mergeLists } from './identity/listVerdict.ts';

/** What is to be different. */
export interface ListChange {
  /** Devices to list; one that is listed is replaced. */
  readonly add?: readonly ActiveDevice[];
  readonly revoke?: readonly RevokedDevice[];
  readonly prefer?: 0 | 1;
  /** The account's key pair until now, which names the new one. */
  readonly from?: KeyPair;
  /** Begin anew under a key that nothing speaks for: the old one is lost. */
  readonly reset?: boolean;
}

/** What {@link nextList} begins with. */
export interface ListBase {
  /** Normalised bare JID. */
  readonly account: string;
  /** Seconds since 1970. */
  readonly now: number;
  /** As we know it, and as the server has it. */
  readonly known: SignedDeviceList | undefined;
  readonly served: SignedDeviceList | undefined;
}

type Content = Omit<DeviceListTBS, 'version' | 'accountKey'>;

/**
 * Sign the list that follows on those that we know.
 * @throws `policy.identity-changed` when they are another key's and the change does not say what to do about that,
 *   `xmpp.device-list` for a list that would contradict itself
 */
export function nextList(
  suite1: SuiteCrypto,
  aik: KeyPair,
  base: ListBase,
  change: ListChange,
): SignedDeviceList {
  const key = accountKeyOf(aik);
  const [ours, theirs] = [base.known?.list, base.served?.list];
  const before = baseOf(suite1, key, base, change);
  const isChange = Object.keys(change).length > 0;
  // Two managers who do nothing but merge come to the same bytes, and stop.
  if (!isChange && before !== undefined && isFork(ours, theirs)) return signDeviceList(suite1, aik, before);
  return signDeviceList(suite1, aik, {
    ...changed(before, change),
    jid: base.account,
    seq: newest(ours?.seq ?? 0n, theirs?.seq ?? 0n) + 1n,
    issued: BigInt(base.now),
    expires: BigInt(base.now) + LIST_LIFETIME,
    rollover:
      change.from === undefined ? before?.rollover : signRollover(suite1, change.from, key, BigInt(base.now)),
  });
}

/** The list to begin with; nothing for a first one. */
function baseOf(
  suite1: SuiteCrypto,
  key: AccountKey,
  { known, served }: ListBase,
  change: ListChange,
): DeviceListTBS | undefined {
  if (change.reset === true) return undefined;
  const [ours, theirs] = [known?.list, served?.list];
  if (change.from !== undefined) return underOldKey(accountKeyOf(change.from), ours ?? theirs);
  // Another device has gone over to a new key, and ours is the old one.
  if (theirs !== undefined && isRolloverFrom(suite1, theirs, key)) return anotherKey();
  const isOurs = (list: DeviceListTBS | undefined): boolean =>
    list !== undefined && sameAccountKey(list.accountKey, key);
  if (ours === undefined) return theirs === undefined || isOurs(theirs) ? theirs : anotherKey();
  if (!isOurs(ours)) return anotherKey();
  // What a server shows under a key that we know nothing of does not count.
  if (theirs === undefined || !isOurs(theirs)) return ours;
  if (isFork(ours, theirs)) return mergeLists(ours, theirs);
  return theirs.seq > ours.seq ? theirs : ours;
}

function underOldKey(oldKey: AccountKey, list: DeviceListTBS | undefined): DeviceListTBS {
  return list !== undefined && sameAccountKey(list.accountKey, oldKey)
    ? { ...list, rollover: undefined }
    : anotherKey();
}

function anotherKey(): never {
  return fail('policy.identity-changed', { rule: 'own account' });
}

function newest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function isFork(a: DeviceListTBS | undefined, b: DeviceListTBS | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const isSameKey = sameAccountKey(a.accountKey, b.accountKey);
  return isSameKey && a.seq === b.seq && !equal(encode(DeviceListTBS, a), encode(DeviceListTBS, b));
}

function changed(
  before: DeviceListTBS | undefined,
  { add = [], revoke = [], prefer }: ListChange,
): Pick<Content, 'active' | 'revoked' | 'prefer'> {
  const replaced = new Set([...add, ...revoke].map(({ deviceId }) => deviceId));
  const known = new Set(before?.revoked.map(({ deviceId }) => deviceId));
  const revoked = [...(before?.revoked ?? []), ...revoke.filter(({ deviceId }) => !known.has(deviceId))];
  return {
    active: [...(before?.active ?? []).filter(({ deviceId }) => !replaced.has(deviceId)), ...add],
    // The oldest can go: what is not listed is not added either.
    revoked: revoked.sort(byTime).slice(-MOST_REVOKED),
    prefer: prefer ?? before?.prefer ?? 0,
  };
}

function byTime(a: RevokedDevice, b: RevokedDevice): number {
  if (a.when !== b.when) return a.when < b.when ? -1 : 1;
  return a.deviceId < b.deviceId ? -1 : 1;
}
