/** What others are told of a group's new state, beside its order (design, 4.4). */

import type { OrderedGroup } from '../ordered/orderedGroup.ts';
import { logHint } from './chats.ts';
import type { Conversation } from './conversation.ts';
import type { Setting } from './setting.ts';

/** The devices of both sides are told to look into the log. @throws `xmpp.offline` */
export async function tellPeers(
  { transport, random, self }: Setting,
  { jid }: Conversation,
  { stored: { group } }: OrderedGroup,
): Promise<void> {
  for (const to of new Set([jid, self.jid])) await transport.send(logHint(to, group.id, group.epoch, random));
}
