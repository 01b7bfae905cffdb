/** MLS for one XMPP account on one device: the way in for applications. */

import { equal } from '../../base/bytes.ts';
import { fail, type MlsError } from '../../base/error.ts';
import type { KeyPair, Provider } from '../../index.ts';
import type { MlsStore } from '../../storage/index.ts';
import type { XmppBinding } from '../binding.ts';
import type { Http } from '../content/files.ts';
import { aikId } from '../identity/accountKey.ts';
import { RevocationReason } from '../identity/deviceList.ts';
import { fingerprintText } from '../identity/fingerprint.ts';
import { bareJid, parseJid } from '../jid.ts';
import { Nodes } from '../nodes.ts';
import { CONVERSATIONS, Conversing, readRecord } from '../ordered/records.ts';
import { enableCarbons } from '../stanza/carbons.ts';
import { systemTimers, type Timers, wholeTimers } from '../timers.ts';
import type { ConnectionState, Transport } from '../transport.ts';
import { type Assembled, assemble, openClient } from './assemble.ts';
import { beginChat } from './chats.ts';
import type { Conversation, Talk } from './conversation.ts';
import { isCutOff } from './delays.ts';
import type { Desk } from './desk.ts';
import { EventStream, type Listener, type MlsXmppEvent } from './events.ts';
import type { AccountFeed } from './feed.ts';
import { asMlsError } from './goals.ts';
import { OwnDevice } from './ownDevice.ts';
import { beginRoom, type RoomOptions } from './rooms.ts';
import { orderGroup, positionOf, type Setting } from './setting.ts';

/** What a session is made of. */
export interface MlsXmppOptions {
  /** A connection that is online, with presence sent. */
  readonly transport: Transport;
  /** The store of this device and account, for as long as the device exists. */
  readonly store: MlsStore;
  /** Primitives. @defaultValue those of the platform */
  readonly provider: Provider;
  /** The account's key pair, from another device of the account; the first device makes it. */
  readonly accountKey?: KeyPair;
  /** Nick in rooms. @defaultValue the local part of the address */
  readonly nick?: string;
  /** Who may take us into a group unasked. @defaultValue our own devices, and whoever we have a conversation with */
  readonly mayInvite?: (jid: string, binding: XmppBinding) => boolean | Promise<boolean>;
  /** One-time KeyPackages that are kept published, 2 to 16. @defaultValue 8 */
  readonly keyPackages?: number;
  /**
   * HTTP of the application: without it groups cannot grow beyond what one stanza holds of their tree, about 100 devices,
   * and larger ones cannot be entered. @defaultValue none
   */
  readonly http?: Http;
  /** @defaultValue the clock of the platform */
  readonly timers?: Timers;
}

/** One account on one device. */
export class MlsXmpp {
  readonly #setting: Setting;
  readonly #desk: Desk;
  readonly #feed: AccountFeed;
  readonly #nodes: Nodes;
  readonly #unwatch: () => void;
  #isStopped = false;

  private constructor({ setting, desk, feed }: Assembled, nodes: Nodes) {
    this.#setting = setting;
    this.#nodes = nodes;
    this.#desk = desk;
    this.#feed = feed;
    this.#unwatch = setting.transport.watch((state) => this.#connection(state));
  }

  /**
   * Load or make this device, publish what others need to reach it, and read what has come. Listeners that are subscribed
   * before `catchUp` hear all of it.
   * @throws `xmpp.offline`, `xmpp.server-unfit` when the server lacks something, `policy.identity-unverified` on a new device
   *   of an account that has others and no `accountKey`, other `xmpp.*`, `storage.*`
   */
  static async start(options: MlsXmppOptions, listener?: Listener): Promise<MlsXmpp> {
    const { transport, provider } = options;
    const timers = wholeTimers(options.timers ?? systemTimers);
    if (transport.jid === '') fail('xmpp.offline');
    const events = new EventStream();
    if (listener !== undefined) events.subscribe(listener);
    const account = bareJid(parseJid(transport.jid));
    const nodes = new Nodes({ transport, account });
    const { accountKey, store } = options;
    const device = await OwnDevice.open({
      store,
      provider,
      timers,
      nodes,
      account,
      ...(accountKey && { accountKey }),
    });
    const client = await openClient(options, device, timers);
    const parts = await assemble({
      options: { ...options, timers },
      events,
      nodes,
      device,
      client,
    });
    const session = new MlsXmpp(parts, nodes);
    try {
      await session.#begin();
    } catch (error) {
      await session.stop();
      throw error;
    }
    return session;
  }

  /** Our account and device. */
  get device(): { readonly jid: string; readonly id: string; readonly fingerprint: string } {
    const { device } = this.#setting;
    return { jid: device.jid, id: device.id, fingerprint: fingerprintText(device.aikId) };
  }
  /** The account's key pair, to be handed to another device of ours by a way that nobody else sees. */
  get accountKey(): KeyPair | undefined {
    return this.#setting.device.aik;
  }
  /** All conversations. */
  get conversations(): readonly Conversation[] {
    return this.#desk.conversations;
  }

  /** Listen from now on; returns how to stop. A message counts as taken when all listeners have returned without throwing. */
  subscribe(listener: Listener): () => void {
    const stop = this.#setting.events.subscribe(listener);
    for (const conversation of this.conversations) void conversation.handOutAgain();
    return stop;
  }

  /** Events as they come, for `for await`; the next one is taken when the loop body is done with the last. */
  events(): AsyncGenerator<MlsXmppEvent> {
    return this.#setting.events[Symbol.asyncIterator]();
  }

  /**
   * The conversation with one account: its devices and ours. Made where there is none yet.
   * @param jid bare address
   * @throws `xmpp.no-key-package` when the account has none, `xmpp.server-unfit`, `policy.*`, `xmpp.*`, `storage.*`
   */
  chat(jid: string): Promise<Conversation> {
    const peer = bareJid(parseJid(jid));
    const kind = peer === this.#setting.self.jid ? 'self' : 'chat';
    return this.#open({ kind, jid: peer }, (conversation) => beginChat(this.#setting, conversation));
  }

  /**
   * The conversation of a room that has us as a member or owner. Where its group does not let us in by ourselves, the status
   * stays `waiting` until somebody invites us.
   * @param jid bare address
   * @throws `xmpp.server-unfit` for a room that lacks what is needed, `xmpp.refused`, other `xmpp.*`, `storage.*`
   */
  room(jid: string, options: RoomOptions = {}): Promise<Conversation> {
    const talk = { kind: 'room', jid: bareJid(parseJid(jid)) } as const;
    return this.#open(talk, (conversation) => beginRoom(this.#setting, conversation, options));
  }

  /**
   * The fingerprint of an account's key, for comparing: as it is kept here, otherwise as the server has it, which is kept.
   * @param jid bare address @returns nothing for an account without devices @throws `xmpp.*`, `storage.*`
   */
  async fingerprint(jid: string): Promise<string | undefined> {
    const { devices, provider, device } = this.#setting;
    if (jid === device.jid) return this.device.fingerprint;
    const pin = (await devices.pin(jid)) ?? (await devices.fetch(jid)).pin;
    return pin && fingerprintText(aikId(provider.suite(1), pin.signed.list.accountKey));
  }

  /** What the user, or a scanned code, says of an account's key. @param fingerprint 32 bytes @throws `policy.identity-changed` */
  async decide(
    jid: string,
    fingerprint: Uint8Array,
    trust: 'tofu' | 'verified' | 'distrusted',
  ): Promise<void> {
    await this.#desk.learn(await this.#setting.devices.decide(jid, fingerprint, trust));
  }

  /**
   * A device of ours is ours no more: our list says so, and all conversations put it out.
   * @param id 16 hexadecimal digits
   * @throws `policy.identity-unverified` without the account's key, and as `Devices.publish`
   */
  async revokeDevice(id: string, reason: RevocationReason = RevocationReason.removed): Promise<void> {
    const { device, devices, timers } = this.#setting;
    const aik = device.aik ?? fail('policy.identity-unverified', { rule: 'not certified' });
    const when = BigInt(Math.floor(timers.now() / 1000));
    await devices.publish(aik, { revoke: [{ deviceId: id, when, reason }] });
    const pin = await devices.pin(device.jid);
    if (pin !== undefined) await this.#desk.learn(pin);
  }

  /** Our devices are let into all conversations that they are not in. @throws as `Conversation.inviteOwnDevices` */
  async inviteOwnDevices(): Promise<void> {
    for (const conversation of this.conversations)
      if (conversation.status === 'active') await conversation.inviteOwnDevices();
  }

  /** Read everything that has come since; a conversation that fails is no hindrance to the others. @throws `xmpp.*`, `storage.*` */
  async catchUp(): Promise<void> {
    const failed = await this.#catchUp();
    if (failed !== undefined) throw failed;
  }

  /** Stop listening. The store stays open, and belongs to whoever opened it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unwatch();
    this.#feed.stop();
    this.#desk.stop();
    for (const conversation of this.conversations) await conversation.end();
  }

  async #begin(): Promise<void> {
    const { transport } = this.#setting;
    this.#feed.listen();
    await transport.request(enableCarbons());
    await this.#publish();
    await this.#restore();
    // What is wrong with one conversation was told, and must not keep the others from starting.
    await this.#catchUp();
    for (const conversation of this.conversations) await conversation.handOutAgain();
  }

  /** @returns what failed first in a conversation; each of them was told */
  async #catchUp(): Promise<MlsError | undefined> {
    await this.#feed.catchUp();
    let failed: MlsError | undefined;
    for (const conversation of this.conversations) {
      try {
        if (conversation.kind === 'room') await conversation.catchUp();
        await conversation.ordered?.resume();
      } catch (reason) {
        const error = asMlsError(reason);
        if (!isCutOff(error)) void this.#setting.events.emit({ kind: 'fault', conversation, error });
        failed ??= error;
      }
    }
    await this.#setting.ownPackages.maintain({ caughtUp: true });
    await this.#desk.caughtUp();
    return failed;
  }

  /** What others need to find and to add us. */
  async #publish(): Promise<void> {
    const { devices, device, ownPackages, client } = this.#setting;
    const { pin } = await devices.checkOwn();
    const isListed = pin?.signed.list.active.some(({ deviceId }) => deviceId === device.id);
    if (isListed !== true && device.aik !== undefined) {
      const keys = [{ scheme: SCHEMES[client.suite] ?? 0, key: client.signatureKey }];
      const added = BigInt(device.added);
      await devices.publish(device.aik, { add: [{ deviceId: device.id, added, keys }] });
    }
    await ownPackages.maintain({ login: true });
  }

  async #restore(): Promise<void> {
    const { store, client } = this.#setting;
    for await (const [, value] of store.scan(CONVERSATIONS)) {
      const conversing = readRecord(Conversing, value);
      if (!client.groups.some((id) => equal(id, conversing.groupId))) continue;
      const group = await client.group(conversing.groupId);
      const conversation = this.#desk.conversation(this.#desk.talkOf(conversing));
      const from = await positionOf(this.#setting, conversing.groupId);
      orderGroup(this.#setting, conversation, { group, conversing, from });
    }
  }

  async #open(talk: Talk, begin: (conversation: Conversation) => Promise<void>): Promise<Conversation> {
    if (this.#isStopped) fail('state.closed-handle');
    const conversation = this.#desk.conversation(talk);
    await conversation.once(async () => {
      if (conversation.ordered === undefined) await begin(conversation);
    });
    return conversation;
  }

  #connection(state: ConnectionState): void {
    if (state === 'offline' || this.#isStopped) return;
    const report = (reason: unknown): void => {
      if (isCutOff(reason)) return;
      const error = asMlsError(reason);
      void this.#setting.events.emit({ kind: 'fault', conversation: undefined, error });
    };
    if (state === 'resumed') {
      for (const { ordered } of this.conversations) ordered?.resume().catch(report);
      return;
    }
    this.#nodes.renew();
    this.#setting.transport
      .request(enableCarbons())
      .then(() => this.#catchUp())
      .catch(report);
  }
}

/** Signature schemes of our suites, as device lists name them. */
const SCHEMES: Readonly<Record<number, number>> = { 1: 0x0807, 2: 0x0403, 3: 0x0807 };
