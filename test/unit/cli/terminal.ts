/** A terminal that remembers, for running commands in tests. */

import { runCommand } from '../../../src/cli/command.ts';

/** What a run printed, and how it ended. */
export interface Run {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** A line to type, or what has to be shown before the next one is typed. */
export type Typed = string | RegExp;

/** Run a command line over files that exist only here. */
export async function run(
  args: readonly string[],
  files: Readonly<Record<string, Uint8Array | string>> = {},
  colour = false,
  typed: readonly Typed[] = [],
): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const read = async (path: string): Promise<Uint8Array> => {
    const content = files[path];
    if (content === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
    return typeof content === 'string' ? new TextEncoder().encode(content) : content;
  };
  const code = await runCommand(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    read,
    lines: async function* () {
      for (const one of typed) {
        if (typeof one === 'string') yield one;
        else await shown(out, one);
      }
    },
    colour,
  });
  return { code, out, err };
}

async function shown(out: readonly string[], what: RegExp): Promise<void> {
  for (let tries = 0; !out.some((line) => what.test(line)); tries++) {
    if (tries > 4000) throw new Error(`not shown: ${what}\n${out.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
