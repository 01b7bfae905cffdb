/** The three libraries, connected, each behind its adapter. */

import { client, xml } from '@xmpp/client';
import { createClient, JXT } from 'stanza';
import { Strophe } from 'strophe.js';
import { WebSocket } from 'ws';
import { stanzaJsTransport } from '../../src/xmpp/adapters/stanzajs.ts';
import { stropheTransport } from '../../src/xmpp/adapters/strophe.ts';
import { xmppJsTransport } from '../../src/xmpp/adapters/xmppjs.ts';

import type { Connected } from '../support/roundTrips.ts';
import type { Server } from './server.ts';

// Node 20 has no WebSocket of its own, which xmpp.js looks for.
Object.assign(globalThis, { WebSocket: (globalThis as { WebSocket?: unknown }).WebSocket ?? WebSocket });

Strophe.setLogLevel(Strophe.LogLevel.FATAL);

export type { Connected } from '../support/roundTrips.ts';

/** Connect an account, whose word is its name. */
export type Connect = (server: Server, name: string) => Promise<Connected>;

/** The library gives a server two seconds for each step, which a machine that does much else does not always have. */
export function beOfPatience(xmpp: object): void {
  Object.assign(xmpp, { timeout: 15_000 });
}

const overXmppJs =
  (kind: 'tcp' | 'ws'): Connect =>
  async (server, name) => {
    const xmpp = client({ service: server[kind], domain: server.domain, username: name, password: name });
    beOfPatience(xmpp);
    // An 'error' event that nobody hears ends the process.
    xmpp.on('error', () => undefined);
    const transport = xmppJsTransport(xmpp, xml);
    await xmpp.start();
    return {
      transport,
      disconnect: () => xmpp.stop(),
      connect: () => xmpp.start(),
      write: (text) => xmpp.write(text),
    };
  };

/** The plain way, for tests that are not about libraries. */
export const connectTcp: Connect = overXmppJs('tcp');

const overStanza: Connect = async (server, name) => {
  const stanza = createClient({
    jid: `${name}@${server.domain}`,
    password: name,
    transports: { websocket: server.ws, bosh: false },
    autoReconnect: false,
  });
  const transport = stanzaJsTransport(stanza, JXT);
  const start = async (): Promise<void> => {
    const online = new Promise((resolve, reject) => {
      stanza.once('session:started', resolve);
      stanza.once('disconnected', () => reject(new Error('no session')));
    });
    void stanza.connect();
    await online;
  };
  const disconnect = async (): Promise<void> => {
    const gone = new Promise<void>((resolve) => stanza.once('disconnected', () => resolve()));
    stanza.disconnect();
    await gone;
  };
  await start();
  return { transport, disconnect, connect: start };
};

const overStrophe: Connect = async (server, name) => {
  const connection = new Strophe.Connection(server.ws);
  const transport = stropheTransport(connection, Strophe);
  // See the head of the adapter: a session that begins at once would be ended with the old one.
  let ended = (): void => {};
  const start = (): Promise<void> =>
    new Promise((resolve, reject) => {
      connection.connect(`${name}@${server.domain}`, name, (status: number) => {
        transport.statusChanged(status);
        if (status === Strophe.Status.DISCONNECTED) ended();
        if (status === Strophe.Status.CONNECTED) resolve();
        if (status === Strophe.Status.CONNFAIL || status === Strophe.Status.AUTHFAIL)
          reject(new Error('no session'));
      });
    });
  const disconnect = async (): Promise<void> => {
    const gone = new Promise<void>((resolve) => {
      ended = resolve;
    });
    connection.disconnect('');
    await gone;
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  await start();
  return { transport, disconnect, connect: start };
};

/** Strophe answers nothing by itself, so it can stay silent, and say what others would not. */
export const connectSilent: Connect = overStrophe;

export const LIBRARIES: readonly (readonly [name: string, connect: Connect])[] = [
  ['xmpp.js over TCP', connectTcp],
  ['xmpp.js over WebSocket', overXmppJs('ws')],
  ['StanzaJS', overStanza],
  ['Strophe.js', overStrophe],
];
