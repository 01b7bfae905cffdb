/** Bounds that all members share (see {@link Bounds}). */

import { fail } from '../base/error.ts';
import type { Tree } from '../tree/tree.ts';
import { validateMutualSupport, validateUniqueKeys } from '../tree/validate.ts';
import type { Extension } from '../wire/extension.ts';
import type { Environment } from './environment.ts';
import type { Bounds } from './policy.ts';

/** @throws `codec.limit` for more than the group allows */
export function requireWithin({ policy }: Environment, bound: keyof Bounds, value: number): void {
  if (value > policy.bounds[bound]) fail('codec.limit', { [bound]: value });
}

/** A tree after a commit: its size, that no key occurs twice, and what all members support. @throws `codec.limit`, `validation.*` */
export function validateNextTree(env: Environment, tree: Tree, extensions: readonly Extension[]): void {
  requireWithin(env, 'leaves', tree.root.leafCount);
  validateUniqueKeys(tree);
  validateMutualSupport(tree, extensions);
}
