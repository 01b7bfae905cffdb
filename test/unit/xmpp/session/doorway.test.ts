/** How often strangers are let in to the door, and how many wait before it. */

import { beforeEach, describe, expect, test } from 'vitest';
import { Delays } from '../../../../src/xmpp/session/delays.ts';
import { Doorway, isAddressedToUs } from '../../../../src/xmpp/session/doorway.ts';
import type { MlsXmppEvent } from '../../../../src/xmpp/session/events.ts';
import type { Timers } from '../../../../src/xmpp/timers.ts';

const HOUR = 3_600_000;
let now: number;
let waiting: { at: number; run: () => void }[];
let told: MlsXmppEvent[];
let doorway: Doorway;
let opened: string[];

const timers: Timers = {
  now: () => now,
  after: (ms, run) => {
    const one = { at: now + ms, run };
    waiting.push(one);
    return () => void waiting.splice(waiting.indexOf(one), 1);
  },
};

async function later(ms: number): Promise<void> {
  now += ms;
  for (const one of waiting.filter(({ at }) => at <= now)) {
    waiting.splice(waiting.indexOf(one), 1);
    one.run();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const knock = (from: string): Promise<void> => doorway.pass(from, async () => void opened.push(from));

beforeEach(() => {
  now = 1_000_000;
  [waiting, told, opened] = [[], [], []];
  const transport = { watch: () => () => undefined };
  const delays = new Delays({ timers, transport, random: (length) => new Uint8Array(length) }, (error) => {
    throw error;
  });
  const isKnown = (jid: string): boolean => jid === 'friend@example.org';
  doorway = new Doorway({ timers, delays, isKnown, tell: (event) => void told.push(event) });
});

describe('XMP-30: Welcomes', () => {
  test('of friends are always opened', async () => {
    for (let i = 0; i < 100; i++) await knock('friend@example.org');
    expect([opened.length, waiting.length]).toEqual([100, 0]);
  });

  test('of one stranger are opened one an hour; two wait, and the others are gone', async () => {
    for (let i = 0; i < 10_000; i++) await knock('m@example.org');
    expect([opened.length, waiting.length]).toEqual([1, 2]);
    await later(HOUR - 1);
    expect(opened.length).toBe(1);
    await later(1);
    expect(opened.length).toBe(2);
    await later(HOUR);
    expect([opened.length, waiting.length]).toEqual([3, 0]);
  });

  test('of many strangers are opened 64 an hour, and 64 wait', async () => {
    for (let i = 0; i < 10_000; i++) await knock(`m${i}@example.org`);
    expect([opened.length, waiting.length]).toEqual([64, 64]);
    await later(HOUR);
    expect([opened.length, waiting.length]).toEqual([128, 0]);
  });

  test('for others are not looked at; malformed ones are for whoever reads them', () => {
    expect(isAddressedToUs(new Uint8Array([1, 2, 3]), [])).toBe(true);
  });
});

test('XMP-30: 64 invitations wait for an answer, and an answer makes room', async () => {
  const answered: string[] = [];
  const ask = (name: string): boolean =>
    doorway.invite({
      kind: 'invitation',
      from: name,
      conversationWith: name,
      accept: () => Promise.reject(new Error('not now')),
      decline: async () => void answered.push(name),
    });
  const asked = Array.from({ length: 65 }, (_, i) => ask(`m${i}`));
  expect(asked.filter(Boolean)).toHaveLength(64);
  expect(told.at(-1)).toMatchObject({ kind: 'fault', error: { code: 'codec.limit' } });
  const [first] = told;
  if (first?.kind !== 'invitation') throw new Error('no invitation');
  await expect(first.accept()).rejects.toThrow('not now');
  expect(ask('again')).toBe(false);
  await first.decline();
  await first.decline();
  expect([ask('a'), ask('b'), answered]).toEqual([true, false, ['m0', 'm0']]);
});
