/** One client with its seeded randomness, its KeyPackages and its seats; it can be restarted at any moment. */

import type { Client, ExternalJoinOffer, Group, KeyPair, Provider } from '../../src/index.ts';
import type { Door } from './door.ts';
import { type Entry, expectSame, type PolicyFact, type SeatFact } from './facts.ts';
import type { Room } from './room.ts';
import type { Seat } from './seat.ts';

/** An extension that all clients of the model understand. */
export const EXTENSION = 0xf0a1;

/** A KeyPackage that was published. */
export interface PublishedKeyPackage {
  readonly id: number;
  readonly message: Uint8Array;
  readonly secrets: Uint8Array;
  isUsed: boolean;
}

/** An external commit that waits for the delivery service. */
export interface Offer {
  readonly room: Room;
  readonly entry: Entry;
  readonly join: ExternalJoinOffer;
}

/** How devices are made. */
export interface DeviceOptions {
  readonly door: Door;
  readonly suite: number;
  readonly seed: number;
  readonly policy: PolicyFact;
  readonly handshake: 'private' | 'public';
}

/** One device of one user. */
export class Device {
  readonly name: string;
  readonly policy: PolicyFact;
  readonly psks = new Set<number>();
  readonly seats = new Map<string, Seat>();
  readonly keyPackages: PublishedKeyPackage[] = [];
  /** KeyPackages that this run of the client has used. */
  readonly usedNow = new Set<number>();
  /** Entries whose plaintext was shown, over all seats: none twice. */
  readonly shown = new Set<number>();
  offers: Offer[] = [];
  client: Client;
  readonly #options: DeviceOptions;
  readonly #provider: Provider;
  readonly #signer: KeyPair;

  constructor(name: string, options: DeviceOptions) {
    this.name = name;
    this.#options = options;
    this.policy = options.policy;
    this.#provider = options.door.seededProvider(options.seed);
    const suite = this.#provider.suite(options.suite);
    this.#signer = suite.signatureKeyPair(this.#provider.random(suite.sizes.signatureSeed));
    this.client = this.#makeClient(this.#provider);
  }

  /** A throw-away copy of a seat's group, in a client that has all groups of this one and randomness of its own. */
  twin(seat: Seat): Group {
    const client = this.#makeClient(this.#options.door.seededProvider(this.#options.seed ^ 0x5eed));
    for (const other of this.seats.values()) if (other !== seat) client.load(other.bytes());
    return client.load(seat.bytes());
  }

  /** A fresh KeyPackage, or the newest published one. */
  keyPackage(fresh: boolean): PublishedKeyPackage {
    const newest = this.keyPackages.at(-1);
    if (!fresh && newest !== undefined && !newest.isUsed) return newest;
    const { message, secrets } = this.client.createKeyPackage();
    const made = { id: this.keyPackages.length, message, secrets, isUsed: false };
    this.keyPackages.push(made);
    return made;
  }

  /**
   * The process ends and starts again from what was saved: groups, pending commits and unused KeyPackages are there,
   * staged commits and offers are not.
   * @param records where a seat's record is not its present state
   */
  restart(
    records: ReadonlyMap<Seat, { readonly bytes: Uint8Array; readonly fact: SeatFact }> = new Map(),
  ): void {
    const saved = [...this.seats.values()].map((seat) => {
      const record = records.get(seat) ?? { bytes: seat.bytes(), fact: seat.fact };
      return { seat, ...record };
    });
    for (const { seat } of saved) seat.group.close();
    this.client = this.#makeClient(this.#provider);
    this.usedNow.clear();
    this.offers = [];
    for (const one of this.keyPackages) if (!one.isUsed) this.client.restoreKeyPackage(one.secrets);
    for (const { seat, bytes, fact } of saved) seat.reload(this.client.load(bytes), bytes, fact);
  }

  /** Put a record in a place where nothing may be different. */
  expectSameBytes(what: string, group: Group, bytes: Uint8Array): void {
    expectSame(what, Buffer.from(group.save()).toString('hex'), Buffer.from(bytes).toString('hex'));
  }

  #makeClient(provider: Provider): Client {
    const { door, suite, policy, handshake } = this.#options;
    return door.createClient({
      credential: { credentialType: 1, identity: new TextEncoder().encode(this.name) },
      validateCredential: () => true,
      provider,
      suite,
      signer: this.#signer,
      clock: () => 1_800_000_000,
      psks: (id) => (id.pskType === 1 ? this.#psk(id.pskId) : undefined),
      policy: { ...policy, handshake, extensionTypes: [EXTENSION] },
    });
  }

  #psk(pskId: Uint8Array): Uint8Array | undefined {
    const text = new TextDecoder().decode(pskId);
    const known = [...this.psks].some((psk) => pskName(psk) === text);
    return known ? new TextEncoder().encode(`value of ${text}`) : undefined;
  }
}

/** Id of an external PSK. */
export function pskName(id: number): string {
  return `psk ${id}`;
}
