/** UpdatePath: made by the committer, merged and opened by everybody else (RFC 9420 §7.4 - §7.6). */

import type { LeafIndex, NodeIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { decryptWithLabel, encryptWithLabel } from '../crypto/labels.ts';
import type { KeyPair, SuiteCrypto } from '../crypto/provider.ts';
import type { HpkeCiphertext, UpdatePath, UpdatePathNode } from '../wire/commit.ts';
import type { LeafNode } from '../wire/leafNode.ts';
import { occurrences } from './keyIndex.ts';
import { covers, leafNodeIndex } from './math.ts';
import { pathParentHashes } from './parentHash.ts';
import { matchingKeyPair, nextPathSecret, nodeKeyPair, type PrivatePath } from './privatePath.ts';
import { filteredPath, type PathStep, resolution, resolutionLength } from './resolve.ts';
import { setLeaf, type Tree } from './tree.ts';

/** Leaves that the commit at hand adds: they receive no ciphertext of its path (§7.5). */
export type AddedLeaves = ReadonlySet<number>;

/** A new path before its secrets are encrypted: the tree it makes is needed to know the encryption context. */
export interface DraftPath {
  readonly tree: Tree;
  readonly leafNode: LeafNode;
  readonly steps: readonly PathStep[];
  readonly keyPairs: readonly KeyPair[];
  /** One per step. */
  readonly pathSecrets: readonly Uint8Array[];
  readonly commitSecret: Uint8Array;
}

/**
 * Draw fresh secrets for the filtered direct path of a leaf and put the public halves into the tree (§7.4, §7.5).
 * @param makeLeaf signs the new leaf node for a given parent hash
 */
export function draftPath(
  suite: SuiteCrypto,
  tree: Tree,
  leaf: LeafIndex,
  use: {
    readonly random: (length: number) => Uint8Array;
    readonly makeLeaf: (parentHash: Uint8Array) => LeafNode;
  },
): DraftPath {
  const steps = filteredPath(tree, leaf);
  const pathSecrets: Uint8Array[] = [];
  let secret = use.random(suite.sizes.hash);
  for (let i = 0; i < steps.length; i++) {
    pathSecrets.push(secret);
    secret = nextPathSecret(suite, secret);
  }
  const keyPairs = pathSecrets.map((pathSecret) => nodeKeyPair(suite, pathSecret));
  const keys = keyPairs.map((pair) => pair.publicKey);
  const hashes = pathParentHashes(suite, steps, keys);
  const leafNode = use.makeLeaf(hashes.leaf);
  const next = mergePath(tree, leaf, leafNode, { steps, keys, parentHashes: hashes.nodes });
  return { tree: next, leafNode, steps, keyPairs, pathSecrets, commitSecret: secret };
}

/** Encrypt the secrets of a draft to the members below the copath (§7.5). @param context the provisional GroupContext */
export function sealPath(
  suite: SuiteCrypto,
  draft: DraftPath,
  use: {
    readonly random: (length: number) => Uint8Array;
    readonly context: Uint8Array;
    readonly added: AddedLeaves;
  },
): UpdatePath {
  const nodes = draft.steps.map((step, i): UpdatePathNode => {
    const pathSecret = draft.pathSecrets[i] as Uint8Array;
    const seal = (key: Uint8Array): HpkeCiphertext =>
      encryptWithLabel(suite, key, LABEL, use.context, pathSecret, use.random);
    return {
      encryptionKey: (draft.keyPairs[i] as KeyPair).publicKey,
      encryptedPathSecret: resolution(step.copath, use.added).map((entry) => seal(entry.encryptionKey)),
    };
  });
  return { leafNode: draft.leafNode, nodes };
}

/** What merging a received path gives. */
export interface MergedPath {
  readonly tree: Tree;
  readonly steps: readonly PathStep[];
}

/**
 * Check a received path against the tree after proposals, and merge it (§7.5, §12.4.2). Its leaf has been validated.
 * @throws `validation.path`, `validation.duplicate-key`, `validation.parent-hash`, `crypto.public-key`
 */
export function applyPath(
  suite: SuiteCrypto,
  tree: Tree,
  sender: LeafIndex,
  received: { readonly path: UpdatePath; readonly added: AddedLeaves },
): MergedPath {
  const { leafNode, nodes } = received.path;
  const steps = filteredPath(tree, sender);
  if (nodes.length !== steps.length) fail('validation.path', { nodes: nodes.length, expected: steps.length });
  steps.forEach((step, i) => {
    const { length } = (nodes[i] as UpdatePathNode).encryptedPathSecret;
    const expected = resolutionLength(step.copath, received.added);
    if (length !== expected) fail('validation.path', { node: step.node, ciphertexts: length, expected });
  });
  const keys = nodes.map((node) => node.encryptionKey);
  for (const key of keys)
    if (!suite.isKemPublicKey(key)) fail('crypto.public-key', { field: 'encryptionKey' });
  refuseKnownKeys(tree, [leafNode.encryptionKey, ...keys]);
  const hashes = pathParentHashes(suite, steps, keys);
  const { source } = leafNode;
  if (source.leafNodeSource !== 3 || !equal(source.parentHash, hashes.leaf)) {
    fail('validation.parent-hash', { leaf: sender });
  }
  return { tree: mergePath(tree, sender, leafNode, { steps, keys, parentHashes: hashes.nodes }), steps };
}

/** The private side of a received path. */
export interface OpenedPath {
  readonly commitSecret: Uint8Array;
  /** New key pairs of the receiver, by node. */
  readonly keyPairs: PrivatePath;
  /** Path secrets on the way, to be wiped. */
  readonly spent: readonly Uint8Array[];
}

/**
 * Decrypt the path secret meant for a receiver and derive everything above it (§7.5, §12.4.2).
 * @param context the provisional GroupContext
 * @throws `crypto.aead`, `crypto.kem`, `validation.path`
 */
export function openPath(
  suite: SuiteCrypto,
  receiver: { readonly leaf: LeafIndex; readonly privatePath: PrivatePath },
  merged: MergedPath,
  received: { readonly path: UpdatePath; readonly added: AddedLeaves; readonly context: Uint8Array },
): OpenedPath {
  const start = merged.steps.findIndex((step) => covers(step.copath.node, receiver.leaf));
  const step = merged.steps[start];
  if (step === undefined) return fail('validation.path', { leaf: receiver.leaf });
  const targets = resolution(step.copath, received.added);
  const position = targets.findIndex((entry) =>
    holdsKey(receiver.privatePath, entry.node, entry.encryptionKey),
  );
  const keyPair = receiver.privatePath.get(targets[position]?.node as NodeIndex);
  if (keyPair === undefined) return fail('validation.path', { node: step.node });
  const { nodes } = received.path;
  const ciphertext = nodes[start]?.encryptedPathSecret[position] as HpkeCiphertext;
  let secret = decryptWithLabel(suite, keyPair, LABEL, received.context, ciphertext);
  if (secret.length !== suite.sizes.hash) fail('validation.path', { node: step.node, length: secret.length });
  const keyPairs = new Map<NodeIndex, KeyPair>();
  const spent: Uint8Array[] = [];
  for (let i = start; i < nodes.length; i++) {
    const { node } = merged.steps[i] as PathStep;
    keyPairs.set(node, matchingKeyPair(suite, secret, (nodes[i] as UpdatePathNode).encryptionKey, node));
    spent.push(secret);
    secret = nextPathSecret(suite, secret);
  }
  return { commitSecret: secret, keyPairs, spent };
}

const LABEL = 'UpdatePathNode';

function holdsKey(privatePath: PrivatePath, node: NodeIndex, publicKey: Uint8Array): boolean {
  const pair = privatePath.get(node);
  return pair !== undefined && equal(pair.publicKey, publicKey);
}

/** §12.4.2: no key of the path is in the tree already, nor twice in the path. */
function refuseKnownKeys(tree: Tree, keys: readonly Uint8Array[]): void {
  keys.forEach((key, i) => {
    if (occurrences(tree.encryptionKeys, key) > 0 || keys.slice(0, i).some((other) => equal(other, key))) {
      fail('validation.duplicate-key', { position: i });
    }
  });
}

function mergePath(
  tree: Tree,
  leaf: LeafIndex,
  leafNode: LeafNode,
  path: {
    readonly steps: readonly PathStep[];
    readonly keys: readonly Uint8Array[];
    readonly parentHashes: readonly Uint8Array[];
  },
): Tree {
  const position = new Map(path.steps.map((step, i) => [step.node, i]));
  return setLeaf(tree, leaf, leafNode, (_, node) => {
    const i = position.get(node);
    if (i === undefined) return undefined;
    return {
      encryptionKey: path.keys[i] as Uint8Array,
      parentHash: path.parentHashes[i] as Uint8Array,
      unmergedLeaves: [],
    };
  });
}

/** Node keys of a draft, by node, with the leaf's new pair: the committer's private path. */
export function draftPrivatePath(draft: DraftPath, leaf: LeafIndex, leafKeyPair: KeyPair): PrivatePath {
  const keys = new Map<NodeIndex, KeyPair>([[leafNodeIndex(leaf), leafKeyPair]]);
  draft.steps.forEach((step, i) => {
    keys.set(step.node, draft.keyPairs[i] as KeyPair);
  });
  return keys;
}
