/** Leaving a group: nobody can take out itself, so the others are asked to (design, 4.3). */

import { remove } from '../../index.ts';
import type { XmlElement } from '../element.ts';
import { HandshakeReason, handshakeNote } from '../handshakeNote.ts';
import { newId } from '../ordered/committer.ts';
import type { OrderedGroup } from '../ordered/orderedGroup.ts';
import { orderedStanza } from '../ordered/outgoing.ts';

/** Propose that our leaf is removed; the stanza is to be appended. @throws `state.closed`, `storage.*` */
export async function proposeLeaving(
  ordered: OrderedGroup,
  random: (length: number) => Uint8Array,
): Promise<XmlElement> {
  const { group } = ordered.stored;
  const authenticatedData = handshakeNote(HandshakeReason.left);
  const { message } = await ordered.stored.propose(remove(group.self), { authenticatedData });
  return orderedStanza({ kind: 'proposal', message }, newId('p', random), ordered.branch);
}
