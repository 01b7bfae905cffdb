/**
 * An archive as a page of entries at a time (section 4.2 of the design; XEP-0313).
 *
 * Of what comes in meanwhile only that counts which is from the archive that was asked, under the id of the query.
 */

import { toHex } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import { attr, childrenOf, el, NS_CLIENT, type XmlElement } from '../element.ts';
import { bareJid, readJid, sameBareJid } from '../jid.ts';
import { type ArchiveQuery, archiveQuery, NS_MAM, readFin, readResult } from '../stanza/mam.ts';
import type { PageInfo } from '../stanza/rsm.ts';
import { refusedWith } from '../stanza/stanzaError.ts';
import type { Transport } from '../transport.ts';
import type { Entry } from './contract.ts';
import { digestOf, entryOf, type Hash } from './entry.ts';

/** An archive to be read. */
export interface Archive {
  readonly transport: Transport;
  /** Room or channel. */
  readonly jid: string;
  /** That of our own account, which holds the messages of everybody. @defaultValue false */
  readonly isAccount?: boolean;
  readonly hash: Hash;
  /** Random bytes, for ids that nobody else can know. */
  readonly random: (length: number) => Uint8Array;
}

/** A page as it came: in the order of the archive. */
export interface EntryPage {
  readonly entries: readonly Entry[];
  /** Whether the archive says that there is nothing beyond, in the direction of reading. */
  readonly complete: boolean;
}

/** Entries in a page: both measured servers cap it. */
export const PAGE = 50;

/**
 * Read one page.
 * @throws `xmpp.server-unfit` where there is no archive; `xmpp.gap` for a page that is not what it says to be;
 *   `xmpp.refused`, `xmpp.timeout`, `xmpp.offline`
 */
export async function readEntries(
  archive: Archive,
  bounds: { readonly after?: string; readonly before?: string },
): Promise<EntryPage> {
  const { transport, jid, random } = archive;
  const query: ArchiveQuery = { archive: jid, queryId: toHex(random(8)), page: { max: PAGE, ...bounds } };
  const self = ownBareJid(transport);
  const entries: Entry[] = [];
  const stop = transport.subscribe((stanza) => {
    const entry = resultOf(stanza, query, { archive, self });
    if (entry !== undefined) entries.push(entry);
  });
  try {
    const fin = readFin(await transport.request(archiveQuery(query)).catch(withoutArchive(jid)));
    checkPage(entries, fin);
    return { entries, complete: fin.complete };
  } finally {
    stop();
  }
}

/** Report what is wrong with an archive. @throws `xmpp.gap` */
export function gap(why: string): never {
  return fail('xmpp.gap', { why });
}

function ownBareJid({ jid }: Transport): string {
  const own = readJid(jid);
  return own === undefined ? fail('xmpp.offline') : bareJid(own);
}

function resultOf(
  stanza: XmlElement,
  query: ArchiveQuery,
  { archive: { jid, hash, isAccount = false }, self }: { readonly archive: Archive; readonly self: string },
): Entry | undefined {
  try {
    const result = readResult(stanza, query, self);
    if (result === undefined) return undefined;
    const { id, message, stamp: time } = result;
    const belongs = isAccount || sameBareJid(attr(message, 'from') ?? '', jid);
    return entryOf({ id, message, time }, hash, belongs);
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    return malformed(stanza, query, { error, hash });
  }
}

/** A result of this query that holds no readable message keeps its place, or nobody could read past it. */
function malformed(
  stanza: XmlElement,
  query: ArchiveQuery,
  { error, hash }: { readonly error: MlsError; readonly hash: Hash },
): Entry | undefined {
  const [result, ...others] = childrenOf(stanza, 'result', NS_MAM);
  const id = result === undefined ? undefined : attr(result, 'id');
  if (result === undefined || id === undefined || others.length > 0) return undefined;
  if (attr(result, 'queryid') !== query.queryId) return undefined;
  const message = el('message', { xmlns: NS_CLIENT, type: 'groupchat' }, ...result.children);
  return {
    id,
    message,
    payload: undefined,
    error,
    digest: digestOf(message, undefined, hash),
    time: undefined,
  };
}

/** What a page says of its ends has to be true, or results were lost. */
function checkPage(entries: readonly Entry[], { first, last }: PageInfo): void {
  if (entries.length > PAGE) gap('page too long');
  if (first !== undefined && entries[0]?.id !== first) gap('first of page');
  if (last !== undefined && entries.at(-1)?.id !== last) gap('last of page');
}

/** A room that knows no queries says so in one of several ways. */
function withoutArchive(entity: string): (error: unknown) => never {
  return (error) => {
    if (refusedWith(error, 'feature-not-implemented', 'service-unavailable')) {
      return fail('xmpp.server-unfit', { feature: NS_MAM, entity }, error);
    }
    throw error;
  };
}
