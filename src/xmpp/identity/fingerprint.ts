/** How people compare account keys: MLS for XMPP, version 0, section 3.5, and XEP-0434 (0.6.0) for codes to scan. */

import { concat, fromHex, toHex, utf8 } from '../../base/bytes.ts';
import { fail } from '../../base/error.ts';
import type { SuiteCrypto } from '../../index.ts';
import { bareJid, readJid } from '../jid.ts';
import { NS_MLS } from '../stanza/mlsFields.ts';

/** Bytes of an AikId. */
export const AIK_ID_BYTES = 32;

const GROUPS = 12;

/** An AikId for reading: eight groups of eight hexadecimal digits. @throws `codec.input` for another length */
export function fingerprintText(id: Uint8Array): string {
  return (toHex(idOf(id)).match(/.{8}/g) ?? []).join(' ');
}

/**
 * Sixty decimal digits in twelve groups for comparing two accounts by voice, the same on both sides.
 * @param sha512 a suite whose hash is SHA-512: 4, 5 or 6
 * @throws `codec.input` for another suite or length
 */
export function pairCode(sha512: SuiteCrypto, a: Uint8Array, b: Uint8Array): string {
  if (sha512.sizes.hash !== 64) fail('codec.input', { expected: 'SHA-512' });
  const [lower, higher] = toHex(idOf(a)) <= toHex(idOf(b)) ? [a, b] : [b, a];
  const hash = sha512.hash(concat(utf8('XMPP MLS 0 pair\0'), lower, higher));
  return Array.from({ length: GROUPS }, (_, group) =>
    fiveDigits(hash.subarray(5 * group, 5 * group + 5)),
  ).join(' ');
}

/** Five bytes are below 2^53, so this is exact. */
function fiveDigits(bytes: Uint8Array): string {
  const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return String(number % 100_000).padStart(5, '0');
}

/** What a scanned code says: these keys of this account are authentic, those are not. */
export interface TrustUri {
  /** Bare JID. */
  readonly jid: string;
  /** AikIds. */
  readonly trusted: readonly Uint8Array[];
  readonly distrusted: readonly Uint8Array[];
}

/** The URI that another device scans. @param id AikId @throws `codec.input` for another length or no address */
export function trustUri(jid: string, id: Uint8Array): string {
  const account = readJid(jid) ?? fail('codec.input', { expected: 'JID' });
  const address = bareJid(account).split('@').map(encodeURIComponent).join('@');
  return `xmpp:${address}?trust-message;encryption=${NS_MLS};trust=${toHex(idOf(id))}`;
}

/**
 * Read such a URI. `undefined` for one of another action or encryption, and for anything malformed: nothing in it counts then.
 */
export function readTrustUri(uri: string): TrustUri | undefined {
  const parts = /^xmpp:([^?#/]+)\?([^#]*)$/i.exec(uri);
  if (parts === null) return undefined;
  const jid = readJid(decoded(parts[1] ?? '') ?? '');
  const [action, ...pairs] = (parts[2] ?? '').split(';');
  const fields = fieldsOf(pairs);
  if (jid === undefined || jid.resource !== undefined || action !== 'trust-message') return undefined;
  if (fields === undefined || fields.encryption !== NS_MLS) return undefined;
  const { trust, distrust } = fields;
  const both = new Set([...trust, ...distrust]);
  if (both.size === 0 || both.size !== trust.length + distrust.length) return undefined;
  return { jid: bareJid(jid), trusted: trust.map(fromHex), distrusted: distrust.map(fromHex) };
}

interface Fields {
  readonly encryption: string | undefined;
  readonly trust: readonly string[];
  readonly distrust: readonly string[];
}

function fieldsOf(pairs: readonly string[]): Fields | undefined {
  const [encryption, trust, distrust] = [[] as string[], [] as string[], [] as string[]];
  const lists = new Map([
    ['encryption', encryption],
    ['trust', trust],
    ['distrust', distrust],
  ]);
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const value = decoded(pair.slice(equals + 1));
    const list = lists.get(pair.slice(0, Math.max(equals, 0)));
    if (value === undefined || list === undefined) return undefined;
    list.push(value);
  }
  const isId = (id: string): boolean => /^[0-9a-f]{64}$/.test(id);
  if (encryption.length !== 1 || ![...trust, ...distrust].every(isId)) return undefined;
  return { encryption: encryption[0], trust, distrust };
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

function idOf(id: Uint8Array): Uint8Array {
  if (id.length !== AIK_ID_BYTES) fail('codec.input', { expected: AIK_ID_BYTES, length: id.length });
  return id;
}
