/** The signed list of an account's devices: MLS for XMPP, version 0, section 3.3; what makes one take another's place is in `listVerdict.ts`. */

import { equal, fromHex, toHex } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import {
  type Codec,
  checked,
  decode,
  encode,
  fixedOpaque,
  mapped,
  oneOf,
  opaque,
  optional,
  struct,
  text,
  uint8,
  uint16,
  uint64,
  vector,
} from '../../codec/codec.ts';
import type { KeyPair, SuiteCrypto } from '../../index.ts';
import type { DeviceListItem } from '../stanza/mlsItems.ts';
import { AccountKey, accountKeyOf, isAccountKey, isSignedBy, sameAccountKey, signAs } from './accountKey.ts';

/** Most devices that a list may name. */
export const MOST_ACTIVE = 256;
/** Most revocations that it may have. */
export const MOST_REVOKED = 1024;
/** Most signature keys of one device: one for each suite. */
export const MOST_DEVICE_KEYS = 16;
/** How long a list is good for, seconds. */
export const LIST_LIFETIME = 30n * 86_400n;
/** After what time its account publishes it again, seconds. */
export const LIST_RENEWAL = 7n * 86_400n;

/** A device's signature key in one or more suites. */
export interface SuiteKey {
  /** SignatureScheme of TLS. */
  readonly scheme: number;
  readonly key: Uint8Array;
}

/** A device that may be added to groups. */
export interface ActiveDevice {
  /** 16 lower-case hexadecimal digits. */
  readonly deviceId: string;
  /** Seconds since 1970. */
  readonly added: bigint;
  readonly keys: readonly SuiteKey[];
}

/** Why a device is not to be trusted any more. */
export const RevocationReason = /* @__PURE__ */ Object.freeze({
  removed: 1,
  lost: 2,
  compromised: 3,
  expired: 4,
} as const);
export type RevocationReason = (typeof RevocationReason)[keyof typeof RevocationReason];

/** A device that may not. Ids are never used again. */
export interface RevokedDevice {
  readonly deviceId: string;
  /** Seconds since 1970. */
  readonly when: bigint;
  readonly reason: RevocationReason;
}

/** That an account has a new key, by its old one. */
export interface Rollover {
  readonly oldKey: AccountKey;
  /** Seconds since 1970. */
  readonly when: bigint;
  readonly oldSignature: Uint8Array;
}

/** What is signed. */
export interface DeviceListTBS {
  readonly version: 0;
  /** Bare JID of the account. */
  readonly jid: string;
  readonly accountKey: AccountKey;
  /** Grows with every list that the key signs. */
  readonly seq: bigint;
  /** Seconds since 1970. */
  readonly issued: bigint;
  readonly expires: bigint;
  /** 0: can be written to with MLS; 1: wants to be. */
  readonly prefer: 0 | 1;
  readonly active: readonly ActiveDevice[];
  readonly revoked: readonly RevokedDevice[];
  readonly rollover: Rollover | undefined;
}

/** A list with the signature of the key that it names, as evidence in handshakes has it. */
export interface SignedDeviceList {
  readonly list: DeviceListTBS;
  readonly signature: Uint8Array;
}

const DeviceId: Codec<string> = /* @__PURE__ */ mapped(/* @__PURE__ */ fixedOpaque(8), toHex, fromHex);
const SuiteKey: Codec<SuiteKey> = /* @__PURE__ */ struct<SuiteKey>({ scheme: uint16, key: opaque });
const ActiveDevice: Codec<ActiveDevice> = /* @__PURE__ */ struct<ActiveDevice>({
  deviceId: DeviceId,
  added: uint64,
  keys: /* @__PURE__ */ vector(SuiteKey),
});
const RevokedDevice: Codec<RevokedDevice> = /* @__PURE__ */ struct<RevokedDevice>({
  deviceId: DeviceId,
  when: uint64,
  reason: /* @__PURE__ */ oneOf<RevocationReason>(uint8, [1, 2, 3, 4]),
});
const Rollover: Codec<Rollover> = /* @__PURE__ */ struct<Rollover>({
  oldKey: AccountKey,
  when: uint64,
  oldSignature: opaque,
});
const RolloverTBS = /* @__PURE__ */ struct<{ newKey: AccountKey; when: bigint }>({
  newKey: AccountKey,
  when: uint64,
});

/** What is signed. @throws `codec.*`; `xmpp.device-list` for a list that contradicts itself or is too long */
export const DeviceListTBS: Codec<DeviceListTBS> = /* @__PURE__ */ checked(
  /* @__PURE__ */ struct<DeviceListTBS>({
    version: /* @__PURE__ */ oneOf(uint8, [0], 'codec.unsupported'),
    jid: text,
    accountKey: AccountKey,
    seq: uint64,
    issued: uint64,
    expires: uint64,
    prefer: /* @__PURE__ */ oneOf(uint8, [0, 1]),
    active: /* @__PURE__ */ vector(ActiveDevice),
    revoked: /* @__PURE__ */ vector(RevokedDevice),
    rollover: /* @__PURE__ */ optional(Rollover),
  }),
  requireConsistent,
);

/** List and signature one after the other. @throws as {@link DeviceListTBS} */
export const SignedDeviceList: Codec<SignedDeviceList> = /* @__PURE__ */ struct<SignedDeviceList>({
  list: DeviceListTBS,
  signature: opaque,
});

/**
 * Sign a list. @param aik key pair of cipher suite 1, whose public half goes into the list
 * @throws `xmpp.device-list`, `codec.input`, `crypto.private-key`
 */
export function signDeviceList(
  suite1: SuiteCrypto,
  aik: KeyPair,
  content: Omit<DeviceListTBS, 'version' | 'accountKey'>,
): SignedDeviceList {
  const list: DeviceListTBS = { ...content, version: 0, accountKey: accountKeyOf(aik) };
  return { list, signature: signAs(suite1, aik, 'devices', encode(DeviceListTBS, list)) };
}

/** Whether a list is signed by the key that it names; nothing is said of whose key that is. */
export function isListSigned(suite1: SuiteCrypto, { list, signature }: SignedDeviceList): boolean {
  const content = encode(DeviceListTBS, list);
  return isSignedBy(suite1, list.accountKey, { purpose: 'devices', content }, signature);
}

/** Let an account's old key name the new one. @param when seconds since 1970 @throws `crypto.private-key` */
export function signRollover(
  suite1: SuiteCrypto,
  oldAik: KeyPair,
  newKey: AccountKey,
  when: bigint,
): Rollover {
  const oldSignature = signAs(suite1, oldAik, 'rollover', encode(RolloverTBS, { newKey, when }));
  return { oldKey: accountKeyOf(oldAik), when, oldSignature };
}

/** Whether the list's key was named by another one, `from`. */
export function isRolloverFrom(
  suite1: SuiteCrypto,
  { accountKey, rollover }: DeviceListTBS,
  from: AccountKey,
): boolean {
  if (rollover === undefined || !sameAccountKey(rollover.oldKey, from)) return false;
  const content = encode(RolloverTBS, { newKey: accountKey, when: rollover.when });
  return isSignedBy(suite1, from, { purpose: 'rollover', content }, rollover.oldSignature);
}

/**
 * Read what is at the devices node of an account.
 * @param account normalised bare JID of the owner of the node
 * @throws `xmpp.device-list` with the broken rule in its detail
 */
export function readDeviceList(
  suite1: SuiteCrypto,
  { list: bytes, signature }: DeviceListItem,
  account: string,
): SignedDeviceList {
  const list = parsed(bytes);
  if (list.jid !== account) fail('xmpp.device-list', { rule: 'account' });
  if (!isAccountKey(suite1, list.accountKey)) fail('xmpp.device-list', { rule: 'account key' });
  const signed = { list, signature: signature.slice() };
  return isListSigned(suite1, signed) ? signed : fail('xmpp.device-list', { rule: 'signature' });
}

/** What to publish. */
export function deviceListItem({ list, signature }: SignedDeviceList): DeviceListItem {
  return { list: encode(DeviceListTBS, list), signature };
}

/** Whether a list names a device and one of its keys, and does not revoke it. */
export function isListed(list: DeviceListTBS, deviceId: string, { scheme, key }: SuiteKey): boolean {
  const device = list.active.find((one) => one.deviceId === deviceId);
  return device?.keys.some((one) => one.scheme === scheme && equal(one.key, key)) === true;
}

/** Whether a list revokes a device. */
export function isRevoked(list: DeviceListTBS, deviceId: string): boolean {
  return list.revoked.some((one) => one.deviceId === deviceId);
}

function parsed(bytes: Uint8Array): DeviceListTBS {
  try {
    return decode(DeviceListTBS, bytes);
  } catch (error) {
    if (!(error instanceof MlsError) || error.code === 'xmpp.device-list') throw error;
    return fail('xmpp.device-list', { rule: error.code }, error);
  }
}

/** Sizes first, so that a huge list costs nothing. */
function requireConsistent({ active, revoked, issued, expires }: DeviceListTBS): void {
  if (active.length > MOST_ACTIVE) fail('xmpp.device-list', { rule: 'active', count: active.length });
  if (revoked.length > MOST_REVOKED) fail('xmpp.device-list', { rule: 'revoked', count: revoked.length });
  if (active.some(({ keys }) => keys.length === 0 || keys.length > MOST_DEVICE_KEYS))
    fail('xmpp.device-list', { rule: 'device keys' });
  if (issued > expires) fail('xmpp.device-list', { rule: 'dates' });
  const ids = [...active, ...revoked].map(({ deviceId }) => deviceId);
  if (new Set(ids).size !== ids.length) fail('xmpp.device-list', { rule: 'device twice' });
  const keys = active.flatMap((one) => one.keys.map(({ scheme, key }) => `${scheme} ${toHex(key)}`));
  if (new Set(keys).size !== keys.length) fail('xmpp.device-list', { rule: 'key twice' });
}
