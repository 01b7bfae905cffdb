/** The command line as a whole. */

import { describe, expect, test } from 'vitest';
import { harmless, wantsColour } from '../../../src/cli/print.ts';
import { run } from './terminal.ts';

describe('xmpp-mls', () => {
  test.each(['--help', '-h', 'help'])('%s: the commands on standard output, exit 0', async (word) => {
    const { code, out, err } = await run([word]);
    expect([code, err]).toEqual([0, []]);
    expect(out.join('\n')).toMatch(/usage: xmpp-mls COMMAND[\s\S]*vectors FILE[\s\S]*inspect FILE/);
  });

  test.each([[[]], [['dance']], [['--version-of-nothing']], [['constructor']]])(
    '%j: usage, exit 2',
    async (args) => {
      const { code, out, err } = await run(args);
      expect([code, out]).toEqual([2, []]);
      expect(err.join('\n')).toContain('usage: xmpp-mls COMMAND');
    },
  );
});

describe('print', () => {
  test('colour is for terminals, and not under NO_COLOR', () => {
    expect(wantsColour(true, {})).toBe(true);
    expect(wantsColour(true, { NO_COLOR: '' })).toBe(true);
    expect(wantsColour(true, { NO_COLOR: '1' })).toBe(false);
    expect(wantsColour(false, {})).toBe(false);
  });

  test('harmless text shows what would hide or steer', () => {
    expect(harmless('a\u0000\u001b[2J\u0085\u2028\u202e\ud800 ü 字 🙂')).toBe(
      'a\\u{0}\\u{1b}[2J\\u{85}\\u{2028}\\u{202e}\\u{d800} ü 字 🙂',
    );
  });
});
