/** One run of the simulation, from a seed to a verdict. */

import { toHex } from '../../src/base/bytes.ts';
import type { Fault, Hostility, Rates } from '../../src/embedded/index.ts';
import { Random } from '../fuzz/random.ts';
import type { Device } from './device.ts';
import { step } from './operations.ts';
import { World } from './world.ts';

export const FAULTS: readonly Fault[] = [
  'drop',
  'withhold',
  'delay',
  'duplicate',
  'reorder',
  'forge',
  'impersonate',
  'misnumber',
  'misplace',
  'fork',
  'expire',
  'restart',
  'mute',
];

/** What can make a message vanish for one member, who need not find out as long as nothing depends on it. */
const UNSEEN: readonly Fault[] = ['withhold', 'forge', 'fork'];

/**
 * What a run draws from when it is not told. A message that the service keeps from one member, or alters on its way, is found
 * missing only where something later depends on it: those two are run by name, and are not expected to pass.
 */
const DRAWN: readonly Fault[] = FAULTS.filter((fault) => fault !== 'withhold' && fault !== 'forge');

export interface RunOptions {
  readonly seed: number;
  /** Which faults there may be; those of the seed if not given. */
  readonly faults?: readonly Fault[];
  readonly isTalkative?: boolean;
}

export interface Verdict {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly failures: readonly string[];
  readonly outcomes: ReadonlyMap<string, number>;
  /** Codes that devices have told, with how often. */
  readonly told: ReadonlyMap<string, number>;
  readonly shown: number;
  /** Readings that were needed at the end until all agreed; nothing if they never did, which was told. */
  readonly rounds: number | undefined;
  /** Of the history: the same whenever the seed is. */
  readonly epoch: string;
}

/** Hours after the end at which everybody reads again, since repairs are rationed. */
const ROUNDS_H = [0, 0.02, 0.3, 1, 3, 30] as const;

export async function run({ seed, faults, isTalkative = false }: RunOptions): Promise<Verdict> {
  const world = new World(seed, isTalkative);
  const untyped = (error: unknown): void =>
    world.witness.fail(`unhandled: ${error instanceof Error ? error.stack : String(error)}`);
  process.on('unhandledRejection', untyped);
  try {
    return await live(world, seed, faults);
  } finally {
    process.off('unhandledRejection', untyped);
  }
}

async function live(world: World, seed: number, wanted: readonly Fault[] | undefined): Promise<Verdict> {
  const { random, server, clock, witness } = world;
  await world.found();
  if (world.outcomes.get('found done') !== 1) witness.fail('no group for the room');
  const faults = wanted ?? drawn(new Random(seed ^ 0xfa17));
  if (faults.length > 0) server.misbehave(hostility(seed, faults, random));
  const mayExpire = faults.includes('expire');
  const steps = 15 + random.below(25);
  for (let count = 0; count < steps; count++) {
    step(world, mayExpire);
    await clock.advance(random.below(4) === 0 ? random.below(15_000) : random.below(300));
  }
  server.behave();
  for (const device of world.devices)
    if (!device.isAlive) void world.begin(device, 'start', () => device.start());
  await clock.advance(60_000);
  await world.finish();
  const rounds = await settle(world);
  if (rounds !== undefined) await lastWords(world);
  judge(world, faults, rounds);
  return {
    seed,
    faults,
    failures: [...witness.failures],
    outcomes: world.outcomes,
    told: tally(world.devices.flatMap(({ told }) => told.map(({ kind, code }) => `${kind} ${code}`))),
    shown: witness.shownCount,
    rounds,
    epoch: clusters(world).join(' | '),
  };
}

function drawn(random: Random): readonly Fault[] {
  const count = random.below(4);
  return [...new Set(Array.from({ length: count }, () => random.pick(DRAWN)))];
}

function hostility(seed: number, faults: readonly Fault[], random: Random): Hostility {
  const rates = (): Rates =>
    Object.fromEntries(faults.map((fault) => [fault, rateOf(fault) * (0.2 + random.below(10) / 10)]));
  return { seed, live: rates(), ...(random.below(2) === 0 && { archive: rates() }) };
}

function rateOf(fault: Fault): number {
  return fault === 'restart' ? 0.01 : 0.1;
}

/** Everybody reads again, later and later, until all agree. */
async function settle(world: World): Promise<number | undefined> {
  for (const [round, hours] of ROUNDS_H.entries()) {
    await world.clock.advance(hours * 3_600_000);
    for (const device of world.devices) void world.begin(device, 'read', () => device.catchUp());
    await world.finish();
    await world.clock.advance(30_000);
    await world.finish();
    if (clusters(world).length <= 1 && missing(world).length === 0) return round;
  }
  return undefined;
}

/** Devices that take part in the room, as they see it. */
function present(world: World): Device[] {
  return world.devices.filter((device) => !device.hasLeft && world.roomOf(device)?.status === 'active');
}

/** The states that devices are in, with their names. */
function clusters(world: World): string[] {
  const states = new Map<string, string[]>();
  for (const device of present(world)) {
    const group = world.roomOf(device)?.group;
    const state =
      group === undefined
        ? ''
        : `${toHex(group.id).slice(0, 6)} ${group.epoch} ${toHex(group.epochAuthenticator).slice(0, 12)}`;
    states.set(state, [...(states.get(state) ?? []), device.label]);
  }
  return [...states].map(([state, labels]) => `${state}: ${labels.join(',')}`);
}

/** Devices that the group has, and that do not take part. */
function missing(world: World): string[] {
  const here = present(world);
  const [first] = here;
  const members = first === undefined ? [] : (world.roomOf(first)?.members ?? []);
  const names = new Set(members.map(({ jid, device }) => `${jid}/${device}`));
  return world.devices
    .filter((device) => !device.hasLeft && names.has(device.name) !== here.includes(device))
    .map(({ label }) => label);
}

/** Whoever is in says something, and all the others hear it. */
async function lastWords(world: World): Promise<void> {
  const here = present(world);
  const before = world.witness.sent.size;
  for (const device of here) {
    const room = world.roomOf(device);
    if (room !== undefined) void world.say(device, room);
  }
  await world.finish();
  await world.clock.advance(60_000);
  for (const { body, resolved } of [...world.witness.sent.values()].slice(before)) {
    if (!resolved) world.witness.fail(`in peace ${body} could not be said`);
    for (const device of present(world))
      if (
        here.includes(device) &&
        !body.includes(`${device.label}#`) &&
        !world.witness.has(device.name, body)
      )
        world.witness.fail(`in peace ${device.label} did not hear ${body}`);
  }
}

const TYPED = ['state.desync', 'xmpp.gap', 'state.not-member', 'xmpp.binding'];

function judge(world: World, faults: readonly Fault[], rounds: number | undefined): void {
  const { witness } = world;
  const isPeace = faults.length === 0;
  if (rounds === undefined) {
    const state = `${clusters(world).join(' | ')}; missing ${missing(world).join(',')}`;
    if (isPeace) witness.fail(`no agreement: ${state}`);
    const silent = present(world).every(
      (device) => !device.told.some(({ code }) => TYPED.includes(code)) && device.lastCatchUp === undefined,
    );
    // Whose Welcome the service has lost cannot know of it.
    if (silent && clusters(world).length > 1) witness.fail(`no agreement, and nobody has told: ${state}`);
  }
  if (faults.some((fault) => UNSEEN.includes(fault))) return;
  for (const sent of witness.sent.values()) if (sent.resolved) judgeDelivery(world, sent.body, isPeace);
}

/** Whoever was there when it was said, and ever since, has it, or was told of a hole. */
function judgeDelivery(world: World, body: string, isPeace: boolean): void {
  const { witness } = world;
  for (const wire of witness.wires.get(body) ?? []) {
    const readers = witness.readersOf(wire);
    // What a service loses of an account's own archive, nobody but the service knows.
    const isOrdered = witness.sent.get(body)?.talk.startsWith('room') === true;
    if (readers === undefined || !(isPeace || isOrdered)) continue;
    for (const device of world.devices) {
      if (!readers.has(device.name) || wire.by === device.name || witness.has(device.name, body)) continue;
      const isIn = device.mls?.conversations.some(
        ({ group, status }) => status === 'active' && group !== undefined && toHex(group.id) === wire.group,
      );
      if (isIn !== true || device.hasLeft || !witness.stayed(device.name, wire)) continue;
      const told = device.told.some(({ code, kind }) => kind === 'undecryptable' || TYPED.includes(code));
      if (isPeace || !told)
        witness.fail(`${device.label} was never shown ${body}${told ? ', and was told of a hole' : ''}`);
    }
  }
}

function tally(all: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}
