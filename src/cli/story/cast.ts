/** Who plays: devices with their sessions and stores, what they heard, and how they fail. */

import { fail, MlsError } from '../../base/error.ts';
import type { KeyPair } from '../../index.ts';
import type { KeyValueStore } from '../../storage/backend.ts';
import { type MlsStore, openStore } from '../../storage/index.ts';
import { memoryBackend } from '../../storage/memory.ts';
import { el } from '../../xmpp/element.ts';
import { serialise } from '../../xmpp/serialise.ts';
import type { Conversation } from '../../xmpp/session/conversation.ts';
import type { Listener, MlsXmppEvent } from '../../xmpp/session/events.ts';
import { MlsXmpp, type MlsXmppOptions } from '../../xmpp/session/session.ts';
import { systemTimers, type Timers } from '../../xmpp/timers.ts';
import type { Transport } from '../../xmpp/transport.ts';
import type { Line, Stage } from './stage.ts';

type Message = Extract<MlsXmppEvent, { kind: 'message' }>;

/** Milliseconds of the wall's clock that anything may take. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 5;

type Parts = Pick<Device, 'account' | 'resource' | 'disk' | 'line' | 'mls' | 'store' | 'events'>;

/** The state of the machine, and of the application on it. */
interface Power {
  isOn: boolean;
  isWell: boolean;
  /** How alarms that were set are called off. */
  readonly alarms: Set<() => void>;
}

/** One device: of all that it was, only what it kept on its disk outlives a crash. */
export class Device {
  readonly account: string;
  readonly resource: string;
  /** What the disk has. */
  readonly disk: KeyValueStore;
  readonly line: Line;
  readonly mls: MlsXmpp;
  readonly store: MlsStore;
  readonly events: MlsXmppEvent[];
  readonly #power: Power;

  constructor(parts: Parts, power: Power) {
    this.account = parts.account;
    this.resource = parts.resource;
    this.disk = parts.disk;
    this.line = parts.line;
    this.mls = parts.mls;
    this.store = parts.store;
    this.events = parts.events;
    this.#power = power;
  }

  /** For display: `alice/phone`. */
  get name(): string {
    return `${this.account.split('@')[0]}/${this.resource}`;
  }
  get messages(): readonly Message[] {
    return this.events.flatMap((event) => (event.kind === 'message' ? [event] : []));
  }
  /** What went wrong that is worth a word. */
  get faults(): readonly string[] {
    return this.events.flatMap((event) =>
      event.kind === 'fault' || event.kind === 'undecryptable' || event.kind === 'downgrade'
        ? [`${this.name}: ${event.kind} ${event.error.code}`]
        : [],
    );
  }

  /** How often a text was heard. */
  heard(text: string): number {
    return this.messages.filter(({ content }) => content.body === text).length;
  }
  /** The conversation with a room or an account. @throws `state.unknown-group` */
  in(jid: string): Conversation {
    return this.mls.conversations.find((one) => one.jid === jid) ?? fail('state.unknown-group', { jid });
  }
  /** Whether we are a member there. */
  isIn(jid: string): boolean {
    return this.mls.conversations.some((one) => one.jid === jid && one.status === 'active');
  }

  /** From now on the application dies of every message that it is shown. */
  ail(): void {
    this.#power.isWell = false;
  }
  /** The power fails: nothing is written or done any more, and nobody says goodbye. */
  async crash(): Promise<void> {
    this.#power.isOn = false;
    for (const cancel of this.#power.alarms) cancel();
    await this.line.cut();
  }
  /** Online again after a cut. */
  async reconnect(): Promise<void> {
    await this.line.again();
    await this.line.transport.send(el('presence'));
  }
}

/** What a device starts with. */
export interface Entrance {
  readonly account: string;
  readonly resource: string;
  readonly accountKey?: KeyPair | undefined;
  /** What was on the disk. */
  readonly disk?: KeyValueStore;
}

/** All devices of one story, and a wire tap on each. */
export class Cast {
  readonly stage: Stage;
  readonly devices: Device[] = [];
  /** All that devices have sent and got, as XML. */
  readonly tapped: string[] = [];
  readonly #ignored = new Set<Device>();

  constructor(stage: Stage) {
    this.stage = stage;
  }

  /** A device comes online, with what its disk has. @throws what `MlsXmpp.start` throws */
  async enter({ account, resource, accountKey, disk = memoryBackend() }: Entrance): Promise<Device> {
    const { stage } = this;
    const line = await stage.connect(account, resource);
    const transport = this.#tap(line.transport);
    await transport.send(el('presence'));
    const events: MlsXmppEvent[] = [];
    const power: Power = { isOn: true, isWell: true, alarms: new Set() };
    const plugged = whilePlugged(disk, () => power.isOn);
    const store = await openStore(plugged, { provider: stage.provider, lostWrites: 0 });
    const { provider } = stage;
    const timers = timersOf(stage.timers, power);
    const nick = `${account.split('@')[0]}-${resource}`;
    const options = { transport, store, provider, timers, nick };
    const mls = await this.#start({ ...options, ...(accountKey && { accountKey }) }, (event) => {
      const isTaken = power.isOn && (power.isWell || event.kind !== 'message');
      if (!isTaken) fail('storage.durability', { what: 'power' });
      events.push(event);
    }).catch(async (error: unknown) => {
      await line.cut();
      throw error;
    });
    const device = new Device({ account, resource, disk, line, mls, store, events }, power);
    this.devices.push(device);
    return device;
  }

  /** From a crash until its restart a device does not count. */
  forget(device: Device): void {
    this.#ignored.add(device);
  }
  get present(): readonly Device[] {
    return this.devices.filter((device) => !this.#ignored.has(device));
  }

  /** What a tree names by accounts and ids of devices, by the names that the story has for them. */
  named(line: string): string {
    return this.devices.reduce(
      (text, { account, mls, name }) => text.replace(`"${account}/${mls.device.id}"`, name),
      line,
    );
  }

  /** Wait until something is so. @throws `xmpp.timeout` with what was waited for */
  async until(what: string, holds: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!holds()) {
      if (performance.now() > end) fail('xmpp.timeout', { what });
      await new Promise<void>((resolve) => {
        systemTimers.after(LOOK_MS, resolve);
      });
    }
  }

  /** Sessions end. */
  async stop(): Promise<void> {
    for (const { mls } of this.present) await mls.stop();
  }

  /** Lines end. */
  async leave(): Promise<void> {
    for (const { line } of this.present) await line.cut();
  }

  /** All who play may invite each other. */
  #start(options: MlsXmppOptions, listener: Listener): Promise<MlsXmpp> {
    const friends: readonly string[] = this.stage.accounts;
    return MlsXmpp.start({ ...options, mayInvite: (jid) => friends.includes(jid) }, listener);
  }

  #tap(transport: Transport): Transport {
    transport.subscribe((stanza) => this.tapped.push(serialise(stanza)));
    return {
      get jid() {
        return transport.jid;
      },
      send: (stanza) => {
        this.tapped.push(serialise(stanza));
        return transport.send(stanza);
      },
      request: async (iq, timeoutMs) => {
        this.tapped.push(serialise(iq));
        const answer = await transport.request(iq, timeoutMs);
        this.tapped.push(serialise(answer));
        return answer;
      },
      subscribe: (listener) => transport.subscribe(listener),
      watch: (listener) => transport.watch(listener),
      parse: (xml) => transport.parse(xml),
    };
  }
}

/** A clock whose alarms end with the power. */
function timersOf({ now, after }: Timers, power: Power): Timers {
  const { alarms } = power;
  return {
    now,
    after: (ms, run) => {
      if (!power.isOn) return () => undefined;
      const cancel = after(ms, () => {
        alarms.delete(cancel);
        run();
      });
      alarms.add(cancel);
      return () => {
        alarms.delete(cancel);
        cancel();
      };
    },
  };
}

/** A disk that nothing reaches any more when the power is gone. */
function whilePlugged(disk: KeyValueStore, isOn: () => boolean): KeyValueStore {
  const needPower = (): void => {
    if (!isOn()) fail('storage.durability', { what: 'power' });
  };
  return {
    get: async (key) => {
      needPower();
      return disk.get(key);
    },
    scan: (prefix) => disk.scan(prefix),
    batch: async (ops, guard) => {
      needPower();
      await disk.batch(ops, guard);
    },
  };
}

/** The code of a failure, or that there was none. */
export async function codeOf(step: Promise<unknown>): Promise<string> {
  try {
    await step;
    return 'none';
  } catch (error) {
    return error instanceof MlsError ? error.code : 'untyped';
  }
}
