/**
 * What a group needs of the service that orders its messages: one archive that all members read in one order.
 *
 * Rooms and channels do it (`room.ts`, `mix.ts`). Nothing here looks into MLS messages: which commit counts is decided
 * by whoever takes the entries.
 */

import type { MlsError } from '../../base/error.ts';
import type { XmlElement } from '../element.ts';
import type { MlsPayload } from '../stanza/mls.ts';

/** One message in the order of a group. */
export interface Entry {
  /** What the archive calls it: unique in the archive, and without order. */
  readonly id: string;
  /** The message of the room or channel, unwrapped. */
  readonly message: XmlElement;
  /** What of MLS is in it; nothing for anything else, a tombstone among it, and `error` says what was malformed. */
  readonly payload: MlsPayload | undefined;
  readonly error: MlsError | undefined;
  /** SHA-256 of what counts of it, in hex: its decoded bytes where it has any, else its elements. */
  readonly digest: string;
  /** When the archive says it came, seconds since 1970. For display. */
  readonly time: number | undefined;
}

/** How far somebody has read: to be kept in the batch of the step that the entry led to. */
export interface Position {
  /** The last entry that was taken. */
  readonly id: string;
  readonly digest: string;
  /** The entry before it; nothing if there was none. */
  readonly anchor: string | undefined;
}

/** Where to begin. `cursor`: after an entry of which only the id is known, from a Welcome. */
export type From = Position | { readonly cursor: string } | 'start' | 'end';

/** Whoever takes entries. */
export interface Taker {
  /**
   * The next entry. The next one waits until this has resolved, and comes only when `position` is durable. What this throws
   * ends the reading; the entry comes again with the next {@link Sequencer.catchUp}.
   */
  take(entry: Entry, position: Position): Promise<void>;
  /** Told while a long archive is read. @param entries taken so far in this reading */
  progress?(entries: number): void;
}

/** How a reading ended. `trimmed`: the position is not in the archive any more, and nothing was taken. */
export type ReadEnd = { readonly kind: 'complete'; readonly entries: number } | { readonly kind: 'trimmed' };

/**
 * What became of a message that was to be archived. `archived`: it has its place, and was or will be taken there.
 * `not-archived`: it was sent around without a place, so it counts for nothing. `refused`: it was not taken in.
 * `unknown`: read to the end of the archive to find out.
 */
export type Appended =
  | { readonly kind: 'archived'; readonly id: string }
  | { readonly kind: 'not-archived' }
  | { readonly kind: 'refused'; readonly error: MlsError }
  | { readonly kind: 'unknown'; readonly error: MlsError };

/** The order of one group, as one device sees it. */
export interface Sequencer {
  /** Room or channel. */
  readonly jid: string;
  /** Whether the archive was read to its end since we are present, and every message since then was taken. */
  readonly isCurrent: boolean;
  /**
   * Be present, read from the position to the end of the archive, and go on with what arrives. Called again it reads on
   * from what was taken last; after a new session of the connection it has to be.
   * @throws `xmpp.refused`, `xmpp.timeout`, `xmpp.offline`, `xmpp.gap` for an archive that contradicts itself,
   *   `xmpp.server-unfit` where there is no archive, and whatever `take` throws
   */
  catchUp(): Promise<ReadEnd>;
  /** Read the archive without being present, for what it is worth. @throws as {@link catchUp} */
  read(): Promise<ReadEnd>;
  /** Go on from elsewhere: after a rejoin, or past what was trimmed. */
  reset(from: From): void;
  /**
   * Send a message to be archived, `<store/>` included by the caller. The caller is present and current, or becomes it.
   * @param message without `to`, `type` `groupchat` and an `id`
   * @throws `xmpp.too-large` above the bound for stanzas, `codec.input`; nothing was sent then
   */
  append(message: XmlElement): Promise<Appended>;
  /** Entries from the newest to older ones, as far as the bound on pages goes; needs no presence. */
  backwards(): AsyncGenerator<Entry>;
  /** Leave, and take no more. */
  stop(): Promise<void>;
}
