/** A new group and its first commit, which nobody has to order: it is nobody else's yet (design, 4.4 and 4.6). */

import type { OwnCommit, ProposalInput } from '../../index.ts';
import { add } from '../../index.ts';
import type { StoredGroup } from '../../storage/index.ts';
import { type Admin, branchTag, groupExtensions, type XmppBinding } from '../binding.ts';
import type { XmlElement } from '../element.ts';
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
  /** The first entry of its order. */
  readonly first: XmlElement;
  /** Write the Welcomes down, now that the order has begun. @param cursor the place of the first entry */
  invite(cursor: string): Promise<void>;
}

/** Found a group in epoch 1. @throws `validation.*`, `policy.*`, `storage.*` */
export async function found(setting: Setting, founding: Founding): Promise<Founded> {
  const { client, random, store } = setting;
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
  const made: OwnCommit = await group.commit(inputs);
  const conversing: Conversing = { ...founding.conversing, groupId: group.group.id };
  const names = namesOf(group.group.id);
  await group.accept(made, (_, records) =>
    records.put(names.conversation, record(ConversingRecord, conversing)),
  );
  const invited = founding.members.map(({ jid }) => ({ to: jid }));
  const invitations = invitationsOf(made.welcome, invited, sequencer);
  const groupInfo = { message: group.group.groupInfo(), branch: branchTag(group.group) };
  return {
    group,
    conversing,
    first: orderedStanza({ kind: 'group-info', groupInfo }, newId('g', random)),
    invite: (cursor) =>
      store.write((records) => {
        for (const invitation of invitations) {
          const { digest, stanza } = welcomeStanza(invitation, cursor, (bytes) => setting.hash(bytes));
          records.put(names.outgoing + digest, record(Outgoing, { isOrdered: false, stanza, number: 0n }));
        }
      }),
  };
}
