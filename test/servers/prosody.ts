/** A throw-away Prosody. */

import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clockEnvironment, moveClock } from './clock.ts';
import {
  end,
  freePort,
  newFolder,
  type Program,
  run,
  SERVER_PATH,
  type Server,
  type ServerOptions,
} from './server.ts';

export type { Server } from './server.ts';

const AS_ROOT = process.getuid?.() === 0 ? ['--root'] : [];

interface Place {
  readonly folder: string;
  readonly domain: string;
  readonly tcp: number;
  readonly http: number;
}

/** Whether the machine has a Prosody. With XMPP_MLS_REQUIRE_SERVERS a machine without one fails the tests. */
export function hasProsody(): boolean {
  if (process.env['XMPP_MLS_REQUIRE_SERVERS'] === '1') return true;
  const env = { ...process.env, PATH: SERVER_PATH };
  return spawnSync('prosodyctl', ['--version'], { env, stdio: 'ignore' }).error === undefined;
}

/** Start one in a folder of its own, which `stop` removes. */
export async function startProsody(options: ServerOptions = {}): Promise<Server> {
  const folder = newFolder('prosody');
  const domain = options.domain ?? 'localhost';
  const place = { folder, domain, tcp: await freePort(), http: await freePort() };
  mkdirSync(join(folder, 'data'));
  // What is written while nothing expires is never looked at again; ten years are not nothing.
  const days = options.retention === undefined ? undefined : `${options.retention}d`;
  const keep = (time: string): void =>
    writeFileSync(join(folder, 'prosody.cfg.lua'), configuration(place, options, time));
  keep(days ?? '10y');
  moveClock(folder, options.clock ?? 0);
  const program = programOf(place, options);
  let running = await run(program);
  const restart = async (): Promise<void> => {
    await end(running, 'SIGTERM');
    running = await run(program);
  };
  return {
    ...addresses(place),
    pid: () => pidOf(running),
    addUser: async (name, word) => addUser(place, name, word),
    expire: async () => {
      await end(running, 'SIGTERM');
      forgetLastExpiry(place);
      keep(days ?? '1');
      running = await run(program);
      keep(days ?? '10y');
      // Periodic tasks begin one second after the start.
      await new Promise((resolve) => setTimeout(resolve, 2500));
    },
    setClock: (seconds) => moveClock(folder, seconds),
    restart,
    stop: async () => {
      await end(running, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function addresses({ domain, tcp, http }: Place) {
  return {
    dialect: 'prosody',
    domain,
    rooms: `rooms.${domain}`,
    upload: domain,
    mix: undefined,
    tcp: `xmpp://127.0.0.1:${tcp}`,
    ws: `ws://127.0.0.1:${http}/xmpp-websocket`,
  } as const;
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('not running');
  return child.pid;
}

function addUser({ folder, domain }: Place, name: string, word: string): void {
  const file = join(folder, 'prosody.cfg.lua');
  execFileSync('prosodyctl', [...AS_ROOT, '--config', file, 'register', name, domain, word], {
    env: { ...process.env, PATH: SERVER_PATH },
    stdio: 'ignore',
  });
}

/** Prosody expires once a day: make it believe that it has not for long, and it does so soon after its start. */
function forgetLastExpiry({ folder, domain }: Place): void {
  for (const [host, task] of [
    [domain, 'mam/remove_expired_messages'],
    [`rooms.${domain}`, 'muc_mam/remove_expired_messages'],
  ] as const) {
    const encoded = host.replace(/[^a-zA-Z0-9]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);
    mkdirSync(join(folder, 'data', encoded), { recursive: true });
    writeFileSync(join(folder, 'data', encoded, 'cron.dat'), `return { ["${task}"] = 0; };\n`);
  }
}

function programOf({ folder, tcp, http }: Place, { clock }: ServerOptions): Program {
  return {
    command: 'prosody',
    args: [...AS_ROOT, '-F', '--config', join(folder, 'prosody.cfg.lua')],
    options: {
      env: { ...process.env, PATH: SERVER_PATH, ...(clock === undefined ? {} : clockEnvironment(folder)) },
    },
    ports: [tcp, http],
    log: join(folder, 'prosody.log'),
  };
}

function configuration(place: Place, options: ServerOptions, keep: string): string {
  const { folder, domain, tcp, http } = place;
  const mam = options.archive === false ? '' : '"mam", ';
  const limits = options.rate === undefined ? '' : '"limits", ';
  return `
run_as_root = true
pidfile = "${folder}/prosody.pid"
data_path = "${folder}/data"
certificates = "${folder}"
log = { info = "${folder}/prosody.log" }
interfaces = { "127.0.0.1" }
c2s_ports = { ${tcp} }
c2s_direct_tls_ports = {}
http_ports = { ${http} }
http_interfaces = { "127.0.0.1" }
https_ports = {}
http_default_host = "${domain}"
http_external_url = "http://127.0.0.1:${http}/"
authentication = "internal_hashed"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
consider_websocket_secure = true
c2s_stanza_size_limit = ${options.stanzaBytes ?? 2 * 1024 * 1024}
${options.rate === undefined ? '' : `limits = { c2s = { rate = "${options.rate}b/s" } }`}
archive_expires_after = "${keep}"
muc_log_expires_after = "${keep}"
storage_archive_item_limit = ${options.archiveItems ?? 1_000_000}
pep_max_items = 10000
smacks_max_queue_size = 20000
${federation(options)}
modules_enabled = { ${mam}${limits}${options.federation === undefined ? '' : '"dialback", '}"disco", "roster", "saslauth", "carbons", "pep", "private", "bookmarks", "smacks", "csi", "offline", "ping", "websocket", "http" }
VirtualHost "${domain}"
  -- On the main host, so that its addresses work without a name.
  modules_enabled = { "http_file_share" }
${rooms(domain, options)}`;
}

function federation({ federation: others }: ServerOptions): string {
  if (others === undefined) return 's2s_ports = {}\nmodules_disabled = { "s2s", "tls" }';
  return `
s2s_ports = { ${others.port} }
s2s_direct_tls_ports = {}
s2s_require_encryption = false
s2s_secure_auth = false
modules_disabled = { "tls" }
unbound = { resolvconf = false, forward = "127.0.0.1@${others.names}" }`;
}

function rooms(domain: string, options: ServerOptions): string {
  if (options.rooms === 'absent') return '';
  return `Component "rooms.${domain}" "muc"
  modules_enabled = { ${options.archive === false ? '' : '"muc_mam"'} }
  restrict_room_creation = ${options.rooms === 'closed'}
  muc_room_locking = false
`;
}
