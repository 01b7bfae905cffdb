import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/base/bytes.ts';
import { decode, encode } from '../../../src/codec/codec.ts';
import * as wire from '../../../src/wire/index.ts';
import { fresh } from '../../fuzz/oracle.ts';
import {
  b,
  cat,
  contextBytes,
  extension,
  keyPackageBytes,
  leafBytes,
  u8,
  u16,
  u32,
  v,
  verdictOf,
} from './layout.ts';

/** The same bytes many times. */
function times(count: number, piece: Uint8Array): Uint8Array {
  const out = new Uint8Array(count * piece.length);
  for (let i = 0; i < count; i++) out.set(piece, i * piece.length);
  return out;
}

/** A ratio above this counts as steep: linear work has about 1, quadratic work 8. */
const STEEP = 4;

/**
 * Whether a step is steep: it takes many times longer than eight steps on an eighth of its input, all of whose results
 * are kept, so that both make the same garbage. The majority of 7 measurements decides; they are taken in turn, since
 * what other programs do to the clock they do to both.
 */
function isSteep(whole: () => unknown, eighth: () => unknown): boolean {
  const votes = { steep: 0, even: 0 };
  while (votes.steep < 4 && votes.even < 4) {
    const start = performance.now();
    Array.from({ length: 8 }, eighth);
    const between = performance.now();
    whole();
    const ratio = (performance.now() - between) / Math.max(0.2, between - start);
    votes[ratio < STEEP ? 'even' : 'steep'] += 1;
  }
  return votes.steep > votes.even;
}

/** The value, or the code of the refusal. */
function outcome(codec: wire.Codec<unknown>, bytes: Uint8Array): unknown {
  try {
    return decode(codec, bytes);
  } catch (error) {
    return (error as { code: string }).code;
  }
}

interface Heavy {
  readonly name: string;
  readonly codec: wire.Codec<unknown>;
  /** An input of about so many elements. */
  readonly input: (count: number) => Uint8Array;
  readonly count: number;
  /** What becomes of it. */
  readonly code?: string;
}

const HEAVY: readonly Heavy[] = [
  {
    name: '2^20 empty certificates',
    codec: wire.Credential,
    input: (count) => cat(u16(2), v(times(count, u8(0)))),
    count: 2 ** 20,
  },
  {
    name: '2^19 certificates of one byte',
    codec: wire.Credential,
    input: (count) => cat(u16(2), v(times(count, cat(u8(1), u8(7))))),
    count: 2 ** 19,
  },
  {
    name: '65 000 different empty extensions',
    codec: wire.GroupContext,
    input: (count) => {
      const list = times(count, extension(0, b('')));
      for (let i = 0; i < count; i++) list.set(u16(10 + i), 3 * i);
      return contextBytes(v(list));
    },
    count: 65_000,
  },
  {
    name: '10^5 empty extensions, refused as duplicates',
    codec: wire.GroupContext,
    input: (count) => contextBytes(v(times(count, extension(9, b(''))))),
    count: 100_000,
    code: 'codec.duplicate-extension',
  },
  {
    name: '10^5 proposals',
    codec: wire.Commit,
    input: (count) => cat(v(times(count, cat(u8(1), u16(3), u32(7)))), u8(0)),
    count: 100_000,
  },
  {
    name: '10^5 HPKE ciphertexts',
    codec: wire.UpdatePath,
    input: (count) => cat(leafBytes(), v(v(b('k')), v(times(count, cat(v(b('e')), v(b('c'))))))),
    count: 100_000,
  },
  {
    name: '10^6 blank tree entries',
    codec: wire.RatchetTree,
    input: (count) => {
      const even = count - (count % 2);
      return v(times(even, u8(0)), u8(1), u8(1), leafBytes());
    },
    count: 1_000_000,
  },
  {
    name: '2 x 10^4 key packages',
    codec: wire.Commit,
    input: (count) => cat(v(times(count, cat(u8(1), u16(1), keyPackageBytes()))), u8(0)),
    count: 20_000,
  },
];

describe('R2.1.2-10, DEC-15: work is linear in the input', () => {
  test.each(HEAVY)('$name', ({ codec, input, count, code = 'accepted' }) => {
    const whole = input(count);
    const eighth = input(Math.floor(count / 8));
    expect(verdictOf(codec, whole)).toBe(code);
    expect(
      isSteep(
        () => outcome(codec, whole),
        () => outcome(codec, eighth),
      ),
    ).toBe(false);
  });

  test.each(HEAVY.filter(({ code }) => code === undefined))('encoding: $name', ({ codec, input, count }) => {
    const whole = decode(codec, input(count));
    const eighth = decode(codec, input(Math.floor(count / 8)));
    expect(
      isSteep(
        () => encode(codec, fresh(whole)),
        () => encode(codec, fresh(eighth)),
      ),
    ).toBe(false);
  });
});

describe('limits', () => {
  test('R2.1.2-08, DEC-15, DEC-16: the count limit holds for every kind of list', () => {
    for (const { codec, input } of HEAVY) {
      const limits = { bytes: 1 << 26, elements: 5 };
      expect(verdictOf(codec, input(3), { limits }).replace('codec.duplicate-extension', 'accepted')).toBe(
        'accepted',
      );
      expect(verdictOf(codec, input(6), { limits })).toBe('codec.limit');
    }
  });

  test('DEC-16: an input one byte above the limit is refused, and one at the limit is not', () => {
    const bytes = keyPackageBytes();
    const elements = 100;
    expect(verdictOf(wire.KeyPackage, bytes, { limits: { bytes: bytes.length, elements } })).toBe('accepted');
    expect(verdictOf(wire.KeyPackage, bytes, { limits: { bytes: bytes.length - 1, elements } })).toBe(
      'codec.limit',
    );
  });
});

describe('DEC-17: nesting', () => {
  test('a chain of 10^4 certificates', () => {
    const chain = cat(u16(2), v(times(10_000, v(b('cert')))));
    const leaf = decode(wire.LeafNode, leafBytes(v(), undefined, chain));
    expect(toHex(encode(wire.LeafNode, structuredClone(leaf)))).toBe(toHex(leafBytes(v(), undefined, chain)));
  });

  test('bytes that claim vector in vector without end are refused without recursion', () => {
    for (const piece of [u8(1), u8(2), cat(u8(0x80), u8(0xff), u8(0xff), u8(0xff)), u8(0)]) {
      for (const codec of [
        wire.MlsMessage,
        wire.Commit,
        wire.RatchetTree,
        wire.GroupInfo,
        wire.ExternalSenders,
      ]) {
        expect(verdictOf<unknown>(codec, times(200_000, piece))).not.toBe('accepted');
      }
    }
  });
});

describe('DEC-18: what the input is', () => {
  const bytes = keyPackageBytes();

  test.each<[string, unknown]>([
    ['SharedArrayBuffer', new Uint8Array(new SharedArrayBuffer(bytes.length))],
    ['text', toHex(bytes)],
    ['array', [...bytes]],
    ['nothing', undefined],
    ['ArrayBuffer', bytes.slice().buffer],
    ['wider elements', new Uint16Array(bytes.length)],
  ])('%s is refused', (_name, input) => {
    expect(verdictOf(wire.KeyPackage, input as Uint8Array)).toBe('codec.input');
  });

  test('what was decoded can be encoded after the input was overwritten, and the bytes kept are the old ones', () => {
    const input = Buffer.from(bytes);
    const value = decode(wire.KeyPackage, input);
    input.fill(0);
    expect(toHex(wire.KeyPackage.bytes(value))).toBe(toHex(bytes));
    expect(toHex(wire.LeafNode.bytes(value.leafNode))).toBe(toHex(leafBytes()));
    expect(Buffer.isBuffer(value.signature)).toBe(false);
  });
});

describe('DEC-02: longer lengths deep inside', () => {
  const longer = fromHex('4003656e63'); // "enc" behind a length of two bytes

  test('in a leaf node inside a commit inside a message', () => {
    const leaf = cat(longer, leafBytes().subarray(4));
    const commit = cat(v(), u8(1), leaf, v());
    expect(verdictOf(wire.Commit, commit)).toBe('codec.varint');
    expect(verdictOf(wire.KeyPackage, keyPackageBytes(v(), leaf))).toBe('codec.varint');
    expect(verdictOf(wire.RatchetTree, v(u8(1), u8(1), leaf))).toBe('codec.varint');
  });
});

test('nothing decoded touches a prototype', () => {
  const before = Object.getOwnPropertyNames(Object.prototype).sort();
  const identity = b('__proto__');
  const value = decode(wire.Credential, cat(u16(1), v(identity)));
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before);
});
