/**
 * Update paths (RFC 9420 §7.4 - §7.6, §12.4.2): what a committer makes, computed again by hand; what a receiver takes,
 * and every way in which a path is refused.
 */

import { describe, expect, test } from 'vitest';
import { leafIndex, nodeIndex } from '../../../src/base/brand.ts';
import { toHex, utf8 } from '../../../src/base/bytes.ts';
import { decryptWithLabel } from '../../../src/crypto/labels.ts';
import type { KeyPair } from '../../../src/crypto/provider.ts';
import { treeHash } from '../../../src/tree/hash.ts';
import { pathParentHashes } from '../../../src/tree/parentHash.ts';
import { applyPath, type DraftPath, openPath, sealPath } from '../../../src/tree/path.ts';
import { joinerPrivatePath } from '../../../src/tree/privatePath.ts';
import { leafAt, subtreeAt, type Tree, treeFromNodes, treeToNodes } from '../../../src/tree/tree.ts';
import { validateTreeStructure, validateUniqueKeys } from '../../../src/tree/validate.ts';
import type { HpkeCiphertext, UpdatePath, UpdatePathNode } from '../../../src/wire/commit.ts';
import type { LeafNodeSource } from '../../../src/wire/leafNode.ts';
import {
  counting,
  encryptionPair,
  heldAndExpected,
  type Insider,
  leafOfTree,
  makeLeaf,
  NaiveTree,
  Room,
  type Sent,
  seeded,
  suite,
  uint,
  vec,
} from '../../support/trees.ts';
import { codeOf } from '../wire/layout.ts';

/** Eight members in a tree without blanks. */
function eight(): Room {
  const room = new Room('A', 'eight');
  room.commit(0, { add: ['B', 'C', 'D', 'E', 'F', 'G', 'H'] });
  for (const from of [2, 4, 6]) room.commit(from);
  return room;
}
/** ExpandWithLabel from the primitive alone. */
function expand(secret: Uint8Array, label: string, length = suite.sizes.hash): Uint8Array {
  const info = Uint8Array.from([...uint(length, 2), ...vec(utf8(`MLS 1.0 ${label}`)), ...vec()]);
  return suite.hkdfExpand(secret, info, length);
}
const apply = (sent: Sent, path: UpdatePath, tree: Tree = sent.tree) =>
  applyPath(suite, tree, sent.sender, { path, added: sent.added });
/** What becomes of a path at a receiver: the code, or the commit secret. */
function receive(sent: Sent, path: UpdatePath, at: number, keys?: Insider['keys']): string {
  const self = { leaf: leafIndex(at), privatePath: keys ?? (sent.receivers.get(at) as Insider).keys };
  let secret = '';
  const code = codeOf(() => {
    const { added, context } = sent;
    secret = toHex(openPath(suite, self, apply(sent, path), { path, added, context }).commitSecret);
  });
  return code === 'none' ? secret : code;
}
/** The path with one of its nodes changed. */
function withNode(path: UpdatePath, i: number, change: Partial<UpdatePathNode>): UpdatePath {
  return { ...path, nodes: path.nodes.map((node, j) => (i === j ? { ...node, ...change } : node)) };
}
/** The same draft with other keys, its parent hashes and its leaf made to fit. */
function rekeyed(
  sent: Sent,
  change: {
    readonly keys?: readonly KeyPair[];
    readonly leafKey?: Uint8Array;
    readonly source?: LeafNodeSource;
  },
): { draft: DraftPath; path: UpdatePath } {
  const { draft, sender } = sent;
  const keyPairs = change.keys ?? draft.keyPairs;
  const hashes = pathParentHashes(
    suite,
    draft.steps,
    keyPairs.map((pair) => pair.publicKey),
  );
  const who = { name: 'forger', signer: suite.signatureKeyPair(seeded('forger')(suite.sizes.signatureSeed)) };
  const source = change.source ?? { leafNodeSource: 3 as const, parentHash: hashes.leaf };
  const leafNode = makeLeaf(
    who,
    { encryptionKey: change.leafKey ?? draft.leafNode.encryptionKey, source },
    sender,
  );
  const changed = { ...draft, keyPairs, leafNode };
  const { context, added } = sent;
  return { draft: changed, path: sealPath(suite, changed, { random: seeded('seal'), context, added }) };
}
const swapped = (pairs: readonly KeyPair[], i: number, pair: KeyPair): KeyPair[] =>
  pairs.map((old, j) => (i === j ? pair : old));
const LEVELS = [0, 1, 2];
/** One receiver for each level of leaf 0's path in a tree of eight. */
const RECEIVERS = [1, 2, 5];

describe('what the committer makes', () => {
  test('R7.4-03..06, R7.5-16 secrets, keys and commit secret follow from the first secret, one step per filtered node', () => {
    // The middle of the path is filtered out: C and D are gone.
    const room = eight();
    room.commit(4, { remove: [2, 3] });
    const first = seeded('first secret')(suite.sizes.hash);
    const sent = withFirstSecret(room, 0, first);
    expect(sent.draft.steps.map(({ node }) => node)).toEqual([1, 7]);
    const second = expand(first, 'path');
    expect(sent.draft.pathSecrets.map(toHex)).toEqual([first, second].map(toHex));
    expect(toHex(sent.draft.commitSecret)).toBe(toHex(expand(second, 'path')));
    const keys = [first, second].map((secret) => suite.deriveKeyPair(expand(secret, 'node')).publicKey);
    expect(sent.path.nodes.map((node) => toHex(node.encryptionKey))).toEqual(keys.map(toHex));
    const { tree } = sent.draft;
    expect(toHex(subtreeAt(tree, nodeIndex(1))?.parent?.encryptionKey ?? suite.hash(first))).toBe(
      toHex(keys[0] ?? first),
    );
    expect(subtreeAt(tree, nodeIndex(3))?.parent).toBeUndefined();
    expect(subtreeAt(tree, nodeIndex(7))?.parent?.unmergedLeaves).toEqual([]);
  });

  function withFirstSecret(room: Room, from: number, first: Uint8Array): Sent {
    const inner = room.random;
    // The committer's leaf key is drawn before the path secret.
    let draws = 0;
    room.random = (length) => (draws++ === 1 ? first.slice() : inner(length));
    const sent = room.send(from);
    room.random = inner;
    return sent;
  }

  test('R7.4-02 the leaf key is drawn apart from the path secrets', () => {
    const room = eight();
    const { draft } = room.send(0);
    const derived = [...draft.pathSecrets, draft.commitSecret].flatMap((secret) => [
      suite.deriveKeyPair(secret).publicKey,
      suite.deriveKeyPair(expand(secret, 'node')).publicKey,
    ]);
    expect(derived.map(toHex)).not.toContain(toHex(draft.leafNode.encryptionKey));
    expect(toHex(draft.leafNode.encryptionKey)).not.toBe(toHex(leafOfTree(room.tree, 0).encryptionKey));
  });

  test('R7.4-07, R4.1.2-01 a sole member commits with an empty path', () => {
    const room = new Room('A', 'sole');
    const sent = room.commit(0) as Sent;
    expect(sent.path.nodes).toEqual([]);
    expect(sent.path.leafNode.source).toEqual({ leafNodeSource: 3, parentHash: new Uint8Array(0) });
    expect(sent.draft.commitSecret).toHaveLength(suite.sizes.hash);
    expect(sent.draft.commitSecret.some((byte) => byte !== 0)).toBe(true);
    validateTreeStructure(suite, room.tree, NaiveTree.of(room.tree).hash());
  });

  test('R4.1.2-04, R7.6-02 a sole member adds one: a node with no ciphertext', () => {
    const room = new Room('A', 'first');
    const sent = room.commit(0, { add: ['B'] }) as Sent;
    expect(sent.path.nodes.map((node) => node.encryptedPathSecret.length)).toEqual([0]);
    expect(heldAndExpected(room.tree, 1, (room.members.get(1) as Insider).keys)).toSatisfy(bothAlike);
    const extra = withNode(sent.path, 0, {
      encryptedPathSecret: [{ kemOutput: suite.hash(utf8('x')), ciphertext: new Uint8Array(48) }],
    });
    expect(codeOf(() => apply(sent, extra))).toBe('validation.path');
  });

  const bothAlike = ([held, expected]: readonly [string[], string[]]): boolean =>
    held.join() === expected.join();

  test('R7.5-03, R7.9-06 a leaf added under a non-blank node gets no ciphertext and is in the hashes', () => {
    const room = eight();
    room.commit(0, { remove: [6] });
    room.commit(7);
    const before = room.tree;
    expect(subtreeAt(before, nodeIndex(11))?.parent).toBeDefined();
    const sent = room.commit(0, { add: ['N'] }) as Sent;
    expect([...sent.added]).toEqual([6]);
    const copath = sent.draft.steps.at(-1)?.copath;
    expect(copath?.parent?.unmergedLeaves).toEqual([6]);
    expect(sent.path.nodes.at(-1)?.encryptedPathSecret).toHaveLength(1);
    const naive = NaiveTree.of(room.tree);
    expect(naive.links(7)).toEqual([3]);
    validateTreeStructure(suite, room.tree, naive.hash());
  });

  test('R7.5-11, R7.1-04 the topmost node of the path has an empty parent hash, also under a blank root', () => {
    const room = eight();
    room.commit(7, { remove: [0, 1, 2, 3] });
    const sent = room.commit(5) as Sent;
    expect(sent.draft.steps.map(({ node }) => node)).toEqual([9, 11]);
    expect(subtreeAt(room.tree, nodeIndex(11))?.parent?.parentHash).toHaveLength(0);
    expect(subtreeAt(room.tree, nodeIndex(9))?.parent?.parentHash).toHaveLength(suite.sizes.hash);
    expect(room.tree.root.parent).toBeUndefined();
    validateTreeStructure(suite, room.tree, NaiveTree.of(room.tree).hash());
  });

  test('R7.5-06 signature key, credential, capabilities and extensions may change in the path', () => {
    const room = eight();
    const sent = room.send(0);
    const { path } = rekeyed(sent, {});
    expect(toHex(path.leafNode.signatureKey)).not.toBe(toHex(leafOfTree(room.tree, 0).signatureKey));
    for (const at of RECEIVERS) expect(receive(sent, path, at)).toBe(toHex(sent.draft.commitSecret));
  });
});

describe('what a receiver takes', () => {
  test('R4.2-01, R4.2-02, R7.5-12..15 unmerged, with holes, below and above blanks: everybody opens the path', () => {
    const room = eight();
    // X is unmerged at the right half; the update of leaf 5 leaves a hole between leaf 4 and the root.
    room.commit(0, { remove: [6] });
    room.commit(7, { add: ['X'], bare: true });
    room.commit(0, { update: [5] });
    for (const from of [0, 6, 4, 5, 1]) {
      const sent = room.commit(from) as Sent;
      const secrets = [...sent.receivers.keys()].map((at) => receive(sent, sent.path, at));
      expect(new Set(secrets)).toEqual(new Set([toHex(sent.draft.commitSecret)]));
      for (const [at, { keys }] of room.members) {
        const [held, expected] = heldAndExpected(room.tree, at, keys);
        expect(held).toEqual(expected);
      }
    }
  });

  test('R7.5-14 a receiver that is unmerged uses the ciphertext at its own position', () => {
    const room = eight();
    room.commit(0, { remove: [6] });
    room.commit(7);
    room.commit(7, { add: ['X'], bare: true });
    const sent = room.send(0);
    const top = sent.path.nodes.length - 1;
    const both = sent.path.nodes[top]?.encryptedPathSecret as readonly HpkeCiphertext[];
    expect(both).toHaveLength(2);
    expect(receive(sent, sent.path, 6)).toBe(toHex(sent.draft.commitSecret));
    const exchanged = withNode(sent.path, top, { encryptedPathSecret: [...both].reverse() });
    expect([receive(sent, exchanged, 6), receive(sent, exchanged, 5)]).toEqual([
      'crypto.aead',
      'crypto.aead',
    ]);
  });

  test('R7.5-13 the position of a receiver does not count leaves that the commit adds before it', () => {
    const room = eight();
    room.propose({ remove: [2, 6] });
    const added = room.add({ add: ['N', 'O'] });
    const sent = room.send(0, added);
    // Leaf 2 is new and stands before leaf 3 in the resolution of the blank node 5; likewise 6 and 7.
    expect([...added]).toEqual([2, 6]);
    expect(sent.path.nodes.map((node) => node.encryptedPathSecret.length)).toEqual([1, 1, 2]);
    for (const at of [1, 3, 4, 5, 7])
      expect(receive(sent, sent.path, at)).toBe(toHex(sent.draft.commitSecret));
  });

  test('R7.5-08 merging sets the path, drops what was unmerged and gives the tree of the committer', () => {
    const room = eight();
    room.commit(0, { remove: [1] });
    room.commit(7, { add: ['X'], bare: true });
    expect(room.tree.root.parent?.unmergedLeaves).toEqual([1]);
    const sent = room.send(5);
    const { tree } = apply(sent, sent.path);
    expect(tree.root.parent?.unmergedLeaves).toEqual([]);
    expect(toHex(treeHash(suite, tree.root))).toBe(toHex(treeHash(suite, sent.draft.tree.root)));
    expect(toHex(NaiveTree.of(tree).hash())).toBe(toHex(treeHash(suite, tree.root)));
  });

  test('R7.5-19 the path secrets on the way are handed over to be wiped', () => {
    const sent = eight().send(0);
    for (const [i, at] of RECEIVERS.entries()) {
      const { keys } = sent.receivers.get(at) as Insider;
      const { path, added, context } = sent;
      const self = { leaf: leafIndex(at), privatePath: keys };
      const opened = openPath(suite, self, apply(sent, path), { path, added, context });
      expect(opened.spent.map(toHex)).toEqual(sent.draft.pathSecrets.slice(i).map(toHex));
      for (const secret of opened.spent) secret.fill(0);
      expect(toHex(opened.commitSecret)).toBe(toHex(sent.draft.commitSecret));
      for (const pair of opened.keyPairs.values()) {
        expect(toHex(suite.kemKeyPair(pair.secretKey).publicKey)).toBe(toHex(pair.publicKey));
      }
    }
  });
});

describe('what a receiver refuses', () => {
  test('R7.5-09 a node too many or too few', () => {
    const sent = eight().send(0);
    const { path } = sent;
    const last = path.nodes.at(-1) as UpdatePathNode;
    expect(codeOf(() => apply(sent, { ...path, nodes: [...path.nodes, last] }))).toBe('validation.path');
    for (const i of LEVELS) {
      const nodes = path.nodes.filter((_, j) => j !== i);
      expect(codeOf(() => apply(sent, { ...path, nodes }))).toBe('validation.path');
    }
    expect(codeOf(() => apply(sent, { ...path, nodes: [] }))).toBe('validation.path');
  });

  test('R7.6-02 a ciphertext too many or too few, at each node', () => {
    const sent = eight().send(0);
    for (const i of LEVELS) {
      const { encryptedPathSecret } = sent.path.nodes[i] as UpdatePathNode;
      const [first] = encryptedPathSecret;
      for (const list of [encryptedPathSecret.slice(1), [...encryptedPathSecret, first as HpkeCiphertext]]) {
        const path = withNode(sent.path, i, { encryptedPathSecret: list });
        expect(codeOf(() => apply(sent, path))).toBe('validation.path');
      }
    }
  });

  test('R7.5-10, R7.9.2-06 another parent hash in the leaf, or none', () => {
    const sent = eight().send(0);
    const { parentHash } = sent.path.leafNode.source as { parentHash: Uint8Array };
    const flipped = parentHash.map((byte, i) => (i === 31 ? byte ^ 1 : byte));
    const sources: LeafNodeSource[] = [
      { leafNodeSource: 3, parentHash: flipped },
      { leafNodeSource: 3, parentHash: new Uint8Array(0) },
      { leafNodeSource: 3, parentHash: parentHash.slice(0, 31) },
      { leafNodeSource: 2 },
    ];
    for (const source of sources) {
      expect(codeOf(() => apply(sent, rekeyed(sent, { source }).path))).toBe('validation.parent-hash');
    }
    expect(codeOf(() => apply(sent, rekeyed(sent, {}).path))).toBe('none');
  });

  test('R7.5-10 another key at one node without its parent hash', () => {
    const sent = eight().send(0);
    for (const i of LEVELS) {
      const path = withNode(sent.path, i, { encryptionKey: encryptionPair('elsewhere').publicKey });
      expect(codeOf(() => apply(sent, path))).toBe('validation.parent-hash');
    }
  });

  test('R7.5-17 a key that is not of the path secrets, at each level: seen by all below', () => {
    const sent = eight().send(0);
    for (const level of LEVELS) {
      const { path } = rekeyed(sent, { keys: swapped(sent.draft.keyPairs, level, encryptionPair('other')) });
      expect(RECEIVERS.map((at) => receive(sent, path, at))).toEqual(
        LEVELS.map((i) => (i <= level ? 'validation.path' : toHex(sent.draft.commitSecret))),
      );
    }
  });

  test('R7.5-17 an unrelated secret in the ciphertext, at each level', () => {
    const sent = eight().send(0);
    for (const level of LEVELS) {
      const pathSecrets = sent.draft.pathSecrets.map((secret, i) =>
        i === level ? suite.hash(secret) : secret,
      );
      const { context, added } = sent;
      const path = sealPath(suite, { ...sent.draft, pathSecrets }, { random: seeded('s'), context, added });
      expect(RECEIVERS.map((at) => receive(sent, path, at))).toEqual(
        LEVELS.map((i) => (i === level ? 'validation.path' : toHex(sent.draft.commitSecret))),
      );
    }
  });

  test('R7.6-05 a path secret of another length', () => {
    const sent = eight().send(0);
    for (const level of LEVELS) {
      for (const length of [0, 31, 33]) {
        const resized = (secret: Uint8Array): Uint8Array =>
          Uint8Array.from({ length }, (_, i) => secret[i] ?? 0);
        const pathSecrets = sent.draft.pathSecrets.map((secret, i) =>
          i === level ? resized(secret) : secret,
        );
        const { context, added } = sent;
        const path = sealPath(suite, { ...sent.draft, pathSecrets }, { random: seeded('s'), context, added });
        expect(receive(sent, path, RECEIVERS[level] as number)).toBe('validation.path');
      }
    }
    // Even when the key is that of the short secret, so that only its length is wrong.
    const short = (sent.draft.pathSecrets[0] as Uint8Array).slice(0, 31);
    const pair = suite.deriveKeyPair(expand(short, 'node'));
    const { draft } = rekeyed(sent, { keys: swapped(sent.draft.keyPairs, 0, pair) });
    const { context, added } = sent;
    const pathSecrets = draft.pathSecrets.map((secret, i) => (i === 0 ? short : secret));
    const path = sealPath(suite, { ...draft, pathSecrets }, { random: seeded('s'), context, added });
    expect(receive(sent, path, 1)).toBe('validation.path');
  });

  test('R7.5-20 a receiver without a usable key, and a later one that has it', () => {
    const sent = eight().send(0);
    for (const at of RECEIVERS) {
      const { keys } = sent.receivers.get(at) as Insider;
      expect(receive(sent, sent.path, at, new Map())).toBe('validation.path');
      const stale = new Map([...keys].map(([node]) => [node, encryptionPair('stale')] as const));
      expect(receive(sent, sent.path, at, stale)).toBe('validation.path');
      expect(receive(sent, sent.path, at)).toBe(toHex(sent.draft.commitSecret));
    }
  });

  test('R7.5-20 a leaf that the path does not address', () => {
    const sent = eight().send(0);
    expect(receive(sent, sent.path, 0, new Map([[nodeIndex(0), encryptionPair('A')]]))).toBe(
      'validation.path',
    );
  });

  test('R7.3-21, R7.5-10 a key that is no key of the suite', () => {
    const sent = eight().send(0);
    for (const i of LEVELS) {
      for (const key of [
        new Uint8Array(0),
        new Uint8Array(31).fill(9),
        new Uint8Array(33).fill(9),
        new Uint8Array(32),
      ]) {
        const { path } = rekeyed(sent, {
          keys: swapped(sent.draft.keyPairs, i, { publicKey: key, secretKey: key }),
        });
        // The draft cannot be sealed to it, as nobody encrypts to a path key before it is merged.
        expect(codeOf(() => apply(sent, path))).toBe('crypto.public-key');
      }
    }
  });

  test('R7.6-03 a path secret is sealed under the label of the RFC', () => {
    const sent = eight().send(0);
    const pair = (sent.receivers.get(1) as Insider).keys.get(nodeIndex(2)) as KeyPair;
    const { encryptedPathSecret } = sent.path.nodes[0] as UpdatePathNode;
    const [sealed] = encryptedPathSecret as readonly [HpkeCiphertext];
    const opened = decryptWithLabel(suite, pair, 'UpdatePathNode', sent.context, sealed);
    expect(toHex(opened)).toBe(toHex(sent.draft.pathSecrets[0] as Uint8Array));
  });

  test('R7.6-03 another context, and damaged ciphertexts', () => {
    const sent = eight().send(0);
    expect(receive({ ...sent, context: utf8('another') }, sent.path, 1)).toBe('crypto.aead');
    const { encryptedPathSecret } = sent.path.nodes[0] as UpdatePathNode;
    const [one] = encryptedPathSecret as readonly [HpkeCiphertext];
    const damaged = (change: Partial<HpkeCiphertext>): string =>
      receive(sent, withNode(sent.path, 0, { encryptedPathSecret: [{ ...one, ...change }] }), 1);
    expect(damaged({ ciphertext: one.ciphertext.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) })).toBe(
      'crypto.aead',
    );
    expect(damaged({ ciphertext: new Uint8Array(0) })).toBe('crypto.aead');
    expect(damaged({ kemOutput: one.kemOutput.slice(1) })).toBe('crypto.kem');
    expect(damaged({ kemOutput: new Uint8Array(32) })).toBe('crypto.kem');
    expect(damaged({})).toBe(toHex(sent.draft.commitSecret));
  });

  test('R7.5-05, TRE-13, TRE-14 a key of the path that is in the tree already, or twice in the path', () => {
    const room = eight();
    room.propose({ remove: [6] });
    const added = room.add({ add: ['N'] });
    const sent = room.send(0, added);
    const parentKey = (node: number): Uint8Array =>
      subtreeAt(room.tree, nodeIndex(node))?.parent?.encryptionKey as Uint8Array;
    const used: [string, Uint8Array][] = [
      ['own old leaf', leafOfTree(room.tree, 0).encryptionKey],
      ['own old node', parentKey(1)],
      ['other leaf', leafOfTree(room.tree, 3).encryptionKey],
      ['other node', parentKey(5)],
      ['added leaf', leafOfTree(room.tree, 6).encryptionKey],
    ];
    const pairOf = (publicKey: Uint8Array): KeyPair => ({ publicKey, secretKey: new Uint8Array(32) });
    for (const [what, key] of used) {
      const asLeaf = rekeyed(sent, { leafKey: key }).path;
      expect([what, codeOf(() => apply(sent, asLeaf))]).toEqual([what, 'validation.duplicate-key']);
      for (const i of LEVELS) {
        const asNode = rekeyed(sent, { keys: swapped(sent.draft.keyPairs, i, pairOf(key)) }).path;
        expect([what, i, codeOf(() => apply(sent, asNode))]).toEqual([what, i, 'validation.duplicate-key']);
      }
    }
    const [first] = sent.draft.keyPairs as readonly [KeyPair];
    const twice = rekeyed(sent, { keys: swapped(sent.draft.keyPairs, 2, first) }).path;
    expect(codeOf(() => apply(sent, twice))).toBe('validation.duplicate-key');
    const leafToo = rekeyed(sent, { leafKey: first.publicKey }).path;
    expect(codeOf(() => apply(sent, leafToo))).toBe('validation.duplicate-key');
    // A key that the proposals removed from the tree is free again.
    const freed = rekeyed(sent, { leafKey: encryptionPair('G').publicKey }).path;
    expect(codeOf(() => apply(sent, freed))).toBe('none');
  });
});

describe('a new member', () => {
  test('R12.4.3.1-23..25 a newcomer gets the keys from the common ancestor upwards, no others', () => {
    const room = eight();
    room.commit(3, { remove: [1] });
    const sent = room.commit(2, { add: ['N'] }) as Sent;
    expect([...sent.added]).toEqual([1]);
    expect([...(room.members.get(1) as Insider).keys.keys()].sort()).toEqual([2, 3, 7]);
  });

  test('R7.5-17 refuses a path secret that does not give the keys of the tree, and one for a blank ancestor', () => {
    const room = eight();
    room.commit(3, { remove: [1] });
    const sent = room.commit(2, { add: ['N'] }) as Sent;
    const self = { leaf: leafIndex(1), keyPair: encryptionPair('N') };
    const committer = leafIndex(2);
    const position = sent.draft.steps.findIndex(({ node }) => node === 3);
    const pathSecret = sent.draft.pathSecrets[position] as Uint8Array;
    const join = (secret: Uint8Array, tree: Tree = room.tree, from = committer) =>
      joinerPrivatePath(suite, tree, self, { committer: from, pathSecret: secret });
    expect([...join(pathSecret).keys()].sort()).toEqual([2, 3, 7]);
    expect(codeOf(() => join(suite.hash(pathSecret)))).toBe('validation.path');
    expect(codeOf(() => join(pathSecret, room.tree, leafIndex(0)))).toBe('validation.path');
    // The node above carries another key.
    const nodes = treeToNodes(room.tree);
    const root = nodes[7] as {
      nodeType: 2;
      parentNode: { encryptionKey: Uint8Array; parentHash: Uint8Array; unmergedLeaves: number[] };
    };
    nodes[7] = {
      nodeType: 2,
      parentNode: { ...root.parentNode, encryptionKey: encryptionPair('other').publicKey },
    };
    expect(codeOf(() => join(pathSecret, treeFromNodes(nodes)))).toBe('validation.path');
  });

  test('R8-21, R7.4-03 path secrets on the way are wiped, the one it was given is not', () => {
    const room = eight();
    room.commit(3, { remove: [1] });
    const sent = room.commit(2, { add: ['N'] }) as Sent;
    const self = { leaf: leafIndex(1), keyPair: encryptionPair('N') };
    const position = sent.draft.steps.findIndex(({ node }) => node === 3);
    const pathSecret = (sent.draft.pathSecrets[position] as Uint8Array).slice();
    const before = toHex(pathSecret);
    const given: { readonly info: string; readonly bytes: Uint8Array }[] = [];
    const recording = {
      ...suite,
      hkdfExpand: (prk: Uint8Array, info: Uint8Array, length: number): Uint8Array => {
        const bytes = suite.hkdfExpand(prk, info, length);
        given.push({ info: new TextDecoder().decode(info), bytes });
        return bytes;
      },
    };
    joinerPrivatePath(recording, room.tree, self, { committer: leafIndex(2), pathSecret });
    const above = given.filter(({ info }) => info.includes('MLS 1.0 path'));
    // From node 3 to the root, and from there to the commit secret, which is nobody's here.
    expect(above.map(({ bytes }) => bytes.every((byte) => byte === 0))).toEqual([true, true]);
    expect(toHex(pathSecret)).toBe(before);
  });

  test('R12.4.3.1-24 refuses a committer who is not in the tree', () => {
    const room = eight();
    const self = { leaf: leafIndex(1), keyPair: encryptionPair('B') };
    const invitation = { committer: leafIndex(8), pathSecret: suite.hash(utf8('secret')) };
    expect(codeOf(() => joinerPrivatePath(suite, room.tree, self, invitation))).toBe('validation.path');
  });

  test('R12.4.3.1-24, R7.4-06 a blank node on its way takes no step of the chain', () => {
    const room = eight();
    room.commit(4, { remove: [1, 2, 3] });
    const sent = room.commit(0, { add: ['N'] }) as Sent;
    expect(sent.draft.steps.map(({ node }) => node)).toEqual([1, 7]);
    const { keys } = room.members.get(1) as Insider;
    expect([...keys.keys()].sort()).toEqual([1, 2, 7]);
    const [held, expected] = heldAndExpected(room.tree, 1, keys);
    expect(held).toEqual(expected);
  });

  test('R4.2-02 without a path secret it holds its leaf key', () => {
    const tree = eight().tree;
    const keys = joinerPrivatePath(
      suite,
      tree,
      { leaf: leafIndex(1), keyPair: encryptionPair('B') },
      undefined,
    );
    expect([...keys.keys()]).toEqual([2]);
  });
});

describe('work', () => {
  test('R7.8-06 a tree is hashed once on join, and only a path after a commit', () => {
    const room = eight();
    const { suite: counted, calls } = counting();
    const hashes = (step: () => unknown): number => {
      calls.clear();
      step();
      return calls.get('hash') ?? 0;
    };
    const joined = treeFromNodes(treeToNodes(room.tree));
    expect(hashes(() => treeHash(counted, joined.root))).toBe(15);
    expect(hashes(() => treeHash(counted, joined.root))).toBe(0);
    // One candidate per parent at least, both sides at most; no subtree is hashed again.
    const expected = treeHash(counted, joined.root);
    const whole = hashes(() => validateTreeStructure(counted, joined, expected));
    expect(whole).toBeGreaterThanOrEqual(7);
    expect(whole).toBeLessThanOrEqual(14);
    const sent = room.send(3);
    let merged = joined;
    // Three parent hashes of the path, all siblings known.
    const applied = () => {
      merged = applyPath(counted, joined, sent.sender, { path: sent.path, added: sent.added }).tree;
    };
    expect(hashes(applied)).toBe(3);
    expect(hashes(() => treeHash(counted, merged.root))).toBe(4);
    expect(hashes(() => treeHash(counted, joined.root))).toBe(0);
    expect(hashes(() => validateUniqueKeys(merged))).toBe(0);
    expect(leafAt(merged, 3)).toBe(sent.path.leafNode);
  });

  test('R7.6-02 a path that does not fit is refused before anything is computed', () => {
    const sent = eight().send(0);
    const { suite: counted, calls } = counting();
    const path = { ...sent.path, nodes: sent.path.nodes.slice(1) };
    expect(codeOf(() => applyPath(counted, sent.tree, sent.sender, { path, added: sent.added }))).toBe(
      'validation.path',
    );
    expect([...calls]).toEqual([]);
  });
});
