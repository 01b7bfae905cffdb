/**
 * A persistent multiset of byte-string keys: a trie over the nibbles of the keys. A change copies one path and shares
 * the rest; its cost is bounded by the key length even when keys are chosen to collide.
 */

import { equal } from '../base/bytes.ts';

/** Keys with their multiplicity. */
export interface KeyIndex {
  readonly root: Entry | undefined;
  /** How many keys occur more than once: 0 means that all are unique. */
  readonly duplicates: number;
}

type Entry = Single | Branch;
interface Single {
  readonly key: Uint8Array;
  readonly count: number;
}
interface Branch {
  readonly children: readonly (Entry | undefined)[];
  /** A key that ends here, being a prefix of the others. */
  readonly ends: Single | undefined;
}

/** No keys. */
export const EMPTY_INDEX: KeyIndex = /* @__PURE__ */ Object.freeze({ root: undefined, duplicates: 0 });

/** How often a key occurs. */
export function occurrences(index: KeyIndex, key: Uint8Array): number {
  let entry = index.root;
  for (let depth = 0; entry !== undefined; depth++) {
    if ('key' in entry) return equal(entry.key, key) ? entry.count : 0;
    if (depth === 2 * key.length) return entry.ends?.count ?? 0;
    entry = entry.children[nibble(key, depth)];
  }
  return 0;
}

/** The index with one more occurrence of a key. */
export function addKey(index: KeyIndex, key: Uint8Array): KeyIndex {
  const before = occurrences(index, key);
  return {
    root: insert(index.root, { key, count: before + 1 }, 0),
    duplicates: index.duplicates + (before === 1 ? 1 : 0),
  };
}

/** The index with one occurrence less of a key that it has. */
export function dropKey(index: KeyIndex, key: Uint8Array): KeyIndex {
  const before = occurrences(index, key);
  if (before === 0) return index;
  const root = before === 1 ? remove(index.root, key, 0) : insert(index.root, { key, count: before - 1 }, 0);
  return { root, duplicates: index.duplicates - (before === 2 ? 1 : 0) };
}

function insert(entry: Entry | undefined, item: Single, depth: number): Entry {
  if (entry === undefined) return item;
  if (!('key' in entry)) return place(entry, item, depth);
  if (equal(entry.key, item.key)) return item;
  return place(
    place({ children: new Array<Entry | undefined>(16), ends: undefined }, entry, depth),
    item,
    depth,
  );
}

function place(branch: Branch, item: Single, depth: number): Branch {
  if (depth === 2 * item.key.length) return { children: branch.children, ends: item };
  const children = branch.children.slice();
  const slot = nibble(item.key, depth);
  children[slot] = insert(children[slot], item, depth + 1);
  return { children, ends: branch.ends };
}

function remove(entry: Entry | undefined, key: Uint8Array, depth: number): Entry | undefined {
  if (entry === undefined || 'key' in entry) return undefined;
  if (depth === 2 * key.length) return collapse({ children: entry.children, ends: undefined });
  const children = entry.children.slice();
  const slot = nibble(key, depth);
  children[slot] = remove(children[slot], key, depth + 1);
  return collapse({ children, ends: entry.ends });
}

/** A branch with a single key left becomes that key. */
function collapse(branch: Branch): Entry | undefined {
  const rest: Entry[] = branch.children.filter((child) => child !== undefined);
  if (branch.ends !== undefined) rest.push(branch.ends);
  const [only] = rest;
  if (only === undefined) return undefined;
  return rest.length === 1 && 'key' in only ? only : branch;
}

function nibble(key: Uint8Array, depth: number): number {
  const byte = key[depth >> 1] as number;
  return depth % 2 === 0 ? byte >> 4 : byte & 15;
}
