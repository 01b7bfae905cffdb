/**
 * Message keys as records: one for each unopened node of the secret tree, one for each ratchet, and pages of keys that were
 * passed over. A message therefore writes one ratchet, or one page, whatever the size of the group.
 */

import { fail } from '../base/error.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import type { Ratchet, SkippedKeys } from '../schedule/ratchet.ts';
import type { RatchetKind, SecretNode, SecretTree } from '../schedule/secretTree.ts';
import type { Changes, Value } from './changes.ts';
import { fromShort, type GroupKeys, kindFromShort } from './keys.ts';
import { encode, RatchetPart, readRecord } from './records.ts';

/** Which ratchet. */
export interface Sender {
  readonly leaf: number;
  readonly kind: RatchetKind;
}

/** Told of a ratchet that differs, in place of writing it. */
export type OnRatchet = (sender: Sender, before: Ratchet | undefined, after: Ratchet | undefined) => void;

/** Keys on one page: few, since a page is written anew whenever one of them is used. */
const PAGE = 4;

/** What changes when one secret tree of an epoch follows another. @param onRatchet is told of every ratchet that differs */
export function diffSecrets(
  before: SecretTree | undefined,
  after: SecretTree | undefined,
  onSecret: (node: number, before: Value, after: Value) => void,
  onRatchet: OnRatchet,
): void {
  const walk = (a: SecretNode | undefined, b: SecretNode | undefined, node: number, half: number): void => {
    if (a === b) return;
    onSecret(node, closed(a), closed(b));
    if (half === 0) {
      const [old, now] = [ratchets(a), ratchets(b)];
      for (const kind of KINDS) {
        const sender = { leaf: node / 2, kind };
        if (old?.[kind] !== now?.[kind]) onRatchet(sender, old?.[kind], now?.[kind]);
      }
      return;
    }
    const [old, now] = [opened(a), opened(b)];
    walk(old?.left, now?.left, node - half, half / 2 < 1 ? 0 : half / 2);
    walk(old?.right, now?.right, node + half, half / 2 < 1 ? 0 : half / 2);
  };
  const width = (before ?? after)?.width ?? 1;
  walk(before?.root, after?.root, width - 1, width === 1 ? 0 : width / 2);
}

/** A ratchet that becomes another one. */
export function writeRatchet(
  changes: Changes,
  names: { readonly keys: GroupKeys; readonly epoch: bigint; readonly sender: Sender },
  before: Ratchet | undefined,
  after: Ratchet | undefined,
): void {
  const { keys, epoch, sender } = names;
  const key = keys.ratchet(epoch, sender.leaf, sender.kind);
  changes.change(key, before && encode(RatchetPart, before), after && encode(RatchetPart, after));
  if (before?.skipped === after?.skipped) return;
  const pages = differingPages(before?.skipped ?? [], after?.skipped ?? []);
  for (const page of pages) {
    const [old, now] = [pageOf(before, page), pageOf(after, page)];
    changes.change(keys.skipped(epoch, sender, page), old, now);
  }
}

/** Pages on which kept keys may differ. */
function differingPages(before: readonly SkippedKeys[], after: readonly SkippedKeys[]): ReadonlySet<number> {
  const pages = new Set<number>();
  const mark = (block: SkippedKeys, differs: (offset: number) => boolean): void => {
    for (let i = 0; i < block.count; i++) if (differs(i)) pages.add(Math.floor((block.first + i) / PAGE));
  };
  const rest = new Set(after);
  for (const block of before) {
    if (rest.delete(block)) continue;
    const same = after.find((other) => other.packed === block.packed);
    if (same === undefined) mark(block, () => true);
    else {
      rest.delete(same);
      mark(block, (i) => isUsed(block, i) !== isUsed(same, i));
    }
  }
  for (const block of rest) mark(block, () => true);
  return pages;
}

/** Keys of {@link PAGE} generations: which of them are there, and then these. */
function pageOf(ratchet: Ratchet | undefined, page: number): Value {
  const entries: Uint8Array[] = [];
  let present = 0;
  for (let slot = 0; slot < PAGE; slot++) {
    const entry = entryOf(ratchet?.skipped ?? [], page * PAGE + slot);
    if (entry === undefined) continue;
    present |= 1 << slot;
    entries.push(entry);
  }
  const size = entries[0]?.length ?? 0;
  if (size === 0) return undefined;
  const value = new Uint8Array(1 + entries.length * size);
  value[0] = present;
  for (const [i, entry] of entries.entries()) value.set(entry, 1 + i * size);
  return value;
}

function entryOf(skipped: readonly SkippedKeys[], generation: number): Value {
  for (const block of skipped) {
    const offset = generation - block.first;
    if (offset < 0 || offset >= block.count) continue;
    const size = block.packed.length / block.count;
    return isUsed(block, offset) ? undefined : block.packed.subarray(offset * size, (offset + 1) * size);
  }
  return undefined;
}

function isUsed({ used }: SkippedKeys, offset: number): boolean {
  return (((used[offset >> 3] as number) >> (offset & 7)) & 1) === 1;
}

/** Gathers the records of one epoch's secret tree. */
export class SecretsReader {
  readonly #secrets = new Map<number, Uint8Array>();
  readonly #ratchets = new Map<string, RatchetPart>();
  readonly #pages = new Map<string, Map<number, Uint8Array>>();
  readonly #entrySize: number;

  constructor({ sizes }: SuiteCrypto) {
    this.#entrySize = sizes.key + sizes.nonce;
  }

  secret(name: string | undefined, value: Uint8Array): void {
    this.#secrets.set(fromShort(name), value);
  }

  ratchet(name: string | undefined, value: Uint8Array): void {
    this.#ratchets.set(name ?? '', readRecord(RatchetPart, value));
  }

  /** @throws `storage.corrupt` for a page of another form */
  skipped(name: string | undefined, page: string | undefined, value: Uint8Array): void {
    const kept = this.#pages.get(name ?? '') ?? new Map<number, Uint8Array>();
    this.#pages.set(name ?? '', kept);
    let at = 1;
    for (let slot = 0; slot < PAGE; slot++) {
      if ((((value[0] ?? 0) >> slot) & 1) === 0) continue;
      kept.set(fromShort(page) * PAGE + slot, value.slice(at, at + this.#entrySize));
      at += this.#entrySize;
    }
    if (at !== value.length || at === 1) fail('storage.corrupt', { length: value.length });
  }

  /** @throws `storage.corrupt` when a node is missing */
  finish(width: number): SecretTree {
    const ratchets = new Map<number, { [kind in RatchetKind]?: Ratchet }>();
    for (const [name, part] of this.#ratchets) {
      const leaf = fromShort(name.slice(0, -1));
      const both = ratchets.get(leaf) ?? {};
      both[kindFromShort(name)] = { ...part, skipped: blocksOf(this.#pages.get(name), this.#entrySize) };
      ratchets.set(leaf, both);
    }
    const build = (node: number, half: number): SecretNode => {
      const secret = this.#secrets.get(node);
      if (secret !== undefined) return { secret };
      if (half >= 1) {
        const below = half / 2 < 1 ? 0 : half / 2;
        return { left: build(node - half, below), right: build(node + half, below) };
      }
      const { handshake, application } = ratchets.get(node / 2) ?? {};
      if (handshake === undefined || application === undefined) return fail('storage.corrupt', { node });
      return { handshake, application };
    };
    return { root: build(width - 1, width === 1 ? 0 : width / 2), width };
  }
}

/** Kept keys as blocks of consecutive generations, in which those that are not there count as used. */
function blocksOf(entries: ReadonlyMap<number, Uint8Array> | undefined, size: number): SkippedKeys[] {
  const generations = [...(entries?.keys() ?? [])].sort((a, b) => a - b);
  const runs: number[][] = [];
  for (const generation of generations) {
    const run = runs.at(-1);
    if (run !== undefined && generation - (run.at(-1) as number) <= PAGE) run.push(generation);
    else runs.push([generation]);
  }
  return runs.map((run) => {
    const [first, last] = [run[0] as number, run.at(-1) as number];
    const count = last - first + 1;
    const packed = new Uint8Array(count * size);
    const used = new Uint8Array(Math.ceil(count / 8)).fill(0xff);
    for (const generation of run) {
      const offset = generation - first;
      packed.set(entries?.get(generation) as Uint8Array, offset * size);
      used[offset >> 3] = (used[offset >> 3] as number) & ~(1 << (offset & 7));
    }
    return { first, count, packed, used };
  });
}

const KINDS = ['handshake', 'application'] as const;

function closed(node: SecretNode | undefined): Value {
  return node !== undefined && 'secret' in node ? node.secret : undefined;
}

function opened(
  node: SecretNode | undefined,
): { readonly left: SecretNode; readonly right: SecretNode } | undefined {
  return node !== undefined && 'left' in node ? node : undefined;
}

function ratchets(node: SecretNode | undefined): { readonly [kind in RatchetKind]: Ratchet } | undefined {
  return node !== undefined && 'handshake' in node ? node : undefined;
}
