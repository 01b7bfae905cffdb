/** Groups that follow on a closed one, and subgroups of a living one (RFC 9420 §11.2, §11.3). */

import { type FoundedGroup, reinit } from '../../src/index.ts';
import type { Random } from '../fuzz/random.ts';
import { type Device, EXTENSION } from './device.ts';
import type { CommitFact, PskFact } from './facts.ts';
import { Room } from './room.ts';
import type { Seat } from './seat.ts';
import { attempt, commit, propose, type Wish } from './sending.ts';
import type { World } from './world.ts';

/** The end of a group: proposed, or committed at once. */
export function endGroup(seat: Seat, random: Random): void {
  const { world, room } = seat;
  const successor = `${room.name}+${random.below(1000)}`;
  const value = random.below(2) === 0 ? undefined : `extension ${random.below(100)}`;
  const extensions = value === undefined ? [] : [{ extensionType: EXTENSION, extensionData: bytes(value) }];
  const input = reinit({ groupId: bytes(successor), suite: world.setup.suite, extensions });
  const fact = { type: 'reinit', successor, extensions: value } as const;
  const wish: Wish = { input, item: { fact, by: seat.who, ref: undefined } };
  if (random.below(3) === 0) {
    propose(seat, wish, random);
    return;
  }
  const made = commit(seat, [wish], random);
  if (made !== undefined) world.submit(made);
}

/** Found the group that follows on a closed one. @returns false when somebody else has, or nobody may */
export function succeed(seat: Seat, random: Random): boolean {
  const { world, room, device, fact } = seat;
  const { successor } = room;
  if (successor === undefined) return false;
  const isFounded = world.rooms.some(({ name }) => name === successor.groupId);
  if (isFounded) return false;
  const others = room.members.filter((who) => who !== seat.who);
  const isShort = others.length > 0 && random.below(8) === 0;
  const invited = invite(world, isShort ? others.slice(1) : others);
  const isOver = fact.status === 'closed';
  const refusal = isOver && !isShort ? undefined : 'validation.reinit';
  const founded = attempt(seat, refusal, () =>
    device.client.reinitialise(seat.raw, messages(world, invited), { groupInfo: true }),
  );
  if (founded === undefined) return true;
  const psk = { kind: 'reinit', room: room.name, epoch: fact.epoch } as const;
  enter(seat, founded, { name: successor.groupId, invited, psk, extensions: successor.extensions });
  return true;
}

/** Found a subgroup with some of the members, or with a stranger, which is refused. */
export function branch(seat: Seat, random: Random): boolean {
  const { world, room, device, fact } = seat;
  const { members } = room.epochFact(fact.epoch);
  const some = members.filter((who) => who !== seat.who && random.below(2) === 0);
  const stranger = world.devices.find(({ name }) => !members.includes(name));
  const isWild = stranger !== undefined && random.below(6) === 0;
  const invited = invite(world, isWild ? [...some, stranger.name] : some);
  const inactive = { active: undefined, removed: 'state.not-member', closed: 'state.closed' }[fact.status];
  const refusal = inactive ?? (isWild ? 'validation.reinit' : undefined);
  const name = `${room.name}/${world.rooms.length}`;
  const founded = attempt(seat, refusal, () =>
    device.client.branch(seat.raw, messages(world, invited), { id: bytes(name), groupInfo: true }),
  );
  if (founded === undefined) return true;
  const psk = { kind: 'branch', room: room.name, epoch: fact.epoch } as const;
  enter(seat, founded, { name, invited, psk, extensions: undefined });
  return true;
}

/** KeyPackages by device. */
function invite(world: World, names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name) => [name, world.device(name).keyPackage(true).id]));
}

function messages(world: World, invited: ReadonlyMap<string, number>): Uint8Array[] {
  return [...invited].map(([name, id]) => keyPackageOf(world.device(name), id));
}

function keyPackageOf({ keyPackages, name }: Device, id: number): Uint8Array {
  const found = keyPackages[id];
  if (found === undefined) throw new Error(`${name} has no KeyPackage ${id}`);
  return found.message;
}

/** What a new group is. */
interface Foundation {
  readonly name: string;
  readonly invited: ReadonlyMap<string, number>;
  readonly psk: PskFact;
  readonly extensions: string | undefined;
}

/** The service learns of the group, and its founder sits in it. */
function enter(
  { world, device }: Seat,
  founded: FoundedGroup,
  { name, invited, psk, extensions }: Foundation,
): void {
  const room = new Room(name, bytes(name), {
    epoch: 1,
    members: [device.name, ...invited.keys()],
    extensions,
  });
  world.rooms.push(room);
  world.count(`founded by ${psk.kind}`);
  const seat = world.sit(device, room, founded.group, 1);
  // Its group of one had an epoch before.
  seat.fact.oldestPsk = 0;
  if (founded.groupInfo !== undefined) room.groupInfos.set(1, founded.groupInfo);
  if (founded.welcome === undefined) return;
  const none = { items: [], updated: [], removed: [], external: false, successor: undefined };
  const fact: CommitFact = { ...none, added: [...invited.keys()], psks: [psk], extensions };
  room.welcomes.push({ room, epoch: 1, bytes: founded.welcome, invited, fact, taken: new Set() });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
