/** KeyPackages of others: fetched, checked, and chosen. MLS for XMPP, version 0, sections 2.2 to 2.4. */

import { at, toHex } from '../base/bytes.ts';
import { failure, MlsError } from '../base/error.ts';
import type { Provider } from '../index.ts';
import type { RequiredCapabilities } from '../wire/extension.ts';
import type { Devices } from './devices.ts';
import { isStale } from './identity/listVerdict.ts';
import { type Checking, checkKeyPackage, type Found, signatureKeyIn } from './keyPackageCheck.ts';
import type { Nodes } from './nodes.ts';
import { isBlocked, type Pin } from './pins.ts';
import { type KeyPackageItem, NODE_KEY_PACKAGES, readKeyPackages } from './stanza/mlsItems.ts';
import type { PubsubItem } from './stanza/pubsub.ts';
import type { Timers } from './timers.ts';

/** Suites in the order in which a new group takes them. */
export const SUITE_PREFERENCE: readonly number[] = /* @__PURE__ */ Object.freeze([1, 3, 2]);

/** What {@link KeyPackageFetcher} is made of. */
export interface FetcherOptions {
  readonly nodes: Nodes;
  readonly devices: Devices;
  readonly provider: Provider;
  /** Our clients by suite. */
  readonly clients: ReadonlyMap<number, { validateKeyPackage(message: Uint8Array): unknown }>;
  readonly timers: Timers;
}

/** For which group. */
export interface Wanted {
  /** Suite of an existing group. @defaultValue the first of `preference` that all have */
  readonly suite?: number;
  /** @defaultValue {@link SUITE_PREFERENCE} */
  readonly preference?: readonly number[];
  /** What the group demands beyond the binding. @defaultValue nothing */
  readonly required?: RequiredCapabilities;
  /** Devices to leave out, as `<bare JID>/<device id>`: those that are members, our own among them. @defaultValue none */
  readonly except?: ReadonlySet<string>;
}

/** A KeyPackage to add somebody with. */
export interface ChosenPackage {
  readonly jid: string;
  readonly deviceId: string;
  readonly suite: number;
  /** MLSMessage. */
  readonly message: Uint8Array;
  readonly lastResort: boolean;
}

/** A device, or one KeyPackage of it, that is not used, and why. */
export interface Refused {
  readonly jid: string;
  readonly deviceId: string;
  readonly error: MlsError;
}

/** What was found. */
export interface FetchedPackages {
  /** Nothing when nobody can be added. */
  readonly suite: number | undefined;
  readonly chosen: readonly ChosenPackage[];
  /**
   * Accounts that cannot be added: `xmpp.no-key-package`, with detail `suite` when it is for want of a common one;
   * `xmpp.device-list` for a list that has expired; `policy.identity-changed` while the user has to decide; what the server refused.
   */
  readonly left: readonly { readonly jid: string; readonly error: MlsError }[];
  readonly refused: readonly Refused[];
}

/** A device with what it has, by suite. */
interface Offer {
  readonly deviceId: string;
  readonly bySuite: ReadonlyMap<number, readonly KeyPackageItem[]>;
}
interface Account {
  readonly jid: string;
  readonly offers: readonly Offer[];
}

const NOTHING: RequiredCapabilities = { extensionTypes: [], proposalTypes: [], credentialTypes: [] };

/** Finds KeyPackages for whole accounts. */
export class KeyPackageFetcher {
  readonly #options: FetcherOptions;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /**
   * A KeyPackage for each device of these accounts, one of them at random; a last resort only where there is nothing else.
   * @param accounts normalised bare JIDs
   * @throws `xmpp.offline`, `xmpp.timeout`, `storage.*`; whatever concerns one account is in `left`
   */
  async fetch(accounts: readonly string[], wanted: Wanted = {}): Promise<FetchedPackages> {
    const found: Account[] = [];
    const left: { jid: string; error: MlsError }[] = [];
    const refused: Refused[] = [];
    for (const jid of new Set(accounts)) {
      const account = await this.#account(jid, wanted, refused);
      if (account instanceof MlsError) left.push({ jid, error: account });
      else found.push(account);
    }
    const alone = apart(found, refused);
    const { suite, fitting, unfit } = agree(alone, this.#suites(wanted));
    left.push(
      ...unfit.map(({ jid, offers }) => ({ jid, error: nothing(offers.length > 0 ? 'suite' : 'none') })),
    );
    return { suite, chosen: fitting.flatMap((account) => this.#choose(account, suite)), left, refused };
  }

  async #account(jid: string, wanted: Wanted, refused: Refused[]): Promise<Account | MlsError> {
    try {
      const pin = await this.#usablePin(jid);
      if (pin instanceof MlsError) return pin;
      const ids = pin.signed.list.active
        .map(({ deviceId }) => deviceId)
        .filter((id) => wanted.except?.has(`${jid}/${id}`) !== true);
      const items = ids.length === 0 ? [] : await this.#options.nodes.fetch(jid, NODE_KEY_PACKAGES, ids);
      const offers = items.map((item) => this.#offer({ jid, deviceId: item.id, pin }, item, wanted, refused));
      return { jid, offers: offers.filter(({ bySuite }) => bySuite.size > 0) };
    } catch (error) {
      if (!(error instanceof MlsError) || !isOfAccount(error)) throw error;
      return error;
    }
  }

  /** The newest list counts, so it is asked for. */
  async #usablePin(jid: string): Promise<Pin | MlsError> {
    const { pin, verdict } = await this.#options.devices.fetch(jid);
    if (pin === undefined || verdict === 'none') return nothing('device list');
    if (isBlocked(pin)) return failure('policy.identity-changed', { rule: 'awaits a decision' });
    if (isStale(pin.signed.list, this.#now())) return failure('xmpp.device-list', { rule: 'stale' });
    return pin;
  }

  #offer(found: Found, item: PubsubItem, wanted: Wanted, refused: Refused[]): Offer {
    const { jid, deviceId } = found;
    const bySuite = new Map<number, KeyPackageItem[]>();
    const refuse = (error: MlsError): void => void refused.push({ jid, deviceId, error });
    const how = this.#checking(wanted);
    for (const one of packagesIn(item, refuse)) {
      const error = caught(() => checkKeyPackage(how, found, one));
      if (error !== undefined) refuse(error);
      else bySuite.set(one.suite, [...(bySuite.get(one.suite) ?? []), one]);
    }
    return { deviceId, bySuite };
  }

  #checking({ required = NOTHING }: Wanted): Checking {
    const { provider, clients } = this.#options;
    const validate = (suite: number) => {
      const client = clients.get(suite);
      return client && ((message: Uint8Array) => client.validateKeyPackage(message));
    };
    return { suite1: provider.suite(1), validate, required, now: this.#now() };
  }

  #suites({ suite, preference = SUITE_PREFERENCE }: Wanted): readonly number[] {
    return suite === undefined ? preference.filter((one) => this.#options.clients.has(one)) : [suite];
  }

  #choose({ jid, offers }: Account, suite: number | undefined): ChosenPackage[] {
    return offers.flatMap(({ deviceId, bySuite }) => {
      const all = bySuite.get(suite ?? 0) ?? [];
      const oneTime = all.filter(({ lastResort }) => !lastResort);
      const some = oneTime.length > 0 ? oneTime : all;
      const one = some[below(this.#options.provider, some.length)];
      return one === undefined ? [] : [{ jid, deviceId, ...one }];
    });
  }

  #now(): number {
    return Math.floor(this.#options.timers.now() / 1000);
  }
}

function packagesIn({ payload }: PubsubItem, refuse: (error: MlsError) => void): readonly KeyPackageItem[] {
  let packages: readonly KeyPackageItem[] = [];
  const error = caught(() => {
    if (payload !== undefined) packages = readKeyPackages(payload);
  });
  if (error !== undefined) refuse(error);
  return packages;
}

/** IDN-08: a signature key belongs to one device of one account. */
function apart(accounts: readonly Account[], refused: Refused[]): readonly Account[] {
  const holders = new Map<string, string>();
  const isAlone = (jid: string, deviceId: string, { suite, message }: KeyPackageItem): boolean => {
    const key = `${suite} ${toHex(signatureKeyIn(message))}`;
    const identity = `${jid}/${deviceId}`;
    const holder = holders.get(key) ?? identity;
    holders.set(key, holder);
    if (holder === identity) return true;
    const error = failure('policy.identity-unverified', { rule: 'device key of another device', holder });
    refused.push({ jid, deviceId, error });
    return false;
  };
  return accounts.map(({ jid, offers }) => ({
    jid,
    offers: offers
      .map(({ deviceId, bySuite }) => {
        const kept = [...bySuite].map(
          ([suite, all]) => [suite, all.filter((one) => isAlone(jid, deviceId, one))] as const,
        );
        return { deviceId, bySuite: new Map(kept.filter(([, all]) => all.length > 0)) };
      })
      .filter(({ bySuite }) => bySuite.size > 0),
  }));
}

interface Agreement {
  readonly suite: number | undefined;
  readonly fitting: readonly Account[];
  readonly unfit: readonly Account[];
}

/** Section 2.4: the first suite that all devices have. An account that would leave none is left out, not the group given up. */
function agree(accounts: readonly Account[], suites: readonly number[]): Agreement {
  let common = suites;
  const [fitting, unfit]: [Account[], Account[]] = [[], []];
  for (const account of accounts) {
    const rest = common.filter((suite) => hasSuite(account, suite, suites.length === 1));
    if (rest.length === 0) unfit.push(account);
    else {
      common = rest;
      fitting.push(account);
    }
  }
  return { suite: fitting.length === 0 ? undefined : common[0], fitting, unfit };
}

/** In a group that exists those devices are added that can be. */
function hasSuite({ offers }: Account, suite: number, isFixed: boolean): boolean {
  const has = ({ bySuite }: Offer): boolean => bySuite.has(suite);
  return offers.length > 0 && (isFixed ? offers.some(has) : offers.every(has));
}

/** A number below `count`, each with the same chance; `count` is at most 256. */
function below(provider: Provider, count: number): number {
  if (count <= 1) return 0;
  const fair = 256 - (256 % count);
  for (;;) {
    const byte = at(provider.random(1), 0);
    if (byte < fair) return byte % count;
  }
}

function nothing(rule: string): MlsError {
  return failure('xmpp.no-key-package', { rule });
}

/** Failures that say something of the account and nothing of the connection or the machine. */
function isOfAccount({ code }: MlsError): boolean {
  return ['xmpp.refused', 'xmpp.stanza', 'xmpp.node-owner'].includes(code);
}

function caught(step: () => void): MlsError | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    if (error instanceof MlsError) return error;
    throw error;
  }
}
