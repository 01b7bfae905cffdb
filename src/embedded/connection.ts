/**
 * One client's connection: a transport on its side, a session on the server's, and a stream in between that keeps order.
 *
 * Stanzas cross by copy. While the socket is lost, what was written to either side waits, as under stream management; it
 * goes on with `resume`, or ends with the session.
 */

import { fail, MlsError } from '../base/error.ts';
import { answerTo, createHub, type Hub } from '../xmpp/adapters/answers.ts';
import { attr, childrenOf, el, type XmlElement } from '../xmpp/element.ts';
import { formatJid, parseJid } from '../xmpp/jid.ts';
import { lookAtPlain } from '../xmpp/received.ts';
import { serialise } from '../xmpp/serialise.ts';
import { NS_DISCO_INFO } from '../xmpp/stanza/disco.ts';
import { REQUEST_TIMEOUT_MS, type Transport } from '../xmpp/transport.ts';
import { type Account, type Core, note, type Session, sealed, token, withChildren } from './core.ts';
import { createPipe, type Pipe } from './pipe.ts';
import { type Answer, replyTo } from './replies.ts';

/** A client's connection, and what can happen to it. */
export interface Connection {
  readonly transport: Transport;
  /** Begin a new session over the same transport, when there is none: `online`. */
  connect(): void;
  /** End the session: rooms are left, and what was on its way is lost. */
  disconnect(): void;
  /** Lose the socket. The session waits for a while, and what is sent to it too. */
  drop(): void;
  /** Come back to the session: `resumed`. False, and nothing happens, when it does not wait any more. */
  resume(): boolean;
}

/** What a connection needs of the server. */
export interface Host {
  readonly core: Core;
  readonly latencyMs: number;
  readonly parse: (xml: string) => XmlElement;
  /** A session has begun. */
  opened(session: Session): void;
  /** A stanza came, with its sender. */
  handle(session: Session, stanza: XmlElement): void;
  /** A session has ended. */
  closed(session: Session): void;
}

/** Who connects, and what the client is to say of itself without being asked. */
export interface Client {
  readonly account: Account;
  readonly resource: string;
  readonly features: readonly string[] | undefined;
}

interface Link {
  readonly session: Session;
  readonly up: Pipe;
  readonly down: Pipe;
  attached: boolean;
  ended: boolean;
  stopWaiting: () => void;
}

type Pending = Map<
  string,
  { readonly iq: XmlElement; readonly settle: (answer: XmlElement | 'late' | 'ended') => void }
>;

const NS_CAPS = 'http://jabber.org/protocol/caps';

/** Connect a client: its session has begun when this returns. */
export function createConnection(host: Host, client: Client): Connection {
  const hub = createHub(lookAtPlain, {});
  const pending: Pending = new Map();
  const jid = formatJid(parseJid(`${client.account.jid}/${client.resource}`));
  let link: Link | undefined;
  const ended = (): void => {
    for (const { settle } of [...pending.values()]) settle('ended');
    hub.state('offline');
  };
  const connect = (): void => {
    if (link !== undefined && !link.ended) return;
    link = open(host, client, {
      jid,
      ended,
      deliver: (stanza) => take({ hub, pending, write, client, host }, stanza),
    });
    hub.state('online');
    host.opened(link.session);
  };
  const write = (stanza: XmlElement): void => {
    const bytes = new TextEncoder().encode(serialise(stanza)).length;
    const open = link !== undefined && !link.ended && link.attached ? link : fail('xmpp.offline');
    pass(host, open, described(sealed(stanza), client), bytes);
  };
  connect();
  return {
    transport: transportOf(host, { hub, pending, write, jid: () => (link === undefined ? '' : jid) }),
    connect,
    disconnect: () => link?.session.end(),
    drop: () => link !== undefined && !link.ended && link.attached && lose(host, link, hub),
    resume: () => link !== undefined && goOn(link, hub),
  };
}

interface Opening {
  readonly jid: string;
  readonly ended: () => void;
  readonly deliver: (stanza: XmlElement) => void;
}

function open(host: Host, client: Client, { jid, ended, deliver }: Opening): Link {
  const { core, latencyMs } = host;
  const session: Session = {
    jid,
    account: client.account,
    presence: undefined,
    carbons: false,
    features: new Set(),
    rooms: new Map(),
    deliver: (stanza) => {
      const copy = sealed(stanza);
      core.hostile.outgoing(session, copy, (one) => link.down.put(() => deliver(one)));
    },
    end: () => {
      if (link.ended) return;
      link.ended = true;
      link.stopWaiting();
      link.up.close();
      link.down.close();
      core.counters.ended++;
      host.closed(session);
      ended();
    },
  };
  const link: Link = {
    session,
    up: createPipe(core.timers, latencyMs),
    down: createPipe(core.timers, latencyMs),
    attached: true,
    ended: false,
    stopWaiting: () => undefined,
  };
  return link;
}

/** A stanza on its way to the server. One that is too big ends the stream when it comes there. */
function pass(host: Host, { session, up }: Link, stanza: XmlElement, bytes: number): void {
  const { core } = host;
  up.put(() => {
    core.counters.received++;
    if (bytes > core.limits.stanzaBytes) {
      note(core, 'too-big', { jid: session.jid, bytes });
      session.end();
      return;
    }
    const sent = el(stanza.name, { ...stanza.attrs, from: session.jid }, ...stanza.children);
    core.hostile.incoming(session, sent, (one) => host.handle(session, one));
  });
}

function lose(host: Host, link: Link, hub: Hub): void {
  link.attached = false;
  link.up.hold();
  link.down.hold();
  link.stopWaiting = host.core.timers.after(host.core.limits.resumeMs, () => link.session.end());
  hub.state('offline');
}

function goOn(link: Link, hub: Hub): boolean {
  if (link.ended || link.attached) return false;
  link.attached = true;
  link.stopWaiting();
  hub.state('resumed');
  link.up.release();
  link.down.release();
  return true;
}

interface Side {
  readonly hub: Hub;
  readonly pending: Pending;
  readonly write: (stanza: XmlElement) => void;
}

function transportOf(host: Host, side: Side & { jid: () => string }): Transport {
  const { hub, pending, write, jid } = side;
  const request = async (iq: XmlElement, timeoutMs = REQUEST_TIMEOUT_MS): Promise<XmlElement> => {
    const id = attr(iq, 'id') ?? token(host.core, 12);
    const asked = el(iq.name, { ...iq.attrs, id }, ...iq.children);
    const answer = new Promise<XmlElement | 'late' | 'ended'>((resolve) => {
      const stop = host.core.timers.after(timeoutMs, () => settle('late'));
      const settle = (found: XmlElement | 'late' | 'ended'): void => {
        stop();
        pending.delete(id);
        resolve(found);
      };
      pending.set(id, { iq: asked, settle });
    });
    try {
      write(asked);
    } catch (error) {
      pending.get(id)?.settle('ended');
      throw error;
    }
    const found = await answer;
    // The end of a session leaves as much unknown as a deadline does.
    if (found === 'ended') fail('xmpp.timeout', { session: 'ended' });
    return found === 'late'
      ? fail('xmpp.timeout', { timeoutMs })
      : answerTo(asked, found, lookAtPlain, jid());
  };
  return {
    get jid() {
      return jid();
    },
    send: async (stanza) => write(stanza),
    request,
    subscribe: hub.subscribe,
    watch: hub.watch,
    parse: host.parse,
  };
}

/** A stanza has come to the client: an answer to whoever waits for its id, as libraries do it, or news. */
function take(side: Side & { client: Client; host: Host }, stanza: XmlElement): void {
  const { hub, pending, client, host } = side;
  host.core.counters.delivered++;
  const type = attr(stanza, 'type');
  if (stanza.name === 'iq' && (type === 'result' || type === 'error')) {
    pending.get(attr(stanza, 'id') ?? '')?.settle(stanza);
    return;
  }
  if (client.features !== undefined && type === 'get' && isDisco(stanza))
    answerDisco(side, stanza, client.features);
  else hub.stanza(stanza);
}

function isDisco(iq: XmlElement): boolean {
  return iq.name === 'iq' && childrenOf(iq, 'query', NS_DISCO_INFO).length > 0;
}

function answerDisco(
  { write, host }: Side & { host: Host },
  iq: XmlElement,
  features: readonly string[],
): void {
  const query: Answer = el(
    'query',
    { xmlns: NS_DISCO_INFO },
    el('identity', { category: 'client', type: 'pc' }),
    ...features.map((name) => el('feature', { var: name })),
  );
  try {
    write(replyTo(host.core, iq, query));
  } catch (error) {
    // The connection may have been lost while the question was on its way.
    if (!(error instanceof MlsError)) throw error;
  }
}

/** A broadcast presence says what the client supports, if the client is of the kind that does so by itself. */
function described(stanza: XmlElement, { features }: Client): XmlElement {
  const broadcast = stanza.name === 'presence' && attr(stanza, 'to') === undefined;
  if (features === undefined || !broadcast || attr(stanza, 'type') !== undefined) return stanza;
  const ver = [...features].sort().join(' ');
  return withChildren(stanza, el('c', { xmlns: NS_CAPS, hash: 'none', node: 'urn:embedded', ver }));
}
