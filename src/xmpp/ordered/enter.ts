/**
 * Into a group without an invitation, or back into it, by an external commit (design, 4.8 and 5.10).
 *
 * Whether it was taken can be seen without the keys of the group: of the commits that end an epoch the first one counts, and
 * ours must be that one.
 */

import { equal, toHex } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import { uint64 } from '../../codec/codec.ts';
import type { Group } from '../../index.ts';
import type { StoredClient, StoredGroup, StoredOffer } from '../../storage/index.ts';
import { decode, ExtensionType, findExtension, NodeType, RatchetTree } from '../../wire/index.ts';
import { branchTag } from '../binding.ts';
import { HandshakeReason, handshakeNote } from '../handshakeNote.ts';
import type { Entry, Position, Sequencer } from '../sequencer/contract.ts';
import type { GroupInfoPart } from '../stanza/mls.ts';
import type { Timers } from '../timers.ts';
import type { TreeNodes } from '../treePatch.ts';
import { newId, uniform } from './committer.ts';
import { type Published, publishedOnEntering } from './handout.ts';
import { groupInfoIn, headerOf } from './header.ts';
import { bundleStanza } from './outgoing.ts';
import { namesOf, PositionRecord, record } from './records.ts';
import { type FetchTree, type TreeCandidate, TreeTrail } from './treeTrail.ts';

/** What entering needs. */
export interface Entering {
  readonly client: StoredClient;
  readonly sequencer: Sequencer;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  readonly groupId: Uint8Array;
  /** GroupInfos from elsewhere than the order. @defaultValue none */
  readonly copies?: () => Promise<readonly GroupInfoPart[]>;
  /** Trees that are not in the order itself. */
  readonly fetchTree: FetchTree;
  /** Whether the group is the one we mean. @throws `xmpp.binding`, `policy.*` */
  readonly check: (group: Group) => void;
  /** Told of the GroupInfo that goes with the commit, to be left out where the group wants none. */
  readonly isPublished: (group: Group) => boolean;
}

/** The group, and where its order goes on. */
export interface Entered {
  readonly group: StoredGroup;
  readonly position: Position;
}

const TRIES = 6;

/**
 * Enter, against others who commit.
 * @throws `xmpp.gap` without a GroupInfo that works, `state.desync` when all tries were overtaken, and what appending throws
 */
export async function enterExternally(entering: Entering): Promise<Entered> {
  const { client, groupId, timers, random } = entering;
  /** Commits that were overtaken: nobody is in the epochs that they describe. */
  const vain: Uint8Array[] = [];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const left = (await client.offers()).find((offer) => equal(offer.groupId, groupId));
    const known = await candidates(entering, vain);
    const prepared: Prepared =
      left === undefined ? await firstGood(entering, known) : { offer: left, basis: known[0] };
    const position = await tryToEnter(entering, prepared);
    if (position !== undefined) return accept(prepared, position);
    await prepared.offer.discard();
    vain.push(prepared.offer.message);
    // What could have been entered is of the past, and what is newer could not.
    if (prepared.refused !== undefined) throw prepared.refused;
    const ms = 250 * 2 ** attempt * (0.5 + uniform(random));
    await new Promise<void>((resolve) => timers.after(ms, resolve));
  }
  return fail('state.desync', { tries: TRIES });
}

/** An external commit that can be sent. */
interface Prepared {
  readonly offer: StoredOffer;
  readonly basis: GroupInfoPart | undefined;
  /** The tree that was entered, and the epoch of the snapshot behind it; nothing after a restart. */
  readonly before?: TreeNodes;
  readonly since?: bigint;
  /** What a newer GroupInfo was refused for. */
  readonly refused?: MlsError | undefined;
}

/** @throws `xmpp.gap` without any, or what the last one was refused for */
async function firstGood(entering: Entering, known: readonly GroupInfoPart[]): Promise<Prepared> {
  const trail = new TreeTrail(entering.sequencer.backwards(), entering.fetchTree);
  let refused: MlsError | undefined;
  for (const basis of known) {
    try {
      return { ...(await prepare(entering, basis, trail)), refused };
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      if (error.scope === 'profile') throw error;
      // What the rules of the newest epoch forbid, an older one or the loser of a race may allow: only to ourselves.
      if (error.code.startsWith('policy.')) throw error;
      refused ??= error;
    }
  }
  if (refused !== undefined) throw refused;
  return fail('xmpp.gap', { missing: 'group-info' });
}

/** @throws `xmpp.gap` without a tree that is as the GroupInfo says, and whatever else it is refused for */
async function prepare(entering: Entering, basis: GroupInfoPart, trail: TreeTrail): Promise<Prepared> {
  for await (const { tree, since } of treesOf(basis, trail)) {
    try {
      const before = decode(RatchetTree, tree);
      return { offer: await prepareWith(entering, basis, { tree, before }), basis, before, since };
    } catch (error) {
      if (!isWrongTree(error)) throw error;
    }
  }
  return fail('xmpp.gap', { missing: 'tree' });
}

/** The tree that a GroupInfo carries, or those that the order leads to. */
async function* treesOf({ message, branch }: GroupInfoPart, trail: TreeTrail): AsyncGenerator<TreeCandidate> {
  const info = groupInfoIn(message);
  if (info === undefined) return;
  const { epoch } = info.groupContext;
  const carried = findExtension(info.extensions, ExtensionType.ratchetTree);
  if (carried === undefined) yield* trail.at(branch, epoch);
  else yield { tree: carried.extensionData, since: epoch };
}

/** Whether another tree may do where one did not. */
export function isWrongTree(error: unknown): boolean {
  return (
    error instanceof MlsError &&
    (error.code.startsWith('validation.tree') ||
      error.code.startsWith('codec.') ||
      WRONG_TREE.has(error.code))
  );
}

const WRONG_TREE: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'validation.parent-hash',
  'validation.unmerged-leaves',
]);

async function prepareWith(
  { client, check }: Entering,
  { message }: GroupInfoPart,
  { tree, before }: { readonly tree: Uint8Array; readonly before: TreeNodes },
): Promise<StoredOffer> {
  const isBack = before.some((node) => isOf(node, client.signatureKey));
  const offer = await client.prepareExternalJoin(message, {
    resync: isBack,
    authenticatedData: handshakeNote(isBack ? HandshakeReason.resync : HandshakeReason.deviceAdded),
    ratchetTree: tree,
  });
  try {
    check(offer.group);
  } catch (error) {
    await offer.discard();
    throw error;
  }
  return offer;
}

function isOf(node: TreeNodes[number], key: Uint8Array): boolean {
  return node?.nodeType === NodeType.leaf && equal(node.leafNode.signatureKey, key);
}

/** @returns the place of our commit if it counts */
async function tryToEnter(entering: Entering, prepared: Prepared): Promise<Position | undefined> {
  const { sequencer } = entering;
  const { offer } = prepared;
  let position = await placeOf(sequencer, offer);
  if (position === undefined) {
    await send(entering, prepared);
    position = await placeOf(sequencer, offer);
  }
  return position === 'overtaken' ? undefined : position;
}

/** @throws what says that it was not taken in; whether it was is looked up otherwise */
async function send(
  { sequencer, random, isPublished }: Entering,
  { offer, basis, before }: Prepared,
): Promise<void> {
  const { group } = offer;
  const { groupInfo, treePatch }: Published = isPublished(group)
    ? publishedOnEntering(group, before)
    : { groupInfo: undefined };
  const parts = {
    branch: basis?.branch,
    id: newId('x', random),
    groupInfo: groupInfo && { message: groupInfo, branch: branchTag(group) },
    ...(treePatch && { treePatch }),
  };
  const appended = await sequencer.append(bundleStanza(offer.message, parts));
  if (appended.kind === 'refused') throw appended.error;
  if (appended.kind === 'not-archived') fail('xmpp.server-unfit', { missing: 'archive' });
}

function accept({ offer, since }: Prepared, position: Position): Promise<Entered> {
  const { position: name, bundle, snapshot } = namesOf(offer.groupId);
  return offer
    .accept((_, records) => {
      records.put(name, record(PositionRecord, position));
      records.del(bundle);
      if (since !== undefined) records.put(snapshot, record(uint64, since));
    })
    .then((group) => ({ group, position }));
}

/** Where our commit stands, if it is the first one for its epoch that the archive has on its branch. */
async function placeOf(
  sequencer: Sequencer,
  offer: StoredOffer,
): Promise<Position | 'overtaken' | undefined> {
  let ours: Entry | undefined;
  let anchor: string | undefined;
  for await (const entry of sequencer.backwards()) {
    if (ours !== undefined) anchor ??= entry.id;
    const rival = rivalry(entry, offer.message);
    if (rival === 'same') [ours, anchor] = [entry, undefined];
    // What came before the epoch began is no rival.
    else if (ours !== undefined && rival === 'before') break;
    else if (ours !== undefined && rival === 'rival' && sameBranch(entry, ours)) return 'overtaken';
  }
  return ours && { id: ours.id, digest: ours.digest, anchor };
}

/** What an entry is to a commit of ours. */
function rivalry({ payload }: Entry, message: Uint8Array): 'same' | 'rival' | 'before' | 'nothing' {
  const content = payload?.content;
  if (content?.kind !== 'commit') return 'nothing';
  if (equal(content.message, message)) return 'same';
  const [one, other] = [headerOf(message), headerOf(content.message)];
  if (one === undefined || other === undefined || !equal(one.groupId, other.groupId)) return 'nothing';
  if (other.epoch > one.epoch) return 'nothing';
  return other.epoch < one.epoch ? 'before' : 'rival';
}

function sameBranch(one: Entry, other: Entry): boolean {
  const [a, b] = [one.payload?.branch, other.payload?.branch];
  return a !== undefined && b !== undefined && equal(a, b);
}

/**
 * The GroupInfos that are to be had, unverified: the latest epoch first, and what came first of one epoch. An epoch that a
 * commit has ended already leads nowhere.
 */
async function candidates(
  { sequencer, groupId, copies }: Entering,
  vain: readonly Uint8Array[],
): Promise<readonly GroupInfoPart[]> {
  const found: { readonly epoch: bigint; readonly part: GroupInfoPart }[] = [];
  const ended = new Set<string>();
  const consider = (part: GroupInfoPart | undefined): void => {
    const info = part && groupInfoIn(part.message);
    if (part === undefined || info === undefined || !equal(info.groupContext.groupId, groupId)) return;
    found.push({ epoch: info.groupContext.epoch, part });
  };
  for (const copy of (await copies?.()) ?? []) consider(copy);
  for await (const entry of sequencer.backwards()) {
    const content = entry.payload?.content;
    if (content?.kind === 'commit' && vain.some((ours) => equal(ours, content.message))) continue;
    consider(groupInfoOf(entry));
    const end = endedBy(entry, groupId);
    if (end !== undefined) ended.add(end);
    if (found.length >= ENOUGH) break;
  }
  const inOrder = found.reverse();
  return inOrder
    .filter(({ epoch, part }) => !ended.has(`${epoch} ${toHex(part.branch)}`))
    .sort((a, b) => (a.epoch === b.epoch ? 0 : a.epoch < b.epoch ? 1 : -1))
    .map(({ part }) => part);
}

/** The epoch and branch that a commit says it ends. */
function endedBy({ payload }: Entry, groupId: Uint8Array): string | undefined {
  if (payload?.content.kind !== 'commit' || payload.branch === undefined) return undefined;
  const header = headerOf(payload.content.message);
  if (header === undefined || !equal(header.groupId, groupId)) return undefined;
  return `${header.epoch} ${toHex(payload.branch)}`;
}

/** GroupInfos that are looked at: late losers of a race name the epoch of the winner. */
const ENOUGH = 8;

/** The GroupInfo that an entry carries. */
export function groupInfoOf({ payload }: Entry): GroupInfoPart | undefined {
  const content = payload?.content;
  return content?.kind === 'commit' || content?.kind === 'group-info' ? content.groupInfo : undefined;
}
