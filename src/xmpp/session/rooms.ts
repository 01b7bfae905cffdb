/** A room and its group: found, entered or made (design, 4.6). */

import { equal } from '../../base/bytes.ts';
import { MlsError } from '../../base/error.ts';
import { bindingOf, GroupMode } from '../binding.ts';
import { el } from '../element.ts';
import { newId } from '../ordered/committer.ts';
import { enterExternally, groupInfoOf } from '../ordered/enter.ts';
import { groupInfoIn } from '../ordered/header.ts';
import { Conversing, namesOf, record } from '../ordered/records.ts';
import type { Sequencer, Taker } from '../sequencer/contract.ts';
import { readAffiliations } from '../sequencer/logRoom.ts';
import { checkRoom } from '../sequencer/roomFitness.ts';
import { discoInfo, readDiscoInfo } from '../stanza/disco.ts';
import { hint } from '../stanza/hints.ts';
import { buildMls } from '../stanza/mls.ts';
import type { Conversation } from './conversation.ts';
import { found } from './founding.ts';
import { isPublished, orderGroup, requireOurs, type Setting, sequencerOf } from './setting.ts';

/** How a group for a room is to be, if there is none yet. */
export interface RoomOptions {
  /** Who may come in without an invitation: nobody, or whoever the room has as a member. @defaultValue 'invite' */
  readonly joinRule?: 'invite' | 'affiliated';
  /** Make a group where there is none and we own the room. @defaultValue true */
  readonly create?: boolean;
}

/** Members answer within three seconds. */
const ANSWERED_MS = 5000;
const NOTHING_TO_TAKE: Taker = { take: async () => {} };

/**
 * Give a conversation with a room its group. It stays without one where there is none that we may enter.
 * @throws `xmpp.server-unfit` for a room without what is needed, `xmpp.*`, `storage.*`
 */
export async function beginRoom(
  setting: Setting,
  conversation: Conversation,
  options: RoomOptions,
): Promise<void> {
  const room = conversation.jid;
  const joinRule = options.joinRule ?? 'invite';
  const info = readDiscoInfo(await setting.transport.request(discoInfo(room)));
  checkRoom(info, joinRule, room);
  const conversing = { mode: GroupMode.muc, sequencer: room, peer: room };
  const sequencer = sequencerOf(setting, conversing, { taker: NOTHING_TO_TAKE, from: 'end' });
  try {
    const isOurs = await isOwner(setting, room);
    const found = await findGroup(setting, conversing, sequencer);
    const groupId = found ?? (isOurs ? undefined : await askForGroup(setting, conversing, sequencer));
    if (groupId !== undefined) await enter(setting, conversation, { ...conversing, groupId }, sequencer);
    else if (options.create !== false && isOurs) await make(setting, conversation, conversing, joinRule);
  } finally {
    await sequencer.stop();
  }
  // What has led in has left the room: be there again, and take in what came behind our commit.
  await conversation.catchUp().catch(async (error: unknown) => {
    // The room may tell only now that we have left it.
    if (!(error instanceof MlsError) || error.code !== 'xmpp.offline') throw error;
    await conversation.catchUp();
  });
}

/** Whether we own a room. @throws `xmpp.*` */
async function isOwner({ transport, self }: Setting, room: string): Promise<boolean> {
  try {
    return (await readAffiliations(transport, room)).get(self.jid) === 'owner';
  } catch (error) {
    // Lists are for members; whoever may not see them owns nothing.
    if (error instanceof MlsError && error.code === 'xmpp.refused') return false;
    throw error;
  }
}

/** The id of the newest group whose GroupInfo stands in the archive and that says it is of this room. */
async function findGroup(
  setting: Setting,
  conversing: Omit<Conversing, 'groupId'>,
  sequencer: Sequencer,
): Promise<Uint8Array | undefined> {
  for await (const entry of sequencer.backwards()) {
    const part = groupInfoOf(entry);
    const info = part && groupInfoIn(part.message);
    if (info === undefined) continue;
    const { groupId, extensions } = info.groupContext;
    if (isOfRoom(setting, conversing, extensions)) return groupId;
  }
  return undefined;
}

/** Nothing in the archive any more: whoever is there may post it. */
async function askForGroup(
  setting: Setting,
  conversing: Omit<Conversing, 'groupId'>,
  sequencer: Sequencer,
): Promise<Uint8Array | undefined> {
  const { transport, timers, random } = setting;
  await sequencer.catchUp();
  const id = newId('i', random);
  const request = buildMls({ kind: 'info-request' });
  const to = conversing.sequencer;
  await transport.send(el('message', { type: 'groupchat', id, to }, request, hint('no-store')));
  await new Promise<void>((resolve) => timers.after(ANSWERED_MS, resolve));
  return findGroup(setting, conversing, sequencer);
}

function isOfRoom(
  setting: Setting,
  conversing: Omit<Conversing, 'groupId'>,
  extensions: Parameters<typeof requireOurs>[2],
): boolean {
  try {
    requireOurs(setting, conversing, extensions);
    return true;
  } catch {
    return false;
  }
}

/** Come in by ourselves, if the group allows it; otherwise wait for an invitation. */
async function enter(
  setting: Setting,
  conversation: Conversation,
  conversing: Conversing,
  sequencer: Sequencer,
): Promise<void> {
  const { client, timers, random, store, self } = setting;
  try {
    const { group, position } = await enterExternally({
      client,
      sequencer,
      timers,
      random,
      groupId: conversing.groupId,
      fetchTree: setting.fetchTree,
      check: (other) => void requireOurs(setting, conversing, other.extensions),
      isPublished: (other) => isPublished(bindingOf(other.extensions)),
    });
    const { conversation: name } = namesOf(conversing.groupId);
    await store.write((records) => records.put(name, record(Conversing, conversing)));
    orderGroup(setting, conversation, { group, conversing, from: position });
    await setting.events.emit({ kind: 'joined', conversation, inviter: self });
  } catch (error) {
    if (!isForbidden(error)) throw error;
  }
}

/** The rules of the group say that somebody has to invite us. */
function isForbidden(error: unknown): boolean {
  return (
    error instanceof MlsError &&
    ['policy.external-commit', 'policy.commit-rejected', 'validation.group-info', 'xmpp.gap'].includes(
      error.code,
    )
  );
}

async function make(
  setting: Setting,
  conversation: Conversation,
  conversing: Omit<Conversing, 'groupId'>,
  joinRule: 'invite' | 'affiliated',
): Promise<void> {
  const { self, device, store } = setting;
  const founded = await found(setting, {
    conversing,
    joinRule: joinRule === 'invite' ? 0 : 1,
    admins: [{ jid: self.jid, aikId: device.aikId }],
    pair: undefined,
    members: [],
  });
  const ordered = orderGroup(setting, conversation, { ...founded, from: 'end' });
  await ordered.catchUp();
  await ordered.mailer.flush();
  if (await isFirst(setting, conversing, founded.conversing.groupId, ordered.sequencer)) return;
  // Somebody else was faster: theirs is the group of this room.
  await ordered.stop();
  await store.remove(founded.conversing.groupId);
  await store.write((records) => records.del(namesOf(founded.conversing.groupId).conversation));
  await conversation.abandon();
  await beginRoom(setting, conversation, { joinRule, create: false });
}

/** Of several groups for a room the one counts whose first GroupInfo came first. */
async function isFirst(
  setting: Setting,
  conversing: Omit<Conversing, 'groupId'>,
  groupId: Uint8Array,
  sequencer: Sequencer,
): Promise<boolean> {
  let first: Uint8Array | undefined;
  for await (const entry of sequencer.backwards()) {
    const part = groupInfoOf(entry);
    const context = part && groupInfoIn(part.message)?.groupContext;
    if (context?.epoch === 1n && isOfRoom(setting, conversing, context.extensions)) first = context.groupId;
  }
  return first === undefined || equal(first, groupId);
}
