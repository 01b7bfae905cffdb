#!/usr/bin/env node
/** The command `xmpp-mls`: hands the process over to {@link runCommand}. */

import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { runCommand } from './command.ts';
import { type Terminal, wantsColour } from './print.ts';

const terminal: Terminal = {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  read: async (path) => new Uint8Array(path === '-' ? await standardInput() : await readFile(path)),
  lines: typedLines,
  colour: wantsColour(process.stdout.isTTY === true, process.env),
};

// `xmpp-mls ... | head` closes the pipe early, which is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

// The exit code is set, not forced: a pipe may still have to take the last lines.
process.exitCode = await runCommand(process.argv.slice(2), terminal);

async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Whoever has read enough lets go of the input, which would keep the process. */
async function* typedLines(): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: process.stdin, terminal: false });
  } finally {
    process.stdin.destroy();
  }
}
