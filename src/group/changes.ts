/** What a commit changes, in terms of members. */

import type { LeafIndex } from '../base/brand.ts';
import type { Tree } from '../tree/tree.ts';
import type { Extension } from '../wire/extension.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';
import type { Applied } from './applyProposals.ts';
import { type Member, memberAt } from './state.ts';

/** What would change; judge identities here before accepting (§5.3.1). */
export interface CommitChanges {
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
  /** Members whose leaf was replaced, with the old leaf for comparison. */
  readonly updated: readonly { readonly before: Member; readonly after: Member }[];
  /** The new list, if it was replaced. */
  readonly extensions: readonly Extension[] | undefined;
  readonly psks: readonly PreSharedKeyId[];
  readonly reinit: boolean;
  /** We are among `removed`. */
  readonly removesSelf: boolean;
}

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
    removesSelf: self !== undefined && applied.removed.some((member) => member.leaf === self),
  });
}
