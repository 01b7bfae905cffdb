import { describe, expect, test } from 'vitest';
import * as wire from '../../../src/wire/index.ts';
import {
  BASIC,
  b,
  CAPABILITIES,
  cat,
  framedBytes,
  leafBytes,
  parentBytes,
  u8,
  u16,
  u32,
  u64,
  v,
  verdictAndOffset,
} from './layout.ts';

const DATA = v(b('data'));
const ZEROS = new Uint8Array(64);

interface Closed {
  readonly name: string;
  readonly codec: wire.Codec<unknown>;
  /** What stands before the byte. */
  readonly before: Uint8Array;
  /** The valid values, each with what follows it. */
  readonly arms: ReadonlyMap<number, Uint8Array>;
}

const leafHead = cat(v(b('enc')), v(b('sig')), BASIC, CAPABILITIES);
const leafTail = cat(v(), v(b('signature')));
const member = cat(u8(1), u32(0));

const CLOSED: readonly Closed[] = [
  {
    name: 'ContentType in FramedContent',
    codec: wire.FramedContent,
    before: framedBytes(member, b('')),
    arms: new Map([
      [1, DATA],
      [2, cat(u16(3), u32(1))],
      [3, cat(v(), u8(0))],
    ]),
  },
  {
    name: 'ContentType in PrivateMessage',
    codec: wire.PrivateMessage,
    before: cat(v(b('g')), u64(1n)),
    arms: new Map([1, 2, 3].map((type) => [type, cat(v(), v(), v())])),
  },
  {
    name: 'SenderType',
    codec: wire.FramedContent,
    before: cat(v(b('g')), u64(1n)),
    arms: new Map([
      [1, cat(u32(7), v(), u8(1), v())],
      [2, cat(u32(7), v(), u8(1), v())],
      [3, cat(v(), u8(1), v())],
      [4, cat(v(), u8(1), v())],
    ]),
  },
  {
    name: 'LeafNodeSource',
    codec: wire.LeafNode,
    before: leafHead,
    arms: new Map([
      [1, cat(u64(0n), u64(1n), leafTail)],
      [2, leafTail],
      [3, cat(DATA, leafTail)],
    ]),
  },
  {
    name: 'PSKType',
    codec: wire.PreSharedKeyId,
    before: b(''),
    arms: new Map([
      [1, cat(DATA, DATA)],
      [2, cat(u8(1), DATA, u64(1n), DATA)],
    ]),
  },
  {
    name: 'ResumptionPSKUsage',
    codec: wire.PreSharedKeyId,
    before: u8(2),
    arms: new Map([1, 2, 3].map((usage) => [usage, cat(DATA, u64(1n), DATA)])),
  },
];

describe.each(CLOSED)('$name', ({ codec, before, arms }) => {
  test('R2.1-08, R2.1-09, R2.1-10, DEC-08: of 256 values only the defined ones are read', () => {
    for (let value = 0; value < 256; value++) {
      const arm = arms.get(value);
      const input = cat(before, u8(value), arm ?? ZEROS);
      const [code, offset] = verdictAndOffset(codec, input);
      expect([value, code]).toEqual([value, arm === undefined ? 'codec.enum' : 'accepted']);
      // The offset is that of the value, or of the byte behind it.
      if (arm === undefined) expect([before.length, before.length + 1]).toContain(offset);
    }
  });
});

test('R2.1-08, R2.1-10, DEC-08: NodeType, and nothing but 1 and 2', () => {
  const bodies = new Map([
    [1, leafBytes()],
    [2, parentBytes()],
  ]);
  for (let value = 0; value < 256; value++) {
    // A leaf stands first, so that a parent has its place.
    const lead = value === 2 ? cat(u8(0), u8(1), u8(2)) : cat(u8(1), u8(value));
    const tree = v(lead, bodies.get(value) ?? ZEROS);
    const expected = bodies.has(value) ? 'accepted' : 'codec.enum';
    expect([value, verdictAndOffset(wire.RatchetTree, tree)[0]]).toEqual([value, expected]);
  }
});

test('R2.1-08, R2.1-10, DEC-08: ProposalOrRefType, and nothing but 1 and 2', () => {
  const bodies = new Map([
    [1, cat(u16(3), u32(1))],
    [2, DATA],
  ]);
  for (let value = 0; value < 256; value++) {
    const commit = cat(v(u8(value), bodies.get(value) ?? ZEROS), u8(0));
    const expected = bodies.has(value) ? 'accepted' : 'codec.enum';
    expect([value, verdictAndOffset(wire.Commit, commit)[0]]).toEqual([value, expected]);
  }
});

describe('R2.1.1-02, DEC-07: presence bytes 2..255', () => {
  const positions: [string, wire.Codec<unknown>, (presence: Uint8Array) => Uint8Array, Uint8Array][] = [
    ['Commit.path', wire.Commit, (presence) => cat(v(), presence), cat(leafBytes(), v())],
    [
      'GroupSecrets.path_secret',
      wire.GroupSecrets,
      (presence) => cat(v(b('js')), presence),
      cat(v(b('ps')), v()),
    ],
    ['ratchet_tree entry', wire.RatchetTree, (presence) => presence, cat(u8(1), leafBytes())],
  ];
  test.each(positions)('in %s', (name, codec, upTo, rest) => {
    const inVector = name === 'ratchet_tree entry';
    const whole = (presence: number) => {
      const bytes = cat(upTo(u8(presence)), rest);
      return inVector ? v(bytes) : bytes;
    };
    expect(verdictAndOffset(codec, whole(1))[0]).toBe('accepted');
    const at = inVector ? v(cat(u8(2), rest)).length - rest.length - 1 : upTo(b('')).length;
    for (let presence = 2; presence < 256; presence++) {
      expect(verdictAndOffset(codec, whole(presence))).toEqual(['codec.presence', at]);
    }
  });
});
