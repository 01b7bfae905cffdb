/** draft-ietf-mls-extensions-10 §4.7, §4.8, §6.3: proposals that are not of RFC 9420, alone and inside a Proposal. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../../src/base/bytes.ts';
import { decode, encode } from '../../../src/codec/codec.ts';
import * as wire from '../../../src/wire/index.ts';
import { draftProposal } from '../../support/arbitraries.ts';
import { b, cat, codeOf, u8, u16, u32, v, verdictAndOffset, verdictOf } from './layout.ts';

const OPTIONS: wire.DecodeOptions = { openTypes: { proposals: wire.draftProposalBodies() } };
/** A client whose peers follow other numbers. */
const OTHER: wire.DraftCodePoints = {
  ...wire.DRAFT_CODE_POINTS,
  proposals: { appDataUpdate: 0xf001, appEphemeral: 0xf002, selfRemove: 0xf003 },
};

/** The value and the bytes built by hand belong together, both ways. */
function pair<T>(codec: wire.Codec<T>, encoded: Uint8Array, value: T): void {
  expect(toHex(encode(codec, value))).toBe(toHex(encoded));
  expect(decode(codec, encoded)).toEqual(value);
}

describe('extensions draft §4.7, AppDataUpdate', () => {
  test('update and remove', () => {
    pair(wire.AppDataUpdate, cat(u16(0x8001), u8(1), u8(3), b('new')), {
      componentId: 0x8001,
      operation: 1,
      update: b('new'),
    });
    pair(wire.AppDataUpdate, cat(u16(7), u8(1), u8(0)), { componentId: 7, operation: 1, update: b('') });
    pair(wire.AppDataUpdate, cat(u16(7), u8(2)), { componentId: 7, operation: 2 });
  });

  test('refuses every other operation, invalid(0) among them', () => {
    for (let operation = 0; operation < 256; operation++) {
      if (operation === 1 || operation === 2) continue;
      const [code, offset] = verdictAndOffset(wire.AppDataUpdate, cat(u16(7), u8(operation), v(b('x'))));
      expect([operation, code]).toEqual([operation, 'codec.enum']);
      expect([2, 3]).toContain(offset);
      const value = { componentId: 7, operation } as unknown as wire.AppDataUpdate;
      expect(codeOf(() => encode(wire.AppDataUpdate, value))).toBe('codec.enum');
    }
  });

  test.each([
    ['an update without its data', cat(u16(7), u8(1)), 'codec.truncated'],
    ['an update cut short', cat(u16(7), u8(1), u8(2), b('x')), 'codec.truncated'],
    ['bytes behind an update', cat(u16(7), u8(1), u8(0), u8(0)), 'codec.trailing'],
    ['a removal with data', cat(u16(7), u8(2), v(b('x'))), 'codec.trailing'],
    ['no operation', u16(7), 'codec.truncated'],
  ])('refuses %s', (_, encoded, code) => {
    expect(verdictOf(wire.AppDataUpdate, encoded)).toBe(code);
  });
});

test('extensions draft §4.8, AppEphemeral', () => {
  pair(wire.AppEphemeral, cat(u16(5), u8(2), b('ok')), { componentId: 5, data: b('ok') });
  expect(verdictOf(wire.AppEphemeral, u16(5))).toBe('codec.truncated');
  expect(verdictOf(wire.AppEphemeral, cat(u16(5), v(), u8(0)))).toBe('codec.trailing');
});

test('extensions draft §6.3, SelfRemove is nothing at all', () => {
  pair(wire.SelfRemove, b(''), {});
  expect(verdictOf(wire.SelfRemove, u8(0))).toBe('codec.trailing');
});

describe('extensions draft §7.2, inside a Proposal', () => {
  const update = cat(u16(8), u16(7), u8(1), v(b('new')));
  const ephemeral = cat(u16(9), u16(5), v(b('ok')));
  const leave = u16(10);

  test('an unregistered type has no known end', () => {
    for (const bytes of [update, ephemeral, leave])
      expect(verdictOf(wire.Proposal, bytes)).toBe('validation.unsupported');
  });

  test('registered, each is read to its end, kept as it is, and parsed when asked for', () => {
    for (const [bytes, expected] of [
      [update, { kind: 'app-data-update', body: { componentId: 7, operation: 1, update: b('new') } }],
      [ephemeral, { kind: 'app-ephemeral', body: { componentId: 5, data: b('ok') } }],
      [leave, { kind: 'self-remove', body: {} }],
    ] as const) {
      const proposal = decode(wire.Proposal, bytes, OPTIONS);
      expect(proposal).toEqual({ proposalType: bytes[1], body: bytes.subarray(2) });
      expect(wire.readDraftProposal(proposal)).toEqual(expected);
      expect(wire.makeDraftProposal(expected)).toEqual(proposal);
      expect(toHex(encode(wire.Proposal, proposal))).toBe(toHex(bytes));
      expect(verdictOf(wire.Proposal, cat(bytes, u8(0)), OPTIONS)).toBe('codec.trailing');
    }
    expect(verdictOf(wire.Proposal, cat(u16(8), u16(7), u8(3), v()), OPTIONS)).toBe('codec.enum');
  });

  test('several stand behind each other in a commit', () => {
    const inline = (bytes: Uint8Array): Uint8Array => cat(u8(1), bytes);
    const bytes = cat(
      v(inline(update), inline(cat(u16(3), u32(4))), inline(ephemeral), inline(update)),
      u8(0),
    );
    const { proposals } = decode(wire.Commit, bytes, OPTIONS);
    const kinds = proposals.map((item) =>
      item.type === 1 ? wire.readDraftProposal(item.proposal)?.kind : 'reference',
    );
    expect(kinds).toEqual(['app-data-update', undefined, 'app-ephemeral', 'app-data-update']);
  });

  test('other numbers: the draft numbers then mean nothing', () => {
    const options = { openTypes: { proposals: wire.draftProposalBodies(OTHER) } };
    expect([...wire.draftProposalBodies(OTHER).keys()]).toEqual([0xf001, 0xf002, 0xf003]);
    expect([...wire.draftProposalTraits(OTHER).keys()]).toEqual([0xf001, 0xf002, 0xf003]);
    expect(verdictOf(wire.Proposal, leave, options)).toBe('validation.unsupported');
    const proposal = decode(wire.Proposal, u16(0xf003), options);
    expect(wire.readDraftProposal(proposal, OTHER)).toEqual({ kind: 'self-remove', body: {} });
    expect(wire.readDraftProposal(proposal)).toBeUndefined();
    expect(wire.makeDraftProposal({ kind: 'self-remove', body: {} }, OTHER)).toEqual(proposal);
  });

  test('proposals of RFC 9420 are never taken for one, whatever the table says', () => {
    const proposals = { appDataUpdate: 1, appEphemeral: 2, selfRemove: 3 };
    const removal: wire.Proposal = { proposalType: 3, removed: 1 };
    expect(wire.readDraftProposal(removal)).toBeUndefined();
    expect(wire.readDraftProposal(removal, { ...wire.DRAFT_CODE_POINTS, proposals })).toBeUndefined();
  });

  test('a malformed body that was made by hand is refused when it is parsed', () => {
    expect(codeOf(() => wire.readDraftProposal({ proposalType: 10, body: b('x') }))).toBe('codec.trailing');
    expect(codeOf(() => wire.readDraftProposal({ proposalType: 8, body: u16(7) }))).toBe('codec.truncated');
  });

  test('columns: external senders may send both that carry data; only SelfRemove needs a path', () => {
    expect([...wire.draftProposalTraits()]).toEqual([
      [8, { external: true, pathRequired: false, externalCommit: 'value' }],
      [9, { external: true, pathRequired: false, externalCommit: 'value' }],
      [10, { external: false, pathRequired: true, externalCommit: 'reference', removesSender: true }],
    ]);
  });

  test('a round trip through a Proposal, under either table', () => {
    fc.assert(
      fc.property(draftProposal, fc.constantFrom(wire.DRAFT_CODE_POINTS, OTHER), (value, codePoints) => {
        const bytes = encode(wire.Proposal, wire.makeDraftProposal(value, codePoints));
        const openTypes = { proposals: wire.draftProposalBodies(codePoints) };
        const back = decode(wire.Proposal, bytes, { openTypes });
        expect(wire.readDraftProposal(back, codePoints)).toEqual(value);
      }),
      { seed: 20261125 },
    );
  });
});
