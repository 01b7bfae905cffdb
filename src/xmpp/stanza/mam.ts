/**
 * XEP-0313 (1.1.2): the archive of an account or a room, read page by page.
 *
 * Results come as messages before the answer. Which page they belong to is said by `queryid` and `from`, and a result is
 * believed only if both are those of a query that is under way.
 */

import { attr, child, el, needAttr, needChild, type XmlElement } from '../element.ts';
import { sameJid } from '../jid.ts';
import { submit } from './form.ts';
import { type Forwarded, readForwarded } from './forwarded.ts';
import { iqSet } from './iq.ts';
import { type Page, type PageInfo, pageOf, readPage } from './rsm.ts';
import { writeStamp } from './stamp.ts';

/** Archives. */
export const NS_MAM = 'urn:xmpp:mam:2';

/** What of an archive is wanted. Times are seconds since 1970. */
export interface ArchiveFilter {
  readonly with?: string;
  readonly start?: number;
  readonly end?: number;
}

/** A query, as it was sent: what results are compared with. */
export interface ArchiveQuery {
  /** The room, or our own bare address. */
  readonly archive: string;
  readonly queryId: string;
  readonly page: Page;
  readonly filter?: ArchiveFilter;
}

/** One entry of an archive. */
export interface ArchiveResult extends Forwarded {
  /** Its id in the archive, without any order or meaning. */
  readonly id: string;
}

/** The end of a page. */
export interface ArchivePage extends PageInfo {
  /** Whether the archive says that there is nothing beyond; some say nothing when there is. */
  readonly complete: boolean;
}

/** Ask an archive for a page. */
export function archiveQuery({ archive, queryId, page, filter = {} }: ArchiveQuery): XmlElement {
  const { with: who, start, end } = filter;
  const fields = {
    ...(who === undefined ? {} : { with: who }),
    ...(start === undefined ? {} : { start: writeStamp(start) }),
    ...(end === undefined ? {} : { end: writeStamp(end) }),
  };
  const form = Object.keys(fields).length === 0 ? undefined : submit(NS_MAM, fields);
  return iqSet(archive, el('query', { xmlns: NS_MAM, queryid: queryId }, form, pageOf(page)));
}

/**
 * Read a result of this query; nothing for any other message, also for results of somebody else (XMP-12).
 * @param self our own bare address, whose archive may answer without `from`
 * @throws `xmpp.stanza`
 */
export function readResult(
  message: XmlElement,
  query: ArchiveQuery,
  self: string,
): ArchiveResult | undefined {
  if (message.name !== 'message' || attr(message, 'type') === 'error') return undefined;
  if (!sameJid(attr(message, 'from') ?? self, query.archive)) return undefined;
  const result = child(message, 'result', NS_MAM);
  if (result === undefined || attr(result, 'queryid') !== query.queryId) return undefined;
  return { id: needAttr(result, 'id'), ...readForwarded(result) };
}

/** Whether a message is a result of some query, ours or not: such a message is never an ordinary one. */
export function isResult(message: XmlElement): boolean {
  return message.children.some(
    (one) => typeof one !== 'string' && one.name === 'result' && attr(one, 'xmlns') === NS_MAM,
  );
}

/** Read the answer that ends a page. @throws `xmpp.stanza` */
export function readFin(result: XmlElement): ArchivePage {
  const fin = needChild(result, 'fin', NS_MAM);
  return { ...readPage(fin), complete: attr(fin, 'complete') === 'true' || attr(fin, 'complete') === '1' };
}
