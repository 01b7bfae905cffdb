// Runs a TypeScript program of this repository on a clone where nothing was built: it is bundled from the sources
// into node_modules/.cache and imported.
//   node scripts/run-ts.mjs FILE [arguments...]
// Inside the program, paths are relative to the working folder (import.meta.url points into the cache).

import { mkdirSync, rmSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const [file, ...args] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: run-ts.mjs FILE [arguments...]');
  process.exit(2);
}
const folder = resolve(ROOT, 'node_modules', '.cache', 'xmpp-mls');
const outfile = resolve(folder, `${basename(file).replace(/\.\w+$/, '')}-${process.pid}.mjs`);
mkdirSync(folder, { recursive: true });

/** Packages stay outside the bundle; our own doors and `#provider` go in, from the sources. */
const packagesOutside = {
  name: 'packages-outside',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^[^./#]/ }, ({ path, kind }) => {
      const own = path === 'xmpp-mls' || path.startsWith('xmpp-mls/');
      return own || kind === 'entry-point' ? undefined : { path, external: true };
    });
  },
};

try {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [resolve(file)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['xmpp-mls-source'],
    sourcemap: 'inline',
    logLevel: 'warning',
    plugins: [packagesOutside],
  });
} catch {
  process.exit(1); // esbuild has said why
}
process.once('exit', () => rmQuietly(outfile));
process.argv.splice(1, process.argv.length, resolve(file), ...args);
process.setSourceMapsEnabled(true);
await import(pathToFileURL(outfile).href);

function rmQuietly(path) {
  try {
    rmSync(path, { force: true });
  } catch {
    // a leftover in the cache harms nobody
  }
}
