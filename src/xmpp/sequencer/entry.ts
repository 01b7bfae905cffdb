/** What an archive and a room say of one message, as an entry in the order of a group. */

import { concat, toHex, utf8 } from '../../base/bytes.ts';
import { MlsError } from '../../base/error.ts';
import { el, elementsOf, namespaceOf, refuse, type XmlElement } from '../element.ts';
import { serialise } from '../serialise.ts';
import { type MlsContent, type MlsPayload, mlsIn, readMls } from '../stanza/mls.ts';
import { checkCarrier } from '../stanza/mlsControl.ts';
import type { Entry } from './contract.ts';

/** SHA-256. */
export type Hash = (bytes: Uint8Array) => Uint8Array;

/** One message with its place. */
export interface Placed {
  readonly id: string;
  readonly message: XmlElement;
  readonly time: number | undefined;
}

/**
 * The entry that a message is. What is malformed in it is said in the entry, since its place counts all the same.
 * @param belongs whether the message is one of the room or channel at all
 */
export function entryOf({ id, message, time }: Placed, hash: Hash, belongs: boolean): Entry {
  const { payload, error } = belongs ? payloadOf(message) : foreign();
  return { id, message, payload, error, digest: digestOf(message, payload, hash), time };
}

/**
 * SHA-256, in hex, of what counts of a message: the kind and the bytes of its MLS message where it has one, else its
 * elements without those that servers add.
 */
export function digestOf(message: XmlElement, payload: MlsPayload | undefined, hash: Hash): string {
  const bytes = payload === undefined ? undefined : bytesOf(payload.content);
  return toHex(hash(bytes ?? concat(Uint8Array.of(0), utf8(canonical(message)))));
}

/** What of MLS is in a message, or what is wrong with it; never fails. */
export function payloadOf(message: XmlElement): Pick<Entry, 'payload' | 'error'> {
  try {
    const mls = mlsIn(message);
    const payload = mls === undefined ? undefined : readMls(mls);
    if (payload !== undefined) checkCarrier(message, payload.content);
    return { payload, error: undefined };
  } catch (error) {
    if (error instanceof MlsError) return { payload: undefined, error };
    throw error;
  }
}

/** Whether a message was taken out of the archive by a moderator or its author, so that only its place is left. */
export function isTombstone(message: XmlElement): boolean {
  return elementsOf(message).some((one) => TOMBSTONES.has(`${namespaceOf(one)} ${one.name}`));
}

/** A failure as a value. */
export function failureOf(step: () => never): MlsError {
  try {
    return step();
  } catch (error) {
    if (error instanceof MlsError) return error;
    throw error;
  }
}

function foreign(): Pick<Entry, 'payload' | 'error'> {
  return { payload: undefined, error: failureOf(() => refuse('from', 'not of the room')) };
}

/** XEP-0424 (0.4.2) and XEP-0425 (0.3.0), and the versions before them that are in use. */
const TOMBSTONES: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'urn:xmpp:message-retract:0 retracted',
  'urn:xmpp:message-retract:1 retracted',
  'urn:xmpp:message-moderate:0 moderated',
]);

/** What servers add to a message on its way, in the archive or live. */
const ADDED: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'urn:xmpp:sid:0 stanza-id',
  'urn:xmpp:delay delay',
  'urn:xmpp:occupant-id:0 occupant-id',
  'urn:xmpp:mam:tmp archived',
  'urn:xmpp:mix:core:0 mix',
  'urn:xmpp:mix:core:1 mix',
  'http://jabber.org/protocol/muc#user x',
]);

const KINDS: Readonly<Partial<Record<MlsContent['kind'], number>>> = {
  app: 1,
  proposal: 2,
  commit: 3,
  'group-info': 4,
};

function bytesOf(content: MlsContent): Uint8Array | undefined {
  const kind = KINDS[content.kind];
  if (kind === undefined) return undefined;
  if (content.kind === 'group-info') return concat(Uint8Array.of(kind), content.groupInfo.message);
  return 'message' in content ? concat(Uint8Array.of(kind), content.message) : undefined;
}

function canonical(message: XmlElement): string {
  const own = elementsOf(message).filter((one) => !ADDED.has(`${namespaceOf(one)} ${one.name}`));
  const bare = el('message', { xmlns: namespaceOf(message) }, ...own);
  try {
    return serialise(bare);
  } catch (error) {
    // Parsers let pass what XML cannot hold; the order of attributes is that of the sender then.
    if (error instanceof MlsError) return JSON.stringify(bare);
    throw error;
  }
}
