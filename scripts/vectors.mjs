// Puts the published test vectors into the ignored folder vectors/: `npm run vectors`.
//   node scripts/vectors.mjs               fetch from the public repositories
//   node scripts/vectors.mjs --from DIR    copy from DIR/mls-vectors, DIR/hpke-vectors and DIR/wycheproof
// Every file is compared with scripts/vectors.sha256.json. Upstream may move: a file with another hash is kept,
// with a loud warning, and the tests then say what changed. The HPKE file is filtered, so it carries no hash.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const HASHES = JSON.parse(readFileSync(join(ROOT, 'scripts', 'vectors.sha256.json'), 'utf8'));
const RAW = 'https://raw.githubusercontent.com';
const HPKE_FILE = 'rfc9180-base-mode.json';

/** Where each kind comes from, and under which names it lies here. */
const KINDS = {
  'mls-vectors': {
    files: Object.keys(HASHES['mls-vectors']),
    url: (file) => `${RAW}/mlswg/mls-implementations/main/test-vectors/${file}`,
  },
  'hpke-vectors': {
    files: [HPKE_FILE],
    url: () => `${RAW}/cfrg/draft-irtf-cfrg-hpke/master/test-vectors.json`,
    convert: baseModeOnly,
  },
  wycheproof: {
    files: Object.keys(HASHES.wycheproof),
    url: (file) => `${RAW}/C2SP/wycheproof/main/testvectors_v1/${file}`,
  },
};

const from = folderArgument(process.argv.slice(2));
let warnings = 0;
try {
  for (const [kind, source] of Object.entries(KINDS)) await bring(kind, source);
} catch (error) {
  console.error(`vectors: ${error.message}`);
  if (from === undefined) {
    console.error(
      'vectors: without access to GitHub, point MLS_VECTORS_DIR, HPKE_VECTORS_DIR and WYCHEPROOF_DIR at folders that ' +
        'hold the files, or copy them with `npm run vectors -- --from DIR`.',
    );
  }
  process.exit(1);
}
console.log(`vectors: complete in vectors/${warnings === 0 ? '' : `, with ${warnings} warnings above`}`);

async function bring(kind, { files, url, convert }) {
  const folder = join(ROOT, 'vectors', kind);
  mkdirSync(folder, { recursive: true });
  for (const file of files) {
    const target = join(folder, file);
    const wanted = HASHES[kind]?.[file];
    if (wanted !== undefined && existsSync(target) && sha256(readFileSync(target)) === wanted) continue;
    const bytes = from === undefined ? await download(url(file)) : read(join(from, kind, file));
    const kept = convert === undefined ? bytes : convert(bytes);
    if (wanted !== undefined && sha256(kept) !== wanted) warn(kind, file);
    writeFileSync(target, kept);
  }
  console.log(`vectors: ${kind}: ${files.length} files`);
}

function warn(kind, file) {
  warnings += 1;
  console.warn(
    `vectors: WARNING: ${kind}/${file} is not the file this version was tested with (its SHA-256 differs).`,
  );
}

async function download(url) {
  let response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(60_000) });
  } catch (error) {
    throw new Error(`cannot fetch ${url}: ${error.cause?.code ?? error.message}`);
  }
  if (!response.ok) throw new Error(`cannot fetch ${url}: HTTP status ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

function read(path) {
  if (!existsSync(path)) throw new Error(`${path} does not exist`);
  return readFileSync(path);
}

/** The published HPKE file has all modes and algorithms; MLS uses base mode, and these identifiers. */
function baseModeOnly(bytes) {
  const used = { kem_id: [0x10, 0x11, 0x12, 0x20, 0x21], kdf_id: [1, 2, 3], aead_id: [1, 2, 3, 0xffff] };
  const wanted = (entry) =>
    entry.mode === 0 && Object.entries(used).every(([field, ids]) => ids.includes(entry[field]));
  return `${JSON.stringify(JSON.parse(bytes.toString('utf8')).filter(wanted), null, 1)}\n`;
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function folderArgument(args) {
  if (args.length === 0) return undefined;
  if (args.length === 2 && args[0] === '--from') return args[1];
  console.error('usage: vectors.mjs [--from DIR]');
  process.exit(2);
}
