/** Which libraries are there: installs and builds what is asked for, and says why something is missing. */

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { ours } from './ours.ts';
import { LIBRARIES, type Library, type LibraryName } from './peer.ts';
import { startRust } from './rust.ts';
import { startTsMls } from './tsMls.ts';

const MANIFEST = 'test/interop/rust/Cargo.toml';
/** Apart, because ts-mls asks for other versions of packages that we have. */
const TS_MLS = 'test/interop/ts-mls';
/** How people call them. */
const TITLES: Readonly<Record<LibraryName, string>> = {
  ours: 'ours',
  'ts-mls': 'ts-mls',
  openmls: 'OpenMLS',
  'mls-rs': 'mls-rs',
};

/** Libraries that cannot be had, and the one reason for it. */
export interface Missing {
  readonly names: readonly LibraryName[];
  readonly text: string;
}

/** Those of `names` that can be had. */
export async function gather(
  names: readonly LibraryName[],
): Promise<{ readonly libraries: readonly Library[]; readonly missing: readonly Missing[] }> {
  const wanted = LIBRARIES.filter((name) => names.includes(name));
  const libraries: Library[] = wanted.includes('ours') ? [ours] : [];
  const missing: Missing[] = [];
  if (wanted.includes('ts-mls')) {
    const problem = installTsMls();
    if (problem === undefined) libraries.push(await startTsMls(TS_MLS));
    else missing.push(lack(['ts-mls'], problem));
  }
  const rust = wanted.filter((name) => name === 'openmls' || name === 'mls-rs');
  if (rust.length > 0) {
    const problem = buildRust();
    if (problem === undefined) libraries.push(...rust.map((name) => startRust(name, MANIFEST)));
    else missing.push(lack(rust, problem));
  }
  return { libraries, missing };
}

function lack(names: readonly LibraryName[], problem: string): Missing {
  return { names, text: `${names.map((name) => TITLES[name]).join(' and ')}, since ${problem}` };
}

/** Nothing to do, and no network needed, when npm has finished an install since the lockfile was written. */
function installTsMls(): string | undefined {
  const [done, lock] = [`${TS_MLS}/node_modules/.package-lock.json`, `${TS_MLS}/package-lock.json`];
  if (existsSync(done) && statSync(done).mtimeMs >= statSync(lock).mtimeMs) return undefined;
  console.log('installing ts-mls (npm ci)');
  const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const problem = run('npm', ['ci', '--prefix', TS_MLS, ...quietly]);
  return problem && `npm ci ${problem}`;
}

function buildRust(): string | undefined {
  if (run('cargo', ['--version']) !== undefined) return 'cargo is missing';
  console.log('building OpenMLS and mls-rs (cargo build); the first time takes some minutes');
  const start = performance.now();
  const problem = run('cargo', ['build', '--quiet', '--manifest-path', MANIFEST]);
  if (problem !== undefined) return `cargo build ${problem}`;
  console.log(`built in ${Math.round((performance.now() - start) / 1000)} s`);
  return undefined;
}

/** What went wrong, its output shown; `undefined` when nothing did. */
function run(command: string, options: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(command, options, {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (error !== undefined) return 'cannot be started';
  if (status === 0) return undefined;
  console.error(stderr.trimEnd());
  return `failed with status ${status}`;
}
