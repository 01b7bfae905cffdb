/** Why a handshake was made, and what proves it, in its `authenticated_data`: MLS for XMPP, version 0, section 7.3. */

import { EMPTY } from '../base/bytes.ts';
import { MlsError } from '../base/error.ts';
import { type Codec, decode, encode, oneOf, opaque, struct, uint8 } from '../codec/codec.ts';
import type { SuiteCrypto } from '../index.ts';
import { type AccountKey, sameAccountKey } from './identity/accountKey.ts';
import {
  type DeviceListTBS,
  isListSigned,
  isRevoked,
  isRolloverFrom,
  SignedDeviceList,
} from './identity/deviceList.ts';

/** Why a handshake was made. */
export const HandshakeReason = /* @__PURE__ */ Object.freeze({
  none: 0,
  invited: 1,
  deviceAdded: 2,
  kicked: 3,
  left: 4,
  deviceRevoked: 5,
  expired: 6,
  rekey: 7,
  policy: 8,
  resync: 9,
} as const);

/** What a handshake says of itself, for everybody to see. */
export interface HandshakeNote {
  readonly version: 0;
  /** See {@link HandshakeReason}; further numbers mean nothing. */
  readonly reason: number;
  /** A {@link SignedDeviceList} that revokes a device or says that the account has a new key; else empty. */
  readonly evidence: Uint8Array;
}

/** What a handshake says of itself. @throws `codec.unsupported` for another version */
export const HandshakeNote: Codec<HandshakeNote> = /* @__PURE__ */ struct<HandshakeNote>({
  version: /* @__PURE__ */ oneOf(uint8, [0], 'codec.unsupported'),
  reason: uint8,
  evidence: opaque,
});

/** A device of an account, as its leaf says. */
export interface NotedDevice {
  readonly jid: string;
  readonly deviceId: string;
  readonly accountKey: AccountKey;
}

/** `authenticated_data` for a handshake. */
export function handshakeNote(reason: number, evidence?: SignedDeviceList): Uint8Array {
  const bytes = evidence === undefined ? EMPTY : encode(SignedDeviceList, evidence);
  return encode(HandshakeNote, { version: 0, reason, evidence: bytes });
}

/** The note of a handshake; nothing where there is none that can be read. Whoever has none has given no reason. */
export function readHandshakeNote(authenticatedData: Uint8Array): HandshakeNote | undefined {
  return readable(HandshakeNote, authenticatedData);
}

/** The list that a note brings as evidence, signed by the key that it names; nothing for anything else. */
export function evidenceOf(suite1: SuiteCrypto, note: HandshakeNote | undefined): DeviceListTBS | undefined {
  if (note === undefined || note.evidence.length === 0) return undefined;
  const signed = readable(SignedDeviceList, note.evidence);
  return signed !== undefined && isListSigned(suite1, signed) ? signed.list : undefined;
}

/** Whether a note proves that a device's own account has revoked it. Neither dates nor `seq` count: no member knows them all. */
export function provesRevocation(
  suite1: SuiteCrypto,
  note: HandshakeNote | undefined,
  { jid, deviceId, accountKey }: NotedDevice,
): boolean {
  if (note?.reason !== HandshakeReason.deviceRevoked) return false;
  const list = evidenceOf(suite1, note);
  if (list === undefined || list.jid !== jid || !sameAccountKey(list.accountKey, accountKey)) return false;
  return isRevoked(list, deviceId);
}

/** Whether a note proves that an account's key `from` has named `to` as the next one. */
export function provesRollover(
  suite1: SuiteCrypto,
  note: HandshakeNote | undefined,
  account: { readonly jid: string; readonly from: AccountKey; readonly to: AccountKey },
): boolean {
  const list = evidenceOf(suite1, note);
  if (list === undefined || list.jid !== account.jid || !sameAccountKey(list.accountKey, account.to))
    return false;
  return isRolloverFrom(suite1, list, account.from);
}

function readable<T>(codec: Codec<T>, bytes: Uint8Array): T | undefined {
  try {
    return decode(codec, bytes);
  } catch (error) {
    if (error instanceof MlsError) return undefined;
    throw error;
  }
}
