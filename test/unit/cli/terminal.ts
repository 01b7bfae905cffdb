/** A terminal that remembers, for running commands in tests. */

import { runCommand } from '../../../src/cli/command.ts';

/** What a run printed, and how it ended. */
export interface Run {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Run a command line over files that exist only here. */
export async function run(
  args: readonly string[],
  files: Readonly<Record<string, Uint8Array | string>> = {},
  colour = false,
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
    colour,
  });
  return { code, out, err };
}
