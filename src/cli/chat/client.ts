/** The terminal client without a terminal: lines and events go in, lines come out. */

import { MlsError } from '../../base/error.ts';
import type { MessageContent } from '../../xmpp/content/content.ts';
import { bareJid, readJid } from '../../xmpp/jid.ts';
import type { Conversation } from '../../xmpp/session/conversation.ts';
import type { MlsXmppEvent } from '../../xmpp/session/events.ts';
import type { MlsXmpp } from '../../xmpp/session/session.ts';
import { affiliateTo } from '../../xmpp/stanza/muc.ts';
import { refusedWith } from '../../xmpp/stanza/stanzaError.ts';
import type { Timers } from '../../xmpp/timers.ts';
import type { Transport } from '../../xmpp/transport.ts';
import { makeRoom } from '../makeRoom.ts';
import { harmless } from '../print.ts';
import type { History, Said } from './history.ts';
import { describeEvent } from './incoming.ts';

/** What a client works with. */
export interface ChatOptions {
  readonly history: History;
  readonly transport: Transport;
  readonly timers: Timers;
  /** Show a line to the user. */
  readonly show: (line: string) => void;
}

/** How much of the past is shown unless more is asked for. */
const RECENT = 20;

const HELP: readonly string[] = [
  'Plain text is sent. N is the number in front of a message.',
  '  /room JID    go to a room, made if there is none      /chat JID      talk with one account in private',
  '  /invite JID  let an account in                        /remove JID    put one out',
  '  /members     who can read here                        /history [N]   what was said',
  '  /reply N TEXT                                         /react N EMOJI',
  '  /accept      take the last invitation of a stranger   /fingerprint [JID]   the key of an account',
  '  /quit',
];

type Command = (client: ChatClient, rest: string) => Promise<void> | void;

/** One user at one device. */
export class ChatClient {
  readonly #options: ChatOptions;
  readonly #shown: Said[] = [];
  #mls: MlsXmpp | undefined;
  #current: Conversation | undefined;
  #invitation: Extract<MlsXmppEvent, { kind: 'invitation' }> | undefined;

  constructor(options: ChatOptions) {
    this.#options = options;
  }

  /** Begin to take lines. */
  begin(mls: MlsXmpp): void {
    this.#mls = mls;
    this.#current ??= mls.conversations[0];
    this.show(`You are ${mls.device.jid}, device ${mls.device.id}. /help shows what can be typed.`);
    if (this.#current !== undefined) this.show(`-- in ${this.#current.jid}`);
  }

  /** Take what happened. Awaited before a message counts as read, so that it is in the history by then. */
  async event(event: MlsXmppEvent): Promise<void> {
    if (event.kind === 'invitation') this.#invitation = event;
    if (event.kind === 'joined') this.#current ??= event.conversation;
    const { timers } = this.#options;
    const described = describeEvent(event, (id) => this.#numberOf(id), timers.now());
    if (described.said !== undefined && event.kind === 'message') {
      await this.#options.history.keep(described.said, event.key);
      this.#print(described.said);
      this.#markRead(event);
    }
    for (const line of described.lines) this.show(line);
  }

  /** Take a line of the user. @returns whether there is more to come */
  async line(typed: string): Promise<boolean> {
    const line = typed.trim();
    if (line === '/quit') return false;
    if (line === '') return true;
    const [word = '', rest = ''] = splitOnce(line);
    try {
      if (!line.startsWith('/')) await this.say({ body: line });
      else await (COMMANDS.get(word.slice(1)) ?? unknown)(this, rest.trim());
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      const detail = Object.values(error.detail).map(String).join(' ');
      this.show(`!! ${error.code} ${detail}`.trimEnd());
    }
    return true;
  }

  /** Show a line. */
  show(line: string): void {
    this.#options.show(harmless(line));
  }

  /** Send to the present conversation. */
  async say(content: MessageContent): Promise<void> {
    const { history, timers } = this.#options;
    const conversation = this.here();
    if (conversation === undefined || this.#mls === undefined) return;
    const { id } = await conversation.send({ ...content, isMarkable: true });
    const { body } = content;
    if (body === undefined) return;
    const said = { jid: conversation.jid, id, from: this.#mls.device.jid, text: body, at: timers.now() };
    await history.keep(said, `own ${id}`);
    this.#print(said);
  }

  /** The present conversation; without one the user is told. */
  here(): Conversation | undefined {
    if (this.#current === undefined) this.show('!! no conversation: /room JID or /chat JID');
    return this.#current;
  }

  /** Go to a conversation. */
  async go(kind: 'room' | 'chat', text: string): Promise<void> {
    const jid = this.address(text);
    if (jid === undefined || this.#mls === undefined) return;
    this.#current = kind === 'room' ? await this.#enter(this.#mls, jid) : await this.#mls.chat(jid);
    this.show(`-- in ${this.#current.jid}, ${this.#current.status}`);
  }

  /** Let accounts in, into the room too if it is ours. */
  async invite(text: string): Promise<void> {
    const [conversation, jid] = [this.here(), this.address(text)];
    if (conversation === undefined || jid === undefined) return;
    if (conversation.kind === 'room') await this.#affiliate(conversation.jid, jid, 'member');
    await conversation.invite(jid);
  }

  /** Put an account out. */
  async remove(text: string): Promise<void> {
    const [conversation, jid] = [this.here(), this.address(text)];
    if (conversation === undefined || jid === undefined) return;
    await conversation.remove(jid);
    if (conversation.kind === 'room') await this.#affiliate(conversation.jid, jid, 'none');
  }

  /** Show who can read. */
  members(): void {
    const conversation = this.here();
    if (conversation === undefined) return;
    for (const { jid, device } of conversation.members) this.show(`   ${jid}, device ${device}`);
  }

  /** Show what was said. */
  async past(text: string): Promise<void> {
    const conversation = this.here();
    if (conversation === undefined) return;
    const count = Number.parseInt(text, 10);
    const all = await this.#options.history.of(conversation.jid);
    for (const said of all.slice(-(count > 0 ? count : RECENT))) this.#print(said);
  }

  /** Say something to a message. @param answer the message and what is to be said about it */
  async about(text: string, answer: (said: Said, rest: string) => MessageContent): Promise<void> {
    const [number = '', rest = ''] = splitOnce(text);
    const said = this.#shown[Number(number) - 1];
    if (said === undefined || rest === '')
      this.show('!! name a message by its number, and what to say to it');
    else if (said.jid !== this.#current?.jid) this.show(`!! that was said in ${said.jid}`);
    else await this.say(answer(said, rest));
  }

  /** Show the key of an account. */
  async fingerprint(text: string): Promise<void> {
    const jid = text === '' ? this.#mls?.device.jid : this.address(text);
    if (jid !== undefined) this.show(`   ${(await this.#mls?.fingerprint(jid)) ?? 'not known here'}`);
  }

  /** Take the last invitation. */
  async accept(): Promise<void> {
    const invitation = this.#invitation;
    this.#invitation = undefined;
    if (invitation === undefined) this.show('!! nobody has invited you');
    else this.#current = await invitation.accept();
  }

  /** A bare address that was typed; the user is told if it is none. */
  address(text: string): string | undefined {
    const jid = readJid(text);
    if (jid !== undefined && jid.local !== undefined) return bareJid(jid);
    this.show('!! an address is like name@example.org');
    return undefined;
  }

  async #enter(mls: MlsXmpp, jid: string): Promise<Conversation> {
    try {
      return await mls.room(jid);
    } catch (error) {
      if (!refusedWith(error, 'item-not-found')) throw error;
      await makeRoom(this.#options.transport, jid, []);
      return mls.room(jid);
    }
  }

  /** Of our own rooms; in those of others it is for their owners to do. */
  async #affiliate(room: string, jid: string, affiliation: 'member' | 'none'): Promise<void> {
    try {
      await this.#options.transport.request(affiliateTo(room, jid, affiliation));
    } catch (error) {
      if (!(error instanceof MlsError) || error.code !== 'xmpp.refused') throw error;
    }
  }

  #print(said: Said): void {
    this.#shown.push(said);
    const where = said.jid === this.#current?.jid ? '' : `(${said.jid}) `;
    this.show(`[${this.#shown.length}] ${where}${said.from}: ${said.text}`);
  }

  #numberOf(id: string): string {
    const index = this.#shown.findLastIndex((one) => one.id === id);
    return index < 0 ? 'a message of before' : `[${index + 1}]`;
  }

  /** The sender may know that it was shown, if it was in front of the user. */
  #markRead({ conversation, content, id, sender }: Extract<MlsXmppEvent, { kind: 'message' }>): void {
    if (content.isMarkable !== true || conversation !== this.#current) return;
    if (sender.jid === this.#mls?.device.jid) return;
    conversation
      .send({ displayed: id })
      .catch((error: unknown) => this.show(`!! no marker: ${String(error)}`));
  }
}

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['room', (client, rest) => client.go('room', rest)],
  ['chat', (client, rest) => client.go('chat', rest)],
  ['invite', (client, rest) => client.invite(rest)],
  ['remove', (client, rest) => client.remove(rest)],
  ['members', (client) => client.members()],
  ['history', (client, rest) => client.past(rest)],
  ['reply', (client, rest) => client.about(rest, ({ id }, body) => ({ body, reply: { id } }))],
  ['react', (client, rest) => client.about(rest, ({ id }, one) => ({ reactions: { id, emoji: [one] } }))],
  ['fingerprint', (client, rest) => client.fingerprint(rest)],
  ['accept', (client) => client.accept()],
  ['help', help],
]);

function help(client: ChatClient): void {
  for (const line of HELP) client.show(line);
}

function unknown(client: ChatClient): void {
  client.show('!! there is no such command: /help');
}

/** The first word, and the rest. */
function splitOnce(text: string): readonly [string, string] {
  const at = text.search(/\s/);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at).trim()];
}
