/** What is committed and what is published holds nothing of the machine it was made on. */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';

/** Put together from pieces, so that this file passes its own test. */
const FOREIGN: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    'a folder of a build machine',
    new RegExp(`(?<![\\w.])/(?:${['wo' + 'rk', 'ro' + 'ot', 'home/\\w+', 'Users/\\w+'].join('|')})/\\w`),
  ],
  ['a temporary folder', new RegExp(`(?<![\\w.])/t${'mp/'}\\w`)],
  [
    'a package registry',
    new RegExp(
      ['registry\\.npm' + 'js', 'registry\\.yarn' + 'pkg', 'npm' + 'mirror\\.com', '_auth' + 'Token'].join(
        '|',
      ),
    ),
  ],
];
const PUBLISHED = /^(dist\/|src\/|package\.json$|LICENSE$|(README|CHANGELOG|ARCHITECTURE)\.md$)/;

describe('the repository', () => {
  test('names no machine path and no registry host', () => {
    const bad = committed().flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      return FOREIGN.filter(([, pattern]) => pattern.test(text)).map(([what]) => `${file}: ${what}`);
    });
    expect(bad).toEqual([]);
  });

  test('holds no published test vectors', () => {
    expect(
      committed().filter((file) => /^vectors\/|(wycheproof|mls-vectors|hpke-vectors)\//.test(file)),
    ).toEqual([]);
  });
});

describe('the package', () => {
  let files: string[] = [];

  beforeAll(() => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      encoding: 'utf8',
    });
    const [report] = JSON.parse(output) as [{ files: { path: string }[] }];
    files = report.files.map((file) => file.path);
  });

  test('RUN-09: has the sources, what was built from them, and the documents: nothing else', () => {
    expect(files.filter((file) => !PUBLISHED.test(file))).toEqual([]);
    expect(
      files.filter((file) => /test|bench|\.stamp|vectors\/.*\.json/.test(file.replace('cli/vectors', ''))),
    ).toEqual([]);
  });

  test('has no path of this machine in what was built', () => {
    const built = files.filter((file) => file.startsWith('dist/') && existsSync(file));
    expect(built.filter((file) => readFileSync(file, 'utf8').includes(process.cwd()))).toEqual([]);
  });
});

function committed(): string[] {
  const output = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { encoding: 'utf8' });
  return output.split('\0').filter((file) => file !== '' && existsSync(file));
}
