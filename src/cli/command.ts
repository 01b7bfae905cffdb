/** Which command was asked for, and with what. */

import { chat } from './chat/command.ts';
import { demo } from './demo.ts';
import { inspect } from './inspect.ts';
import { harmless, type Terminal } from './print.ts';
import { vectors } from './vectors/command.ts';

/** Exit code of a call that cannot be understood. */
export const USAGE_ERROR = 2;

/** Run one command line, the program name left out. @returns the exit code */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') {
    for (const line of HELP) terminal.out(line);
    return 0;
  }
  const command = COMMANDS.get(name ?? '');
  if (command === undefined) {
    if (name !== undefined) terminal.err(`xmpp-mls: there is no command ${harmless(name)}`);
    for (const line of HELP) terminal.err(line);
    return USAGE_ERROR;
  }
  return await command(rest, terminal);
}

type Command = (args: readonly string[], terminal: Terminal) => number | Promise<number>;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['vectors', vectors],
  ['inspect', inspect],
  ['demo', demo],
  ['chat', chat],
]);

const HELP: readonly string[] = [
  'usage: xmpp-mls COMMAND',
  '',
  '  vectors FILE... [--provider noble|node]',
  '      check files of MLS test vectors, whose kind is recognised by their content',
  '  inspect FILE|- [--json] [--as TYPE]',
  '      show what an MLS structure holds; the input is binary, hex or base64',
  '  demo [--dialect prosody|ejabberd] [--seed N] [--json]',
  '      play a story of three accounts in encrypted rooms, on an XMPP server inside the process',
  '  demo --server xmpp://HOST:PORT --account USER:PASSWORD@DOMAIN [three times] [--reset] [--json]',
  '      play it on a real one',
  '  demo --core [--suite 1..7] [--provider noble|node] [--json]',
  '      play the life of a group of four members, without XMPP',
  '  chat [--server xmpp://HOST:PORT --account USER:PASSWORD@DOMAIN] [--data DIR]',
  '      talk by hand, on an account or with two who answer',
  '  --help',
  '      show this text',
];
