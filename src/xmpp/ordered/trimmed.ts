/** Whether a group can go on when its last position is no longer in the archive (design, 4.2 step 5). */

import { equal, toHex } from '../../base/bytes.ts';
import type { Entry } from '../sequencer/contract.ts';
import { groupInfoOf } from './enter.ts';
import { groupInfoIn, headerOf } from './header.ts';

/** Where we are. */
interface Standing {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
}

/**
 * Nothing was missed if the archive has neither a commit of our epoch nor anything later. A commit of our epoch may be a loser
 * whose winner is gone: it counts only if later entries are on the branch that it leads to.
 * @param entries the whole archive, oldest first
 */
export function canGoOn(entries: readonly Entry[], { groupId, epoch }: Standing): boolean {
  let isLater = false;
  let first: string | undefined;
  const branches = new Set<string>();
  for (const entry of entries) {
    const { payload } = entry;
    const content = payload?.content;
    const header = content !== undefined && 'message' in content ? headerOf(content.message) : undefined;
    if (header !== undefined && equal(header.groupId, groupId) && header.epoch >= epoch) {
      if (header.epoch > epoch) isLater = true;
      if (header.epoch === epoch + 1n && payload?.branch !== undefined) branches.add(toHex(payload.branch));
      if (header.epoch === epoch && content?.kind === 'commit')
        first ??= content.groupInfo === undefined ? '' : toHex(content.groupInfo.branch);
    }
    if (isLaterInfo(entry, groupId, epoch + 1n)) isLater = true;
  }
  if (first === undefined) return !isLater;
  return branches.has(first);
}

function isLaterInfo(entry: Entry, groupId: Uint8Array, than: bigint): boolean {
  const part = groupInfoOf(entry);
  const context = part && groupInfoIn(part.message)?.groupContext;
  return context !== undefined && equal(context.groupId, groupId) && context.epoch > than;
}
