/**
 * A transport over xmpp.js (`@xmpp/client`, 0.14), by structural types.
 *
 * The trap: `start()` resolves before stream management is on. A stanza sent in between is counted by the server and not by
 * the client, which then acknowledges wrongly and loses the stream. Hence everything waits until it is on, but not long,
 * because a server without it never says so.
 */

import { fail } from '../../base/error.ts';
import { attr, el, isElement, refuse, type XmlElement } from '../element.ts';
import { lookAtPlain } from '../received.ts';
import { checkWritable } from '../serialise.ts';
import { REQUEST_TIMEOUT_MS, type Transport } from '../transport.ts';
import { type AdapterOptions, answerTo, createHub, type Hub, parsed } from './answers.ts';

/** What is used of a client of `@xmpp/client`. */
export interface XmppJsClient {
  readonly jid: { toString(): string } | null;
  readonly status: string;
  readonly streamManagement: {
    readonly enabled: boolean;
    on(event: 'resumed', listener: () => void): unknown;
  };
  readonly iqCaller: { request(stanza: never, timeoutMs?: number): Promise<unknown> };
  send(stanza: never): Promise<unknown>;
  on(event: string, listener: (value: unknown) => void): unknown;
}

/** What is used of `xml` of `@xmpp/client`. */
export interface XmppJsXml {
  (name: string, attrs: Record<string, string>, ...children: unknown[]): unknown;
  readonly Parser: new () => {
    on(event: string, listener: (value: unknown) => void): unknown;
    write(xml: string): void;
  };
}

/** Longest wait for stream management after a session began, and the pause between looks. */
const SETTLE_MS = 2000;
const LOOK_MS = 10;

/** A transport over `client(...)` and `xml` of `@xmpp/client`. The application starts and stops the client. */
export function xmppJsTransport(
  client: XmppJsClient,
  xml: XmppJsXml,
  options: AdapterOptions = {},
): Transport {
  const hub = createHub(lookAtPlain, options);
  const settled = followSessions(client, hub);
  const ready = async (stanza: XmlElement): Promise<never> => {
    checkWritable(stanza);
    if (client.status === 'online') await settled();
    if (client.status !== 'online') fail('xmpp.offline');
    return toLtx(stanza, xml) as never;
  };
  client.on('stanza', hub.stanza);
  return {
    get jid() {
      return client.jid === null ? '' : client.jid.toString();
    },
    send: async (stanza) => {
      const element = await ready(stanza);
      await client.send(element).catch((cause: unknown) => fail('xmpp.offline', {}, cause));
    },
    request: async (iq, timeoutMs = REQUEST_TIMEOUT_MS) => {
      const element = await ready(iq);
      const self = String(client.jid ?? '');
      const asked = client.iqCaller.request(element, timeoutMs).catch((error: unknown) => problem(error, iq));
      const answer = await hub.inSession(asked);
      return answerTo(iq, answer, lookAtPlain, self);
    },
    subscribe: hub.subscribe,
    watch: hub.watch,
    parse: (text) => parsed(text, (document) => parseWith(xml, document), lookAtPlain),
  };
}

/** Tell of sessions; the returned function waits until the present one can be used. */
function followSessions(client: XmppJsClient, hub: Hub): () => Promise<void> {
  let settling = client.status === 'online' ? settle(client) : Promise.resolve();
  client.on('status', (status) => {
    // A resumed session is not told of here.
    if (status === 'online' || status === 'offline') hub.ended();
    if (status === 'online') {
      settling = settle(client);
      void settling.then(() => client.status === 'online' && hub.state('online'));
    } else if (status === 'disconnect' || status === 'offline') hub.state('offline');
  });
  client.streamManagement.on('resumed', () => hub.state('resumed'));
  if (client.status === 'online') hub.state('online');
  return () => settling;
}

async function settle(client: XmppJsClient): Promise<void> {
  for (let waited = 0; waited < SETTLE_MS && !client.streamManagement.enabled; waited += LOOK_MS) {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, LOOK_MS);
    });
  }
}

/** An error of the library as an answer, or as an error of ours. */
function problem(error: unknown, iq: XmlElement): unknown {
  const { name, element } = error as { name?: unknown; element?: unknown };
  // The library keeps the error of a stanza and drops the rest, its sender too.
  if (name === 'StanzaError') return el('iq', { type: 'error', from: attr(iq, 'to') }, element as XmlElement);
  if (name === 'TimeoutError') return fail('xmpp.timeout', {}, error);
  return fail('xmpp.offline', {}, error);
}

function toLtx(element: XmlElement, xml: XmppJsXml): unknown {
  const children = element.children.map((child) => (isElement(child) ? toLtx(child, xml) : child));
  return xml(element.name, { ...element.attrs }, ...children);
}

/** The parser of the library reads streams: the document becomes the one element of a stream of its own. */
function parseWith(xml: XmppJsXml, document: string): unknown {
  const parser = new xml.Parser();
  const elements: unknown[] = [];
  const ends: unknown[] = [];
  parser.on('element', (element) => elements.push(element));
  parser.on('end', (end) => ends.push(end));
  parser.on('error', (cause) => fail('xmpp.stanza', { part: 'document', why: 'malformed' }, cause));
  parser.write('<stream>');
  parser.write(document);
  parser.write('</stream>');
  if (elements.length !== 1 || ends.length !== 1) refuse('document', 'malformed');
  return elements[0];
}
