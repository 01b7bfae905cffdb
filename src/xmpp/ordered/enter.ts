/**
 * Into a group without an invitation, or back into it, by an external commit (design, 4.8 and 5.10).
 *
 * Whether it was taken can be seen without the keys of the group: of the commits that end an epoch the first one counts, and
 * ours must be that one.
 */

import { equal } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import type { Group } from '../../index.ts';
import type { StoredClient, StoredGroup, StoredOffer } from '../../storage/index.ts';
import { branchTag } from '../binding.ts';
import { HandshakeReason, handshakeNote } from '../handshakeNote.ts';
import type { Entry, Position, Sequencer } from '../sequencer/contract.ts';
import type { GroupInfoPart } from '../stanza/mls.ts';
import type { Timers } from '../timers.ts';
import { newId, uniform } from './committer.ts';
import { groupInfoIn, headerOf } from './header.ts';
import { bundleStanza } from './outgoing.ts';
import { namesOf, PositionRecord, record } from './records.ts';

/** What entering needs. */
export interface Entering {
  readonly client: StoredClient;
  readonly sequencer: Sequencer;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  readonly groupId: Uint8Array;
  /** GroupInfos from elsewhere than the order. @defaultValue none */
  readonly copies?: () => Promise<readonly GroupInfoPart[]>;
  /** A tree for a GroupInfo that does not carry it. */
  readonly treeFor?: (part: GroupInfoPart) => Promise<Uint8Array | undefined>;
  /** Give the old state what it can still read, up to and without an entry. */
  readonly readUntil?: (position: Position) => Promise<void>;
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
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const left = (await client.offers()).find((offer) => equal(offer.groupId, groupId));
    const known = await candidates(entering);
    const { offer, basis } =
      left === undefined ? await firstGood(entering, known) : { offer: left, basis: undefined };
    const position = await tryToEnter(entering, offer, basis ?? known[0]);
    if (position !== undefined) return accept(offer, position);
    await offer.discard();
    const ms = 250 * 2 ** attempt * (0.5 + uniform(random));
    await new Promise<void>((resolve) => timers.after(ms, resolve));
  }
  return fail('state.desync', { tries: TRIES });
}

/** @throws `xmpp.gap` without any, or what the last one was refused for */
async function firstGood(
  entering: Entering,
  known: readonly GroupInfoPart[],
): Promise<{ readonly offer: StoredOffer; readonly basis: GroupInfoPart }> {
  let refused: MlsError | undefined;
  for (const basis of known) {
    try {
      return { offer: await prepare(entering, basis), basis };
    } catch (error) {
      if (!(error instanceof MlsError) || error.scope === 'profile') throw error;
      refused = error;
    }
  }
  if (refused !== undefined) throw refused;
  return fail('xmpp.gap', { missing: 'group-info' });
}

async function prepare(entering: Entering, { message, branch }: GroupInfoPart): Promise<StoredOffer> {
  const tree = await entering.treeFor?.({ message, branch });
  const offer = await offerFor(entering, message, tree && { ratchetTree: tree });
  try {
    entering.check(offer.group);
  } catch (error) {
    await offer.discard();
    throw error;
  }
  return offer;
}

/** In place of our leaf, where there is one; else a new seat. */
async function offerFor(
  { client }: Entering,
  message: Uint8Array,
  tree: { readonly ratchetTree: Uint8Array } | undefined,
): Promise<StoredOffer> {
  const noted = (reason: number) => ({ authenticatedData: handshakeNote(reason), ...tree });
  try {
    return await client.prepareExternalJoin(message, { resync: true, ...noted(HandshakeReason.resync) });
  } catch (error) {
    if (!(error instanceof MlsError) || error.code !== 'validation.external-commit') throw error;
    return client.prepareExternalJoin(message, noted(HandshakeReason.deviceAdded));
  }
}

/** @returns the place of our commit if it counts */
async function tryToEnter(
  entering: Entering,
  offer: StoredOffer,
  basis: GroupInfoPart | undefined,
): Promise<Position | undefined> {
  const { sequencer, readUntil } = entering;
  let position = await placeOf(sequencer, offer);
  if (position === undefined) {
    await send(entering, offer, basis?.branch);
    position = await placeOf(sequencer, offer);
  }
  if (position === undefined || position === 'overtaken') return undefined;
  await readUntil?.(position);
  return position;
}

/** @throws what says that it was not taken in; whether it was is looked up otherwise */
async function send(
  { sequencer, random, isPublished }: Entering,
  offer: StoredOffer,
  branch: Uint8Array | undefined,
): Promise<void> {
  const groupInfo = isPublished(offer.group)
    ? { message: offer.group.groupInfo(), branch: branchTag(offer.group) }
    : undefined;
  const parts = { branch, id: newId('x', random), groupInfo };
  const appended = await sequencer.append(bundleStanza(offer.message, parts));
  if (appended.kind === 'refused') throw appended.error;
  if (appended.kind === 'not-archived') fail('xmpp.server-unfit', { missing: 'archive' });
}

function accept(offer: StoredOffer, position: Position): Promise<Entered> {
  const { position: name, bundle } = namesOf(offer.groupId);
  return offer
    .accept((_, records) => {
      records.put(name, record(PositionRecord, position));
      records.del(bundle);
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

/** The GroupInfos that are to be had, unverified: the latest epoch first, and what came first of one epoch. */
async function candidates({ sequencer, groupId, copies }: Entering): Promise<readonly GroupInfoPart[]> {
  const found: { readonly epoch: bigint; readonly part: GroupInfoPart }[] = [];
  const consider = (part: GroupInfoPart | undefined): void => {
    const info = part && groupInfoIn(part.message);
    if (part === undefined || info === undefined || !equal(info.groupContext.groupId, groupId)) return;
    found.push({ epoch: info.groupContext.epoch, part });
  };
  for (const copy of (await copies?.()) ?? []) consider(copy);
  for await (const entry of sequencer.backwards()) {
    consider(groupInfoOf(entry));
    if (found.length >= ENOUGH) break;
  }
  const inOrder = found.reverse();
  return inOrder
    .sort((a, b) => (a.epoch === b.epoch ? 0 : a.epoch < b.epoch ? 1 : -1))
    .map(({ part }) => part);
}

/** GroupInfos that are looked at: late losers of a race name the epoch of the winner. */
const ENOUGH = 8;

/** The GroupInfo that an entry carries. */
export function groupInfoOf({ payload }: Entry): GroupInfoPart | undefined {
  const content = payload?.content;
  return content?.kind === 'commit' || content?.kind === 'group-info' ? content.groupInfo : undefined;
}
