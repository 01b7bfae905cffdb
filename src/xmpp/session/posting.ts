/** What a member puts into the order of a group for those who come in, and tells beside it (design, 4.4, 4.6 and 6.3). */

import { bindingOf, branchTag } from '../binding.ts';
import { el, type XmlElement } from '../element.ts';
import { newId } from '../ordered/committer.ts';
import { infoToPost } from '../ordered/handout.ts';
import type { OrderedGroup } from '../ordered/orderedGroup.ts';
import { orderedStanza } from '../ordered/outgoing.ts';
import { hint } from '../stanza/hints.ts';
import { buildMls, type GroupInfoPart } from '../stanza/mls.ts';
import type { Conversation } from './conversation.ts';
import { isPublished, type Setting } from './setting.ts';

/** The GroupInfo of the present epoch, and the tree where that is apart and wanting. @throws `xmpp.*` of appending and uploading */
export async function postInfo(ordered: OrderedGroup, random: (length: number) => Uint8Array): Promise<void> {
  const { group } = ordered.stored;
  if (!group.isActive || !isPublished(bindingOf(group.extensions))) return;
  const groupInfo: GroupInfoPart = { message: infoToPost(group), branch: branchTag(group) };
  await ordered.sequencer.append(orderedStanza({ kind: 'group-info', groupInfo }, newId('g', random)));
  await ordered.handout.postIfDue(ordered.stored.group);
}

/** The devices of both sides are told to look into the log. @throws `xmpp.offline` */
export async function tellPeers(
  { transport, random, self }: Setting,
  { jid }: Conversation,
  { stored: { group } }: OrderedGroup,
): Promise<void> {
  for (const to of new Set([jid, self.jid])) await transport.send(logHint(to, group.id, group.epoch, random));
}

/** Tell all devices of an account that are online to look into a log. */
function logHint(
  to: string,
  group: Uint8Array,
  epoch: bigint,
  random: (length: number) => Uint8Array,
): XmlElement {
  const id = newId('h', random);
  return el(
    'message',
    { type: 'headline', id, to },
    buildMls({ kind: 'log-hint', group, epoch }),
    hint('no-store'),
  );
}
