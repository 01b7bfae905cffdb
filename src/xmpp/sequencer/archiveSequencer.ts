/** What rooms and channels have in common as sequencers: a feed, our being there, and appending (section 4.2 of the design). */

import { utf8 } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import { attr, type XmlElement } from '../element.ts';
import { serialise } from '../serialise.ts';
import type { Timers } from '../timers.ts';
import type { Transport } from '../transport.ts';
import { Appending, patienceFor } from './appending.ts';
import { type Archive, gap } from './archive.ts';
import type { Appended, Entry, From, ReadEnd, Sequencer, Taker } from './contract.ts';
import { failureOf, type Hash } from './entry.ts';
import { Feed } from './feed.ts';
import type { Membership } from './membership.ts';
import { readBackwards } from './reader.ts';
import { Turns } from './turns.ts';

/** What every sequencer works with. */
export interface SequencerOptions {
  readonly transport: Transport;
  readonly from: From;
  readonly taker: Taker;
  readonly timers: Timers;
  readonly hash: Hash;
  readonly random: (length: number) => Uint8Array;
  /**
   * `standing`: stay, and take live messages. `for-appending`: come in order to append and leave a minute later; entries
   * are taken from the archive alone.
   */
  readonly presence: 'standing' | 'for-appending';
  /** Take entries from the archive alone when standing, too: where live messages may come in another order. */
  readonly archiveOnly?: boolean;
  /** Most bytes of a stanza; 60 KiB by default. */
  readonly budget?: number;
  /** Told when live messages are not taken any more: what the taker threw, or `xmpp.gap`. {@link Sequencer.catchUp} goes on. */
  readonly onHalt?: (error: unknown) => void;
}

/** Bytes of a stanza, unless more is allowed. */
export const STANZA_BUDGET = 60 * 1024;
/** Milliseconds in a log room after the last append. */
const LINGER_MS = 60_000;
/** Pages of {@link Sequencer.backwards}: all of an archive that holds ten thousand entries. */
const MOST_PAGES_BACK = 200;

/** A sequencer over an archive and our being where it is. Do not wait for it inside of {@link Taker.take}. */
export class ArchiveSequencer<M extends Membership> implements Sequencer {
  readonly jid: string;
  protected readonly membership: M;
  readonly #options: SequencerOptions;
  readonly #archive: Archive;
  readonly #feed: Feed;
  readonly #appends = new Turns();
  readonly #unsubscribe: () => void;
  readonly #unwatch: () => void;
  #appending: Appending | undefined;
  #stopLinger: () => void = () => {};
  #closed = false;

  /** @param membership made with what to call when we are out without having left */
  constructor(jid: string, options: SequencerOptions, membership: (gone: () => void) => M) {
    const { transport, hash, random } = options;
    this.jid = jid;
    this.#options = options;
    this.#archive = { transport, jid, hash, random };
    this.#feed = new Feed({ ...options, archive: this.#archive, takesLive: this.#takesLive });
    this.membership = membership(() => this.#gone());
    this.#unsubscribe = transport.subscribe((stanza) => this.#see(stanza));
    this.#unwatch = transport.watch((state) => {
      if (state === 'offline') this.#feed.pause();
      else this.#feed.goOn();
    });
  }

  get isCurrent(): boolean {
    return this.#isFollowing && this.#feed.isIdle;
  }

  async catchUp(): Promise<ReadEnd> {
    const end = await this.#feed.follow(async () => {
      if (this.#closed) fail('xmpp.offline');
      await this.membership.enter();
    });
    this.#linger();
    return end;
  }

  async read(): Promise<ReadEnd> {
    if (this.#closed) fail('xmpp.offline');
    return this.#feed.read();
  }

  reset(from: From): void {
    this.#feed.reset(from);
    this.#stopLinger();
  }

  async append(message: XmlElement): Promise<Appended> {
    const stanza: XmlElement = { ...message, attrs: { ...message.attrs, to: this.jid } };
    if (attr(stanza, 'type') !== 'groupchat') fail('codec.input', { expected: 'groupchat' });
    if (attr(stanza, 'id') === undefined) fail('codec.input', { expected: 'id' });
    const size = utf8(serialise(stanza)).length;
    const most = this.#options.budget ?? STANZA_BUDGET;
    if (size > most) fail('xmpp.too-large', { size, most });
    return this.#appends.run(() => this.#append(stanza, size));
  }

  backwards(): AsyncGenerator<Entry> {
    return readBackwards(this.#archive, MOST_PAGES_BACK);
  }

  async stop(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    this.#unwatch();
    this.#feed.reset('end');
    this.#stopLinger();
    this.#appending?.giveUp(failureOf(() => fail('xmpp.offline')));
    await this.membership.leave();
    this.membership.stop();
  }

  get #isStanding(): boolean {
    return this.#options.presence === 'standing';
  }

  get #takesLive(): boolean {
    return this.#isStanding && this.#options.archiveOnly !== true;
  }

  get #isFollowing(): boolean {
    return this.#feed.isFollowing && this.membership.isPresent;
  }

  #see(stanza: XmlElement): void {
    this.membership.see(stanza);
    const live = this.membership.liveIn(stanza);
    this.#appending?.see(stanza, live);
    if (live !== undefined) this.#feed.see(live);
  }

  async #append(stanza: XmlElement, size: number): Promise<Appended> {
    const hindrance = await this.#beThere();
    if (hindrance !== undefined) return hindrance;
    const { transport, timers, hash } = this.#options;
    const appending = new Appending({ jid: this.jid, membership: this.membership, hash }, stanza);
    const late = timers.after(patienceFor(size), () =>
      appending.giveUp(failureOf(() => fail('xmpp.timeout'))),
    );
    this.#appending = appending;
    this.#stopLinger();
    try {
      transport.send(stanza).catch((cause: unknown) => appending.giveUp(offline(cause)));
      const outcome = await appending.outcome;
      return outcome.kind === 'archived' ? await this.#confirmed(outcome, appending.digest) : outcome;
    } finally {
      late();
      this.#appending = undefined;
      this.#linger();
    }
  }

  /** Be present and current. Returns what to answer where that cannot be. */
  async #beThere(): Promise<Appended | undefined> {
    if (this.#isFollowing) return undefined;
    try {
      const end = await this.catchUp();
      return end.kind === 'complete' ? undefined : gap('trimmed');
    } catch (cause) {
      const error = asMlsError(cause);
      const lasting = error.code === 'xmpp.refused' || error.code === 'xmpp.server-unfit';
      return { kind: lasting ? 'refused' : 'unknown', error };
    }
  }

  /** Where entries are taken from the archive, what counts is that the archive was read through our entry. */
  async #confirmed(outcome: Appended & { readonly id: string }, digest: string): Promise<Appended> {
    if (this.#takesLive) return outcome;
    try {
      await this.#feed.readFor(outcome.id);
      return this.#feed.taken(outcome.id) === digest ? outcome : gap('not in the archive');
    } catch (error) {
      return { kind: 'unknown', error: asMlsError(error) };
    }
  }

  #gone(): void {
    this.#feed.unfollow();
    this.#stopLinger();
    this.#appending?.giveUp(failureOf(() => fail('xmpp.offline')));
  }

  /** Where we come only to append, leave after a while. */
  #linger(): void {
    this.#stopLinger();
    if (this.#isStanding || !this.#feed.isFollowing) return;
    this.#stopLinger = this.#options.timers.after(LINGER_MS, () => {
      if (this.#appending !== undefined) return;
      this.#feed.unfollow();
      void this.membership.leave();
    });
  }
}

/** Errors of ours pass; what is thrown by others, and has no code, is thrown on. */
function asMlsError(error: unknown): MlsError {
  if (error instanceof MlsError) return error;
  throw error;
}

function offline(cause: unknown): MlsError {
  return cause instanceof MlsError ? cause : failureOf(() => fail('xmpp.offline', {}, cause));
}
