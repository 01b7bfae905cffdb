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
export function canGoOn(entries: readonly Entry[], standing: Standing): boolean {
  const facts = entries.flatMap((entry) => factsOf(entry, standing));
  const first = facts.find(({ leadsTo }) => leadsTo !== undefined)?.leadsTo;
  if (first === undefined) return !facts.some(({ isLater }) => isLater);
  return facts.some(({ isOn }) => isOn === first);
}

/** What one entry says of what may have been missed. */
interface Fact {
  /** Something after our epoch. */
  readonly isLater: boolean;
  /** The branch that a commit of our epoch leads to; empty if it does not say. */
  readonly leadsTo?: string;
  /** The branch that something of the next epoch is on. */
  readonly isOn?: string;
}

function factsOf(entry: Entry, { groupId, epoch }: Standing): Fact[] {
  const { payload } = entry;
  const content = payload?.content;
  const info = groupInfoOf(entry);
  const context = info && groupInfoIn(info.message)?.groupContext;
  const facts: Fact[] = [];
  if (context !== undefined && equal(context.groupId, groupId) && context.epoch > epoch + 1n)
    facts.push({ isLater: true });
  const header = content !== undefined && 'message' in content ? headerOf(content.message) : undefined;
  if (header === undefined || !equal(header.groupId, groupId) || header.epoch < epoch) return facts;
  if (header.epoch > epoch) {
    const branch = header.epoch === epoch + 1n ? payload?.branch : undefined;
    return [...facts, { isLater: true, ...(branch && { isOn: toHex(branch) }) }];
  }
  if (content?.kind !== 'commit') return facts;
  return [...facts, { isLater: false, leadsTo: info === undefined ? '' : toHex(info.branch) }];
}
