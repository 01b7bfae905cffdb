/** The persistent multiset of keys against a Map, with keys that are prefixes of each other or differ late. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../../src/base/bytes.ts';
import { addKey, dropKey, EMPTY_INDEX, type KeyIndex, occurrences } from '../../../src/tree/keyIndex.ts';

/** Few distinct keys, so that they meet: short ones, prefixes, and long ones with a late difference. */
const key: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.array(fc.constantFrom(0x00, 0x01, 0x10, 0xff), { maxLength: 3 }).map((bytes) => Uint8Array.from(bytes)),
  fc
    .tuple(fc.constantFrom(8, 32, 33), fc.constantFrom(0, 1, 16, 17), fc.nat(2))
    .map(([length, last, where]) => {
      const bytes = new Uint8Array(length).fill(7);
      bytes[length - 1 - where] = last;
      return bytes;
    }),
);
const step = fc.record({ add: fc.boolean(), key });

function check(index: KeyIndex, model: ReadonlyMap<string, number>, probes: readonly Uint8Array[]): void {
  for (const probe of probes) expect(occurrences(index, probe)).toBe(model.get(toHex(probe)) ?? 0);
  expect(index.duplicates).toBe([...model.values()].filter((count) => count > 1).length);
}

describe('key index', () => {
  test('R7.3-17, R7.3-18 it counts like a map under any sequence of additions and removals', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const model = new Map<string, number>();
        const probes = steps.map((one) => one.key);
        const versions: { index: KeyIndex; model: Map<string, number> }[] = [];
        let index = EMPTY_INDEX;
        for (const one of steps) {
          const name = toHex(one.key);
          const before = model.get(name) ?? 0;
          index = one.add ? addKey(index, one.key) : dropKey(index, one.key);
          if (one.add) model.set(name, before + 1);
          else if (before > 1) model.set(name, before - 1);
          else model.delete(name);
          versions.push({ index, model: new Map(model) });
        }
        // All versions at the end: none has been altered by a later one.
        for (const version of versions) check(version.index, version.model, probes);
      }),
      { numRuns: 300 },
    );
  });

  test('it is empty again, and the same whatever the order, when all keys are gone', () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 20 }), fc.infiniteStream(fc.nat(1000)), (keys, choices) => {
        let index = keys.reduce(addKey, EMPTY_INDEX);
        const rest = [...keys];
        for (const choice of choices) {
          if (rest.length === 0) break;
          const [gone] = rest.splice(choice % rest.length, 1);
          index = dropKey(index, gone as Uint8Array);
          expect(index).toEqual(rest.reduce(addKey, EMPTY_INDEX));
        }
        expect(index).toEqual(EMPTY_INDEX);
      }),
      { numRuns: 200 },
    );
  });

  test('dropping a key that is not there changes nothing', () => {
    const index = addKey(EMPTY_INDEX, Uint8Array.of(1, 2, 3));
    expect(dropKey(index, Uint8Array.of(1, 2))).toBe(index);
    expect(dropKey(index, Uint8Array.of(1, 2, 3, 4))).toBe(index);
    expect(dropKey(EMPTY_INDEX, new Uint8Array(0))).toBe(EMPTY_INDEX);
  });

  test('a prefix, its extension and the empty key live side by side', () => {
    const keys = [[], [0xab], [0xab, 0xcd], [0xab, 0xcd, 0xef], [0xab, 0xc0]].map((bytes) =>
      Uint8Array.from(bytes),
    );
    const full = keys.reduce(addKey, EMPTY_INDEX);
    expect(full.duplicates).toBe(0);
    for (const one of keys) {
      expect(occurrences(full, one)).toBe(1);
      const twice = addKey(full, one);
      expect([occurrences(twice, one), twice.duplicates]).toEqual([2, 1]);
      const without = dropKey(full, one);
      for (const other of keys) expect(occurrences(without, other)).toBe(other === one ? 0 : 1);
      expect(dropKey(twice, one)).toEqual(full);
    }
  });

  test('keys that collide as long as they can cost their length, not their number', () => {
    let index = EMPTY_INDEX;
    for (let i = 0; i < 256; i++) {
      const long = new Uint8Array(133).fill(4);
      long[132] = i;
      index = addKey(index, long);
    }
    let depth = 0;
    for (let at = index.root; at !== undefined && !('key' in at); depth++) {
      at = at.children.find((child) => child !== undefined);
    }
    expect(depth).toBeLessThanOrEqual(2 * 133);
    expect(index.duplicates).toBe(0);
  });
});
