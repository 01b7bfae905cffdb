/** One simulated world: a server, accounts with devices, a room and a chat, and what they do. */

import { createNodeProvider } from '../../src/crypto/node/index.ts';
import type { KeyPair } from '../../src/crypto/provider.ts';
import { createServer, type EmbeddedServer } from '../../src/embedded/index.ts';
import type { Conversation } from '../../src/xmpp/session/conversation.ts';
import * as muc from '../../src/xmpp/stanza/muc.ts';
import { Random } from '../fuzz/random.ts';
import { type Clock, clockAt } from '../support/embedded.ts';
import { Device, type Habitat } from './device.ts';
import { bodyOf, Witness } from './witness.ts';

const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'] as const;
/** Virtual milliseconds after which what was begun has to have ended. */
const PATIENCE_MS = 1_800_000;

/** Something that was begun. */
interface Doing {
  readonly what: string;
  readonly device: Device;
  readonly life: number;
}

export class World implements Habitat {
  readonly random: Random;
  readonly clock: Clock = clockAt(1_800_000_000_000);
  readonly server: EmbeddedServer;
  readonly witness = new Witness();
  readonly provider;
  readonly devices: Device[] = [];
  readonly names: readonly string[];
  readonly outcomes = new Map<string, number>();
  readonly log: string[] = [];
  readonly isTalkative: boolean;
  room = '';
  readonly #doing = new Set<Doing>();
  #said = 0;

  constructor(seed: number, isTalkative: boolean) {
    this.isTalkative = isTalkative;
    this.random = new Random(seed);
    const bytes = new Random(seed ^ 0x5eed);
    this.names = NAMES.slice(0, 3 + this.random.below(4));
    this.provider = this.witness.watch(createNodeProvider({ random: (length) => bytes.bytes(length) }));
    const ids = new Random(seed ^ 0x1d);
    this.server = createServer({
      timers: this.clock,
      random: (length) => ids.bytes(length),
      dialect: this.random.below(2) === 0 ? 'prosody' : 'ejabberd',
      latencyMs: this.random.below(3) * 40,
    });
    for (const name of this.names) this.server.addUser(name);
    for (const a of this.names) for (const b of this.names) if (a < b) this.server.befriend(a, b);
  }

  note(what: string): void {
    if (this.isTalkative) console.log(`${this.clock.now() - 1_800_000_000_000} ${what}`);
  }

  /** Do something, and see how it ends. */
  begin(device: Device, what: string, step: () => Promise<unknown>): Promise<void> {
    this.note(`${device.label} begins ${what}`);
    const done = step();
    // A start has begun another life.
    const doing: Doing = { what, device, life: device.life };
    this.#doing.add(doing);
    return done.then(
      () => this.#ended(doing, 'done'),
      (error: unknown) => this.#ended(doing, this.#isOver(doing) ? 'over' : device.trouble(what, error)),
    );
  }

  /** Let time pass until something has ended. */
  async until(ended: () => boolean, mostMs = PATIENCE_MS): Promise<boolean> {
    const end = this.clock.now() + mostMs;
    while (!ended()) {
      if (this.clock.now() >= end) return false;
      await this.clock.advance(500);
    }
    return true;
  }

  /** Wait for all that was begun by those who live. */
  async finish(): Promise<void> {
    const left = (): Doing[] => [...this.#doing].filter((doing) => !this.#isOver(doing));
    if (await this.until(() => left().length === 0)) return;
    for (const { device, what } of left()) this.witness.fail(`${device.label} ${what} never ended`);
    this.#doing.clear();
  }

  async add(name: string, accountKey?: KeyPair): Promise<Device> {
    const count = this.devices.filter(({ account }) => account === name).length;
    const device = new Device(this, name, `r${count + 1}`, accountKey);
    this.devices.push(device);
    await this.begin(device, 'start', () => device.start());
    return device;
  }

  /** The room's conversation on a device. */
  roomOf(device: Device): Conversation | undefined {
    return device.mls?.conversations.find(({ kind }) => kind === 'room');
  }

  chatOf(device: Device): Conversation | undefined {
    return device.mls?.conversations.find(({ kind }) => kind === 'chat');
  }

  say(device: Device, conversation: Conversation): Promise<void> {
    const body = bodyOf(device.label, ++this.#said);
    const own = device.name.split('/')[0] as string;
    const talk =
      conversation.kind === 'room'
        ? `room ${conversation.jid}`
        : `chat ${own} ${conversation.jid}`;
    const sent = { body, by: device.name, talk, resolved: false };
    this.witness.sent.set(body, sent);
    return this.begin(device, `send ${body} in ${conversation.kind}`, async () => {
      await conversation.send(body);
      sent.resolved = true;
    });
  }

  /** Everybody's first device, the room, and its group. */
  async found(): Promise<void> {
    const starts = this.names.map((name) => this.add(name));
    await this.finish();
    const [owner] = await Promise.all(starts);
    if (owner === undefined) return;
    this.room = `garden@${this.server.rooms}`;
    const made = this.begin(owner, 'make the room', () => this.#makeRoom(owner));
    await this.finish();
    await made;
    const { mls } = owner;
    if (mls === undefined) return;
    void this.begin(owner, 'found', () => mls.room(this.room));
    await this.finish();
    const conversation = this.roomOf(owner);
    const invited = this.names.slice(1).filter((_, index) => index < 2 || this.random.below(2) === 0);
    void this.begin(owner, 'invite', async () => conversation?.invite(...invited.map((name) => this.jidOf(name))));
    await this.finish();
    void this.begin(owner, 'chat', () => mls.chat(this.jidOf(this.names[1] as string)));
    await this.finish();
    await this.clock.advance(5000);
  }

  jidOf(name: string): string {
    return `${name}@${this.server.domain}`;
  }

  async #makeRoom(owner: Device): Promise<void> {
    const transport = owner.connection?.transport;
    if (transport === undefined) return;
    await transport.send(muc.enter(this.room, owner.account));
    await owner.pause(200);
    const form = muc.readRoomConfiguration(await transport.request(muc.roomConfiguration(this.room)));
    const wanted: Record<string, string> = {
      'muc#roomconfig_persistentroom': '1',
      'muc#roomconfig_membersonly': '1',
      'muc#roomconfig_whois': 'anyone',
      'muc#roomconfig_moderatedroom': '0',
      'muc#roomconfig_enablearchiving': '1',
      mam: '1',
    };
    const fields = Object.fromEntries(Object.entries(wanted).filter(([field]) => form.has(field)));
    await transport.request(muc.configureRoom(this.room, fields));
    for (const name of this.names.slice(1))
      await transport.request(muc.affiliateTo(this.room, this.jidOf(name), 'member'));
  }

  #isOver({ device, life }: Doing): boolean {
    return !device.isAlive || device.life !== life;
  }

  #ended(doing: Doing, outcome: string): void {
    this.#doing.delete(doing);
    const kind = `${doing.what.split(' ')[0]} ${outcome}`;
    this.note(`${doing.device.label} ${doing.what} ends: ${outcome}`);
    this.outcomes.set(kind, (this.outcomes.get(kind) ?? 0) + 1);
  }
}
