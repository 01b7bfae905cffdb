/** Which of two device lists counts, and how two that were signed at once become one: section 3.4. */

import { equal } from '../../base/bytes.ts';
import { encode } from '../../codec/codec.ts';
import type { SuiteCrypto } from '../../index.ts';
import { aikName, sameAccountKey } from './accountKey.ts';
import {
  type ActiveDevice,
  DeviceListTBS,
  isRolloverFrom,
  LIST_RENEWAL,
  type RevokedDevice,
} from './deviceList.ts';

/** The newest list that was seen of one account key. */
export interface SeenList {
  readonly seq: bigint;
  /** SHA-256 of the DeviceListTBS. */
  readonly digest: Uint8Array;
}

/** What is known of an account. */
export interface KnownLists {
  /** The list that counts; nothing for an account not seen before. */
  readonly current: DeviceListTBS | undefined;
  /** By AikId in hexadecimal, earlier keys among them. */
  readonly seen: ReadonlyMap<string, SeenList>;
}

/**
 * What a new list means. `first`, `ok`: it counts from now on. `same`: nothing new. `stale`: as `ok` or `same`, but it has
 * expired, so nobody is to be added by it. `rollback`: older than one that was seen of this key. `merge`: own account, and
 * two devices wrote at once. `ambiguous`: a contact's two lists of one number; keep the old one and ask again in 60 s.
 * `reset`: another key, for no reason that can be checked. `rollover`: another key, named by the old one.
 */
export type ListVerdict =
  | 'first'
  | 'ok'
  | 'same'
  | 'stale'
  | 'rollback'
  | 'merge'
  | 'ambiguous'
  | 'reset'
  | 'rollover';

/**
 * Judge a list whose signature was checked.
 * @param how `isOwn`: it is the list of our own account; `now`: seconds since 1970
 */
export function judgeList(
  suite1: SuiteCrypto,
  known: KnownLists,
  list: DeviceListTBS,
  how: { readonly isOwn: boolean; readonly now: number },
): ListVerdict {
  const { current, seen } = known;
  const earlier = seen.get(aikName(suite1, list.accountKey));
  if (earlier !== undefined && list.seq < earlier.seq) return 'rollback';
  const isKnown = earlier !== undefined && list.seq === earlier.seq;
  if (isKnown && !equal(earlier.digest, listDigest(suite1, list))) return how.isOwn ? 'merge' : 'ambiguous';
  if (current !== undefined && !sameAccountKey(current.accountKey, list.accountKey))
    return isRolloverFrom(suite1, list, current.accountKey) ? 'rollover' : 'reset';
  if (isStale(list, how.now)) return 'stale';
  if (current === undefined) return 'first';
  return isKnown ? 'same' : 'ok';
}

/** What {@link SeenList} remembers of a list. */
export function listDigest(suite1: SuiteCrypto, list: DeviceListTBS): Uint8Array {
  return suite1.hash(encode(DeviceListTBS, list));
}

/** Whether a list has expired. @param now seconds since 1970 */
export function isStale({ expires }: DeviceListTBS, now: number): boolean {
  return BigInt(Math.floor(now)) > expires;
}

/** Whether an account is to publish its list again although nothing has changed. @param now seconds since 1970 */
export function isRenewalDue({ issued }: DeviceListTBS, now: number): boolean {
  return BigInt(Math.floor(now)) >= issued + LIST_RENEWAL;
}

/**
 * Two lists of one key in one: devices of either, without what either revokes. Depends on nothing else and not on their
 * order, so that two managers who merge at once sign the same bytes.
 */
export function mergeLists(a: DeviceListTBS, b: DeviceListTBS): DeviceListTBS {
  const revoked = byId([...a.revoked, ...b.revoked], earlierRevocation);
  const gone = new Set(revoked.map(({ deviceId }) => deviceId));
  const active = byId([...a.active, ...b.active], earlierDevice);
  return {
    ...a,
    seq: later(a.seq, b.seq) + 1n,
    issued: later(a.issued, b.issued),
    expires: later(a.expires, b.expires),
    prefer: a.prefer === 1 ? 1 : b.prefer,
    active: active.filter(({ deviceId }) => !gone.has(deviceId)),
    revoked,
    rollover: a.rollover ?? b.rollover,
  };
}

function byId<T extends { readonly deviceId: string }>(
  all: readonly T[],
  choose: (a: T, b: T) => T,
): readonly T[] {
  const found = new Map<string, T>();
  for (const one of all) {
    const other = found.get(one.deviceId);
    found.set(one.deviceId, other === undefined ? one : choose(one, other));
  }
  return [...found.values()].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
}

function earlierRevocation(a: RevokedDevice, b: RevokedDevice): RevokedDevice {
  if (a.when !== b.when) return a.when < b.when ? a : b;
  return a.reason <= b.reason ? a : b;
}

/** Keys of a device do not change, but whoever signs may say otherwise: then those that came first. */
function earlierDevice(a: ActiveDevice, b: ActiveDevice): ActiveDevice {
  if (a.added !== b.added) return a.added < b.added ? a : b;
  return textOf(a) <= textOf(b) ? a : b;
}

function textOf({ keys }: ActiveDevice): string {
  return keys.map(({ scheme, key }) => `${scheme} ${key.join(' ')}`).join(',');
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
