/** Where everything that arrives is sorted, and where the duties of a member are done (design, 4.4, 5.11, 7.4). */

import { toHex } from '../../base/bytes.ts';
import { failure, type MlsError } from '../../base/error.ts';
import { bindingOf, GroupMode, type XmppBinding } from '../binding.ts';
import { judgeClear } from '../content/clear.ts';
import type { Incoming } from '../content/incoming.ts';
import type { ListOutcome } from '../devices.ts';
import type { XmlElement } from '../element.ts';
import { bareJid, readJid } from '../jid.ts';
import type { Nodes } from '../nodes.ts';
import type { Arrived, Followed } from '../ordered/follow.ts';
import { headerOf } from '../ordered/header.ts';
import type { OrderedGroup } from '../ordered/orderedGroup.ts';
import { outline } from '../ordered/outgoing.ts';
import type { Conversing } from '../ordered/records.ts';
import { isBlocked, type Pin } from '../pins.ts';
import type { Entry } from '../sequencer/contract.ts';
import { digestOf } from '../sequencer/entry.ts';
import type { RoomEvent } from '../sequencer/roomEvents.ts';
import type { Control } from '../stanza/mlsControl.ts';
import { isAdminOf } from './admins.ts';
import { logHint } from './chats.ts';
import { Conversation, type Talk } from './conversation.ts';
import { GroupInfoCopies } from './copies.ts';
import { Delays } from './delays.ts';
import { AccountFeed, type Delivery, type FeedHandlers } from './feed.ts';
import { asMlsError, membersOf } from './goals.ts';
import { Requests } from './requests.ts';
import { isPublished, type Setting } from './setting.ts';
import { type Host, takeWelcome } from './welcomes.ts';

type Duties = Pick<Setting, 'roomEvent' | 'followed' | 'copies' | 'know'>;
type App = Extract<Incoming, { kind: 'app' }>;

/** What a desk is made with. */
export interface DeskOptions {
  readonly nodes: Nodes;
  /** Accounts that the user has to decide about. */
  readonly blocked: Set<string>;
  readonly mayInvite: ((jid: string, binding: XmppBinding) => boolean | Promise<boolean>) | undefined;
}

/** Seconds after which admins, then members, act on what the room says. */
const ADMINS_S = [0, 3] as const;
const MEMBERS_S = [5, 20] as const;

/** Sorts what arrives for one session. */
export class Desk implements FeedHandlers, Host {
  readonly #options: DeskOptions;
  readonly #conversations = new Map<string, Conversation>();
  readonly #groups = new Map<
    string,
    { readonly conversation: Conversation; readonly ordered: OrderedGroup }
  >();
  readonly #copies: GroupInfoCopies;
  #setting: Setting | undefined;
  #feed: AccountFeed | undefined;
  #delays: Delays | undefined;
  #requests: Requests | undefined;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#copies = new GroupInfoCopies(options.nodes);
  }

  /** Begin to serve a session. @returns the feed that brings what there is to sort */
  serve(setting: Setting): AccountFeed {
    this.#setting = setting;
    const failed = (error: unknown): void => this.fault(asMlsError(error));
    this.#delays = new Delays(setting, failed);
    this.#requests = new Requests(setting, this.#delays);
    this.#feed = new AccountFeed(setting, this);
    return this.#feed;
  }

  /** What has come to the account was read; at once before there is a feed. */
  feedRead(): Promise<void> {
    return this.#feed?.read ?? Promise.resolve();
  }

  /** Everything put off is called off. */
  stop(): void {
    this.#delays?.stop();
  }

  get setting(): Setting {
    return this.#setting as Setting;
  }
  get conversations(): readonly Conversation[] {
    return [...this.#conversations.values()];
  }

  /** What the session does for its conversations. */
  get duties(): Duties {
    return {
      roomEvent: (conversation, event) => this.#roomEvent(conversation, event),
      followed: (...what) => this.#followed(...what),
      copies: (conversation, groupId) =>
        conversation.kind === 'room'
          ? Promise.resolve([])
          : this.#copies.read([this.setting.self.jid, conversation.jid], groupId),
      know: (conversation, ordered) =>
        this.#groups.set(toHex(ordered.stored.group.id), { conversation, ordered }),
    };
  }

  has({ kind, jid }: Talk): boolean {
    return this.#conversations.has(`${kind} ${jid}`);
  }

  conversation(talk: Talk): Conversation {
    const key = `${talk.kind} ${talk.jid}`;
    const known = this.#conversations.get(key) ?? new Conversation(this.setting, talk);
    this.#conversations.set(key, known);
    return known;
  }

  begin(conversation: Conversation): void {
    this.#delays?.now(() => conversation.catchUp());
  }

  later(between: readonly [number, number], step: () => Promise<unknown>): void {
    this.#delays?.later(between, step);
  }

  /** With whom a stored conversation is. */
  talkOf({ mode, peer }: Pick<Conversing, 'mode' | 'peer'>): Talk {
    const kind = mode === GroupMode.muc ? 'room' : mode === GroupMode.self ? 'self' : 'chat';
    return { kind, jid: peer };
  }

  async mayInvite(jid: string, binding: XmppBinding): Promise<boolean> {
    return (await this.#options.mayInvite?.(jid, binding)) ?? false;
  }

  /** What became of trust in an account. */
  async learn(pin: Pin): Promise<void> {
    if (isBlocked(pin)) this.#options.blocked.add(pin.jid);
    else this.#options.blocked.delete(pin.jid);
  }

  async deliver({ incoming, time }: Delivery): Promise<void> {
    if (incoming.kind === 'bounce') return;
    if (incoming.type === 'groupchat') {
      this.#roomRequest(incoming);
      return;
    }
    try {
      if (incoming.kind === 'app') await this.#app(incoming, time);
      else if (incoming.kind === 'mls') await this.#mls(incoming);
      else if (incoming.kind === 'clear') this.#clear(incoming);
      else this.#unsupported(incoming);
    } catch (error) {
      const told = asMlsError(error);
      // The machine failed, not the message: it is to come again.
      if (told.scope === 'profile') throw error;
      this.fault(told);
    }
  }

  async other(message: XmlElement): Promise<void> {
    try {
      const outcome = await this.setting.devices.handle(message);
      if (outcome !== undefined) await this.#listed(outcome);
    } catch (error) {
      this.fault(asMlsError(error));
    }
  }

  fault(error: MlsError, conversation?: Conversation): void {
    void this.setting.events.emit({ kind: 'fault', conversation, error });
  }

  progress(entries: number): void {
    void this.setting.events.emit({ kind: 'progress', conversation: undefined, entries });
  }

  async #app(incoming: App, time: number | undefined): Promise<void> {
    const { app: message, branch, peer, id, clear } = incoming;
    const groupId = headerOf(message)?.groupId;
    const known = groupId && this.#groups.get(toHex(groupId));
    if (known === undefined) {
      this.#unknownGroup(incoming, groupId);
      return;
    }
    const content = { kind: 'app', message } as const;
    const digest = digestOf(incoming.message, { branch, content }, (bytes) => this.setting.hash(bytes));
    const origin = { id: id ?? digest, stanza: outline(incoming.message), time };
    const arrived: Arrived = { message, branch, source: peer, origin, digest, place: undefined };
    if (judgeClear(clear, true) !== undefined) this.fault(failure('xmpp.mixed-body'), known.conversation);
    if (await this.setting.seen.has(digest)) return;
    await known.ordered.direct(arrived, (records) => this.setting.seen.mark(digest, records));
  }

  #unknownGroup({ peer, id, direction }: App, groupId: Uint8Array | undefined): void {
    if (direction === 'sent') return;
    const error = failure('state.unknown-group', groupId === undefined ? {} : { group: toHex(groupId) });
    void this.setting.events.emit({
      kind: 'undecryptable',
      conversation: undefined,
      id: id ?? '',
      from: peer,
      error,
    });
  }

  async #mls({ payload, peer, direction }: Extract<Incoming, { kind: 'mls' }>): Promise<void> {
    const { content } = payload;
    if (content.kind === 'welcome') {
      await takeWelcome(this, content, peer);
      this.later([0, 1], () => this.setting.ownPackages.maintain({ joined: true }));
      return;
    }
    if (direction === 'sent') return;
    if (content.kind === 'log-hint' || content.kind === 'join-request' || content.kind === 'info-request')
      await this.#control(content, peer);
  }

  async #control(control: Exclude<Control, { kind: 'desync' }>, from: string): Promise<void> {
    const known = control.group && this.#groups.get(toHex(control.group));
    if (known !== undefined) await this.#requests?.answer(control, from, known);
  }

  #roomRequest(incoming: Exclude<Incoming, { kind: 'nothing' | 'bounce' }>): void {
    if (incoming.kind !== 'mls' || incoming.payload.content.kind !== 'info-request') return;
    const jid = readJid(incoming.peer);
    const ordered = jid && this.#conversations.get(`room ${bareJid(jid)}`)?.ordered;
    if (ordered !== undefined) this.#requests?.inRoom(ordered);
  }

  #clear({ peer, clear }: Extract<Incoming, { kind: 'clear' }>): void {
    const jid = readJid(peer);
    const conversation = jid && this.#conversations.get(`chat ${bareJid(jid)}`);
    const code = judgeClear(clear, false);
    if (conversation === undefined || conversation.status !== 'active' || code === undefined) return;
    void this.setting.events.emit({ kind: 'downgrade', conversation, from: peer, error: failure(code) });
  }

  #unsupported({ peer, id }: Extract<Incoming, { kind: 'unsupported' }>): void {
    const error = failure('codec.unsupported');
    void this.setting.events.emit({
      kind: 'undecryptable',
      conversation: undefined,
      id: id ?? '',
      from: peer,
      error,
    });
  }

  async #listed({ jid, verdict, pin, error }: ListOutcome): Promise<void> {
    if (pin !== undefined) await this.learn(pin);
    if (verdict !== 'same' || error !== undefined)
      void this.setting.events.emit({ kind: 'trust', jid, verdict, error });
  }

  /** What the room says of accounts is no law in the group; members see to it that both agree. */
  #roomEvent(conversation: Conversation, event: RoomEvent): void {
    const { events } = this.setting;
    void events.emit({ kind: 'room', conversation, event });
    const group = conversation.group;
    if (event.kind !== 'affiliation' || group === undefined || !group.isActive) return;
    const jid = readJid(event.jid);
    if (jid === undefined || !['none', 'outcast'].includes(event.affiliation)) return;
    const account = bareJid(jid);
    if (account === this.setting.self.jid || membersOf(group, account).length === 0) return;
    conversation.putOut(account);
    const when = isAdminOf(this.setting, group) ? ADMINS_S : MEMBERS_S;
    this.later(when, async () => {
      if (conversation.status === 'active') await conversation.remove(account);
    });
  }

  #followed(conversation: Conversation, ordered: OrderedGroup, followed: Followed, entry?: Entry): void {
    if (entry !== undefined) this.#requests?.note(ordered, entry);
    if (followed.kind === 'own' && conversation.kind === 'room') this.#requests?.freshen(ordered);
    if (followed.kind !== 'commit') return;
    const { group } = ordered.stored;
    if (followed.isOwn) {
      // Welcomes were written down with the commit.
      this.#delays?.now(() => ordered.mailer.flush());
      if (conversation.kind !== 'room') this.#delays?.now(() => this.#tellPeers(conversation, ordered));
    }
    if (!group.isActive || conversation.kind === 'room' || !isPublished(bindingOf(group.extensions))) return;
    const peer = conversation.kind === 'chat' ? conversation.jid : undefined;
    this.later(followed.isOwn ? [0, 0] : [5, 60], () => this.#copies.write(group, peer, !followed.isOwn));
  }

  async #tellPeers(conversation: Conversation, { stored: { group } }: OrderedGroup): Promise<void> {
    const { transport, random, self } = this.setting;
    for (const to of new Set([conversation.jid, self.jid]))
      await transport.send(logHint(to, group.id, group.epoch, random));
  }
}
