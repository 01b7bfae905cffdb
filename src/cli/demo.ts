/** `xmpp-mls demo`: a story of three accounts over XMPP, or with `--core` the life of a group without it. */

import { MlsError } from '../base/error.ts';
import type { Dialect } from '../embedded/index.ts';
import { type Arguments, parseArguments } from './arguments.ts';
import { coreDemo } from './coreDemo.ts';
import { harmless, type Terminal } from './print.ts';
import { embeddedStage } from './story/embeddedStage.ts';
import { LIBRARY, loadXmppJs } from './story/library.ts';
import { Narrator } from './story/narrator.ts';
import { type Login, readLogin, serverStage } from './story/serverStage.ts';
import type { Stage } from './story/stage.ts';
import { playStory } from './story/story.ts';

const USAGE: readonly string[] = [
  'usage: xmpp-mls demo [--dialect prosody|ejabberd] [--seed N] [--json]',
  '       xmpp-mls demo --server xmpp://HOST:PORT --account USER:PASSWORD@DOMAIN [three times] [--reset] [--json]',
  '       xmpp-mls demo --core [--suite 1..7] [--provider noble|node] [--json]',
  '--reset gives up devices that the accounts have already: what they could read they cannot read again.',
];
const DIALECTS: readonly Dialect[] = ['prosody', 'ejabberd'];

/** Play the story. @returns 0 when every check held, 1 when one did not or there is no server, 2 for a wrong call */
export async function demo(args: readonly string[], terminal: Terminal): Promise<number> {
  const rest = args.filter((one) => one !== '--core');
  if (rest.length < args.length) return coreDemo(rest, terminal);
  const given = parseArguments(args, {
    values: ['dialect', 'seed', 'server'],
    lists: ['account'],
    flags: ['json', 'reset'],
  });
  try {
    const stage = given.values.has('server') ? await realStage(given) : insideStage(given);
    if (typeof stage !== 'string')
      return await playStory(stage, new Narrator(terminal, given.flags.has('json')));
    for (const line of [`xmpp-mls demo: ${harmless(stage)}`, ...USAGE]) terminal.err(line);
    return 2;
  } catch (error) {
    terminal.err(`xmpp-mls demo: ${harmless(explained(error))}`);
    return 1;
  }
}

/** @returns the stage, or what is wrong with the call */
function insideStage({ operands, values, lists, flags, problem }: Arguments): Stage | string {
  const named = values.get('dialect') ?? 'prosody';
  const dialect = DIALECTS.find((one) => one === named);
  const seed = Number(values.get('seed') ?? 1);
  if (problem !== undefined) return problem;
  if (operands.length > 0) return `what is ${operands.join(' ')}?`;
  if (lists.has('account') || flags.has('reset')) return 'accounts are for --server';
  if (dialect === undefined) return `there is no dialect ${named}`;
  if (!Number.isSafeInteger(seed)) return 'the seed is a whole number';
  return embeddedStage({ dialect, seed });
}

/** @returns the stage, or what is wrong with the call @throws as `serverStage` */
async function realStage({ operands, values, lists, flags, problem }: Arguments): Promise<Stage | string> {
  const [alice, bob, carol, ...more] = (lists.get('account') ?? []).map(readLogin);
  if (problem !== undefined) return problem;
  if (operands.length > 0) return `what is ${operands.join(' ')}?`;
  if (values.has('dialect') || values.has('seed')) return 'a real server has its own habits';
  if (alice === undefined || bob === undefined || carol === undefined || more.length > 0)
    return 'three accounts are needed, each as USER:PASSWORD@DOMAIN';
  const logins: readonly [Login, Login, Login] = [alice, bob, carol];
  if (new Set(logins.map(({ user, domain }) => `${user}@${domain}`)).size < logins.length)
    return 'three different accounts are needed';
  const library = await loadXmppJs();
  if (library === undefined) return `${LIBRARY} is not installed: npm install ${LIBRARY}`;
  return serverStage({ library, service: values.get('server') ?? '', logins, reset: flags.has('reset') });
}

function explained(error: unknown): string {
  if (!(error instanceof MlsError)) return String(error);
  const { jid } = error.detail as { readonly jid?: string };
  if (error.code === 'policy.identity-unverified') return `${jid} has devices already; --reset gives them up`;
  return `${error.code} ${Object.values(error.detail).map(String).join(' ')}`;
}
