/** The private keys a member holds: its leaf's, and those of some parents above (RFC 9420 §4.2). */

import type { LeafIndex, NodeIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { deriveSecret } from '../crypto/labels.ts';
import type { KeyPair, SuiteCrypto } from '../crypto/provider.ts';
import { commonAncestor, directPath, leafNodeIndex } from './math.ts';
import { subtreeAt, type Tree } from './tree.ts';

/** Key pairs by node; always on the member's own direct path, possibly with holes. */
export type PrivatePath = ReadonlyMap<NodeIndex, KeyPair>;

/** Key pair of a path secret (§7.4). */
export function nodeKeyPair(suite: SuiteCrypto, pathSecret: Uint8Array): KeyPair {
  const nodeSecret = deriveSecret(suite, pathSecret, 'node');
  const keyPair = suite.deriveKeyPair(nodeSecret);
  wipe(nodeSecret);
  return keyPair;
}

/** The path secret one non-blank node higher; above the topmost it is the commit secret (§7.4). */
export function nextPathSecret(suite: SuiteCrypto, pathSecret: Uint8Array): Uint8Array {
  return deriveSecret(suite, pathSecret, 'path');
}

/** Drop the keys of nodes that are blank, replaced, or no longer there. The leaf's key is for the caller to exchange. */
export function prunePrivatePath(privatePath: PrivatePath, tree: Tree): PrivatePath {
  const kept = new Map<NodeIndex, KeyPair>();
  for (const [node, keyPair] of privatePath) {
    const subtree = subtreeAt(tree, node);
    const value = subtree?.parent ?? subtree?.leaf;
    if (value !== undefined && equal(value.encryptionKey, keyPair.publicKey)) kept.set(node, keyPair);
  }
  return kept;
}

/**
 * Private keys of a new member (§12.4.3.1): its leaf's and, with a path secret, those of the common ancestor with the
 * committer and of the non-blank nodes above.
 * @throws `validation.path` when a derived key is not the one in the tree
 */
export function joinerPrivatePath(
  suite: SuiteCrypto,
  tree: Tree,
  self: { readonly leaf: LeafIndex; readonly keyPair: KeyPair },
  invitation: { readonly committer: LeafIndex; readonly pathSecret: Uint8Array } | undefined,
): PrivatePath {
  const keys = new Map<NodeIndex, KeyPair>([[leafNodeIndex(self.leaf), self.keyPair]]);
  if (invitation === undefined) return keys;
  const start = commonAncestor(self.leaf, invitation.committer);
  if (subtreeAt(tree, start)?.parent === undefined) fail('validation.path', { node: start });
  let secret = invitation.pathSecret;
  const path = directPath(leafNodeIndex(self.leaf), tree.width);
  for (const node of path.slice(path.indexOf(start))) {
    const parent = subtreeAt(tree, node)?.parent;
    if (parent === undefined) continue;
    keys.set(node, matchingKeyPair(suite, secret, parent.encryptionKey, node));
    const above = nextPathSecret(suite, secret);
    if (secret !== invitation.pathSecret) wipe(secret);
    secret = above;
  }
  // The first node is not blank, so that this is a derived secret and not the one that was given.
  wipe(secret);
  return keys;
}

/** @throws `validation.path` when the path secret does not give the public key */
export function matchingKeyPair(
  suite: SuiteCrypto,
  pathSecret: Uint8Array,
  publicKey: Uint8Array,
  node: NodeIndex,
): KeyPair {
  const keyPair = nodeKeyPair(suite, pathSecret);
  if (!equal(keyPair.publicKey, publicKey)) fail('validation.path', { node });
  return keyPair;
}
