/**
 * A transport over StanzaJS (`stanza`, 12), by structural types.
 *
 * The trap: an element that was not defined disappears, silently, in both directions. Hence one field is defined for all
 * stanzas, which takes the whole element as it is. Ids, counting and resumption of the library stay in use.
 */

import { fail } from '../../base/error.ts';
import { attr, isElement, type XmlElement } from '../element.ts';
import { type Look, lookAtPlain } from '../received.ts';
import { checkWritable } from '../serialise.ts';
import { REQUEST_TIMEOUT_MS, type Transport } from '../transport.ts';
import { type AdapterOptions, answerTo, createHub, parsed, timed } from './answers.ts';

/** What is used of an element of StanzaJS. */
interface StanzaElement {
  readonly name: string;
  readonly children: unknown[];
  setAttribute(name: string, value: string): void;
}

/** What is used of a client of StanzaJS. */
export interface StanzaJsClient {
  readonly jid: string;
  readonly sessionStarted?: boolean;
  readonly transport?: unknown;
  readonly stanzas: { define(definition: never): void };
  send(kind: never, stanza: never): Promise<unknown>;
  sendIQ(iq: never): Promise<unknown>;
  on(event: never, listener: never): unknown;
}

/** What is used of `JXT` of StanzaJS. */
export interface StanzaJsXml {
  readonly XMLElement: new (name: string, attributes: Record<string, string>, children: never[]) => unknown;
  parse(xml: string): unknown;
}

/** The field that carries a stanza past the library's models. A function, so that models can still be printed. */
const FIELD = 'xmppMls';
const KINDS = ['message', 'presence', 'iq'];

/**
 * A transport over `createClient(...)` and `JXT` of `stanza`. Make it before connecting. The client's own `timeout`, 15
 * seconds by default, ends requests too. The application connects and disconnects.
 */
export function stanzaJsTransport(
  client: StanzaJsClient,
  library: StanzaJsXml,
  options: AdapterOptions = {},
): Transport {
  const hub = createHub(look, options);
  for (const kind of KINDS) client.stanzas.define(definition(kind, library) as never);
  const on = (event: string, listener: (value: unknown) => void): unknown =>
    client.on(event as never, listener as never);
  on('stanza', (stanza) => hub.stanza(rawOf(stanza)));
  on('session:started', () => {
    hub.ended();
    hub.state('online');
  });
  on('stream:management:resumed', () => hub.state('resumed'));
  on('disconnected', () => hub.state('offline'));
  const ready = (stanza: XmlElement): never => {
    checkWritable(stanza);
    // What is sent without a stream is kept or lost in silence.
    if (client.transport === undefined || client.sessionStarted !== true) fail('xmpp.offline');
    return { ...envelopeOf(stanza), [FIELD]: () => stanza } as never;
  };
  return {
    get jid() {
      return client.jid;
    },
    send: async (stanza) => {
      await client
        .send(stanza.name as never, ready(stanza))
        .catch((cause: unknown) => fail('xmpp.offline', {}, cause));
    },
    request: async (iq, timeoutMs = REQUEST_TIMEOUT_MS) => {
      const answer = await hub.inSession(timed(client.sendIQ(ready(iq)).catch(answerOf), timeoutMs));
      return answerTo(iq, rawOf(answer), look, client.jid);
    },
    subscribe: hub.subscribe,
    watch: hub.watch,
    parse: (text) => parsed(text, (xml) => library.parse(xml), look),
  };
}

function definition(kind: string, library: StanzaJsXml): unknown {
  const field = {
    importer: (xml: unknown) => () => xml,
    exporter: (xml: StanzaElement, value: () => XmlElement) => {
      const stanza = value();
      for (const [name, one] of Object.entries(stanza.attrs))
        if (name !== 'xmlns') xml.setAttribute(name, one);
      xml.children.push(...stanza.children.map((child) => toStanza(child, library)));
    },
  };
  return { path: kind, element: kind, namespace: 'jabber:client', fields: { [FIELD]: field } };
}

/** The library sets these itself, and matches answers by them. */
function envelopeOf(stanza: XmlElement): Record<string, string> {
  const names = ['id', 'to', 'type'].filter((name) => attr(stanza, name) !== undefined);
  return Object.fromEntries(names.map((name) => [name, attr(stanza, name) ?? '']));
}

function toStanza(child: XmlElement | string, library: StanzaJsXml): unknown {
  if (!isElement(child)) return child;
  const children = child.children.map((one) => toStanza(one, library));
  return new library.XMLElement(child.name, { ...child.attrs }, children as never[]);
}

function rawOf(stanza: unknown): unknown {
  const raw = (stanza as Record<string, unknown> | undefined)?.[FIELD];
  return typeof raw === 'function' ? raw() : undefined;
}

/** A refused iq is thrown as a model; a model that the library made up tells of its own deadline. */
function answerOf(error: unknown): unknown {
  return rawOf(error) === undefined || isOurs(error) ? fail('xmpp.timeout') : error;
}

/** The model that tells of a deadline repeats the fields of the request, our own element among them. */
function isOurs(error: unknown): boolean {
  return (error as { error?: { condition?: unknown } }).error?.condition === 'timeout';
}

/** Their elements say `attributes` where ours say `attrs`. */
const look: Look = (node) => {
  const { name, attributes, children } = node as Record<string, unknown>;
  return lookAtPlain({ name, attrs: attributes, children });
};
