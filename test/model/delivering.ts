/** What the delivery service does: hand over in order or not, lose, repeat, bring up old things, and give the log again. */

import type { Random } from '../fuzz/random.ts';
import { type Entry, keepsEpoch, Mismatch } from './facts.ts';
import { predict } from './predict.ts';
import type { Seat } from './seat.ts';
import type { World } from './world.ts';

/** Hand over up to `count` messages of an inbox. */
export function drain(seat: Seat, count: number, random: Random): void {
  for (let i = 0; i < count && seat.inbox.length > 0; i++) {
    const at = random.below(4) === 0 ? random.below(seat.inbox.length) : 0;
    const [entry] = seat.inbox.splice(at, 1);
    if (entry === undefined) return;
    if (random.below(12) === 0) {
      seat.world.count('message lost');
      continue;
    }
    if (at > 0) seat.world.count('message out of order');
    if (random.below(10) === 0) {
      seat.inbox.splice(random.below(seat.inbox.length + 1), 0, entry);
      seat.world.count('message repeated');
    }
    const source = random.below(2) === 0 ? entry.sender : '';
    seat.deliver(entry, { source, decides: random.below(8) > 0 });
  }
}

/** Everybody gets what waits for them, in order. */
export function settle(world: World): void {
  for (const seat of world.seats) for (const entry of seat.inbox.splice(0)) seat.deliver(entry);
  for (const seat of world.seats) seat.decideAll();
}

/** The next messages for a seat get lost, all of them. */
export function outage(seat: Seat, random: Random): void {
  const lost = seat.inbox.splice(0, 1 + random.below(40));
  seat.world.count('message lost', lost.length);
}

/** Bring up something old, something that lost, or something of another group. */
export function replay(seat: Seat, random: Random): void {
  const { world, room } = seat;
  const { log, strays } = room;
  const pool = random.pick([log, log.slice(-10), strays, world.entries]);
  if (pool.length === 0) return;
  const entry = random.pick(pool);
  world.count(strays.includes(entry) ? 'stray handed over' : 'message replayed');
  seat.deliver(entry, { decides: random.below(4) > 0 });
}

/**
 * A seat asks for the log and gets all of it in order, from the epochs that it still knows on. Afterwards it has
 * followed everybody else and seen every plaintext, or it is blocked for a reason that the model names.
 * @returns the reason
 */
export function refetch(seat: Seat): string | undefined {
  const { room, world } = seat;
  seat.inbox.length = 0;
  seat.decideAll();
  const { epoch: from, held } = seat.fact;
  // What is held runs ahead of the log.
  const isInOrder = held.length === 0;
  for (const entry of room.log) {
    const { fact } = seat;
    if (fact.opened.has(entry.id) && entry.id % 4 > 0) continue;
    const isLate = entry.body.kind === 'application' && keepsEpoch(fact, entry.epoch, seat.device.policy);
    if (entry.epoch >= fact.epoch || isLate) followUp(seat, entry);
  }
  world.count('log fetched');
  if (seat.fact.status === 'removed') return 'removed';
  const reason = seat.fact.epoch === room.epoch ? undefined : blockage(seat);
  if (seat.fact.epoch !== room.epoch && reason === undefined)
    throw new Mismatch(
      `${seat.who} has had the whole log of ${room.name} and is stuck at ${seat.fact.epoch}`,
    );
  requirePlaintexts(seat, isInOrder ? from : seat.fact.epoch - seat.device.policy.pastEpochs);
  if (reason !== undefined) world.count(`out of step: ${reason}`);
  return reason;
}

/** What is missing and can be had is supplied: PSKs, and room for proposals that a commit needs. */
function followUp(seat: Seat, entry: Entry): void {
  const outcome = seat.deliver(entry);
  if (outcome === 'rejected codec.limit') seat.deliver(entry, { wanted: true });
  if (outcome !== 'rejected state.missing-psk' || entry.body.kind !== 'commit') return;
  for (const psk of entry.body.fact.psks) if (psk.kind === 'external') seat.device.psks.add(psk.id);
  seat.deliver(entry);
}

/** Why a seat cannot take the commit that its epoch ended with, if it cannot. */
function blockage(seat: Seat): string | undefined {
  const winner = seat.room.winners.get(seat.fact.epoch);
  if (winner === undefined) return undefined;
  const outcome = predict({ ...seat.place, source: '', wanted: false }, winner);
  const isFinal = FINAL.has(outcome);
  return isFinal ? outcome : undefined;
}

const FINAL = new Set([
  'desynchronised own-commit',
  'rejected state.missing-psk',
  'rejected state.generation-gap',
  'rejected state.key-evicted',
]);

/** Whoever has had the log has seen each plaintext of the epochs it went through, unless its policy has let it go. */
function requirePlaintexts({ fact, room, device, who }: Seat, from: number): void {
  const { policy } = device;
  if (policy.keptKeys < 1000 || policy.maxForward < 1000) return;
  const over = new Set<number>();
  for (const { id, body, epoch, sender } of room.log) {
    if (body.kind === 'commit') over.add(epoch);
    if (body.kind !== 'application' || sender === who || epoch < from || epoch > fact.epoch) continue;
    const isLate = over.has(epoch) && !keepsEpoch(fact, epoch, policy);
    if (epoch < fact.joined || isLate || fact.opened.has(id)) continue;
    throw new Mismatch(`${who} has had the whole log of ${room.name} and not seen #${id}`);
  }
}
