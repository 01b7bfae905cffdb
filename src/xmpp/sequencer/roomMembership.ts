/** Being in a room (XEP-0045), for its messages and for what it tells about its people. */

import { toHex } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import { attr, childrenOf, el, type XmlElement } from '../element.ts';
import { bareJidIn, sameBareJid, sameJid } from '../jid.ts';
import { NS_DELAY } from '../stanza/forwarded.ts';
import { isResult } from '../stanza/mam.ts';
import {
  type Affiliation,
  destroyRoom,
  enter,
  leave,
  type Occupant,
  type RoomPresence,
  readRoomPresence,
  STATUS,
} from '../stanza/muc.ts';
import { failWith, refusedWith } from '../stanza/stanzaError.ts';
import { NS_SID, readStanzaId } from '../stanza/stanzaId.ts';
import type { Timers } from '../timers.ts';
import type { Transport } from '../transport.ts';
import { failureOf } from './entry.ts';
import type { Live, Membership } from './membership.ts';
import { eventsOf, noticesOf, type RoomEvent } from './roomEvents.ts';

/** Milliseconds that a room has to let us in. */
const ENTER_MS = 30_000;
/** Times that another nick is tried. */
const MOST_NICKS = 4;

/** What a {@link RoomMembership} works with. */
export interface RoomMembershipOptions {
  readonly transport: Transport;
  readonly room: string;
  readonly nick: string;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  /** Told of what the room tells. */
  readonly onEvent?: (event: RoomEvent) => void;
  /** Told when we are out without having left. */
  readonly gone?: () => void;
}

interface Entering {
  readonly id: string;
  readonly nick: string;
  readonly done: (outcome: { readonly created: boolean } | MlsError) => void;
}

/** Our being in one room. */
export class RoomMembership implements Membership {
  readonly #options: RoomMembershipOptions;
  readonly #occupants = new Map<string, Occupant>();
  readonly #affiliations = new Map<string, Affiliation>();
  readonly #unwatch: () => void;
  #nick: string;
  #inside = false;
  /** The stream broke, and may be resumed. */
  #suspended = false;
  #entering: Entering | undefined;

  constructor(options: RoomMembershipOptions) {
    this.#options = options;
    this.#nick = options.nick;
    this.#unwatch = options.transport.watch((state) => {
      this.#suspended = state === 'offline';
      if (state === 'online') this.lost();
    });
  }

  get isPresent(): boolean {
    return this.#inside && !this.#suspended;
  }

  /** Our nick, as the room has it. */
  get nick(): string {
    return this.#nick;
  }

  /** Who is in the room, by nick. */
  get occupants(): ReadonlyMap<string, Occupant> {
    return this.#occupants;
  }

  async enter(): Promise<void> {
    if (this.isPresent) return;
    const { transport, room, onEvent } = this.#options;
    if (!(await this.join()).created) return;
    await transport.request(destroyRoom(room)).catch(expected);
    this.#out();
    onEvent?.({ kind: 'created' });
    fail('xmpp.refused', { condition: 'item-not-found', entity: room });
  }

  /**
   * Enter, with another nick if somebody else has ours. `created`: the room came into being by that.
   * @throws `xmpp.refused`, `xmpp.timeout`, `xmpp.offline`
   */
  async join(): Promise<{ readonly created: boolean }> {
    const { nick, random } = this.#options;
    for (let tries = 1; ; tries++) {
      if (this.#suspended) fail('xmpp.offline');
      const wanted = tries === 1 ? nick : `${nick}-${toHex(random(2))}`;
      const outcome = await this.#joinAs(wanted);
      if (!(outcome instanceof MlsError)) return outcome;
      if (!refusedWith(outcome, 'conflict') || tries === MOST_NICKS) throw outcome;
    }
  }

  async #joinAs(nick: string): Promise<{ readonly created: boolean } | MlsError> {
    const { transport, room, timers, random } = this.#options;
    const id = toHex(random(8));
    const answer = new Promise<{ readonly created: boolean } | MlsError>((done) => {
      this.#entering = { id, nick, done };
    });
    const { name, attrs, children } = enter(room, nick);
    const late = timers.after(ENTER_MS, () => {
      this.#entering?.done(failureOf(() => fail('xmpp.timeout', { entity: room })));
    });
    try {
      await transport.send(el(name, { ...attrs, id }, ...children));
      return await answer;
    } finally {
      late();
      this.#entering = undefined;
    }
  }

  async leave(): Promise<void> {
    if (!this.#inside) return;
    const { transport, room } = this.#options;
    const going = leave(room, this.#nick);
    this.#out();
    await transport.send(going).catch(expected);
  }

  lost(): void {
    const was = this.#inside;
    this.#out();
    this.#entering?.done(failureOf(() => fail('xmpp.offline')));
    if (was) this.#options.gone?.();
  }

  stop(): void {
    this.#unwatch();
  }

  see(stanza: XmlElement): void {
    const { room } = this.#options;
    if (!sameBareJid(attr(stanza, 'from') ?? '', room)) return;
    try {
      if (stanza.name === 'presence') this.#seePresence(stanza);
      else if (stanza.name === 'message') this.#seeNotice(stanza);
    } catch (error) {
      expected(error);
    }
  }

  liveIn(stanza: XmlElement): Live | undefined {
    const { room } = this.#options;
    if (stanza.name !== 'message' || attr(stanza, 'type') !== 'groupchat' || isResult(stanza))
      return undefined;
    if (!sameBareJid(attr(stanza, 'from') ?? '', room)) return undefined;
    const ids = childrenOf(stanza, 'stanza-id', NS_SID).filter((one) => sameJid(attr(one, 'by') ?? '', room));
    const doubtful = ids.length > 1 || (ids.length > 0 && isHistory(stanza, room));
    return { message: stanza, id: readStanzaId(stanza, room), doubtful };
  }

  isOurs(message: XmlElement, id: string): boolean {
    const own = `${this.#options.room}/${this.#nick}`;
    return attr(message, 'id') === id && sameJid(attr(message, 'from') ?? '', own);
  }

  isAbsence(error: unknown): boolean {
    return refusedWith(error, 'not-acceptable');
  }

  #seePresence(stanza: XmlElement): void {
    if (attr(stanza, 'type') === 'error') {
      this.#seeRefusal(stanza);
      return;
    }
    const presence = readRoomPresence(stanza);
    if (presence === undefined) return;
    const isSelf = presence.statuses.has(STATUS.self) || (this.#inside && presence.nick === this.#nick);
    const wasInside = this.#inside;
    this.#note(presence);
    if (isSelf) this.#seeSelf(presence);
    if (isSelf && !presence.present && !wasInside) return;
    for (const event of eventsOf(stanza, presence, isSelf)) this.#options.onEvent?.(event);
    this.#noteAffiliation(presence.occupant);
    if (wasInside && !this.#inside) this.#options.gone?.();
  }

  /** An error of the room to our wish to enter; occupants cannot answer that, and their errors have their nick. */
  #seeRefusal(stanza: XmlElement): void {
    const { room } = this.#options;
    const entering = this.#entering;
    const from = attr(stanza, 'from') ?? '';
    if (entering === undefined || attr(stanza, 'id') !== entering.id) return;
    if (!sameJid(from, room) && !sameJid(from, `${room}/${entering.nick}`)) return;
    entering.done(failureOf(() => failWith(stanza)));
  }

  #seeSelf({ present, nick, occupant, statuses }: RoomPresence): void {
    if (present) {
      // Others who use the same connection enter for themselves, and are not to be taken out by us.
      if (!this.#inside && this.#entering === undefined) return;
      this.#nick = nick;
      this.#inside = true;
      this.#entering?.done({ created: statuses.has(STATUS.created) });
    } else if (statuses.has(STATUS.newNick)) this.#nick = occupant.nick ?? this.#nick;
    else if (this.#inside) this.#out();
  }

  #note({ nick, present, occupant }: RoomPresence): void {
    if (present) this.#occupants.set(nick, occupant);
    else this.#occupants.delete(nick);
  }

  #noteAffiliation({ jid, affiliation }: Occupant): void {
    if (jid === undefined || affiliation === undefined) return;
    const account = bareJidIn(jid);
    if (this.#affiliations.get(account) === affiliation) return;
    this.#affiliations.set(account, affiliation);
    this.#options.onEvent?.({ kind: 'affiliation', jid, affiliation });
  }

  #seeNotice(message: XmlElement): void {
    const { events, occupant } = noticesOf(message, this.#options.room);
    for (const event of events) this.#options.onEvent?.(event);
    if (occupant !== undefined) this.#noteAffiliation(occupant);
  }

  #out(): void {
    this.#inside = false;
    this.#occupants.clear();
  }
}

/** Whether a room says that a message is an old one. Our own server says so too, of what it kept while a stream was down. */
function isHistory(message: XmlElement, room: string): boolean {
  return childrenOf(message, 'delay', NS_DELAY).some((one) => sameBareJid(attr(one, 'from') ?? room, room));
}

/** What servers send malformed, and what does not matter any more; anything else is a bug. */
function expected(error: unknown): void {
  if (!(error instanceof MlsError)) throw error;
}
