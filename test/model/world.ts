/** The players of one history and what they share: devices, groups, the network between them, and the books. */

import type { Group } from '../../src/index.ts';
import { Random } from '../fuzz/random.ts';
import { Device, type Offer } from './device.ts';
import type { Door } from './door.ts';
import {
  type CommitFact,
  type Entry,
  keepsPsk,
  Mismatch,
  newSeat,
  type PolicyFact,
  type ProposalFact,
  type PskFact,
} from './facts.ts';
import type { Setup } from './history.ts';
import { Room } from './room.ts';
import { Seat } from './seat.ts';
import type { Stats } from './stats.ts';

/** A commit that was sent and has not reached the delivery service. */
export interface Attempt {
  readonly room: Room;
  readonly entry: Entry;
  readonly fact: CommitFact;
  readonly welcome: Uint8Array | undefined;
  readonly groupInfo: Uint8Array | undefined;
  readonly offer: Offer | undefined;
  readonly device: Device;
}

/** What may be put between the model and a group, to plant a bug. */
export type Wrap = (group: Group) => Group;

/** How a history is played. */
export interface WorldOptions {
  readonly door: Door;
  readonly setup: Setup;
  readonly stats: Stats;
  readonly wrap?: Wrap;
}

/** Lines kept to explain a failure. */
const KEPT_LINES = 60;

/** Everything that one history is about. */
export class World {
  readonly setup: Setup;
  readonly devices: readonly Device[];
  readonly rooms: Room[] = [];
  readonly entries: Entry[] = [];
  readonly lines: string[] = [];
  attempts: Attempt[] = [];
  readonly stats: Stats;
  readonly #wrap: Wrap;
  /** The first entry of each proposal reference or message. */
  readonly #references = new Map<string, number>();

  constructor({ door, setup, stats, wrap = (group) => group }: WorldOptions) {
    this.setup = setup;
    this.stats = stats;
    this.#wrap = wrap;
    const random = new Random(setup.seed);
    this.devices = Array.from({ length: setup.devices }, (_, at) => {
      const handshake = random.below(2) === 0 ? 'public' : 'private';
      const seed = random.next();
      return new Device(`d${at}`, { door, suite: setup.suite, seed, policy: policyOf(setup, at), handshake });
    });
  }

  wrapped(group: Group): Group {
    return this.#wrap(group);
  }
  count(what: string, times = 1): void {
    this.stats.count(what, times);
  }
  tell(line: string): void {
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
  }

  /** Every seat of every group. */
  get seats(): Seat[] {
    return this.rooms.flatMap((room) => [...room.seats.values()]);
  }
  room(name: string): Room {
    return this.rooms.find((room) => room.name === name) ?? missing(name);
  }
  device(name: string): Device {
    return this.devices.find((device) => device.name === name) ?? missing(name);
  }
  entry(id: number): Entry {
    return this.entries[id] ?? missing(`entry ${id}`);
  }
  readonly senderOf = (id: number): string => this.entry(id).sender;

  /** A group of one. */
  found(device: Device): Room {
    const name = `room${this.rooms.length}`;
    const id = new TextEncoder().encode(name);
    const room = new Room(name, id, { epoch: 0, members: [device.name], extensions: undefined });
    this.rooms.push(room);
    this.sit(device, room, device.client.createGroup({ id }), 0);
    return room;
  }

  /** A device takes a seat; what was said since is in its inbox. */
  sit(device: Device, room: Room, group: Group, epoch: number): Seat {
    this.tell(`${device.name} sits in ${room.name} at ${epoch}`);
    const seat = new Seat(this, { device, room }, group, newSeat(room.name, device.name, epoch));
    const entered = room.winners.get(epoch - 1);
    seat.inbox.push(...room.log.slice(entered === undefined ? 0 : room.log.indexOf(entered) + 1));
    return seat;
  }

  /** Write down a message that a seat or a joiner has made. */
  record(made: Omit<Entry, 'id' | 'ref'>, reference = made.bytes): Entry {
    const id = this.entries.length;
    const key = `${made.body.kind} ${Buffer.from(reference).toString('hex')}`;
    const ref = this.#references.get(key) ?? id;
    this.#references.set(key, ref);
    const entry = { id, ref, ...made };
    this.entries.push(entry);
    this.tell(`${made.sender} makes ${this.show(entry)}`);
    return entry;
  }

  /** A commit reaches the delivery service. @returns whether it won */
  submit(attempt: Attempt): boolean {
    const { room, entry, fact, welcome, groupInfo } = attempt;
    this.attempts = this.attempts.filter((other) => other !== attempt);
    const won = room.submit(entry);
    this.count(won ? 'commit won' : 'commit lost');
    this.tell(`${this.show(entry)} ${won ? 'wins' : 'loses'}`);
    if (!won) return false;
    if (groupInfo !== undefined && fact.successor === undefined) room.groupInfos.set(room.epoch, groupInfo);
    if (welcome !== undefined) {
      const added = fact.items.flatMap((item) => (item.fact.type === 'add' ? [item.fact] : []));
      const invited = new Map(added.map(({ who, keyPackage }) => [who, keyPackage]));
      room.welcomes.push({ room, epoch: room.epoch, bytes: welcome, invited, fact, taken: new Set() });
    }
    return true;
  }

  /** Whether a device can supply a PSK: from the past of one of its groups, or because it was given it. */
  hasPsk(device: Device, psk: PskFact): boolean {
    if (psk.kind === 'external') return device.psks.has(psk.id);
    const seat = device.seats.get(psk.room);
    return seat !== undefined && keepsPsk(seat.fact, psk.epoch, device.policy);
  }

  /** For people. */
  show({ id, body, sender, epoch, isPrivate, room, generation }: Entry): string {
    const key = isPrivate ? `private ${generation}` : 'public';
    const inside = body.kind === 'application' ? '' : ` (${brief(body)})`;
    return `#${id} ${body.kind}${inside} of ${sender} at ${epoch} in ${room}, ${key}`;
  }
}

function brief(body: Exclude<Entry['body'], { kind: 'application' }>): string {
  const one = (fact: ProposalFact): string =>
    Object.values(fact)
      .map((part) => JSON.stringify(part))
      .join(' ');
  if (body.kind === 'proposal') return one(body.fact);
  if (body.fact.external) return `external, -${body.fact.removed.join()}`;
  return body.fact.items.map(({ fact, ref }) => (ref === undefined ? one(fact) : `#${ref}`)).join(', ');
}

const AMPLE: PolicyFact = {
  pastEpochs: 5,
  resumptionEpochs: 32,
  maxForward: 20_000,
  keptKeys: 1000,
  keptProposalsPerSender: 100,
  held: { epochs: 16, count: 100, bytes: 1 << 20 },
};

const POLICIES: readonly PolicyFact[] = [
  AMPLE,
  { ...AMPLE, pastEpochs: 2, resumptionEpochs: 3, keptKeys: 4, keptProposalsPerSender: 3 },
  { ...AMPLE, maxForward: 12, held: { epochs: 3, count: 12, bytes: 1 << 15 } },
  { ...AMPLE, pastEpochs: 0, resumptionEpochs: 1, held: { epochs: 2, count: 40, bytes: 1 << 20 } },
];

/** One policy for all, or one for each of four. */
function policyOf({ policy }: Setup, at: number): PolicyFact {
  const which = policy < POLICIES.length ? policy : at;
  return POLICIES[which % POLICIES.length] as PolicyFact;
}

function missing(what: string): never {
  throw new Mismatch(`${what} is not known`);
}
