/**
 * Reading an archive from where one was, or backwards (section 4.2 of the design).
 *
 * A server may answer a query after an id that it does not know with an error, or with entries from anywhere. Hence every
 * reading begins at the entry before the last one taken, and sees that one again, unaltered, before anything else counts.
 */

import { refusedWith } from '../stanza/stanzaError.ts';
import { type Archive, type EntryPage, gap, readEntries } from './archive.ts';
import type { Entry, From, Position, ReadEnd } from './contract.ts';
import { isTombstone } from './entry.ts';

/** Pages in one reading to the end: half a million entries. */
const MOST_PAGES = 10_000;
/** Pages in a search for an entry from the end: more than the archives that forget hold. */
const MOST_PAGES_BACK = 400;

/** Where a reading begins: after an entry, or before all of them. */
export type Start = Position | 'start';

/** Whoever takes what is read; it waits for each. */
export type Take = (entry: Entry, position: Position) => Promise<void>;

/**
 * Where a reading begins. `trimmed`: the entry that is known by its id alone is not in the archive.
 * @throws as {@link readOn}
 */
export async function locate(archive: Archive, from: From): Promise<Start | 'trimmed'> {
  if (from === 'start' || (typeof from === 'object' && 'id' in from)) return from;
  const found = await positionOf(archive, from === 'end' ? undefined : from.cursor);
  return found ?? (from === 'end' ? 'start' : 'trimmed');
}

/**
 * Read from a position to the end of the archive. `trimmed`: the position is not in the archive, and nothing was taken.
 * @throws `xmpp.gap` for an archive that contradicts itself or does not end, and as {@link readEntries}
 */
export async function readOn(archive: Archive, start: Start, take: Take): Promise<ReadEnd> {
  let page = await firstPage(archive, start);
  if (page === undefined) return { kind: 'trimmed' };
  const walk: Walk = { start, last: start, seen: new Map(), taken: 0 };
  for (let pages = 1; ; pages++) {
    const fresh = await takePage(page, walk, take);
    if (page.complete) return { kind: 'complete', entries: walk.taken };
    const after: string | undefined = page.entries.at(-1)?.id;
    if (fresh === 0 || after === undefined) return gap('page without news');
    if (pages === MOST_PAGES) return gap('too many pages');
    page = await readEntries(archive, { after }).catch(vanished);
  }
}

/**
 * Entries from the newest to older ones. Ends with the archive, or after so many pages.
 * @throws as {@link readOn}
 */
export async function* readBackwards(
  archive: Archive,
  mostPages: number,
): AsyncGenerator<Entry, 'complete' | 'bound'> {
  const seen = new Map<string, string>();
  let before = '';
  for (let pages = 0; pages < mostPages; pages++) {
    const { entries, complete } = await readEntries(archive, { before }).catch(vanished);
    const fresh = entries.filter((entry) => isNew(entry, seen));
    yield* fresh.reverse();
    if (complete) return 'complete';
    const [first] = entries;
    if (fresh.length === 0 || first === undefined) return gap('page without news');
    before = first.id;
  }
  return 'bound';
}

interface Walk {
  readonly start: Start;
  last: Start;
  readonly seen: Map<string, string>;
  taken: number;
}

/** Take what is new of a page. Returns how much of it was not seen before. */
async function takePage({ entries }: EntryPage, walk: Walk, take: Take): Promise<number> {
  let fresh = 0;
  for (const entry of entries) {
    if (!isNew(entry, walk.seen)) continue;
    fresh++;
    if (walk.start !== 'start' && entry.id === walk.start.id) continue;
    walk.last = positionAt(entry, walk.last);
    await take(entry, walk.last);
    walk.taken++;
  }
  return fresh;
}

/** The position of an entry that comes next. */
export function positionAt({ id, digest }: Entry, last: Start): Position {
  return { id, digest, anchor: last === 'start' ? undefined : last.id };
}

/**
 * Whether an entry was not seen before. Pages may overlap, and messages come twice, if they agree.
 * @throws `xmpp.gap` for another message under an id that was seen
 */
export function isNew({ id, digest, message }: Entry, seen: Map<string, string>): boolean {
  const known = seen.get(id);
  if (known !== undefined && known !== digest && !isTombstone(message)) gap('one id, two messages');
  seen.set(id, digest);
  return known === undefined;
}

/** The page that begins with the last entry taken; nothing if the archive does not have that entry. */
async function firstPage(archive: Archive, start: Start): Promise<EntryPage | undefined> {
  if (start === 'start') return readEntries(archive, {});
  const page = await pageAfter(archive, start.anchor);
  if (overlaps(page, start)) return page;
  const found = await positionOf(archive, start.id);
  if (found === undefined) return undefined;
  if (!(found.tombstone || found.digest === start.digest)) return gap('entry changed');
  const again = await pageAfter(archive, found.anchor);
  return overlaps(again, start) ? again : gap('entry moves');
}

async function pageAfter(archive: Archive, after: string | undefined): Promise<EntryPage | undefined> {
  try {
    return await readEntries(archive, after === undefined ? {} : { after });
  } catch (error) {
    if (refusedWith(error, 'item-not-found')) return undefined;
    throw error;
  }
}

/** Whether a page begins with an entry as it was, or with what moderators left of it. */
function overlaps(page: EntryPage | undefined, { id, digest }: Position): boolean {
  const [first] = page?.entries ?? [];
  if (first?.id !== id) return false;
  return first.digest === digest || isTombstone(first.message) || gap('entry changed');
}

/** Look for an entry from the end; for the last one, if none is named. */
async function positionOf(
  archive: Archive,
  id: string | undefined,
): Promise<(Position & { readonly tombstone: boolean }) | undefined> {
  const entries = readBackwards(archive, MOST_PAGES_BACK);
  for (;;) {
    const { value: entry, done } = await entries.next();
    if (done) return entry === 'bound' ? gap('too many pages') : undefined;
    if (id === undefined || entry.id === id) {
      const before = await entries.next();
      const anchor = before.done ? undefined : before.value.id;
      return { id: entry.id, digest: entry.digest, anchor, tombstone: isTombstone(entry.message) };
    }
  }
}

/** An entry that was there a moment ago and is asked for now. */
function vanished(error: unknown): never {
  if (refusedWith(error, 'item-not-found')) return gap('entry vanished');
  throw error;
}
