/** What the binding asks of an XMPP connection. Adapters for three libraries are in `adapters/`. */

import type { XmlElement } from './element.ts';

/**
 * What became of the connection. `online`: a new session, in which rooms have to be joined again; `resumed`: the old
 * session goes on; `offline`: nothing can be sent.
 */
export type ConnectionState = 'online' | 'resumed' | 'offline';

/** An XMPP connection with one bound resource. Write your own in forty lines. */
export interface Transport {
  /** Our full JID, once bound; empty before. */
  readonly jid: string;
  /**
   * Send a stanza that has no answer. Resolves when it was handed to the stream, which promises nothing about the server.
   * @throws `codec.input` for what cannot stand in XML, `xmpp.offline` when there is no stream; nothing was sent then
   */
  send(stanza: XmlElement): Promise<void>;
  /**
   * Send an iq and await its result. The `id` is set where the caller has not.
   * @param timeoutMs milliseconds; 30 000 by default
   * @throws `xmpp.refused` with `detail.condition`, `xmpp.too-large`, `xmpp.timeout`, `xmpp.offline`, `codec.input`
   */
  request(iq: XmlElement, timeoutMs?: number): Promise<XmlElement>;
  /** Every incoming message and presence, and every iq that asks something; returns the unsubscriber. */
  subscribe(listener: (stanza: XmlElement) => void): () => void;
  /** Changes of the connection; returns the unsubscriber. */
  watch(listener: (state: ConnectionState) => void): () => void;
  /**
   * Read one XML document with the parser of the library: the text that was inside an encrypted message.
   * @throws `xmpp.stanza`
   */
  parse(xml: string): XmlElement;
}

/** Milliseconds that {@link Transport.request} waits by default. */
export const REQUEST_TIMEOUT_MS = 30_000;
