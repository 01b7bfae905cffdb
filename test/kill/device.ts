/**
 * An application on one device, as one ought to be written: whatever it has done it writes down in the same batch as the
 * step of the group. Its methods may be cut short anywhere; called again after `open`, they do what is left to do.
 *
 * Records of it: `did/<key>` steps that were made, `seen/<index>` messages of the room that were taken in, `from` where it
 * began to read, `out/...` what is to be published.
 */

import { toHex } from '../../src/base/bytes.ts';
import { MlsError } from '../../src/base/error.ts';
import type { Provider } from '../../src/crypto/provider.ts';
import type { Group } from '../../src/group/group.ts';
import type { ProposalInput } from '../../src/group/proposals.ts';
import type { CommitOptions } from '../../src/group/sendCommit.ts';
import type { KeyValueStore } from '../../src/storage/backend.ts';
import type { OpenOptions } from '../../src/storage/store.ts';
import type { Records, StoredGroup, StoredProcessed } from '../../src/storage/storedGroup.ts';
import { openProfile, type Profile, text as toBytes } from '../support/stored.ts';
import type { Ledger } from './ledger.ts';
import { GROUP_ID, type Network } from './network.ts';
import { Witness } from './witness.ts';

/** Where a device lives and what it is made of. */
export interface DeviceOptions {
  readonly name: string;
  readonly network: Network;
  readonly ledger: Ledger;
  readonly provider: Provider;
  readonly witness?: Witness;
  readonly open?: Partial<OpenOptions>;
  /** It may find that it was set back, and goes on. */
  readonly isOld?: boolean;
}

const DONE = Uint8Array.of(1);

/** One device, over one crash after another. */
export class Device {
  readonly name: string;
  readonly network: Network;
  readonly witness: Witness;
  readonly #ledger: Ledger;
  readonly #options: DeviceOptions;
  /** What told that it was set back. */
  readonly evidence: string[] = [];
  /** Whether messages of its own come back to it. */
  hearsItself = true;
  #profile: Profile | undefined;
  #group: StoredGroup | undefined;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.name = options.name;
    this.network = options.network;
    this.#ledger = options.ledger;
    this.witness = options.witness ?? new Witness();
  }

  get profile(): Profile {
    if (this.#profile === undefined) throw new Error(`${this.name} is off`);
    return this.#profile;
  }
  /** Its group. */
  get group(): StoredGroup {
    if (this.#group === undefined) throw new Error(`${this.name} has no group`);
    return this.#group;
  }
  /** Whether it has one. */
  get isIn(): boolean {
    return this.#group !== undefined;
  }

  /** Start, and take up what was left: the inbox, what was due, what was to be published. */
  async open(backend: KeyValueStore): Promise<void> {
    const { name, provider, open } = this.#options;
    this.#forget();
    this.#profile = await openProfile(backend, name, {
      open: { provider, ...open },
      client: { provider, clock: () => 1_800_000_000 },
    });
    const { store, client } = this.#profile;
    if (store.groups.length > 0) this.#enter(await client.group(GROUP_ID));
    await this.#checkPromises();
    await this.#resumeSpan();
    for (const message of this.#group?.inbox ?? []) this.witness.hand(message);
    await this.#settleDue();
    await this.flush();
  }

  async close(): Promise<void> {
    await this.profile.store.close();
    this.#profile = undefined;
    this.#group = undefined;
  }

  /** Whether a step was made. */
  async did(key: string): Promise<boolean> {
    return (await this.profile.store.get(`did/${key}`)) !== undefined;
  }

  async createGroup(): Promise<void> {
    if (this.isIn) return;
    this.#enter(await this.profile.client.createGroup({ id: GROUP_ID }));
    this.witness.begin(0);
  }

  async publishKeyPackage(): Promise<void> {
    if (this.network.packages.has(this.name)) return;
    const { message, ref } = await this.profile.client.createKeyPackage();
    this.witness.keep(toHex(ref));
    this.network.publish(this.name, message);
  }

  /** Say something, once. */
  async say(words: string): Promise<void> {
    await this.#send(words, (group) => group.encrypt(toBytes(words)));
    await this.flush();
  }

  /** Say several things without waiting for one before the other. */
  async sayAll(words: readonly string[]): Promise<void> {
    await Promise.all(words.map((one) => this.#send(one, (group) => group.encrypt(toBytes(one)))));
    await this.flush();
  }

  /** Say several things as one. */
  async sayAsOne(words: readonly string[]): Promise<void> {
    const messages = await this.group.update((group) => words.map((one) => group.encrypt(toBytes(one))));
    for (const [i, message] of messages.entries()) this.#publish(message, words[i]);
  }

  async propose(key: string, input: ProposalInput): Promise<void> {
    if (input.kind === 'stored') throw new Error('no new proposal');
    await this.#send(key, (group) => group.propose(input).message);
    await this.flush();
  }

  /** Commit, once. @param publish whether it goes out now */
  async commit(
    key: string,
    inputs: readonly ProposalInput[] = [],
    { publish = true, ...options }: CommitOptions & { publish?: boolean } = {},
  ): Promise<void> {
    await this.#send(key, (group) => group.commit(inputs, options).message);
    if (publish) await this.flush();
  }

  /** Publish what is to be published, then forget it. It may go out twice. */
  async flush(): Promise<void> {
    const names: string[] = [];
    for await (const [name, value] of this.profile.store.scan('out/')) {
      names.push(name);
      const [, kind, rest = ''] = name.split('/');
      if (kind === 'welcome') this.network.send(value, Number(rest));
      else this.#publish(value, kind === 'text' ? name.slice('out/text/'.length) : undefined);
    }
    if (names.length === 0) return;
    await this.profile.store.write((records) => {
      for (const name of names) records.del(name);
    });
  }

  /** Enter by whatever Welcome is for us. */
  async join(): Promise<void> {
    for (const [index, { welcome, from }] of this.network.mail.entries()) {
      if (this.isIn || (await this.did(`mail ${index}`))) continue;
      const join = await this.profile.client.prepareJoin(welcome).catch((error: unknown) => {
        if (error instanceof MlsError && error.scope !== 'profile') return undefined;
        throw error;
      });
      if (join === undefined) continue;
      const ref = join.keyPackage === undefined ? '' : toHex(join.keyPackage);
      this.witness.use(ref);
      const group = await join.accept((_, records) => {
        records.put(`did/mail ${index}`, DONE);
        records.put('from', toBytes(String(from)));
      });
      this.#promise(`did/mail ${index}`);
      this.#enter(group);
      this.witness.begin(from);
    }
  }

  /** Take in what is new in the room. @param order places of messages to take first */
  async receive(order: readonly number[] = []): Promise<void> {
    for (const index of order) await this.#take(index);
    if (order.length === 0) await this.#takeIn(await this.#from(), this.network.entries.length);
    await this.flush();
  }

  /** Tell the library that everything handed out was taken over. */
  async acknowledge(count = Number.POSITIVE_INFINITY): Promise<void> {
    const ids = this.group.inbox.slice(0, count).map(({ id }) => id);
    this.witness.take(ids);
    await this.group.acknowledge(...ids);
  }

  /** Come in by an external commit. @param groupInfo of whoever is in; @returns whether the group took it */
  async enterByItself(key: string, groupInfo: () => Promise<Uint8Array>, resync = false): Promise<boolean> {
    if (await this.did(key)) return true;
    const { client } = this.profile;
    const [left] = await client.offers();
    const offer = left ?? (await client.prepareExternalJoin(await groupInfo(), { resync }));
    if (this.network.find(offer.message) < 0) this.network.post(offer.message, this.name);
    // The new seat cannot read what came before it; the old one still can.
    await this.#takeIn(await this.#from(), this.network.find(offer.message));
    if (!this.network.counts(offer.message)) {
      await offer.discard();
      return false;
    }
    const from = this.network.find(offer.message) + 1;
    const group = await offer.accept((_, records) => {
      records.put(`did/${key}`, DONE);
      records.put('from', toBytes(String(from)));
    });
    this.#promise(`did/${key}`);
    this.#enter(group);
    this.witness.begin(from);
    return true;
  }

  /** Forget the group. */
  async removeGroup(): Promise<void> {
    if (!this.isIn) return;
    // What the application has not taken over goes as well, and it knows that.
    this.witness.take([...this.witness.unread]);
    this.witness.end(this.network.entries.length);
    this.witness.reach(0n);
    this.#group = undefined;
    if (this.profile.store.groups.length > 0) await this.profile.store.remove(GROUP_ID);
  }

  async #send(key: string, make: (group: Group) => Uint8Array): Promise<void> {
    if (await this.did(key)) return;
    const kind = key.startsWith('text') ? 'text' : 'step';
    const message = await this.group.update((group, records) => {
      const made = make(group);
      records.put(`did/${key}`, DONE);
      records.put(`out/${kind}/${key}`, made);
      return made;
    });
    this.#ledger.seal(message);
    this.#promise(`did/${key}`);
  }

  #publish(message: Uint8Array, words: string | undefined): void {
    this.#ledger.seal(message);
    this.network.post(message, this.name, words);
  }

  async #takeIn(from: number, until: number): Promise<void> {
    for (let index = from; index < until; index++) await this.#take(index);
  }

  async #take(index: number): Promise<void> {
    const key = `seen/${index}`;
    const message = this.network.entries[index];
    if (!this.hearsItself && this.network.authors[index] === this.name) return;
    if (message === undefined || !this.isIn || (await this.profile.store.get(key)) !== undefined) return;
    const mark = (records: Records): void => records.put(key, DONE);
    const outcome = await this.group.process(message, { source: 'room' }, (result, records) => {
      if (result.kind !== 'commit' && result.kind !== 'own-commit') mark(records);
    });
    await this.#settle(outcome, message, mark);
    this.#promise(key);
  }

  async #settle(
    outcome: StoredProcessed,
    message: Uint8Array,
    mark?: (records: Records) => void,
  ): Promise<void> {
    if (outcome.kind === 'application') this.witness.hand(outcome);
    // Whoever was set back cannot follow all commits.
    if (outcome.kind === 'rejected' && this.#options.isOld !== true) throw outcome.error;
    if (outcome.kind === 'desynchronised') {
      if (this.#options.isOld !== true) throw new Error(`desynchronised: ${outcome.evidence.kind}`);
      this.evidence.push(outcome.evidence.kind);
    }
    if (outcome.kind !== 'commit' && outcome.kind !== 'own-commit') return;
    if (!this.network.counts(message)) throw new Error('a commit that does not count came first');
    const welcome = 'welcome' in outcome.commit ? outcome.commit.welcome : undefined;
    const index = this.network.find(message);
    await this.group.accept(outcome.commit, (_, records) => {
      mark?.(records);
      if (welcome !== undefined) records.put(`out/welcome/${index + 1}`, welcome);
    });
    if (!this.group.group.isActive) this.witness.end(index);
    this.#enter(this.group);
    await this.#settleDue();
  }

  async #settleDue(): Promise<void> {
    for (let due = this.#group?.due[0]; due !== undefined; due = this.#group?.due[0])
      await this.#settle(await this.group.process(due, { source: 'room' }), due);
  }

  #enter(group: StoredGroup): void {
    this.#group = group;
    if (group.group.isActive) this.#ledger.enter(group);
    if (group.group.epoch > this.witness.epoch) this.witness.reach(group.group.epoch);
  }

  #forget(): void {
    this.#group = undefined;
  }

  async #from(): Promise<number> {
    return Number(new TextDecoder().decode((await this.profile.store.get('from')) ?? toBytes('0')));
  }

  /** What the witness was not told any more before a crash. */
  async #resumeSpan(): Promise<void> {
    if (this.#group === undefined) return;
    const { group } = this.#group;
    if (group.isActive) this.witness.begin(await this.#from());
    else this.witness.end(this.network.winner(group.epoch));
  }

  #promise(key: string): void {
    this.witness.promise(key);
  }

  /** Nothing of what was said to be durable is gone. */
  async #checkPromises(): Promise<void> {
    const { store, client } = this.profile;
    for (const key of this.witness.promised)
      if ((await store.get(key)) === undefined) throw new Error(`record ${key} is lost`);
    for (const ref of this.witness.packages)
      if (!client.keyPackages.includes(ref)) throw new Error('a KeyPackage is lost');
    let hasJoined = false;
    for await (const [name] of store.scan('did/mail ')) hasJoined = name !== '';
    for (const ref of this.witness.using)
      if (client.keyPackages.includes(ref) === hasJoined)
        throw new Error(hasJoined ? 'a KeyPackage outlived its join' : 'a KeyPackage went without a join');
    const inbox = new Set(this.#group?.inbox.map(({ id }) => id));
    for (const id of this.witness.unread)
      if (!inbox.has(id)) throw new Error(`plaintext ${id} was lost before it was acknowledged`);
    if (this.witness.epoch > (this.#group?.group.epoch ?? 0n)) throw new Error('an epoch is lost');
  }
}
