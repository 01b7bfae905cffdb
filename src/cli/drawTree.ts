/** A ratchet tree as text: the root on top, children below it, one line a node. */

import type { NodeIndex } from '../base/brand.ts';
import { leafRange, leftOf, rightOf, rootOf } from '../tree/math.ts';
import type { Credential } from '../wire/credential.ts';
import type { TreeNode } from '../wire/treeNode.ts';
import { fingerprint, quotedText, shortHex } from './inspect/text.ts';
import { counted } from './print.ts';

/**
 * Draw a tree from its array form (RFC 9420 §12.4.3.3); missing nodes at the end are blank. Each line has the node
 * index, then `_` for a blank, or the beginning of the encryption key, with unmerged leaves or the leaf's identity.
 */
export function drawTree(nodes: readonly (TreeNode | undefined)[]): string[] {
  if (nodes.length === 0) return ['(an empty tree)'];
  let leaves = 1;
  while (2 * leaves - 1 < nodes.length) leaves *= 2;
  const width = String(2 * leaves - 2).length;
  const lines: string[] = [];
  const draw = (node: NodeIndex, indent: string, below: string): void => {
    const label = String(node).padStart(width);
    const [left, right] = [leftOf(node), rightOf(node)];
    const bare = left !== undefined && isBlankBelow(nodes, node);
    lines.push(`${indent}${label} ${bare ? blankRange(node) : describe(node, nodes[node])}`);
    if (bare || left === undefined || right === undefined) return;
    draw(left, `${below}├─ `, `${below}│  `);
    draw(right, `${below}└─ `, `${below}   `);
  };
  draw(rootOf(leaves), '', '');
  return lines;
}

function isBlankBelow(nodes: readonly (TreeNode | undefined)[], node: NodeIndex): boolean {
  const { first, count } = leafRange(node);
  for (let i = 2 * first; i < 2 * (first + count) - 1 && i < nodes.length; i++) {
    if (nodes[i] !== undefined) return false;
  }
  return true;
}

/** A subtree with nothing in it takes one line. */
function blankRange(node: NodeIndex): string {
  const { first, count } = leafRange(node);
  return `_ (leaves ${first} to ${first + count - 1} are blank)`;
}

function describe(node: number, value: TreeNode | undefined): string {
  const leaf = node % 2 === 0 ? `leaf ${node / 2}: ` : '';
  if (value === undefined) return `${leaf}_`;
  if (value.nodeType === 1) {
    return `${leaf}${identity(value.leafNode.credential)}  key ${fingerprint(value.leafNode.encryptionKey)}`;
  }
  const { encryptionKey, unmergedLeaves } = value.parentNode;
  const unmerged = unmergedLeaves.length === 0 ? '' : `  unmerged ${unmergedLeaves.join(', ')}`;
  return `key ${fingerprint(encryptionKey)}${unmerged}`;
}

/** Who a credential says it is, as one short text. */
function identity(credential: Credential): string {
  if ('identity' in credential) return quotedText(credential.identity) ?? shortHex(credential.identity);
  if ('certificates' in credential) return `x509, ${counted(credential.certificates.length, 'certificate')}`;
  return `credential of type ${credential.credentialType}`;
}
