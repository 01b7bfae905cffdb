/** The IndexedDB backend in a real browser. Chromium comes from the system; without it, nothing here runs. */

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storeConformance } from '../../src/storage/conformance.ts';
import { memoryBackend } from '../../src/storage/memory.ts';
import { type Chromium, call, chromiumPath, chromiumRequired, ready, startChromium } from './chromium.ts';

test.runIf(chromiumRequired)('there is a browser to test with', () => {
  expect(chromiumPath, 'install chromium, or set CHROMIUM_PATH').toBeDefined();
});

/** Milliseconds for a browser to start or stop on a busy machine, which may be longer than vitest gives to hooks. */
const START = 60_000;
const NAMES = storeConformance(() => ({ open: () => memoryBackend() })).map(({ name }) => name);

describe.skipIf(chromiumPath === undefined)('IndexedDB in Chromium', () => {
  let browser: Chromium;
  const pages: Page[] = [];
  const tab = async () => {
    const page = await browser.page();
    pages.push(page);
    return page;
  };
  /** Two tabs with one database. */
  const twoTabs = async (name: string) => {
    const [one, two] = [await tab(), await tab()];
    await call(one, 'open', name);
    await call(two, 'open', name);
    return [one, two] as const;
  };

  beforeAll(async () => {
    browser = await startChromium('test/browser/storagePage.ts');
  }, START);
  afterAll(async () => {
    await browser?.stop();
  }, START);

  describe('does what backends must', () => {
    let page: Page;
    beforeAll(async () => {
      page = await tab();
    }, START);
    test('all cases are there', async () => {
      expect(await call(page, 'cases')).toEqual(NAMES);
    });
    for (const name of NAMES) {
      test(name, async () => {
        expect(await call(page, 'run', name)).toBeUndefined();
      });
    }
  });

  test('STO-03: transactions are strict, and a batch takes so long', async () => {
    const { each, read, seen } = await call<{ each: number; read: number; seen: string[] }>(
      await tab(),
      'measure',
      100,
    );
    console.info(`IndexedDB: ${each.toFixed(2)} ms a batch of two records, ${read.toFixed(2)} ms a read`);
    expect(seen).toEqual(['strict']);
  });

  test('STO-03: a browser that does not promise durability is refused, unless the caller accepts it', async () => {
    const page = await tab();
    for (const durability of ['relaxed', 'default', null]) {
      await call(page, 'openOn', 'relaxed', durability, false);
      expect(await call(page, 'put', 'a', [1])).toBe('storage.durability');
      expect(await call(page, 'get', 'a')).toBeUndefined();
      await call(page, 'close');
    }
    await call(page, 'openOn', 'relaxed', 'relaxed', true);
    expect(await call(page, 'put', 'a', [1])).toBeUndefined();
    expect(await call(page, 'get', 'a')).toBe('01');
  });

  test('records outlive a reload and the tab', async () => {
    const page = await tab();
    await call(page, 'open', 'kept');
    await call(page, 'put', 'a', [1, 2]);
    await page.reload();
    await ready(page);
    await call(page, 'open', 'kept');
    expect(await call(page, 'get', 'a')).toBe('0102');
    await page.close();
    const next = await tab();
    await call(next, 'open', 'kept');
    expect(await call(next, 'get', 'a')).toBe('0102');
  });

  test('STO-10: one tab holds the lock, and the next takes over when it gives it up', async () => {
    const [one, two] = await twoTabs('locked');
    expect(await call(one, 'lock', false)).toBeUndefined();
    expect(await call(two, 'lock', false)).toBe('storage.lock');
    const waiting = call(two, 'lock', true);
    await call(one, 'unlock');
    expect(await waiting).toBeUndefined();
    expect(await call(one, 'lock', false)).toBe('storage.lock');
  });

  test('STO-11: a tab that is closed gives up the lock', async () => {
    const [one, two] = await twoTabs('taken over');
    await call(one, 'lock', false);
    const waiting = call(two, 'lock', true);
    await one.close();
    expect(await waiting).toBeUndefined();
  });

  test('RUN-03: a tab whose lock is stolen goes on unharmed, and guards keep it from writing', async () => {
    const [one, two] = await twoTabs('stolen');
    const errors: Error[] = [];
    one.on('pageerror', (error) => errors.push(error));
    expect(await call(one, 'raise', 1, 'one')).toBe(0);
    await call(one, 'lock', false);
    await two.evaluate(`new Promise((done) => {
      navigator.locks.request('xmpp-mls/stolen', { steal: true }, () => { done(); return new Promise(() => {}); });
    })`);
    expect(await call(two, 'raise', 1, 'two')).toBe(0);
    expect(await call(one, 'putIf', 'version', [0, 3], [0, 1])).toBe('storage.conflict');
    expect(await call(one, 'unlock')).toBeUndefined();
    expect(await call(one, 'lock', false)).toBe('storage.lock');
    expect(errors).toEqual([]);
  });

  test('STO-10: of two tabs without locks, exactly one wins each version', async () => {
    const [one, two] = await twoTabs('contended');
    const times = 100;
    const lost = await Promise.all([
      call<number>(one, 'raise', times, 'one'),
      call<number>(two, 'raise', times, 'two'),
    ]);
    const winners = await call<string[]>(one, 'names', 'by/');
    expect(winners.map((name) => Number(name.split('/')[1]))).toEqual(
      Array.from({ length: 2 * times }, (_, i) => i + 1),
    );
    expect(lost.every((count) => Number.isInteger(count))).toBe(true);
    // They did get into each other's way, or this would show nothing.
    expect(lost[0]! + lost[1]!).toBeGreaterThan(0);
  });

  test('STO-06: no room left is storage.quota, all or nothing, and what was there stays readable', async () => {
    // A browser of its own: Chromium remembers for a while how much room an origin had.
    const small = await startChromium('test/browser/storagePage.ts');
    try {
      const page = await small.page();
      const session = await small.context.newCDPSession(page);
      await session.send('Storage.overrideQuotaForOrigin', { origin: small.origin, quotaSize: 1 << 20 });
      await call(page, 'open', 'full');
      expect(await call(page, 'put', 'a', [1])).toBeUndefined();
      expect(await call(page, 'fill', 'large', 4 << 20)).toBe('storage.quota');
      expect(await call(page, 'names', '')).toEqual(['a']);
      expect(await call(page, 'get', 'a')).toBe('01');
      expect(await call(page, 'put', 'a', [2])).toBeUndefined();
    } finally {
      await small.stop();
    }
  });

  test('a database that another tab deletes is let go of, and not made anew', async () => {
    const [one, two] = await twoTabs('deleted');
    await call(one, 'put', 'a', [1]);
    await call(two, 'remove', 'deleted');
    expect(await call(one, 'put', 'a', [2])).toBe('storage.lock');
  });

  test('STO-19: a database of a later release is left alone', async () => {
    const page = await tab();
    await page.evaluate(`new Promise((done) => {
      const request = indexedDB.open('later', 2);
      request.onsuccess = () => { request.result.close(); done(); };
    })`);
    await call(page, 'open', 'later');
    expect(await call(page, 'put', 'a', [1])).toBe('storage.version');
  });

  test('a closed backend says so', async () => {
    const page = await tab();
    await call(page, 'open', 'closed');
    await call(page, 'close');
    expect(await call(page, 'put', 'a', [1])).toBe('storage.durability');
  });
});
