/** What others ask for outside of MLS: no more is done than would be right without it (design, 5.11). */

import { bareJid, readJid } from '../jid.ts';
import type { OrderedGroup } from '../ordered/orderedGroup.ts';
import type { Entry } from '../sequencer/contract.ts';
import type { Control } from '../stanza/mlsControl.ts';
import type { Conversation } from './conversation.ts';
import type { Delays } from './delays.ts';
import { FreshInfo } from './freshInfo.ts';
import { membersOf } from './goals.ts';
import { postInfo } from './posting.ts';
import type { Setting } from './setting.ts';

/** Seconds within which one of those who can answer does. */
const ANSWER_S = [0, 3] as const;

/** Answers requests for one session. */
export class Requests {
  readonly #setting: Setting;
  readonly #delays: Delays;
  readonly #infos = new WeakMap<OrderedGroup, FreshInfo>();

  constructor(setting: Setting, delays: Delays) {
    this.#setting = setting;
    this.#delays = delays;
  }

  /** An entry of a group's order was taken. */
  note(ordered: OrderedGroup, entry: Entry): void {
    this.#infoOf(ordered).note(entry, this.#setting.timers.now());
  }

  /** Whoever speaks in a room sees to it that others can find the way in. */
  freshen(ordered: OrderedGroup): void {
    if (this.#infoOf(ordered).isDue(this.#setting.timers.now()))
      this.#delays.now(() => postInfo(ordered, this.#setting.random));
  }

  /** Somebody asks one of our groups. @throws `xmpp.*` of reading a log */
  async answer(
    control: Exclude<Control, { kind: 'desync' }>,
    from: string,
    { conversation, ordered }: { readonly conversation: Conversation; readonly ordered: OrderedGroup },
  ): Promise<void> {
    const { group } = ordered.stored;
    const jid = readJid(from);
    const isMember = jid !== undefined && membersOf(group, bareJid(jid)).length > 0;
    if (control.kind === 'log-hint' && control.epoch > group.epoch) await conversation.catchUp();
    if (control.kind === 'join-request' && isMember && jid !== undefined)
      this.#delays.later(ANSWER_S, () => conversation.invite(bareJid(jid)));
    if (control.kind === 'info-request' && isMember) this.inRoom(ordered);
  }

  /** Somebody looks for a group. */
  inRoom(ordered: OrderedGroup): void {
    const { timers } = this.#setting;
    const since = timers.now();
    this.#delays.later(ANSWER_S, async () => {
      if (this.#infoOf(ordered).mayAnswer(since, timers.now())) await postInfo(ordered, this.#setting.random);
    });
  }

  #infoOf(ordered: OrderedGroup): FreshInfo {
    const known = this.#infos.get(ordered) ?? new FreshInfo(this.#setting.timers.now());
    this.#infos.set(ordered, known);
    return known;
  }
}
