/** What a commit changes, in terms of members. */

import type { LeafIndex } from '../base/brand.ts';
import type { Tree } from '../tree/tree.ts';
import type { Applied } from './applyProposals.ts';
import { type CommitChanges, type Member, memberAt } from './views.ts';

/** Describe a commit. @param pathLeaf the committer's leaf, when the commit has a path */
export function changesOf(
  applied: Applied,
  trees: { readonly before: Tree; readonly after: Tree },
  self: LeafIndex | undefined,
  pathLeaf: { readonly leaf: LeafIndex; readonly joined: boolean } | undefined,
): CommitChanges {
  const members = (leaves: readonly LeafIndex[]): Member[] =>
    leaves.flatMap((leaf) => memberAt(trees.after, leaf) ?? []);
  const joined = pathLeaf?.joined === true ? [pathLeaf.leaf] : [];
  const renewed = pathLeaf?.joined === false ? [pathLeaf.leaf] : [];
  return Object.freeze({
    added: members([...applied.added.map(({ leaf }) => leaf), ...joined]),
    removed: applied.removed,
    updated: [...applied.updated, ...renewed].flatMap((leaf) => {
      const before = memberAt(trees.before, leaf);
      const after = memberAt(trees.after, leaf);
      return before && after ? [{ before, after }] : [];
    }),
    extensions: applied.extensionsChanged ? applied.extensions : undefined,
    psks: applied.psks,
    reinit: applied.reinit !== undefined,
    custom: applied.custom.map(({ proposal, sender }) => ({
      proposal,
      sender: sender.kind === 'member' ? memberAt(trees.before, sender.leaf) : undefined,
    })),
    removesSelf: self !== undefined && applied.removed.some((member) => member.leaf === self),
  });
}
