/** What the parts of the server share: who there is, what time it is, and how a stanza gets anywhere. */

import { attr, el, type XmlElement } from '../xmpp/element.ts';
import { bareJid, parseJid, readJid } from '../xmpp/jid.ts';
import { lookAtPlain, received } from '../xmpp/received.ts';
import { writeStamp } from '../xmpp/stanza/stamp.ts';
import type { Timers } from '../xmpp/timers.ts';
import type { Archive } from './archive.ts';
import type { Hostile } from './hostile.ts';
import type { Room } from './muc/room.ts';
import type { Dialect, Limits } from './options.ts';
import type { Node } from './pep/node.ts';

/** One resource of an account, from binding to its end. */
export interface Session {
  readonly jid: string;
  readonly account: Account;
  /** The presence that was broadcast; nothing while unavailable. */
  presence: XmlElement | undefined;
  carbons: boolean;
  /** What it is known to support, from disco#info. */
  features: ReadonlySet<string>;
  /** Rooms that it is in, with its nick. */
  readonly rooms: Map<string, string>;
  /** Send a stanza to it, after all that was sent before. */
  deliver(stanza: XmlElement): void;
  /** End it, as the server does. */
  end(): void;
}

/** One account. */
export interface Account {
  readonly jid: string;
  /** By full address. */
  readonly sessions: Map<string, Session>;
  readonly archive: Archive;
  /** Messages for the next login. */
  offline: XmlElement[];
  /** Bare addresses with a presence subscription both ways. */
  readonly contacts: Set<string>;
  readonly nodes: Map<string, Node>;
}

/** What happened, for assertions. */
export interface ServerEvent {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly kind: string;
  /** Names and addresses, no content. */
  readonly detail: Readonly<Record<string, string | number>>;
}

/** What was counted since the server was made. */
export interface Counters {
  /** Stanzas that came from clients. */
  received: number;
  /** Stanzas that were given to clients. */
  delivered: number;
  /** Entries made in archives. */
  archived: number;
  /** Sessions that ended. */
  ended: number;
}

/** The shared part. */
export interface Core {
  readonly domain: string;
  readonly roomService: string;
  readonly uploadService: string;
  readonly dialect: Dialect;
  readonly limits: Limits;
  readonly timers: Timers;
  readonly random: (length: number) => Uint8Array;
  readonly accounts: Map<string, Account>;
  readonly rooms: Map<string, Room>;
  /** Answers of files that were promised: see `upload.ts`. */
  readonly slots: Map<string, Slot>;
  /** Known sets of features, by node and version. */
  readonly caps: Map<string, ReadonlySet<string>>;
  readonly hostile: Hostile;
  readonly log: ServerEvent[];
  readonly counters: Counters;
  /** The last id that an archive gave, where ids are times. */
  lastId: number;
  /** Bring a stanza to whom it is for; `from` is set. */
  route(stanza: XmlElement): void;
  /** End all sessions, as a restart does. */
  restart(): void;
}

/** A place for one file. */
export interface Slot {
  readonly size: number;
  readonly authorization: string | undefined;
  bytes: Uint8Array | undefined;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Random letters. */
export function token(core: Core, length = 24): string {
  return Array.from(core.random(length), (byte) => LETTERS[byte % 64]).join('');
}

/** The present as a stamp. */
export function stampNow(core: Core): string {
  return writeStamp(Math.floor(core.timers.now() / 1000));
}

/** A copy that nobody else has, in the form that streams give: namespaces everywhere, adjacent texts joined. */
export function sealed(stanza: XmlElement): XmlElement {
  return received(stanza, lookAtPlain);
}

/** The bare form of an address that is known to be one. */
export function bareOf(address: string): string {
  return bareJid(parseJid(address));
}

/** The resource of an address, if it has one. */
export function resourceOf(address: string): string | undefined {
  return readJid(address)?.resource;
}

/** An attribute that the server has set or checked. */
export function given(stanza: XmlElement, name: string): string {
  return attr(stanza, name) ?? '';
}

/** The same stanza with other attributes; `undefined` takes one away. */
export function withAttrs(
  stanza: XmlElement,
  attrs: Readonly<Record<string, string | undefined>>,
): XmlElement {
  return el(stanza.name, { ...stanza.attrs, ...attrs }, ...stanza.children);
}

/** The same stanza with more children. */
export function withChildren(
  stanza: XmlElement,
  ...children: readonly (XmlElement | undefined)[]
): XmlElement {
  return el(stanza.name, stanza.attrs, ...stanza.children, ...children);
}

/** The same stanza without some of its children. */
export function without(stanza: XmlElement, unwanted: (child: XmlElement) => boolean): XmlElement {
  return el(
    stanza.name,
    stanza.attrs,
    ...stanza.children.filter((one) => typeof one === 'string' || !unwanted(one)),
  );
}

/** Write down what happened. */
export function note(core: Core, kind: string, detail: ServerEvent['detail']): void {
  core.log.push({ at: core.timers.now(), kind, detail });
}
