/** MLS for XMPP, version 0: what is published at the nodes of an account, and the nodes' names and options. */

import { toHex } from '../../base/bytes.ts';
import {
  attr,
  bytesIn,
  childrenOf,
  decimal,
  el,
  elBytes,
  is,
  needAttr,
  needChild,
  refuse,
  type XmlElement,
} from '../element.ts';
import { NS_MLS } from './mlsFields.ts';
import type { NodeOptions } from './pubsub.ts';

/** Node of the signed device list. */
export const NODE_DEVICES = `${NS_MLS}:devices`;
/** Node of KeyPackages: one item for each device. */
export const NODE_KEY_PACKAGES = `${NS_MLS}:keypackages`;
/** Node of the backup of the account's identity key. */
export const NODE_BACKUP = `${NS_MLS}:backup`;
/** The one item of nodes that have one. */
export const CURRENT = 'current';

/** Options of the nodes above, as they are created. */
export const NODE_OPTIONS = {
  devices: { accessModel: 'open', maxItems: 1 },
  keyPackages: { accessModel: 'open', maxItems: 'max' },
  groupInfo: { accessModel: 'whitelist', maxItems: 1 },
  backup: { accessModel: 'whitelist', maxItems: 1 },
} as const satisfies Readonly<Record<string, NodeOptions>>;

/** KeyPackages in one item: RFC 9420 knows no more than 65535 suites, and we no more than this of anything. */
const MOST_PACKAGES = 256;

/** Node of an account's copy of the newest GroupInfo of a group. */
export function groupInfoNode(group: Uint8Array): string {
  return `${NS_MLS}:group-info/${toHex(group)}`;
}

/** The device list as it is signed. */
export interface DeviceListItem {
  /** DeviceListTBS. */
  readonly list: Uint8Array;
  readonly signature: Uint8Array;
}

/** One published KeyPackage. */
export interface KeyPackageItem {
  readonly suite: number;
  readonly lastResort: boolean;
  /** MLSMessage. */
  readonly message: Uint8Array;
}

/** Payload of the devices node. */
export function buildDevices({ list, signature }: DeviceListItem): XmlElement {
  return el('devices', { xmlns: NS_MLS }, elBytes('list', {}, list), elBytes('signature', {}, signature));
}

/** Read the payload of the devices node. @throws `xmpp.stanza`, `codec.base64` */
export function readDevices(devices: XmlElement): DeviceListItem {
  if (!is(devices, 'devices', NS_MLS)) refuse('devices', 'missing');
  return { list: bytesIn(needChild(devices, 'list')), signature: bytesIn(needChild(devices, 'signature')) };
}

/** Payload of the KeyPackages node. */
export function buildKeyPackages(packages: readonly KeyPackageItem[]): XmlElement {
  const each = packages.map(({ suite, lastResort, message }) =>
    elBytes('kp', { suite, 'last-resort': lastResort ? 'true' : undefined }, message),
  );
  return el('keypackages', { xmlns: NS_MLS }, ...each);
}

/**
 * Read the payload of the KeyPackages node. One that is malformed spoils the item: its device wrote all of them.
 * @throws `xmpp.stanza`, `codec.base64`
 */
export function readKeyPackages(item: XmlElement): KeyPackageItem[] {
  if (!is(item, 'keypackages', NS_MLS)) refuse('keypackages', 'missing');
  const each = childrenOf(item, 'kp');
  if (each.length > MOST_PACKAGES) refuse('keypackages', 'too many');
  return each.map((kp) => {
    const suite = decimal(needAttr(kp, 'suite'), 'suite');
    if (suite > 0xffff) refuse('suite', 'number');
    const lastResort = attr(kp, 'last-resort');
    return { suite, lastResort: lastResort === 'true' || lastResort === '1', message: bytesIn(kp) };
  });
}
