// Makes a fresh clone usable: installs and builds what is missing or out of date, and says nothing when all is there.
//   node scripts/setup.mjs            install and build
//   node scripts/setup.mjs install    only node_modules
//   node scripts/setup.mjs build      install, then dist

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(ROOT, ...parts);

const mode = process.argv[2] ?? 'all';
if (!['all', 'install', 'build'].includes(mode)) {
  console.error('usage: setup.mjs [install|build]');
  process.exit(2);
}
// As npm's `prepare` script we run inside an install or a pack: node_modules is then npm's business, and sources that
// do not compile are a reason not to pack, but none to undo an install.
const preparing = process.env.npm_lifecycle_event === 'prepare';
const forgiving = preparing && process.env.npm_command !== 'pack' && process.env.npm_command !== 'publish';
if (!preparing) install();
if (mode !== 'install') build();

function install() {
  const stampFile = at('node_modules', '.xmpp-mls-stamp');
  const stamp = hashFiles([at('package-lock.json')]);
  if (readText(stampFile) === stamp) return;
  if (!installedSince(at('package-lock.json'))) {
    console.log('setup: installing the packages of package-lock.json (npm ci)');
    // --ignore-scripts: no package here needs an install script, and our own `prepare` follows below.
    run('npm', ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  writeFileSync(stampFile, stamp);
}

/** Whether npm finished an install after the given file was last written. */
function installedSince(file) {
  const marker = at('node_modules', '.package-lock.json');
  return existsSync(marker) && statSync(marker).mtimeMs >= statSync(file).mtimeMs;
}

function build() {
  const stampFile = at('dist', '.stamp');
  const inputs = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) =>
    at(name),
  );
  const stamp = hashFiles([...inputs, ...filesUnder(at('src'))]);
  if (readText(stampFile) === stamp) return;
  console.log('setup: building dist');
  rmSync(at('dist'), { recursive: true, force: true });
  run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', at('tsconfig.build.json')]);
  const main = at('dist', 'cli', 'main.js');
  if (existsSync(main)) chmodSync(main, 0o755);
  writeFileSync(stampFile, stamp);
}

function hashFiles(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(`${file.slice(ROOT.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex');
}

function filesUnder(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function readText(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (error) console.error(`setup: ${command} could not be started: ${error.message}`);
  if (status !== 0) {
    console.error(`setup: ${command} ${args.at(0) ?? ''} failed; nothing after it was run`);
    process.exit(forgiving ? 0 : status || 1);
  }
}
