/**
 * A transport over Strophe.js (5), by structural types.
 *
 * The traps: handlers are gone after a disconnection, so they are set anew for each session; a handler that throws or
 * forgets to return true is gone too; a request whose connection ends is never answered, hence a deadline of our own.
 * And one for the application: `disconnect` sets a timer of zero to end the session, which the server's answer may have
 * ended before. Who connects again as soon as DISCONNECTED is told has the new session ended by that timer: wait a turn.
 */

import { fail } from '../../base/error.ts';
import { refuse, type XmlElement } from '../element.ts';
import type { Look } from '../received.ts';
import { serialise } from '../serialise.ts';
import { REQUEST_TIMEOUT_MS, type Transport } from '../transport.ts';
import {
  type AdapterOptions,
  answerTo,
  createHub,
  type Hub,
  inClientNamespace,
  parsed,
  timed,
} from './answers.ts';

/** What is used of a connection of Strophe. */
export interface StropheConnection {
  readonly jid: string;
  readonly connected: boolean;
  readonly authenticated: boolean;
  send(element: never): void;
  sendIQ(
    iq: never,
    done: (answer: never) => void,
    failed: (answer: never) => void,
    timeoutMs?: number,
  ): string;
  addHandler(handler: (stanza: never) => boolean, namespace: null, name: string): unknown;
  deleteHandler(reference: never): void;
}

/** What is used of `Strophe`. */
export interface StropheLibrary {
  readonly Status: Readonly<Record<string, number>>;
  toElement(xml: string): unknown;
}

/** A transport that has to be told of the connection. */
export interface StropheTransport extends Transport {
  /** Call this first in the callback that `connect`, `attach` or `restore` takes. */
  statusChanged(status: number): void;
}

/** The part of a DOM node that browsers and `@xmldom/xmldom` have in common. */
interface DomNode {
  readonly nodeType: number;
  readonly nodeName: string;
  readonly nodeValue: string | null;
  readonly attributes: {
    readonly length: number;
    item(index: number): { name: string; value: string } | null;
  };
  readonly childNodes: ArrayLike<DomNode>;
}

const ELEMENT = 1;
const TEXT = 3;

/** A transport over `new Strophe.Connection(...)` and `Strophe` of `strophe.js`. The application connects. */
export function stropheTransport(
  connection: StropheConnection,
  library: StropheLibrary,
  options: AdapterOptions = {},
): StropheTransport {
  const hub = createHub(look, options);
  const ready = (stanza: XmlElement): never => {
    const text = serialise(inClientNamespace(stanza));
    if (!connection.connected || !connection.authenticated) fail('xmpp.offline');
    return library.toElement(text) as never;
  };
  return {
    get jid() {
      return connection.jid;
    },
    send: async (stanza) => connection.send(ready(stanza)),
    request: async (iq, timeoutMs = REQUEST_TIMEOUT_MS) => {
      const element = ready(iq);
      const asked = new Promise<unknown>((resolve) => {
        // The library's deadline forgets the request; it tells so by null, which comes after our own.
        connection.sendIQ(
          element,
          resolve,
          (answer) => (answer === null ? undefined : resolve(answer)),
          timeoutMs,
        );
      });
      return answerTo(iq, await hub.inSession(timed(asked, timeoutMs)), look, connection.jid);
    },
    subscribe: hub.subscribe,
    watch: hub.watch,
    parse: (text) => parsed(text, (xml) => library.toElement(xml), look),
    statusChanged: followStatus(connection, library, hub),
  };
}

/** Tell of sessions, and set the handlers of each in place of those of the session before. */
function followStatus(
  connection: StropheConnection,
  library: StropheLibrary,
  hub: Hub,
): (status: number) => void {
  const { CONNECTED, ATTACHED, DISCONNECTED, CONNFAIL } = library.Status;
  let handlers: unknown[] = [];
  const handler = (stanza: unknown): boolean => {
    hub.stanza(stanza);
    return true;
  };
  return (status) => {
    if (status === CONNECTED || status === ATTACHED) {
      for (const reference of handlers) connection.deleteHandler(reference as never);
      handlers = ['message', 'presence', 'iq'].map((name) => connection.addHandler(handler, null, name));
      hub.state('online');
    } else if (status === DISCONNECTED || status === CONNFAIL) {
      hub.ended();
      hub.state('offline');
    }
  };
}

/** A DOM element. Comments and the like, which XMPP forbids, are refused: they would cut a text in two. */
const look: Look = (node) => {
  const { nodeType, nodeName, attributes, childNodes } = node as DomNode;
  if (nodeType !== ELEMENT) refuse('node', 'kind');
  const attrs = Array.from({ length: attributes.length }, (_, index): readonly [string, unknown] => {
    const { name, value } = attributes.item(index) ?? refuse('attribute', 'missing');
    return [name, value];
  });
  const children = Array.from(childNodes, (child) =>
    child.nodeType === TEXT ? (child.nodeValue ?? '') : child,
  );
  return { name: nodeName, attrs, children };
};
