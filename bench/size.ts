/** Size of what a browser loads. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';

export interface Size {
  readonly minified: number;
  readonly gzip: number;
}

/** Bytes of the core with all suites and the back end that browsers get. */
export async function browserBundle(): Promise<Size> {
  const { outputFiles } = await build({
    entryPoints: ['src/index.ts'],
    bundle: true,
    write: false,
    minify: true,
    platform: 'browser',
    format: 'esm',
    logLevel: 'silent',
    plugins: [providerOfBrowsers],
  });
  const code = outputFiles[0]!.contents;
  return { minified: code.length, gzip: gzipSync(code, { level: 9 }).length };
}

/** `#provider` as package.json gives it to browsers, from the sources instead of dist. */
const providerOfBrowsers: Plugin = {
  name: 'provider-of-browsers',
  setup({ onResolve }) {
    const { imports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      readonly imports: { readonly '#provider': { readonly default: string } };
    };
    const file = imports['#provider'].default.replace('./dist/', 'src/').replace(/\.js$/, '.ts');
    onResolve({ filter: /^#provider$/ }, () => ({ path: resolve(file), sideEffects: false }));
  },
};
