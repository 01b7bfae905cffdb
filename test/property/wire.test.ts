import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, toHex } from '../../src/base/bytes.ts';
import { MlsError } from '../../src/base/error.ts';
import { decode, encode } from '../../src/codec/codec.ts';
import * as wire from '../../src/wire/index.ts';
import { callEntry, ENTRIES } from '../fuzz/entries.ts';
import { dissect, lengthBytes, mutate, replaceBytes, replaceWithin } from '../fuzz/mutate.ts';
import { fresh, judge } from '../fuzz/oracle.ts';
import { Random } from '../fuzz/random.ts';
import {
  anyBytes,
  EXPORTED,
  encodedSamples,
  OPTIONS,
  samplesOf,
  WIRE_CASES,
} from '../support/arbitraries.ts';

const SEED = 20260101;

/** The code that decoding throws, or the word `accepted`. */
function verdict(codec: wire.Codec<unknown>, bytes: Uint8Array): string {
  const result = judge(codec, bytes, OPTIONS);
  return 'error' in result ? result.error.code : 'accepted';
}

test('R16-03: the table names every codec that the wire exports', () => {
  const exported = Object.entries(wire)
    .filter(([, value]) => typeof value === 'object' && value !== null && 'read' in value && 'write' in value)
    .map(([name]) => name);
  expect(EXPORTED.map(({ name }) => name).sort()).toEqual(exported.sort());
  for (const { name, codec } of EXPORTED) {
    expect(codec, name).toBe((wire as unknown as Record<string, unknown>)[name]);
  }
  expect(ENTRIES.map(({ name }) => name)).toEqual(expect.arrayContaining(WIRE_CASES.map(({ name }) => name)));
});

describe.each(WIRE_CASES)('$name', (wireCase) => {
  const { codec, arbitrary } = wireCase;
  const samples = encodedSamples(wireCase, 60, SEED);

  test('R2.1-07, DEC-19, DEC-20: value to bytes to value to bytes', () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        const bytes = encode(codec, value);
        const back = decode(codec, bytes, OPTIONS);
        if (!isDeepStrictEqual(back, value)) expect(back).toEqual(value);
        expect(toHex(encode(codec, structuredClone(back)))).toBe(toHex(bytes));
        expect(toHex(encode(codec, back))).toBe(toHex(bytes));
      }),
      { numRuns: 200, seed: SEED },
    );
  });

  test('R2.1-07, R16-03, DEC-20: mutated bytes give a value that encodes to them, or a typed error', () => {
    const random = new Random(SEED);
    const corpus = samples.map((bytes) => dissect(codec, bytes, OPTIONS));
    const verdicts = new Set<string>();
    for (let i = 0; i < 3000; i++) {
      verdicts.add(verdict(codec, mutate(random.pick(corpus), random.pick(corpus), random)));
    }
    expect(verdicts).toContain('accepted');
    expect(verdicts.size).toBeGreaterThan(1);
  });

  test('R16-03, DEC-23: any bytes give a value or a typed error', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        judge(codec, bytes, OPTIONS);
      }),
      { numRuns: 300, seed: SEED },
    );
  });

  test('R2.1-04, DEC-04: every strict prefix is refused', () => {
    for (const bytes of samples) {
      for (let end = 0; end < bytes.length; end += bytes.length > 2000 ? 97 : 1) {
        expect(verdict(codec, bytes.subarray(0, end)), `${toHex(bytes)} cut at ${end}`).toBe(
          'codec.truncated',
        );
      }
    }
  });

  test('R2.1-05, DEC-05: appended bytes are refused', () => {
    const random = new Random(SEED);
    for (const bytes of samples) {
      for (const count of [1, 2, 1 + random.below(64)]) {
        expect(verdict(codec, concat(bytes, random.bytes(count)))).toBe('codec.trailing');
      }
    }
  });

  test('R2.1.2-02, DEC-01: every vector length with the prefix 11 is refused', () => {
    for (const bytes of samples) {
      for (const { at } of dissect(codec, bytes, OPTIONS).extents) {
        const lead = Uint8Array.of(0xc0 | (bytes[at] ?? 0));
        expect(verdict(codec, replaceBytes(bytes, at, 1, lead))).toBe('codec.varint');
      }
    }
  });

  test('R2.1.2-04, DEC-02: every vector length in a longer form is refused, the lengths around it being right', () => {
    for (const bytes of samples) {
      const sample = dissect(codec, bytes, OPTIONS);
      for (const { at, header, length } of sample.extents) {
        for (const size of [2, 4] as const) {
          if (size <= header) continue;
          const longer = replaceWithin(sample, at, header, lengthBytes(length, size));
          expect(verdict(codec, longer)).toBe('codec.varint');
        }
      }
    }
  });

  test('R2.1.2-07, DEC-04: every vector length set beyond the end is refused', () => {
    for (const bytes of samples) {
      for (const { at, header } of dissect(codec, bytes, OPTIONS).extents) {
        const huge = replaceBytes(bytes, at, header, Uint8Array.of(0xbf, 0xff, 0xff, 0xff));
        expect(verdict(codec, huge)).toBe('codec.truncated');
      }
    }
  });

  test('DEC-18: a result holds nothing of the input buffer', () => {
    for (const [i, bytes] of samples.entries()) {
      const pool = Buffer.alloc(bytes.length + 40, 0xee);
      pool.set(bytes, 7);
      const value = decode(codec, pool.subarray(7, 7 + bytes.length), OPTIONS);
      expect(pool.subarray(7, 7 + bytes.length).equals(bytes)).toBe(true);
      pool.fill(0x55);
      expect(isDeepStrictEqual(value, samplesOf(wireCase, 60, SEED)[i])).toBe(true);
      expect(toHex(encode(codec, fresh(value)))).toBe(toHex(bytes));
    }
  });
});

describe('type confusion', () => {
  const samples = WIRE_CASES.map((wireCase) => encodedSamples(wireCase, 12, SEED));

  test.each(WIRE_CASES)(
    'DEC-21: samples of all other types before $name give a value or a typed error',
    ({ codec }) => {
      for (const bytes of samples.flat()) judge(codec, bytes, OPTIONS);
    },
  );

  test('DEC-21: no other structure passes for an MLSMessage', () => {
    const others = WIRE_CASES.filter(({ name }) => name !== 'MlsMessage');
    for (const other of others) {
      for (const bytes of encodedSamples(other, 40, SEED)) {
        expect(verdict(wire.MlsMessage as wire.Codec<unknown>, bytes), other.name).not.toBe('accepted');
      }
    }
  });
});

test('R16-03: an entry point that lets another error out is found', () => {
  const entry = callEntry(
    'broken',
    () => [],
    () => Uint8Array.of(1).map(() => (null as unknown as { x: number }).x),
  );
  expect(() => entry.run(Uint8Array.of(1))).toThrow('not an MlsError');
  expect(callEntry('refusing', () => [], refuse).run(Uint8Array.of(1))).toBe(false);
  expect(callEntry('content', () => [], leak).run).toThrow('message beyond the table');
});

function refuse(): never {
  throw new MlsError('codec.truncated', { offset: 3 });
}
function leak(): never {
  const error = new MlsError('codec.truncated');
  error.message += ' secret';
  throw error;
}
