/** MLS for XMPP, version 0: namespace, and the small values in attributes. */

import { fromHex, toHex } from '../../base/bytes.ts';
import { attr, refuse, type XmlElement } from '../element.ts';

/** The namespace of every element of this protocol. */
export const NS_MLS = 'urn:xmpp:mls:0';

/** A branch tag: 16 lower-case hexadecimal digits. @throws `xmpp.stanza` */
export function readBranch(element: XmlElement): Uint8Array | undefined {
  const branch = attr(element, 'branch');
  return branch === undefined ? undefined : readHex(branch, 8, 'branch');
}

/** Bytes in lower-case hexadecimal. @throws `xmpp.stanza` */
export function readHex(value: string, bytes: number, what: string): Uint8Array {
  return value.length === 2 * bytes && /^[0-9a-f]*$/.test(value) ? fromHex(value) : refuse(what, 'malformed');
}

/** An epoch: a decimal of 64 bits. @throws `xmpp.stanza` */
export function readEpoch(value: string): bigint {
  const epoch = /^(0|[1-9][0-9]{0,19})$/.test(value) ? BigInt(value) : -1n;
  return epoch >= 0n && epoch < 2n ** 64n ? epoch : refuse('epoch', 'number');
}

/** A device id: 16 lower-case hexadecimal digits. @throws `xmpp.stanza` */
export function readDeviceId(value: string): string {
  return toHex(readHex(value, 8, 'device'));
}
