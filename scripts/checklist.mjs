// Says which rows of the two requirement lists have a test: `npm run checklist [-- --missing]`.
// A row is covered when its id stands in a test file, in the title of a test or suite (ids elsewhere in a file count as
// well when they are the keys of a title made from a table: the scan is of string literals and comments are left out).
// test/house/checklist-ids.json: section -> id -> level. test/house/checklist-reasons.json: id or section -> why not.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SECTIONS = readJson('test/house/checklist-ids.json');
const REASONS = readJson('test/house/checklist-reasons.json');
const ID = /\b(?:R(?:[A-D]|\d+(?:\.\d+)*)|[A-Z]{3})-\d{2,}\b/g;
/** `R5.1.2-01..03` and `R5.1.2-01/03` in a title stand for every id they span or list. */
const SPAN = /\b((?:R(?:[A-D]|\d+(?:\.\d+)*)|[A-Z]{3})-)(\d{2,})((?:(?:\.\.|\/)\d{2,})+)/g;

const missing = process.argv.includes('--missing');
const cited = citedIds();
const known = new Set(Object.values(SECTIONS).flatMap((rows) => Object.keys(rows)));
const sum = { covered: 0, excused: 0, open: 0 };
for (const [section, rows] of Object.entries(SECTIONS)) report(section, Object.keys(rows), rows);
line('all sections', sum);
const unknown = [...cited.keys()].filter((id) => !known.has(id) && looksLikeOurs(id));
for (const id of unknown) console.error(`checklist: ${cited.get(id)} cites ${id}, which is in no list`);
const stale = Object.keys(REASONS).filter((key) => !known.has(key) && !(key in SECTIONS));
for (const key of stale) console.error(`checklist: checklist-reasons.json names ${key}, which is in no list`);
process.exitCode = unknown.length + stale.length > 0 ? 1 : 0;

function report(section, ids, rows) {
  const count = { covered: 0, excused: 0, open: 0 };
  const lines = [];
  for (const id of ids) {
    const reason = REASONS[id] ?? REASONS[section];
    const state = cited.has(id) ? 'covered' : reason === undefined ? 'open' : 'excused';
    count[state] += 1;
    sum[state] += 1;
    if (state !== 'covered')
      lines.push(`    ${id}  ${rows[id]}${reason === undefined ? '' : `  (${reason})`}`);
  }
  line(section, count);
  if (missing) for (const text of lines) console.log(text);
}

function line(title, { covered, excused, open }) {
  const total = covered + excused + open;
  const numbers = `${String(covered).padStart(4)} of ${String(total).padStart(3)} covered`;
  console.log(
    `${numbers}, ${String(excused).padStart(3)} with a reason, ${String(open).padStart(3)} open  ${title}`,
  );
}

/** id -> first file that cites it */
function citedIds() {
  const found = new Map();
  for (const file of testFiles()) {
    const text = withoutComments(readFileSync(join(ROOT, file), 'utf8'));
    for (const id of idsIn(text)) if (!found.has(id)) found.set(id, file);
  }
  return found;
}

function* idsIn(text) {
  yield* text.match(ID) ?? [];
  for (const [, prefix, first, tail] of text.matchAll(SPAN)) {
    let last = first;
    for (const [, mark, number] of tail.matchAll(/(\.\.|\/)(\d{2,})/g)) {
      if (mark === '..')
        for (let n = Number(last) + 1; n < Number(number); n += 1) yield prefix + String(n).padStart(2, '0');
      yield prefix + number;
      last = number;
    }
  }
}

function testFiles() {
  const folder = join(ROOT, 'test');
  const names = readdirSync(folder, { recursive: true }).map((name) => `test/${name.replaceAll('\\', '/')}`);
  return names.filter((name) => name.endsWith('.ts')).sort();
}

function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/^\s*\/\/.*$/gm, ' ');
}

/** Text such as `SHA-256` or `UTF-8` has the shape of an id; only our own prefixes are worth a complaint. */
function looksLikeOurs(id) {
  const prefixes = new Set([...known].map((one) => one.replace(/-\d+$/, '')));
  return prefixes.has(id.replace(/-\d+$/, '')) || /^R\d/.test(id);
}

function readJson(path) {
  const file = join(ROOT, path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}
