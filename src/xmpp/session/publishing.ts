/** What others are told of a group's new state, beside its order (design, 4.4). */

import { bindingOf, branchTag } from '../binding.ts';
import { newId } from '../ordered/committer.ts';
import type { OrderedGroup } from '../ordered/orderedGroup.ts';
import { orderedStanza } from '../ordered/outgoing.ts';
import type { GroupInfoPart } from '../stanza/mls.ts';
import { logHint } from './chats.ts';
import type { Conversation } from './conversation.ts';
import { isPublished, type Setting } from './setting.ts';

/** The devices of both sides are told to look into the log. @throws `xmpp.offline` */
export async function tellPeers(
  { transport, random, self }: Setting,
  { jid }: Conversation,
  { stored: { group } }: OrderedGroup,
): Promise<void> {
  for (const to of new Set([jid, self.jid])) await transport.send(logHint(to, group.id, group.epoch, random));
}

/** Somebody lacks a GroupInfo: it is put into the order. @throws `xmpp.*` */
export async function postInfo(
  { random }: Setting,
  { stored: { group }, sequencer }: OrderedGroup,
): Promise<void> {
  if (!group.isActive || !isPublished(bindingOf(group.extensions))) return;
  const groupInfo: GroupInfoPart = { message: group.groupInfo(), branch: branchTag(group) };
  await sequencer.append(orderedStanza({ kind: 'group-info', groupInfo }, newId('g', random)));
}
