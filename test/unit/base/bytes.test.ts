import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  concat,
  EMPTY,
  equal,
  fromBase64,
  fromHex,
  fromUtf8,
  isZero,
  ownedCopy,
  toBase64,
  toHex,
  utf8,
} from '../../../src/base/bytes.ts';
import { MlsError } from '../../../src/base/error.ts';

/** The code of the error that a step throws. */
function codeOf(step: () => unknown): string {
  try {
    step();
  } catch (error) {
    return error instanceof MlsError ? error.code : `untyped ${String(error)}`;
  }
  return 'none';
}

test('concat joins into bytes of its own', () => {
  const a = Uint8Array.of(1, 2);
  const joined = concat(a, EMPTY, Uint8Array.of(3));
  a[0] = 9;
  expect(joined).toEqual(Uint8Array.of(1, 2, 3));
  expect(concat()).toEqual(EMPTY);
});

test('equal compares contents, and never throws for different lengths', () => {
  expect(equal(EMPTY, new Uint8Array(0))).toBe(true);
  expect(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false);
  for (let bit = 0; bit < 16; bit++) {
    const other = Uint8Array.of(0xa5, 0x5a);
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(equal(Uint8Array.of(0xa5, 0x5a), other)).toBe(false);
  }
});

test('isZero sees every byte', () => {
  expect(isZero(EMPTY)).toBe(true);
  expect(isZero(new Uint8Array(40))).toBe(true);
  for (let i = 0; i < 40; i++) {
    const bytes = new Uint8Array(40);
    bytes[i] = 0x80;
    expect(isZero(bytes)).toBe(false);
  }
});

test('hexadecimal: there and back, either case, strict', () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(fromHex(toHex(all))).toEqual(all);
  expect(fromHex(toHex(all).toUpperCase())).toEqual(all);
  for (const bad of ['0', '0g', '0x', ' 00', '00\n', '-1', '+1', '１１', '0 '])
    expect(
      codeOf(() => fromHex(bad)),
      bad,
    ).toBe('codec.input');
});

describe('UTF-8', () => {
  test.each([
    'c080', // overlong NUL
    'e08080', // overlong
    'f0808080', // overlong
    'eda080', // high surrogate
    'edb080', // low surrogate
    'eda080edb080', // a pair as two characters
    'ff',
    'fe',
    '80', // continuation alone
    'c3', // cut
    'e282', // cut
    'f09f98', // cut
    'f4908080', // above U+10FFFF
    'f8888080 80'.replace(' ', ''),
    '61ff62',
  ])('DEC-22: %s is refused, not replaced', (hex) => {
    expect(codeOf(() => fromUtf8(fromHex(hex)))).toBe('codec.utf8');
  });

  test('DEC-22: every well-formed character comes through as it is, NUL, BOM and bidi controls too', () => {
    for (const text of [
      '',
      '\0',
      '\ufeffx',
      'a\u202eb',
      'é',
      'e\u0301',
      '\ud83d\ude00',
      '\uffff',
      '\u{10ffff}',
    ])
      expect(fromUtf8(utf8(text))).toBe(text);
  });

  test.each(['\ud800', 'a\udc00b', '\udc00\ud800', 'x\ud83d'])(
    'DEC-22: text with a lone surrogate is not encoded as U+FFFD (%#)',
    (text) => {
      expect(codeOf(() => utf8(text))).toBe('codec.utf8');
    },
  );
});

describe('DEC-18 ownedCopy', () => {
  test('takes a view at an offset, a pooled Buffer and a subclass, and copies', () => {
    const backing = Uint8Array.of(0, 1, 2, 3, 4);
    const copy = ownedCopy(backing.subarray(1, 4));
    backing.fill(9);
    expect(copy).toEqual(Uint8Array.of(1, 2, 3));
    expect(copy.buffer.byteLength).toBe(3);
    const pooled = Buffer.from('abc');
    const fromPool = ownedCopy(pooled);
    pooled.fill(0);
    expect(fromPool).toEqual(Uint8Array.of(0x61, 0x62, 0x63));
    expect(Buffer.isBuffer(fromPool)).toBe(false);
    class Special extends Uint8Array {}
    expect(ownedCopy(new Special([7]))).toEqual(Uint8Array.of(7));
    expect(ownedCopy(new Uint8Array(0))).toEqual(EMPTY);
  });

  const resizable = new (ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer)(8, {
    maxByteLength: 16,
  });
  const detached = new Uint8Array(8);
  const detachedEmpty = new Uint8Array(0);
  structuredClone([detached.buffer, detachedEmpty.buffer], {
    transfer: [detached.buffer, detachedEmpty.buffer],
  });
  const lying = new Uint8Array(4);
  Object.defineProperty(lying, 'length', { value: 400 });
  test.each<[string, unknown]>([
    ['SharedArrayBuffer', new Uint8Array(new SharedArrayBuffer(4))],
    ['resizable', new Uint8Array(resizable)],
    ['resizable, bounded view', new Uint8Array(resizable, 2, 2)],
    ['detached', detached],
    ['detached, empty', detachedEmpty],
    ['view with another length', lying],
    ['ArrayBuffer', new ArrayBuffer(4)],
    ['DataView', new DataView(new ArrayBuffer(4))],
    ['Uint8ClampedArray', new Uint8ClampedArray(4)],
    ['Int8Array', new Int8Array(4)],
    ['Uint16Array', new Uint16Array(4)],
    ['Float64Array', new Float64Array(1)],
    ['array', [1, 2, 3]],
    ['string', 'abc'],
    ['number', 7],
    ['null', null],
    ['undefined', undefined],
    ['look-alike', { length: 1, 0: 1, buffer: new ArrayBuffer(1), byteOffset: 0 }],
    ['proxy', new Proxy(new Uint8Array(1), {})],
  ])('refuses: %s', (_name, input) => {
    expect(codeOf(() => ownedCopy(input))).toBe('codec.input');
  });
});

describe('base64', () => {
  test('XMP-22: agrees with Buffer in writing, and reads back what it writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      }),
    );
  });

  test.each([
    'A',
    'AA',
    'AAA',
    'AA=',
    'A===',
    '=QQQ',
    'QQ==QQ==',
    'QQ==x',
    'QR==',
    'QUF=',
    'QQ= =',
    ' QQ==',
    'QQ==\n',
    'Q-_=',
    'QQ\u00e9=',
    '====',
    'A=AA',
    'AA=A',
  ])('XMP-22: refuses %j', (text) => expect(codeOf(() => fromBase64(text))).toBe('codec.base64'));

  test('XMP-22: for every accepted text, writing gives the text back', () => {
    const text = fc.string({ unit: fc.constantFrom(...'AQg/+=-_ z9'), maxLength: 8 });
    fc.assert(
      fc.property(text, (one) => {
        let bytes: Uint8Array;
        try {
          bytes = fromBase64(one);
        } catch {
          return;
        }
        expect(toBase64(bytes)).toBe(one);
      }),
      { numRuns: 2000 },
    );
  });
});
