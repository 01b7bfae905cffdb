/** What a browser gets: no Node code, nothing that turns text into code, and it runs in an empty realm. */

import { existsSync, readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';

/** Kilobytes, minified and compressed, that the core may cost a page; raise it knowingly. */
const BUDGET_KB = 100;

const complete = existsSync('src/index.ts');

describe.skipIf(!complete)('the browser bundle of the core', () => {
  let code = '';

  beforeAll(async () => {
    const result = await build({
      entryPoints: ['src/index.ts'],
      bundle: true,
      write: false,
      minify: true,
      platform: 'browser',
      format: 'iife',
      globalName: 'xmppMls',
      logLevel: 'silent',
      plugins: [providerOfBrowsers],
    });
    code = result.outputFiles[0]?.text ?? '';
  });

  test('stays within its budget', () => {
    const size = gzipSync(code).length / 1024;
    console.info(
      `core for browsers: ${(code.length / 1024).toFixed(1)} KiB, ${size.toFixed(1)} KiB compressed`,
    );
    expect(size).toBeLessThan(BUDGET_KB);
  });

  test('has no Node code', () => {
    expect(code).not.toMatch(/["']node:|\brequire\(|\bBuffer\.|\bprocess\.(env|version)/);
  });

  test('a member pays nothing for observing', async () => {
    const result = await build({
      stdin: { contents: "export { createClient } from './src/index.ts'", resolveDir: process.cwd() },
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'esm',
      metafile: true,
      logLevel: 'silent',
      plugins: [providerOfBrowsers],
    });
    const parts = Object.values(result.metafile.outputs)[0]?.inputs ?? {};
    const paid = Object.entries(parts).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
    const files = paid.map(([path]) => path.split('/').at(-1));
    expect(files).toContain('client.ts');
    for (const file of OBSERVING) expect(files).not.toContain(file);
  });

  test('RUN-01: has nothing that runs text as code', () => {
    expect(code).not.toMatch(/\beval\(|\bnew Function\b|\bFunction\(|WebAssembly|\bsetTimeout\(|\bimport\(/);
  });

  test('RUN-01, RUN-02: works where text cannot become code and WebCrypto is missing', () => {
    expect(inEmptyRealm(code, CONVERSATION)).toBe('epoch 1: hello');
  });

  test('RUN-05: works the same when the page has polluted Object.prototype', () => {
    const pollute =
      'for (const name of ["present", "type", "length", "path", "kind"]) ' +
      'Object.defineProperty(Object.prototype, name, { value: 7, writable: true, configurable: true });';
    expect(inEmptyRealm(`${pollute}${code}`, CONVERSATION)).toBe('epoch 1: hello');
  });
});

/** What only observers need. */
const OBSERVING = ['observer.ts', 'follow.ts', 'offer.ts', 'outside.ts', 'publicState.ts', 'publicRecord.ts'];

/** The quick start of the README. */
const CONVERSATION = `
  const { acceptAnyCredential, basicCredential, createClient, utf8 } = xmppMls;
  const validateCredential = acceptAnyCredential;
  const alice = createClient({ credential: basicCredential('alice'), validateCredential });
  const bob = createClient({ credential: basicCredential('bob'), validateCredential });
  const group = alice.createGroup();
  const invitation = group.invite([bob.createKeyPackage().message]);
  group.accept(invitation);
  const theirs = bob.prepareJoin(invitation.welcome).accept();
  const event = group.process(theirs.encrypt(utf8('hello')));
  'epoch ' + group.epoch + ': ' + String.fromCharCode(...event.data);
`;

/** Run a script in a realm that has only the language, text encoding and random bytes, and refuses eval. */
function inEmptyRealm(library: string, script: string): unknown {
  const host = {
    encode: (text: string) => [...new TextEncoder().encode(text)],
    decode: (bytes: Uint8Array, options: object) => new TextDecoder('utf-8', options).decode(bytes),
    fill: (bytes: Uint8Array) => void crypto.getRandomValues(bytes),
  };
  const realm = createContext({ host }, { codeGeneration: { strings: false, wasm: false } });
  runInContext(
    `globalThis.TextEncoder = class { encode(text = '') { return Uint8Array.from(host.encode(text)); } };
     globalThis.TextDecoder = class {
       #options; constructor(_, options = {}) { this.#options = options; }
       decode(bytes = new Uint8Array()) { return host.decode(bytes, this.#options); }
     };
     globalThis.crypto = { getRandomValues(bytes) { host.fill(bytes); return bytes; } };`,
    realm,
  );
  runInContext(library, realm);
  return runInContext(
    `(() => { ${script.trim().replace(/\n[^\n]*$/, (last) => `\n  return ${last.trim()}`)} })()`,
    realm,
  );
}

/** `#provider` as package.json gives it to browsers, from the sources instead of dist. */
const providerOfBrowsers: Plugin = {
  name: 'provider-of-browsers',
  setup({ onResolve }) {
    const { imports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      imports: { '#provider': { default: string } };
    };
    const file = imports['#provider'].default.replace('./dist/', 'src/').replace(/\.js$/, '.ts');
    onResolve({ filter: /^#provider$/ }, () => ({ path: `${process.cwd()}/${file}`, sideEffects: false }));
  },
};
