/** A handful of devices in one room, and one of them on a disk that loses power. */

import { toHex } from '../../src/base/bytes.ts';
import { provider as plain } from '../../src/crypto/node/index.ts';
import type { KeyValueStore } from '../../src/storage/backend.ts';
import { journaled } from '../../src/storage/journaled.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import type { OpenOptions } from '../../src/storage/store.ts';
import { seeded } from '../support/seeded.ts';
import { SimulatedDisk } from '../support/simulatedDisk.ts';
import { Device } from './device.ts';
import { Ledger } from './ledger.ts';
import { Network } from './network.ts';
import { remembering } from './remembering.ts';
import { Witness } from './witness.ts';

/** What somebody does. It may be cut short, and is then done again. */
export type Step = readonly [who: string, what: (device: Device, world: World) => Promise<unknown>];

/** Records by name. */
export type Contents = ReadonlyMap<string, Uint8Array>;

/** All devices between two steps, switched off. */
export interface Frozen {
  readonly network: Network;
  readonly ledger: Ledger;
  readonly devices: ReadonlyMap<string, { readonly contents: Contents; readonly witness: Witness }>;
}

/** How to wake a world up. */
export interface WorldOptions {
  readonly seed: number;
  /** Whoever is on the disk. */
  readonly victim?: string;
  readonly open?: Partial<OpenOptions>;
}

/** Devices that are on. */
export class World {
  readonly network: Network;
  readonly ledger: Ledger;
  readonly devices = new Map<string, Device>();
  readonly #backends = new Map<string, KeyValueStore>();
  readonly #options: WorldOptions;
  #disk = new SimulatedDisk();
  /** Told when the power failed, gives the disk to go on with. */
  #onCut: (disk: SimulatedDisk) => SimulatedDisk = () => {
    throw new Error('nobody expected a cut');
  };

  /** Told of every other failure of the victim. @returns whether to start it again before the step is tried again */
  onFault: (error: unknown, tries: number) => Promise<boolean> = async (error) => {
    throw error;
  };

  constructor(names: readonly string[], frozen: Frozen | undefined, options: WorldOptions) {
    this.#options = options;
    this.network = new Network(frozen?.network.memory);
    this.ledger = new Ledger(frozen?.ledger);
    for (const [i, name] of names.entries()) {
      const kept = frozen?.devices.get(name);
      const isVictim = name === options.victim;
      this.devices.set(
        name,
        new Device({
          name,
          network: this.network,
          ledger: this.ledger,
          provider: remembering(seeded(options.seed * 100 + i)),
          witness: new Witness(kept?.witness.memory),
          open: isVictim ? (options.open ?? {}) : { lostWrites: 0 },
        }),
      );
      if (isVictim) this.#disk = diskOf(kept?.contents);
      else this.#backends.set(name, backendOf(kept?.contents));
    }
  }

  /** The disk of the victim. */
  get disk(): SimulatedDisk {
    return this.#disk;
  }

  get(name: string): Device {
    const device = this.devices.get(name);
    if (device === undefined) throw new Error(`nobody is called ${name}`);
    return device;
  }

  /** Switch everybody on and play. @param onCut what to go on with when the power failed */
  async play(steps: readonly Step[], onCut?: (disk: SimulatedDisk) => SimulatedDisk): Promise<void> {
    if (onCut !== undefined) this.#onCut = onCut;
    for (const [name, device] of this.devices) await this.#surely(name, () => this.#start(device));
    for (const [name, what] of steps) await this.#surely(name, () => what(this.get(name), this));
    const { victim } = this.#options;
    if (victim !== undefined && this.#disk.off) await this.#surely(victim, async () => this.#needPower());
  }

  /** Stop a device in good order, and start it again. */
  async restart(device: Device): Promise<void> {
    await device.close();
    await this.#start(device);
  }

  /** Switch everybody off. */
  async freeze(): Promise<Frozen> {
    const devices = new Map<string, { contents: Contents; witness: Witness }>();
    for (const [name, device] of this.devices) {
      await device.close();
      devices.set(name, { contents: await contentsOf(this.#backendOf(name)), witness: device.witness });
    }
    return { network: this.network, ledger: this.ledger, devices };
  }

  /** What is wrong in the end; all is well when there is nothing. */
  faults(): readonly string[] {
    const active = [...this.devices.values()]
      .filter(({ isIn }) => isIn)
      .filter(({ group }) => group.group.isActive);
    const epochs = new Set(active.map(({ group }) => toHex(group.group.epochAuthenticator)));
    return [
      ...this.ledger.repetitions(),
      ...(epochs.size > 1 ? ['members disagree about the epoch'] : []),
      ...[...this.devices.values()].flatMap((device) => device.witness.missed(device.name, this.network)),
    ];
  }

  /** Until it is done, however often the power fails. */
  async #surely(name: string, what: () => Promise<unknown>): Promise<void> {
    let isOff = false;
    for (let tries = 0; tries < 10; tries++) {
      try {
        if (isOff) await this.#start(this.get(name));
        isOff = false;
        await what();
        return;
      } catch (error) {
        if (name !== this.#options.victim) throw error;
        if (this.#disk.off) {
          this.#disk = this.#onCut(this.#disk);
          isOff = true;
        } else isOff = (await this.onFault(error, tries)) || isOff;
      }
    }
    throw new Error('it failed too often');
  }

  #needPower(): void {
    if (this.#disk.off) throw new Error('there is no power');
  }

  async #start(device: Device): Promise<void> {
    await device.open(this.#backendOf(device.name));
  }

  #backendOf(name: string): KeyValueStore {
    return this.#backends.get(name) ?? journaled(this.#disk, plain);
  }
}

/** What a backend holds. */
export async function contentsOf(backend: KeyValueStore): Promise<Contents> {
  const contents = new Map<string, Uint8Array>();
  for await (const [key, value] of backend.scan('')) contents.set(key, value);
  return contents;
}

/** A backend in memory that holds something. */
export function backendOf(contents: Contents = new Map()): KeyValueStore {
  const backend = memoryBackend();
  // Done at once: nothing in it waits.
  void backend.batch([...contents].map(([key, value]) => ({ type: 'put', key, value })));
  return backend;
}

function diskOf(contents: Contents = new Map()): SimulatedDisk {
  return new SimulatedDisk(new Map([...contents].map(([key, value]) => [`d/${key}`, value])));
}
