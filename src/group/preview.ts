/** The epoch that a pending commit of ours leads to: what can be told of it before the service has decided. */

import { EMPTY, ownedCopy } from '../base/bytes.ts';
import { fail, guarded } from '../base/error.ts';
import { mlsExporter } from '../schedule/exporter.ts';
import { treeToNodes } from '../tree/tree.ts';
import type { TreeNode } from '../wire/treeNode.ts';
import { type Group, insideOf } from './group.ts';

/** An epoch that may come. */
export interface Preview {
  readonly epoch: bigint;
  /** The ratchet tree in array order, as `Group.ratchetTree`. */
  readonly ratchetTree: readonly (TreeNode | undefined)[];
  /** MLS-Exporter of that epoch (RFC 9420 §8.5). @param length bytes, 0..255·Nh @throws `crypto.limit`, `codec.input` */
  export(label: string, context: Uint8Array, length: number): Uint8Array;
}

/** The epoch after our pending commit; nothing without one. @throws `state.closed-handle` */
export function preview(group: Group): Preview | undefined {
  const { env, cell } = insideOf(group);
  const next = cell.state.pending?.next.epoch;
  if (next === undefined) return undefined;
  return {
    epoch: next.context.epoch,
    ratchetTree: treeToNodes(next.tree),
    export: (label, context, length) =>
      guarded(() => {
        if (label === '') fail('codec.input', { expected: 'label' });
        const use = { label, context: context.length === 0 ? EMPTY : ownedCopy(context), length };
        return mlsExporter(env.suite, next.secrets.exporterSecret, use);
      }),
  };
}
