/** Vectors of kind tree-operations: a tree before and after one proposal (RFC 9420 §12.1.1 to §12.1.3). */

import { leafIndex } from '../../base/brand.ts';
import { decode, encode } from '../../codec/codec.ts';
import { treeHash } from '../../tree/hash.ts';
import {
  addLeaf,
  blankLeaf,
  type Tree,
  treeFromNodes,
  treeToNodes,
  truncate,
  updateLeaf,
} from '../../tree/tree.ts';
import { isKnownProposal, Proposal } from '../../wire/proposal.ts';
import { ProposalType } from '../../wire/registry.ts';
import { RatchetTree } from '../../wire/treeNode.ts';
import { bytesOf, differ, expectHex, hexOf, numberOf, type Verifier } from './verifier.ts';

/** Both hashes, and the tree that the proposal makes. */
export const verifyTreeOperations: Verifier = (provider, vector) => {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  const before = treeFromNodes(decode(RatchetTree, bytesOf(vector, 'tree_before')));
  expectHex('tree_hash_before', treeHash(suite, before.root), hexOf(vector, 'tree_hash_before'));

  const proposal = decode(Proposal, bytesOf(vector, 'proposal'));
  const after = applied(before, proposal, numberOf(vector, 'proposal_sender'));
  expectHex('tree_after', encode(RatchetTree, treeToNodes(after)), hexOf(vector, 'tree_after'));
  expectHex('tree_hash_after', treeHash(suite, after.root), hexOf(vector, 'tree_hash_after'));
};

function applied(tree: Tree, proposal: Proposal, sender: number): Tree {
  if (isKnownProposal(proposal)) {
    if (proposal.proposalType === ProposalType.add) return addLeaf(tree, proposal.keyPackage.leafNode).tree;
    if (proposal.proposalType === ProposalType.update)
      return updateLeaf(tree, leafIndex(sender), proposal.leafNode);
    if (proposal.proposalType === ProposalType.remove)
      return truncate(blankLeaf(tree, leafIndex(proposal.removed)));
  }
  return differ(`proposal: type ${proposal.proposalType} does not change a tree`);
}
