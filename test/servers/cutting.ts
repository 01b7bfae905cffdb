/** Connections over xmpp.js that break, as those of phones do. */

import { client, xml } from '@xmpp/client';
import { xmppJsTransport } from '../../src/xmpp/adapters/xmppjs.ts';
import { el } from '../../src/xmpp/element.ts';
import { beOfPatience, type Connected } from './clients.ts';
import type { Server } from './server.ts';

/** A connection that can be broken. */
export interface Breakable extends Connected {
  /** The socket is gone, and the library finds its way back, into the old session where that goes. */
  cut(): void;
  /**
   * The session ends, and another one begins. Not while the library is on its way back: it would connect twice.
   * @returns whether that was done
   */
  renew(): Promise<boolean>;
}

/** Connect an account whose word is its name. It is present in each of its sessions. */
export async function connectBreakable(server: Server, name: string): Promise<Breakable> {
  const xmpp = client({ service: server.tcp, domain: server.domain, username: name, password: name });
  beOfPatience(xmpp);
  // An 'error' event that nobody hears ends the process.
  xmpp.on('error', () => undefined);
  const transport = xmppJsTransport(xmpp, xml);
  transport.watch((state) => {
    if (state === 'online') transport.send(el('presence')).catch(() => undefined);
  });
  await xmpp.start();
  return {
    transport,
    disconnect: () => xmpp.stop(),
    connect: () => xmpp.start(),
    cut: () => (xmpp as unknown as { socket: { destroy(): void } | null }).socket?.destroy(),
    renew: async () => {
      if (xmpp.status !== 'online') return false;
      await xmpp.stop();
      await xmpp.start();
      return true;
    },
  };
}
