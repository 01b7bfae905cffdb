/** A throw-away Prosody on the loopback interface, with what the binding needs: MAM, PEP, rooms with an archive, WebSocket. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Server {
  readonly domain: string;
  readonly rooms: string;
  /** Addresses for clients. */
  readonly tcp: string;
  readonly ws: string;
  addUser(name: string, word: string): void;
  stop(): Promise<void>;
}

const PATH = `${process.env['PATH']}:/usr/sbin:/usr/local/sbin`;
const AS_ROOT = process.getuid?.() === 0 ? ['--root'] : [];

/** Whether the machine has a Prosody. With XMPP_MLS_REQUIRE_SERVERS a machine without one fails the tests. */
export function hasProsody(): boolean {
  if (process.env['XMPP_MLS_REQUIRE_SERVERS'] === '1') return true;
  return (
    spawnSync('prosodyctl', ['--version'], { env: { ...process.env, PATH }, stdio: 'ignore' }).error ===
    undefined
  );
}

/** Start one in a folder of its own, which `stop` removes. */
export async function startProsody(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'xmpp-mls-prosody-'));
  const [tcp, http] = [await freePort(), await freePort()];
  const file = join(folder, 'prosody.cfg.lua');
  mkdirSync(join(folder, 'data'));
  writeFileSync(file, configuration(folder, tcp, http));
  const running = await run(file, folder, [tcp, http]);
  return {
    domain: 'localhost',
    rooms: 'rooms.localhost',
    tcp: `xmpp://127.0.0.1:${tcp}`,
    ws: `ws://127.0.0.1:${http}/xmpp-websocket`,
    addUser: (name, word) => {
      execFileSync('prosodyctl', [...AS_ROOT, '--config', file, 'register', name, 'localhost', word], {
        env: { ...process.env, PATH },
        stdio: 'ignore',
      });
    },
    stop: async () => {
      await end(running);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, tcp: number, http: number): string {
  return `
run_as_root = true
pidfile = "${folder}/prosody.pid"
data_path = "${folder}/data"
certificates = "${folder}"
log = { info = "${folder}/prosody.log" }
interfaces = { "127.0.0.1" }
c2s_ports = { ${tcp} }
c2s_direct_tls_ports = {}
s2s_ports = {}
http_ports = { ${http} }
http_interfaces = { "127.0.0.1" }
https_ports = {}
http_default_host = "localhost"
authentication = "internal_hashed"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
consider_websocket_secure = true
archive_expires_after = "never"
muc_log_expires_after = "never"
modules_disabled = { "s2s", "tls" }
modules_enabled = { "disco", "roster", "saslauth", "carbons", "pep", "smacks", "mam", "offline", "ping", "websocket", "http" }
VirtualHost "localhost"
Component "rooms.localhost" "muc"
  modules_enabled = { "muc_mam" }
  muc_room_locking = false
`;
}

async function run(file: string, folder: string, ports: readonly number[]): Promise<ChildProcess> {
  const child = spawn('prosody', [...AS_ROOT, '-F', '--config', file], {
    env: { ...process.env, PATH },
    stdio: 'ignore',
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`Prosody ended:\n${logOf(folder)}`)));
  });
  failed.catch(() => undefined);
  for (const port of ports) await Promise.race([opened(port), failed]);
  return child;
}

function logOf(folder: string): string {
  try {
    return readFileSync(join(folder, 'prosody.log'), 'utf8').slice(-2000);
  } catch {
    return 'no log';
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(patience);
}

async function opened(port: number): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
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

function freePort(): Promise<number> {
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
