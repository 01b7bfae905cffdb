/** Vectors of kind tree-validation: what a new member checks of a tree (RFC 9420 §7.8, §7.9, §12.4.3.1). */

import { nodeIndex } from '../../base/brand.ts';
import { decode, encode } from '../../codec/codec.ts';
import { treeHash } from '../../tree/hash.ts';
import { verifyLeafSignature } from '../../tree/leafNode.ts';
import { nodeWidth } from '../../tree/math.ts';
import { resolution } from '../../tree/resolve.ts';
import { leaves, subtreeAt, treeFromNodes, treeToNodes } from '../../tree/tree.ts';
import { validateTreeStructure } from '../../tree/validate.ts';
import { RatchetTree } from '../../wire/treeNode.ts';
import {
  bytesOf,
  differ,
  expectHex,
  expectSame,
  hexListOf,
  hexOf,
  listOf,
  numberOf,
  type Verifier,
  within,
} from './verifier.ts';

/** Hashes and resolutions of all nodes, parent hashes, and signatures of all leaves. */
export const verifyTreeValidation: Verifier = (provider, vector) => {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  const tree = treeFromNodes(decode(RatchetTree, bytesOf(vector, 'tree')));
  expectHex('tree', encode(RatchetTree, treeToNodes(tree)), hexOf(vector, 'tree'));

  const hashes = hexListOf(vector, 'tree_hashes');
  const resolutions = listOf(vector, 'resolutions');
  expectSame('tree_hashes: entries', hashes.length, nodeWidth(tree.width));
  expectSame('resolutions: entries', resolutions.length, nodeWidth(tree.width));
  hashes.forEach((hash, node) => {
    const subtree = subtreeAt(tree, nodeIndex(node)) ?? differ(`node ${node}: outside the tree`);
    expectHex(`tree_hashes[${node}]`, treeHash(suite, subtree), hash ?? '');
    const found = resolution(subtree).map((entry) => entry.node);
    expectSame(`resolutions[${node}]`, JSON.stringify(found), JSON.stringify(resolutions[node]));
  });

  validateTreeStructure(suite, tree, treeHash(suite, tree.root));
  const groupId = bytesOf(vector, 'group_id');
  for (const [leaf, leafNode] of leaves(tree.root)) {
    within(`leaf ${leaf}`, () => verifyLeafSignature(suite, leafNode, { groupId, leaf }));
  }
};
