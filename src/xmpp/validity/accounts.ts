/** The accounts and devices behind the leaves of a group, as far as validity asks. Nothing is verified here: V1 did that. */

import { equal } from '../../base/bytes.ts';
import { MlsError } from '../../base/error.ts';
import type { GroupView, Presented, SuiteCrypto } from '../../index.ts';
import { extensionBody } from '../../wire/extension.ts';
import type { XmppBinding } from '../binding.ts';
import { type AccountKey, aikId, sameAccountKey } from '../identity/accountKey.ts';
import { DEVICE_CERT, DeviceCert, readIdentity } from '../identity/deviceCert.ts';

/** A device as its leaf says. */
export interface Device {
  readonly jid: string;
  readonly deviceId: string;
  readonly accountKey: AccountKey;
}

/** The devices of a group before a commit. */
export interface Accounts {
  readonly byJid: ReadonlyMap<string, readonly Device[]>;
  readonly byLeaf: ReadonlyMap<number, Device>;
}

type Identity = Pick<Device, 'jid' | 'deviceId'>;

const read = /* @__PURE__ */ new WeakMap<
  Presented['extensions'],
  readonly [Presented['credential'], Device]
>();

/** The device behind a leaf; nothing for a leaf that breaks V1. */
export function deviceOf({ credential, extensions }: Omit<Presented, 'signatureKey'>): Device | undefined {
  const known = read.get(extensions);
  if (known !== undefined && known[0] === credential) return known[1];
  const identity = readIdentity(credential);
  const accountKey = accountKeyIn(extensions);
  if (typeof identity === 'string' || accountKey === undefined) return undefined;
  const device = Object.freeze({ ...identity, accountKey });
  read.set(extensions, [credential, device]);
  return device;
}

const gathered = /* @__PURE__ */ new WeakMap<GroupView, Accounts>();

/** All devices of a group: walked once in an epoch. */
export function accountsOf(group: GroupView): Accounts {
  const known = gathered.get(group);
  if (known !== undefined) return known;
  const byJid = new Map<string, Device[]>();
  const byLeaf = new Map<number, Device>();
  for (const leafNode of group.leafNodes()) {
    const device = deviceOf(leafNode);
    if (device === undefined) continue;
    byLeaf.set(leafNode.leaf, device);
    const devices = byJid.get(device.jid);
    if (devices === undefined) byJid.set(device.jid, [device]);
    else devices.push(device);
  }
  const accounts = { byJid, byLeaf };
  gathered.set(group, accounts);
  return accounts;
}

/** Whether two leaves are of one account: same JID, same key. */
export function isSameAccount(a: Device, b: Device): boolean {
  return a.jid === b.jid && sameAccountKey(a.accountKey, b.accountKey);
}

/** Whether two leaves are of one client: they present the same identity. */
export function isSameDevice(a: Identity, b: Identity): boolean {
  return a.jid === b.jid && a.deviceId === b.deviceId;
}

/** Whether a device's account, with its key, is an admin of the group. */
export function isAdmin(suite1: SuiteCrypto, { admins }: XmppBinding, { jid, accountKey }: Device): boolean {
  const entries = admins.filter((admin) => admin.jid === jid);
  if (entries.length === 0) return false;
  const id = aikId(suite1, accountKey);
  return entries.some((admin) => equal(admin.aikId, id));
}

function accountKeyIn(extensions: Presented['extensions']): AccountKey | undefined {
  try {
    return extensionBody(extensions, DEVICE_CERT, DeviceCert)?.accountKey;
  } catch (error) {
    if (error instanceof MlsError) return undefined;
    throw error;
  }
}
