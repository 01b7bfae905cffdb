/** Whole groups in a real browser: reloads, tabs that close, and tabs that compete. */

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { provider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import type { Group } from '../../src/group/group.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { type Chromium, call, chromiumPath, ready, startChromium } from './chromium.ts';

const START = 60_000;

describe.skipIf(chromiumPath === undefined)('groups in IndexedDB in Chromium', () => {
  let browser: Chromium;
  beforeAll(async () => {
    browser = await startChromium('test/browser/groupPage.ts');
  }, START);
  afterAll(async () => {
    await browser?.stop();
  }, START);

  /** A tab in a group with a member under Node. */
  async function joined(name: string, how: object = {}): Promise<{ page: Page; friend: Group }> {
    const page = await browser.page();
    expect(await call(page, 'open', name, how)).toBeUndefined();
    const credential = basicCredential('friend');
    const friend = new Client({
      provider,
      credential,
      validateCredential: acceptAnyCredential,
    }).createGroup();
    const invitation = friend.invite([Uint8Array.from(await call<number[]>(page, 'keyPackage'))]);
    friend.accept(invitation);
    expect(await call(page, 'join', [...invitation.welcome])).toBeUndefined();
    return { page, friend };
  }
  const sent = (friend: Group, text: string): number[] => [...friend.encrypt(utf8(text))];
  /** What a tab says, read by the member under Node. */
  async function heard(
    page: Page,
    friend: Group,
    text: string,
  ): Promise<{ text: string; generation: number }> {
    const outcome = friend.process(Uint8Array.from(await call<number[]>(page, 'encrypt', text)));
    if (outcome.kind !== 'application') throw new Error(outcome.kind);
    return { text: new TextDecoder().decode(outcome.data), generation: outcome.generation };
  }

  test('STO-01 a tab that is reloaded without warning has lost nothing', async () => {
    const { page, friend } = await joined('reloaded');
    expect(await call(page, 'process', sent(friend, 'unread'))).toBe('application');
    const before = await call(page, 'inbox');
    expect(await heard(page, friend, 'one')).toEqual({ text: 'one', generation: 0 });
    const commit = await call<number[]>(page, 'commit');
    await page.reload();
    await ready(page);
    expect(await call(page, 'open', 'reloaded')).toBeUndefined();
    expect(await call(page, 'inbox')).toEqual(before);
    const outcome = friend.process(Uint8Array.from(commit));
    if (outcome.kind === 'commit') friend.accept(outcome.commit);
    expect(await call(page, 'process', commit)).toBe('own-commit');
    expect(await call(page, 'authenticator')).toEqual([...friend.epochAuthenticator]);
    expect((await heard(page, friend, 'two')).text).toBe('two');
    await call(page, 'acknowledge', (before as { id: string }[])[0]?.id);
    expect(await call(page, 'inbox')).toEqual([]);
  });

  test('STO-10 a second tab is told that it is the second, or waits and goes on from there', async () => {
    const { page: one, friend } = await joined('tabs');
    const two = await browser.page();
    expect(await call(two, 'open', 'tabs')).toBe('storage.lock');
    const first = await heard(one, friend, 'from the first');
    const waiting = call(two, 'open', 'tabs', { wait: true });
    expect(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))])).toBe(
      'waits',
    );
    await one.close();
    expect(await waiting).toBeUndefined();
    const second = await heard(two, friend, 'from the second');
    expect(second.generation).toBeGreaterThan(first.generation);
    await two.close();
  });

  test('STO-10, STO-11 without locks one of two tabs writes, and the other one stops', async () => {
    const { page: one, friend } = await joined('unlocked', { unlocked: true });
    const two = await browser.page();
    expect(await call(two, 'open', 'unlocked', { unlocked: true })).toBeUndefined();
    const generations: number[] = [];
    const codes: string[] = [];
    for (let i = 0; i < 40; i++) {
      for (const page of [one, two]) {
        const result = await call<number[] | string>(page, 'encrypt', `${i}`);
        if (typeof result === 'string') codes.push(result);
        else {
          const outcome = friend.process(Uint8Array.from(result));
          if (outcome.kind !== 'application') throw new Error(outcome.kind);
          generations.push(outcome.generation);
        }
      }
    }
    expect(new Set(generations).size).toBe(generations.length);
    expect(new Set(codes)).toEqual(new Set(['storage.conflict']));
  });
});
