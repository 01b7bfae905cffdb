/** What people do in the scenarios in which the power fails. */

import { add, remove, update } from '../../src/group/proposals.ts';
import type { OpenOptions } from '../../src/storage/store.ts';
import type { Device } from './device.ts';
import { type Frozen, type Step, World } from './world.ts';

/** A story, and who is on the disk. */
export interface Scenario {
  readonly name: string;
  readonly people: readonly string[];
  readonly victims: readonly string[];
  /** Played once, without cuts. */
  readonly before?: readonly Step[];
  readonly steps: readonly Step[];
  /** How victims open their stores. @defaultValue no lost writes are reckoned with, so that reservation is all there is */
  readonly open?: Partial<OpenOptions>;
}

const [ALICE, BOB, CAROL] = ['alice', 'bob', 'carol'] as const;

/** Everybody takes in what there is. */
function all(...names: readonly string[]): readonly Step[] {
  return names.map((name) => [name, (device) => device.receive()] as const);
}

/** Everybody says a last word, which all others hear. */
function lastWords(...names: readonly string[]): readonly Step[] {
  const said = names.map((name) => [name, (device: Device) => device.say(`text last of ${name}`)] as const);
  return [...all(...names), ...said, ...all(...names)];
}

/** Somebody adds people who have published KeyPackages. */
function invite(host: string, ...guests: readonly string[]): readonly Step[] {
  return [
    ...guests.map((name) => [name, (device: Device) => device.publishKeyPackage()] as const),
    [
      host,
      (device, { network }) =>
        device.commit(
          `invite ${guests.join()}`,
          guests.map((name) => add(network.packages.get(name) as Uint8Array)),
        ),
    ],
    [host, (device) => device.receive()],
    ...guests.map((name) => [name, (device: Device) => device.join()] as const),
  ];
}

const ROOM: readonly Step[] = [[ALICE, (device) => device.createGroup()], ...invite(ALICE, BOB, CAROL)];
const COUPLE: readonly Step[] = [[ALICE, (device) => device.createGroup()], ...invite(ALICE, BOB)];

const MANY = Array.from({ length: 18 }, (_, i) => `text many ${String(i).padStart(2, '0')}`);

/** Stories that between them take every kind of step. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'found, invite, join',
    people: [ALICE, BOB],
    victims: [ALICE, BOB],
    steps: [
      ...COUPLE,
      [BOB, (device) => device.say('text first of bob')],
      ...all(ALICE),
      [ALICE, (device) => device.acknowledge()],
      ...lastWords(ALICE, BOB),
    ],
  },
  {
    name: 'say much',
    people: [ALICE, BOB],
    victims: [ALICE],
    before: COUPLE,
    steps: [
      // More than one write allows for, then again one by one.
      [ALICE, (device) => device.sayAll(MANY)],
      [ALICE, (device) => device.say('text one')],
      [ALICE, (device) => device.sayAll(['text two', 'text three'])],
      ...lastWords(ALICE, BOB),
    ],
  },
  {
    name: 'hear much',
    people: [ALICE, BOB],
    victims: [ALICE],
    before: COUPLE,
    steps: [
      [BOB, (device) => device.sayAll(['text b0', 'text b1', 'text b2', 'text b3', 'text b4', 'text b5'])],
      // Not in their order: keys are passed over, and used later.
      [ALICE, (device, { network }) => device.receive([3, 0, 5].map((i) => placeOf(network, `text b${i}`)))],
      [ALICE, (device) => device.acknowledge(2)],
      [ALICE, (device, { network }) => device.receive([placeOf(network, 'text b4')])],
      ...lastWords(ALICE, BOB),
      [ALICE, (device) => device.acknowledge()],
    ],
  },
  {
    name: 'commits',
    people: [ALICE, BOB, CAROL],
    victims: [ALICE],
    before: ROOM,
    steps: [
      [ALICE, (device) => device.commit('own')],
      ...all(ALICE, BOB),
      [BOB, (device) => device.commit('other')],
      ...lastWords(ALICE, BOB, CAROL),
    ],
  },
  {
    name: 'a commit that comes too late',
    people: [ALICE, BOB],
    victims: [ALICE],
    before: COUPLE,
    steps: [
      [ALICE, (device) => device.commit('late', [], { publish: false })],
      [BOB, (device) => device.commit('soon')],
      [ALICE, (device) => device.flush()],
      ...lastWords(ALICE, BOB),
    ],
  },
  {
    name: 'proposals committed by another one',
    people: [ALICE, BOB, CAROL],
    victims: [ALICE],
    before: ROOM,
    steps: [
      [CAROL, (device) => device.propose('wish of carol', update())],
      [ALICE, (device) => device.propose('wish of alice', update())],
      ...all(ALICE, BOB),
      [BOB, (device) => device.commit('wishes')],
      ...lastWords(ALICE, BOB, CAROL),
    ],
  },
  {
    name: 'proposals by reference',
    people: [ALICE, BOB, CAROL],
    victims: [ALICE],
    before: ROOM,
    steps: [
      [CAROL, (device) => device.propose('wish of carol', update())],
      [BOB, (device) => device.propose('wish of bob', update())],
      ...all(ALICE),
      [ALICE, (device) => device.commit('wishes')],
      ...lastWords(ALICE, BOB, CAROL),
    ],
  },
  {
    name: 'early messages',
    people: [ALICE, BOB],
    victims: [ALICE],
    before: COUPLE,
    steps: [
      [BOB, (device) => device.commit('next')],
      ...all(BOB),
      [BOB, (device) => device.sayAll(['text early 0', 'text early 1', 'text early 2'])],
      [
        ALICE,
        (device, { network }) => device.receive([1, 0].map((i) => placeOf(network, `text early ${i}`))),
      ],
      ...lastWords(ALICE, BOB),
    ],
  },
  {
    name: 'by itself',
    people: [ALICE, BOB, CAROL],
    victims: [CAROL],
    before: COUPLE,
    steps: [
      // Whose offer comes too late has to make another one.
      [CAROL, (device, world) => enter(device, world, 'enter', true)],
      [CAROL, (device, world) => enter(device, world, 'enter', false)],
      [CAROL, (device) => device.say('text of carol')],
      ...all(CAROL, ALICE, BOB),
      [CAROL, (device, world) => enter(device, world, 'resync', false, true)],
      ...lastWords(ALICE, BOB, CAROL),
    ],
  },
  {
    name: 'removed, gone, back',
    people: [ALICE, BOB, CAROL],
    victims: [ALICE],
    before: ROOM,
    steps: [
      [BOB, (device) => device.say('text before')],
      [BOB, (device) => device.commit('out', [remove(memberOf(device, ALICE))])],
      [ALICE, (device, { network }) => device.receive([network.winner(device.group.group.epoch)])],
      ...all(ALICE, BOB, CAROL),
      [ALICE, (device) => device.removeGroup()],
      [ALICE, (device, world) => enter(device, world, 'again', false)],
      ...lastWords(ALICE, BOB, CAROL),
    ],
  },
  {
    name: 'restarts, lost writes reckoned with',
    people: [ALICE, BOB],
    victims: [ALICE],
    before: COUPLE,
    open: { lostWrites: 5 },
    steps: [
      [ALICE, (device) => device.say('text one')],
      [ALICE, (device, world) => world.restart(device)],
      [ALICE, (device) => device.say('text two')],
      [BOB, (device) => device.commit('next')],
      ...lastWords(ALICE, BOB),
    ],
  },
];

/** The world as it is before the first step. */
export async function prepare({ people, before = [] }: Scenario): Promise<Frozen> {
  const world = new World(people, undefined, { seed: 1 });
  await world.play(before);
  return world.freeze();
}

function placeOf({ said }: World['network'], words: string): number {
  return said.find(({ text }) => text === words)?.index ?? -1;
}

function memberOf({ group }: Device, name: string): number {
  const found = group.group.members.find(
    ({ credential }) => 'identity' in credential && new TextDecoder().decode(credential.identity) === name,
  );
  return found?.leaf ?? -1;
}

/** By an external commit with the GroupInfo of alice or bob. @param late whether another commit is published before it */
async function enter(
  device: Device,
  world: World,
  key: string,
  late: boolean,
  resync = false,
): Promise<void> {
  const host = world.get(device.name === BOB ? ALICE : BOB);
  for (let tries = 0; tries < 5; tries++) {
    await host.receive();
    const groupInfo = async (): Promise<Uint8Array> => {
      const info = host.group.group.groupInfo();
      if (late) await host.commit(`before ${key}`);
      return info;
    };
    const entered = await device.enterByItself(key, groupInfo, resync);
    if (entered || late) return;
  }
  throw new Error('there is no way in');
}
