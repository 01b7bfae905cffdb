/**
 * The ratchet tree of an epoch out of what an order has, for whoever comes in (design, 6.3): a snapshot, and the patches of
 * the commits since, each known by the tags of the two epochs that it joins.
 *
 * Nothing here is proven. A tree that comes of it counts only if its hash is the signed one.
 */

import { toHex } from '../../base/bytes.ts';
import { MlsError } from '../../base/error.ts';
import { ExtensionType, findExtension } from '../../wire/index.ts';
import type { Entry } from '../sequencer/contract.ts';
import type { TreePart } from '../stanza/mls.ts';
import { treesAt } from '../treeSync.ts';
import { groupInfoIn, headerOf } from './header.ts';

/** A tree that may be the one. */
export interface TreeCandidate {
  /** As `JoinOptions.ratchetTree` takes it. */
  readonly tree: Uint8Array;
  /** Epoch of the snapshot behind it. */
  readonly since: bigint;
}

/** The bytes of a snapshot that is not in the order itself; nothing where it cannot be had. */
export type FetchTree = (part: TreePart) => Promise<Uint8Array | undefined>;

/** A commit, as a step from one epoch to the next. */
interface Link {
  readonly number: number;
  readonly from: string;
  readonly patch: Uint8Array | undefined;
}

/** The epoch that an entry leads to. */
interface Place {
  readonly groupId: Uint8Array;
  readonly branch: string;
  readonly epoch: bigint;
}

interface Base {
  readonly number: number;
  readonly branch: string;
  readonly part: TreePart;
}

/** Patches in a row: four times what lies between two snapshots. */
const MOST_PATCHES = 256;
/** Trees that are tried for one epoch. */
const MOST_TRIED = 12;

/** What was read of an order, from its newest entry back, as far as was needed. */
export class TreeTrail {
  readonly #entries: AsyncIterator<Entry>;
  readonly #fetch: FetchTree;
  readonly #links = new Map<string, Link>();
  readonly #bases: Base[] = [];
  /** Where the entry that a Welcome names leads. */
  readonly #places = new Map<string, Place>();
  #read = 0;

  /** @param entries newest first: `Sequencer.backwards` */
  constructor(entries: AsyncGenerator<Entry>, fetch: FetchTree) {
    this.#entries = entries;
    this.#fetch = fetch;
  }

  /**
   * Trees for the epoch that an entry leads to, the newest snapshot first: a later one is for when joining has refused those
   * before it with `validation.tree-hash` or `validation.tree`.
   * @throws what reading the archive throws
   */
  async *after(cursor: string): AsyncGenerator<TreeCandidate> {
    while (!this.#places.has(cursor)) if (!(await this.#more())) return;
    const place = this.#places.get(cursor);
    if (place !== undefined) yield* this.#trees(place.branch, place.epoch);
  }

  /** The group that an entry is of, if that entry was read and says so. */
  groupAt(cursor: string): Uint8Array | undefined {
    return this.#places.get(cursor)?.groupId;
  }

  /** As {@link after}, for an epoch with this tag. */
  at(branch: Uint8Array, epoch: bigint): AsyncGenerator<TreeCandidate> {
    return this.#trees(toHex(branch), epoch);
  }

  async *#trees(branch: string, epoch: bigint): AsyncGenerator<TreeCandidate> {
    const tried = new Set<string>();
    for (;;) {
      for (const base of this.#bases) {
        const chain = this.#chain(branch, base.branch);
        const key = chain && [base.number, ...chain.map(({ number }) => number)].join(' ');
        if (chain === undefined || key === undefined || tried.has(key)) continue;
        tried.add(key);
        yield* this.#build(base, chain, epoch);
        if (tried.size >= MOST_TRIED) return;
      }
      if (!(await this.#more())) return;
    }
  }

  /** The steps from a snapshot to an epoch, in their order; nothing where one is missing. */
  #chain(to: string, from: string): readonly Link[] | undefined {
    const chain: Link[] = [];
    for (let at = to; at !== from; ) {
      const link = this.#links.get(at);
      if (link?.patch === undefined || chain.length >= MOST_PATCHES) return undefined;
      chain.unshift(link);
      at = link.from;
    }
    return chain;
  }

  async *#build(base: Base, chain: readonly Link[], epoch: bigint): AsyncGenerator<TreeCandidate> {
    const since = epoch - BigInt(chain.length);
    if (base.part.kind === 'reference' && base.part.epoch !== since) return;
    const bytes = base.part.kind === 'inline' ? base.part.tree : await this.#fetched(base.part);
    if (bytes === undefined) return;
    const patches = chain.flatMap(({ patch }) => patch ?? []);
    for (const tree of treesAt(epoch, [{ epoch: since, tree: bytes }], patches)) yield { tree, since };
  }

  async #fetched(part: TreePart): Promise<Uint8Array | undefined> {
    try {
      return await this.#fetch(part);
    } catch (error) {
      // One that is gone leaves the older ones.
      if (error instanceof MlsError && error.code !== 'internal.bug') return undefined;
      throw error;
    }
  }

  /** Read until something of use. @returns whether there was any */
  async #more(): Promise<boolean> {
    for (;;) {
      const { value, done } = await this.#entries.next();
      if (done) return false;
      if (this.#note(value)) return true;
    }
  }

  #note({ id, payload }: Entry): boolean {
    const number = this.#read++;
    const content = payload?.content;
    const branch = payload?.branch && toHex(payload.branch);
    if (content?.kind === 'tree') {
      if (branch !== undefined) this.#bases.push({ number, branch, part: content.tree });
      return branch !== undefined;
    }
    if (content?.kind !== 'commit' && content?.kind !== 'group-info') return false;
    const info = content.groupInfo && groupInfoIn(content.groupInfo.message);
    if (info === undefined || content.groupInfo === undefined) return false;
    const next = toHex(content.groupInfo.branch);
    const { groupId } = info.groupContext;
    const carried = findExtension(info.extensions, ExtensionType.ratchetTree);
    if (carried !== undefined)
      this.#bases.push({ number, branch: next, part: { kind: 'inline', tree: carried.extensionData } });
    if (content.kind === 'group-info') {
      if (content.tree !== undefined) this.#bases.push({ number, branch: next, part: content.tree });
      this.#places.set(id, { groupId, branch: next, epoch: info.groupContext.epoch });
      return true;
    }
    const header = headerOf(content.message);
    if (header === undefined) return false;
    this.#places.set(id, { groupId, branch: next, epoch: header.epoch + 1n });
    // Of several the earliest counts, which comes last here.
    if (branch !== undefined) this.#links.set(next, { number, from: branch, patch: content.treePatch });
    return true;
  }
}
