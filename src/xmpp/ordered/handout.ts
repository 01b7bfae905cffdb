/** How the ratchet tree of a group reaches those who come in: what goes with commits, and snapshots (design, 6.3). */

import { equal, toHex } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import { uint64 } from '../../codec/codec.ts';
import type { Group, OwnCommit, Preview, ProposalInput } from '../../index.ts';
import type { MlsStore } from '../../storage/index.ts';
import { encode, LeafNode, NodeType, ParentNode } from '../../wire/index.ts';
import { branchTag } from '../binding.ts';
import { STANZA_BUDGET } from '../sequencer/archiveSequencer.ts';
import type { Entry } from '../sequencer/contract.ts';
import type { MlsContent, TreePart } from '../stanza/mls.ts';
import { encodeTree, makeTreePatch, type TreeNodes, TreePatch } from '../treePatch.ts';
import { type Snapshot, type TreePlan, treePlan } from '../treeSync.ts';
import type { Followed } from './follow.ts';
import { type Names, readRecord, record } from './records.ts';

/** What a commit is published with. */
export interface Published {
  readonly groupInfo: Uint8Array | undefined;
  readonly treePatch?: Uint8Array;
}

/** Put a tree where a reference leads to. */
export type UploadTree = (snapshot: Snapshot) => Promise<TreePart>;

/** What handing out works with. */
export interface HandoutOptions {
  readonly store: MlsStore;
  readonly names: Names;
  readonly hash: (bytes: Uint8Array) => Uint8Array;
  /** Whether members of the group publish what others need to come in by themselves. */
  readonly isPublished: (group: Group) => boolean;
  /** Nothing where nothing can be uploaded: the group cannot grow beyond what a stanza holds then. */
  readonly upload: UploadTree | undefined;
  /** Put something into the order of the group. */
  readonly append: (content: MlsContent, branch: Uint8Array) => Promise<unknown>;
}

/** Bytes of a GroupInfo beside its tree and the extensions of the group, amply. */
const REST = 600;

/** What the trees of one group are handed out with. */
export class Handout {
  readonly #options: HandoutOptions;
  /** The tree before the next commit, to see whether that one's patch is right. */
  #before: { readonly epoch: bigint; readonly nodes: TreeNodes } | undefined;
  /** Tags of the epochs of our own snapshots on their way. */
  readonly #posted = new Map<string, bigint>();

  constructor(options: HandoutOptions) {
    this.#options = options;
  }

  /**
   * Whether Welcome and GroupInfo of a commit are to carry the tree.
   * @throws `xmpp.too-large` for Adds that make the tree larger than can be handed out without uploads
   */
  carriesTree(group: Group, inputs: readonly ProposalInput[]): boolean {
    if (!this.#options.isPublished(group)) return true;
    const adds = inputs.flatMap((input) => (input.kind === 'add' ? input.keyPackage.length : []));
    const more = adds.reduce((sum, length) => sum + length, 0);
    const { kind, size } = planFor(group, group.ratchetTree, { more });
    if (kind === 'reference' && adds.length > 0 && this.#options.upload === undefined)
      fail('xmpp.too-large', { what: 'tree', size, most: STANZA_BUDGET, missing: 'http' });
    return kind === 'inside';
  }

  /** What goes with a commit. @param carries what {@link carriesTree} has said of it */
  publish(group: Group, made: OwnCommit, next: Preview, carries: boolean): Published {
    if (!this.#options.isPublished(group)) return { groupInfo: undefined };
    if (carries) return { groupInfo: made.groupInfo };
    const patch = makeTreePatch(group.ratchetTree, next.ratchetTree, next.epoch);
    return { groupInfo: made.groupInfo, treePatch: encode(TreePatch, patch) };
  }

  /** Told of everything that was followed: sees to snapshots. Does not wait for them. @throws `storage.*` */
  async followed(group: Group, followed: Followed, entry: Entry | undefined): Promise<void> {
    const content = entry?.payload?.content;
    if (entry !== undefined && (content?.kind === 'tree' || content?.kind === 'group-info'))
      await this.#saw(group, content, entry.payload?.branch);
    if (followed.kind !== 'commit' || content?.kind !== 'commit') return;
    if (!group.isActive || !this.#options.isPublished(group)) return;
    const { epoch, ratchetTree: nodes } = group;
    const plan = planFor(group, nodes, { newest: await this.#newest() });
    if (plan.kind === 'inside') {
      await this.#forget();
      this.#before = undefined;
      return;
    }
    const isBroken = !followed.isOwn && this.#isWrong(epoch, nodes, content.treePatch);
    this.#before = { epoch, nodes };
    if (isBroken) await this.#forget();
    else if (followed.isOwn && plan.isSnapshotDue) this.post(group).catch(ifOurs);
  }

  /** A snapshot of this epoch into the order, if the group is one that needs it. @throws `xmpp.*` of uploading and appending */
  async post(group: Group): Promise<void> {
    const { epoch, ratchetTree: nodes } = group;
    const { kind } = planFor(group, nodes, {});
    if (kind === 'inside') return;
    const { upload, append } = this.#options;
    const branch = branchTag(group);
    const tree = encodeTree(nodes);
    if (kind === 'reference' && upload === undefined) return;
    const part: TreePart =
      kind === 'reference' && upload !== undefined ? await upload({ epoch, tree }) : { kind: 'inline', tree };
    this.#posted.set(toHex(branch), epoch);
    await append({ kind: 'tree', tree: part }, branch);
  }

  /** As {@link post}, if the newest snapshot is old or nothing leads on from it. @throws as there, `storage.*` */
  async postIfDue(group: Group): Promise<void> {
    const plan = planFor(group, group.ratchetTree, { newest: await this.#newest() });
    if (plan.kind !== 'inside' && plan.isSnapshotDue && group.isActive) await this.post(group);
  }

  /** A patch that leads elsewhere leads nobody in: the next who commits makes a snapshot. */
  #isWrong(epoch: bigint, nodes: TreeNodes, treePatch: Uint8Array | undefined): boolean {
    if (treePatch === undefined) return true;
    if (this.#before?.epoch !== epoch - 1n) return false;
    return !equal(treePatch, encode(TreePatch, makeTreePatch(this.#before.nodes, nodes, epoch)));
  }

  /** A snapshot counts if it is ours, or as we see the tree ourselves. */
  async #saw(
    group: Group,
    content: Extract<MlsContent, { kind: 'tree' | 'group-info' }>,
    tag: Uint8Array | undefined,
  ): Promise<void> {
    const { tree: part } = content;
    const branch = content.kind === 'tree' ? tag : content.groupInfo.branch;
    if (part === undefined || branch === undefined) return;
    const ours = this.#posted.get(toHex(branch));
    this.#posted.delete(toHex(branch));
    if (ours !== undefined) await this.#remember(ours);
    else if (group.isActive && equal(branch, branchTag(group)) && this.#isRight(group, part))
      await this.#remember(group.epoch);
  }

  #isRight({ epoch, ratchetTree: nodes }: Group, part: TreePart): boolean {
    const tree = encodeTree(nodes);
    if (part.kind === 'inline') return equal(part.tree, tree);
    return part.epoch === epoch && equal(part.sha256, this.#options.hash(tree));
  }

  async #newest(): Promise<bigint | undefined> {
    const { store, names } = this.#options;
    const kept = await store.get(names.snapshot);
    return kept && readRecord(uint64, kept);
  }

  async #remember(epoch: bigint): Promise<void> {
    const { store, names } = this.#options;
    await store.write((records) => records.put(names.snapshot, record(uint64, epoch)));
  }

  async #forget(): Promise<void> {
    const { store, names } = this.#options;
    if ((await store.get(names.snapshot)) !== undefined)
      await store.write((records) => records.del(names.snapshot));
  }
}

/**
 * The GroupInfo of a group that is entered by an external commit, and the patch to go with it.
 * @param before the tree that was entered; nothing if it is not known any more, and then others make a snapshot
 */
export function publishedOnEntering(group: Group, before: TreeNodes | undefined): Published {
  const { ratchetTree: nodes, epoch } = group;
  if (planFor(group, nodes, {}).kind === 'inside') return { groupInfo: group.groupInfo() };
  const groupInfo = group.groupInfo({ ratchetTree: false });
  if (before === undefined) return { groupInfo };
  return { groupInfo, treePatch: encode(TreePatch, makeTreePatch(before, nodes, epoch)) };
}

/** A GroupInfo to be had from the order, without the tree where that is too large. */
export function infoToPost(group: Group): Uint8Array {
  return group.groupInfo({ ratchetTree: planFor(group, group.ratchetTree, {}).kind === 'inside' });
}

/** O(N), encoding nothing that has not changed. @param more bytes that are about to come */
function planFor(
  { extensions, epoch }: Group,
  nodes: TreeNodes,
  { more = 0, newest }: { readonly more?: number; readonly newest?: bigint | undefined },
): TreePlan & { readonly size: number } {
  const tree = sizeOf(nodes) + more;
  const rest = extensions.reduce((sum, { extensionData }) => sum + extensionData.length + 8, REST);
  const sizes = { groupInfo: tree + rest, tree, budget: STANZA_BUDGET };
  return { ...treePlan(sizes, epoch, newest), size: tree };
}

/** Bytes of a tree. */
function sizeOf(nodes: TreeNodes): number {
  let size = 4;
  for (const node of nodes) {
    size += node === undefined ? 1 : 2;
    if (node?.nodeType === NodeType.leaf) size += LeafNode.bytes(node.leafNode).length;
    else if (node?.nodeType === NodeType.parent) size += ParentNode.bytes(node.parentNode).length;
  }
  return size;
}

/** Whoever cannot make a snapshot says nothing, and the next one does it. */
function ifOurs(error: unknown): void {
  if (!(error instanceof MlsError)) throw error;
}
