/** Tree arithmetic (RFC 9420 §4.1, Appendix C) against a recursion over index ranges, exhaustively for small trees. */

import { describe, expect, test } from 'vitest';
import { leafIndex, nodeIndex } from '../../../src/base/brand.ts';
import * as math from '../../../src/tree/math.ts';
import { firstBlank, leafAt, setLeaf, subtreeAt, treeFromNodes } from '../../../src/tree/tree.ts';
import type { TreeNode } from '../../../src/wire/treeNode.ts';
import { bareLeaf, bareTree, NaiveTree, shapeOf } from '../../support/trees.ts';
import { codeOf } from '../wire/layout.ts';

const WIDTHS = [1, 2, 4, 8, 16, 32, 64, 128];

describe('the array form', () => {
  test('RC-01, RC-03, R4.1-01 level and children of every node of trees with up to 128 leaves', () => {
    for (const width of WIDTHS) {
      const shape = shapeOf(width);
      for (let at = 0; at < 2 * width - 1; at++) {
        const node = nodeIndex(at);
        expect(math.levelOf(node)).toBe(shape.level.get(at));
        const both = [math.leftOf(node), math.rightOf(node)];
        expect(both).toEqual(shape.children.get(at) ?? [undefined, undefined]);
        const leaves = new NaiveTree(new Array(2 * width - 1).fill(undefined))
          .below(at)
          .filter((below) => below % 2 === 0)
          .sort((a, b) => a - b);
        expect(math.leafRange(node)).toEqual({ first: (leaves[0] as number) / 2, count: leaves.length });
        for (let leaf = 0; leaf < width; leaf++) {
          expect(math.covers(node, leafIndex(leaf))).toBe(leaves.includes(2 * leaf));
        }
      }
    }
  });

  test('RC-02 node width and root, zero leaves too', () => {
    expect(math.nodeWidth(0)).toBe(0);
    for (const width of WIDTHS) {
      expect(math.nodeWidth(width)).toBe(2 * width - 1);
      expect(math.rootOf(width)).toBe(shapeOf(width).root);
    }
    for (let leaves = 1; leaves < 70; leaves++) expect(math.nodeWidth(leaves)).toBe(2 * (leaves - 1) + 1);
  });

  test('RC-04, RC-05, R4.1.2-01, R4.1.2-02 parent, sibling, direct path and copath of every node', () => {
    for (const width of WIDTHS) {
      const { parent, children, root } = shapeOf(width);
      for (let at = 0; at < 2 * width - 1; at++) {
        const node = nodeIndex(at);
        expect(math.parentOf(node, width)).toBe(parent.get(at));
        const path: number[] = [];
        const copath: number[] = [];
        for (let below = at; below !== root; below = parent.get(below) as number) {
          const above = parent.get(below) as number;
          path.push(above);
          copath.push(children.get(above)?.find((child) => child !== below) as number);
        }
        expect(math.siblingOf(node, width)).toBe(copath[0]);
        expect(math.directPath(node, width)).toEqual(path);
        expect(math.copath(node, width)).toEqual(copath);
      }
      const top = nodeIndex(root);
      expect([math.parentOf(top, width), math.siblingOf(top, width)]).toEqual([undefined, undefined]);
      expect([math.directPath(top, width), math.copath(top, width)]).toEqual([[], []]);
    }
  });

  test('RC-06 the common ancestor of every two leaves of 32 is the lowest node on both extended direct paths', () => {
    const { level } = shapeOf(32);
    for (let a = 0; a < 32; a++) {
      for (let b = 0; b < 32; b++) {
        const of = (leaf: number): number[] => [2 * leaf, ...math.directPath(nodeIndex(2 * leaf), 32)];
        const shared = of(a).filter((node) => of(b).includes(node));
        const lowest = shared.reduce((x, y) => ((level.get(x) ?? 0) < (level.get(y) ?? 0) ? x : y));
        expect(math.commonAncestor(leafIndex(a), leafIndex(b))).toBe(lowest);
      }
    }
  });

  test('RC-08 log2 is the floor, and 0 for 0', () => {
    expect([0, 1, 2, 3, 4, 5, 7, 8, 9].map(math.log2)).toEqual([0, 0, 1, 1, 2, 2, 2, 3, 3]);
    for (let k = 1; k < 40; k++) {
      expect([math.log2(2 ** k - 1), math.log2(2 ** k), math.log2(2 ** k + 1)]).toEqual([k - 1, k, k]);
    }
  });

  test('R4.1.1-01 a leaf stands at twice its index', () => {
    for (const leaf of [0, 1, 2, 77, 2 ** 30, 2 ** 31 - 1]) {
      expect(math.leafNodeIndex(leafIndex(leaf))).toBe(2 * leaf);
    }
  });
});

describe('RC-07 indices beyond 2^31', () => {
  test('the arithmetic has no sign', () => {
    const width = 2 ** 31;
    const last = nodeIndex(2 ** 32 - 2);
    expect(math.rootOf(width)).toBe(2 ** 31 - 1);
    expect(math.parentOf(last, width)).toBe(2 ** 32 - 3);
    expect(math.directPath(last, width)).toHaveLength(31);
    expect(math.directPath(last, width).at(-1)).toBe(2 ** 31 - 1);
    expect(math.copath(last, width).at(-1)).toBe(2 ** 30 - 1);
    expect(math.commonAncestor(leafIndex(0), leafIndex(2 ** 31 - 1))).toBe(2 ** 31 - 1);
    expect(math.levelOf(nodeIndex(2 ** 32 - 1))).toBe(32);
    expect(math.leftOf(nodeIndex(2 ** 31 - 1))).toBe(2 ** 30 - 1);
    expect(math.rightOf(nodeIndex(2 ** 31 - 1))).toBe(2 ** 31 + 2 ** 30 - 1);
    expect(math.covers(nodeIndex(2 ** 31 - 1), leafIndex(2 ** 31 - 1))).toBe(true);
    expect(math.covers(nodeIndex(2 ** 30 - 1), leafIndex(2 ** 31 - 1))).toBe(false);
  });

  test('an absurd index is outside the tree', () => {
    const tree = bareTree('A', 'X', 'B');
    expect(leafAt(tree, 2)).toBeUndefined();
    expect(leafAt(tree, 0xffff_ffff)).toBeUndefined();
    expect(subtreeAt(tree, nodeIndex(3))).toBeUndefined();
    expect(subtreeAt(tree, nodeIndex(0xffff_ffff))).toBeUndefined();
  });

  /** An array that says it is long, and throws when somebody looks into it. */
  const long = (length: number): (TreeNode | undefined)[] =>
    new Proxy<(TreeNode | undefined)[]>([], {
      get: (_, name) => {
        if (name === 'length') return length;
        throw new Error(`looked at ${String(name)}`);
      },
    });

  test('TRE-21 a tree wider than the limit is refused before anything is made for it', () => {
    expect(codeOf(() => treeFromNodes(long(2 * math.MAX_LEAVES)))).toBe('codec.limit');
  });

  test('TRE-21 a tree of the limit is read', () => {
    expect(() => treeFromNodes(long(2 * math.MAX_LEAVES - 1))).toThrow('looked at');
  });

  test('TRE-21 a tree of the limit does not grow further', () => {
    const nodes: (TreeNode | undefined)[] = [{ nodeType: 1, leafNode: bareLeaf('A') }];
    let tree = treeFromNodes(nodes);
    for (let k = 0; k < 24; k++) tree = setLeaf(tree, leafIndex(2 ** k), bareLeaf(`L${k}`), () => undefined);
    expect(tree.width).toBe(math.MAX_LEAVES);
    expect(firstBlank(tree)).toBe(3);
    expect(codeOf(() => setLeaf(tree, leafIndex(math.MAX_LEAVES), bareLeaf('Z'), () => undefined))).toBe(
      'codec.limit',
    );
  });
});
