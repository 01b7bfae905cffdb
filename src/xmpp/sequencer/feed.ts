/**
 * The order of a group as an archive has it, followed live (section 4.2 of the design).
 *
 * Live messages are a fast path. They are taken one by one only after the archive was read to its end while they were
 * already being kept, and whenever one of them is doubtful the archive is read again instead.
 */

import { fail, MlsError } from '../../base/error.ts';
import type { Timers } from '../timers.ts';
import { type Archive, gap } from './archive.ts';
import { Breath } from './breath.ts';
import type { Entry, From, Position, ReadEnd, Taker } from './contract.ts';
import { entryOf, isTombstone } from './entry.ts';
import type { Live } from './membership.ts';
import { locate, positionAt, readOn, type Start } from './reader.ts';
import { Turns } from './turns.ts';

/** Live messages kept while the archive is read; beyond that it is read again. */
const MOST_KEPT = 1000;
/** Ids of entries that were taken, against their coming again. */
const MOST_SEEN = 4000;
/** Entries between two calls of {@link Taker.progress}. */
const PROGRESS = 50;

const AGAIN: Live = { message: { name: 'message', attrs: {}, children: [] }, id: undefined, doubtful: true };

/** What a {@link Feed} works with. */
export interface FeedOptions {
  readonly archive: Archive;
  readonly from: From;
  readonly taker: Taker;
  readonly timers: Timers;
  /** Whether live messages are taken as they come; else they only cause the archive to be read. */
  readonly takesLive: boolean;
  readonly onHalt?: (error: unknown) => void;
}

/** Entries of one archive, each taken when the one before it was. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #turns = new Turns();
  readonly #seen = new Map<string, string>();
  #from: From;
  #following: 'no' | 'soon' | 'yes' = 'no';
  #kept: Live[] = [];
  #taking = false;
  #paused = false;
  /** Counts what makes entries of a reading under way obsolete. */
  #course = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#from = options.from;
  }

  /** Whether live messages are followed. */
  get isFollowing(): boolean {
    return this.#following === 'yes';
  }

  /** Whether nothing waits to be taken. */
  get isIdle(): boolean {
    return this.#kept.length === 0 && !this.#taking;
  }

  /** The digest of an entry that was taken not long ago. */
  taken(id: string): string | undefined {
    return this.#seen.get(id);
  }

  /** Read to the end of the archive. @throws as {@link readOn}, and whatever the taker throws */
  read(): Promise<ReadEnd> {
    return this.#turns.run(() => this.#readToEnd());
  }

  /** Read until an entry was taken, or to the end. @throws as {@link read} */
  async readFor(id: string): Promise<void> {
    await this.#turns.run(async () => this.#seen.has(id) || this.#readToEnd());
  }

  /**
   * Begin to keep what comes live, enter, read to the end, and follow.
   * @throws as {@link read}, and whatever `enter` throws
   */
  follow(enter: () => Promise<void>): Promise<ReadEnd> {
    return this.#turns.run(async () => {
      this.#following = 'soon';
      try {
        await enter();
        const end = await this.#readToEnd();
        if (end.kind === 'trimmed') {
          this.unfollow();
          return end;
        }
        const more = await this.#takeKept();
        if (this.#following !== 'soon') fail('xmpp.offline');
        this.#following = 'yes';
        // What came in between the last look and now.
        if (this.#kept.length > 0) this.#goOn();
        return { kind: 'complete', entries: end.entries + more };
      } catch (error) {
        this.unfollow();
        throw error;
      }
    });
  }

  /** Take no more of what comes live. */
  unfollow(): void {
    this.#following = 'no';
    this.#kept = [];
  }

  /** Go on from elsewhere; a reading under way ends. */
  reset(from: From): void {
    this.#course++;
    this.#from = from;
    this.#seen.clear();
    this.unfollow();
  }

  /** The connection broke: what comes is kept until {@link goOn}. */
  pause(): void {
    this.#paused = true;
  }

  /** The same session goes on, or another one began. */
  goOn(): void {
    this.#paused = false;
    if (this.#following === 'yes' && this.#kept.length > 0) this.#goOn();
  }

  /** A message came live. */
  see(live: Live): void {
    if (this.#following === 'no' || (live.id === undefined && !live.doubtful)) return;
    if (this.#kept.length < MOST_KEPT) this.#kept.push(live);
    else this.#kept = [AGAIN];
    if (this.#following === 'yes') this.#goOn();
  }

  async #readToEnd(): Promise<ReadEnd> {
    const course = this.#course;
    const start = await locate(this.#options.archive, this.#from);
    if (start === 'trimmed') return { kind: 'trimmed' };
    this.#check(course);
    this.#from = start;
    let taken = 0;
    const breath = new Breath(this.#options.timers);
    return readOn(this.#options.archive, start, async (entry, position) => {
      // The archive brings what the stream brought before what was taken last: they differ in order.
      if (this.#seen.has(entry.id)) gap('archive and stream differ');
      await this.#take(entry, position, course);
      await breath.draw();
      if (++taken % PROGRESS === 0) this.#options.taker.progress?.(taken);
    });
  }

  async #take(entry: Entry, position: Position, course: number): Promise<void> {
    this.#check(course);
    await this.#options.taker.take(entry, position);
    this.#check(course);
    this.#from = position;
    this.#seen.set(entry.id, entry.digest);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MOST_SEEN && oldest !== undefined) this.#seen.delete(oldest);
  }

  /** Entries of a reading do not count after a reset. */
  #check(course: number): void {
    if (course !== this.#course) gap('reading was called off');
  }

  /** Take what was kept, and what comes meanwhile. */
  #goOn(): void {
    if (this.#taking || this.#paused) return;
    this.#taking = true;
    void this.#turns.run(async () => {
      try {
        if (this.#following === 'yes') await this.#takeKept();
      } catch (error) {
        this.#interrupted(error);
      }
      this.#taking = false;
      if (this.#kept.length > 0 && this.#following === 'yes') this.#goOn();
    });
  }

  /** A stream that broke while the archive was read may be resumed: then it is read again. */
  #interrupted(error: unknown): void {
    if (this.#paused && error instanceof MlsError && error.code === 'xmpp.offline') this.#kept = [AGAIN];
    else {
      this.unfollow();
      this.#options.onHalt?.(error);
    }
  }

  async #takeKept(): Promise<number> {
    const { archive, takesLive } = this.#options;
    let taken = 0;
    for (let live = this.#kept[0]; live !== undefined; live = this.#kept[0]) {
      const { id, message } = live;
      if (live.doubtful || id === undefined || !takesLive) taken += await this.#takeFromArchive();
      else {
        this.#kept.shift();
        const entry = entryOf({ id, message, time: undefined }, archive.hash, true);
        if (this.#isKnown(entry)) continue;
        await this.#take(entry, positionAt(entry, startOf(this.#from)), this.#course);
        taken++;
      }
    }
    return taken;
  }

  /** Read the archive again for what came live. */
  async #takeFromArchive(): Promise<number> {
    const kept = this.#kept;
    this.#kept = [];
    const isTaken = ({ id, doubtful }: Live): boolean => !doubtful && id !== undefined && this.#seen.has(id);
    if (kept.every(isTaken)) return 0;
    const end = await this.#readToEnd();
    if (end.kind === 'trimmed') return gap('trimmed');
    if (!kept.every((live) => live.doubtful || isTaken(live))) gap('archive lags');
    return end.entries;
  }

  /** Whether an entry was taken before. @throws `xmpp.gap` if it was another one */
  #isKnown({ id, digest, message }: Entry): boolean {
    const last = startOf(this.#from);
    const known = this.#seen.get(id) ?? (last !== 'start' && last.id === id ? last.digest : undefined);
    if (known !== undefined && known !== digest && !isTombstone(message)) gap('one id, two messages');
    return known !== undefined;
  }
}

/** Where one is, once that was found out. */
function startOf(from: From): Start {
  if (from === 'start' || (typeof from === 'object' && 'id' in from)) return from;
  return fail('internal.bug');
}
