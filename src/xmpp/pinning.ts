/** What a device list changes in what we know of its account: MLS for XMPP, version 0, sections 3.4 and 3.5. */

import { failure, type MlsError } from '../base/error.ts';
import type { SuiteCrypto } from '../index.ts';
import { type AccountKey, aikName, sameAccountKey } from './identity/accountKey.ts';
import type { SignedDeviceList } from './identity/deviceList.ts';
import { judgeList, type ListVerdict, listDigest, type SeenList } from './identity/listVerdict.ts';
import type { Pin } from './pins.ts';

/** Under which circumstances. */
export interface Learning {
  /** Cipher suite 1 of the provider. */
  readonly suite1: SuiteCrypto;
  /** Seconds since 1970. */
  readonly now: number;
  /** It is our own account's. */
  readonly isOwn: boolean;
  /** The key that certifies this device. */
  readonly ownKey: AccountKey | undefined;
  /** A key that the old one has named is asked about all the same. */
  readonly strictRollover: boolean;
}

/** What came of it. */
export interface Learned {
  readonly verdict: ListVerdict;
  /** The same object if nothing is to be kept. */
  readonly pin: Pin | undefined;
  /** To be reported. */
  readonly error: MlsError | undefined;
}

/** That nothing has changed is written down once an hour at most. */
const FRESH_SECONDS = 3600;

/** Take a list whose signature was checked. */
export function learn(how: Learning, pin: Pin | undefined, signed: SignedDeviceList): Learned {
  const { suite1, now, isOwn, ownKey } = how;
  const { list } = signed;
  const known = { current: pin?.signed.list, seen: pin?.seen ?? new Map<string, SeenList>() };
  const judged = judgeList(suite1, known, list, { isOwn, now });
  const isForeign = isOwn && ownKey !== undefined && !sameAccountKey(list.accountKey, ownKey);
  const verdict = isForeign && judged !== 'rollover' ? 'reset' : judged;
  const keep = (trust: Pin['trust'], previous: Pin['previous']): Pin => ({
    jid: list.jid,
    trust,
    previous,
    signed,
    fetched: now,
    seen: withSeen(suite1, known.seen, signed),
  });
  switch (verdict) {
    case 'rollback':
      return { verdict, pin, error: errorOf('rollback') };
    case 'merge':
    case 'ambiguous':
      return { verdict, pin, error: undefined };
    case 'same':
      return { verdict, pin: refreshed(pin, now), error: undefined };
    case 'first':
    case 'ok':
    case 'stale':
      return {
        verdict,
        pin: keep(pin?.trust ?? (isOwn && ownKey !== undefined ? 'verified' : 'tofu'), pin?.previous),
        error: verdict === 'stale' ? errorOf('stale') : undefined,
      };
    default:
      return anotherKey(how, pin, { verdict, keep, list });
  }
}

/** What we know of our own account once we have signed a list for it. @param now seconds since 1970 */
export function ownPin(
  suite1: SuiteCrypto,
  pin: Pin | undefined,
  signed: SignedDeviceList,
  now: number,
): Pin {
  const seen = withSeen(suite1, pin?.seen ?? new Map<string, SeenList>(), signed);
  return { jid: signed.list.jid, trust: 'verified', previous: undefined, signed, fetched: now, seen };
}

interface Another {
  readonly verdict: ListVerdict;
  readonly keep: (trust: Pin['trust'], previous: Pin['previous']) => Pin;
  readonly list: SignedDeviceList['list'];
}

function anotherKey(how: Learning, pin: Pin | undefined, { verdict, keep, list }: Another): Learned {
  const error = failure('policy.identity-changed', { key: aikName(how.suite1, list.accountKey) });
  // Our own account does not change its key behind our back; what certifies us decides.
  if (pin === undefined || (how.isOwn && verdict === 'reset')) return { verdict, pin, error };
  const { trust, previous } = pin;
  if (verdict === 'rollover' && !(how.strictRollover && trust === 'verified'))
    return { verdict, pin: keep(trust, previous), error: undefined };
  // The change is taken back before anybody decided.
  if (previous !== undefined && sameAccountKey(previous.accountKey, list.accountKey))
    return { verdict, pin: keep(previous.trust, undefined), error };
  const before = previous ?? { accountKey: pin.signed.list.accountKey, trust };
  return { verdict, pin: keep('changed', before), error };
}

function withSeen(
  suite1: SuiteCrypto,
  seen: ReadonlyMap<string, SeenList>,
  { list }: SignedDeviceList,
): ReadonlyMap<string, SeenList> {
  const name = aikName(suite1, list.accountKey);
  const others = [...seen].filter(([other]) => other !== name);
  return new Map([...others, [name, { seq: list.seq, digest: listDigest(suite1, list) }]]);
}

function refreshed(pin: Pin | undefined, now: number): Pin | undefined {
  return pin === undefined || now < pin.fetched + FRESH_SECONDS ? pin : { ...pin, fetched: now };
}

function errorOf(rule: 'rollback' | 'stale'): MlsError {
  return failure('xmpp.device-list', { rule });
}
