/** What the order of a group needs of a room or channel beside its archive: being there. */

import type { XmlElement } from '../element.ts';

/** A message that came live, and its place in the archive if it has one. */
export interface Live {
  readonly message: XmlElement;
  /** Nothing for a message that was passed on without being archived. */
  readonly id: string | undefined;
  /** Whether only the archive can tell: for what may be old, or has several places. */
  readonly doubtful: boolean;
}

/** Our being in one room or channel. */
export interface Membership {
  /** Whether messages reach us and ours are taken, as far as we were told. */
  readonly isPresent: boolean;
  /**
   * Be there; at once if we are.
   * @throws `xmpp.refused`, `xmpp.timeout`, `xmpp.offline`
   */
  enter(): Promise<void>;
  /** Go, if we are there. Never fails: without a connection we are gone anyway. */
  leave(): Promise<void>;
  /** Look at a stanza that arrived, and take what concerns our being there. */
  see(stanza: XmlElement): void;
  /** What of the room's or channel's messages a stanza is; nothing for everything else. */
  liveIn(stanza: XmlElement): Live | undefined;
  /** Whether a message is said to be the one that we sent under an `id`. */
  isOurs(message: XmlElement, id: string): boolean;
  /** Whether a refused message was refused because we are not there. */
  isAbsence(error: unknown): boolean;
  /** The server says that we are not there. */
  lost(): void;
  /** No more listening. */
  stop(): void;
}
