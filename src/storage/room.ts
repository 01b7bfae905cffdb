/** Where groups are taken out of the store, put into it, and removed from it. */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { type Client, insideOfClient } from '../group/client.ts';
import type { ExternalJoin } from '../group/external.ts';
import { Group, insideOf } from '../group/group.ts';
import type { GroupState } from '../group/state.ts';
import type { KeyValueStore } from './backend.ts';
import type { Batch } from './batch.ts';
import type { Written } from './image.ts';
import { KeptGroup, type Losses } from './keptGroup.ts';
import { duePrefix, GroupKeys, inboxPrefix, placeKey, suspectKey } from './keys.ts';
import type { PlacedGroup, Places } from './places.ts';
import { namesOf } from './readable.ts';
import { restore } from './restore.ts';
import type { StoredOffer } from './storedClient.ts';
import { emptyShelf, recordsOf, type Shelf, StoredGroup } from './storedGroup.ts';
import type { Writer } from './writer.ts';

/** What the store knows of itself. */
export interface RoomOptions extends Losses {
  /** Names of places and KeyPackages that an old copy held and that are not set back yet. */
  readonly suspects: Set<string>;
}

/** Where records are. */
export interface Stored {
  /** As the platform has them. */
  readonly raw: KeyValueStore;
  /** Unsealed. */
  readonly records: KeyValueStore;
}

/** The groups of a store. */
export class Room {
  readonly writer: Writer;
  readonly places: Places;
  readonly #stored: Stored;
  readonly #options: RoomOptions;
  /** Handles by place: there is one for each group. */
  readonly #open = new Map<number, Promise<StoredGroup>>();
  readonly #kept = new Map<number, KeptGroup>();
  /** Offers by place: whoever asks for one again gets the same. */
  readonly #offers = new Map<number, Promise<StoredOffer>>();
  readonly #shelves: Map<number, Shelf>;

  constructor(
    stored: Stored & { readonly shelves: Map<number, Shelf> },
    writer: Writer,
    places: Places,
    options: RoomOptions,
  ) {
    this.#stored = stored;
    this.#shelves = stored.shelves;
    this.writer = writer;
    this.places = places;
    this.#options = options;
  }

  /** The handle of a group; it is read when it is asked for the first time. @throws `storage.*` */
  open(client: Client, placed: PlacedGroup): Promise<StoredGroup> {
    const known = this.#open.get(placed.place);
    if (known !== undefined) return known;
    const loading = this.#load(client, placed);
    this.#open.set(placed.place, loading);
    // A group that cannot be read now may be readable later.
    loading.catch(() => this.#open.delete(placed.place));
    return loading;
  }

  /** Wipe everything that is in memory. */
  close(): void {
    for (const { group } of this.#kept.values()) group.close();
    this.#kept.clear();
    this.#open.clear();
  }

  /**
   * Put a new group into the store. An earlier one of its id gives way, its inbox apart.
   * @param from record of the KeyPackage that led to it, if a state that was lost can have joined with that as well
   */
  place(client: Client, batch: Batch, group: Group, from?: string): StoredGroup {
    const place = this.places.take();
    const losses = from === undefined ? undefined : this.#options;
    const kept = new KeptGroup(group, new GroupKeys(place), undefined, losses);
    batch.touch(kept);
    if (from !== undefined && this.#options.suspects.has(from)) kept.attempt(batch, false, setBack);
    const placed = { ...placedAs(group, place), standing: 'in', message: undefined } as const;
    batch.onDropped(() => group.close());
    return this.#takeOver(client, batch, placed, kept);
  }

  /** Put a group that an external commit leads to into the store, before that is sent. @throws `storage.*` */
  async offer(client: Client, joined: Omit<ExternalJoin, 'spent'>): Promise<StoredOffer> {
    const { message, state } = joined;
    const group = new Group(insideOfClient(client).env, state);
    const place = this.places.take();
    const kept = new KeptGroup(group, new GroupKeys(place));
    const placed = { ...placedAs(group, place), standing: 'joining', message } as const;
    await this.writer.run((batch) => {
      batch.touch(kept);
      batch.onDropped(() => group.close());
      this.places.put(batch, placed);
    });
    const offer = this.#offerOf(client, placed, kept);
    this.#offers.set(place, Promise.resolve(offer));
    return offer;
  }

  /** An external commit of ours that was not decided. @throws `storage.*` */
  openOffer(client: Client, placed: PlacedGroup): Promise<StoredOffer> {
    const { place } = placed;
    const known = this.#offers.get(place);
    if (known !== undefined) return known;
    const opening = this.#read(client, placed).then(({ group, written }) =>
      this.#offerOf(client, placed, new KeptGroup(group, new GroupKeys(place), written, this.#options)),
    );
    this.#offers.set(place, opening);
    opening.catch(() => this.#offers.delete(place));
    return opening;
  }

  /** What is removed, or was set back, is not suspected any more. */
  trust(batch: Batch, name: string): void {
    if (!this.#options.suspects.has(name)) return;
    batch.del(suspectKey(name));
    batch.onKept(() => this.#options.suspects.delete(name));
  }

  /** Remove a group with everything that is kept for it. @throws `storage.*` */
  async remove(placed: PlacedGroup): Promise<void> {
    await this.writer.run((batch) => {
      this.places.put(batch, { ...placed, standing: 'gone', message: undefined });
      batch.onKept(() => this.#forget(placed));
    });
    await this.#sweepUp();
  }

  /** Remove what is left of groups that are gone. @throws `storage.*` */
  async sweep(): Promise<void> {
    const shelves = new Set(
      this.places.all.flatMap((placed) => (placed.standing === 'gone' ? [] : [placed.shelf])),
    );
    for (const { place, shelf } of this.places.all.filter(({ standing }) => standing === 'gone')) {
      const prefixes = [new GroupKeys(place).prefix];
      if (!shelves.has(shelf)) {
        prefixes.push(inboxPrefix(shelf), duePrefix(shelf));
        this.#shelves.delete(shelf);
      }
      // Damaged records go like others.
      const names: string[] = [];
      for (const prefix of prefixes) names.push(...(await namesOf(this.#stored.raw, prefix)));
      await this.writer.run((batch) => {
        for (const name of names) batch.del(name);
        this.places.del(batch, place);
        this.trust(batch, placeKey(place));
      });
    }
  }

  /** What was decided stands; what cannot be removed now is removed when the store is opened again, at the latest. */
  async #sweepUp(): Promise<void> {
    await this.sweep().catch(() => {});
  }

  async #load(client: Client, placed: PlacedGroup): Promise<StoredGroup> {
    if (this.#shelfOf(placed.shelf).isDamaged) fail('storage.corrupt', { shelf: placed.shelf });
    const { group, written } = await this.#read(client, placed);
    // It may have been removed meanwhile.
    if (this.places.get(placed.place)?.standing !== 'in') {
      group.close();
      return fail('state.unknown-group');
    }
    const kept = new KeptGroup(group, new GroupKeys(placed.place), written, this.#options);
    insideOfClient(client).keep(group);
    const handle = this.#handle(placed, kept);
    if (this.#options.suspects.has(placeKey(placed.place)))
      await this.writer.run((batch) => this.#setBack(batch, placed, kept));
    return handle;
  }

  async #read(client: Client, placed: PlacedGroup): Promise<{ group: Group; written: Written }> {
    const { env } = insideOfClient(client);
    const keys = new GroupKeys(placed.place);
    const { state, written } = await this.writer.read(() =>
      restore(env, keys, this.#stored.records.scan(keys.prefix)),
    );
    if (!equal(state.epoch.context.groupId, placed.groupId)) fail('storage.corrupt', { place: placed.place });
    return { group: new Group(env, state), written };
  }

  #setBack(batch: Batch, { place }: PlacedGroup, kept: KeptGroup): void {
    kept.attempt(batch, false, setBack);
    this.trust(batch, placeKey(place));
  }

  #shelfOf(number: number): Shelf {
    const shelf = this.#shelves.get(number) ?? emptyShelf();
    this.#shelves.set(number, shelf);
    return shelf;
  }

  #offerOf(client: Client, placed: PlacedGroup, kept: KeptGroup): StoredOffer {
    const { group } = kept;
    this.#kept.set(placed.place, kept);
    let decided = false;
    const decide = (batch: Batch): void => {
      if (decided) fail('state.stale-handle');
      decided = true;
      batch.onKept(() => this.#offers.delete(placed.place));
      batch.onDropped(() => {
        decided = false;
      });
    };
    return {
      groupId: placed.groupId.slice(),
      message: (placed.message ?? fail('storage.corrupt', { place: placed.place })).slice(),
      members: group.members,
      group,
      accept: async (also) => {
        const entered = await this.writer.run((batch) => {
          decide(batch);
          if (this.#options.suspects.has(placeKey(placed.place))) this.#setBack(batch, placed, kept);
          also?.(group, recordsOf(batch));
          const now = { ...placed, standing: 'in', message: undefined } as const;
          return this.#takeOver(client, batch, now, kept);
        });
        await this.#sweepUp();
        return entered;
      },
      discard: async () => {
        await this.writer.run((batch) => {
          decide(batch);
          this.places.put(batch, { ...placed, standing: 'gone', message: undefined });
          batch.onKept(() => this.#forget(placed));
        });
        await this.#sweepUp();
      },
    };
  }

  /** A group takes its place on the list, and that of an earlier one of its id, whose inbox it goes on with. */
  #takeOver(client: Client, batch: Batch, entering: PlacedGroup, kept: KeptGroup): StoredGroup {
    const { keep } = insideOfClient(client);
    const before = this.places.find(entering.groupId, entering.suite);
    if (before !== undefined) {
      const old = this.#kept.get(before.place);
      this.places.put(batch, { ...before, standing: 'gone' });
      batch.onKept(() => this.#forget(before));
      batch.onDropped(() => old && keep(old.group));
    }
    const placed = { ...entering, shelf: before?.shelf ?? entering.shelf };
    this.places.put(batch, placed);
    const handle = this.#handle(placed, kept);
    batch.onKept(() => {
      keep(kept.group);
      this.#open.set(placed.place, Promise.resolve(handle));
    });
    return handle;
  }

  #handle({ place, shelf }: PlacedGroup, kept: KeptGroup): StoredGroup {
    this.#kept.set(place, kept);
    return new StoredGroup(kept, this.writer, shelf, this.#shelfOf(shelf));
  }

  /** Its handle is of no more use. */
  #forget({ place }: PlacedGroup): void {
    this.#kept.get(place)?.group.close();
    this.#kept.delete(place);
    this.#open.delete(place);
  }
}

function placedAs(group: Group, place: number): Pick<PlacedGroup, 'place' | 'groupId' | 'suite' | 'shelf'> {
  return { place, groupId: group.id, suite: group.suite, shelf: place };
}

/** A state of which something newer was seen. */
function setBack(group: Group): void {
  insideOf(group).cell.run((state: GroupState) => ({
    next: { ...state, isSetBack: true },
    result: undefined,
  }));
}
