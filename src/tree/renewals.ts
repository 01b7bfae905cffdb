/**
 * In which epoch each leaf was last replaced: how long a member has kept its keys (RFC 9420 §3.2, §16.6). Persistent like
 * the tree, and found by a walk to where two trees differ, so that a commit costs one path for each leaf that it changes.
 */

import { equal } from '../base/bytes.ts';
import { halves, type Subtree, type Tree } from './tree.ts';

/** An epoch that counts for every leaf below, or two halves. What blank leaves have means nothing. */
export type Renewals = bigint | { readonly left: Renewals; readonly right: Renewals };

/** The epoch of a leaf. @param width leaf places of the tree */
export function renewalOf(renewals: Renewals, width: number, leaf: number): bigint {
  let at = renewals;
  for (let half = width / 2; typeof at !== 'bigint'; half /= 2)
    at = leaf % (2 * half) < half ? at.left : at.right;
  return at;
}

/** What a commit makes of them. @param epoch the one that it creates */
export function renewed(
  renewals: Renewals,
  trees: { readonly before: Tree; readonly after: Tree },
  epoch: bigint,
): Renewals {
  let [old, before] = [renewals, trees.before.root];
  for (; before.level > trees.after.root.level; before = halves(before)[0]) old = split(old)[0];
  const walk = (known: Renewals, a: Subtree | undefined, b: Subtree): Renewals => {
    if (a === b || b.leafCount === 0) return known;
    if (b.leaf !== undefined)
      return a?.leaf !== undefined && equal(a.leaf.encryptionKey, b.leaf.encryptionKey) ? known : epoch;
    const [left, right] = halves(b);
    // The tree has grown: what was there is the left half.
    if (a !== undefined && a.level < b.level)
      return join(walk(known, a, left), walk(epoch, undefined, right));
    const [knownLeft, knownRight] = split(known);
    const [oldLeft, oldRight] = a === undefined || a.leafCount === 0 ? [] : halves(a);
    return join(walk(knownLeft, oldLeft, left), walk(knownRight, oldRight, right));
  };
  return walk(old, before, trees.after.root);
}

/** Put together what is known of each leaf. @param width leaf places @param epochs by leaf; a blank one has none */
export function renewalsFrom(width: number, epochs: ReadonlyMap<number, bigint>): Renewals {
  const build = (first: number, count: number): Renewals | undefined => {
    if (count === 1) return epochs.get(first);
    const [left, right] = [build(first, count / 2), build(first + count / 2, count / 2)];
    if (left === undefined || right === undefined) {
      const known = left ?? right;
      if (known === undefined || typeof known === 'bigint') return known;
    }
    return join(left ?? 0n, right ?? 0n);
  };
  return build(0, width) ?? 0n;
}

function split(renewals: Renewals): readonly [Renewals, Renewals] {
  return typeof renewals === 'bigint' ? [renewals, renewals] : [renewals.left, renewals.right];
}

function join(left: Renewals, right: Renewals): Renewals {
  return typeof left === 'bigint' && left === right ? left : { left, right };
}
