/** A group whose every step is durable before anybody sees what it led to. */

import { toHex } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { type Group, insideOf } from '../group/group.ts';
import type { Accepted, Processed, ProcessOptions } from '../group/processed.ts';
import type { NewProposal, ProposalInput } from '../group/proposals.ts';
import type { SendOptions } from '../group/protect.ts';
import type { CommitOptions } from '../group/sendCommit.ts';
import type { OwnCommit, StagedCommit } from '../group/views.ts';
import type { Batch } from './batch.ts';
import type { KeptGroup } from './keptGroup.ts';
import { duePrefix, inboxPrefix, numberOf, ordered, RECORD_PREFIX } from './keys.ts';
import { encode, InboxPart, readRecord } from './records.ts';
import type { Writer } from './writer.ts';

/** A received plaintext, kept until it is acknowledged. */
export type InboxMessage = Extract<Processed, { kind: 'application' }> & {
  /** The same whenever it is handed out, and of no other message of the group. */
  readonly id: string;
};

/** As `Processed`, with an id for what is kept. */
export type StoredProcessed = Exclude<Processed, { kind: 'application' }> | InboxMessage;

/** Records of the application, written in one batch with a step of a group. */
export interface Records {
  /** @param name of printable ASCII @throws `codec.input` */
  put(name: string, value: Uint8Array): void;
  del(name: string): void;
}

/** What a group has beside its state. */
export interface Shelf {
  /** Plaintexts by their names. */
  readonly inbox: Map<string, InboxMessage>;
  /** Messages that became due, by their names. */
  readonly due: Map<string, Uint8Array>;
  /** Number of the next record, whoever writes it: handles that follow each other share the shelf. */
  next: number;
  /** Something on it could not be read. */
  isDamaged: boolean;
}

/** A shelf with nothing on it. */
export function emptyShelf(): Shelf {
  return { inbox: new Map(), due: new Map(), next: 0, isDamaged: false };
}

/**
 * One MLS group under a store. Methods are those of `Group`, and wait until what they did is durable: nothing is released
 * before, and when it cannot be written nothing has happened (`storage.*`). Calls run one after another.
 */
export class StoredGroup {
  readonly #kept: KeptGroup;
  readonly #writer: Writer;
  readonly #place: number;
  readonly #inbox: Map<string, InboxMessage>;
  readonly #due: Map<string, Uint8Array>;
  readonly #suite: SuiteCrypto;
  readonly #shelf: Shelf;
  /** Due messages behind staged commits: they stay until these are decided. */
  readonly #dueCommits = new WeakMap<StagedCommit, string>();

  /** For `StoredClient`. */
  constructor(kept: KeptGroup, writer: Writer, place: number, shelf: Shelf) {
    this.#kept = kept;
    this.#writer = writer;
    this.#place = place;
    this.#inbox = shelf.inbox;
    this.#due = shelf.due;
    this.#shelf = shelf;
    this.#suite = insideOf(kept.group).env.suite;
    for (const name of [...shelf.inbox.keys(), ...shelf.due.keys()])
      shelf.next = Math.max(shelf.next, numberOf(name) + 1);
  }

  /** The group, for reading: members, epoch, extensions, `export`. Its moves throw `state.busy`; make them here. */
  get group(): Group {
    return this.#kept.group;
  }
  /** Received plaintexts that were not acknowledged, oldest first: after a start, hand them out again. */
  get inbox(): readonly InboxMessage[] {
    return byName(this.#inbox).map(copied);
  }
  /** Messages that had been held and became due, oldest first: pass each to {@link process}. They survive a restart. */
  get due(): readonly Uint8Array[] {
    return byName(this.#due).map((message) => message.slice());
  }

  /** As `Group.encrypt`; most calls do not wait for the store. @throws as there, `state.rollback`, `storage.*` */
  encrypt(data: Uint8Array, options?: SendOptions): Promise<Uint8Array> {
    return this.update((group) => group.encrypt(data, options));
  }
  /** As `Group.propose`. @throws as there, `state.rollback`, `storage.*` */
  propose(
    input: NewProposal,
    options?: SendOptions,
  ): Promise<{ readonly message: Uint8Array; readonly ref: Uint8Array }> {
    return this.update((group) => group.propose(input, options));
  }
  /** As `Group.leave`. @throws as there, `storage.*` */
  leave(): Promise<{ readonly message: Uint8Array; readonly ref: Uint8Array }> {
    return this.update((group) => group.leave());
  }
  /** As `Group.commit`: `group.pending` has it after a restart. @throws as there, `state.rollback`, `storage.*` */
  commit(inputs?: readonly ProposalInput[], options?: CommitOptions): Promise<OwnCommit> {
    return this.update((group) => group.commit(inputs, options));
  }
  /** As `Group.invite`. @throws as there, `state.rollback`, `storage.*` */
  invite(
    keyPackages: readonly Uint8Array[],
    options?: CommitOptions,
  ): Promise<OwnCommit & { readonly welcome: Uint8Array }> {
    return this.update((group) => group.invite(keyPackages, options));
  }

  /**
   * As `Group.process`. A plaintext goes into {@link inbox} in the same batch. Acknowledge a message to the network when
   * this has resolved; for a staged commit, when it is decided.
   * @param also further records to write in the same batch @throws as there, `storage.*`
   */
  process(
    message: Uint8Array,
    options?: ProcessOptions,
    also?: (outcome: StoredProcessed, records: Records) => void,
  ): Promise<StoredProcessed> {
    return this.#run(false, (group, batch) => {
      const outcome = this.#taken(group.process(message, options), batch);
      this.#settleDue(message, outcome, batch);
      also?.(outcome, recordsOf(batch));
      return outcome;
    });
  }

  /**
   * As `Group.accept`; what it releases is {@link due} until it was processed.
   * @param also further records to write in the same batch @throws as there, `storage.*`
   */
  accept(commit: StagedCommit, also?: (accepted: Accepted, records: Records) => void): Promise<Accepted> {
    return this.#run(false, (group, batch) => {
      const accepted = group.accept(commit);
      for (const message of accepted.released)
        this.#shelve(batch, duePrefix(this.#place), message, (name) => this.#due.set(name, message));
      this.#forgetDue(this.#dueCommits.get(commit), batch);
      also?.(accepted, recordsOf(batch));
      return accepted;
    });
  }

  /** As `Group.discard`. @throws as there, `storage.*` */
  discard(commit: StagedCommit): Promise<void> {
    return this.#run(false, (group, batch) => {
      group.discard(commit);
      this.#forgetDue(this.#dueCommits.get(commit), batch);
    });
  }

  /**
   * Several moves as one: all of them are made and written together, along with records of the application, or none.
   * @param moves synchronous; what it throws is thrown, and nothing has happened
   * @throws `codec.input` when it gives a promise, `storage.*`
   */
  update<T>(moves: (group: Group, records: Records) => T): Promise<T> {
    return this.#run(true, (group, batch) => {
      const result = moves(group, recordsOf(batch));
      // What comes after its first `await` would not be part of the batch.
      if (result instanceof Promise) fail('codec.input', { expected: 'synchronous moves' });
      return result;
    });
  }

  /** Drop plaintexts that the application has taken over. Unknown ids are ignored. @throws `storage.*` */
  acknowledge(...ids: readonly string[]): Promise<void> {
    return this.#writer.run((batch) => {
      const taken = new Set(ids);
      for (const [name, { id }] of this.#inbox) {
        if (!taken.has(id)) continue;
        batch.del(name);
        batch.onKept(() => this.#inbox.delete(name));
      }
    });
  }

  /** `StoredGroup(<hex id>, epoch 7)`: never a secret. */
  toString(): string {
    return `Stored${this.#kept.group}`;
  }

  #run<T>(sends: boolean, job: (group: Group, batch: Batch) => T): Promise<T> {
    return this.#writer.run((batch) => this.#kept.attempt(batch, sends, (group) => job(group, batch)));
  }

  #taken(outcome: Processed, batch: Batch): StoredProcessed {
    if (outcome.kind !== 'application') return outcome;
    const id = messageId(outcome);
    const message: InboxMessage = { ...outcome, id };
    const record = encode(InboxPart, outcome);
    this.#shelve(batch, inboxPrefix(this.#place), record, (name) => this.#inbox.set(name, copied(message)));
    return message;
  }

  /** Keep something behind everything that is there; it shows when it is durable. */
  #shelve(batch: Batch, prefix: string, value: Uint8Array, show: (name: string) => void): void {
    const name = prefix + ordered(this.#shelf.next++);
    batch.put(name, value);
    batch.onKept(() => show(name));
  }

  /** A due message stays until it is certain that it need not be processed again. */
  #settleDue(message: Uint8Array, outcome: StoredProcessed, batch: Batch): void {
    if (this.#due.size === 0) return;
    const hash = this.#hash(message);
    const name = [...this.#due].find(([, due]) => this.#hash(due) === hash)?.[0];
    if (name === undefined) return;
    if (outcome.kind === 'commit') this.#dueCommits.set(outcome.commit, name);
    else if (outcome.kind !== 'rejected' || outcome.error.retry === 'never') this.#forgetDue(name, batch);
  }

  #forgetDue(name: string | undefined, batch: Batch): void {
    if (name === undefined) return;
    batch.del(name);
    batch.onKept(() => this.#due.delete(name));
  }

  #hash(message: Uint8Array): string {
    return toHex(this.#suite.hash(message));
  }
}

/** Which message of a group: no two have the same epoch, sender and generation. */
export function messageId({ epoch, sender, generation }: Omit<InboxMessage, 'id' | 'kind'>): string {
  return `${epoch}.${sender.leaf}.${generation}`;
}

/** A plaintext from its record. @throws `storage.corrupt` */
export function readInbox(value: Uint8Array): InboxMessage {
  const message = { kind: 'application', ...readRecord(InboxPart, value) } as const;
  return { ...message, id: messageId(message) };
}

/** Records of the application in a batch. */
export function recordsOf(batch: Batch): Records {
  return {
    put: (name, value) => batch.put(recordKey(name), value),
    del: (name) => batch.del(recordKey(name)),
  };
}

/** @throws `codec.input` */
export function recordKey(name: string): string {
  return /^[ -~]{1,512}$/.test(name)
    ? RECORD_PREFIX + name
    : fail('codec.input', { expected: 'printable ASCII' });
}

/** Bytes that are handed out belong to whoever gets them. */
function copied(message: InboxMessage): InboxMessage {
  return { ...message, data: message.data.slice(), authenticatedData: message.authenticatedData.slice() };
}

function byName<T>(items: ReadonlyMap<string, T>): readonly T[] {
  return [...items].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}
