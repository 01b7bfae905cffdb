/**
 * A real browser for tests: the Chromium of the system, with pages served from 127.0.0.1.
 *
 *   const browser = await startChromium('test/browser/storagePage.ts');
 *   const [one, two] = [await browser.page(), await browser.page()];      // two tabs of one profile
 *   await call(one, 'someFunction', 'argument');
 *   await browser.stop();
 *
 * The program is bundled as for browsers. It offers functions by `offer({ ... })`; arguments and results travel as JSON,
 * byte strings as arrays of numbers. A profile lives until `stop`.
 */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const { CHROMIUM_PATH, XMPP_MLS_REQUIRE_BROWSER } = process.env;
const PLACES = [CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser'];

/** The browser, if the machine has one. */
export const chromiumPath: string | undefined = PLACES.find((path) => path !== undefined && existsSync(path));

/** Whether a machine without a browser is a failure: so it is in CI. */
export const chromiumRequired: boolean = XMPP_MLS_REQUIRE_BROWSER === '1';

/** A running browser with one profile. */
export interface Chromium {
  readonly context: BrowserContext;
  readonly origin: string;
  /** Open a tab with the program. */
  page(): Promise<Page>;
  stop(): Promise<void>;
}

/** Bundle a program, serve it, and start a browser with a profile of its own. */
export async function startChromium(program: string): Promise<Chromium> {
  const server = await serve(await bundle(program));
  const profile = mkdtempSync(join(tmpdir(), 'xmpp-mls-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath ?? 'chromium',
    headless: true,
    // Tests run as root in containers, where Chromium's own sandbox cannot.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const page = async () => {
    const tab = await context.newPage();
    await tab.goto(server.origin);
    await ready(tab);
    return tab;
  };
  const stop = async () => {
    await context.close();
    await server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { context, origin: server.origin, page, stop };
}

/** Wait until the program of a page has run: after `reload` for instance. */
export async function ready(page: Page): Promise<void> {
  await page.waitForFunction('globalThis.offered !== undefined');
}

/** Call a function that the program offers. An `MlsError` comes as `{ code, detail }` in the message of an `Error`. */
export async function call<T = unknown>(page: Page, name: string, ...args: readonly unknown[]): Promise<T> {
  const script = `globalThis.offered[${JSON.stringify(name)}](...${JSON.stringify(args)})`;
  return (await page.evaluate(script)) as T;
}

async function bundle(program: string): Promise<string> {
  const result = await build({
    entryPoints: [program],
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}

async function serve(code: string): Promise<{ origin: string; close(): Promise<void> }> {
  const server = createServer(({ url }, response) => {
    const [type, body] =
      url === '/program.js'
        ? ['text/javascript; charset=utf-8', code]
        : ['text/html; charset=utf-8', '<!doctype html><script src="/program.js"></script>'];
    response.writeHead(200, { 'content-type': type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
