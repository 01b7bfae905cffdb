/**
 * The safe exporter (draft-ietf-mls-extensions-10 §4.4): one secret for each component of an application and epoch, given
 * out once. Its tree has the shape and derivation of the secret tree of RFC 9420 §9, a leaf for every component id, and
 * is derived as far as it was asked for. What is exported leaves nothing behind from which it follows.
 */

import { fail } from '../base/error.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import { COMPONENT_ID_BITS } from '../wire/codePoints.ts';
import { childSecrets } from './secretTree.ts';

/** The secrets of one epoch that were not exported. Like the secret tree it is a value: a step copies one path. */
export interface ExporterTree {
  readonly root: ExporterNode;
}

/** Closed: a secret from which everything below follows. Open: two halves. The rest: a leaf whose secret is gone. */
export type ExporterNode =
  | { readonly secret: Uint8Array }
  | { readonly left: ExporterNode; readonly right: ExporterNode }
  | { readonly exported: true };

/** A component's secret, and the tree without it. */
export interface ExportedSecret {
  /** Nh bytes; they belong to the caller. */
  readonly secret: Uint8Array;
  readonly next: ExporterTree;
  /** Bytes to wipe once `next` is in place. */
  readonly spent: readonly Uint8Array[];
}

/** A tree from which nothing was exported. The secret is taken over. */
export function createExporterTree(applicationExportSecret: Uint8Array): ExporterTree {
  return { root: { secret: applicationExportSecret } };
}

/** SafeExportSecret. @throws `state.exported` the second time, `codec.input` for what is no component id */
export function safeExport(suite: SuiteCrypto, tree: ExporterTree, componentId: number): ExportedSecret {
  if (!Number.isInteger(componentId) || componentId < 0 || componentId >= 2 ** COMPONENT_ID_BITS) {
    fail('codec.input', { expected: 'component id', bits: COMPONENT_ID_BITS });
  }
  const spent: Uint8Array[] = [];
  const walk = (node: ExporterNode, level: number): ExporterNode => {
    if ('exported' in node) return fail('state.exported', { componentId });
    if ('secret' in node) spent.push(node.secret);
    if (level === 0) return EXPORTED;
    const { left, right } = 'left' in node ? node : halves(suite, node.secret);
    const goesRight = Math.floor(componentId / 2 ** (level - 1)) % 2 === 1;
    return goesRight ? { left, right: walk(right, level - 1) } : { left: walk(left, level - 1), right };
  };
  const root = walk(tree.root, COMPONENT_ID_BITS);
  // The last one spent is the leaf. The tree before this step keeps its own bytes until they are wiped.
  const secret = (spent.at(-1) as Uint8Array).slice();
  return { secret, next: { root }, spent };
}

/** Every secret that the tree still holds, for wiping it as a whole. */
export function* exporterSecrets(node: ExporterNode): Generator<Uint8Array> {
  if ('secret' in node) yield node.secret;
  else if ('left' in node) {
    yield* exporterSecrets(node.left);
    yield* exporterSecrets(node.right);
  }
}

const EXPORTED: ExporterNode = /* @__PURE__ */ Object.freeze({ exported: true } as const);

function halves(
  suite: SuiteCrypto,
  secret: Uint8Array,
): { readonly left: ExporterNode; readonly right: ExporterNode } {
  const [left, right] = childSecrets(suite, secret);
  return { left: { secret: left }, right: { secret: right } };
}
