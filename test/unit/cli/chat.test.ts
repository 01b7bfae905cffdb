/** The terminal client, with a script in place of a user. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { failure } from '../../../src/base/error.ts';
import { ChatClient } from '../../../src/cli/chat/client.ts';
import { History } from '../../../src/cli/chat/history.ts';
import { describeEvent } from '../../../src/cli/chat/incoming.ts';
import { loadLevel } from '../../../src/cli/story/library.ts';
import { openStore } from '../../../src/storage/index.ts';
import { levelBackend } from '../../../src/storage/level.ts';
import { memoryBackend } from '../../../src/storage/memory.ts';
import { Parties } from '../../support/parties.ts';
import { run, type Typed } from './terminal.ts';

const ROOM = 'garden@rooms.localhost';

function chatting(...typed: readonly Typed[]): ReturnType<typeof run> {
  return run(['chat'], {}, false, typed);
}

test('a room with two who answer', async () => {
  const { code, out, err } = await chatting(
    /You are alice@localhost/,
    'to nobody',
    /no conversation/,
    `/room ${ROOM}`,
    /in garden@rooms.localhost, active/,
    '/invite bob@localhost',
    /bob@localhost can read/,
    '/invite carol@localhost',
    /carol@localhost can read/,
    'hello',
    /\[\d\] bob@localhost: \(to \[1\]\) You say: hello/,
    /carol@localhost to \[1\]: 👍/,
    '/reply 2 really',
    /\[3\] alice@localhost: really/,
    /\[4\] bob@localhost: \(to \[3\]\) You say: really/,
    '/react 4 🌹',
    '/members',
    /^ {3}carol@localhost, device [0-9a-f]{16}$/,
    '/remove carol@localhost',
    /carol@localhost cannot read/,
    '/fingerprint',
    '/fingerprint bob@localhost',
    '/fingerprint nobody@localhost',
    /not known here/,
    '/history 2',
    '/help',
    '/quit',
    'is not read any more',
  );
  expect([code, err]).toEqual([0, []]);
  expect(out.filter((line) => /^ {3}[0-9a-f]{8}( [0-9a-f]{8}){7}$/.test(line))).toHaveLength(2);
  expect(out.filter((line) => line.startsWith('!!'))).toEqual(['!! no conversation: /room JID or /chat JID']);
  expect(out.filter((line) => line.includes('really'))).toHaveLength(4);
});

test('in private, and what is typed wrongly', async () => {
  const { code, out } = await chatting(
    '/chat bob@localhost',
    /in bob@localhost, active/,
    'psst',
    /bob@localhost: \(to \[1\]\) You say: psst/,
    '/reply 9 what',
    '/react 1',
    '/dance',
    '/room here',
    '/accept',
    '/chat nobody@localhost',
    /xmpp\.no-key-package/,
    `/room ${ROOM}`,
    '/reply 1 across',
  );
  expect(code).toBe(0);
  expect(out.filter((line) => line.startsWith('!!'))).toEqual([
    '!! name a message by its number, and what to say to it',
    '!! name a message by its number, and what to say to it',
    '!! there is no such command: /help',
    '!! an address is like name@example.org',
    '!! nobody has invited you',
    expect.stringContaining('xmpp.no-key-package'),
    '!! that was said in bob@localhost',
  ]);
});

test.each([
  [['more']],
  [['--account', 'a:b@c']],
  [['--server', 'xmpp://localhost']],
  [['--server', 'xmpp://localhost', '--account', 'a@c']],
  [['--wrong']],
])('%j: usage, exit 2', async (args) => {
  const { code, out, err } = await run(['chat', ...args]);
  expect([code, out]).toEqual([2, []]);
  expect(err.join('\n')).toContain('usage: xmpp-mls chat');
});

test('no server there: exit 1, with a reason', async () => {
  const { code, err } = await run(['chat', '--server', 'xmpp://127.0.0.1:1', '--account', 'a:b@c']);
  expect(code).toBe(1);
  expect(err.join('\n')).toMatch(/^xmpp-mls chat: .*ECONNREFUSED/);
});

test('two clients: markers, an invitation by a stranger, and history after a restart', async () => {
  const parties = new Parties();
  const [alice, bob] = [
    await parties.join('alice'),
    await parties.join('bob', 'one', { mayInvite: () => false }),
  ];
  const screens = { alice: [] as string[], bob: [] as string[] };
  const client = (party: typeof alice, lines: string[]): ChatClient => {
    const { connection, store, mls } = party;
    const { transport } = connection;
    const { timers } = parties;
    const one = new ChatClient({
      history: new History(store),
      transport,
      timers,
      show: (line) => lines.push(line),
    });
    mls.subscribe((event) => one.event(event));
    one.begin(mls);
    return one;
  };
  const [hers, his] = [client(alice, screens.alice), client(bob, screens.bob)];
  await hers.line('/chat bob@localhost');
  await parties.until('invited', () =>
    screens.bob.some((line) => line.includes('alice@localhost invites you')),
  );
  await his.line('/accept');
  await hers.line('\u202ered');
  await parties.until('read', () => screens.alice.some((line) => line === '   bob@localhost has read [1]'));
  expect(screens.bob).toContain('[1] alice@localhost: \\u{202e}red');
  expect(await bob.mls.fingerprint('alice@localhost')).toBe(alice.mls.device.fingerprint);
  expect(await bob.mls.fingerprint('bob@localhost')).toBe(bob.mls.device.fingerprint);
  expect(await bob.mls.fingerprint('carol@localhost')).toBeUndefined();
  await his.line('/react 1 ✔');
  await parties.until('reacted', () => screens.alice.some((line) => line === '   bob@localhost to [1]: ✔'));
  const again = new History(bob.store);
  const [said] = await again.of('alice@localhost');
  expect(said).toMatchObject({ from: 'alice@localhost', text: '\u202ered' });
  const key = bob.events.flatMap((event) => (event.kind === 'message' ? [event.key] : []));
  await again.keep(said!, key[0]!);
  expect(await again.of('alice@localhost')).toHaveLength(1);
  await parties.stop();
});

test('history is kept in a database, in its order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'xmpp-mls-chat-'));
  try {
    const { Level } = (await loadLevel())!;
    for (const round of [1, 2]) {
      const backend = levelBackend(new Level(folder));
      const history = new History(await openStore(backend));
      for (const text of ['a', 'b'])
        await history.keep(
          { jid: 'x@y', id: text, from: 'z@y', text: `${text}${round}`, at: round * 1000 },
          `${text}${round}`,
        );
      await history.keep({ jid: 'x@y.z', id: 'c', from: 'z@y', text: 'elsewhere', at: 1 }, 'c');
      const texts = (await history.of('x@y')).map(({ text }) => text);
      expect(texts).toEqual(['a1', 'b1', 'a2', 'b2'].slice(0, 2 * round));
      await backend.close?.();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(await loadLevel('not-there')).toBeUndefined();
  expect(await new History(await openStore(memoryBackend())).of('x@y')).toEqual([]);
});

test('what cannot be read, and what was written in the clear', () => {
  const error = failure('crypto.aead');
  const conversation = undefined;
  const lines = (event: Parameters<typeof describeEvent>[0]): readonly string[] =>
    describeEvent(event, () => '[1]', 0).lines;
  expect(lines({ kind: 'undecryptable', conversation, id: 'x', from: 'a@b', error })[0]).toMatch(
    /^!! from a@b: \w+/,
  );
  expect(lines({ kind: 'fault', conversation, error })).toEqual(['!! crypto.aead']);
  expect(lines({ kind: 'progress', conversation, entries: 1 })).toEqual([]);
  expect(lines({ kind: 'trust', jid: 'a@b', error, verdict: 'changed' })).toEqual([
    '!! the key of a@b: crypto.aead',
  ]);
  expect(lines({ kind: 'trust', jid: 'a@b', error: undefined, verdict: 'new' })).toEqual([]);
});
