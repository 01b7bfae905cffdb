/**
 * The secret tree (RFC 9420 §9), derived leaf by leaf on first use and persistent like the ratchet tree: a step copies
 * one path. A node whose children were derived holds no secret any more; what it held is among the spent bytes.
 */

import type { LeafIndex } from '../base/brand.ts';
import { utf8 } from '../base/bytes.ts';
import { expandWithLabel } from '../crypto/labels.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import {
  type Ratchet,
  type RatchetLimits,
  requireReachable,
  startRatchet,
  type TakenKey,
  takeKey,
  takeNext,
} from './ratchet.ts';

/** Which of a leaf's two ratchets: handshake for proposals and commits, application for the rest. */
export type RatchetKind = 'handshake' | 'application';

/** The message secrets of one epoch. */
export interface SecretTree {
  readonly root: SecretNode;
  /** Leaf places: those of the epoch's ratchet tree. */
  readonly width: number;
}

/** Closed: a secret from which everything below follows. Open: two halves. Leaf: its ratchets. */
export type SecretNode =
  | { readonly secret: Uint8Array }
  | { readonly left: SecretNode; readonly right: SecretNode }
  | { readonly [kind in RatchetKind]: Ratchet };

/** Key and nonce for one message, and the tree after it. */
export interface TakenSecret {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly generation: number;
  readonly next: SecretTree;
  /** Bytes to wipe once `next` is in place. */
  readonly spent: readonly Uint8Array[];
}

/** A tree in which nothing has been derived. The secret is taken over. */
export function createSecretTree(width: number, encryptionSecret: Uint8Array): SecretTree {
  return { root: { secret: encryptionSecret }, width };
}

/** The next key for sending as `leaf`. @throws `crypto.limit` */
export function takeSendKey(
  suite: SuiteCrypto,
  tree: SecretTree,
  leaf: LeafIndex,
  kind: RatchetKind,
): TakenSecret {
  return take(suite, tree, leaf, kind, (ratchet) => takeNext(suite, ratchet));
}

/** The key of a generation of a sender. @throws `state.generation-gap`, `state.replay`, `state.key-evicted` */
export function takeReceiveKey(
  suite: SuiteCrypto,
  tree: SecretTree,
  from: { readonly leaf: LeafIndex; readonly kind: RatchetKind; readonly generation: number },
  limits: RatchetLimits,
): TakenSecret {
  // Before the way to the leaf is derived: a far generation is to cost nothing (§15.3).
  requireReachable(ratchetOf(tree, from.leaf, from.kind)?.next ?? 0, from.generation, limits);
  const taken = take(suite, tree, from.leaf, from.kind, (ratchet) =>
    takeKey(suite, ratchet, from.generation, limits),
  );
  return { ...taken, generation: from.generation };
}

/** The ratchet of a leaf, if it has been used in this epoch. */
export function ratchetOf(tree: SecretTree, leaf: LeafIndex, kind: RatchetKind): Ratchet | undefined {
  let at = tree.root;
  for (let width = tree.width; 'left' in at; width /= 2) at = leaf % width < width / 2 ? at.left : at.right;
  return kind in at ? (at as { readonly [k in RatchetKind]: Ratchet })[kind] : undefined;
}

/** Every secret that the tree still holds, for wiping it as a whole. */
export function* secretsOf(node: SecretNode): Generator<Uint8Array> {
  if ('secret' in node) yield node.secret;
  else if ('left' in node) {
    yield* secretsOf(node.left);
    yield* secretsOf(node.right);
  } else {
    for (const ratchet of [node.handshake, node.application]) {
      yield ratchet.secret;
      for (const block of ratchet.skipped) yield block.packed;
    }
  }
}

/** The secrets of the two children of a tree node, left first (§9). */
export function childSecrets(suite: SuiteCrypto, secret: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const child = (side: Uint8Array): Uint8Array =>
    expandWithLabel(suite, secret, 'tree', side, suite.sizes.hash);
  return [child(LEFT), child(RIGHT)];
}

type Ratchets = { readonly [kind in RatchetKind]: Ratchet };

function take(
  suite: SuiteCrypto,
  tree: SecretTree,
  leaf: LeafIndex,
  kind: RatchetKind,
  step: (ratchet: Ratchet) => TakenKey,
): TakenSecret {
  const spent: Uint8Array[] = [];
  let taken: TakenKey | undefined;
  const walk = (node: SecretNode, width: number, place: number): SecretNode => {
    if (width === 1) {
      const ratchets = openLeaf(suite, node, spent);
      taken = step(ratchets[kind]);
      return { ...ratchets, [kind]: taken.next };
    }
    const { left, right } = openParent(suite, node, spent);
    const half = width / 2;
    return place < half
      ? { left: walk(left, half, place), right }
      : { left, right: walk(right, half, place - half) };
  };
  const root = walk(tree.root, tree.width, leaf);
  const { key, nonce, next, spent: used } = taken as unknown as TakenKey;
  return {
    key,
    nonce,
    generation: next.next - 1,
    next: { root, width: tree.width },
    spent: [...spent, ...used],
  };
}

function openParent(
  suite: SuiteCrypto,
  node: SecretNode,
  spent: Uint8Array[],
): { readonly left: SecretNode; readonly right: SecretNode } {
  if ('left' in node) return node;
  const { secret } = node as { readonly secret: Uint8Array };
  spent.push(secret);
  const [left, right] = childSecrets(suite, secret);
  return { left: { secret: left }, right: { secret: right } };
}

function openLeaf(suite: SuiteCrypto, node: SecretNode, spent: Uint8Array[]): Ratchets {
  if ('handshake' in node) return node;
  const { secret } = node as { readonly secret: Uint8Array };
  spent.push(secret);
  const start = (kind: RatchetKind): Ratchet =>
    startRatchet(expandWithLabel(suite, secret, kind, NOTHING, suite.sizes.hash));
  return { handshake: start('handshake'), application: start('application') };
}

const LEFT = /* @__PURE__ */ utf8('left');
const RIGHT = /* @__PURE__ */ utf8('right');
const NOTHING = /* @__PURE__ */ new Uint8Array(0);
