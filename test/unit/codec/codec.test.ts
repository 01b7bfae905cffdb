import { describe, expect, test } from 'vitest';
import { concat, EMPTY, fromHex, toHex } from '../../../src/base/bytes.ts';
import { MlsError } from '../../../src/base/error.ts';
import { cached } from '../../../src/codec/cached.ts';
import {
  type Codec,
  checked,
  decode,
  decodeOwned,
  empty,
  encode,
  fixedOpaque,
  oneOf,
  opaque,
  optional,
  select,
  struct,
  uint8,
  uint16,
  uint32,
  vector,
} from '../../../src/codec/codec.ts';
import { DEFAULT_LIMITS, Reader } from '../../../src/codec/reader.ts';
import { Writer } from '../../../src/codec/writer.ts';

function refusal(step: () => unknown): unknown[] {
  try {
    step();
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    const { offset } = error.detail;
    return [error.code, offset];
  }
  return ['none', undefined];
}

interface Point {
  readonly x: number;
  readonly label: Uint8Array;
}
const point: Codec<Point> = struct<Point>({ x: uint16, label: opaque });

describe('combinators', () => {
  test('R2.1-01: a struct is its fields one after the other', () => {
    const bytes = encode(point, { x: 0x0102, label: Uint8Array.of(9) });
    expect(toHex(bytes)).toBe('01020109');
    expect(decode(point, bytes)).toEqual({ x: 0x0102, label: Uint8Array.of(9) });
    expect(encode(empty, {})).toEqual(EMPTY);
    expect(decode(empty, EMPTY)).toEqual({});
  });

  test('fixed-length bytes have no length on the wire, and must have that length', () => {
    expect(toHex(encode(fixedOpaque(2), Uint8Array.of(1, 2)))).toBe('0102');
    expect(refusal(() => encode(fixedOpaque(2), Uint8Array.of(1)))[0]).toBe('codec.input');
    expect(refusal(() => decode(fixedOpaque(2), Uint8Array.of(1)))).toEqual(['codec.truncated', 0]);
  });

  test('R2.1.1-01: optional is 0, or 1 and the value', () => {
    expect(toHex(encode(optional(uint8), undefined))).toBe('00');
    expect(toHex(encode(optional(uint8), 7))).toBe('0107');
    expect(decode(optional(uint8), fromHex('0107'))).toBe(7);
    expect(decode(optional(uint8), fromHex('00'))).toBeUndefined();
  });

  test('R2.1.1-02, DEC-07: the presence bytes 2..255 are refused', () => {
    for (let presence = 2; presence < 256; presence++) {
      const input = Uint8Array.of(presence, 7);
      expect(refusal(() => decode(optional(uint8), input))).toEqual(['codec.presence', 0]);
    }
  });

  test('R2.1-06, DEC-06: a vector of fixed-size elements holds a whole number of them', () => {
    for (const [codec, size] of [
      [vector(uint16, 2), 2],
      [vector(uint32, 4), 4],
    ] as const) {
      for (let length = 0; length < 14; length++) {
        const input = concat(Uint8Array.of(length), new Uint8Array(length));
        const expected = length % size === 0 ? ['none', undefined] : ['codec.length', 1];
        expect(refusal(() => decode(codec, input))).toEqual(expected);
      }
    }
  });

  test('R2.1-06: an element may not cross the end of its vector, though the input goes on', () => {
    expect(refusal(() => decode(vector(opaque), fromHex('03010203ffff')))).toEqual(['codec.truncated', 4]);
    expect(refusal(() => decode(vector(point), fromHex('0200010000')))).toEqual(['codec.truncated', 3]);
    expect(decode(vector(opaque), fromHex('03010200'))).toEqual([Uint8Array.of(2), EMPTY]);
  });

  test('DEC-05: what a vector leaves unread is refused', () => {
    const reader = new Reader(fromHex('03010203'));
    expect(refusal(() => reader.vector(() => reader.uint8()))).toEqual(['codec.trailing', 2]);
  });

  test('DEC-08: a closed set of integers, with the offset of the wrong one', () => {
    const codec = struct<{ a: number; b: 1 | 3 }>({ a: uint16, b: oneOf(uint8, [1, 3] as const) });
    for (let value = 0; value < 256; value++) {
      const input = Uint8Array.of(0, 0, value);
      const expected = value === 1 || value === 3 ? ['none', undefined] : ['codec.enum', 2];
      expect(refusal(() => decode(codec, input))).toEqual(expected);
    }
    expect(refusal(() => encode(codec, { a: 0, b: 2 as 1 }))[0]).toBe('codec.input');
  });

  test('DEC-08: a tag without a body is refused, never taken for another', () => {
    const bodies = new Map<number, Codec<object>>([[5, struct({ x: uint8 })]]);
    const codec = select<{ kind: number }>('kind', uint8, (kind) => bodies.get(kind));
    expect(decode(codec, fromHex('0507'))).toEqual({ kind: 5, x: 7 });
    expect(refusal(() => decode(codec, fromHex('0607')))[0]).toBe('codec.enum');
    expect(refusal(() => encode(codec, { kind: 6 }))[0]).toBe('codec.enum');
  });

  test('checked tests both ways', () => {
    const even = checked(uint8, (value) => {
      if (value % 2 !== 0) throw new MlsError('codec.enum');
    });
    expect(decode(even, Uint8Array.of(4))).toBe(4);
    expect(refusal(() => decode(even, Uint8Array.of(5)))[0]).toBe('codec.enum');
    expect(refusal(() => encode(even, 5))[0]).toBe('codec.enum');
  });

  test('__proto__ as a field name is a field like others', () => {
    const codec = select<{ kind: number }>('kind', uint8, () => struct({ x: uint8 }));
    const value = decode(codec, fromHex('0102'));
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value).sort()).toEqual(['kind', 'x']);
    expect('kind' in {}).toBe(false);
  });
});

describe('cached', () => {
  test('encodes an object once, and hands out what it was read from', () => {
    let writes = 0;
    const counting: Codec<Point> = {
      read: (r) => point.read(r),
      write: (w, v) => {
        writes += 1;
        point.write(w, v);
      },
    };
    const codec = cached(counting);
    const value = { x: 1, label: EMPTY };
    expect(codec.bytes(value)).toBe(codec.bytes(value));
    encode(codec, value);
    expect(writes).toBe(1);
    expect(codec.bytes({ ...value })).toEqual(codec.bytes(value));
    expect(writes).toBe(2);
    const read = decode(vector(codec), fromHex('06000100000200'))[1] as Point;
    expect(toHex(codec.bytes(read))).toBe('000200');
    expect(writes).toBe(2);
  });
});

describe('nested vectors', () => {
  test.each([0, 62, 63, 64, 16380, 16381, 16382, 16383, 16384])(
    'R2.1.2-03: content of %d bytes gets the shortest length, at both levels',
    (length) => {
      const body = new Uint8Array(length).fill(7);
      const writer = new Writer(1);
      writer.vector(() => writer.vector(() => writer.raw(body)));
      const inner = encode(opaque, body);
      expect(writer.finish()).toEqual(encode(opaque, inner));
    },
  );
});

describe('limits', () => {
  const tight = { limits: { bytes: 8, elements: 3 } };

  test('R2.1.2-08, DEC-15: too long an input is refused', () => {
    expect(decode(opaque, fromHex('0700000000000000'), tight)).toHaveLength(7);
    expect(refusal(() => decode(opaque, fromHex('080000000000000000'), tight))[0]).toBe('codec.limit');
    expect(refusal(() => decodeOwned(opaque, new Uint8Array(9), tight))[0]).toBe('codec.limit');
  });

  test('R2.1.2-08, DEC-15: too many elements are refused before they are built', () => {
    expect(decode(vector(opaque), fromHex('03000000'), tight)).toHaveLength(3);
    let built = 0;
    const counting: Codec<number> = {
      read: (r) => {
        built += 1;
        return r.uint8();
      },
      write: uint8.write,
    };
    expect(refusal(() => decode(vector(counting), fromHex('06000000000000'), tight))[0]).toBe('codec.limit');
    expect(built).toBe(3);
  });

  test('DEC-16: the default limits hold a tree of a million members', () => {
    expect(DEFAULT_LIMITS.elements).toBeGreaterThanOrEqual(2 ** 21 - 1);
    expect(DEFAULT_LIMITS.bytes).toBeGreaterThanOrEqual(2 ** 26);
    expect(Object.isFrozen(DEFAULT_LIMITS)).toBe(true);
  });
});
