/** How devices come to their seats, lose them and come back: Welcomes, external commits, restarts, set-backs. */

import type { ExternalJoinOffer } from '../../src/index.ts';
import type { Random } from '../fuzz/random.ts';
import type { Device, Offer } from './device.ts';
import { expectSame, keepsEpoch, Mismatch, type PskFact } from './facts.ts';
import type { Room, Welcome } from './room.ts';
import type { Seat } from './seat.ts';
import { externalFact } from './select.ts';
import { codeOf, talk } from './sending.ts';
import type { World } from './world.ts';

/** A Welcome arrives for the first time. */
export function openWelcome(world: World, who: string, parcel: Welcome): void {
  parcel.taken.add(who);
  welcome(world, world.device(who), parcel);
}

/** Hand a Welcome to a device. */
export function welcome(world: World, device: Device, parcel: Welcome): void {
  const { room, epoch } = parcel;
  const seat = room.seats.get(device.name);
  const refusal = welcomeRefusal(world, device, parcel);
  world.tell(`${device.name} gets the Welcome to ${room.name} at ${epoch}: ${refusal ?? 'good'}`);
  const join = refusedWith(world, refusal, () => device.client.prepareJoin(parcel.bytes));
  if (refusal === 'state.missing-psk') {
    for (const psk of parcel.fact.psks) if (psk.kind === 'external') device.psks.add(psk.id);
  }
  // Whoever is invited anew has lost step, unless the invitation is an old one.
  if (refusal === 'validation.group-id' && seat !== undefined && seat.fact.epoch < epoch) {
    seat.leave();
    world.count('seat given up for a Welcome');
    welcome(world, device, parcel);
  }
  if (join === undefined) return;
  expectSame('members seen before the join', names(join), [...room.epochFact(epoch).members].sort());
  seat?.leave();
  const used = device.keyPackages[parcel.invited.get(device.name) as number];
  if (used === undefined) throw new Mismatch('a KeyPackage that was never made');
  used.isUsed = true;
  device.usedNow.add(used.id);
  world.sit(device, room, join.accept(), epoch);
  world.count('joined by Welcome');
}

function welcomeRefusal(world: World, device: Device, { room, invited, fact }: Welcome): string | undefined {
  const id = invited.get(device.name);
  const own = id === undefined ? undefined : device.keyPackages[id];
  if (own === undefined) return 'state.unknown-key-package';
  if (own.isUsed) return device.usedNow.has(own.id) ? 'state.key-package-used' : 'state.unknown-key-package';
  const isMissing = fact.psks.some((psk) => !world.hasPsk(device, psk));
  if (isMissing) return 'state.missing-psk';
  if (fact.psks.some((psk) => !isAllowed(device, psk, room))) return 'validation.reinit';
  return room.seats.get(device.name)?.isActive === true ? 'validation.group-id' : undefined;
}

/** A subgroup has nobody who was not in the parent, as far as the joiner still knows that epoch. */
function isAllowed(device: Device, psk: PskFact, { epochs }: Room): boolean {
  const parent = psk.kind === 'branch' ? device.seats.get(psk.room) : undefined;
  if (parent === undefined || psk.kind !== 'branch') return true;
  const isKept = keepsEpoch(parent.fact, psk.epoch, device.policy);
  const { members } = parent.room.epochFact(isKept ? psk.epoch : parent.fact.epoch);
  return epochs.get(1)?.members.every((who) => members.includes(who)) === true;
}

function names({ members }: Pick<ExternalJoinOffer, 'members'>): string[] {
  return members
    .map(({ credential }) => ('identity' in credential ? new TextDecoder().decode(credential.identity) : ''))
    .sort();
}

/** Call, and see to it that it is refused with the expected code (any, if empty), or not at all. */
function refusedWith<T>(world: World, refusal: string | undefined, call: () => T): T | undefined {
  try {
    const made = call();
    if (refusal === undefined) return made;
  } catch (error) {
    const code = codeOf(error);
    if (refusal === undefined || code === undefined) throw error;
    if (refusal !== '') expectSame('refusal', code, refusal);
    world.count(`refused ${code}`);
    return undefined;
  }
  throw new Mismatch(`a refusal was expected: ${refusal}`);
}

/** A GroupInfo of the present epoch: the published one, or one that a member makes; or an outdated one. */
function groupInfoOf(
  room: Room,
  random: Random,
): { readonly bytes: Uint8Array; readonly epoch: number } | undefined {
  const [old] = room.groupInfos;
  if (old !== undefined && random.below(10) === 0) return { epoch: old[0], bytes: old[1] };
  const { epoch } = room;
  const there = [...room.seats.values()].find((seat) => seat.isActive && seat.fact.epoch === epoch);
  const published = room.groupInfos.get(epoch);
  if (published !== undefined && (there === undefined || random.below(2) === 0))
    return { epoch, bytes: published };
  return there && { epoch, bytes: there.group.groupInfo() };
}

/** Ask to join, or to come back, by an external commit. @returns the offer, which is under way */
export function offer(world: World, device: Device, room: Room, random: Random): Offer | undefined {
  const info = room.successor === undefined ? groupInfoOf(room, random) : undefined;
  if (info === undefined) return undefined;
  const { epoch } = info;
  const isMember = room.epochFact(epoch).members.includes(device.name);
  const resync = random.below(12) === 0 ? !isMember : isMember;
  const isSeated = room.seats.get(device.name)?.isActive === true;
  const duplicate = isMember ? '' : undefined;
  const stranger = isMember ? undefined : 'validation.external-commit';
  const refusal = resync ? stranger : isSeated ? 'validation.group-id' : duplicate;
  const join = refusedWith(world, refusal, () => device.client.prepareExternalJoin(info.bytes, { resync }));
  if (join === undefined) return undefined;
  const fact = externalFact(device.name, resync);
  const head = { room: room.name, epoch, sender: device.name, bytes: join.message };
  const body = { kind: 'commit', fact } as const;
  const entry = world.record({ ...head, isPrivate: false, generation: 0, body });
  const made = { room, entry, join };
  device.offers.push(made);
  world.attempts.push({ room, entry, fact, welcome: undefined, groupInfo: undefined, offer: made, device });
  world.count(resync ? 'resync offered' : 'external join offered');
  return made;
}

/** Take the seats of offers that won, and drop those that lost. */
export function takeOffers(world: World, device: Device): void {
  for (const made of device.offers) {
    const { room, entry, join } = made;
    if (room.epoch === entry.epoch && room.successor === undefined) continue;
    device.offers = device.offers.filter((other) => other !== made);
    if (room.isWinner(entry)) {
      room.seats.get(device.name)?.leave();
      world.sit(device, room, join.accept(), entry.epoch + 1);
      world.count('joined by external commit');
    } else {
      join.discard();
      world.count('offer dropped');
    }
  }
}

/** The device is back with what it had before it sent something: its own message shows that, and the seat is given up. */
export function setBack(seat: Seat): void {
  const { fact, world, device, room } = seat;
  if (!seat.isActive || fact.stored.length > 0) return;
  const record = { bytes: seat.bytes(), fact: structuredClone(fact) };
  talk(seat);
  const own = room.log.at(-1);
  device.restart(new Map([[seat, record]]));
  const before = seat.bytes();
  const outcome = own && seat.group.process(own.bytes);
  const evidence = outcome?.kind === 'desynchronised' ? outcome.evidence.kind : outcome?.kind;
  expectSame('evidence of a set-back', evidence, 'own-generation');
  expectSame('size of the state after a set-back was seen', seat.bytes().length, before.length);
  expectSame('sending after a set-back was seen', refusalOf(seat), 'state.rollback');
  world.count('outcome desynchronised own-generation');
  seat.leave();
}

function refusalOf({ group }: Seat): string | undefined {
  try {
    group.encrypt(new Uint8Array());
    return undefined;
  } catch (error) {
    return (error as { readonly code?: string }).code;
  }
}

/** A message is taken in, and the process dies before anything is saved: the next run takes it in as if for the first time. */
export function crash(seat: Seat): void {
  const entry = seat.inbox[0];
  if (entry === undefined) return;
  const record = { bytes: seat.bytes(), fact: structuredClone(seat.fact) };
  const shown = [...seat.device.shown];
  const first = seat.deliver(entry);
  seat.device.shown.clear();
  for (const id of shown) seat.device.shown.add(id);
  seat.device.restart(new Map([[seat, record]]));
  seat.inbox.shift();
  expectSame('outcome after a crash', seat.deliver(entry), first);
}
