/** What the parts of a session work with, and how a group gets its order. */

import type { Group, Provider } from '../../index.ts';
import type { StoredClient, StoredGroup } from '../../storage/index.ts';
import { bindingOf, GroupMode, requireArrival, type XmppBinding } from '../binding.ts';
import type { Devices } from '../devices.ts';
import type { KeyPackageFetcher } from '../keyPackages.ts';
import { newId } from '../ordered/committer.ts';
import type { Followed } from '../ordered/follow.ts';
import { Handout } from '../ordered/handout.ts';
import { OrderedGroup } from '../ordered/orderedGroup.ts';
import { orderedStanza } from '../ordered/outgoing.ts';
import { type Conversing, namesOf, PositionRecord, readRecord } from '../ordered/records.ts';
import type { OwnKeyPackages } from '../ownKeyPackages.ts';
import type { Entry, From } from '../sequencer/contract.ts';
import { RoomSequencer } from '../sequencer/room.ts';
import type { RoomEvent } from '../sequencer/roomEvents.ts';
import type { GroupInfoPart } from '../stanza/mls.ts';
import type { Conversation, Surroundings } from './conversation.ts';
import type { OwnDevice } from './ownDevice.ts';
import { reportClearEntry } from './reports.ts';
import type { Seen } from './seen.ts';
import type { TreeFiles } from './treeFiles.ts';

/** Everything of a session. */
export interface Setting extends Surroundings, TreeFiles {
  readonly provider: Provider;
  readonly client: StoredClient;
  readonly device: OwnDevice;
  readonly devices: Devices;
  readonly fetcher: KeyPackageFetcher;
  readonly ownPackages: OwnKeyPackages;
  readonly nick: string;
  readonly seen: Seen;
  hash(bytes: Uint8Array): Uint8Array;
  /** Told of what a room says. */
  roomEvent(conversation: Conversation, event: RoomEvent): void;
  /** Told after everything that was followed. */
  followed(conversation: Conversation, ordered: OrderedGroup, followed: Followed, entry?: Entry): void;
  /** GroupInfos that accounts keep of a group, beside its order. */
  copies(conversation: Conversation, groupId: Uint8Array): Promise<readonly GroupInfoPart[]>;
  /** Know a group under its id. */
  know(conversation: Conversation, ordered: OrderedGroup): void;
}

/** Whether members of a group publish what others need to come in by themselves. */
export function isPublished(binding: XmppBinding): boolean {
  return binding.infoRule === 1;
}

/** What a group is said to be for, and where it came from, agree. @throws `xmpp.binding` */
export function requireOurs(
  { self }: Setting,
  { mode, sequencer, peer }: Pick<Conversing, 'mode' | 'sequencer' | 'peer'>,
  extensions: Parameters<typeof requireArrival>[0],
): XmppBinding {
  if (mode === GroupMode.muc) return requireArrival(extensions, { kind: 'room', jid: sequencer });
  if (mode === GroupMode.self) return requireArrival(extensions, { kind: 'self', jid: self.jid, sequencer });
  return requireArrival(extensions, { kind: 'pair', jids: [self.jid, peer], sequencer });
}

/** A sequencer for a group of ours. */
export function sequencerOf(
  setting: Setting,
  conversing: Pick<Conversing, 'mode' | 'sequencer'>,
  parts: {
    readonly taker: ConstructorParameters<typeof RoomSequencer>[0]['taker'];
    readonly from: From;
    readonly onHalt?: (error: unknown) => void;
    readonly onEvent?: (event: RoomEvent) => void;
  },
): RoomSequencer {
  const { transport, timers, hash, random, nick, self } = setting;
  const isRoom = conversing.mode === GroupMode.muc;
  return new RoomSequencer({
    transport,
    timers,
    random,
    hash: (bytes) => hash(bytes),
    presence: isRoom ? 'standing' : 'for-appending',
    room: conversing.sequencer,
    nick: isRoom ? nick : self.device,
    ...parts,
  });
}

/** Put a group into its order, and a conversation upon it. */
export function orderGroup(
  setting: Setting,
  conversation: Conversation,
  parts: { readonly group: StoredGroup; readonly conversing: Conversing; readonly from: From },
): OrderedGroup {
  const { group, conversing, from } = parts;
  const { events } = setting;
  const isOpen = (other: Group): boolean => isPublished(bindingOf(other.extensions));
  const handout: Handout = handoutOf(setting, group.group, () => ordered);
  const ordered: OrderedGroup = new OrderedGroup({
    ...setting,
    hash: (bytes) => setting.hash(bytes),
    group,
    from,
    isStanding: conversing.mode === GroupMode.muc,
    sequencer: (taker, start, onHalt) =>
      sequencerOf(setting, conversing, {
        taker,
        from: start,
        onHalt,
        onEvent: (event) => setting.roomEvent(conversation, event),
      }),
    handout,
    copies: () => setting.copies(conversation, group.group.id),
    check: (other) => void requireOurs(setting, conversing, other.extensions),
    isPublished: isOpen,
    onFollowed: async (followed, entry) => {
      await handout.followed(ordered.stored.group, followed, entry);
      conversation.followed(ordered, followed);
      setting.followed(conversation, ordered, followed, entry);
      if (entry !== undefined && conversation.kind === 'room') reportClearEntry(events, conversation, entry);
    },
    onHole: (error) => void events.emit({ kind: 'fault', conversation, error }),
    onLost: () => void events.emit({ kind: 'lost-race', conversation }),
    onProgress: (entries) => void events.emit({ kind: 'progress', conversation, entries }),
  });
  conversation.begin(ordered);
  setting.know(conversation, ordered);
  return ordered;
}

function handoutOf(setting: Setting, { id }: Group, ordered: () => OrderedGroup): Handout {
  const { store, random, uploadTree } = setting;
  return new Handout({
    store,
    names: namesOf(id),
    hash: (bytes) => setting.hash(bytes),
    isPublished: (group) => isPublished(bindingOf(group.extensions)),
    upload: uploadTree,
    append: (content, branch) =>
      ordered().sequencer.append(orderedStanza(content, newId('t', random), branch)),
  });
}

/** Where the order of a stored group goes on. @throws `storage.*` */
export async function positionOf({ store }: Setting, groupId: Uint8Array): Promise<From> {
  const kept = await store.get(namesOf(groupId).position);
  return kept === undefined ? 'start' : readRecord(PositionRecord, kept);
}
