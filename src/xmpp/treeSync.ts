/**
 * MLS for XMPP, version 0, section 6.3 of the paper: how those who join come by the ratchet tree. It stands in the
 * GroupInfo while it is small; later there are snapshots now and then, and a patch with every commit.
 */

import { fail, MlsError } from '../base/error.ts';
import type { Provider } from '../index.ts';
import { decode, RatchetTree } from '../wire/index.ts';
import { checkHash, sha256 } from './content/fileCrypto.ts';
import { download, type Http, type Uploading, upload } from './content/files.ts';
import type { TreePart } from './stanza/mls.ts';
import { applyTreePatch, encodeTree, type TreeNodes, TreePatch } from './treePatch.ts';

/** GroupInfo up to this size, bytes before base64, carries the tree itself. */
export const MOST_INSIDE = 16 * 1024;
/** Epochs between snapshots in stanzas, and between those that are uploaded. */
const INLINE_EVERY = 32n;
const REFERENCE_EVERY = 64n;
/** Bytes of a stanza around the base64 of a tree, amply. */
const STANZA_OVERHEAD = 1024;

/**
 * How the tree of an epoch is handed out. `inside`: in the GroupInfo. `inline`, `reference`: the GroupInfo goes without,
 * every commit with a patch, and there are snapshots in stanzas, or uploaded.
 */
export type TreePlan =
  | { readonly kind: 'inside' }
  | { readonly kind: 'inline' | 'reference'; readonly isSnapshotDue: boolean };

/** What a plan depends on. */
export interface TreeSizes {
  /** Bytes of the GroupInfo with the tree in it, before base64. */
  readonly groupInfo: number;
  /** Bytes of the tree. */
  readonly tree: number;
  /** Bytes that a stanza may have. */
  readonly budget: number;
}

/** A tree that somebody published. */
export interface Snapshot {
  readonly epoch: bigint;
  /** The `ratchet_tree` vector. */
  readonly tree: Uint8Array;
}

/**
 * Decide how the tree of an epoch is handed out.
 * @param newest epoch of the newest snapshot that the archive has, if it has one: whoever commits inherits the duty of
 *   those who could not make theirs
 */
export function treePlan(sizes: TreeSizes, epoch: bigint, newest: bigint | undefined): TreePlan {
  const { groupInfo, tree, budget } = sizes;
  if (groupInfo <= MOST_INSIDE) return { kind: 'inside' };
  const inStanza = 4 * Math.ceil(tree / 3) + STANZA_OVERHEAD;
  const [kind, every] =
    inStanza <= budget ? (['inline', INLINE_EVERY] as const) : (['reference', REFERENCE_EVERY] as const);
  const isSnapshotDue = newest === undefined || epoch % every === 0n || epoch - newest > every;
  return { kind, isSnapshotDue };
}

/**
 * The tree of an epoch out of what the archive has: a snapshot that is not later, and every patch since. What is malformed
 * is passed over, as if it was not there.
 * @param patches as they came with the commits that won, in any order; of two for one epoch the first counts
 * @yields candidates for `JoinOptions.ratchetTree`, that of the newest snapshot first: joining compares them with the
 *   signed hash, and after `validation.tree-hash` the next one may do. None where something is missing.
 */
export function* treesAt(
  epoch: bigint,
  snapshots: readonly Snapshot[],
  patches: readonly Uint8Array[],
): Generator<Uint8Array> {
  const byEpoch = new Map<bigint, TreePatch>();
  for (const bytes of patches) {
    const patch = attempt(() => decode(TreePatch, bytes));
    if (patch !== undefined && !byEpoch.has(patch.epoch)) byEpoch.set(patch.epoch, patch);
  }
  const usable = snapshots.filter((one) => one.epoch <= epoch).sort((a, b) => Number(b.epoch - a.epoch));
  for (const snapshot of usable) {
    const tree = attempt(() => forward(decode(RatchetTree, snapshot.tree), snapshot.epoch, epoch, byEpoch));
    if (tree !== undefined) yield tree;
  }
}

/** Upload a tree as it is: whoever hosts it sees who is in the group. @throws as `files.upload` */
export async function uploadTree({ epoch, tree }: Snapshot, uploading: Uploading): Promise<TreePart> {
  const url = await upload(tree, uploading);
  const hash = sha256(uploading.provider, tree);
  return { kind: 'reference', epoch, size: tree.length, sha256: hash, urls: [url] };
}

/**
 * The bytes of a published tree; the address comes from a member, unauthenticated, so ask only when about to join.
 * @param maxBytes the largest tree that is fetched
 * @throws `xmpp.too-large` before anything is fetched, `xmpp.file` for another one than was published, `xmpp.refused` where
 *   no address has it
 */
export async function fetchTree(
  part: TreePart,
  {
    provider,
    http,
    maxBytes,
  }: { readonly provider: Provider; readonly http: Http; readonly maxBytes: number },
): Promise<Uint8Array> {
  if (part.kind === 'inline') return part.tree;
  if (part.size > maxBytes) fail('xmpp.too-large', { size: part.size, limit: maxBytes });
  let failure: MlsError | undefined;
  for (const url of part.urls.slice(0, MOST_ATTEMPTS)) {
    try {
      const bytes = await download(http, url, part.size);
      checkHash(provider, bytes, part.sha256, 'tree');
      return bytes;
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      failure = error;
    }
  }
  if (failure) throw failure;
  return fail('xmpp.file', { at: 'sources' });
}

/** Addresses that are tried for one tree. */
const MOST_ATTEMPTS = 4;

function forward(
  from: TreeNodes,
  begin: bigint,
  end: bigint,
  patches: ReadonlyMap<bigint, TreePatch>,
): Uint8Array | undefined {
  let nodes = from;
  for (let epoch = begin + 1n; epoch <= end; epoch++) {
    const patch = patches.get(epoch);
    if (patch === undefined) return undefined;
    nodes = applyTreePatch(nodes, patch);
  }
  return encodeTree(nodes);
}

function attempt<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (error instanceof MlsError && error.code !== 'internal.bug') return undefined;
    throw error;
  }
}
