/** What must become of a message: exactly one of the closed set, told from the facts alone. */

import {
  type Entry,
  type HeldFact,
  keepsEpoch,
  type PolicyFact,
  type PskFact,
  type SeatFact,
} from './facts.ts';
import { keyVerdict } from './ratchets.ts';

/** Where a message arrives. */
export interface Place {
  readonly seat: SeatFact;
  readonly policy: PolicyFact;
  readonly hasPsk: (psk: PskFact) => boolean;
  /** Whom the transport got it from. */
  readonly source: string;
  /** Bounds on stored proposals do not count. */
  readonly wanted: boolean;
  /** Who sent a stored proposal. */
  readonly senderOf: (id: number) => string;
}

/** The outcome, with the error code or the kind of evidence. */
export function predict(place: Place, entry: Entry): string {
  const { seat } = place;
  if (entry.room !== seat.room) return 'foreign';
  const known = entry.body.kind === 'commit' ? knownCommit(place, entry) : undefined;
  if (known !== undefined) return known;
  if (!entry.isPrivate && entry.epoch >= seat.epoch && seat.status !== 'active') return notCurrent(seat);
  if (entry.epoch > seat.epoch) return early(place, entry);
  if (entry.epoch < seat.epoch && (entry.body.kind !== 'application' || !isKept(place, entry)))
    return 'expired';
  return entry.isPrivate ? openPrivate(place, entry) : handshake(place, entry);
}

function isKept({ seat, policy }: Place, { epoch }: Entry): boolean {
  return keepsEpoch(seat, epoch, policy);
}

function knownCommit(place: Place, { ref }: Entry): string | undefined {
  const { seat } = place;
  if (seat.pending === ref) return 'own-commit';
  if (seat.dropped.includes(ref)) return 'desynchronised own-commit';
  for (const [epoch, end] of seat.ended) {
    if (end.ref === ref && epoch !== seat.epoch && keepsEpoch(seat, epoch, place.policy))
      return end.isOwn ? 'own-message' : 'duplicate';
  }
  return undefined;
}

function notCurrent({ status }: SeatFact): string {
  return status === 'removed' ? 'rejected state.not-member' : 'rejected state.closed';
}

function early(place: Place, entry: Entry): string {
  const { seat, policy, source } = place;
  if (seat.status !== 'active') return notCurrent(seat);
  if (isHeld(seat, entry)) return 'held';
  if (entry.epoch - seat.epoch > policy.held.epochs) {
    const isReported = seat.ahead.includes(source) || seat.ahead.length >= 64;
    return isReported ? 'rejected state.epoch-future' : 'desynchronised ahead';
  }
  return heldAfter(place, entry) === undefined ? 'rejected state.epoch-future' : 'held';
}

/** Whether the very same bytes are held already. */
export function isHeld({ held }: SeatFact, { bytes }: Entry): boolean {
  return held.some((one) => Buffer.compare(one.bytes, bytes) === 0);
}

/** What a seat holds once it has taken in an early message; `undefined` when there is no room for it. */
export function heldAfter({ seat, policy, source }: Place, entry: Entry): HeldFact[] | undefined {
  const { count, bytes } = policy.held;
  const load = (held: readonly HeldFact[]): number =>
    Math.max(held.length / count, held.reduce((sum, one) => sum + one.bytes.length, 0) / bytes);
  const from = (held: readonly HeldFact[], who: string): HeldFact[] =>
    held.filter((one) => one.source === who);
  const newcomer = { id: entry.id, epoch: entry.epoch, source, bytes: entry.bytes };
  const own = (held: readonly HeldFact[]): number => load([...from(held, source), newcomer]);
  if (source !== '' && own(seat.held) > 1 / 4) return undefined;
  let held = [...seat.held];
  while (load([...held, newcomer]) > 1) {
    let most: HeldFact[] = [];
    for (const one of held) {
      const theirs = from(held, one.source);
      if (load(theirs) > load(most)) most = theirs;
    }
    if (most.length === 0 || own(held) >= load(most)) return undefined;
    held = held.filter((one) => one !== most.at(-1));
  }
  return [...held, newcomer];
}

function openPrivate(place: Place, entry: Entry): string {
  const { seat, policy } = place;
  if (entry.sender === seat.who) return 'own-message';
  const verdict = keyVerdict(seat, entry, policy);
  if (verdict === 'used') return 'duplicate';
  if (verdict === 'evicted') return 'rejected state.key-evicted';
  if (verdict === 'gap') return 'rejected state.generation-gap';
  return entry.body.kind === 'application' ? 'application' : handshake(place, entry);
}

function handshake(place: Place, entry: Entry): string {
  const { seat } = place;
  if (seat.status !== 'active') return notCurrent(seat);
  if (entry.body.kind === 'proposal') return proposal(place, entry);
  if (entry.body.kind !== 'commit') return 'rejected validation.wire-format';
  if (entry.sender === seat.who && !entry.body.fact.external) return 'desynchronised own-commit';
  const { items, psks } = entry.body.fact;
  if (!items.every(({ ref }) => ref === undefined || seat.stored.includes(ref)))
    return 'rejected validation.unknown-proposal-ref';
  return psks.every(place.hasPsk) ? 'commit' : 'rejected state.missing-psk';
}

function proposal(place: Place, entry: Entry): string {
  const { seat, policy } = place;
  if (seat.stored.includes(entry.ref)) return entry.sender === seat.who ? 'own-message' : 'duplicate';
  const same = seat.stored.filter((id) => place.senderOf(id) === entry.sender).length;
  return !place.wanted && same >= policy.keptProposalsPerSender ? 'rejected codec.limit' : 'proposal';
}
