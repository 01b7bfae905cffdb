/** The operations a history is made of, with their weights. Each starts from a device and draws the rest from a seed. */

import { Random } from '../fuzz/random.ts';
import { wishOf } from './again.ts';
import { crash, offer, openWelcome, setBack, takeOffers, welcome } from './coming.ts';
import { drain, outage, refetch, replay, settle } from './delivering.ts';
import type { Device } from './device.ts';
import type { Step } from './history.ts';
import type { Room } from './room.ts';
import type { Seat } from './seat.ts';
import { addWish, commit, PSKS, propose, storedWish, talk, type Wish, wish } from './sending.ts';
import { branch, endGroup, succeed } from './succession.ts';
import type { Attempt, World } from './world.ts';

/** Who acts, and where the rest is drawn from. */
export interface Turn {
  readonly world: World;
  /** Position of a device. */
  readonly who: number;
  readonly random: Random;
}

/** One kind of operation. @returns false when there was nothing to do */
export interface Operation {
  readonly weight: number;
  readonly run: (turn: Turn) => boolean;
}

/** By name. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  talk: { weight: 16, run: (turn) => withSeat(turn, talk) },
  chatter: { weight: 4, run: chatter },
  propose: { weight: 9, run: proposeSome },
  commit: { weight: 9, run: commitSome },
  commitLater: { weight: 4, run: commitLater },
  commitAgain: { weight: 3, run: commitAgain },
  race: { weight: 4, run: race },
  arrive: { weight: 6, run: arrive },
  discard: { weight: 3, run: discard },
  deliver: {
    weight: 22,
    run: (turn) => withMail(turn, (seat) => drain(seat, 1 + turn.random.below(6), turn.random)),
  },
  drain: { weight: 12, run: (turn) => withMail(turn, (seat) => drain(seat, 50, turn.random)) },
  settle: { weight: 5, run: ({ world }) => all(settle, world) },
  outage: { weight: 3, run: (turn) => withMail(turn, (seat) => outage(seat, turn.random)) },
  replay: { weight: 7, run: (turn) => withSeat(turn, (seat) => replay(seat, turn.random)) },
  refetch: { weight: 6, run: (turn) => withSeat(turn, refetch) },
  decide: { weight: 3, run: (turn) => withSeat(turn, (seat) => seat.decideAll()) },
  welcome: { weight: 9, run: invitations },
  external: { weight: 3, run: external },
  resync: { weight: 3, run: resync },
  takeOffers: { weight: 3, run: ({ world, who }) => all(takeOffers, world, deviceAt(world, who)) },
  restart: { weight: 5, run: ({ world, who }) => restart(world, deviceAt(world, who)) },
  crash: { weight: 3, run: (turn) => withMail(turn, crash) },
  setBack: { weight: 1, run: (turn) => withSeat(turn, setBack) },
  lose: { weight: 1, run: (turn) => withSeat(turn, (seat) => seat.leave()) },
  psk: { weight: 3, run: givePsk },
  endGroup: { weight: 2, run: (turn) => withSeat(turn, (seat) => endGroup(seat, turn.random)) },
  succeed: { weight: 6, run: found },
  branch: { weight: 1, run: (turn) => withSeat(turn, (seat) => branch(seat, turn.random)) },
};

/** Carry out one step. */
export function play(world: World, [name, who, salt]: Step): void {
  const operation = OPERATIONS[name];
  if (operation === undefined) return;
  world.tell(`> ${name} ${who} ${salt}`);
  const done = operation.run({ world, who, random: new Random(salt) });
  world.count(done ? `operation ${name}` : `operation ${name}, nothing to do`);
}

function all<T extends readonly unknown[]>(call: (...args: T) => void, ...args: T): boolean {
  call(...args);
  return true;
}

function deviceAt(world: World, who: number): Device {
  return world.devices[who % world.devices.length] as Device;
}

/** The first device from `who` on that has what is needed. */
function firstFrom<T>({ world, who }: Turn, find: (device: Device) => T | undefined): T | undefined {
  for (let i = 0; i < world.devices.length; i++) {
    const found = find(deviceAt(world, who + i));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A seat of the device; of a member mostly. */
function seatOf({ random }: Turn, device: Device, fits: (seat: Seat) => boolean): Seat | undefined {
  const seats = [...device.seats.values()].filter(fits);
  const active = seats.filter((seat) => seat.isActive);
  const pool = active.length === 0 || random.below(12) === 0 ? seats : active;
  return pool.length === 0 ? undefined : random.pick(pool);
}

function withSeat(turn: Turn, act: (seat: Seat) => unknown): boolean {
  const seat = firstFrom(turn, (device) => seatOf(turn, device, () => true));
  if (seat !== undefined) act(seat);
  return seat !== undefined;
}

function withMail(turn: Turn, act: (seat: Seat) => unknown): boolean {
  const seat = firstFrom(turn, (device) => seatOf(turn, device, ({ inbox }) => inbox.length > 0));
  if (seat !== undefined) act(seat);
  return seat !== undefined;
}

function roomOf({ world, random }: Turn): Room {
  return random.pick(world.rooms.slice(-3));
}

/** Several messages of one sender in a row. */
function chatter(turn: Turn): boolean {
  return withSeat(turn, (seat) => {
    for (let i = turn.random.below(20); i >= 0; i--) talk(seat);
  });
}

/** One proposal, or so many that somebody's bounds are reached. */
function proposeSome(turn: Turn): boolean {
  const { random } = turn;
  const count = random.below(8) === 0 ? 5 : 1;
  return withSeat(turn, (seat) => {
    for (let i = 0; i < count; i++) propose(seat, wish(seat, random), random);
  });
}

/** What one commit is asked for. */
function wishes(seat: Seat, random: Random): Wish[] {
  const wanted = Array.from({ length: random.pick([0, 0, 1, 1, 1, 2]) }, () => wish(seat, random));
  if (random.below(5) === 0) {
    for (let i = 1 + random.below(3); i > 0; i--) wanted.push(addWish(seat, random));
  }
  const known = random.below(4) === 0 ? storedWish(seat, random) : undefined;
  return known === undefined ? wanted : [...wanted, known];
}

/** A commit that reaches the service at once. */
function commitSome(turn: Turn): boolean {
  return withSeat(turn, (seat) => {
    const made = commit(seat, wishes(seat, turn.random), turn.random);
    if (made !== undefined) turn.world.submit(made);
  });
}

/** A commit that is under way for a while. */
function commitLater(turn: Turn): boolean {
  return withSeat(turn, (seat) => commit(seat, wishes(seat, turn.random), turn.random));
}

/** Commit what the last acceptance has left over. */
function commitAgain(turn: Turn): boolean {
  const isOpen = ({ again, fact }: Seat): boolean =>
    again?.epoch === fact.epoch && fact.pending === undefined;
  const seat = firstFrom(turn, (device) => seatOf(turn, device, isOpen));
  if (seat?.again === undefined || seat.fact.stored.length > 0) return false;
  const made = commit(
    seat,
    seat.again.inputs.map((input) => wishOf(seat, input)),
    turn.random,
  );
  if (made !== undefined) turn.world.submit(made);
  return true;
}

/** Two to four members commit in the same epoch, and the service gets that in any order. */
function race(turn: Turn): boolean {
  const { world, random } = turn;
  const room = roomOf(turn);
  const there = [...room.seats.values()].filter(
    ({ fact, isActive }) => isActive && fact.epoch === room.epoch && fact.pending === undefined,
  );
  const start = random.below(there.length + 1);
  const racers = [...there.slice(start), ...there.slice(0, start)].slice(0, 2 + random.below(3));
  if (racers.length < 2) return false;
  const made = racers.flatMap((seat) => commit(seat, wishes(seat, random), random) ?? []);
  while (made.length > 0) {
    const [attempt] = made.splice(random.below(made.length), 1);
    if (attempt !== undefined) world.submit(attempt);
  }
  return true;
}

/** Something that was under way arrives. */
function arrive({ world, random }: Turn): boolean {
  if (world.attempts.length === 0) return false;
  const attempt: Attempt = random.pick(world.attempts);
  world.submit(attempt);
  if (attempt.offer !== undefined && random.below(4) > 0) takeOffers(world, attempt.device);
  return true;
}

/** A member gives its own commit up, whatever has become of it. */
function discard(turn: Turn): boolean {
  const seat = firstFrom(turn, (device) => seatOf(turn, device, ({ fact }) => fact.pending !== undefined));
  seat?.discardOwn();
  return seat !== undefined;
}

/** Some of the invitations that are under way arrive; once in a while one comes again, or to somebody else. */
function invitations(turn: Turn): boolean {
  const { world, random } = turn;
  const parcels = world.rooms.flatMap(({ welcomes }) => welcomes);
  const open = parcels.flatMap((parcel) =>
    [...parcel.invited.keys()].filter((who) => !parcel.taken.has(who)).map((who) => ({ parcel, who })),
  );
  if (parcels.length === 0) return false;
  if (open.length === 0 || random.below(10) === 0) {
    welcome(world, deviceAt(world, turn.who), random.pick(parcels));
    return true;
  }
  for (let i = random.below(4); i >= 0 && open.length > 0; i--) {
    const [chosen] = open.splice(random.below(open.length), 1);
    if (chosen !== undefined) openWelcome(world, chosen.who, chosen.parcel);
  }
  return true;
}

/** Somebody from outside, or anybody at all, asks to come in by external commit. */
function external(turn: Turn): boolean {
  const { world, random } = turn;
  const room = roomOf(turn);
  const outside = firstFrom(turn, (device) => (room.seats.has(device.name) ? undefined : device));
  const device = outside === undefined || random.below(6) === 0 ? deviceAt(world, turn.who) : outside;
  return offered(turn, device, room);
}

/** Whoever is blocked comes back by external commit. */
function resync(turn: Turn): boolean {
  const room = roomOf(turn);
  const isLost = ({ name }: Device): boolean => {
    const seat = room.seats.get(name);
    return (
      room.members.includes(name) && (seat === undefined || !seat.isActive || refetch(seat) !== undefined)
    );
  };
  const device = firstFrom(turn, (one) => (isLost(one) ? one : undefined));
  return device !== undefined && offered(turn, device, room);
}

function offered({ world, random }: Turn, device: Device, room: Room): boolean {
  const made = offer(world, device, room, random);
  const attempt = world.attempts.find((one) => one.offer !== undefined && one.offer === made);
  if (attempt === undefined) return made !== undefined;
  if (random.below(4) > 0) world.submit(attempt);
  if (random.below(4) > 0) takeOffers(world, device);
  return true;
}

/** Whoever has seen its group end founds the next one. */
function found(turn: Turn): boolean {
  const isOver = ({ room, fact }: Seat): boolean => room.successor !== undefined && fact.status !== 'removed';
  const seat = firstFrom(turn, (device) => [...device.seats.values()].find(isOver));
  return seat !== undefined && succeed(seat, turn.random);
}

function restart(world: World, device: Device): boolean {
  const pending = [...device.seats.values()].some(({ fact }) => fact.pending !== undefined);
  if (pending) world.count('restart with a pending commit');
  device.restart();
  return true;
}

/** One device, or every one, is given an external PSK. */
function givePsk({ world, who, random }: Turn): boolean {
  const id = random.below(PSKS);
  const some = random.below(2) === 0 ? world.devices : [deviceAt(world, who)];
  for (const device of some) device.psks.add(id);
  return true;
}
