/**
 * The hash ratchet of one sender and content type (RFC 9420 §9.1), with the deletion schedule of §9.2.
 *
 * A ratchet is a value: taking a key gives the next ratchet and a list of spent bytes. The caller puts the next one in
 * place when the message has been opened and its signature verified, and wipes the spent bytes then; a forgery changes
 * nothing. Generations that were passed over are kept packed, key beside nonce, in blocks that share their bytes from
 * one ratchet to the next; what moves is a small bitmap of the places already used.
 */

import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { deriveTreeSecret } from '../crypto/labels.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';

/** State of one ratchet. */
export interface Ratchet {
  /** Generation that `secret` belongs to: the next one not derived yet. */
  readonly next: number;
  /** Nh bytes. */
  readonly secret: Uint8Array;
  /** Keys of generations below `next` that no message has used, oldest first. */
  readonly skipped: readonly SkippedKeys[];
  /** Below this, skipped keys may have been deleted by the retention limit. */
  readonly evictedBelow: number;
}

/** Keys of consecutive generations. */
export interface SkippedKeys {
  readonly first: number;
  readonly count: number;
  /** `count` times key ‖ nonce. */
  readonly packed: Uint8Array;
  /** One bit per generation, set when used. */
  readonly used: Uint8Array;
}

/** How far a ratchet may be asked to go. */
export interface RatchetLimits {
  /** Largest step ahead, in generations. */
  readonly maxForward: number;
  /** Skipped keys kept per ratchet. */
  readonly keptKeys: number;
}

/** Key and nonce for one message, and what follows. */
export interface TakenKey {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly next: Ratchet;
  /** Bytes to wipe once `next` is in place. */
  readonly spent: readonly Uint8Array[];
}

/** A ratchet at generation 0. */
export function startRatchet(secret: Uint8Array): Ratchet {
  return { next: 0, secret, skipped: [], evictedBelow: 0 };
}

/** The key for the next own message. @throws `crypto.limit` when all 2^32 - 1 generations are used */
export function takeNext(suite: SuiteCrypto, ratchet: Ratchet): TakenKey {
  if (ratchet.next >= LAST_GENERATION) fail('crypto.limit', { generation: ratchet.next });
  const { key, nonce } = keysAt(suite, ratchet.secret, ratchet.next);
  return { key, nonce, next: advanced(suite, ratchet, ratchet.next, []), spent: [ratchet.secret] };
}

/**
 * The key of a received generation.
 * @throws `state.generation-gap` too far ahead, before anything is derived; `state.replay`, `state.key-evicted`
 */
export function takeKey(
  suite: SuiteCrypto,
  ratchet: Ratchet,
  generation: number,
  limits: RatchetLimits,
): TakenKey {
  if (generation < ratchet.next) return takeSkipped(suite, ratchet, generation);
  requireReachable(ratchet.next, generation, limits);
  const steps = generation - ratchet.next;
  const spent = [ratchet.secret];
  const { packed, secret } = skipTo(suite, ratchet, generation, spent);
  const { key, nonce } = keysAt(suite, secret, generation);
  const block: SkippedKeys[] =
    steps === 0
      ? []
      : [{ first: ratchet.next, count: steps, packed, used: new Uint8Array(Math.ceil(steps / 8)) }];
  const skipped = [...ratchet.skipped, ...block];
  const next = advanced(suite, { ...ratchet, secret }, generation, skipped);
  return { key, nonce, next: evict(suite, next, limits.keptKeys, spent), spent };
}

/** The ratchet some generations on, their keys not kept. What is on the way is wiped; `ratchet` keeps its secret. */
export function ahead(suite: SuiteCrypto, ratchet: Ratchet, generations: number): Ratchet {
  const next = Math.min(ratchet.next + generations, LAST_GENERATION);
  let secret: Uint8Array = ratchet.secret.slice();
  for (let g = ratchet.next; g < next; g++) {
    const before = secret;
    secret = nextSecret(suite, before, g);
    wipe(before);
  }
  return { next, secret, skipped: [], evictedBelow: ratchet.evictedBelow };
}

/** Whether the key of a passed-over generation is still kept. */
export function keeps(ratchet: Ratchet, generation: number): boolean {
  return ratchet.skipped.some(
    (block) =>
      generation >= block.first && generation < block.first + block.count && !isUsed(block, generation),
  );
}

/** @throws `state.generation-gap` when a generation is too far ahead of the next one, or the very last */
export function requireReachable(next: number, generation: number, { maxForward }: RatchetLimits): void {
  if (generation - next > maxForward || generation >= LAST_GENERATION) {
    fail('state.generation-gap', { generation, next, maxForward });
  }
}

const LAST_GENERATION = 0xffff_ffff;

/** Derive the keys of the generations before `generation`. Returns its ratchet secret. */
function skipTo(
  suite: SuiteCrypto,
  ratchet: Ratchet,
  generation: number,
  spent: Uint8Array[],
): { readonly packed: Uint8Array; readonly secret: Uint8Array } {
  const { size, keyLength } = entrySize(suite);
  const packed = new Uint8Array((generation - ratchet.next) * size);
  let secret = ratchet.secret;
  for (let g = ratchet.next, at = 0; g < generation; g++, at += size) {
    const { key, nonce } = keysAt(suite, secret, g);
    packed.set(key, at);
    packed.set(nonce, at + keyLength);
    wipe(key, nonce);
    secret = nextSecret(suite, secret, g);
    spent.push(secret);
  }
  return { packed, secret };
}

function keysAt(
  suite: SuiteCrypto,
  secret: Uint8Array,
  generation: number,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  return {
    key: deriveTreeSecret(suite, secret, 'key', generation, suite.sizes.key),
    nonce: deriveTreeSecret(suite, secret, 'nonce', generation, suite.sizes.nonce),
  };
}

function nextSecret(suite: SuiteCrypto, secret: Uint8Array, generation: number): Uint8Array {
  return deriveTreeSecret(suite, secret, 'secret', generation, suite.sizes.hash);
}

/** The ratchet after `generation`, whose secret `ratchet` holds. */
function advanced(
  suite: SuiteCrypto,
  ratchet: Ratchet,
  generation: number,
  skipped: readonly SkippedKeys[],
): Ratchet {
  return {
    next: generation + 1,
    secret: nextSecret(suite, ratchet.secret, generation),
    skipped: skipped.length === 0 ? ratchet.skipped : skipped,
    evictedBelow: ratchet.evictedBelow,
  };
}

function takeSkipped(suite: SuiteCrypto, ratchet: Ratchet, generation: number): TakenKey {
  const position = ratchet.skipped.findIndex(
    (block) => generation >= block.first && generation < block.first + block.count,
  );
  const block = ratchet.skipped[position];
  if (block === undefined || isUsed(block, generation)) {
    return fail(generation < ratchet.evictedBelow ? 'state.key-evicted' : 'state.replay', { generation });
  }
  const { size, keyLength } = entrySize(suite);
  const start = (generation - block.first) * size;
  const entry = block.packed.subarray(start, start + size);
  const used = block.used.slice();
  const offset = generation - block.first;
  used[offset >> 3] = (used[offset >> 3] as number) | (1 << (offset & 7));
  const left = { ...block, used };
  const skipped = ratchet.skipped.flatMap((other, i) =>
    i !== position ? other : unusedCount(left) > 0 ? left : [],
  );
  const next = { ...ratchet, skipped };
  return { key: entry.slice(0, keyLength), nonce: entry.slice(keyLength), next, spent: [entry] };
}

/** Drop the oldest skipped keys beyond the limit. */
function evict(suite: SuiteCrypto, ratchet: Ratchet, keptKeys: number, spent: Uint8Array[]): Ratchet {
  let excess = ratchet.skipped.reduce((sum, block) => sum + unusedCount(block), 0) - keptKeys;
  const { size } = entrySize(suite);
  const skipped: SkippedKeys[] = [];
  let { evictedBelow } = ratchet;
  for (const block of ratchet.skipped) {
    if (excess <= 0) {
      skipped.push(block);
      continue;
    }
    const gone = leadingToDrop(block, excess);
    excess -= gone.unused;
    evictedBelow = Math.max(evictedBelow, block.first + gone.places);
    spent.push(block.packed);
    if (gone.places < block.count) skipped.push(withoutLeading(block, gone.places, size));
  }
  return { ...ratchet, skipped, evictedBelow };
}

/** How many leading places go so that `excess` unused keys go with them. */
function leadingToDrop(
  block: SkippedKeys,
  excess: number,
): { readonly places: number; readonly unused: number } {
  let unused = 0;
  let places = 0;
  while (places < block.count && unused < excess) {
    if (!isUsed(block, block.first + places)) unused += 1;
    places += 1;
  }
  return { places, unused };
}

function withoutLeading(block: SkippedKeys, places: number, size: number): SkippedKeys {
  const count = block.count - places;
  const used = new Uint8Array(Math.ceil(count / 8));
  for (let i = 0; i < count; i++) {
    if (isUsed(block, block.first + places + i)) used[i >> 3] = (used[i >> 3] as number) | (1 << (i & 7));
  }
  return { first: block.first + places, count, packed: block.packed.slice(places * size), used };
}

function isUsed(block: SkippedKeys, generation: number): boolean {
  const offset = generation - block.first;
  return (((block.used[offset >> 3] as number) >> (offset & 7)) & 1) === 1;
}

function unusedCount(block: SkippedKeys): number {
  let count = 0;
  for (let i = 0; i < block.count; i++) if (!isUsed(block, block.first + i)) count += 1;
  return count;
}

function entrySize(suite: SuiteCrypto): { readonly size: number; readonly keyLength: number } {
  const { key, nonce } = suite.sizes;
  return { size: key + nonce, keyLength: key };
}
