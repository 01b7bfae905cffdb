/** The delivery service of one group: a sequencer that takes one commit per epoch, a log, and what it has published. */

import type { CommitFact, Entry, SuccessorFact } from './facts.ts';
import { expectSame } from './facts.ts';
import type { Seat } from './seat.ts';

/** What all who reach an epoch agree on. */
export interface EpochFact {
  readonly members: readonly string[];
  /** Value of the group's one extension. */
  readonly extensions: string | undefined;
  /** Secrets and hashes of the first who got there. */
  proof: Proof | undefined;
}

/** What a seat shows of its epoch. */
export interface Proof {
  readonly authenticator: string;
  readonly treeHash: string;
  readonly exported: string;
}

/** A Welcome on its way. */
export interface Welcome {
  readonly room: Room;
  /** The epoch it leads to. */
  readonly epoch: number;
  readonly bytes: Uint8Array;
  /** The KeyPackage of each invited device. */
  readonly invited: ReadonlyMap<string, number>;
  readonly fact: CommitFact;
  /** How often each device has had it. */
  readonly taken: Set<string>;
}

/** One group as the delivery service sees it. */
export class Room {
  readonly name: string;
  readonly id: Uint8Array;
  /** Everything in order; commits only if they won. */
  readonly log: Entry[] = [];
  readonly winners = new Map<number, Entry>();
  /** Commits that came too late, which a hostile service may still hand out. */
  readonly strays: Entry[] = [];
  readonly epochs = new Map<number, EpochFact>();
  readonly groupInfos = new Map<number, Uint8Array>();
  readonly welcomes: Welcome[] = [];
  readonly seats = new Map<string, Seat>();
  epoch: number;
  /** The group that is to follow this one, once a ReInit was committed. */
  successor: SuccessorFact | undefined;

  constructor(name: string, id: Uint8Array, first: Omit<EpochFact, 'proof'> & { readonly epoch: number }) {
    const { epoch, members, extensions } = first;
    this.name = name;
    this.id = id;
    this.epoch = epoch;
    this.epochs.set(epoch, { members, extensions, proof: undefined });
  }

  /** Members by the order of commits, whether or not they know. */
  get members(): readonly string[] {
    return this.epochFact(this.epoch).members;
  }

  epochFact(epoch: number): EpochFact {
    const fact = this.epochs.get(epoch);
    if (fact === undefined) throw new Error(`${this.name} has never been in epoch ${epoch}`);
    return fact;
  }

  /** Take in a message and hand it to every seat there is, those of former members too. @returns whether it counts */
  submit(entry: Entry): boolean {
    if (entry.body.kind === 'commit') {
      if (entry.epoch !== this.epoch || this.successor !== undefined) {
        this.strays.push(entry);
        return false;
      }
      this.#advance(entry, entry.body.fact);
    }
    this.log.push(entry);
    for (const seat of this.seats.values()) seat.inbox.push(entry);
    return true;
  }

  #advance(entry: Entry, { added, removed, extensions, successor }: CommitFact): void {
    const before = this.epochFact(this.epoch);
    this.winners.set(this.epoch, entry);
    this.epoch += 1;
    this.successor = successor;
    const members = [...before.members.filter((who) => !removed.includes(who)), ...added];
    this.epochs.set(this.epoch, { members, extensions: extensions ?? before.extensions, proof: undefined });
  }

  /** All seats of an epoch show the same. */
  agree(epoch: number, proof: Proof): void {
    const fact = this.epochFact(epoch);
    fact.proof ??= proof;
    expectSame(`agreement on epoch ${epoch} of ${this.name}`, proof, fact.proof);
  }

  /** Whether a commit is the one that its epoch ended with. */
  isWinner(entry: Entry): boolean {
    return this.winners.get(entry.epoch)?.ref === entry.ref;
  }
}
