/** Device lists over PEP, and what we make of those of others: MLS for XMPP, version 0, sections 3.4 to 3.6. */

import { equal } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import type { KeyPair, SuiteCrypto } from '../index.ts';
import { refuse, type XmlElement } from './element.ts';
import { type AccountKey, aikId } from './identity/accountKey.ts';
import { deviceListItem, readDeviceList, type SignedDeviceList } from './identity/deviceList.ts';
import type { ListVerdict } from './identity/listVerdict.ts';
import { formatJid, readJid } from './jid.ts';
import type { Nodes } from './nodes.ts';
import { type ListChange, nextList } from './ownList.ts';
import { type Learning, learn, ownPin } from './pinning.ts';
import type { Pin, Pins, Trust } from './pins.ts';
import { buildDevices, CURRENT, NODE_DEVICES, NODE_OPTIONS, readDevices } from './stanza/mlsItems.ts';
import { type PubsubItem, readEvent } from './stanza/pubsub.ts';
import type { Timers } from './timers.ts';

/** What {@link Devices} is made of. */
export interface DevicesOptions {
  readonly nodes: Nodes;
  readonly pins: Pins;
  /** Cipher suite 1 of the provider. */
  readonly suite1: SuiteCrypto;
  readonly timers: Timers;
  /** Our own bare JID, normalised. */
  readonly account: string;
  /** The account key that certifies this device; nothing while it is not certified. */
  readonly ownKey?: AccountKey | undefined;
  /** Ask the user about every new key of a verified account, even if the old one has named it. @defaultValue false */
  readonly strictRollover?: boolean;
}

/** What came of a list that was fetched or that arrived. */
export interface ListOutcome {
  /** Whose list. */
  readonly jid: string;
  /** `none`: nothing is published; `refused`: it is malformed, forged, or of another account. */
  readonly verdict: ListVerdict | 'none' | 'refused';
  /** What is known of the account now. */
  readonly pin: Pin | undefined;
  /** To be reported: the same thing once only. `xmpp.device-list`, `policy.identity-changed`, `policy.identity-unverified`. */
  readonly error: MlsError | undefined;
}

const FIRST_REPAIR_MS = 10 * 60_000;
const LAST_REPAIR_MS = 24 * 3_600_000;

/** Device lists: our own, and those of contacts. One step at a time, so that an old list cannot overtake a new one. */
export class Devices {
  readonly #options: DevicesOptions;
  #last: Promise<unknown> = Promise.resolve();
  /** What was reported last of each account. */
  readonly #reported = new Map<string, string>();
  #repair = { at: Number.NEGATIVE_INFINITY, pause: 0 };

  constructor(options: DevicesOptions) {
    this.#options = options;
  }

  /** What is known of an account. @throws `storage.*` */
  pin(jid: string): Promise<Pin | undefined> {
    return this.#options.pins.get(jid);
  }

  /**
   * Ask for an account's list, and keep it if it counts.
   * @param jid normalised bare JID
   * @throws `xmpp.refused`, `xmpp.timeout`, `xmpp.offline`, `xmpp.node-owner`, `storage.*`
   */
  fetch(jid: string): Promise<ListOutcome> {
    return this.#next(() => this.#fetch(jid));
  }

  /**
   * Take a notification. Of accounts that we know nothing of none is taken: ask for their list when it is needed.
   * @returns nothing for a message that is no notification of a device list
   * @throws `xmpp.node-owner` for a list that does not come from an account itself, or not as its one item; `xmpp.stanza`, `storage.*`
   */
  async handle(message: XmlElement): Promise<ListOutcome | undefined> {
    const { account, pins } = this.#options;
    const event = readEvent(message, account);
    if (event === undefined || event.node !== NODE_DEVICES) return undefined;
    const jid = ownerIn(event.from);
    if (event.items.length === 0) return undefined;
    const item = onlyItem(event.items);
    return this.#next(async () => {
      if (jid !== account && (await pins.get(jid)) === undefined) return undefined;
      const outcome = await this.#taken(jid, item);
      if (jid === account) await this.#putBack(outcome);
      return outcome;
    });
  }

  /**
   * Look whether the server has our own list as we know it. What it has lost, or has an older or a forged one in place of, is
   * put back: at once, then at growing intervals from 10 minutes to a day, so that two clients do not fight (IDN-14).
   * @throws as {@link fetch}, and as `Nodes.publish`
   */
  checkOwn(): Promise<ListOutcome> {
    return this.#next(async () => {
      const outcome = await this.#fetch(this.#options.account);
      await this.#putBack(outcome);
      return outcome;
    });
  }

  /**
   * Sign our list anew, with what other managers have written meanwhile, and publish it.
   * @param aik the account's key pair, of cipher suite 1
   * @throws `policy.identity-changed` while another key signs our list and `change` says nothing of it, `xmpp.device-list` for a
   *   list that would contradict itself, as `Nodes.publish`, `storage.*`
   */
  publish(aik: KeyPair, change: ListChange = {}): Promise<SignedDeviceList> {
    return this.#next(async () => {
      const { account, pins, suite1, timers } = this.#options;
      const now = seconds(timers);
      const known = await pins.get(account);
      const served = await this.#servedOwn();
      const signed = nextList(suite1, aik, { account, now, known: known?.signed, served }, change);
      await this.#put(signed);
      await pins.put(ownPin(suite1, known, signed, now));
      return signed;
    });
  }

  /**
   * What the user, a scanned code or one of our own devices says of an account's key.
   * @param id AikId that was judged
   * @throws `policy.identity-changed` when the account has another key, or none that we know; `storage.*`
   */
  decide(jid: string, id: Uint8Array, trust: Exclude<Trust, 'changed'>): Promise<Pin> {
    return this.#next(async () => {
      const { pins, suite1 } = this.#options;
      const known = await pins.get(jid);
      if (known === undefined || !equal(aikId(suite1, known.signed.list.accountKey), id))
        return fail('policy.identity-changed', { rule: 'another key was judged' });
      const pin: Pin = { ...known, trust, previous: undefined };
      await pins.put(pin);
      return pin;
    });
  }

  async #fetch(jid: string): Promise<ListOutcome> {
    const [item] = await this.#options.nodes.fetch(jid, NODE_DEVICES, [CURRENT]);
    if (item !== undefined) return this.#taken(jid, item);
    return { jid, verdict: 'none', pin: await this.#options.pins.get(jid), error: undefined };
  }

  async #taken(jid: string, item: PubsubItem): Promise<ListOutcome> {
    const { pins, suite1 } = this.#options;
    const known = await pins.get(jid);
    const signed = await attempt(async () => {
      const read = readDeviceList(suite1, readDevices(item.payload ?? refuse('devices', 'missing')), jid);
      const holder = await pins.holderOf(read.list.accountKey);
      // IDN-08: one key, one account.
      if (holder !== undefined && holder !== jid)
        fail('policy.identity-unverified', { rule: 'account key of another account' });
      return read;
    });
    if (signed instanceof MlsError)
      return { jid, verdict: 'refused', pin: known, error: this.#once(jid, signed) };
    const { verdict, pin, error } = learn(this.#circumstances(jid), known, signed);
    if (pin !== undefined && pin !== known) await pins.put(pin);
    if (error === undefined) this.#reported.delete(jid);
    return { jid, verdict, pin, error: error && this.#once(jid, error) };
  }

  #circumstances(jid: string): Learning {
    const { suite1, timers, account, ownKey, strictRollover = false } = this.#options;
    return { suite1, now: seconds(timers), isOwn: jid === account, ownKey, strictRollover };
  }

  /** One alert for one thing (IDN-06), however often the server shows it. */
  #once(jid: string, error: MlsError): MlsError | undefined {
    const told = `${error.code} ${Object.values(error.detail).join(' ')}`;
    if (this.#reported.get(jid) === told) return undefined;
    this.#reported.set(jid, told);
    return error;
  }

  /** Our own node as the server has it, if it is ours. */
  async #servedOwn(): Promise<SignedDeviceList | undefined> {
    const { nodes, account, suite1 } = this.#options;
    const [item] = await nodes.fetch(account, NODE_DEVICES, [CURRENT]);
    if (item?.payload === undefined) return undefined;
    const { payload } = item;
    const served = await attempt(async () => readDeviceList(suite1, readDevices(payload), account));
    return served instanceof MlsError ? undefined : served;
  }

  async #putBack({ verdict, pin }: ListOutcome): Promise<void> {
    if (pin === undefined || !['none', 'refused', 'rollback'].includes(verdict)) return;
    const now = this.#options.timers.now();
    const { at, pause } = this.#repair;
    if (now < at + pause) return;
    this.#repair = { at: now, pause: Math.min(LAST_REPAIR_MS, Math.max(FIRST_REPAIR_MS, 2 * pause)) };
    await this.#put(pin.signed);
  }

  #put(signed: SignedDeviceList): Promise<void> {
    const payload = buildDevices(deviceListItem(signed));
    return this.#options.nodes.publish(NODE_DEVICES, { id: CURRENT, payload }, NODE_OPTIONS.devices);
  }

  #next<T>(step: () => Promise<T>): Promise<T> {
    const run = this.#last.then(step, step);
    this.#last = run.catch(() => {});
    return run;
  }
}

/** A list comes from an account itself, as its one item. */
function ownerIn(from: string): string {
  const jid = readJid(from);
  if (jid === undefined || jid.resource !== undefined) return fail('xmpp.node-owner', { at: 'notification' });
  return formatJid(jid);
}

function onlyItem(items: readonly PubsubItem[]): PubsubItem {
  const [item] = items;
  if (item === undefined || items.length !== 1 || item.id !== CURRENT)
    return fail('xmpp.node-owner', { at: 'item', items: items.length });
  return item;
}

/** What a step gives, or why it could not; failures of the machine are thrown. */
async function attempt<T>(step: () => Promise<T>): Promise<T | MlsError> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof MlsError && !error.code.startsWith('storage.')) return error;
    throw error;
  }
}

function seconds(timers: Timers): number {
  return Math.floor(timers.now() / 1000);
}
