/** What an embedded server is made of: its options, its limits, and what it may do wrong. */

import type { XmlElement } from '../xmpp/element.ts';
import type { Timers } from '../xmpp/timers.ts';

/** Whose habits the server has, where Prosody 0.12 and ejabberd 23 differ. */
export type Dialect = 'prosody' | 'ejabberd';

/** Bounds of the server. The defaults are those of the two servers as they were measured. */
export interface Limits {
  /** Bytes of one stanza as it is written; a bigger one ends the session of who sends it. */
  readonly stanzaBytes: number;
  /** Results in one page of an archive. */
  readonly archivePage: number;
  /** Entries in one archive; the oldest go, without a word. */
  readonly archiveItems: number;
  /** Items in one node: what `max` means. */
  readonly nodeItems: number;
  /** Bytes of the payload of one item. */
  readonly payloadBytes: number;
  /** Rooms that one account may be in. */
  readonly roomsPerUser: number;
  /** Bytes of one uploaded file. */
  readonly uploadBytes: number;
  /** Milliseconds that a session waits for a lost socket. */
  readonly resumeMs: number;
}

/** What a server may do to a stanza or to an archive. */
export type Fault =
  /** The stanza is lost on its way to the server, and nothing tells so. */
  | 'drop'
  /** One recipient does not get it, be it the reflection of his own; archives have it. */
  | 'withhold'
  /** It comes later, after others. */
  | 'delay'
  /** It comes twice. */
  | 'duplicate'
  /** It comes after the one that follows it. */
  | 'reorder'
  /** Text inside its payload is another. */
  | 'forge'
  /** It comes from somebody else. */
  | 'impersonate'
  /** The id that the archive gave is another. */
  | 'misnumber'
  /** It comes a second time, in another room. */
  | 'misplace'
  /** Some accounts see it before the message that the others see before it, live and in the archive, for ever. */
  | 'fork'
  /** The archive forgets its older half. */
  | 'expire'
  /** All sessions end, and data stay. */
  | 'restart'
  /** A request is carried out, and its answer is lost. */
  | 'mute';

/** How often a fault happens: between 0 and 1, for each stanza that it can concern. */
export type Rates = Readonly<Partial<Record<Fault, number>>>;

/** Misbehaviour as data. Of one seed, over one history, the faults are the same. */
export interface Hostility {
  /** A whole number. */
  readonly seed: number;
  /** For messages as they come in and go out. */
  readonly live: Rates;
  /** For results of archives: what can happen to a stanza that goes out. */
  readonly archive?: Rates;
  /** Bare addresses of those who are shown another order in a `fork`; otherwise half of all, by the seed. */
  readonly misled?: readonly string[];
}

/** Options of `createServer`. */
export interface ServerOptions {
  /** `localhost` by default. */
  readonly domain?: string;
  /** `prosody` by default. */
  readonly dialect?: Dialect;
  readonly timers: Timers;
  /** Random bytes, of which the server makes ids. */
  readonly random: (length: number) => Uint8Array;
  /** Milliseconds on the way to the server and again on the way back; 0, the default, is the next turn. */
  readonly latencyMs?: number;
  readonly limits?: Partial<Limits>;
  readonly hostility?: Hostility;
  /** Read one XML document, for `Transport.parse`; `parseXml` by default. */
  readonly parse?: (xml: string) => XmlElement;
}

/** The limits of a dialect: those of the packaged configurations, where they have any. */
export function limitsOf(dialect: Dialect, given: Partial<Limits> = {}): Limits {
  const prosody = dialect === 'prosody';
  return {
    stanzaBytes: 262_144,
    archivePage: prosody ? 50 : 250,
    archiveItems: prosody ? 10_000 : Number.MAX_SAFE_INTEGER,
    nodeItems: prosody ? 256 : 1000,
    payloadBytes: prosody ? Number.MAX_SAFE_INTEGER : 250_000,
    roomsPerUser: prosody ? Number.MAX_SAFE_INTEGER : 100,
    uploadBytes: (prosody ? 10 : 100) * 1024 * 1024,
    resumeMs: prosody ? 600_000 : 300_000,
    ...given,
  };
}
