import { describe, expect, test } from 'vitest';
import { toHex } from '../../../src/base/bytes.ts';
import { decode, encode, opaque } from '../../../src/codec/codec.ts';
import * as wire from '../../../src/wire/index.ts';
import { CUSTOM, OPTIONS } from '../../support/arbitraries.ts';
import {
  BASIC,
  b,
  cat,
  codeOf,
  contextBytes,
  extension,
  groupInfoBytes,
  keyPackageBytes,
  leafBytes,
  u8,
  u16,
  v,
  verdictAndOffset,
  verdictOf,
} from './layout.ts';

interface Place {
  readonly place: string;
  readonly codec: wire.Codec<unknown>;
  /** The container around a list of extensions, which is given with its length. */
  readonly around: (list: Uint8Array) => Uint8Array;
  /** Extension types that mean something there. */
  readonly known: readonly number[];
}

const PLACES: readonly Place[] = [
  { place: 'KeyPackage', codec: wire.KeyPackage, around: keyPackageBytes, known: [] },
  { place: 'LeafNode', codec: wire.LeafNode, around: leafBytes, known: [1] },
  { place: 'GroupContext', codec: wire.GroupContext, around: contextBytes, known: [3, 5] },
  { place: 'GroupInfo', codec: wire.GroupInfo, around: groupInfoBytes, known: [2, 4] },
  {
    place: 'GroupContextExtensions',
    codec: wire.Proposal,
    around: (list) => cat(u16(7), list),
    known: [3, 5],
  },
  {
    place: 'ReInit',
    codec: wire.Proposal,
    around: (list) => cat(u16(5), v(b('g')), u16(1), u16(1), list),
    known: [3, 5],
  },
];

/** A well-formed body of each default extension. */
const BODIES: ReadonlyMap<number, Uint8Array> = new Map([
  [1, v(b('app'))],
  [2, v(u8(1), u8(1), leafBytes())],
  [3, cat(v(u16(7)), v(), v(u16(1)))],
  [4, v(b('public'))],
  [5, v(v(b('key')), BASIC)],
]);

describe.each(PLACES)('$place', ({ codec, around, known }) => {
  test.each(wire.GREASE.concat([6, 0xf000, 0xfafa, 0xffff]))(
    'DEC-09: unknown type %d with any body is kept byte for byte',
    (type) => {
      for (const body of [b(''), b('x'), new Uint8Array(70).fill(0xff)]) {
        const bytes = around(v(extension(type, body)));
        const value = decode(codec, bytes);
        expect(toHex(encode(codec, structuredClone(value)))).toBe(toHex(bytes));
      }
    },
  );

  test('R13.4-05, DEC-11: one type twice is refused: known, unknown and GREASE, equal bodies or not, next to each other or not', () => {
    for (const type of [...BODIES.keys(), 0x0a0a, 0xf000, 99]) {
      const body = BODIES.get(type) ?? b('body');
      const one = extension(type, body);
      expect(verdictOf(codec, around(v(one)))).toBe('accepted');
      const second = known.includes(type) ? one : extension(type, b('other'));
      for (const list of [v(one, one), v(one, second), v(one, extension(0x4444, b('')), second)]) {
        expect(verdictOf(codec, around(list))).toBe('codec.duplicate-extension');
      }
    }
    const many = Array.from({ length: 300 }, (_, i) => extension(1000 + i, b('')));
    expect(verdictOf(codec, around(v(...many)))).toBe('accepted');
    expect(verdictOf(codec, around(v(...many, extension(1123, b('')))))).toBe('codec.duplicate-extension');
  });

  test('DEC-24: a default type without meaning here is opaque, well-formed or not', () => {
    for (const [type, good] of BODIES) {
      const foreign = !known.includes(type);
      expect(verdictOf(codec, around(v(extension(type, good))))).toBe('accepted');
      const bad = cat(good, u8(0));
      expect(verdictOf(codec, around(v(extension(type, bad))))).toBe(foreign ? 'accepted' : 'codec.trailing');
      const garbage = verdictOf(codec, around(v(extension(type, Uint8Array.of(0xff)))));
      expect(garbage).toBe(foreign ? 'accepted' : 'codec.varint');
    }
  });

  test('DEC-05, DEC-12: a known body with bytes left over or missing is refused at once, with the offset', () => {
    for (const type of known) {
      const good = BODIES.get(type) ?? b('');
      const head = around(v(extension(type, good)));
      const start = toHex(head).indexOf(toHex(cat(u16(type), v(good)))) / 2 + 2;
      const header = v(good).length - good.length;
      for (let extra = 1; extra <= 64; extra++) {
        const longer = cat(good, new Uint8Array(extra));
        const [code, offset] = verdictAndOffset(codec, around(v(extension(type, longer))));
        expect(code).toBe('codec.trailing');
        expect(offset).toBeGreaterThanOrEqual(start + header + good.length);
      }
      for (let end = 0; end < good.length; end++) {
        const verdict = verdictOf(codec, around(v(extension(type, good.subarray(0, end)))));
        expect(verdict).toBe('codec.truncated');
      }
    }
  });
});

describe('DEC-12: malformed bodies of known extensions', () => {
  test.each<[string, Place['codec'], Uint8Array, string]>([
    [
      'required_capabilities, odd list',
      wire.GroupContext,
      contextBytes(v(extension(3, cat(v(b('abc')), v(), v())))),
      'codec.length',
    ],
    [
      'required_capabilities, two lists',
      wire.GroupContext,
      contextBytes(v(extension(3, cat(v(), v())))),
      'codec.truncated',
    ],
    [
      'external_senders, cut',
      wire.GroupContext,
      contextBytes(v(extension(5, v(v(b('key')), u16(1))))),
      'codec.truncated',
    ],
    [
      'external_senders, unknown credential',
      wire.GroupContext,
      contextBytes(v(extension(5, v(v(b('key')), u16(0x0a0a), v())))),
      'validation.unsupported',
    ],
    [
      'external_senders, empty chain',
      wire.GroupContext,
      contextBytes(v(extension(5, v(v(b('key')), u16(2), v())))),
      'validation.credential',
    ],
    [
      'external_pub, trailing byte',
      wire.GroupInfo,
      groupInfoBytes(v(extension(4, cat(v(b('k')), u8(0))))),
      'codec.trailing',
    ],
    [
      'external_pub, long length',
      wire.GroupInfo,
      groupInfoBytes(v(extension(4, cat(u8(0x40), u8(1), u8(7))))),
      'codec.varint',
    ],
    [
      'ratchet_tree, last entry blank',
      wire.GroupInfo,
      groupInfoBytes(v(extension(2, v(u8(1), u8(1), leafBytes(), u8(0))))),
      'validation.tree',
    ],
    ['ratchet_tree, empty', wire.GroupInfo, groupInfoBytes(v(extension(2, v()))), 'validation.tree'],
    ['application_id, cut', wire.LeafNode, leafBytes(v(extension(1, u8(4)))), 'codec.truncated'],
    [
      'context inside a GroupInfo',
      wire.GroupInfo,
      groupInfoBytes(v(), contextBytes(v(extension(3, u8(0))))),
      'codec.truncated',
    ],
    [
      'leaf inside a KeyPackage',
      wire.KeyPackage,
      keyPackageBytes(v(), leafBytes(v(extension(1, b(''))))),
      'codec.truncated',
    ],
    [
      'leaf inside a tree inside a GroupInfo',
      wire.GroupInfo,
      groupInfoBytes(v(extension(2, v(u8(1), u8(1), leafBytes(v(extension(1, b('')))))))),
      'codec.truncated',
    ],
    [
      'GroupContextExtensions proposal',
      wire.Proposal,
      cat(u16(7), v(extension(3, u8(0)))),
      'codec.truncated',
    ],
  ])('%s', (_name, codec, bytes, code) => {
    expect(verdictOf(codec, bytes)).toBe(code);
  });

  test('the offset of a fault inside a body counts from the start of the input', () => {
    const before = contextBytes().length - 1;
    const bytes = contextBytes(v(extension(9, b('abc')), extension(3, cat(v(), u8(0xc0)))));
    // length, extension 9 (2 + 1 + 3), extension 3 (2 + 1), one empty list
    expect(verdictAndOffset(wire.GroupContext, bytes)).toEqual(['codec.varint', before + 1 + 6 + 3 + 1]);
  });

  test('of two faults the first in the list is told', () => {
    const bytes = contextBytes(v(extension(5, Uint8Array.of(0xc0)), extension(3, u8(0))));
    expect(verdictOf(wire.GroupContext, bytes)).toBe('codec.varint');
  });
});

describe('finding and making extensions', () => {
  const list = [
    { extensionType: 9, extensionData: b('abc') },
    { extensionType: 4, extensionData: v(b('key')) },
  ];

  test('a body is parsed once, and absent is undefined', () => {
    const first = wire.extensionBody(list, 4, wire.ExternalPub);
    expect(first).toEqual({ externalPub: b('key') });
    expect(wire.extensionBody(list, 4, wire.ExternalPub)).toBe(first);
    expect(wire.extensionBody(list, 5, wire.ExternalSenders)).toBeUndefined();
    expect(wire.findExtension(list, 9)).toBe(list[0]);
    expect(wire.findExtension(list, 10)).toBeUndefined();
  });

  test('a malformed body of an extension that was made by hand is refused when asked for', () => {
    const bad = [{ extensionType: 4, extensionData: cat(v(b('key')), u8(0)) }];
    expect(codeOf(() => wire.extensionBody(bad, 4, wire.ExternalPub))).toBe('codec.trailing');
  });

  test('registered types count for a body that was made by hand as well', () => {
    const senders = [
      { signatureKey: b('k'), credential: { credentialType: CUSTOM.vector, body: v(b('c')) } },
    ];
    const made = wire.makeExtension(5, wire.ExternalSenders, senders);
    expect(codeOf(() => wire.extensionBody([made], 5, wire.ExternalSenders))).toBe('validation.unsupported');
    expect(wire.extensionBody([made], 5, wire.ExternalSenders, OPTIONS)).toEqual(senders);
  });

  test('R13.4-05: writing a list with one type twice is refused', () => {
    const context = decode(wire.GroupContext, contextBytes());
    const twice = [list[0], list[0]] as wire.Extension[];
    expect(codeOf(() => encode(wire.GroupContext, { ...context, extensions: twice }))).toBe(
      'codec.duplicate-extension',
    );
  });

  test('makeExtension encodes its body', () => {
    expect(wire.makeExtension(0xf000, opaque, b('xy'))).toEqual({
      extensionType: 0xf000,
      extensionData: v(b('xy')),
    });
  });
});
