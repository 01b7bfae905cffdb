/** A stage on a real server, over xmpp.js. */

import { fail } from '../../base/error.ts';
import { nodeProvider } from '../../crypto/node/index.ts';
import { xmppJsTransport } from '../../xmpp/adapters/xmppjs.ts';
import { el } from '../../xmpp/element.ts';
import { Nodes } from '../../xmpp/nodes.ts';
import { findConferenceService } from '../../xmpp/sequencer/logRoom.ts';
import { iqSet } from '../../xmpp/stanza/iq.ts';
import { CURRENT, NODE_DEVICES, NODE_KEY_PACKAGES } from '../../xmpp/stanza/mlsItems.ts';
import { systemTimers } from '../../xmpp/timers.ts';
import type { Transport } from '../../xmpp/transport.ts';
import { nodeHttp } from './http.ts';
import type { XmppJs } from './library.ts';
import type { Line, Stage } from './stage.ts';

/** An account, and the word that opens it. */
export interface Login {
  readonly user: string;
  readonly domain: string;
  readonly password: string;
}

/** Which server, and as whom. */
export interface ServerStageOptions {
  readonly library: XmppJs;
  /** `xmpp://host:port`, `wss://...`: as xmpp.js has it. */
  readonly service: string;
  /** Three accounts. */
  readonly logins: readonly [Login, Login, Login];
  /** Whether devices that the accounts have already are given up. */
  readonly reset?: boolean;
}

/** A client of the library. */
export type Client = ReturnType<XmppJs['client']>;

/** Read `user:password@domain`; nothing for anything else. The user has no colon, and the domain no at sign. */
export function readLogin(text: string): Login | undefined {
  const [, user, password, domain] = /^([^:@]+):(.+)@([^@]+)$/.exec(text) ?? [];
  return user === undefined || password === undefined || domain === undefined
    ? undefined
    : { user, password, domain };
}

/**
 * Connect, and see that all is as it has to be.
 * @throws `policy.identity-unverified` for an account that has devices already, without `reset`; `xmpp.server-unfit`, `xmpp.*`,
 *   and what xmpp.js throws
 */
export async function serverStage(options: ServerStageOptions): Promise<Stage> {
  const { service, logins } = options;
  const clients: Client[] = [];
  const open = (login: Login, resource: string): Promise<Line> =>
    connect(options, clients, { login, resource });
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.stop()));
  };
  try {
    await Promise.all(
      logins.map(async (login) => prepare(await open(login, 'look'), options.reset === true)),
    );
    const { transport, cut } = await open(logins[0], 'ask');
    const rooms = await findConferenceService(transport, logins[0].domain);
    await cut();
    const [alice, bob, carol] = logins.map(addressOf) as [string, string, string];
    return {
      name: service,
      rooms,
      accounts: [alice, bob, carol],
      provider: nodeProvider,
      timers: systemTimers,
      http: nodeHttp(isLoopback(service)),
      connect: (account, resource) =>
        open(logins.find((one) => addressOf(one) === account) ?? fail('internal.bug', { account }), resource),
      close: async () => {
        await Promise.all(logins.map(async (login) => prepare(await open(login, 'sweep'), true)));
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Bare address of an account. */
export function addressOf({ user, domain }: Login): string {
  return `${user}@${domain}`;
}

/** Whether an address of a service is on this machine. */
export function isLoopback(service: string): boolean {
  return /^[a-z]+:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|\/|$)/.test(service);
}

/** Connect one device. @param clients gets the client, which is to be stopped @throws what xmpp.js throws */
export async function connect(
  { library, service }: Pick<ServerStageOptions, 'library' | 'service'>,
  clients: Client[],
  { login, resource }: { readonly login: Login; readonly resource: string },
): Promise<Line> {
  const { user: username, password, domain } = login;
  const client = library.client({ service, domain, username, password, resource });
  clients.push(client);
  // An 'error' event that nobody hears ends the process.
  client.on('error', () => undefined);
  const transport = xmppJsTransport(client, library.xml);
  await client.start();
  return {
    transport,
    cut: async () => {
      await client.stop();
    },
    again: async () => {
      await client.start();
    },
  };
}

/** An account without devices. */
async function prepare({ transport, cut }: Line, mayDelete: boolean): Promise<void> {
  const account = transport.jid.split('/')[0] ?? '';
  const found = await new Nodes({ transport, account }).fetch(account, NODE_DEVICES, [CURRENT]);
  if (found.length > 0 && !mayDelete)
    fail('policy.identity-unverified', { jid: account, rule: 'has devices' });
  if (mayDelete) for (const node of [NODE_DEVICES, NODE_KEY_PACKAGES]) await drop(transport, node);
  await cut();
}

async function drop(transport: Transport, node: string): Promise<void> {
  const pubsub = el('pubsub', { xmlns: 'http://jabber.org/protocol/pubsub#owner' }, el('delete', { node }));
  // There may be none.
  await transport.request(iqSet(undefined, pubsub)).catch(() => undefined);
}
