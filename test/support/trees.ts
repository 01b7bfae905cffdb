/**
 * Members, leaves and whole groups for the tests of the tree and schedule rooms, and a naive ratchet tree in array form
 * that follows the text of RFC 9420 word by word, without any of the code under test but the LeafNode codec.
 */

import { type LeafIndex, leafIndex, type NodeIndex, nodeIndex } from '../../src/base/brand.ts';
import { concat, equal, toHex, utf8 } from '../../src/base/bytes.ts';
import { encode } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { KeyPair, SuiteCrypto } from '../../src/crypto/provider.ts';
import { signLeaf } from '../../src/tree/leafNode.ts';
import {
  applyPath,
  type DraftPath,
  draftPath,
  draftPrivatePath,
  openPath,
  sealPath,
} from '../../src/tree/path.ts';
import { joinerPrivatePath, type PrivatePath, prunePrivatePath } from '../../src/tree/privatePath.ts';
import {
  addLeaf,
  blankLeaf,
  leafAt,
  singleLeafTree,
  type Tree,
  treeFromNodes,
  treeToNodes,
  truncate,
  updateLeaf,
} from '../../src/tree/tree.ts';
import type { UpdatePath } from '../../src/wire/commit.ts';
import { LeafNode, type LeafNodeContent, type LeafNodeSource } from '../../src/wire/leafNode.ts';
import type { ParentNode, TreeNode } from '../../src/wire/treeNode.ts';

/** X25519, Ed25519, SHA-256. */
export const suite: SuiteCrypto = nodeProvider.suite(1);
export const GROUP_ID: Uint8Array = utf8('a group');

/** Random bytes that are the same in every run. */
export function seeded(seed: string): (length: number) => Uint8Array {
  let count = 0;
  return (length) => {
    const parts: Uint8Array[] = [];
    for (let size = 0; size < length; size += 32) parts.push(suite.hash(utf8(`${seed} ${count++}`)));
    return concat(...parts).slice(0, length);
  };
}

/** A client: one signature key, and encryption keys by number. */
export interface Person {
  readonly name: string;
  readonly signer: KeyPair;
}
const people = new Map<string, Person>();
export function person(name: string): Person {
  const known = people.get(name);
  if (known !== undefined) return known;
  const fresh = { name, signer: suite.signatureKeyPair(seeded(`signer ${name}`)(suite.sizes.signatureSeed)) };
  people.set(name, fresh);
  return fresh;
}
const pairs = new Map<string, KeyPair>();
export function encryptionPair(name: string): KeyPair {
  const known = pairs.get(name);
  if (known !== undefined) return known;
  const fresh = suite.deriveKeyPair(seeded(`encryption ${name}`)(suite.sizes.kemSeed));
  pairs.set(name, fresh);
  return fresh;
}

export const KEY_PACKAGE: LeafNodeSource = {
  leafNodeSource: 1,
  lifetime: { notBefore: 1000n, notAfter: 2000n },
};

/** What a leaf says before it is signed. */
export function leafContent(who: Person, change: Partial<LeafNodeContent> = {}): LeafNodeContent {
  return {
    encryptionKey: encryptionPair(who.name).publicKey,
    signatureKey: who.signer.publicKey,
    credential: { credentialType: 1, identity: utf8(who.name) },
    capabilities: { versions: [1], cipherSuites: [1], extensions: [], proposals: [], credentials: [1] },
    source: KEY_PACKAGE,
    extensions: [],
    ...change,
  };
}

/** A signed leaf; `at` is needed for sources update and commit. */
export function makeLeaf(who: Person, change: Partial<LeafNodeContent> = {}, at = 0): LeafNode {
  const place = { groupId: GROUP_ID, leaf: leafIndex(at) };
  return signLeaf(suite, leafContent(who, change), who.signer.secretKey, place);
}

/** A leaf that nobody signed, with keys that are just bytes: for tests of shapes. */
export function bareLeaf(
  name: string,
  keys: { readonly encryption?: Uint8Array; readonly signature?: Uint8Array } = {},
): LeafNode {
  return {
    encryptionKey: keys.encryption ?? utf8(`enc ${name}`),
    signatureKey: keys.signature ?? utf8(`sig ${name}`),
    credential: { credentialType: 1, identity: utf8(name) },
    capabilities: { versions: [1], cipherSuites: [1], extensions: [], proposals: [], credentials: [1] },
    source: KEY_PACKAGE,
    extensions: [],
    signature: utf8(`signature ${name}`),
  };
}
export function bareParent(name: string, unmergedLeaves: readonly number[] = []): ParentNode {
  return { encryptionKey: utf8(`enc ${name}`), parentHash: utf8(`ph ${name}`), unmergedLeaves };
}

/** A tree from names in array order: `_` is blank, `X[3,5]` has unmerged leaves. */
export function bareTree(...names: readonly string[]): Tree {
  return treeFromNodes(names.map(bareNode));
}
function bareNode(name: string, index: number): TreeNode | undefined {
  if (name === '_') return undefined;
  if (index % 2 === 0) return { nodeType: 1, leafNode: bareLeaf(name) };
  const [label = '', list] = name.split(/[[\]]/);
  const unmerged = list === undefined ? [] : list.split(',').map(Number);
  return { nodeType: 2, parentNode: bareParent(label, unmerged) };
}
/** The inverse for a tree of such nodes. */
export function namesOf(tree: Tree): string[] {
  return treeToNodes(tree).map((node) => {
    if (node === undefined) return '_';
    const value = node.nodeType === 1 ? node.leafNode : node.parentNode;
    const name = new TextDecoder().decode(value.encryptionKey).replace('enc ', '');
    const unmerged = node.nodeType === 2 ? node.parentNode.unmergedLeaves : [];
    return unmerged.length === 0 ? name : `${name}[${unmerged.join()}]`;
  });
}

/** The same suite, counting what is called. */
export function counting(inner: SuiteCrypto = suite): {
  readonly suite: SuiteCrypto;
  readonly calls: Map<string, number>;
} {
  const calls = new Map<string, number>();
  const wrapped = Object.fromEntries(
    Object.entries(inner).map(([name, value]) => [
      name,
      typeof value !== 'function'
        ? value
        : (...args: readonly never[]) => {
            calls.set(name, (calls.get(name) ?? 0) + 1);
            return (value as (...all: readonly never[]) => unknown)(...args);
          },
    ]),
  );
  return { suite: wrapped as unknown as SuiteCrypto, calls };
}

// ------------------------------------------------------------------ the naive tree

/** `undefined` is blank. */
export type NaiveNode =
  | { readonly leaf: LeafNode }
  | { readonly key: Uint8Array; readonly parentHash: Uint8Array; readonly unmerged: readonly number[] }
  | undefined;

/** Appendix C by recursion over index ranges: node -> its children and parent. */
export interface Shape {
  readonly root: number;
  readonly children: ReadonlyMap<number, readonly [number, number]>;
  readonly parent: ReadonlyMap<number, number>;
  readonly level: ReadonlyMap<number, number>;
}
export function shapeOf(leaves: number): Shape {
  const children = new Map<number, readonly [number, number]>();
  const parent = new Map<number, number>();
  const level = new Map<number, number>();
  /** The nodes from..to, both included: the middle one is the parent. */
  const visit = (from: number, to: number): number => {
    if (from === to) {
      level.set(from, 0);
      return from;
    }
    const middle = (from + to) / 2;
    const both = [visit(from, middle - 1), visit(middle + 1, to)] as const;
    children.set(middle, both);
    for (const child of both) parent.set(child, middle);
    level.set(middle, (level.get(both[0]) ?? 0) + 1);
    return middle;
  };
  const root = visit(0, 2 * leaves - 2);
  return { root, children, parent, level };
}
const shapes = new Map<number, Shape>();

const number = (value: number, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
/** `opaque<V>` (RFC 9420 §2.1.2). */
export const vec = (...parts: readonly Uint8Array[]): Uint8Array => {
  const body = concat(...parts);
  const { length } = body;
  if (length < 64) return concat(number(length, 1), body);
  return length < 16384
    ? concat(number(0x4000 + length, 2), body)
    : concat(number(0x8000_0000 + length, 4), body);
};
export { number as uint };

/** The ratchet tree as an array, everything computed anew from it. */
export class NaiveTree {
  nodes: NaiveNode[];

  constructor(nodes: readonly NaiveNode[]) {
    this.nodes = [...nodes];
  }
  static of(tree: Tree): NaiveTree {
    const naive = treeToNodes(tree).map((node): NaiveNode => {
      if (node === undefined) return undefined;
      if (node.nodeType === 1) return { leaf: node.leafNode };
      const { encryptionKey: key, parentHash, unmergedLeaves: unmerged } = node.parentNode;
      return { key, parentHash, unmerged };
    });
    const blanks = new Array<NaiveNode>(2 * tree.width - 1 - naive.length).fill(undefined);
    return new NaiveTree([...naive, ...blanks]);
  }
  get width(): number {
    return (this.nodes.length + 1) / 2;
  }
  get shape(): Shape {
    const known = shapes.get(this.width);
    if (known !== undefined) return known;
    const fresh = shapeOf(this.width);
    shapes.set(this.width, fresh);
    return fresh;
  }
  leaf(index: number): LeafNode | undefined {
    const node = this.nodes[2 * index];
    return node !== undefined && 'leaf' in node ? node.leaf : undefined;
  }
  parentAt(node: number): Exclude<NaiveNode, undefined | { leaf: LeafNode }> | undefined {
    const value = this.nodes[node];
    return value !== undefined && 'key' in value ? value : undefined;
  }
  directPath(node: number): number[] {
    const { parent } = this.shape;
    const path: number[] = [];
    for (let at = parent.get(node); at !== undefined; at = parent.get(at)) path.push(at);
    return path;
  }
  /** §12.1.1 */
  add(leaf: LeafNode): number {
    let index = 0;
    while (index < this.width && this.nodes[2 * index] !== undefined) index++;
    if (index === this.width) this.nodes.push(...new Array<NaiveNode>(this.nodes.length + 1).fill(undefined));
    this.nodes[2 * index] = { leaf };
    for (const node of this.directPath(2 * index)) {
      const parent = this.parentAt(node);
      if (parent === undefined) continue;
      this.nodes[node] = { ...parent, unmerged: [...parent.unmerged, index].sort((a, b) => a - b) };
    }
    return index;
  }
  /** §12.1.2, §12.1.3 without truncation */
  put(index: number, leaf: LeafNode | undefined): void {
    this.nodes[2 * index] = leaf && { leaf };
    for (const node of this.directPath(2 * index)) this.nodes[node] = undefined;
  }
  /** §7.7 */
  truncate(): void {
    while (this.width > 1) {
      let blank = true;
      for (let leaf = this.width / 2; leaf < this.width; leaf++) blank &&= this.nodes[2 * leaf] === undefined;
      if (!blank) return;
      this.nodes.length = (this.nodes.length - 1) / 2;
    }
  }
  /** §4.1.1 */
  resolution(node: number): number[] {
    const value = this.nodes[node];
    if (value !== undefined)
      return 'leaf' in value ? [node] : [node, ...value.unmerged.map((leaf) => 2 * leaf)];
    return (this.shape.children.get(node) ?? []).flatMap((child) => this.resolution(child));
  }
  /** §4.1.2: the nodes of the path, each with its child off the path. */
  filteredPath(index: number): { node: number; copath: number }[] {
    let below = 2 * index;
    return this.directPath(below).flatMap((node) => {
      const copath = this.shape.children.get(node)?.find((child) => child !== below) as number;
      below = node;
      return this.resolution(copath).length > 0 ? [{ node, copath }] : [];
    });
  }
  /** §7.8, as if the leaves of `without` had never been added (§7.9). */
  hash(node: number = this.shape.root, without: readonly number[] = []): Uint8Array {
    const both = this.shape.children.get(node);
    if (both === undefined) {
      const leaf = without.includes(node / 2) ? undefined : this.leaf(node / 2);
      const body = leaf === undefined ? number(0, 1) : concat(number(1, 1), encode(LeafNode, leaf));
      return suite.hash(concat(number(1, 1), number(node / 2, 4), body));
    }
    const parent = this.parentAt(node);
    const unmerged = (parent?.unmerged ?? []).filter((leaf) => !without.includes(leaf));
    const body =
      parent === undefined
        ? number(0, 1)
        : concat(
            number(1, 1),
            vec(parent.key),
            vec(parent.parentHash),
            vec(...unmerged.map((leaf) => number(leaf, 4))),
          );
    const [left, right] = both;
    return suite.hash(
      concat(number(2, 1), body, vec(this.hash(left, without)), vec(this.hash(right, without))),
    );
  }
  below(node: number): number[] {
    return [node, ...(this.shape.children.get(node) ?? []).flatMap((child) => this.below(child))];
  }
  /** §7.9.2 by brute force: every D in the whole tree that is valid with respect to a parent. */
  links(node: number): number[] {
    const parent = this.parentAt(node);
    const both = this.shape.children.get(node);
    if (parent === undefined || both === undefined) return [];
    return this.nodes.flatMap((value, d) => {
      const claimed =
        value === undefined
          ? undefined
          : 'key' in value
            ? value.parentHash
            : value.leaf.source.leafNodeSource === 3
              ? value.leaf.source.parentHash
              : undefined;
      const side = both.findIndex((child) => this.below(child).includes(d));
      if (claimed === undefined || side < 0) return [];
      const [child, sibling] = [both[side] as number, both[1 - side] as number];
      const resolved = this.resolution(child);
      if (!resolved.includes(d)) return [];
      const inside = this.below(child);
      const unmerged = parent.unmerged.map((leaf) => 2 * leaf).filter((leaf) => inside.includes(leaf));
      const others = resolved.filter((entry) => entry !== d);
      if (others.length !== unmerged.length || others.some((entry) => !unmerged.includes(entry))) return [];
      const input = concat(vec(parent.key), vec(parent.parentHash), vec(this.hash(sibling, parent.unmerged)));
      return equal(claimed, suite.hash(input)) ? [d] : [];
    });
  }
  /** Every key with its multiplicity. */
  keys(): { readonly encryption: Map<string, number>; readonly signature: Map<string, number> } {
    const encryption = new Map<string, number>();
    const signature = new Map<string, number>();
    const count = (map: Map<string, number>, key: Uint8Array): void => {
      map.set(toHex(key), (map.get(toHex(key)) ?? 0) + 1);
    };
    for (const node of this.nodes) {
      if (node === undefined) continue;
      count(encryption, 'leaf' in node ? node.leaf.encryptionKey : node.key);
      if ('leaf' in node) count(signature, node.leaf.signatureKey);
    }
    return { encryption, signature };
  }
}

// ------------------------------------------------------------------ a group of members

/** A member as the tree room sees it. */
export interface Insider {
  readonly who: Person;
  readonly keys: PrivatePath;
}
/** What to put into a commit. Leaves are those of the tree before it. */
export interface Plan {
  readonly add?: readonly string[];
  readonly remove?: readonly number[];
  readonly update?: readonly number[];
  /** Leave the path out. */
  readonly bare?: boolean;
}
/** Everything about one commit with a path. */
export interface Sent {
  /** After the proposals, before the path. */
  readonly tree: Tree;
  readonly sender: LeafIndex;
  readonly draft: DraftPath;
  readonly path: UpdatePath;
  readonly context: Uint8Array;
  readonly added: ReadonlySet<number>;
  /** Members as they are when they open the path, the new ones apart. */
  readonly receivers: ReadonlyMap<number, Insider>;
}

/** All members of a group in one place; each keeps its own private keys, and all agree or an error is thrown. */
export class Room {
  tree: Tree;
  members = new Map<number, Insider>();
  random: (length: number) => Uint8Array;
  #count = 0;

  constructor(first = 'A', seed = 'room') {
    this.random = seeded(seed);
    const who = person(first);
    this.tree = singleLeafTree(makeLeaf(who));
    this.members.set(0, { who, keys: new Map([[nodeIndex(0), encryptionPair(first)]]) });
  }

  /** Apply proposals as §12.3 orders them, then a path, and let everybody follow. */
  commit(from: number, plan: Plan = {}): Sent | undefined {
    this.propose(plan);
    const added = this.add(plan);
    if (plan.bare === true) {
      this.prune();
      return undefined;
    }
    const sent = this.send(from, added);
    this.follow(sent);
    return sent;
  }

  propose({ update = [], remove = [] }: Plan): void {
    for (const at of update) {
      const { who } = this.members.get(at) as Insider;
      const pair = this.freshPair();
      const leaf = makeLeaf(who, { encryptionKey: pair.publicKey, source: { leafNodeSource: 2 } }, at);
      this.tree = updateLeaf(this.tree, leafIndex(at), leaf);
      this.members.set(at, { who, keys: new Map([[nodeIndex(2 * at), pair]]) });
    }
    for (const at of remove) {
      this.tree = blankLeaf(this.tree, leafIndex(at));
      this.members.delete(at);
    }
    this.tree = truncate(this.tree);
    this.prune();
  }

  add({ add = [] }: Plan): Set<number> {
    const added = new Set<number>();
    for (const name of add) {
      const who = person(name);
      const pair = encryptionPair(name);
      const result = addLeaf(this.tree, makeLeaf(who));
      this.tree = result.tree;
      added.add(result.leaf);
      this.members.set(result.leaf, { who, keys: new Map([[nodeIndex(2 * result.leaf), pair]]) });
    }
    return added;
  }

  /** The sender's part; the room itself does not change. */
  send(from: number, added: ReadonlySet<number> = new Set()): Sent {
    const sender = leafIndex(from);
    const { who } = this.members.get(from) as Insider;
    const pair = this.freshPair();
    const draft = draftPath(suite, this.tree, sender, {
      random: this.random,
      makeLeaf: (parentHash) =>
        makeLeaf(who, { encryptionKey: pair.publicKey, source: { leafNodeSource: 3, parentHash } }, from),
    });
    const context = utf8(`context ${this.#count}`);
    const path = sealPath(suite, draft, { random: this.random, context, added });
    const receivers = new Map([...this.members].filter(([at]) => at !== from && !added.has(at)));
    this.#pair = pair;
    return { tree: this.tree, sender, draft, path, context, added, receivers };
  }
  #pair: KeyPair | undefined;

  /** Everybody takes a commit. */
  follow(sent: Sent): void {
    const { draft, sender, path, added, context } = sent;
    const next = new Map<number, Insider>();
    const own = draftPrivatePath(draft, sender, this.#pair as KeyPair);
    next.set(sender, { who: (this.members.get(sender) as Insider).who, keys: own });
    for (const [at, insider] of sent.receivers) {
      const merged = applyPath(suite, sent.tree, sender, { path, added });
      const self = { leaf: leafIndex(at), privatePath: insider.keys };
      const opened = openPath(suite, self, merged, { path, added, context });
      if (!equal(opened.commitSecret, draft.commitSecret))
        throw new Error(`leaf ${at} has another commit secret`);
      const keys = new Map([...prunePrivatePath(insider.keys, merged.tree), ...opened.keyPairs]);
      next.set(at, { who: insider.who, keys });
    }
    for (const at of added) {
      const { who, keys } = this.members.get(at) as Insider;
      const own = { leaf: leafIndex(at), keyPair: keys.get(nodeIndex(2 * at)) as KeyPair };
      const position = draft.steps.findIndex(({ copath }) => covered(copath.node, copath.level, at));
      const pathSecret = draft.pathSecrets[position] as Uint8Array;
      next.set(at, {
        who,
        keys: joinerPrivatePath(suite, draft.tree, own, { committer: sender, pathSecret }),
      });
    }
    this.tree = draft.tree;
    this.members = next;
    this.#count += 1;
  }

  prune(): void {
    for (const [at, { who, keys }] of this.members) {
      this.members.set(at, { who, keys: prunePrivatePath(keys, this.tree) });
    }
  }

  freshPair(): KeyPair {
    return suite.deriveKeyPair(this.random(suite.sizes.kemSeed));
  }
}

/** Whether a leaf lies below a node of a level: its index range, computed from the array form. */
export function covered(node: number, level: number, leaf: number): boolean {
  return 2 * leaf > node - 2 ** level && 2 * leaf < node + 2 ** level;
}

/** §4.2: a member holds exactly the keys of the non-blank nodes above it at which it is not unmerged. */
export function heldAndExpected(tree: Tree, at: number, keys: PrivatePath): readonly [string[], string[]] {
  const naive = NaiveTree.of(tree);
  const show = (node: number, key: Uint8Array): string => `${node} ${toHex(key)}`;
  const expected = [show(2 * at, (leafAt(tree, at) as LeafNode).encryptionKey)];
  for (const node of naive.directPath(2 * at)) {
    const parent = naive.parentAt(node);
    if (parent !== undefined && !parent.unmerged.includes(at)) expected.push(show(node, parent.key));
  }
  const held = [...keys].map(([node, { publicKey, secretKey }]) => {
    const real = suite.kemKeyPair(secretKey).publicKey;
    return equal(real, publicKey) ? show(node, publicKey) : `${node} is not a pair`;
  });
  return [held.sort(), expected.sort()];
}

/** A tree with some nodes of its array form exchanged. */
export function forged(tree: Tree, changes: Readonly<Record<number, TreeNode | undefined>>): Tree {
  const nodes = treeToNodes(tree);
  for (const [index, node] of Object.entries(changes)) nodes[Number(index)] = node;
  return treeFromNodes(Array.from(nodes));
}
/** The parent at a node of the array form. */
export function parentOfTree(tree: Tree, node: number): ParentNode {
  const value = treeToNodes(tree)[node];
  if (value?.nodeType !== 2) throw new Error(`node ${node} is no parent`);
  return value.parentNode;
}
export function leafOfTree(tree: Tree, leaf: number): LeafNode {
  const value = leafAt(tree, leaf);
  if (value === undefined) throw new Error(`leaf ${leaf} is blank`);
  return value;
}
export const nodes: (value: number) => NodeIndex = nodeIndex;
