/**
 * A group and the order of its messages: follows, commits, and finds its way back when it has lost it (design, 4.2 to 4.8).
 */

import { equal } from '../../base/bytes.ts';
import { fail, failure, MlsError } from '../../base/error.ts';
import type { Group } from '../../index.ts';
import type { MlsStore, StoredClient, StoredGroup } from '../../storage/index.ts';
import type { Entry, From, Position, ReadEnd, Sequencer, Taker } from '../sequencer/contract.ts';
import type { GroupInfoPart } from '../stanza/mls.ts';
import type { Timers } from '../timers.ts';
import type { Transport } from '../transport.ts';
import { Committer, type Goal } from './committer.ts';
import { type Entering, enterExternally } from './enter.ts';
import { type Arrived, arrivedIn, type Followed, Follower } from './follow.ts';
import type { Handout } from './handout.ts';
import { Mailer } from './mailer.ts';
import { type Names, namesOf } from './records.ts';
import { Repairs } from './repairs.ts';
import { stepBack } from './stepBack.ts';
import { canGoOn } from './trimmed.ts';
import { Unreadable } from './unreadable.ts';

/** What a group in order is made of. */
export interface OrderedGroupOptions {
  readonly client: StoredClient;
  readonly store: MlsStore;
  readonly transport: Transport;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  readonly hash: (bytes: Uint8Array) => Uint8Array;
  readonly group: StoredGroup;
  /** Where its order is read from. @param onHalt is to be told when following has ended by itself */
  readonly sequencer: (taker: Taker, from: From, onHalt: (error: unknown) => void) => Sequencer;
  readonly from: From;
  /** Stay present, and hear of what is new; otherwise the order is read when there is a reason. */
  readonly isStanding: boolean;
  readonly handout: Handout;
  readonly copies?: () => Promise<readonly GroupInfoPart[]>;
  readonly fetchTree: Entering['fetchTree'];
  /** Whether the group is the one we mean. @throws `xmpp.binding`, `policy.*` */
  readonly check: (group: Group) => void;
  readonly isPublished: (group: Group) => boolean;
  /** Told of everything, in order; what it throws is a defect of the listener and is not seen here. */
  readonly onFollowed: (followed: Followed, entry: Entry | undefined) => Promise<void>;
  /** Told that entries were left out because there is no way to read them. */
  readonly onHole: (error: MlsError) => void;
  readonly onLost?: () => void;
  readonly onProgress?: (entries: number) => void;
}

/** Readings that may each end in a repair before it is given up. */
const ROUNDS = 4;
/** One group in its order. */
export class OrderedGroup implements Taker {
  readonly #options: OrderedGroupOptions;
  readonly #names: Names;
  readonly #follower: Follower;
  readonly #committer: Committer;
  readonly #sequencer: Sequencer;
  readonly #mailer: Mailer;
  readonly #repairs: Repairs;
  readonly #unwatch: () => void;
  #catching: Promise<void> | undefined;
  #isLost = false;
  /** A commit that works for others, perhaps. */
  #unusable: { readonly epoch: bigint; readonly branch: Uint8Array | undefined } | undefined;
  /** Whether somebody else was heard in this epoch, or brought us here. */
  #isConfirmed = true;
  /** The epoch up to which the order is being read, for a message that waits for it. */
  #until: bigint | undefined;
  readonly #failures = new Unreadable();
  #isStopped = false;

  constructor(options: OrderedGroupOptions) {
    this.#options = options;
    const { store, group, transport, timers, random, hash } = options;
    this.#names = namesOf(group.group.id);
    this.#follower = new Follower(store, group, this.#names, hash);
    this.#sequencer = options.sequencer(this, options.from, (error) => this.#halted(error));
    this.#repairs = new Repairs(store, this.#names, timers);
    // What began in an old session ends with it; whoever wants to catch up now has to begin anew.
    this.#unwatch = transport.watch((state) => {
      if (state === 'online') this.#catching = undefined;
    });
    const now = { group: () => this.stored, branch: () => this.branch, catchUp: () => this.catchUp() };
    const common = { store, names: this.#names, transport, timers, random, ...now };
    this.#committer = new Committer({
      ...common,
      sequencer: () => this.#sequencer,
      handout: options.handout,
      ...(options.onLost && { onLost: options.onLost }),
    });
    this.#mailer = new Mailer({ ...common, hash, sequencer: this.#sequencer });
  }

  /** Its present state. */
  get stored(): StoredGroup {
    return this.#follower.group;
  }
  get sequencer(): Sequencer {
    return this.#sequencer;
  }
  /** Hands its tree out. */
  get handout(): Handout {
    return this.#options.handout;
  }
  /** Sends messages. */
  get mailer(): Mailer {
    return this.#mailer;
  }
  /** Tag of the present epoch: 8 bytes. */
  get branch(): Uint8Array {
    return this.#follower.branch;
  }

  /** The next entry of the order: for the sequencer. */
  async take(entry: Entry, position: Position): Promise<void> {
    if (this.#isEnough) fail('state.busy');
    const followed = await this.#follower.follow(entry, position);
    const arrived = arrivedIn(entry);
    this.#notice(followed, arrived);
    if (followed.kind === 'own') this.#mailer.placed(followed.digest, entry.id);
    await this.#options.onFollowed(followed, entry);
    if (followed.kind === 'ahead') fail('xmpp.gap', { epoch: followed.epoch });
    if (followed.kind === 'commit')
      for (const due of await this.#follower.settleDue()) await this.#options.onFollowed(due, undefined);
  }

  progress(entries: number): void {
    this.#options.onProgress?.(entries);
  }

  /**
   * A message that is not part of the order. What is of a later epoch waits until the order was read.
   * @returns what became of it, `ahead` if the order leads nowhere near it
   */
  async direct(arrived: Arrived, keep?: Parameters<Follower['take']>[1]): Promise<Followed> {
    let followed = await this.#follower.take(arrived, keep);
    if (followed.kind === 'ahead') {
      await this.#readTo(followed.epoch);
      followed = await this.#follower.take(arrived, keep);
    }
    if (followed.kind === 'ahead') await this.#follower.hold(arrived);
    this.#notice(followed, arrived);
    await this.#options.onFollowed(followed, undefined);
    return followed;
  }

  /**
   * Take in everything that the order has, and come back to the group if it has gone on without us.
   * @throws `xmpp.*` of reading, `state.desync` when coming back has failed too often
   */
  catchUp(): Promise<void> {
    if (this.#catching !== undefined) return this.#catching;
    const catching = this.#catchUp().finally(() => {
      if (this.#catching === catching) this.#catching = undefined;
    });
    this.#catching = catching;
    return catching;
  }

  /** Reach a goal by a commit: see `Committer.reach`. */
  reach(goal: Goal): Promise<void> {
    return this.#committer.reach(goal);
  }

  /** Send what a restart has left: a commit, messages, Welcomes. */
  async resume(): Promise<void> {
    if (this.stored.group.isActive) await this.#committer.resume();
    await this.#mailer.flush();
  }

  /** Follow no longer. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unwatch();
    this.#committer.stop();
    await this.#sequencer.stop();
  }

  get #isEnough(): boolean {
    return this.#until !== undefined && this.stored.group.epoch >= this.#until;
  }

  /** Commits beyond would close epochs whose messages are still to come. */
  async #readTo(epoch: bigint): Promise<void> {
    if (this.#options.isStanding || this.#catching !== undefined) return this.catchUp();
    this.#until = epoch;
    try {
      await this.catchUp();
    } finally {
      this.#until = undefined;
    }
  }

  async #catchUp(): Promise<void> {
    for (let round = 0; round < ROUNDS && !this.#isStopped; round++) {
      const end = await this.#read().catch((error: unknown) => this.#failed(error, round));
      if (end === 'contradicted') continue;
      if (end?.kind === 'trimmed' && !(await this.#skipTrimmed())) this.#isLost = true;
      else if (!this.#isLost && end?.kind !== 'trimmed') return;
      if (this.#isLost) await this.#comeBack();
    }
    if (!this.#isStopped) fail('state.desync', { epoch: this.stored.group.epoch });
  }

  #read(): Promise<ReadEnd> {
    return this.#options.isStanding ? this.#sequencer.catchUp() : this.#sequencer.read();
  }

  async #failed(error: unknown, round: number): Promise<'contradicted' | undefined> {
    if (this.#isLost || this.#isEnough) return undefined;
    await stepBack(error, round, { ...this.#options, names: this.#names, sequencer: this.#sequencer });
    return 'contradicted';
  }

  /** @returns whether nothing of ours was in what is gone */
  async #skipTrimmed(): Promise<boolean> {
    const entries: Entry[] = [];
    for await (const entry of this.#sequencer.backwards()) entries.unshift(entry);
    const { group } = this.stored;
    if (!canGoOn(entries, { groupId: group.id, epoch: group.epoch })) return false;
    this.#sequencer.reset('start');
    return true;
  }

  /** An external commit in place of our old leaf. */
  async #comeBack(): Promise<void> {
    const { onHole, client, timers, random, copies, fetchTree, check, isPublished } = this.#options;
    await this.#repairs.begin();
    const { group, position } = await enterExternally({
      client,
      sequencer: this.#sequencer,
      timers,
      random,
      groupId: this.stored.group.id,
      fetchTree,
      check,
      isPublished,
      ...(copies && { copies }),
    });
    this.#follower.group = group;
    this.#sequencer.reset(position);
    this.#isLost = false;
    this.#unusable = undefined;
    this.#isConfirmed = false;
    this.#failures.clear();
    this.#committer.moved(group.group.epoch, false);
    onHole(failure('xmpp.gap', { epoch: group.group.epoch }));
  }

  #notice(followed: Followed, arrived: Arrived | undefined): void {
    switch (followed.kind) {
      case 'commit':
        this.#committer.moved(followed.accepted.epoch, followed.isOwn);
        this.#unusable = undefined;
        this.#isConfirmed ||= !followed.isOwn;
        this.#failures.clear();
        return;
      case 'message':
        this.#isConfirmed ||= followed.message.epoch === this.stored.group.epoch;
        return;
      case 'unusable':
        this.#unusable = followed;
        return;
      case 'ahead':
        this.#isLost = arrived?.place !== undefined || this.#isLost;
        return;
      case 'diverged':
        this.#isLost ||= followed.evidence.kind !== 'ahead';
        return;
      case 'other-branch':
        // Of two branches the archive's first is right; we may be on the other if nobody has followed us here.
        this.#isLost ||= !this.#isConfirmed || this.#livesOn(arrived);
        return;
      case 'unreadable':
        if (followed.error.code === 'crypto.aead' && followed.epoch === this.stored.group.epoch)
          this.#isLost = (arrived && this.#failures.count(arrived.source)) || this.#isLost;
    }
  }

  /** Whether others went on with a commit that did not work for us. */
  #livesOn(arrived: Arrived | undefined): boolean {
    const branch = this.#unusable?.branch;
    return branch !== undefined && arrived?.branch !== undefined && equal(branch, arrived.branch);
  }

  /** Following has ended by itself: read on, unless the reason lasts. */
  #halted(error: unknown): void {
    if (this.#isStopped) return;
    if (!this.#isLost && !(error instanceof MlsError && error.code === 'xmpp.gap')) return;
    this.catchUp().catch((reason: unknown) => {
      if (reason instanceof MlsError) this.#options.onHole(reason);
    });
  }
}
