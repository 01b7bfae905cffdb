import { describe, expect, test } from 'vitest';
import { toHex } from '../../../src/base/bytes.ts';
import { decode, encode } from '../../../src/codec/codec.ts';
import * as wire from '../../../src/wire/index.ts';
import {
  b,
  cat,
  codeOf,
  contextBytes,
  extension,
  groupInfoBytes,
  leafBytes,
  parentBytes,
  u8,
  v,
  verdictOf,
} from './layout.ts';

const LEAF = cat(u8(1), u8(1), leafBytes());
const PARENT = cat(u8(1), u8(2), parentBytes());
const BLANK = u8(0);

/** A tree by letters: L leaf, P parent, _ blank. */
function tree(shape: string): Uint8Array {
  const entries: Record<string, Uint8Array> = { L: LEAF, P: PARENT, _: BLANK };
  return v(...Array.from(shape, (letter) => entries[letter] ?? b('')));
}

describe('ratchet_tree', () => {
  test('R12.4.3.3-01: optional nodes in array order', () => {
    const value = decode(wire.RatchetTree, tree('LPL'));
    expect(value.map((node) => node?.nodeType)).toEqual([1, 2, 1]);
    expect(toHex(encode(wire.RatchetTree, structuredClone(value)))).toBe(toHex(tree('LPL')));
  });

  test('R12.4.3.3-02: a leaf in an odd place or a parent in an even one is refused, read or written', () => {
    for (const shape of ['P', 'LL', 'LPP', 'LPLL', '_L', '__P', 'LPL_P', 'L_LLL']) {
      expect(verdictOf(wire.RatchetTree, tree(shape)), shape).toBe('validation.tree');
    }
    const [leaf, parent] = decode(wire.RatchetTree, tree('LPL'));
    expect(codeOf(() => encode(wire.RatchetTree, [parent]))).toBe('validation.tree');
    expect(codeOf(() => encode(wire.RatchetTree, [leaf, leaf]))).toBe('validation.tree');
  });

  test('R12.4.3.3-03, R12.4.3.3-04, R12.4.3.3-06: empty or ending in a blank is refused, read or written', () => {
    for (const shape of ['', '_', 'L_', 'LP_', '___', 'LPL_', 'LPLPL__']) {
      expect(verdictOf(wire.RatchetTree, tree(shape)), shape).toBe('validation.tree');
    }
    const [leaf] = decode(wire.RatchetTree, tree('L'));
    expect(codeOf(() => encode(wire.RatchetTree, []))).toBe('validation.tree');
    expect(codeOf(() => encode(wire.RatchetTree, [leaf, undefined]))).toBe('validation.tree');
  });

  test('R12.4.3.3-05: any number of entries may stand, the rest being padding for the layer above', () => {
    for (const shape of ['L', 'LP', 'LPL', 'L_L', '__L', '_P', 'LPLP', 'L___L', 'LPLPLPL', 'LP______L']) {
      expect(verdictOf(wire.RatchetTree, tree(shape)), shape).toBe('accepted');
    }
  });

  test('R12.4.3.3-10: the eleven entries of the example of the RFC', () => {
    const value = decode(wire.RatchetTree, tree('LPLPL_LPLPL'));
    expect(value).toHaveLength(11);
    expect(value[5]).toBeUndefined();
    expect(value.filter((node) => node?.nodeType === 1)).toHaveLength(6);
  });

  test('R12.4.3.3-07: the tree of a GroupInfo leaves the extensions of its GroupContext alone', () => {
    const context = contextBytes(v(extension(9, b('x'))));
    const info = decode(wire.GroupInfo, groupInfoBytes(v(extension(2, tree('L'))), context));
    expect(info.groupContext.extensions.map(({ extensionType }) => extensionType)).toEqual([9]);
    expect(wire.extensionBody(info.extensions, 2, wire.RatchetTree)).toHaveLength(1);
  });

  test('R7.1-03: indices of unmerged leaves are numbers over the whole tree, whatever the size of this one', () => {
    const wide = cat(u8(1), u8(2), parentBytes(v(Uint8Array.of(0, 0, 0x10, 0))));
    const value = decode(wire.RatchetTree, v(LEAF, wide, LEAF));
    expect(value[1]).toMatchObject({ parentNode: { unmergedLeaves: [0x1000] } });
  });

  test('R7.1-04: the parent hash of a node may be empty', () => {
    const node = decode(wire.ParentNode, cat(v(b('pk')), v(), v()));
    expect(node.parentHash).toHaveLength(0);
  });
});
