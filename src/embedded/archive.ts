/** Archives of accounts and rooms, and the pages that are read of them: XEP-0313 as the two servers do it. */

import { attr, child, childrenOf, childText, el, type XmlElement } from '../xmpp/element.ts';
import { sameBareJid } from '../xmpp/jid.ts';
import { NS_FORM, readForm } from '../xmpp/stanza/form.ts';
import { NS_FORWARD } from '../xmpp/stanza/forwarded.ts';
import { hasHint } from '../xmpp/stanza/hints.ts';
import { NS_MAM } from '../xmpp/stanza/mam.ts';
import { NS_RSM } from '../xmpp/stanza/rsm.ts';
import { readStamp, writeStamp } from '../xmpp/stanza/stamp.ts';
import { bareOf, type Core, token } from './core.ts';
import { BAD, byDialect, NOT_FOUND, type Refusal, refusal } from './replies.ts';

/** One message that was kept. */
export interface Entry {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Whom it was exchanged with. */
  readonly with: string;
  readonly message: XmlElement;
}

/** What an account or a room has kept, oldest first. */
export interface Archive {
  readonly jid: string;
  entries: Entry[];
}

/** One page: messages with results, and the payload of the answer. */
export interface ArchiveAnswer {
  readonly results: readonly XmlElement[];
  readonly fin: XmlElement;
}

interface Query {
  readonly filter: ReadonlyMap<string, readonly string[]>;
  readonly max: number;
  readonly after: string | undefined;
  readonly before: string | undefined;
}

/** Keep a message, and let go of the oldest if there are too many. Returns its id. */
export function keep(core: Core, archive: Archive, message: XmlElement, who: string): string {
  const at = Math.floor(core.timers.now());
  core.lastId = Math.max(core.lastId + 1, at * 1000);
  const id = byDialect(
    core,
    () => token(core),
    () => String(core.lastId),
  )();
  archive.entries.push({ id, at, with: who, message });
  trim(archive, core.limits.archiveItems);
  core.counters.archived++;
  return id;
}

/** Forget all but the newest entries. */
export function trim(archive: Archive, most: number): void {
  if (archive.entries.length > most) archive.entries = archive.entries.slice(archive.entries.length - most);
}

/** Whether a message is kept by what it contains, whatever its type: facts, sections 1 and 3. */
export function isKept(core: Core, message: XmlElement): boolean {
  if (hasHint(message, 'no-store') || hasHint(message, 'no-permanent-store')) return false;
  if (hasHint(message, 'store') || childrenOf(message, 'body').length > 0) return true;
  const tagged = childrenOf(message, 'encryption', 'urn:xmpp:eme:0').length > 0;
  return core.dialect === 'prosody' && tagged;
}

/** Answer a query of an archive. @param to the full address that asked */
export function answerQuery(
  core: Core,
  archive: Archive,
  query: XmlElement,
  to: string,
): ArchiveAnswer | Refusal {
  const asked = readQuery(core, query);
  if ('condition' in asked) return asked;
  const matching = filtered(core.hostile.view(archive, bareOf(to)), asked.filter);
  const rest = selected(core, matching, asked);
  if (rest === undefined) return NOT_FOUND;
  const backwards = asked.before !== undefined && asked.after === undefined;
  const page = backwards ? rest.slice(Math.max(0, rest.length - asked.max)) : rest.slice(0, asked.max);
  return {
    results: page.map((entry) => resultOf(core, archive, entry, { to, queryid: attr(query, 'queryid') })),
    fin: finOf(core, page, page.length === rest.length, matching.length),
  };
}

const FIELDS = new Set(['FORM_TYPE', 'with', 'start', 'end']);
const EXTENDED = new Set([...FIELDS, 'after-id', 'before-id', 'ids']);

function readQuery(core: Core, query: XmlElement): Query | Refusal {
  const form = child(query, 'x', NS_FORM);
  const filter = form === undefined ? new Map<string, readonly string[]>() : readForm(form);
  const known = byDialect(core, EXTENDED, FIELDS);
  const unknown = [...filter.keys()].some((name) => !known.has(name));
  if (attr(query, 'node') !== undefined && core.dialect === 'ejabberd') return BAD;
  if (unknown) return refusal('modify', 'bad-request', { text: 'Unknown field' });
  const set = child(query, 'set', NS_RSM);
  const max = set === undefined ? undefined : childText(set, 'max');
  const wanted = max === undefined ? Number.POSITIVE_INFINITY : Number(max);
  if (Number.isNaN(wanted) || wanted < 0) return BAD;
  return {
    filter,
    max: Math.min(wanted, core.limits.archivePage),
    after: set === undefined ? undefined : childText(set, 'after'),
    before: set === undefined ? undefined : childText(set, 'before'),
  };
}

function filtered(entries: readonly Entry[], filter: Query['filter']): readonly Entry[] {
  const one = (name: string): string | undefined => filter.get(name)?.[0];
  const [who, start, end] = [one('with'), one('start'), one('end')];
  const ids = filter.get('ids');
  const [from, to] = [
    start === undefined ? Number.NEGATIVE_INFINITY : readStamp(start) * 1000,
    end === undefined ? Number.POSITIVE_INFINITY : readStamp(end) * 1000 + 999,
  ];
  const position = (name: string): number => entries.findIndex(({ id }) => id === one(name));
  const [low, high] = [position('after-id'), position('before-id')];
  return entries.filter(
    (entry, index) =>
      (who === undefined || sameBareJid(entry.with, who)) &&
      entry.at >= from &&
      entry.at <= to &&
      (ids === undefined || ids.includes(entry.id)) &&
      index > low &&
      (high < 0 || index < high),
  );
}

/** What lies on the wanted side of an id. One that is not there is an error in Prosody, and a number in ejabberd. */
function selected(
  core: Core,
  entries: readonly Entry[],
  { after, before }: Query,
): readonly Entry[] | undefined {
  const low = after === undefined ? -1 : placeOf(entries, after);
  const high = before === undefined || before === '' ? entries.length : placeOf(entries, before);
  if (core.dialect === 'prosody')
    return low === undefined || high === undefined ? undefined : entries.slice(low + 1, high);
  return entries.filter(
    ({ id }, index) =>
      (low === undefined ? isGreater(id, after ?? '') : index > low) &&
      (high === undefined ? isGreater(before ?? '', id) : index < high),
  );
}

function placeOf(entries: readonly Entry[], id: string): number | undefined {
  const place = entries.findIndex((entry) => entry.id === id);
  return place < 0 ? undefined : place;
}

function isGreater(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}

function resultOf(
  core: Core,
  archive: Archive,
  entry: Entry,
  { to, queryid }: { to: string; queryid: string | undefined },
): XmlElement {
  const stamp = writeStamp(Math.floor(entry.at / 1000));
  const micros = `${stamp.slice(0, -1)}.${String(entry.at % 1000).padStart(3, '0')}000Z`;
  const forwarded = el(
    'forwarded',
    { xmlns: NS_FORWARD },
    el('delay', { xmlns: 'urn:xmpp:delay', stamp: byDialect(core, stamp, micros) }),
    entry.message,
  );
  const result = el('result', { xmlns: NS_MAM, queryid, id: entry.id }, forwarded);
  return el('message', { from: archive.jid, to }, result);
}

function finOf(core: Core, page: readonly Entry[], complete: boolean, count: number): XmlElement {
  const { first, last } = { first: page[0]?.id, last: page.at(-1)?.id };
  const set = el(
    'set',
    { xmlns: NS_RSM },
    first === undefined ? undefined : el('first', {}, first),
    last === undefined ? undefined : el('last', {}, last),
    byDialect(core, undefined, el('count', {}, String(count))),
  );
  const whenPartial = byDialect(core, undefined, 'false');
  return el('fin', { xmlns: NS_MAM, complete: complete ? 'true' : whenPartial }, set);
}
