/** Playing one history from its first step to the end, where everybody who can comes together again. */

import { Random } from '../fuzz/random.ts';
import { offer, openWelcome, takeOffers } from './coming.ts';
import { refetch } from './delivering.ts';
import { type Door, door } from './door.ts';
import { expectSame, Mismatch } from './facts.ts';
import type { History } from './history.ts';
import { play } from './operations.ts';
import type { Room } from './room.ts';
import { addWish, commit, talk } from './sending.ts';
import { Stats } from './stats.ts';
import { World, type Wrap } from './world.ts';

/** How to play. */
export interface RunOptions {
  readonly door?: Door;
  readonly wrap?: Wrap;
  readonly stats?: Stats;
}

/** A history that went wrong, with the last lines of what happened. */
export class Failure extends Error {}

/** Play a history. @throws {@link Failure} */
export function run({ setup, steps }: History, options: RunOptions = {}): void {
  const stats = options.stats ?? new Stats();
  const wrap = options.wrap === undefined ? {} : { wrap: options.wrap };
  const world = new World({ door: options.door ?? door, setup, stats, ...wrap });
  let at = -1;
  try {
    open(world);
    for (at = 0; at < steps.length; at++) play(world, steps[at] as History['steps'][number]);
    close(world);
    stats.count('histories');
  } catch (error) {
    const where = at < 0 ? 'the start' : at < steps.length ? `step ${at}` : 'the end';
    const reason = error instanceof Error ? `${error.message}` : String(error);
    throw new Failure(`${reason}\n  at ${where}; before it:\n    ${world.lines.join('\n    ')}`, {
      cause: error,
    });
  }
}

/** A group with its first members. */
function open(world: World): void {
  const { setup, devices } = world;
  const [founder] = devices;
  if (founder === undefined) return;
  const room = world.found(founder);
  const seat = room.seats.get(founder.name);
  const members = Math.min(setup.members, devices.length) - 1;
  if (seat === undefined || members === 0) return;
  // Everybody else is a stranger as yet, and each is asked once.
  const random = new Random(setup.seed);
  const wishes = devices.slice(1, members + 1).map((device) => addWish(seat, random, device));
  const made = commit(seat, wishes, random);
  if (made !== undefined) world.submit(made);
  for (const entry of seat.inbox.splice(0)) seat.deliver(entry);
  const [parcel] = room.welcomes;
  for (const who of parcel?.invited.keys() ?? [])
    if (parcel !== undefined && random.below(8) > 0) openWelcome(world, who, parcel);
}

/** Everybody fetches the log, comes back if that does not help, and hears everybody else. */
function close(world: World): void {
  for (const attempt of [...world.attempts]) world.submit(attempt);
  for (const device of world.devices) takeOffers(world, device);
  for (const room of world.rooms) {
    if (room.successor === undefined) gather(world, room);
    else for (const who of room.members) followToTheEnd(room, who);
  }
}

/** Whoever can follow a group that ended has seen it end. */
function followToTheEnd(room: Room, who: string): void {
  const seat = room.seats.get(who);
  if (seat === undefined || refetch(seat) !== undefined) return;
  expectSame(`${who} has seen ${room.name} end`, seat.fact.status, 'closed');
}

function gather(world: World, room: Room): void {
  const lost: string[] = [];
  for (const who of room.members) {
    const seat = room.seats.get(who);
    if (seat === undefined || refetch(seat) !== undefined) lost.push(who);
  }
  for (const who of lost) comeBack(world, room, who);
  const there = room.members.flatMap((who) => room.seats.get(who) ?? []);
  if (!hasAnybody(room)) return;
  for (const seat of there) refetch(seat);
  for (const seat of there) expectSame(`${seat.who} is in step at the end`, seat.fact.epoch, room.epoch);
  for (const seat of there.slice(0, 2)) if (seat.fact.stored.length === 0) talk(seat);
  for (const seat of there) for (const entry of seat.inbox.splice(0)) seat.deliver(entry);
}

/** A resync, unless nobody is left who could give a GroupInfo. */
function comeBack(world: World, room: Room, who: string): void {
  const device = world.device(who);
  for (let i = 0; i < 20; i++) {
    const made = offer(world, device, room, new Random(i));
    const attempt = world.attempts.find((one) => one.offer !== undefined && one.offer === made);
    if (attempt === undefined) continue;
    const won = world.submit(attempt);
    takeOffers(world, device);
    if (!won) continue;
    for (const seat of room.seats.values())
      if (seat.who !== who) for (const entry of seat.inbox.splice(0)) seat.deliver(entry);
    return;
  }
  if (hasAnybody(room) || room.groupInfos.has(room.epoch))
    throw new Mismatch(`${who} cannot come back to ${room.name}`);
  world.count('group without anybody in step');
}

function hasAnybody(room: Room): boolean {
  return [...room.seats.values()].some(({ isActive, fact }) => isActive && fact.epoch === room.epoch);
}
