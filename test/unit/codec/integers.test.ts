import { describe, expect, test } from 'vitest';
import { concat, fromHex, toHex } from '../../../src/base/bytes.ts';
import { MlsError } from '../../../src/base/error.ts';
import { decode, encode, opaque, uint8, uint16, uint32, uint64 } from '../../../src/codec/codec.ts';
import { Reader } from '../../../src/codec/reader.ts';
import { MAX_VECTOR, varintSize } from '../../../src/codec/varint.ts';
import { Writer } from '../../../src/codec/writer.ts';

interface Detail {
  readonly offset?: unknown;
  readonly wanted?: unknown;
  readonly left?: unknown;
}

function refusal(step: () => unknown): { code: string; detail: Detail } {
  try {
    step();
  } catch (error) {
    if (error instanceof MlsError) return { code: error.code, detail: { ...error.detail } };
    throw error;
  }
  return { code: 'none', detail: {} };
}

/** The length that a header states; the body need not be there. */
function readHeader(header: Uint8Array): number | { code: string; detail: Detail } {
  const reader = new Reader(header);
  try {
    return reader.length();
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    // A header whose body is missing was read, and found to be well-formed.
    const { offset, wanted } = error.detail;
    if (error.code === 'codec.truncated' && offset === header.length) return wanted as number;
    return { code: error.code, detail: { ...error.detail } };
  }
}

function writeHeader(length: number): Uint8Array {
  const writer = new Writer();
  writer.length(length);
  return writer.finish();
}

describe('integers', () => {
  test('R2.1-01, R2.1-08: fixed width, big-endian', () => {
    expect(toHex(encode(uint8, 0xab))).toBe('ab');
    expect(toHex(encode(uint16, 0xabc))).toBe('0abc');
    expect(toHex(encode(uint32, 0xfedcba98))).toBe('fedcba98');
    expect(toHex(encode(uint64, 0x0123_4567_89ab_cdefn))).toBe('0123456789abcdef');
    expect(decode(uint16, fromHex('0abc'))).toBe(0xabc);
    expect(decode(uint64, fromHex('0123456789abcdef'))).toBe(0x0123_4567_89ab_cdefn);
  });

  test.each([0, 1, 0x7f, 0xff, 0x100, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff])(
    'R2.1-03, DEC-19: uint32 %d comes back as it was, not negative',
    (value) => {
      expect(decode(uint32, encode(uint32, value))).toBe(value);
    },
  );

  test.each([
    0n,
    1n,
    0xffff_ffffn,
    0x1_0000_0000n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  ])('R2.1-02, DEC-19: uint64 %d comes back exactly', (value) => {
    expect(decode(uint64, encode(uint64, value))).toBe(value);
  });

  test('DEC-19: the encoder refuses what does not fit instead of wrapping', () => {
    const writers: [string, number, (w: Writer, v: number) => void][] = [
      ['uint8', 2 ** 8, (w, v) => w.uint8(v)],
      ['uint16', 2 ** 16, (w, v) => w.uint16(v)],
      ['uint32', 2 ** 32, (w, v) => w.uint32(v)],
      ['length', -1, (w, v) => w.length(v)],
    ];
    for (const [name, over, write] of writers) {
      const values: unknown[] = [-1, over, over + 5, 0.5, Number.NaN, Infinity, -Infinity, -(2 ** 31)];
      values.push('1', null, undefined, 1n, [1], {}, true);
      for (const value of values) {
        if (name === 'length' && (value === over + 5 || (value as number) > MAX_VECTOR)) continue;
        const writer = new Writer();
        expect(refusal(() => write(writer, value as number)).code, `${name} ${String(value)}`).toBe(
          'codec.input',
        );
        expect(writer.finish()).toHaveLength(0);
      }
    }
    for (const value of [-1n, 2n ** 64n, 2n ** 64n + 5n, 2n ** 70n, 1, '1', 0.5, null, undefined]) {
      expect(refusal(() => new Writer().uint64(value as bigint)).code).toBe('codec.input');
    }
  });

  test('DEC-19: the encoder refuses what is no byte string', () => {
    for (const value of [
      undefined,
      null,
      'ab',
      [1, 2],
      new ArrayBuffer(2),
      new Uint16Array(2),
      { length: 1 },
    ]) {
      expect(refusal(() => new Writer().opaque(value as Uint8Array)).code).toBe('codec.input');
      expect(refusal(() => new Writer().raw(value as Uint8Array)).code).toBe('codec.input');
    }
  });

  test('R2.1-04, DEC-04: each integer cut short is refused with the offset', () => {
    for (const [codec, size] of [
      [uint8, 1],
      [uint16, 2],
      [uint32, 4],
      [uint64, 8],
    ] as const) {
      for (let length = 0; length < size; length++) {
        const { code, detail } = refusal(() => decode<unknown>(codec, new Uint8Array(length)));
        expect([code, detail.offset, detail.wanted]).toEqual(['codec.truncated', 0, size]);
      }
      const { code, detail } = refusal(() => decode<unknown>(codec, new Uint8Array(size + 1)));
      expect([code, detail.offset, detail.left]).toEqual(['codec.trailing', size, 1]);
    }
  });
});

describe('vector lengths', () => {
  test.each([
    ['9d7f3e7d', 494878333],
    ['7bbd', 15293],
    ['25', 37],
  ])('R2.1.2-05: %s is %d', (hex, length) => {
    expect(readHeader(fromHex(hex))).toBe(length);
    expect(toHex(writeHeader(length))).toBe(hex);
  });

  test.each([
    [0, 1],
    [1, 1],
    [63, 1],
    [64, 2],
    [16383, 2],
    [16384, 4],
    [2 ** 29 - 1, 4],
    [2 ** 29, 4],
    [2 ** 30 - 1, 4],
  ])('R2.1.2-01, R2.1.2-03, R2.1.2-09, DEC-03: %d takes %d bytes, both ways', (length, size) => {
    const header = writeHeader(length);
    expect(varintSize(length)).toBe(size);
    expect(header).toHaveLength(size);
    expect((header[0] ?? 0) >> 6).toBe(Math.log2(size));
    expect(readHeader(header)).toBe(length);
  });

  test.each([2 ** 30, 2 ** 30 + 1, 2 ** 31, 2 ** 32, 2 ** 32 + 5, 2 ** 53])(
    'R2.1.2-06, DEC-03: %d is beyond what a length can say',
    (length) => {
      expect(refusal(() => varintSize(length)).code).toBe('codec.limit');
      expect(refusal(() => writeHeader(length)).code).toBe('codec.limit');
    },
  );

  test('R2.1.2-02, DEC-01: all 64 lead bytes with the prefix 11 are refused', () => {
    for (let lead = 0xc0; lead <= 0xff; lead++) {
      for (const rest of [0, 3, 7, 100]) {
        const { code, detail } = refusal(() =>
          decode(opaque, concat(Uint8Array.of(lead), new Uint8Array(rest))),
        );
        expect([code, detail.offset]).toEqual(['codec.varint', 0]);
      }
    }
  });

  test('R2.1.2-04, DEC-02: every length that fits a shorter form is refused in a longer one', () => {
    const refused = { code: 'codec.varint', detail: { offset: 0 } };
    const wrong: string[] = [];
    const check = (header: Uint8Array, expected: unknown) => {
      const actual = readHeader(header);
      if (JSON.stringify(actual) !== JSON.stringify(expected)) wrong.push(toHex(header));
    };
    for (let value = 0; value < 16384; value++) {
      check(Uint8Array.of(0x40 | (value >> 8), value), value < 64 ? refused : value);
      check(Uint8Array.of(0x80, 0, value >> 8, value), refused);
    }
    expect(wrong).toEqual([]);
    expect(refusal(() => decode(opaque, fromHex('4025'))).code).toBe('codec.varint');
    expect(refusal(() => decode(opaque, fromHex('80003fff'))).code).toBe('codec.varint');
    expect(readHeader(fromHex('80004000'))).toBe(16384);
  });

  test('R2.1-04: a length cut short is refused', () => {
    for (const hex of ['', '40', '7b', '80', '9d7f', '9d7f3e']) {
      expect(refusal(() => decode(opaque, fromHex(hex))).code, hex).toBe('codec.truncated');
    }
  });

  test('R2.1.2-07, DEC-04: nothing is allocated for a length that the input cannot hold', () => {
    const input = fromHex('bfffffff00');
    const before = process.memoryUsage();
    for (let i = 0; i < 200; i++) {
      const { code, detail } = refusal(() => decode(opaque, input));
      expect([code, detail.offset, detail.wanted]).toEqual(['codec.truncated', 4, 2 ** 30 - 1]);
    }
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1 << 24);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(1 << 26);
  });
});
