/** A new group and its first commit, which nobody has to order: it is nobody else's yet (design, 4.4 and 4.6). */

import { fail } from '../../base/error.ts';
import type { OwnCommit, ProposalInput } from '../../index.ts';
import { add, preview } from '../../index.ts';
import type { StoredGroup } from '../../storage/index.ts';
import { type Admin, branchTag, groupExtensions, type XmppBinding } from '../binding.ts';
import { newId } from '../ordered/committer.ts';
import { invitationsOf } from '../ordered/invitations.ts';
import { orderedStanza, welcomeStanza } from '../ordered/outgoing.ts';
import {
  type Conversing,
  Conversing as ConversingRecord,
  namesOf,
  Outgoing,
  record,
} from '../ordered/records.ts';
import { serialise } from '../serialise.ts';
import type { Candidate } from './goals.ts';
import type { Setting } from './setting.ts';

/** What a new group is for. */
export interface Founding {
  readonly conversing: Omit<Conversing, 'groupId'>;
  readonly joinRule: XmppBinding['joinRule'];
  readonly admins: readonly Admin[];
  readonly pair: XmppBinding['pair'];
  /** Devices that are in from the beginning. */
  readonly members: readonly Candidate[];
}

/** A group of which nobody has heard yet. */
export interface Founded {
  readonly group: StoredGroup;
  readonly conversing: Conversing;
}

/**
 * Found a group in epoch 1. The first entry of its order and the Welcomes are written with it, for its mailer to send: whatever
 * happens in between, nobody is left with a group of which the others never hear. @throws `validation.*`, `policy.*`, `storage.*`
 */
export async function found(setting: Setting, founding: Founding): Promise<Founded> {
  const { client, random } = setting;
  const { sequencer } = founding.conversing;
  const binding: XmppBinding = {
    version: 0,
    mode: founding.conversing.mode as XmppBinding['mode'],
    sequencer,
    joinRule: founding.joinRule,
    removeRule: 1,
    infoRule: 1,
    historyRule: 0,
    staleAfter: 0,
    admins: founding.admins,
    pair: founding.pair,
  };
  const group = await client.createGroup({ id: random(16), extensions: groupExtensions(binding) });
  const inputs: ProposalInput[] = founding.members.map(({ message }) => add(message));
  const made: OwnCommit = await group.commit(inputs, { groupInfo: true });
  const conversing: Conversing = { ...founding.conversing, groupId: group.group.id };
  const names = namesOf(group.group.id);
  const groupInfo = { message: made.groupInfo ?? fail('internal.bug'), branch: tagOf(group) };
  const first = orderedStanza({ kind: 'group-info', groupInfo }, newId('g', random));
  const invited = founding.members.map(({ jid }) => ({ to: jid }));
  const invitations = invitationsOf(made.welcome, invited, sequencer);
  await group.accept(made, (_, records) => {
    records.put(names.conversation, record(ConversingRecord, conversing));
    const entry = { isOrdered: true, stanza: serialise(first), number: 0n };
    records.put(`${names.outgoing}first`, record(Outgoing, entry));
    for (const invitation of invitations) {
      // Without a cursor: the order of the group begins with its first entry.
      const { digest, stanza } = welcomeStanza(invitation, undefined, (bytes) => setting.hash(bytes));
      records.put(names.outgoing + digest, record(Outgoing, { isOrdered: false, stanza, number: 1n }));
    }
  });
  return { group, conversing };
}

/** Tag of the epoch that the first commit makes. */
function tagOf({ group }: StoredGroup): Uint8Array {
  return branchTag(preview(group) ?? fail('internal.bug'));
}
