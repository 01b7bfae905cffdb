/**
 * Groups under random histories: every member follows every commit, holds the keys it should and no others, and the
 * resulting tree is valid by the check of the library and by brute force over all pairs of nodes.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leafIndex } from '../../src/base/brand.ts';
import { toHex } from '../../src/base/bytes.ts';
import { treeHash } from '../../src/tree/hash.ts';
import { verifyParentHashes } from '../../src/tree/parentHash.ts';
import { treeFromNodes, treeToNodes } from '../../src/tree/tree.ts';
import { validateTreeStructure } from '../../src/tree/validate.ts';
import type { TreeNode } from '../../src/wire/treeNode.ts';
import { heldAndExpected, type Insider, NaiveTree, Room, type Sent, suite } from '../support/trees.ts';
import { codeOf } from '../unit/wire/layout.ts';

const move = fc.oneof(
  fc.record({
    from: fc.nat(1000),
    add: fc.integer({ min: 1, max: 3 }),
    remove: fc.constant<number[]>([]),
    update: fc.constant<number[]>([]),
    bare: fc.constant(true),
  }),
  fc.record({
    from: fc.nat(1000),
    add: fc.nat(3),
    remove: fc.array(fc.nat(1000), { maxLength: 2 }),
    update: fc.array(fc.nat(1000), { maxLength: 2 }),
    bare: fc.constant(false),
  }),
);
type Move = typeof move extends fc.Arbitrary<infer T> ? T : never;

/** Let a member commit; who it is and whom it removes are chosen among those present. */
function play(room: Room, one: Move, count: number): Sent | undefined {
  const present = [...room.members.keys()];
  const pick = (n: number): number => present[n % present.length] as number;
  const from = pick(one.from);
  const remove = [...new Set(one.remove.map(pick))].filter((at) => at !== from);
  const update = [...new Set(one.update.map(pick))].filter((at) => at !== from && !remove.includes(at));
  const size = present.length - remove.length;
  const add = Array.from({ length: size > 14 ? 0 : one.add }, (_, i) => `N${count}.${i}`);
  const bare = one.bare && remove.length + update.length === 0;
  return room.commit(from, { add, remove, update, bare });
}

function expectFits(sent: Sent): void {
  const naive = NaiveTree.of(sent.tree);
  const steps = naive.filteredPath(sent.sender);
  expect(sent.draft.steps.map(({ node, copath }) => ({ node, copath: copath.node }))).toEqual(steps);
  const targets = steps.map(
    ({ copath }) =>
      naive.resolution(copath).filter((node) => node % 2 === 1 || !sent.added.has(node / 2)).length,
  );
  expect(sent.path.nodes.map((node) => node.encryptedPathSecret.length)).toEqual(targets);
}

function expectValid(room: Room): void {
  const { tree } = room;
  const naive = NaiveTree.of(tree);
  const fresh = treeFromNodes(treeToNodes(tree));
  expect(toHex(treeHash(suite, fresh.root))).toBe(toHex(treeHash(suite, tree.root)));
  validateTreeStructure(suite, fresh, naive.hash());
  for (let node = 1; node < naive.nodes.length; node += 2) {
    expect(naive.links(node)).toHaveLength(naive.parentAt(node) === undefined ? 0 : 1);
  }
  for (const [at, { keys }] of room.members) {
    const [held, expected] = heldAndExpected(tree, at, keys);
    expect(held).toEqual(expected);
  }
}

describe('random histories of a group', () => {
  test('R4.2-01, R16.2-01, R4.1.2-04, R7.5-01..03, R7.5-12..18, R7.6-02, R7.9.2-02, R7.9.2-07, TRE-07 all follow, and the tree is valid', () => {
    let withUnmerged = 0;
    fc.assert(
      fc.property(fc.array(move, { minLength: 1, maxLength: 14 }), (moves) => {
        const room = new Room('A', 'history');
        room.commit(0, { add: ['B', 'C', 'D'] });
        moves.forEach((one, i) => {
          const sent = play(room, one, i);
          if (sent !== undefined) expectFits(sent);
          expectValid(room);
          const lists = treeToNodes(room.tree).flatMap((node) =>
            node?.nodeType === 2 ? node.parentNode.unmergedLeaves : [],
          );
          if (lists.length > 0) withUnmerged += 1;
        });
      }),
      { numRuns: 60 },
    );
    expect(withUnmerged).toBeGreaterThan(20);
  });

  test('R7.9-05, R7.9-06 many members unmerged on both sides of a root, and their original hashes', () => {
    for (let size = 2; size <= 9; size++) {
      const room = new Room('A', `unmerged ${size}`);
      room.commit(0, { add: Array.from({ length: 15 }, (_, i) => `M${i}`) });
      for (const from of [3, 5, 8, 10, 14]) room.commit(from);
      const places = [1, 2, 4, 6, 9, 11, 12, 15].slice(0, size - 1);
      room.commit(0, { remove: places });
      for (const from of [3, 5, 8, 10, 14]) room.commit(from);
      room.commit(0, { add: places.map((place) => `U${place}`), bare: true });
      expect(room.tree.root.parent?.unmergedLeaves).toEqual(places);
      expectValid(room);
      expectFits(room.commit(8) as Sent);
      expectValid(room);
    }
  });

  test('R7.9.2-03, R7.9.2-07 a change of any parent: the check agrees with brute force over all nodes', () => {
    const change = fc.record({
      node: fc.nat(1000),
      what: fc.constantFrom('key', 'hash', 'blank', 'list'),
      leaf: fc.nat(15),
    });
    let refused = 0;
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(move, { minLength: 2, maxLength: 6 }), change, (moves, { node, what, leaf }) => {
        const room = new Room('A', 'tamper');
        room.commit(0, { add: ['B', 'C', 'D', 'E'] });
        moves.forEach((one, i) => {
          play(room, one, i);
        });
        const nodes = treeToNodes(room.tree);
        const parents = [...nodes.keys()].filter((i) => nodes[i]?.nodeType === 2);
        const at = parents[node % Math.max(1, parents.length)];
        if (at === undefined) return;
        nodes[at] = tampered(nodes[at] as TreeNode & { nodeType: 2 }, what, leaf);
        const tree = treeFromNodes(nodes);
        const naive = NaiveTree.of(tree);
        const covered = naive.nodes.every(
          (_, i) => naive.parentAt(i) === undefined || naive.links(i).length === 1,
        );
        const code = codeOf(() => verifyParentHashes(suite, tree));
        // A list may name a blank or distant leaf: that is found while the tree is hashed or resolved.
        if (code === 'validation.unmerged-leaves') expect(what).toBe('list');
        else expect(code).toBe(covered ? 'none' : 'validation.parent-hash');
        if (covered) accepted += 1;
        else refused += 1;
      }),
      { numRuns: 100 },
    );
    expect([refused > 20, accepted > 0]).toEqual([true, true]);
  });

  function tampered(node: TreeNode & { nodeType: 2 }, what: string, leaf: number): TreeNode | undefined {
    const { parentNode } = node;
    if (what === 'blank') return undefined;
    if (what === 'key')
      return {
        nodeType: 2,
        parentNode: { ...parentNode, encryptionKey: suite.hash(parentNode.encryptionKey) },
      };
    if (what === 'hash')
      return { nodeType: 2, parentNode: { ...parentNode, parentHash: suite.hash(parentNode.parentHash) } };
    const rest = parentNode.unmergedLeaves.filter((other) => other !== leaf);
    const list =
      rest.length === parentNode.unmergedLeaves.length ? [...rest, leaf].sort((a, b) => a - b) : rest;
    return { nodeType: 2, parentNode: { ...parentNode, unmergedLeaves: list } };
  }

  test('R7.5-20 a removed member cannot follow', () => {
    const room = new Room('A', 'removed');
    room.commit(0, { add: ['B', 'C', 'D'] });
    const gone = room.members.get(2) as Insider;
    room.propose({ remove: [2] });
    const sent = room.send(0);
    const outside = { ...sent, receivers: new Map([[2, gone]]) };
    expect(codeOf(() => room.follow(outside))).toBe('validation.path');
    expect(leafIndex(2)).toBe(2);
  });
});
