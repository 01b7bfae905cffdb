/** A profile in a store: clients, their KeyPackages and groups, and records of the application. */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { KeyPair, Provider } from '../crypto/provider.ts';
import { Client, insideOfClient } from '../group/client.ts';
import type { ClientOptions } from '../group/options.ts';
import { KeyPairRecord } from '../group/record.ts';
import type { KeyValueStore } from './backend.ts';
import {
  clientKey,
  DUE_PREFIX,
  INBOX_PREFIX,
  KEY_PACKAGE_PREFIX,
  keyPackagePrefix,
  META_KEY,
  PLACE_PREFIX,
  placeOf,
  RECORD_PREFIX,
  SUSPECT_PREFIX,
  shelfOf,
  suspectKey,
  VERSION_KEY,
} from './keys.ts';
import { FORMAT, migrate, requireKnown } from './migrate.ts';
import { type PlacedGroup, Places } from './places.ts';
import { ifReadable, namesOf, readable } from './readable.ts';
import { encode, Meta, Place, readRecord } from './records.ts';
import { Room, type Stored } from './room.ts';
import { sealedBackend } from './sealed.ts';
import { StoredClient } from './storedClient.ts';
import { emptyShelf, type Records, readInbox, recordKey, recordsOf, type Shelf } from './storedGroup.ts';
import { inTime, versionOf, type Watermark, Writer } from './writer.ts';

/** How to open a store. */
export interface OpenOptions {
  /** Seal every record with this key of 32 bytes. Names of records are not sealed. @defaultValue not sealed */
  readonly sealKey?: Uint8Array;
  /** Primitives for sealing. The doors of the package choose them by platform. */
  readonly provider: Provider;
  /** Wait while another writer has the store open, where the platform can tell. @defaultValue false: `storage.lock` */
  readonly wait?: boolean;
  /** How long a backend may take for one answer, milliseconds. @defaultValue 30 000 */
  readonly timeoutMs?: number;
  /**
   * How many batches the platform may lose after it has said that they are written, as when power fails. After each start,
   * as many generations of our own are left out in the epochs concerned as those batches can have used; whoever sends in
   * one of these for the first time waits for as many batches more. @defaultValue 5
   */
  readonly lostWrites?: number;
  /** A counter outside of the store, by which an old copy of it is noticed. @defaultValue none: by what others received only */
  readonly watermark?: Watermark;
}

/**
 * Open a store, or make one where there is none.
 * @throws `storage.lock` when another writer has it open, `storage.version` for one of a later format, `storage.corrupt`
 *   also for a wrong sealing key, and other `storage.*`
 */
export async function openStore(backend: KeyValueStore, options: OpenOptions): Promise<MlsStore> {
  const { sealKey, provider, wait = false, timeoutMs = 30_000, lostWrites = 5, watermark } = options;
  const records = sealKey === undefined ? backend : sealedBackend(backend, sealKey, provider);
  // Whoever waits may do so for as long as the other one works.
  const release = await backend.lock?.({ wait });
  try {
    const read = <T>(what: Promise<T>): Promise<T> => inTime(what, timeoutMs);
    const meta = await read(records.get(META_KEY));
    const format = meta && requireKnown(readRecord(Meta, meta).format);
    const held = await read(records.get(VERSION_KEY));
    const version = versionOf(held);
    // A version without a format is half a store, or one that is sealed with another key.
    if ((meta === undefined) !== (version === 0n)) fail('storage.corrupt', { record: META_KEY });
    const seen = watermark && (await read(watermark.read()));
    const writer = new Writer(records, held, {
      timeoutMs,
      watermark,
      lostWrites,
      name: provider.random(8),
      seen,
    });
    if (format === undefined)
      await writer.run((batch) => batch.put(META_KEY, encode(Meta, { format: FORMAT })));
    else await migrate(records, writer, format);
    const stored = { raw: backend, records };
    const [places, shelves] = [await read(readPlaces(stored)), await read(readShelves(stored))];
    if (seen !== undefined && seen > version) await suspectAll(backend, writer);
    const suspects = await read(readSuspects(backend));
    const room = new Room({ ...stored, shelves }, writer, places, { lostWrites, suspects });
    await room.sweep();
    return new MlsStore(provider, { ...stored, room }, release);
  } catch (error) {
    await release?.();
    throw error;
  }
}

/** The store is an old copy: whatever is in it may have been used since. Found out once, and remembered for each of them. */
async function suspectAll(raw: KeyValueStore, writer: Writer): Promise<void> {
  const names = [
    ...(await writer.read(() => namesOf(raw, PLACE_PREFIX))),
    ...(await writer.read(() => namesOf(raw, KEY_PACKAGE_PREFIX))),
  ];
  await writer.run((batch) => {
    // The version is raised in any case.
    batch.put(META_KEY, encode(Meta, { format: FORMAT }));
    for (const name of names) batch.put(suspectKey(name), Uint8Array.of(1));
  });
}

async function readSuspects(raw: KeyValueStore): Promise<Set<string>> {
  const names = await namesOf(raw, SUSPECT_PREFIX);
  return new Set(names.map((name) => name.slice(SUSPECT_PREFIX.length)));
}

async function readPlaces({ raw, records }: Stored): Promise<Places> {
  const places: PlacedGroup[] = [];
  const damaged: number[] = [];
  for await (const [key, value] of readable(raw, records, PLACE_PREFIX)) {
    const part = value && (await ifReadable(() => readRecord(Place, value)));
    if (part === undefined) damaged.push(placeOf(key));
    else places.push({ place: placeOf(key), ...part });
  }
  return new Places(places, damaged);
}

async function readShelves({ raw, records }: Stored): Promise<Map<number, Shelf>> {
  const shelves = new Map<number, Shelf>();
  const shelf = (key: string): Shelf => {
    const known = shelves.get(shelfOf(key)) ?? emptyShelf();
    shelves.set(shelfOf(key), known);
    return known;
  };
  for await (const [key, value] of readable(raw, records, INBOX_PREFIX)) {
    const message = value && (await ifReadable(() => readInbox(value)));
    if (message === undefined) shelf(key).isDamaged = true;
    else shelf(key).inbox.set(key, message);
  }
  for await (const [key, value] of readable(raw, records, DUE_PREFIX)) {
    if (value === undefined) shelf(key).isDamaged = true;
    else shelf(key).due.set(key, value);
  }
  return shelves;
}

/** An open store. One at a time can write to a backend. */
export class MlsStore {
  readonly #provider: Provider;
  readonly #stored: Stored;
  readonly #room: Room;
  readonly #release: (() => Promise<void>) | undefined;
  readonly #clients = new Map<number, Promise<StoredClient>>();

  /** Use {@link openStore}. */
  constructor(
    provider: Provider,
    { room, ...stored }: Stored & { readonly room: Room },
    release: (() => Promise<void>) | undefined,
  ) {
    this.#provider = provider;
    this.#stored = stored;
    this.#room = room;
    this.#release = release;
  }

  /** Ids and suites of all groups in the store. */
  get groups(): readonly { readonly groupId: Uint8Array; readonly suite: number }[] {
    const here = this.#room.places.all.filter(({ standing }) => standing === 'in');
    return here.map(({ groupId, suite }) => ({ groupId: groupId.slice(), suite }));
  }

  /**
   * The client of a suite, one for each: with the signature key and the KeyPackages that are in the store, or a new one.
   * @throws `codec.input` when it was asked for with another signature key before, as `createClient`, `storage.*`
   */
  client(options: Omit<ClientOptions, 'provider'>): Promise<StoredClient> {
    const suite = options.suite ?? 1;
    const known = this.#clients.get(suite);
    if (known !== undefined) return known;
    const opening = this.#openClient({ provider: this.#provider, ...options }, suite);
    this.#clients.set(suite, opening);
    opening.catch(() => this.#clients.delete(suite));
    return opening;
  }

  /** Remove a group with everything that is kept for it, received plaintexts included. @throws `state.unknown-group`, `storage.*` */
  async remove(groupId: Uint8Array): Promise<void> {
    await this.#room.remove(this.#room.places.find(groupId) ?? fail('state.unknown-group'));
  }

  /** A record of the application. @param name of printable ASCII @throws `codec.input`, `storage.*` */
  get(name: string): Promise<Uint8Array | undefined> {
    return this.#room.writer.read(() => this.#stored.records.get(recordKey(name)));
  }

  /** Records of the application whose names start with `prefix`, in the order of names. @throws `storage.*` */
  async *scan(prefix = ''): AsyncGenerator<readonly [name: string, value: Uint8Array]> {
    await this.#room.writer.read(async () => {});
    for await (const [key, value] of this.#stored.records.scan(RECORD_PREFIX + prefix))
      yield [key.slice(RECORD_PREFIX.length), value];
  }

  /** Write records of the application; those that go with a step of a group are written there. @throws `codec.input`, `storage.*` */
  write(change: (records: Records) => void): Promise<void> {
    return this.#room.writer.run((batch) => change(recordsOf(batch)));
  }

  /** Finish what was begun, wipe what is in memory, and let go of the backend's lock. */
  async close(): Promise<void> {
    await this.#room.writer.stop('state.closed-handle');
    this.#room.close();
    await this.#release?.();
  }

  async #openClient(options: ClientOptions, suite: number): Promise<StoredClient> {
    const { writer } = this.#room;
    const stored = await writer.read(() => this.#stored.records.get(clientKey(suite)));
    const signer =
      stored === undefined ? options.signer : sameSigner(readRecord(KeyPairRecord, stored), options.signer);
    const client = new Client(signer === undefined ? options : { ...options, signer });
    if (stored === undefined)
      await writer.run((batch) =>
        batch.put(clientKey(suite), encode(KeyPairRecord, insideOfClient(client).signer)),
      );
    const prefix = keyPackagePrefix(suite);
    const refs: string[] = [];
    for await (const [key, secrets] of readable(this.#stored.raw, this.#stored.records, prefix)) {
      // One that is damaged is of no use; the others are.
      if (secrets === undefined) continue;
      const isRestored = await ifReadable(() => {
        client.restoreKeyPackage(secrets);
        return true;
      });
      if (isRestored === true) refs.push(key.slice(prefix.length));
    }
    return new StoredClient(client, this.#room, refs);
  }
}

/** The signature key in the store. @throws `codec.input` when the caller has another one */
function sameSigner(stored: KeyPair, given: KeyPair | undefined): KeyPair {
  if (given !== undefined && !equal(given.publicKey, stored.publicKey))
    fail('codec.input', { expected: 'the signature key in the store' });
  return stored;
}
