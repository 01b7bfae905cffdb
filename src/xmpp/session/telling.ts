/** What a conversation tells of what arrived. Events are told later than they happen, since listeners may wait for us. */

import { toHex } from '../../base/bytes.ts';
import { failure, type MlsError } from '../../base/error.ts';
import type { InboxMessage, StoredGroup } from '../../storage/index.ts';
import { openMessage } from '../content/message.ts';
import { attr, type XmlElement } from '../element.ts';
import type { Followed } from '../ordered/follow.ts';
import { namesOf, Origin, readRecord } from '../ordered/records.ts';
import type { Conversation, Surroundings } from './conversation.ts';
import type { DeviceName } from './events.ts';
import { asMlsError, nameOf } from './goals.ts';

type Commit = Extract<Followed, { kind: 'commit' }>;

/** Tells of one conversation. */
export class Telling {
  readonly #with: Surroundings;
  readonly #conversation: Conversation;
  /** Messages that are being handed out, or were. */
  readonly #told = new Set<string>();

  constructor(surroundings: Surroundings, conversation: Conversation) {
    this.#with = surroundings;
    this.#conversation = conversation;
  }

  /** Hand a message out, once in this session, and let go of it when it was taken. @param known where it came from */
  async handOut(group: StoredGroup, message: InboxMessage, known: Origin | undefined): Promise<void> {
    const sender = nameOf(message.sender);
    const { id } = group.group;
    const key = `${toHex(id)} ${message.id}`;
    if (sender === undefined || this.#told.has(key)) return;
    this.#told.add(key);
    const { store } = this.#with;
    const name = namesOf(id).origin + message.id;
    try {
      const kept = known === undefined ? await store.get(name) : undefined;
      const origin = known ?? (kept && readRecord(Origin, kept)) ?? unknownOrigin(message.id);
      if (!(await this.#tell(message, origin, sender))) {
        this.#told.delete(key);
        return;
      }
      await group.acknowledge(message.id);
      await store.write((records) => records.del(name));
    } catch (error) {
      this.#fault(asMlsError(error));
    }
  }

  /** Tell of an epoch, or of our being out. */
  commit({ accepted, commit, by }: Commit): void {
    const { events } = this.#with;
    const { added, removed, removesSelf } = commit.changes;
    const who = by && nameOf(by);
    const conversation = this.#conversation;
    if (removesSelf) {
      void events.emit({ kind: 'removed', conversation, by: who });
      return;
    }
    const joined = added.flatMap((member) => nameOf(member) ?? []);
    const left = removed.flatMap((member) => nameOf(member) ?? []);
    void events.emit({ kind: 'membership', conversation, epoch: accepted.epoch, joined, left, by: who });
  }

  /** Tell of a message that cannot be read. */
  async unreadable(error: MlsError, { id, stanza }: Origin): Promise<void> {
    const from = this.#parsed(stanza)?.attrs['from'] ?? '';
    await this.#with.events.emit({
      kind: 'undecryptable',
      conversation: this.#conversation,
      id,
      from,
      error,
    });
  }

  async #tell(message: InboxMessage, origin: Origin, sender: DeviceName): Promise<boolean> {
    const { events, transport, self } = this.#with;
    const { kind, jid } = this.#conversation;
    const isRoom = kind === 'room';
    try {
      const stanza = transport.parse(origin.stanza);
      const opened = openMessage(message.data, (xml) => transport.parse(xml), {
        sender: sender.jid,
        self: self.jid,
        kind: isRoom ? 'room' : 'chat',
        conversation: jid,
        message: stanza,
        outerSender: isRoom ? undefined : attr(stanza, 'from'),
        time: origin.time,
      });
      return await events.emit({
        kind: 'message',
        conversation: this.#conversation,
        key: message.id,
        id: isRoom ? origin.id : opened.mid,
        sender,
        sentAt: opened.time,
        archivedAt: origin.time,
        content: opened.content,
        warning: opened.isOtherSender ? failure('xmpp.sender') : undefined,
      });
    } catch (error) {
      await this.unreadable(asMlsError(error), origin);
      return true;
    }
  }

  #parsed(stanza: string): XmlElement | undefined {
    return stanza === '' ? undefined : this.#with.transport.parse(stanza);
  }

  #fault(error: MlsError): void {
    void this.#with.events.emit({ kind: 'fault', conversation: this.#conversation, error });
  }
}

function unknownOrigin(id: string): Origin {
  return { id, stanza: '', time: undefined };
}
