/** One member of one group: the real handle, the facts it must agree with, and what lies in its inbox. */

import type { Accepted, Group, NewProposal, Processed, StagedCommit } from '../../src/index.ts';
import { expectAgain } from './again.ts';
import { type Device, EXTENSION } from './device.ts';
import { type CommitFact, type Entry, expectSame, Mismatch, type SeatFact } from './facts.ts';
import { CHANGING, changesOf, describe, expectedChanges, hex, nameOf, proofOf } from './outcome.ts';
import { heldAfter, isHeld, type Place, predict } from './predict.ts';
import { useKey } from './ratchets.ts';
import type { Room } from './room.ts';
import type { World } from './world.ts';

/** How a message is handed over. */
export interface Delivery {
  /** Whom it is said to be from. */
  readonly source?: string;
  readonly wanted?: boolean;
  /** A commit is decided at once, or stays staged. @defaultValue true */
  readonly decides?: boolean;
}

/** Received commits that a group keeps staged. */
const MAX_STAGED = 16;

/** A seat of a device in a group. */
export class Seat {
  readonly world: World;
  readonly device: Device;
  readonly room: Room;
  readonly inbox: Entry[] = [];
  /** The handle, with whatever bug was planted in front of it. */
  group: Group;
  raw: Group;
  fact: SeatFact;
  /** Staged commits, oldest first. */
  staged: { readonly entry: Entry; readonly handle: StagedCommit }[] = [];
  /** What the last accepted commit left to be done, and in which epoch. */
  again: { readonly epoch: number; readonly inputs: readonly NewProposal[] } | undefined;
  #saved: Uint8Array | undefined;

  constructor(
    world: World,
    at: { readonly device: Device; readonly room: Room },
    group: Group,
    fact: SeatFact,
  ) {
    this.world = world;
    this.device = at.device;
    this.room = at.room;
    this.raw = group;
    this.group = world.wrapped(group);
    this.fact = fact;
    this.device.seats.set(this.room.name, this);
    this.room.seats.set(this.device.name, this);
    this.#enter();
  }

  get who(): string {
    return this.device.name;
  }
  get isActive(): boolean {
    return this.fact.status === 'active';
  }
  get place(): Omit<Place, 'source' | 'wanted'> {
    const { fact: seat, world, device } = this;
    return {
      seat,
      policy: device.policy,
      hasPsk: (psk) => world.hasPsk(this.device, psk),
      senderOf: world.senderOf,
    };
  }

  /** The present record. */
  bytes(): Uint8Array {
    this.#saved ??= this.group.save();
    return this.#saved;
  }

  /** Something of the group is about to change. */
  touched(): void {
    this.#saved = undefined;
  }

  /** The handle goes away, with everything in it. */
  leave(): void {
    this.group.close();
    this.device.seats.delete(this.room.name);
    this.room.seats.delete(this.who);
  }

  /** Go on from a record. */
  reload(group: Group, bytes: Uint8Array, fact: SeatFact): void {
    this.device.expectSameBytes(`${this.who}: restored state`, group, bytes);
    this.raw = group;
    this.group = this.world.wrapped(group);
    this.fact = fact;
    this.staged = [];
    this.#saved = bytes;
    this.#check();
    if (this.isActive) this.room.agree(fact.epoch, proofOf(this.group, this.room.name));
    const { pending } = this.group;
    const own = fact.pending === undefined ? undefined : hex(this.world.entry(fact.pending).bytes);
    expectSame('pending commit after a restart', pending && hex(pending.message), own);
  }

  /** Hand over one message, compare what becomes of it with what must, and act on it. */
  deliver(entry: Entry, delivery: Delivery = {}): string {
    const { source = '', wanted = false, decides = true } = delivery;
    const expected = predict({ ...this.place, source, wanted }, entry);
    const changes = CHANGING.has(expected) || (expected === 'duplicate' && entry.body.kind === 'proposal');
    const before = changes ? undefined : this.bytes();
    if (changes) this.touched();
    this.world.tell(`${this.who} at ${this.fact.epoch} gets ${this.world.show(entry)}: ${expected}`);
    const outcome = this.group.process(entry.bytes, { source, wanted });
    const actual = describe(outcome);
    expectSame(
      `${this.who} in ${this.room.name}, epoch ${this.fact.epoch}, ${this.world.show(entry)}`,
      actual,
      expected,
    );
    this.world.count(`outcome ${actual}`);
    if (before !== undefined)
      this.device.expectSameBytes(`${this.who}: state after ${actual}`, this.group, before);
    this.#take(entry, outcome, { source, wanted, decides });
    this.#check();
    return actual;
  }

  #take(entry: Entry, outcome: Processed, { source, wanted, decides }: Required<Delivery>): void {
    const { fact } = this;
    switch (outcome.kind) {
      case 'application':
        this.#show(entry, outcome);
        break;
      case 'proposal':
        expectSame('proposal sender', nameOf(outcome.proposal.sender), entry.sender);
        useKey(fact, entry, this.device.policy);
        fact.stored.push(entry.ref);
        break;
      case 'duplicate':
        // A proposal that was sent again has come under another key.
        useKey(fact, entry, this.device.policy);
        break;
      case 'held':
        if (!isHeld(fact, entry)) fact.held = heldAfter({ ...this.place, source, wanted }, entry) ?? [];
        break;
      case 'desynchronised':
        if (outcome.evidence.kind === 'ahead') fact.ahead.push(source);
        break;
      case 'own-commit':
        // The service decides which commit won; one that lost may still be handed out.
        if (this.room.isWinner(entry)) this.accept(entry, outcome.commit);
        break;
      case 'commit':
        this.#stage(entry, outcome.commit);
        if (decides) this.decide(entry);
        break;
      default:
    }
  }

  #show(entry: Entry, outcome: Extract<Processed, { kind: 'application' }>): void {
    const { body, epoch, sender, generation, id } = entry;
    const shown = { text: new TextDecoder().decode(outcome.data), sender: nameOf(outcome.sender) };
    const at = { epoch: Number(outcome.epoch), generation: outcome.generation };
    const text = body.kind === 'application' ? body.text : undefined;
    expectSame('plaintext', { ...shown, ...at }, { text, sender, epoch, generation });
    if (!this.room.epochFact(epoch).members.includes(this.who))
      throw new Mismatch(`${this.who} has opened a message of epoch ${epoch}, of which it is no member`);
    if (this.device.shown.has(id)) throw new Mismatch(`${this.who} has been shown entry ${id} twice`);
    this.device.shown.add(id);
    this.fact.opened.add(id);
    useKey(this.fact, entry, this.device.policy);
  }

  #stage(entry: Entry, handle: StagedCommit): void {
    const { body } = entry;
    if (body.kind === 'commit') expectSame('changes', changesOf(handle), expectedChanges(body.fact));
    const committer = this.group.member(handle.committer);
    if (handle.origin === 'member') expectSame('committer', nameOf(committer), entry.sender);
    if (this.staged.length >= MAX_STAGED) {
      this.touched();
      const oldest = this.staged.shift();
      if (oldest) useKey(this.fact, oldest.entry, this.device.policy);
    }
    this.staged.push({ entry, handle });
  }

  /** Accept a staged commit if it won, and drop it otherwise. */
  decide(entry: Entry): void {
    const found = this.staged.findLast((one) => one.entry === entry);
    if (found === undefined) return;
    if (this.room.isWinner(entry)) {
      this.accept(entry, found.handle);
      return;
    }
    this.staged = this.staged.filter((one) => one !== found);
    this.touched();
    this.group.discard(found.handle);
    this.world.count('discard of a foreign commit');
    useKey(this.fact, entry, this.device.policy);
    this.#check();
  }

  /** Decide all that is staged. */
  decideAll(): void {
    for (const { entry } of [...this.staged]) this.decide(entry);
  }

  /** Give up the own commit that is under way. */
  discardOwn(): void {
    const { group, fact } = this;
    if (group.pending === undefined || fact.pending === undefined) return;
    const isTaken = this.room.isWinner(this.world.entry(fact.pending));
    this.world.count(isTaken ? 'discard of an own commit that won' : 'discard of an own commit');
    this.touched();
    group.discard(group.pending);
    fact.dropped.push(fact.pending);
    fact.pending = undefined;
    this.#check();
  }

  /** Enter the epoch of a commit, and take in what was held for it. */
  accept(entry: Entry, handle: StagedCommit): void {
    const { fact } = this;
    const { body } = entry;
    if (body.kind !== 'commit') throw new Error('no commit');
    const isRemoved = body.fact.removed.includes(this.who);
    const waiting = isRemoved ? [] : fact.held.filter(({ epoch }) => epoch === fact.epoch + 1);
    const before = structuredClone(fact);
    this.touched();
    const accepted = this.group.accept(handle);
    this.staged = [];
    if (isRemoved) {
      useKey(fact, entry, this.device.policy);
      Object.assign(fact, { status: 'removed', stored: [], pending: undefined, held: [] });
      this.world.count('removed');
    } else this.#advance(entry, body.fact);
    expectSame(
      'released',
      accepted.released.map(hex),
      waiting.map(({ id }) => hex(this.world.entry(id).bytes)),
    );
    expectSame('epoch of acceptance', Number(accepted.epoch), fact.epoch);
    this.#enter();
    this.#takeAgain(accepted, before, entry);
    for (const { id, source } of waiting) this.deliver(this.world.entry(id), { source });
  }

  #advance(entry: Entry, { successor }: CommitFact): void {
    const { fact } = this;
    fact.ended.set(fact.epoch, { ref: entry.ref, isOwn: fact.pending === entry.ref });
    Object.assign(fact, {
      epoch: fact.epoch + 1,
      status: successor === undefined ? 'active' : 'closed',
      stored: [],
      pending: undefined,
      dropped: [],
      held: fact.held.filter(({ epoch }) => epoch > fact.epoch + 1),
      ahead: [],
      sent: { application: 0, handshake: 0 },
    });
  }

  /** What is still wanted can be committed: tried on a copy. */
  #takeAgain({ again }: Accepted, before: SeatFact, winner: Entry): void {
    this.again = undefined;
    if (this.isActive) expectAgain(this, again, before, winner);
    if (again.length === 0) return;
    this.world.count('again');
    this.again = { epoch: this.fact.epoch, inputs: again };
    this.device.twin(this).commit(again);
  }

  #enter(): void {
    const { fact, room, group } = this;
    this.#check();
    if (!this.isActive) return;
    room.agree(fact.epoch, proofOf(this.group, this.room.name));
    const { members, extensions } = room.epochFact(fact.epoch);
    expectSame('members', group.members.map(nameOf).sort(), [...members].sort());
    const found = group.extensions.find(({ extensionType }) => extensionType === EXTENSION);
    expectSame('extensions', found && new TextDecoder().decode(found.extensionData), extensions);
    expectSame('self', nameOf(group.member(group.self)), this.who);
  }

  /** What must hold after every step. */
  #check(): void {
    const { fact, group, room } = this;
    const state = { status: group.status, epoch: Number(group.epoch), proposals: group.proposals.length };
    const expected = { status: fact.status, epoch: fact.epoch, proposals: fact.stored.length };
    expectSame(`state of ${this.who} in ${room.name}`, state, expected);
    expectSame('pending', group.pending !== undefined, fact.pending !== undefined);
    const { proof } = room.epochFact(fact.epoch);
    if (proof && this.isActive)
      expectSame('authenticator', hex(group.epochAuthenticator), proof.authenticator);
  }
}
