/** Where the published vector files are. They are not part of the package, so tests must cope with their absence. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const VARIABLES = {
  'hpke-vectors': 'HPKE_VECTORS_DIR',
  'mls-vectors': 'MLS_VECTORS_DIR',
  wycheproof: 'WYCHEPROOF_DIR',
} as const;

const announced = new Set<string>();

const REQUIRED = 'XMPP_MLS_REQUIRE_VECTORS';

/** A directory of vectors. */
export type VectorSet = keyof typeof VARIABLES;

/** A vector file, found or not. */
export interface VectorFile {
  /** For titles of tests: the name, and how to supply the file when it is missing. */
  readonly title: string;
  /** Whether the test is to be skipped. Never when XMPP_MLS_REQUIRE_VECTORS is 1: reading then fails. */
  readonly skip: boolean;
  /** The parsed JSON. @throws when the file is missing */
  json<T>(): T;
}

/** Find a file of a set: in the directory named by the environment, in `vectors/`, or in `../shared/`. */
export function vectorFile(set: VectorSet, name: string): VectorFile {
  const variable = VARIABLES[set];
  const named = process.env[variable];
  // A directory that was named is the only one looked into.
  const places =
    named === undefined ? [join(ROOT, 'vectors', set), join(ROOT, '..', 'shared', set)] : [named];
  const required: string | undefined = process.env[REQUIRED];
  const path = places.map((place) => join(place, name)).find((candidate) => existsSync(candidate));
  const missing = path === undefined;
  // The reporter counts skipped tests and does not say which: each missing file is named once.
  if (missing && required !== '1' && !announced.has(name)) {
    announced.add(name);
    process.stderr.write(`skipped: ${set}/${name} is missing (npm run vectors, or set ${variable})\n`);
  }
  return {
    title: missing ? `${set}/${name} (missing: set ${variable})` : `${set}/${name}`,
    skip: missing && required !== '1',
    json: <T>() => {
      if (path === undefined) throw new Error(`vector file ${set}/${name} not found; set ${variable}`);
      return JSON.parse(readFileSync(path, 'utf8')) as T;
    },
  };
}
