/** The servers that tests run on. */

import { hasEjabberd, startEjabberd } from './ejabberd.ts';
import { hasProsody, startProsody } from './prosody.ts';
import type { Server, ServerOptions } from './server.ts';

/** A kind of server. */
export interface ServerKind {
  readonly name: string;
  readonly available: boolean;
  readonly start: (options?: ServerOptions) => Promise<Server>;
}

export const SERVERS: readonly ServerKind[] = [
  { name: 'Prosody', available: hasProsody(), start: startProsody },
  { name: 'ejabberd', available: hasEjabberd(), start: startEjabberd },
];
