/**
 * What the members below a node have in common, remembered beside the hash: rules that speak of "every member"
 * (RFC 9420 §7.3, §12.2, §13) are then answered at the root, and a commit recomputes one path.
 */

import type { LeafNode } from '../wire/leafNode.ts';
import { halves, type Subtree } from './tree.ts';

/** Sorted lists of code points. */
export interface Summary {
  /** Credential types that some member presents. */
  readonly credentialsInUse: readonly number[];
  /** What every member lists in its capabilities. */
  readonly credentials: readonly number[];
  readonly extensions: readonly number[];
  readonly proposals: readonly number[];
}

/** Facts about the non-blank leaves below a node; `undefined` when there are none. */
export function summaryOf(subtree: Subtree): Summary | undefined {
  if (subtree.leafCount === 0) return undefined;
  const known = subtree.memo.summary;
  if (known !== undefined) return known;
  const fresh = subtree.leaf === undefined ? ofHalves(subtree) : ofLeaf(subtree.leaf);
  if (fresh !== undefined) subtree.memo.summary = fresh;
  return fresh;
}

function ofHalves(subtree: Subtree): Summary | undefined {
  const [left, right] = halves(subtree);
  const a = summaryOf(left);
  const b = summaryOf(right);
  if (a === undefined || b === undefined) return a ?? b;
  const merged: Summary = {
    credentialsInUse: union(a.credentialsInUse, b.credentialsInUse),
    credentials: intersection(a.credentials, b.credentials),
    extensions: intersection(a.extensions, b.extensions),
    proposals: intersection(a.proposals, b.proposals),
  };
  return merged;
}

function ofLeaf({ credential, capabilities }: LeafNode): Summary {
  return {
    credentialsInUse: [credential.credentialType],
    credentials: sorted(capabilities.credentials),
    extensions: sorted(capabilities.extensions),
    proposals: sorted(capabilities.proposals),
  };
}

function sorted(values: readonly number[]): readonly number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

/** Members of one client version list the same: then one list serves the whole tree. */
function same(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((value, i) => value === b[i]));
}

function intersection(a: readonly number[], b: readonly number[]): readonly number[] {
  if (same(a, b)) return a;
  const other = new Set(b);
  return a.filter((value) => other.has(value));
}

function union(a: readonly number[], b: readonly number[]): readonly number[] {
  return same(a, b) ? a : sorted([...a, ...b]);
}
