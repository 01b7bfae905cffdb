/** A client whose KeyPackages and groups are in a store. */

import { toHex } from '../base/bytes.ts';
import { fail, guarded } from '../base/error.ts';
import type { CipherSuite } from '../crypto/provider.ts';
import { type Client, insideOfClient } from '../group/client.ts';
import type {
  CreatedKeyPackage,
  ExternalJoinOptions,
  FoundingOptions,
  JoinOptions,
} from '../group/clientOptions.ts';
import type { NewGroup } from '../group/create.ts';
import type { Group } from '../group/group.ts';
import type { KeyPackageOptions } from '../group/keyPackage.ts';
import type { FoundedGroup, StagedJoin } from '../group/staged.ts';
import type { Member } from '../group/views.ts';
import type { Credential } from '../wire/credential.ts';
import type { Batch } from './batch.ts';
import { keyPackagePrefix } from './keys.ts';
import type { PlacedGroup } from './places.ts';
import type { Room } from './room.ts';
import { type Records, recordsOf, type StoredGroup } from './storedGroup.ts';

/** A KeyPackage to publish; its private halves are in the store. */
export type StoredKeyPackage = Omit<CreatedKeyPackage, 'secrets'>;

/** A group that was founded on another one. */
export type StoredFoundedGroup = Omit<FoundedGroup, 'group'> & { readonly group: StoredGroup };

/** Further records to write in the same batch. */
export type Also<T> = (result: T, records: Records) => void;

/** As `StagedJoin`, decided in the store. */
export interface StoredJoin extends Omit<StagedJoin, 'accept' | 'discard'> {
  /** Enter the group: one batch writes it and takes the KeyPackage away. @throws as `StagedJoin.accept`, `storage.*` */
  accept(also?: Also<Group>): Promise<StoredGroup>;
  /** Drop it; the KeyPackage stays usable. */
  discard(): Promise<void>;
}

/** As `ExternalJoinOffer`: it is in the store before its message is handed out, and can be accepted after a restart. */
export interface StoredOffer {
  readonly groupId: Uint8Array;
  /** MLSMessage with the external commit. */
  readonly message: Uint8Array;
  readonly members: readonly Member[];
  /** The state that it leads to, for reading: `export`, `groupInfo`. */
  readonly group: Group;
  /** The group took it: this state takes the place of any other one of the group, but not of its inbox. @throws `storage.*` */
  accept(also?: Also<Group>): Promise<StoredGroup>;
  /** It did not. @throws `storage.*` */
  discard(): Promise<void>;
}

type PackageOptions = Omit<KeyPackageOptions, 'credential' | 'signer'>;

/** One device of one user under a store. Methods are those of `Client`, durable when they resolve. */
export class StoredClient {
  readonly #client: Client;
  readonly #room: Room;
  /** References of our KeyPackages, in hex. */
  readonly #keyPackages: Set<string>;
  /** Those that were in the store: a state that was lost can have joined with them. */
  readonly #known: ReadonlySet<string>;

  /** For `MlsStore`. */
  constructor(client: Client, room: Room, keyPackages: Iterable<string>) {
    this.#client = client;
    this.#room = room;
    this.#keyPackages = new Set(keyPackages);
    this.#known = new Set(this.#keyPackages);
  }

  get credential(): Credential {
    return this.#client.credential;
  }
  get suite(): CipherSuite {
    return this.#client.suite;
  }
  /** Our signature public key. */
  get signatureKey(): Uint8Array {
    return this.#client.signatureKey;
  }
  /** References of KeyPackages that no join has used up, in hex. */
  get keyPackages(): readonly string[] {
    return [...this.#keyPackages];
  }
  /** Ids of the groups of this client in the store. */
  get groups(): readonly Uint8Array[] {
    return this.#placed('in').map(({ groupId }) => groupId.slice());
  }

  /** Make a KeyPackage; its private halves are durable when this resolves. @throws as `Client.createKeyPackage`, `storage.*` */
  createKeyPackage(options?: PackageOptions): Promise<StoredKeyPackage> {
    return this.#keepKeyPackage(() => this.#client.createKeyPackage(options));
  }

  /** As `Client.requestJoin`, the KeyPackage being durable. @throws as there, `storage.*` */
  requestJoin(groupInfo: Uint8Array, options?: PackageOptions): Promise<StoredKeyPackage> {
    return this.#keepKeyPackage(() => this.#client.requestJoin(groupInfo, options));
  }

  /** Wipe a KeyPackage's private halves, in the store as well. Unknown references are ignored. @throws `storage.*` */
  forgetKeyPackage(ref: Uint8Array): Promise<void> {
    return this.#room.writer.run((batch) => {
      this.#removeKeyPackage(batch, toHex(ref));
      batch.onKept(() => this.#client.forgetKeyPackage(ref));
    });
  }

  /** As `Client.validateKeyPackage`. */
  validateKeyPackage(message: Uint8Array): Member {
    return this.#client.validateKeyPackage(message);
  }

  /** As `Client.createGroup`. @throws as there, `storage.*` */
  async createGroup(options: NewGroup = {}): Promise<StoredGroup> {
    if (options.id !== undefined) await this.#refuse(options.id);
    return this.#enter(() => this.#client.createGroup(options));
  }

  /**
   * A group of this client: always the same object for one id.
   * @throws `state.unknown-group` when it is not in the store, `storage.*`
   */
  async group(groupId: Uint8Array): Promise<StoredGroup> {
    const { places } = this.#room;
    const placed = places.find(groupId, this.suite);
    if (placed !== undefined) return this.#room.open(this.#client, placed);
    return places.isDamaged ? fail('storage.corrupt', { record: 'place' }) : fail('state.unknown-group');
  }

  /** As `Client.prepareJoin`. Load the group that the new one follows on first, if there is one. @throws as there, `storage.*` */
  async prepareJoin(
    welcome: Uint8Array,
    { from, ...options }: Omit<JoinOptions, 'from'> & { readonly from?: StoredGroup } = {},
  ): Promise<StoredJoin> {
    const how = { ...options, ...(from && { from: from.group }) };
    const first = this.#client.prepareJoin(welcome, how);
    try {
      await this.#refuse(first.groupId, first.epoch);
    } catch (error) {
      first.discard();
      throw error;
    }
    let staged: StagedJoin | undefined = first;
    return {
      ...first,
      accept: async (also) => {
        await this.#refuse(first.groupId, first.epoch);
        // What could not be written is prepared anew the next time.
        const join = staged ?? this.#client.prepareJoin(welcome, how);
        staged = undefined;
        return this.#enter(() => join.accept(), also, join.keyPackage);
      },
      discard: async () => (staged ?? fail('state.stale-handle')).discard(),
    };
  }

  /**
   * As `Client.prepareExternalJoin`. With `resync` the old state stays and reads on until the offer is accepted: first give it
   * all that the service put before the external commit, which the new state cannot read. @throws as there, `storage.*`
   */
  async prepareExternalJoin(groupInfo: Uint8Array, options: ExternalJoinOptions = {}): Promise<StoredOffer> {
    const joined = guarded(() => insideOfClient(this.#client).joinExternally(groupInfo, options));
    if (options.resync !== true) await this.#refuse(joined.state.epoch.context.groupId);
    return this.#room.offer(this.#client, joined);
  }

  /** External commits that were not decided before a restart. @throws `storage.*` */
  async offers(): Promise<readonly StoredOffer[]> {
    return Promise.all(this.#placed('joining').map((placed) => this.#room.openOffer(this.#client, placed)));
  }

  /** As `Client.reinitialise`. @param also further records to write in the same batch @throws as there, `storage.*` */
  reinitialise(
    closed: StoredGroup,
    keyPackages: readonly Uint8Array[],
    options?: FoundingOptions,
    also?: Also<FoundedGroup>,
  ): Promise<StoredFoundedGroup> {
    return this.#found(() => this.#client.reinitialise(closed.group, keyPackages, options), also);
  }

  /** As `Client.branch`. @param also further records to write in the same batch @throws as there, `storage.*` */
  branch(
    parent: StoredGroup,
    keyPackages: readonly Uint8Array[],
    options?: NewGroup & FoundingOptions,
    also?: Also<FoundedGroup>,
  ): Promise<StoredFoundedGroup> {
    return this.#found(() => this.#client.branch(parent.group, keyPackages, options), also);
  }

  #placed(standing: PlacedGroup['standing']): readonly PlacedGroup[] {
    return this.#room.places.all.filter(
      (placed) => placed.suite === this.suite && placed.standing === standing,
    );
  }

  #keepKeyPackage(make: () => CreatedKeyPackage): Promise<StoredKeyPackage> {
    return this.#room.writer.run((batch) => {
      const { message, ref, secrets } = make();
      const name = toHex(ref);
      batch.put(keyPackagePrefix(this.suite) + name, secrets);
      secrets.fill(0);
      batch.onKept(() => this.#keyPackages.add(name));
      batch.onDropped(() => this.#client.forgetKeyPackage(ref));
      return { message, ref };
    });
  }

  #removeKeyPackage(batch: Batch, name: string): void {
    if (!this.#keyPackages.has(name)) return;
    batch.del(keyPackagePrefix(this.suite) + name);
    this.#room.trust(batch, keyPackagePrefix(this.suite) + name);
    batch.onKept(() => this.#keyPackages.delete(name));
  }

  /**
   * @param epoch of a Welcome: one that is no newer than the state that we were left with leads back to keys that were used
   * @throws `validation.group-id` while we are in a group of that id, loaded or not
   */
  async #refuse(groupId: Uint8Array, epoch?: bigint): Promise<void> {
    const placed = this.#room.places.find(groupId, this.suite);
    if (placed === undefined) return;
    const { group } = await this.#room.open(this.#client, placed);
    if (group.isActive) fail('validation.group-id');
    if (epoch !== undefined && epoch <= group.epoch)
      fail('validation.group-id', { epoch, left: group.epoch });
  }

  /** Make a group and write it, along with the end of the KeyPackage that it took. */
  #enter(make: () => Group, also?: Also<Group>, ref?: Uint8Array): Promise<StoredGroup> {
    return this.#room.writer.run((batch) => {
      const kept = ref && insideOfClient(this.#client).keyPackage(ref);
      const group = guarded(make);
      if (ref !== undefined && kept !== undefined) this.#usedUp(batch, ref, kept);
      also?.(group, recordsOf(batch));
      const name = ref && toHex(ref);
      const from =
        name !== undefined && this.#known.has(name) ? keyPackagePrefix(this.suite) + name : undefined;
      return this.#room.place(this.#client, batch, group, from);
    });
  }

  /** A join took a KeyPackage: unless it may serve again, it is gone from the store as well. */
  #usedUp(batch: Batch, ref: Uint8Array, kept: Uint8Array): void {
    if (insideOfClient(this.#client).keyPackage(ref) !== undefined) return;
    this.#removeKeyPackage(batch, toHex(ref));
    batch.onDropped(() => this.#client.restoreKeyPackage(kept));
  }

  #found(make: () => FoundedGroup, also?: Also<FoundedGroup>): Promise<StoredFoundedGroup> {
    return this.#room.writer.run((batch) => {
      const founded = guarded(make);
      also?.(founded, recordsOf(batch));
      return { ...founded, group: this.#room.place(this.#client, batch, founded.group) };
    });
  }
}
