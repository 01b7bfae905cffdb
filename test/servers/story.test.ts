/** The story of the demo, over xmpp.js on real servers. */

import { describe, expect, test } from 'vitest';
import { loadXmppJs } from '../../src/cli/story/library.ts';
import { Narrator } from '../../src/cli/story/narrator.ts';
import { type Login, serverStage } from '../../src/cli/story/serverStage.ts';
import { playStory } from '../../src/cli/story/story.ts';
import type { Server } from './server.ts';
import { SERVERS } from './servers.ts';

async function logins({ addUser, domain }: Server): Promise<[Login, Login, Login]> {
  const names = ['alice', 'bob', 'carol'];
  for (const name of names) await addUser(name, name);
  return names.map((name) => ({ user: name, password: name, domain })) as [Login, Login, Login];
}

describe.each(SERVERS)('the story on $name', ({ available, start }) => {
  test.skipIf(!available)(
    'comes to its end, and leaves accounts on which it can be played again',
    async () => {
      const server = await start();
      try {
        const library = (await loadXmppJs())!;
        const options = { library, service: server.tcp, logins: await logins(server) };
        const lines: string[] = [];
        const say = (line: string): void => void lines.push(line);
        const terminal = { out: say, err: say, read: () => Promise.reject(new Error()), colour: false };
        const code = await playStory(await serverStage(options), new Narrator(terminal, false));
        expect({ code, lines: code === 0 ? [] : lines }).toEqual({ code: 0, lines: [] });
        console.log(lines.at(-1));
        await (await serverStage(options)).close();
      } finally {
        await server.stop();
      }
    },
  );
});
