/** Walking the object graph of a state: which byte strings can be reached from it, and where. */

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

/** Where `needle` occurs in the byte strings of a graph. */
export function placesOf(root: unknown, needle: Uint8Array): string[] {
  const wanted = Buffer.from(needle);
  return bytesIn(root)
    .filter(({ bytes }) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(wanted))
    .map(({ path }) => path);
}
