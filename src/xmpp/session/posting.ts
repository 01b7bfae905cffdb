/** What a member puts into the order of a group for those who come in (design, 4.6 and 6.3). */

import { bindingOf, branchTag } from '../binding.ts';
import { newId } from '../ordered/committer.ts';
import { infoToPost } from '../ordered/handout.ts';
import type { OrderedGroup } from '../ordered/orderedGroup.ts';
import { orderedStanza } from '../ordered/outgoing.ts';
import type { GroupInfoPart } from '../stanza/mls.ts';
import { isPublished } from './setting.ts';

/** The GroupInfo of the present epoch, and the tree where that is apart and wanting. @throws `xmpp.*` of appending and uploading */
export async function postInfo(ordered: OrderedGroup, random: (length: number) => Uint8Array): Promise<void> {
  const { group } = ordered.stored;
  if (!group.isActive || !isPublished(bindingOf(group.extensions))) return;
  const groupInfo: GroupInfoPart = { message: infoToPost(group), branch: branchTag(group) };
  await ordered.sequencer.append(orderedStanza({ kind: 'group-info', groupInfo }, newId('g', random)));
  await ordered.handout.postIfDue(ordered.stored.group);
}
