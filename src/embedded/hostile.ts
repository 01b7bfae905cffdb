/** What stands between the server and its sessions: nothing, unless the server is hostile. */

import type { XmlElement } from '../xmpp/element.ts';
import type { Session } from './core.ts';

/** Who may meddle with stanzas. */
export interface Hostile {
  /** A stanza of a client, before the server sees it. */
  incoming(session: Session, stanza: XmlElement, pass: (stanza: XmlElement) => void): void;
  /** A stanza for a client, after the server has done with it. */
  outgoing(session: Session, stanza: XmlElement, pass: (stanza: XmlElement) => void): void;
}

/** A server that does what it should. */
export const PEACEFUL: Hostile = {
  incoming: (_, stanza, pass) => pass(stanza),
  outgoing: (_, stanza, pass) => pass(stanza),
};
