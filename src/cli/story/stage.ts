/** Where a story is played: a server of whatever kind, seen through connections. */

import type { Provider } from '../../index.ts';
import type { Http } from '../../xmpp/content/files.ts';
import type { Timers } from '../../xmpp/timers.ts';
import type { Transport } from '../../xmpp/transport.ts';

/** One connection of one device. */
export interface Line {
  /** Online, with no presence sent. */
  readonly transport: Transport;
  /** The session ends, as when a phone goes into a tunnel. */
  cut(): Promise<void>;
  /** A new session over the same transport. */
  again(): Promise<void>;
}

/** A server with three accounts on it. */
export interface Stage {
  /** For the title. */
  readonly name: string;
  /** Domain of the conference service. */
  readonly rooms: string;
  /** Bare addresses of the three who play: different ones, without devices of before. */
  readonly accounts: readonly [string, string, string];
  readonly provider: Provider;
  readonly timers: Timers;
  readonly http: Http;
  /** Connect a device. @throws `xmpp.*`, and what the library throws */
  connect(account: string, resource: string): Promise<Line>;
  /** End what the stage has begun. */
  close(): Promise<void>;
}
