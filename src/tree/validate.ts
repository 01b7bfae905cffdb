/** Checks of a whole tree: structure, keys and what all members must support (RFC 9420 §7.3, §12.4.3.1). */

import { leafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { type Extension, extensionBody, RequiredCapabilities } from '../wire/extension.ts';
import { ExtensionType, isDefaultExtension, isDefaultProposal } from '../wire/registry.ts';
import { treeHash } from './hash.ts';
import { covers } from './math.ts';
import { verifyParentHashes } from './parentHash.ts';
import { type Summary, summaryOf } from './summary.ts';
import { halves, type Subtree, type Tree } from './tree.ts';

/**
 * What a new member checks of a tree before it looks at single leaves: its hash, its parent hashes, its lists of
 * unmerged leaves, and that no key occurs twice.
 * @throws `validation.tree-hash`, `validation.tree`, `validation.unmerged-leaves`, `validation.parent-hash`, `validation.duplicate-key`,
 * `crypto.public-key`
 */
export function validateTreeStructure(suite: SuiteCrypto, tree: Tree, expectedHash: Uint8Array): void {
  if (!equal(treeHash(suite, tree.root), expectedHash)) fail('validation.tree-hash');
  // Removals truncate (§7.7), so that no honest tree has an empty right half.
  if (tree.width > 1 && halves(tree.root)[1].leafCount === 0) fail('validation.tree', { width: tree.width });
  validateParents(suite, tree.root);
  verifyParentHashes(suite, tree);
  validateUniqueKeys(tree);
}

/** @throws `validation.duplicate-key` when an encryption key or a signature key occurs twice */
export function validateUniqueKeys(tree: Tree): void {
  if (tree.encryptionKeys.duplicates > 0) fail('validation.duplicate-key', { kind: 'encryption' });
  if (tree.signatureKeys.duplicates > 0) fail('validation.duplicate-key', { kind: 'signature' });
}

/**
 * What every member must support: the group's extensions, its required capabilities, and the credential types of all
 * others (§7.3, §11.1, §13.4). Costs O(log N) after a change.
 * @throws `validation.capabilities`
 */
export function validateMutualSupport(tree: Tree, contextExtensions: readonly Extension[]): void {
  const summary = summaryOf(tree.root);
  if (summary === undefined) fail('validation.tree', { leaves: 0 });
  requireAll(summary.credentialsInUse, summary.credentials, 'credential');
  const extensions = contextExtensions.map((extension) => extension.extensionType);
  requireAll(
    extensions.filter((type) => !isDefaultExtension(type)),
    summary.extensions,
    'extension',
  );
  const required = extensionBody(contextExtensions, ExtensionType.requiredCapabilities, RequiredCapabilities);
  if (required !== undefined) validateRequired(summary, required);
}

/** @throws `validation.capabilities` */
function validateRequired(summary: Summary, required: RequiredCapabilities): void {
  const { extensionTypes, proposalTypes, credentialTypes } = required;
  requireAll(
    extensionTypes.filter((type) => !isDefaultExtension(type)),
    summary.extensions,
    'extension',
  );
  requireAll(
    proposalTypes.filter((type) => !isDefaultProposal(type)),
    summary.proposals,
    'proposal',
  );
  requireAll(credentialTypes, summary.credentials, 'credential');
}

function requireAll(wanted: readonly number[], supported: readonly number[], kind: string): void {
  for (const type of wanted) if (!supported.includes(type)) fail('validation.capabilities', { [kind]: type });
}

/** Keys and unmerged leaves of every parent (§12.4.3.1). */
function validateParents(suite: SuiteCrypto, subtree: Subtree): void {
  if (subtree.level === 0 || subtree.resolutionSize === 0) return;
  const { parent } = subtree;
  if (parent !== undefined) {
    if (!suite.isKemPublicKey(parent.encryptionKey)) fail('crypto.public-key', { node: subtree.node });
    for (const leaf of parent.unmergedLeaves) validateUnmerged(subtree, leaf);
  }
  for (const half of halves(subtree)) validateParents(suite, half);
}

/** An unmerged leaf is a non-blank leaf below, and unmerged at every non-blank node between. */
function validateUnmerged(subtree: Subtree, leaf: number): void {
  if (!covers(subtree.node, leafIndex(leaf)))
    fail('validation.unmerged-leaves', { node: subtree.node, leaf });
  let at = subtree;
  while (at.level > 0) {
    if (at.parent !== undefined && !includesSorted(at.parent.unmergedLeaves, leaf)) {
      fail('validation.unmerged-leaves', { node: at.node, leaf });
    }
    at = halves(at)[2 * leaf < at.node ? 0 : 1];
  }
  if (at.leaf === undefined) fail('validation.unmerged-leaves', { node: subtree.node, leaf });
}

/** Binary search: a hostile tree may list every leaf at every node. */
function includesSorted(list: readonly number[], value: number): boolean {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return list[low] === value;
}
