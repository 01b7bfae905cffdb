/** `xmpp-mls chat`: talk by hand, on an account or with two who answer. */

import { randomBytes } from 'node:crypto';
import { fail } from '../../base/error.ts';
import { nodeProvider } from '../../crypto/node/index.ts';
import type { KeyValueStore } from '../../storage/backend.ts';
import { openStore } from '../../storage/index.ts';
import { levelBackend } from '../../storage/level.ts';
import { memoryBackend } from '../../storage/memory.ts';
import { el } from '../../xmpp/element.ts';
import { MlsXmpp } from '../../xmpp/session/session.ts';
import type { Timers } from '../../xmpp/timers.ts';
import { systemTimers } from '../../xmpp/timers.ts';
import { type Arguments, parseArguments } from '../arguments.ts';
import { harmless, type Terminal } from '../print.ts';
import { embeddedStage } from '../story/embeddedStage.ts';
import { DATABASE, LIBRARY, loadLevel, loadXmppJs } from '../story/library.ts';
import { type Client, connect, readLogin } from '../story/serverStage.ts';
import type { Line } from '../story/stage.ts';
import { ChatClient } from './client.ts';
import { History } from './history.ts';
import { partners } from './partners.ts';

const USAGE: readonly string[] = [
  'usage: xmpp-mls chat [--server xmpp://HOST:PORT --account USER:PASSWORD@DOMAIN] [--data DIR]',
  'Without --server, with two who answer, on a server inside the process.',
  'Without --data nothing is kept: an account that has a device has to be used with the same DIR again.',
];

/** Where the client talks. */
interface Place {
  readonly line: Line;
  readonly timers: Timers;
  /** Shown at the beginning. */
  readonly hints: readonly string[];
  close(): Promise<void>;
}

/** Talk until `/quit` or the end of the input. @returns 0; 1 when there is no way to talk; 2 for a wrong call */
export async function chat(args: readonly string[], terminal: Terminal): Promise<number> {
  const given = parseArguments(args, { values: ['server', 'account', 'data'] });
  try {
    const place = await placeOf(given);
    if (typeof place === 'string') {
      for (const line of [`xmpp-mls chat: ${harmless(place)}`, ...USAGE]) terminal.err(line);
      return 2;
    }
    try {
      return await talk(place, given.values.get('data'), terminal);
    } finally {
      await place.close();
    }
  } catch (error) {
    terminal.err(`xmpp-mls chat: ${harmless(String(error))}`);
    return 1;
  }
}

async function talk(
  { line, timers, hints }: Place,
  data: string | undefined,
  terminal: Terminal,
): Promise<number> {
  const { transport } = line;
  const provider = nodeProvider;
  const backend = await backendOf(data);
  const store = await openStore(backend, { provider });
  const client = new ChatClient({ history: new History(store), transport, timers, show: terminal.out });
  await transport.send(el('presence'));
  const mls = await MlsXmpp.start({ transport, store, provider, timers }, (event) => client.event(event));
  client.begin(mls);
  for (const hint of hints) client.show(hint);
  for await (const typed of terminal.lines()) if (!(await client.line(typed))) break;
  await mls.stop();
  await backend.close?.();
  return 0;
}

async function backendOf(folder: string | undefined): Promise<KeyValueStore> {
  if (folder === undefined) return memoryBackend();
  const library = await loadLevel();
  return library === undefined
    ? fail('codec.input', { expected: `${DATABASE}, for --data: npm install ${DATABASE}` })
    : levelBackend(new library.Level(folder));
}

/** @returns where, or what is wrong with the call @throws what connecting throws */
async function placeOf({ operands, values, problem }: Arguments): Promise<Place | string> {
  const [service, account] = [values.get('server'), values.get('account')];
  if (problem !== undefined) return problem;
  if (operands.length > 0) return `what is ${operands.join(' ')}?`;
  if (service === undefined) return account === undefined ? inside() : 'an account is for --server';
  const login = account === undefined ? undefined : readLogin(account);
  if (login === undefined) return 'an account is given as USER:PASSWORD@DOMAIN';
  const library = await loadXmppJs();
  if (library === undefined) return `${LIBRARY} is not installed: npm install ${LIBRARY}`;
  const clients: Client[] = [];
  const close = async (): Promise<void> => {
    for (const one of clients) await one.stop();
  };
  try {
    const resource = `xmpp-mls-${randomBytes(4).toString('hex')}`;
    const line = await connect({ library, service }, clients, { login, resource });
    return { line, timers: systemTimers, hints: [], close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function inside(): Promise<Place> {
  const stage = embeddedStage({ dialect: 'prosody', seed: randomBytes(4).readUInt32LE(), speed: 1 });
  const [user, ...others] = stage.accounts;
  const line = await stage.connect(user, 'terminal');
  const sessions = await partners(stage, user);
  const hints = [
    `Here are ${others.join(' and ')}, who answer. Try /room garden@${stage.rooms}, then /invite ${others[0]}, or /chat ${others[1]}.`,
  ];
  return {
    line,
    timers: stage.timers,
    hints,
    close: async () => {
      for (const session of sessions) await session.stop();
    },
  };
}
