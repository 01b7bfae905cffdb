/** A room, or another account, to talk with in private. */

import { fail, MlsError } from '../../base/error.ts';
import type { Extension, Group } from '../../index.ts';
import type { MlsStore } from '../../storage/index.ts';
import type { MessageContent } from '../content/content.ts';
import { buildMessage, sealMessage } from '../content/message.ts';
import { HandshakeReason } from '../handshakeNote.ts';
import type { SignedDeviceList } from '../identity/deviceList.ts';
import { newId } from '../ordered/committer.ts';
import type { Followed } from '../ordered/follow.ts';
import type { OrderedGroup } from '../ordered/orderedGroup.ts';
import { namesOf } from '../ordered/records.ts';
import type { Timers } from '../timers.ts';
import type { Transport } from '../transport.ts';
import type { DeviceName, EventStream } from './events.ts';
import {
  accountsIn,
  accountsOut,
  deviceOut,
  fresh,
  nameOf,
  type Packages,
  proposalsCommitted,
} from './goals.ts';
import { proposeLeaving } from './leaving.ts';
import { Telling } from './telling.ts';

/** What all conversations of a session share. */
export interface Surroundings {
  readonly store: MlsStore;
  readonly transport: Transport;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  readonly events: EventStream;
  readonly packages: Packages;
  /** Our own account and device. */
  readonly self: DeviceName;
  /** What has come to the account was read. */
  readonly feedRead: () => Promise<void>;
  /** Whether the user has to decide about an account before anything is sent to it. */
  readonly isBlocked: (jid: string) => boolean;
  /** What a new leaf of ours says: a certificate with time left. */
  readonly leafExtensions: () => readonly Extension[];
}

/** What a conversation is with. */
export interface Talk {
  readonly kind: 'room' | 'chat' | 'self';
  /** Bare address of the room, the peer or ourselves. */
  readonly jid: string;
}

/** After this long without new keys a member renews them before it speaks, seconds. */
const STALE_S = 7 * 86_400;
/** A log that was read this long ago is read again before speaking, milliseconds. */
const LOG_AGE_MS = 600_000;
/** Attempts of a send that meets one commit after another. */
const TRIES = 5;

/** One conversation. `send` and the like wait until they are done; what arrives comes as events of the session. */
export class Conversation {
  readonly kind: Talk['kind'];
  readonly jid: string;
  readonly #with: Surroundings;
  #ordered: OrderedGroup | undefined;
  #beginning: Promise<void> = Promise.resolve();
  /** Accounts that the room has put out: nothing is said before they are out of the group. */
  readonly #leaving = new Set<string>();
  #renewedAt: number;
  #logReadAt = Number.NEGATIVE_INFINITY;
  readonly #telling: Telling;
  readonly #others: OrderedGroup[] = [];

  /** For the session. */
  constructor(surroundings: Surroundings, { kind, jid }: Talk) {
    this.#with = surroundings;
    this.kind = kind;
    this.jid = jid;
    this.#renewedAt = surroundings.timers.now();
    this.#telling = new Telling(surroundings, this);
  }

  /** `waiting`: there is no group that we are in, yet. `removed`: we were taken out. */
  get status(): 'active' | 'waiting' | 'removed' {
    if (this.#ordered === undefined) return 'waiting';
    return this.#ordered.stored.group.isActive ? 'active' : 'removed';
  }
  /** The MLS group, for reading. */
  get group(): Group | undefined {
    return this.#ordered?.stored.group;
  }
  /** Devices that can read and write here. */
  get members(): readonly DeviceName[] {
    return this.group?.members.flatMap((member) => nameOf(member) ?? []) ?? [];
  }

  /**
   * Say something. Resolves when the service has it; what cannot be sent now for want of a connection is sent later, and that
   * is said by `xmpp.offline` or `xmpp.timeout`.
   * @returns the id by which replies and corrections refer to it
   * @throws `state.not-member` without a group, `policy.identity-changed` while an account in it is to be decided about,
   *   `xmpp.*`, `storage.*`
   */
  async send(content: string | MessageContent): Promise<{ readonly id: string }> {
    const { self, timers, random } = this.#with;
    const ordered = this.#active();
    const mid = newId('m', random);
    const time = Math.floor(timers.now() / 1000);
    const asked = typeof content === 'string' ? { body: content } : content;
    const { plaintext, handling } = sealMessage(asked, { from: self.jid, to: this.jid, time, mid });
    const isOrdered = this.kind === 'room';
    for (let tries = 0; ; tries++) {
      await this.#prepare(ordered);
      try {
        const place = await ordered.mailer.send({
          data: plaintext,
          isOrdered: isOrdered && handling !== 'ephemeral',
          stanza: (message, branch) =>
            buildMessage({
              kind: isOrdered ? 'groupchat' : 'chat',
              to: this.jid,
              mid,
              branch,
              message,
              handling,
            }),
        });
        return { id: isOrdered ? (place ?? mid) : mid };
      } catch (error) {
        const isOvertaken = error instanceof MlsError && error.code === 'state.proposals-pending';
        if (!isOvertaken || tries >= TRIES) throw error;
      }
    }
  }

  /** All devices of these accounts are let in. @throws `xmpp.no-key-package`, `policy.*`, and what a commit throws */
  async invite(...jids: readonly string[]): Promise<void> {
    const ordered = this.#active();
    for (const jid of jids) if (this.#with.isBlocked(jid)) fail('policy.identity-changed', { jid });
    await ordered.reach(accountsIn(jids, this.#with.packages, HandshakeReason.invited));
  }

  /** These accounts are put out. @throws what a commit throws */
  async remove(...jids: readonly string[]): Promise<void> {
    await this.#active().reach(accountsOut(jids, HandshakeReason.kicked));
    for (const jid of jids) this.#leaving.delete(jid);
  }

  /** One device is put out. @param evidence the signed device list that revokes it */
  async removeDevice(device: DeviceName, reason: number, evidence?: SignedDeviceList): Promise<void> {
    await this.#active().reach(deviceOut(device, reason, evidence));
  }

  /** Our other devices are let in. @throws as {@link invite} */
  async inviteOwnDevices(): Promise<void> {
    const { self, packages } = this.#with;
    await this.#active().reach(accountsIn([self.jid], packages, HandshakeReason.deviceAdded));
  }

  /** Fresh keys for this device: whoever has stolen older ones is shut out (RFC 9420 §16.6). */
  async refresh(): Promise<void> {
    const ordered = this.#active();
    await ordered.reach(fresh(ordered.stored.group, this.#with.leafExtensions));
    this.#renewedAt = this.#with.timers.now();
  }

  /**
   * Ask the others to take us out, and read no more, also after a restart. The next who speaks does it.
   * @throws what says that the room has not taken the request: nothing has changed then; `storage.*`
   */
  async leave(): Promise<void> {
    const ordered = this.#active();
    const appended = await ordered.sequencer.append(await proposeLeaving(ordered, this.#with.random));
    if (appended.kind === 'refused' || appended.kind === 'unknown') throw appended.error;
    if (appended.kind === 'not-archived') fail('xmpp.server-unfit', { missing: 'archive' });
    const { conversation } = namesOf(ordered.stored.group.id);
    await this.#with.store.write((records) => records.del(conversation));
    await this.end();
  }

  /** Read everything that has come. Resolves when there is nothing more. @throws `xmpp.*`, `state.desync` */
  async catchUp(): Promise<void> {
    await this.#ordered?.catchUp();
    this.#logReadAt = this.#with.timers.now();
  }

  /** For the session: the group that carries this conversation. */
  begin(ordered: OrderedGroup): void {
    this.#ordered = ordered;
  }

  /** For the session: one step at a time, so that two who ask for the conversation begin it once. */
  once(step: () => Promise<void>): Promise<void> {
    const done = this.#beginning.then(step);
    this.#beginning = done.catch(() => {});
    return done;
  }

  /** For the session: our keys may be known to others; new ones come before the first message. */
  renewSoon(): void {
    this.#renewedAt = Number.NEGATIVE_INFINITY;
  }

  /** For the session: a second group of the pair, in which nothing is said any more. */
  keepReading(ordered: OrderedGroup): void {
    this.#others.push(ordered);
  }

  /** For the session: the group was not the one that counts. */
  async abandon(): Promise<void> {
    await this.#ordered?.stop();
    this.#ordered = undefined;
  }

  /** For the session: the group in its order. */
  get ordered(): OrderedGroup | undefined {
    return this.#ordered;
  }

  /** For the session: follow no longer. */
  async end(): Promise<void> {
    for (const ordered of [this.#ordered, ...this.#others]) await ordered?.stop();
  }

  /** For the session: hand out again what nobody has taken. */
  async handOutAgain(): Promise<void> {
    for (const ordered of [this.#ordered, ...this.#others])
      for (const message of ordered?.stored.inbox ?? [])
        await this.#telling.handOut((ordered as OrderedGroup).stored, message, undefined);
  }

  /** For the session: the room has put an account out. */
  putOut(jid: string): void {
    this.#leaving.add(jid);
  }

  /** For the session: what became of something that arrived. */
  followed({ stored }: OrderedGroup, followed: Followed): void {
    switch (followed.kind) {
      case 'message':
        void this.#telling.handOut(stored, followed.message, followed.origin);
        return;
      case 'commit':
        this.#committed(followed);
        return;
      case 'unreadable':
        void this.#telling.unreadable(followed.error, followed.origin);
        return;
      case 'refused':
        void this.#with.events.emit({ kind: 'fault', conversation: this, error: followed.error });
    }
  }

  #committed(followed: Extract<Followed, { kind: 'commit' }>): void {
    for (const jid of this.#leaving)
      if (!this.members.some((one) => one.jid === jid)) this.#leaving.delete(jid);
    if (followed.isOwn) this.#renewedAt = this.#with.timers.now();
    this.#telling.commit(followed);
  }

  #active(): OrderedGroup {
    const ordered = this.#ordered;
    if (ordered === undefined || !ordered.stored.group.isActive) return fail('state.not-member');
    return ordered;
  }

  /** What has to be in order before something is said. */
  async #prepare(ordered: OrderedGroup): Promise<void> {
    const { timers, isBlocked } = this.#with;
    // The log closes epochs, so messages come first.
    if (this.kind !== 'room') await this.#with.feedRead();
    if (this.kind !== 'room' && timers.now() - this.#logReadAt > LOG_AGE_MS) await this.catchUp();
    const blocked = this.members.find(({ jid }) => isBlocked(jid));
    if (blocked !== undefined) fail('policy.identity-changed', { jid: blocked.jid });
    if (this.#leaving.size > 0) await this.remove(...this.#leaving);
    await ordered.reach(proposalsCommitted);
    if (timers.now() - this.#renewedAt > STALE_S * 1000) await this.refresh();
  }
}
