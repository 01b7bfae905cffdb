/** Our own KeyPackages at their node: MLS for XMPP, version 0, sections 2.1 and 2.2. */

import { equal, toHex } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import type { Extension } from '../index.ts';
import type { MlsStore, Records, StoredClient } from '../storage/index.ts';
import { refuse } from './element.ts';
import {
  allWithdrawn,
  caughtUp,
  decodeShelf,
  encodeShelf,
  isDue,
  KEY_PACKAGE_LIFETIME,
  lacking,
  onOffer,
  outdated,
  type Shelf,
  type Shelved,
  taken,
  withdrawn,
  withNew,
} from './keyPackageShelf.ts';
import type { Nodes } from './nodes.ts';
import {
  buildKeyPackages,
  type KeyPackageItem,
  NODE_KEY_PACKAGES,
  NODE_OPTIONS,
  readKeyPackages,
} from './stanza/mlsItems.ts';
import type { Timers } from './timers.ts';

/** What {@link OwnKeyPackages} is made of. */
export interface OwnKeyPackagesOptions {
  readonly nodes: Nodes;
  readonly store: MlsStore;
  /** Our clients, one for each suite. */
  readonly clients: readonly StoredClient[];
  /** This device: the account's bare JID and the device id. */
  readonly device: { readonly jid: string; readonly deviceId: string };
  /** Extensions of the leaves by suite: the certificate. @defaultValue those that the client has for all its leaves */
  readonly leafExtensions?: (suite: number) => readonly Extension[];
  readonly timers: Timers;
  /** One-time KeyPackages for each suite, 2 to 16. @defaultValue 8 */
  readonly oneTime?: number;
}

/** Why it is time to look. */
export interface Occasion {
  /** A new session: see what the server has. @defaultValue false */
  readonly login?: boolean;
  /** Somebody has added us since. @defaultValue false */
  readonly joined?: boolean;
  /** All messages that had been waiting were read. @defaultValue false */
  readonly caughtUp?: boolean;
}

/** What a join used. */
export interface KeyPackageUse {
  /** Through a last resort: renew the leaf before the first message. */
  readonly lastResort: boolean;
  /** It had been used before: likewise. */
  readonly again: boolean;
}

const RECORD = 'xmpp/keypackages';

/** The KeyPackages of this device. One for each device; its methods run one after another. */
export class OwnKeyPackages {
  readonly #options: OwnKeyPackagesOptions;
  readonly #oneTime: number;
  #shelf: Shelf;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: OwnKeyPackagesOptions, shelf: Shelf) {
    this.#options = options;
    this.#oneTime = options.oneTime ?? 8;
    this.#shelf = shelf;
  }

  /** Take up what the store has. @throws `storage.corrupt`, other `storage.*`, `codec.input` for `oneTime` */
  static async open(options: OwnKeyPackagesOptions): Promise<OwnKeyPackages> {
    const { oneTime = 8 } = options;
    if (!Number.isInteger(oneTime) || oneTime < 2 || oneTime > 16)
      fail('codec.input', { oneTime, min: 2, max: 16 });
    return new OwnKeyPackages(options, decodeShelf(await options.store.get(RECORD)));
  }

  /**
   * Have enough KeyPackages published, and forget the private halves whose time is over.
   * @returns whether something was published
   * @throws as `Nodes.publish` and `Nodes.fetch`, `storage.*`
   */
  maintain(occasion: Occasion = {}): Promise<boolean> {
    const run = this.#last.then(
      () => this.#maintain(occasion),
      () => this.#maintain(occasion),
    );
    this.#last = run.catch(() => {});
    return run;
  }

  /**
   * Note in the batch of a join which KeyPackage it took; then call {@link maintain}.
   * @param ref as `StoredJoin.keyPackage`
   * @returns nothing for one that was not made here
   */
  use(ref: Uint8Array, records: Records): KeyPackageUse | undefined {
    const found = taken(this.#shelf, (one) => equal(one.ref, ref), this.#now());
    if (found === undefined) return undefined;
    this.#shelf = found.shelf;
    records.put(RECORD, encodeShelf(found.shelf));
    return { lastResort: found.one.lastResort, again: found.one.used !== undefined };
  }

  async #maintain({
    login = false,
    joined = false,
    caughtUp: isCaughtUp = false,
  }: Occasion): Promise<boolean> {
    const now = this.#now();
    if (isCaughtUp) await this.#change(caughtUp);
    await this.#forget(now);
    const served = login ? await this.#served() : undefined;
    // The server has lost what it had: whoever has a copy of it may have lost more.
    if (login && served === undefined) await this.#change(allWithdrawn);
    if (!login && !joined && !this.#isDue(now)) return false;
    await this.#fill(now);
    const offered = onOffer(this.#shelf);
    const isOther = login && !isSame(served ?? [], offered);
    if (!isOther && !this.#isDue(now)) return false;
    await this.#publish(offered, now);
    return true;
  }

  #isDue(now: number): boolean {
    const suites = this.#options.clients.map(({ suite }) => suite);
    return isDue(this.#shelf, suites, this.#oneTime, now);
  }

  /** Replace what is to be replaced. What is made is durable before it is published. */
  async #fill(now: number): Promise<void> {
    const { clients } = this.#options;
    const kept = new Set(
      clients.flatMap(({ suite, keyPackages }) => keyPackages.map((ref) => `${suite} ${ref}`)),
    );
    const has = ({ suite, ref }: Shelved): boolean => kept.has(`${suite} ${toHex(ref)}`);
    await this.#change((shelf) => withdrawn(shelf, now, has));
    for (const client of clients) {
      const lack = lacking(this.#shelf, client.suite, this.#oneTime);
      const made: Shelved[] = [];
      for (let i = 0; i < lack.oneTime; i++) made.push(await this.#make(client, false, now));
      for (let i = 0; i < lack.lastResort; i++) made.push(await this.#make(client, true, now));
      if (made.length > 0) await this.#change((shelf) => withNew(shelf, made));
    }
  }

  async #make(client: StoredClient, lastResort: boolean, now: number): Promise<Shelved> {
    const { leafExtensions } = this.#options;
    const { suite } = client;
    const { message, ref } = await client.createKeyPackage({
      lifetimeSeconds: KEY_PACKAGE_LIFETIME,
      lastResort,
      // Two can have fetched the same one: it works for both.
      reusable: true,
      ...(leafExtensions && { leafExtensions: leafExtensions(suite) }),
    });
    const [made, notAfter] = [BigInt(now), BigInt(now + KEY_PACKAGE_LIFETIME)];
    return {
      suite,
      lastResort,
      ref,
      message,
      made,
      notAfter,
      isWithdrawn: false,
      used: undefined,
      isCaughtUp: false,
    };
  }

  async #publish(packages: readonly Shelved[], now: number): Promise<void> {
    const { nodes, device } = this.#options;
    const item = { id: device.deviceId, payload: buildKeyPackages(packages) };
    await nodes.publish(NODE_KEY_PACKAGES, item, NODE_OPTIONS.keyPackages);
    await this.#change((shelf) => ({ ...shelf, published: BigInt(now) }));
  }

  async #served(): Promise<readonly KeyPackageItem[] | undefined> {
    const { nodes, device } = this.#options;
    const [item] = await nodes.fetch(device.jid, NODE_KEY_PACKAGES, [device.deviceId]);
    if (item === undefined) return undefined;
    try {
      return readKeyPackages(item.payload ?? refuse('keypackages', 'missing'));
    } catch (error) {
      // What we have not published like this is not ours.
      if (error instanceof MlsError) return [];
      throw error;
    }
  }

  async #forget(now: number): Promise<void> {
    const gone = outdated(this.#shelf, now);
    for (const { suite, ref } of gone)
      await this.#options.clients.find((client) => client.suite === suite)?.forgetKeyPackage(ref);
    if (gone.length === 0) return;
    const isGone = (one: Shelved): boolean => gone.some(({ ref }) => equal(ref, one.ref));
    await this.#change(({ packages, published }) => ({
      packages: packages.filter((one) => !isGone(one)),
      published,
    }));
  }

  /** A join may come in between, so changes are of what is there now, and what is written is what is there then. */
  async #change(change: (shelf: Shelf) => Shelf): Promise<void> {
    const next = change(this.#shelf);
    if (next === this.#shelf) return;
    this.#shelf = next;
    await this.#options.store.write((records) => records.put(RECORD, encodeShelf(this.#shelf)));
  }

  #now(): number {
    return Math.floor(this.#options.timers.now() / 1000);
  }
}

function isSame(served: readonly KeyPackageItem[], offered: readonly Shelved[]): boolean {
  if (served.length !== offered.length) return false;
  return served.every((one, index) => {
    const ours = offered[index];
    return ours !== undefined && one.lastResort === ours.lastResort && equal(one.message, ours.message);
  });
}
