/** What the throw-away servers of the tests have in common. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A running server on the loopback interface, with MAM, PEP, rooms with an archive, HTTP upload and WebSocket. */
export interface Server {
  readonly dialect: Dialect;
  readonly domain: string;
  /** The service of rooms. */
  readonly rooms: string;
  /** The service that gives slots for uploads. */
  readonly upload: string;
  /** The service of MIX channels, where there is one. */
  readonly mix: string | undefined;
  /** Addresses for clients. */
  readonly tcp: string;
  readonly ws: string;
  readonly pid: () => number;
  addUser(name: string, word: string): Promise<void>;
  /** Lose from every archive what is older than {@link ServerOptions.retention}. May restart the server. */
  expire(): Promise<void>;
  /** Move the server's clock to so many seconds from the true time. Needs {@link ServerOptions.clock}. */
  setClock(seconds: number): void;
  /** End and start again, with the same data and ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** How servers differ where the binding notices. */
export type Dialect = 'prosody' | 'ejabberd';

/** What a test may want otherwise. */
export interface ServerOptions {
  /** `localhost` by default; anything else can be found by other servers only through `names`. */
  readonly domain?: string;
  /** Bytes that a stanza may have: 2 MiB by default, which is far above what is packaged. */
  readonly stanzaBytes?: number;
  /** Bytes per second and connection; none by default. */
  readonly rate?: number;
  /** Whether accounts and rooms have archives. */
  readonly archive?: boolean;
  /** Days that archives keep what they have; for ever by default. */
  readonly retention?: number;
  /** Entries that one archive keeps (Prosody only). */
  readonly archiveItems?: number;
  /** Whether there is a service of rooms, and whether accounts may make rooms there. */
  readonly rooms?: 'absent' | 'closed' | 'open';
  /** Talk to other servers, without TLS, finding them by asking this port for names. */
  readonly federation?: { readonly port: number; readonly names: number };
  /** Have a clock that {@link Server.setClock} moves, and begin at so many seconds from the true time. Needs libfaketime. */
  readonly clock?: number;
}

/** The path on which distributions put what only an administrator is thought to need. */
export const SERVER_PATH = `${process.env['PATH']}:/usr/sbin:/usr/local/sbin`;

/** A folder for one server. */
export function newFolder(dialect: Dialect): string {
  return mkdtempSync(join(tmpdir(), `xmpp-mls-${dialect}-`));
}

/** How to run a server. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly options: SpawnOptions;
  /** Ports on 127.0.0.1 that are open when it is ready. */
  readonly ports: readonly number[];
  readonly log: string;
}

/** Run a server until its ports are open. */
export async function run({ command, args, options, ports, log }: Program): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: 'ignore', ...options });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${command} ended:\n${endOf(log)}`)));
  });
  failed.catch(() => undefined);
  for (const port of ports) await Promise.race([opened(port), failed]);
  return child;
}

/** End a server: gently if its data is to be used again. */
export async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const patience = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(patience);
}

/** A port on which nobody listens. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object' ? resolve(address.port) : reject(),
      );
    });
  });
}

function endOf(log: string): string {
  try {
    return readFileSync(log, 'utf8').slice(-2000);
  } catch {
    return 'no log';
  }
}

async function opened(port: number): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = createConnection({ host: '127.0.0.1', port }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}
