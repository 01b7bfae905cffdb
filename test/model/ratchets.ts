/** What becomes of a message key: used, kept, gone or out of reach (RFC 9420 §9.2, §15.3). */

import type { Entry, PolicyFact, RatchetFact, SeatFact } from './facts.ts';

/** What asking for the key of a message comes to. */
export type KeyVerdict = 'good' | 'used' | 'evicted' | 'gap';

/** Whether the key of a private message is there. */
export function keyVerdict(seat: SeatFact, entry: Entry, policy: PolicyFact): KeyVerdict {
  const { next, skipped, evictedBelow } = ratchetOf(seat, entry);
  const { generation } = entry;
  if (generation >= next) return generation - next > policy.maxForward ? 'gap' : 'good';
  if (skipped.includes(generation)) return 'good';
  return generation < evictedBelow ? 'evicted' : 'used';
}

/** Use up the key of a message, if it is there. */
export function useKey(seat: SeatFact, entry: Entry, policy: PolicyFact): void {
  if (!entry.isPrivate || keyVerdict(seat, entry, policy) !== 'good') return;
  const ratchet = ratchetOf(seat, entry);
  const { generation } = entry;
  ratchet.skipped = ratchet.skipped.filter((kept) => kept !== generation);
  for (; ratchet.next < generation; ratchet.next++) ratchet.skipped.push(ratchet.next);
  ratchet.next = Math.max(ratchet.next, generation + 1);
  const gone = ratchet.skipped.splice(0, Math.max(0, ratchet.skipped.length - policy.keptKeys));
  ratchet.evictedBelow = Math.max(ratchet.evictedBelow, ...gone.map((last) => last + 1));
  seat.ratchets.set(keyOf(entry), ratchet);
}

function ratchetOf(seat: SeatFact, entry: Entry): RatchetFact {
  return seat.ratchets.get(keyOf(entry)) ?? { next: 0, skipped: [], evictedBelow: 0 };
}

function keyOf({ epoch, sender, body }: Entry): string {
  return `${epoch} ${sender} ${body.kind === 'application' ? 'application' : 'handshake'}`;
}
