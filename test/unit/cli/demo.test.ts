/** The demo: the story inside the process, and what becomes of a story that goes wrong. */

import { describe, expect, test } from 'vitest';
import { embeddedStage } from '../../../src/cli/story/embeddedStage.ts';
import { LIBRARY, loadXmppJs } from '../../../src/cli/story/library.ts';
import { Narrator } from '../../../src/cli/story/narrator.ts';
import { readLogin } from '../../../src/cli/story/serverStage.ts';
import type { Stage } from '../../../src/cli/story/stage.ts';
import { playStory } from '../../../src/cli/story/story.ts';
import { run } from './terminal.ts';

const CHECKS = 40;

async function play(change: (stage: Stage) => Stage): Promise<{ code: number; facts: Fact[] }> {
  const lines: string[] = [];
  const terminal = { out: (line: string): void => void lines.push(line), colour: false };
  const stage = change(embeddedStage({ dialect: 'prosody', seed: 5 }));
  const code = await playStory(stage, new Narrator(terminal, true));
  return { code, facts: lines.map((line) => JSON.parse(line) as Fact) };
}

interface Fact {
  readonly kind: string;
  readonly what?: string;
  readonly held?: boolean | number;
  readonly failed?: number;
}

describe('xmpp-mls demo', () => {
  test.each([
    ['prosody', 1],
    ['prosody', 2],
    ['ejabberd', 1],
    ['ejabberd', 3],
  ])('with the habits of %s and seed %i, all that is checked holds', async (dialect, seed) => {
    const { code, out, err } = await run(['demo', '--dialect', dialect, '--seed', String(seed)]);
    expect([code, err, out.filter((line) => line.includes('NOT SO'))]).toEqual([0, [], []]);
    expect(out.at(-1)).toBe(`${CHECKS} checks held, 0 did not.`);
    expect(out.join('\n')).not.toContain('\u001b');
    expect(out.filter((line) => line.includes('Epoch')).length).toBeGreaterThan(6);
  });

  test('--json: one object per line, and the last one counts', async () => {
    const { code, out } = await run(['demo', '--json'], {}, true);
    const facts = out.map((line) => JSON.parse(line) as Fact);
    expect(code).toBe(0);
    expect(facts.at(-1)).toEqual({ kind: 'end', held: CHECKS, failed: 0 });
    expect(facts.filter(({ kind }) => kind === 'check')).toHaveLength(CHECKS);
    expect(new Set(facts.map(({ kind }) => kind))).toEqual(
      new Set(['begin', 'chapter', 'say', 'message', 'tree', 'check', 'end']),
    );
  });

  test('colours are for terminals', async () => {
    const { out } = await run(['demo'], {}, true);
    expect(out.join('\n')).toContain('\u001b[32m');
  });

  test('a server that keeps files in the clear is found out, and the exit code says so', async () => {
    const plan = new TextEncoder().encode('Plan of the garden: the gate is behind the roses. '.repeat(40));
    let fetched = 0;
    const { code, facts } = await play((stage) => ({
      ...stage,
      http: {
        ...stage.http,
        get: async (url, most) =>
          ++fetched === 1 ? stage.http.get(url, most) : { status: 200, bytes: plan },
      },
    }));
    expect(code).toBe(1);
    expect(facts.filter(({ held }) => held === false).map(({ what }) => what)).toEqual([
      'the server has something else: ciphertext',
    ]);
    expect(facts.at(-1)).toEqual({ kind: 'end', held: CHECKS - 1, failed: 1 });
  });

  test('a story that breaks off is told to its end, with exit code 1', async () => {
    const { code, facts } = await play((stage) => ({
      ...stage,
      http: { ...stage.http, put: async () => 500 },
    }));
    expect(code).toBe(1);
    const failed = facts.filter(({ held }) => held === false).map(({ what }) => what);
    expect(failed).toEqual([expect.stringContaining('xmpp.refused')]);
  });

  test('when it is over no alarm is left that would keep the process', async () => {
    const left = new Set<number>();
    let count = 0;
    const { code } = await play((stage) => ({
      ...stage,
      timers: {
        now: stage.timers.now,
        after: (ms, run) => {
          const alarm = ++count;
          left.add(alarm);
          const cancel = stage.timers.after(ms, () => {
            left.delete(alarm);
            run();
          });
          return () => {
            left.delete(alarm);
            cancel();
          };
        },
      },
    }));
    expect([code, left.size]).toEqual([0, 0]);
    expect(count).toBeGreaterThan(0);
  });

  test('nothing checked is no success', () => {
    const narrator = new Narrator({ out: () => {}, colour: false }, false);
    expect(narrator.end()).toBe(1);
  });

  test('--core plays the group alone', async () => {
    const { code, out } = await run(['demo', '--core', '--suite', '2', '--json']);
    expect(code).toBe(0);
    expect(out.at(-1)).toMatch(/ checks held, 0 did not/);
  });

  test.each([
    [['--dialect', 'esperanto']],
    [['--seed', 'x']],
    [['more']],
    [['--account', 'a:b@c']],
    [['--server', 'xmpp://localhost']],
    [['--server', 'xmpp://localhost', '--account', 'a:b@c', '--account', 'a:b@c', '--account', 'd:e@f']],
    [['--server', 'xmpp://localhost', '--account', 'a:b', '--account', 'a:b@c', '--account', 'd:e@f']],
    [['--server', 'xmpp://localhost', '--seed', '1', '--account', 'a:b@c']],
    [['--core', '--suite', '99']],
    [['--wrong']],
  ])('%j: usage, exit 2', async (args) => {
    const { code, out, err } = await run(['demo', ...args]);
    expect([code, out]).toEqual([2, []]);
    expect(err.join('\n')).toContain('usage: xmpp-mls demo');
  });

  test('no server there: exit 1, with a reason', async () => {
    const accounts = ['a:b@c', 'd:e@f', 'g:h@i'].flatMap((one) => ['--account', one]);
    const { code, err } = await run(['demo', '--server', 'xmpp://127.0.0.1:1', ...accounts]);
    expect(code).toBe(1);
    expect(err.join('\n')).toMatch(/^xmpp-mls demo: .*ECONNREFUSED/);
  });
});

describe('parts of the story on real servers', () => {
  test('a login', () => {
    expect(readLogin('al:p:w@x@example.org')).toEqual({
      user: 'al',
      password: 'p:w@x',
      domain: 'example.org',
    });
    for (const bad of ['', 'al@example.org', ':p@d', 'al:p@', 'al:@d'])
      expect(readLogin(bad)).toBeUndefined();
  });

  test('a library that is not there', async () => {
    expect(await loadXmppJs('@xmpp/not-there')).toBeUndefined();
    expect(await loadXmppJs(LIBRARY)).toHaveProperty('client');
  });
});
