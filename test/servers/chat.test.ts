/** The terminal client on real servers: two users, each with an account and a database. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { runCommand } from '../../src/cli/command.ts';
import type { Server } from './server.ts';
import { SERVERS } from './servers.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface User {
  type(line: string): void;
  /** Wait for a line. */
  sees(what: RegExp): Promise<string>;
  /** Type `/quit`, and get the exit code. */
  quit(): Promise<number>;
}

function folderFor(): string {
  const folder = mkdtempSync(join(tmpdir(), 'xmpp-mls-chat-'));
  folders.push(folder);
  return folder;
}

function userOf({ tcp, domain }: Server, name: string, data: string): User {
  const [shown, typed]: [string[], string[]] = [[], []];
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
  const out = (line: string): void => void shown.push(line);
  const lines = async function* (): AsyncGenerator<string> {
    for (;;) {
      const line = typed.shift();
      if (line === undefined) await pause();
      else yield line;
    }
  };
  const account = `${name}:${name}@${domain}`;
  const terminal = { out, err: out, lines, read: async () => new Uint8Array(), colour: false };
  const ended = runCommand(['chat', '--server', tcp, '--account', account, '--data', data], terminal);
  return {
    type: (line) => void typed.push(line),
    sees: async (what) => {
      const end = performance.now() + 30_000;
      for (;;) {
        const found = shown.find((line) => what.test(line));
        if (found !== undefined) return found;
        if (performance.now() > end) throw new Error(`${name} does not see ${what}\n${shown.join('\n')}`);
        await pause();
      }
    },
    quit: () => {
      typed.push('/quit');
      return ended;
    },
  };
}

describe.each(SERVERS)('the terminal client on $name', ({ available, start }) => {
  test.skipIf(!available)(
    'two talk in private and in a room, and one comes back to the history',
    async () => {
      const server = await start();
      try {
        for (const name of ['juliet', 'romeo']) await server.addUser(name, name);
        const data = [folderFor(), folderFor()] as const;
        const romeo = userOf(server, 'romeo', data[1]);
        await romeo.sees(/You are romeo/);
        const juliet = userOf(server, 'juliet', data[0]);
        await juliet.sees(/You are juliet/);
        juliet.type(`/chat romeo@${server.domain}`);
        await romeo.sees(/juliet@\S+ invites you/);
        romeo.type('/accept');
        await romeo.sees(/in the group of juliet/);
        juliet.type('Art thou not Romeo?');
        await romeo.sees(/\[1\] juliet@\S+: Art thou not Romeo\?/);
        await juliet.sees(/romeo@\S+ has read \[1\]/);
        juliet.type(`/room balcony@${server.rooms}`);
        await juliet.sees(/in balcony@\S+, active/);
        juliet.type(`/invite romeo@${server.domain}`);
        await romeo.sees(/invites you to balcony/);
        romeo.type('/accept');
        await romeo.sees(/in the group of balcony/);
        romeo.type('Neither, fair saint.');
        await juliet.sees(/romeo@\S+: Neither, fair saint\./);
        expect(await romeo.quit()).toBe(0);
        juliet.type('What man art thou?');
        await juliet.sees(/\[\d\] juliet@\S+: What man art thou\?/);
        const again = userOf(server, 'romeo', data[1]);
        await again.sees(/What man art thou\?/);
        again.type(`/room balcony@${server.rooms}`);
        again.type('/history');
        await again.sees(/romeo@\S+: Neither, fair saint\./);
        expect([await again.quit(), await juliet.quit()]).toEqual([0, 0]);
      } finally {
        await server.stop();
      }
    },
  );
});
