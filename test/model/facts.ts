/** The vocabulary of the reference model: plain data about what was sent and what each seat has seen; no cryptography. */

/** A PSK as the model knows it. */
export type PskFact =
  | { readonly kind: 'external'; readonly id: number }
  /** Of an epoch of a group: mixed in by a member, or tying a new group to the one it follows on. */
  | { readonly kind: 'resumption' | 'reinit' | 'branch'; readonly room: string; readonly epoch: number };

/** A proposal, by what it means. `who` is the name of a device. */
export type ProposalFact =
  | { readonly type: 'add'; readonly who: string; readonly keyPackage: number }
  | { readonly type: 'remove'; readonly who: string }
  | { readonly type: 'update'; readonly who: string }
  | { readonly type: 'psk'; readonly psk: PskFact }
  | { readonly type: 'extensions'; readonly value: string }
  | { readonly type: 'reinit'; readonly successor: string; readonly extensions: string | undefined };

/** A proposal in a commit. `ref` is the entry it was sent in. */
export interface Item {
  readonly fact: ProposalFact;
  readonly by: string;
  readonly ref: number | undefined;
}

/** What a commit does, as the model predicts it. */
export interface CommitFact {
  readonly items: readonly Item[];
  readonly external: boolean;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly updated: readonly string[];
  readonly psks: readonly PskFact[];
  /** The new list, if it was replaced. */
  readonly extensions: string | undefined;
  /** The group that is to follow, if this one ends. */
  readonly successor: SuccessorFact | undefined;
}

/** A group that was announced. */
export interface SuccessorFact {
  readonly groupId: string;
  readonly extensions: string | undefined;
}

/** One message that was handed to the delivery service. */
export interface Entry {
  readonly id: number;
  /** The first entry that is the same proposal or commit: deterministic signatures make equal contents the same. */
  readonly ref: number;
  readonly room: string;
  readonly epoch: number;
  readonly sender: string;
  readonly bytes: Uint8Array;
  readonly isPrivate: boolean;
  /** Generation of its key, if it is private. */
  readonly generation: number;
  readonly body:
    | { readonly kind: 'application'; readonly text: string }
    | { readonly kind: 'proposal'; readonly fact: ProposalFact }
    | { readonly kind: 'commit'; readonly fact: CommitFact };
}

/** One sender's ratchet as a receiver must keep it (RFC 9420 §9.2, §15.3). */
export interface RatchetFact {
  next: number;
  skipped: number[];
  evictedBelow: number;
}

/** A message of a later epoch that a seat holds. */
export interface HeldFact {
  readonly id: number;
  readonly epoch: number;
  readonly source: string;
  readonly bytes: Uint8Array;
}

/** Everything that the state of one member of one group is expected to be. Cloneable, so that a crash can be played. */
export interface SeatFact {
  readonly room: string;
  readonly who: string;
  /** The first epoch it has keys of. */
  readonly joined: number;
  /** The first epoch it has the resumption PSK of. */
  oldestPsk: number;
  epoch: number;
  status: 'active' | 'removed' | 'closed';
  /** `ref` of stored proposals, in order. */
  stored: number[];
  /** `ref` of the own commit under way. */
  pending: number | undefined;
  /** `ref` of own commits that were discarded in this epoch. */
  dropped: number[];
  held: HeldFact[];
  /** Sources reported as too far ahead in this epoch. */
  ahead: string[];
  /** By epoch, sender and kind of key. */
  ratchets: Map<string, RatchetFact>;
  /** Private messages sent in this epoch. */
  sent: { application: number; handshake: number };
  /** By which commit each epoch ended. */
  ended: Map<number, { readonly ref: number; readonly isOwn: boolean }>;
  /** Entries whose plaintext it has handed out. */
  opened: Set<number>;
}

/** The policy of all clients of one history, as far as the model needs it. */
export interface PolicyFact {
  readonly pastEpochs: number;
  readonly resumptionEpochs: number;
  readonly maxForward: number;
  readonly keptKeys: number;
  readonly keptProposalsPerSender: number;
  readonly held: { readonly epochs: number; readonly count: number; readonly bytes: number };
}

/** A seat that has just been taken. */
export function newSeat(room: string, who: string, epoch: number): SeatFact {
  return {
    room,
    who,
    joined: epoch,
    oldestPsk: epoch,
    epoch,
    status: 'active',
    stored: [],
    pending: undefined,
    dropped: [],
    held: [],
    ahead: [],
    ratchets: new Map(),
    sent: { application: 0, handshake: 0 },
    ended: new Map(),
    opened: new Set(),
  };
}

/** Whether the keys of an epoch are still there: for messages that come late. */
export function keepsEpoch(seat: SeatFact, epoch: number, policy: PolicyFact): boolean {
  return epoch >= seat.joined && epoch <= seat.epoch && epoch >= seat.epoch - policy.pastEpochs;
}

/** Whether the resumption PSK of an epoch is still there (RFC 9420 §8.6). */
export function keepsPsk(seat: SeatFact, epoch: number, policy: PolicyFact): boolean {
  return epoch >= seat.oldestPsk && epoch <= seat.epoch && epoch >= seat.epoch - policy.resumptionEpochs;
}

/** A fault of the model or of the library: what was expected and what came. */
export class Mismatch extends Error {}

/** Compare by value, for facts of plain data. */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Mismatch(`${what}: expected ${e}, got ${a}`);
}
