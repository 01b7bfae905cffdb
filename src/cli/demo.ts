/** `xmpp-mls demo`: a story of three accounts over XMPP, or with `--core` the life of a group without it. */

import type { Dialect } from '../embedded/index.ts';
import { parseArguments } from './arguments.ts';
import { coreDemo } from './coreDemo.ts';
import type { Terminal } from './print.ts';
import { embeddedStage } from './story/embeddedStage.ts';
import { Narrator } from './story/narrator.ts';
import { playStory } from './story/story.ts';

const DIALECTS: readonly Dialect[] = ['prosody', 'ejabberd'];

/** `xmpp-mls demo [--dialect prosody|ejabberd] [--seed N] [--json]`. @returns the exit code */
export async function demo(args: readonly string[], terminal: Terminal): Promise<number> {
  if (args.includes('--core'))
    return coreDemo(
      args.filter((one) => one !== '--core'),
      terminal,
    );
  const { operands, values, flags, problem } = parseArguments(args, {
    values: ['dialect', 'seed'],
    flags: ['json'],
  });
  const dialect = DIALECTS.find((one) => one === (values.get('dialect') ?? 'prosody'));
  const seed = Number(values.get('seed') ?? 1);
  const isUsable = problem === undefined && operands.length === 0 && dialect !== undefined;
  if (!isUsable || !Number.isSafeInteger(seed)) {
    terminal.err('usage: xmpp-mls demo [--dialect prosody|ejabberd] [--seed N] [--json]');
    terminal.err('       xmpp-mls demo --core [--suite 1..7] [--provider noble|node] [--json]');
    return 2;
  }
  return playStory(embeddedStage({ dialect, seed }), new Narrator(terminal, flags.has('json')));
}
