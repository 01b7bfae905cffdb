/** A throw-away ejabberd: the Erlang machine itself, without the parts that make it one of several. */

import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

interface Place {
  readonly folder: string;
  readonly domain: string;
  readonly tcp: number;
  readonly http: number;
}

type Yaml = { readonly [name: string]: unknown };

/** Whether the machine has an ejabberd. With XMPP_MLS_REQUIRE_SERVERS a machine without one fails the tests. */
export function hasEjabberd(): boolean {
  if (process.env['XMPP_MLS_REQUIRE_SERVERS'] === '1') return true;
  return librariesOf() !== undefined;
}

/** Start one in a folder of its own, which `stop` removes. */
export async function startEjabberd(options: ServerOptions = {}): Promise<Server> {
  const folder = newFolder('ejabberd');
  const domain = options.domain ?? 'localhost';
  const place = { folder, domain, tcp: await freePort(), http: await freePort() };
  for (const part of ['spool', 'logs', 'upload']) mkdirSync(join(folder, part));
  // JSON is YAML.
  writeFileSync(join(folder, 'ejabberd.yml'), JSON.stringify(configuration(place, options)));
  writeFileSync(join(folder, 'inetrc'), lookups(options));
  moveClock(folder, options.clock ?? 0);
  const program = programOf(place, options);
  let running = await run(program);
  return {
    ...addresses(place),
    mix: options.archive === false ? undefined : `mix.${domain}`,
    pid: () => pidOf(running),
    addUser: (name, word) => command(place, 'register', { user: name, host: domain, password: word }),
    expire: () => command(place, 'delete_old_mam_messages', { type: 'all', days: options.retention ?? 0 }),
    setClock: (seconds) => moveClock(folder, seconds),
    restart: async () => {
      await end(running, 'SIGTERM');
      running = await run(program);
    },
    stop: async () => {
      await end(running, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function addresses({ domain, tcp, http }: Place) {
  return {
    dialect: 'ejabberd',
    domain,
    rooms: `rooms.${domain}`,
    upload: `upload.${domain}`,
    tcp: `xmpp://127.0.0.1:${tcp}`,
    ws: `ws://127.0.0.1:${http}/ws`,
  } as const;
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('not running');
  return child.pid;
}

async function command({ http }: Place, name: string, args: Yaml): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${http}/api/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(args),
  });
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
}

/** Where the distribution has put the libraries: it says so in its own way to start. */
function librariesOf(): string | undefined {
  const env = { ...process.env, PATH: SERVER_PATH };
  const found = spawnSync('sh', ['-c', 'command -v erl >/dev/null && command -v ejabberdctl'], { env });
  const script = found.stdout.toString().trim();
  if (found.status !== 0 || script === '') return undefined;
  return /^ERL_LIBS='?([^'\n]*)/m.exec(readFileSync(script, 'utf8'))?.[1] ?? '';
}

function programOf({ folder, tcp, http }: Place, { clock }: ServerOptions): Program {
  const spool = join(folder, 'spool');
  return {
    command: 'erl',
    args: ['+K', 'true', '+P', '250000', '-noinput', '-mnesia', 'dir', `"${spool}"`, '-s', 'ejabberd'],
    options: {
      cwd: spool,
      env: {
        ...process.env,
        PATH: SERVER_PATH,
        HOME: folder,
        ERL_LIBS: librariesOf() ?? '',
        ERL_INETRC: join(folder, 'inetrc'),
        ERL_CRASH_DUMP: join(folder, 'logs', 'crash'),
        EJABBERD_CONFIG_PATH: join(folder, 'ejabberd.yml'),
        EJABBERD_LOG_PATH: join(folder, 'logs', 'ejabberd.log'),
        ...(clock === undefined ? {} : clockEnvironment(folder)),
      },
    },
    ports: [tcp, http],
    log: join(folder, 'logs', 'ejabberd.log'),
  };
}

function lookups({ federation }: ServerOptions): string {
  const local = '{host,{127,0,0,1},["localhost"]}.\n';
  if (federation === undefined) return `{lookup,[file,native]}.\n${local}`;
  return `{lookup,[file,dns]}.\n{hosts_file,""}.\n{resolv_conf,""}.\n{nameserver,{127,0,0,1},${federation.names}}.\n${local}`;
}

function configuration(place: Place, options: ServerOptions): Yaml {
  return {
    loglevel: 'info',
    log_rotate_count: 0,
    hosts: [place.domain],
    listen: listeners(place, options),
    auth_password_format: 'scram',
    acl: { local: { user_regexp: '' }, loopback: { ip: ['127.0.0.0/8'] } },
    access_rules: { local: { allow: 'local' }, c2s: { allow: 'all' }, nobody: { deny: 'all' } },
    api_permissions: { tests: { who: { ip: '127.0.0.1/8' }, what: ['*'] } },
    shaper: { normal: { rate: options.rate ?? 3000, burst_size: options.rate ?? 20_000 } },
    shaper_rules: { max_user_sessions: 50, max_user_offline_messages: 100_000 },
    registration_timeout: 'infinity',
    ...(options.federation === undefined ? {} : { s2s_use_starttls: false }),
    modules: { ...modules(options), ...services(place, options) },
  };
}

function listeners({ tcp, http }: Place, options: ServerOptions): Yaml[] {
  const shaper = options.rate === undefined ? 'none' : 'normal';
  const max_stanza_size = options.stanzaBytes ?? 2 * 1024 * 1024;
  const ip = '127.0.0.1';
  const clients = {
    port: tcp,
    ip,
    module: 'ejabberd_c2s',
    max_stanza_size,
    shaper,
    access: 'c2s',
    starttls: false,
  };
  const request_handlers = {
    '/api': 'mod_http_api',
    '/ws': 'ejabberd_http_ws',
    '/upload': 'mod_http_upload',
  };
  const web = { port: http, ip, module: 'ejabberd_http', request_handlers };
  if (options.federation === undefined) return [clients, web];
  return [
    clients,
    web,
    { port: options.federation.port, ip, module: 'ejabberd_s2s_in', max_stanza_size: 524_288 },
  ];
}

function modules(options: ServerOptions): Yaml {
  return {
    mod_admin_extra: {},
    mod_adhoc: {},
    mod_blocking: {},
    mod_caps: {},
    mod_carboncopy: {},
    mod_client_state: {},
    mod_disco: {},
    mod_http_api: {},
    mod_last: {},
    ...(options.archive === false ? {} : { mod_mam: { default: 'always', assume_mam_usage: true } }),
    mod_offline: { access_max_user_messages: 'max_user_offline_messages' },
    mod_ping: {},
    mod_privacy: {},
    mod_private: {},
    mod_pubsub: { max_items_node: 10_000, plugins: ['flat', 'pep'] },
    mod_push: {},
    mod_roster: { versioning: true },
    ...(options.federation === undefined ? {} : { mod_s2s_dialback: {} }),
    mod_stream_mgmt: { resend_on_timeout: 'if_offline' },
    mod_vcard: { search: false },
    mod_version: {},
  };
}

function services({ folder, domain, http }: Place, options: ServerOptions): Yaml {
  const create = options.rooms === 'closed' ? 'nobody' : 'local';
  const rooms = {
    hosts: [`rooms.${domain}`],
    access: ['allow'],
    access_create: create,
    access_persistent: create,
    ...(options.archive === false ? {} : { access_mam: ['allow'], default_room_options: { mam: true } }),
  };
  return {
    mod_http_upload: { put_url: `http://127.0.0.1:${http}/upload`, docroot: join(folder, 'upload') },
    // Channels cannot be without archives.
    ...(options.archive === false ? {} : { mod_mix: {}, mod_mix_pam: {} }),
    ...(options.rooms === 'absent' ? {} : { mod_muc: rooms, mod_muc_admin: {} }),
  };
}
