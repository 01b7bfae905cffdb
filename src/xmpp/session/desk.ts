/** Where everything that arrives is sorted, and where the duties of a member are done (design, 4.4, 5.11, 7.4). */

import { toHex } from '../../base/bytes.ts';
import { failure, type MlsError } from '../../base/error.ts';
import { bindingOf, GroupMode, type XmppBinding } from '../binding.ts';
import { judgeClear } from '../content/clear.ts';
import type { Incoming } from '../content/incoming.ts';
import type { XmlElement } from '../element.ts';
import { bareJid, readJid } from '../jid.ts';
import type { Nodes } from '../nodes.ts';
import type { Arrived, Followed } from '../ordered/follow.ts';
import { headerOf } from '../ordered/header.ts';
import type { OrderedGroup } from '../ordered/orderedGroup.ts';
import { outline } from '../ordered/outgoing.ts';
import type { Conversing } from '../ordered/records.ts';
import type { Pin } from '../pins.ts';
import type { Entry } from '../sequencer/contract.ts';
import { digestOf } from '../sequencer/entry.ts';
import type { RoomEvent } from '../sequencer/roomEvents.ts';
import type { MlsContent } from '../stanza/mls.ts';
import type { Control } from '../stanza/mlsControl.ts';
import { Conversation, type Talk } from './conversation.ts';
import { GroupInfoCopies } from './copies.ts';
import { Delays } from './delays.ts';
import { Doorway, isAddressedToUs } from './doorway.ts';
import { Duties } from './duties.ts';
import type { MlsXmppEvent } from './events.ts';
import { AccountFeed, type Delivery, type FeedHandlers } from './feed.ts';
import { asMlsError } from './goals.ts';
import { tellPeers } from './posting.ts';
import { reportClear, reportUnreadable } from './reports.ts';
import { Requests } from './requests.ts';
import { isPublished, type Setting } from './setting.ts';
import { TrustWatch } from './trustWatch.ts';
import { Upkeep } from './upkeep.ts';
import { type Host, takeWelcome } from './welcomes.ts';

type Tasks = Pick<Setting, 'roomEvent' | 'followed' | 'copies' | 'know'>;
type App = Extract<Incoming, { kind: 'app' }>;

/** What a desk is made with. */
export interface DeskOptions {
  readonly nodes: Nodes;
  /** Accounts that the user has to decide about. */
  readonly blocked: Set<string>;
  readonly mayInvite: ((jid: string, binding: XmppBinding) => boolean | Promise<boolean>) | undefined;
}

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
  #duties: Duties | undefined;
  #doorway: Doorway | undefined;
  #upkeep: Upkeep | undefined;
  #requests: Requests | undefined;
  #trust: TrustWatch | undefined;

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
    this.#trust = new TrustWatch(setting, this.#delays, this.#options.blocked);
    this.#duties = new Duties(setting, this.#delays, () => this.conversations);
    this.#upkeep = new Upkeep(setting, this.#delays, () => this.conversations);
    this.#upkeep.begin();
    this.#doorway = new Doorway({
      timers: setting.timers,
      delays: this.#delays,
      isKnown: (jid) => this.#isKnown(jid),
      tell: (event) => void setting.events.emit(event),
    });
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
  get tasks(): Tasks {
    return {
      roomEvent: (conversation, event) => this.#roomEvent(conversation, event),
      followed: (...what) => this.#followed(...what),
      copies: (conversation, groupId) =>
        conversation.kind === 'room'
          ? Promise.resolve([])
          : this.#copies.read([this.setting.self.jid, conversation.jid], groupId),
      know: (conversation, ordered) => {
        this.#groups.set(toHex(ordered.stored.group.id), { conversation, ordered });
        this.#trust?.soon(conversation);
      },
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

  invite(invitation: Extract<MlsXmppEvent, { kind: 'invitation' }>): boolean {
    return this.#doorway?.invite(invitation) ?? false;
  }

  /** Everything was read: what a member has to see to now. @throws `xmpp.*`, `storage.*` */
  async caughtUp(): Promise<void> {
    await this.#upkeep?.look();
    await this.#duties?.caughtUp();
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
    this.#trust?.learn(pin);
    this.#duties?.revoked(pin);
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
      else reportUnreadable(this.setting.events, incoming, failure('codec.unsupported'));
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
      if (outcome !== undefined) this.#trust?.listed(outcome);
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
      const error = failure('state.unknown-group', groupId === undefined ? {} : { group: toHex(groupId) });
      if (incoming.direction !== 'sent') reportUnreadable(this.setting.events, incoming, error);
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

  async #mls({ payload, peer, direction }: Extract<Incoming, { kind: 'mls' }>): Promise<void> {
    const { content } = payload;
    if (content.kind === 'welcome') {
      await this.#welcome(content, peer);
      return;
    }
    if (direction === 'sent') return;
    if (content.kind === 'log-hint' || content.kind === 'join-request' || content.kind === 'info-request')
      await this.#control(content, peer);
  }

  async #welcome(welcome: Extract<MlsContent, { kind: 'welcome' }>, peer: string): Promise<void> {
    const { client, ownPackages } = this.setting;
    if (!isAddressedToUs(welcome.message, client.keyPackages)) return;
    const jid = readJid(peer);
    await this.#doorway?.pass(jid === undefined ? '' : bareJid(jid), async () => {
      await takeWelcome(this, welcome, peer);
      this.later([0, 1], () => ownPackages.maintain({ joined: true }));
    });
  }

  #isKnown(jid: string): boolean {
    if (jid === this.setting.self.jid || this.has({ kind: 'chat', jid })) return true;
    return this.conversations.some(({ members }) => members.some((member) => member.jid === jid));
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
    if (conversation !== undefined)
      reportClear(this.setting.events, conversation, { from: peer, parts: clear });
  }

  #roomEvent(conversation: Conversation, event: RoomEvent): void {
    void this.setting.events.emit({ kind: 'room', conversation, event });
    if (event.kind === 'affiliation' && conversation.status === 'active')
      this.#duties?.affiliation(conversation, event);
  }

  #followed(conversation: Conversation, ordered: OrderedGroup, followed: Followed, entry?: Entry): void {
    if (entry !== undefined) this.#requests?.note(ordered, entry);
    if (followed.kind === 'own' && conversation.kind === 'room') this.#requests?.freshen(ordered);
    if (followed.kind !== 'commit') return;
    const { group } = ordered.stored;
    const { added, updated } = followed.commit.changes;
    if (added.length + updated.length > 0)
      this.#trust?.soon(conversation, [...added, ...updated.map(({ after }) => after)]);
    if (followed.isOwn) {
      // Welcomes were written down with the commit.
      this.#delays?.now(() => ordered.mailer.flush());
      if (conversation.kind !== 'room')
        this.#delays?.now(() => tellPeers(this.setting, conversation, ordered));
    }
    if (!group.isActive || conversation.kind === 'room' || !isPublished(bindingOf(group.extensions))) return;
    const peer = conversation.kind === 'chat' ? conversation.jid : undefined;
    this.later(followed.isOwn ? [0, 0] : [5, 60], () => this.#copies.write(group, peer, !followed.isOwn));
  }
}
