/** Walking the object graph of a state: which byte strings can be reached from it, and where. */

import { createHash } from 'node:crypto';

/** A byte string and the way to it. */
export interface Found {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Every byte string that own enumerable properties, arrays, maps and sets lead to; each object is visited once. */
export function bytesIn(root: unknown): Found[] {
  const found: Found[] = [];
  const seen = new Set<object>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Uint8Array) {
      found.push({ path, bytes: value });
      return;
    }
    if (value instanceof Map || value instanceof Set) {
      let i = 0;
      for (const entry of value) visit(entry, `${path}<${i++}>`);
      return;
    }
    for (const [key, child] of Object.entries(value)) visit(child, `${path}.${key}`);
  };
  visit(root, '');
  return found;
}

/** One value for everything in a graph: equal before and after means that nothing changed, wiping included. */
export function digest(root: unknown): string {
  const hash = createHash('sha256');
  const seen = new Map<object, number>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) {
      hash.update(`${typeof value}:${typeof value === 'function' ? '' : String(value)};`);
      return;
    }
    const known = seen.get(value);
    if (known !== undefined) {
      hash.update(`#${known};`);
      return;
    }
    seen.set(value, seen.size);
    if (value instanceof Uint8Array) hash.update(`b${value.length}:`).update(value);
    else if (value instanceof Map || value instanceof Set) for (const entry of value) visit(entry);
    // Memos are facts that are computed once, on first use: they are no state.
    else {
      for (const [key, child] of Object.entries(value)) {
        if (key === 'memo') continue;
        hash.update(`${key}=`);
        visit(child);
      }
    }
  };
  visit(root);
  return hash.digest('hex');
}

/** Where `needle` occurs in the byte strings of a graph. */
export function placesOf(root: unknown, needle: Uint8Array): string[] {
  const wanted = Buffer.from(needle);
  return bytesIn(root)
    .filter(({ bytes }) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(wanted))
    .map(({ path }) => path);
}
