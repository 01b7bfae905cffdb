/** What is told of messages that are not what they should be. */

import { failure, type MlsError } from '../../base/error.ts';
import { clearParts, judgeClear } from '../content/clear.ts';
import { attr } from '../element.ts';
import type { Entry } from '../sequencer/contract.ts';
import type { Conversation } from './conversation.ts';
import type { EventStream } from './events.ts';

/** A message that belongs to no group of ours, or to no protocol that we know. */
export function reportUnreadable(
  events: EventStream,
  { peer, id = '' }: { readonly peer: string; readonly id: string | undefined },
  error: MlsError,
): void {
  void events.emit({ kind: 'undecryptable', conversation: undefined, id, from: peer, error });
}

/** Something in the clear where everything is encrypted: it is told of, shown at most as what it is, and changes nothing. */
export function reportClear(
  events: EventStream,
  conversation: Conversation,
  { from, parts }: { readonly from: string; readonly parts: Parameters<typeof judgeClear>[0] },
): void {
  const code = judgeClear(parts, false);
  if (conversation.status !== 'active' || code === undefined) return;
  void events.emit({ kind: 'downgrade', conversation, from, error: failure(code) });
}

/** As {@link reportClear}, for what the archive of a room has. */
export function reportClearEntry(events: EventStream, conversation: Conversation, entry: Entry): void {
  const { payload, message } = entry;
  const parts = clearParts(message);
  if (payload === undefined) {
    reportClear(events, conversation, { from: attr(message, 'from') ?? '', parts });
    return;
  }
  if (judgeClear(parts, true) === undefined) return;
  void events.emit({ kind: 'fault', conversation, error: failure('xmpp.mixed-body', { id: entry.id }) });
}
