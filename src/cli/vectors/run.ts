/** Running files of test vectors through the verifiers of their kinds. */

import { fromUtf8 } from '../../base/bytes.ts';
import type { Provider } from '../../crypto/provider.ts';
import { type Kind, kindOf } from './kinds.ts';
import { differ, isJson, type Json, reason } from './verifier.ts';

/** What became of the cases of one file, or of several. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** Cases of suites that the provider does not have. */
  readonly skipped: number;
}

/** One case that failed, as one line tells it. */
export interface Failure {
  readonly index: number;
  /** `undefined` for kinds that have no suite. */
  readonly suite: number | undefined;
  readonly reason: string;
}

/** The outcome of a file. */
export interface FileReport extends Tally {
  readonly kind: Kind;
  readonly failures: readonly Failure[];
}

/** Cases of one kind. */
export interface VectorSet {
  readonly kind: Kind;
  readonly cases: readonly Json[];
}

/** Read a file. @throws `Difference`, `codec.utf8` or a `SyntaxError` when it is no file of vectors */
export function parseVectors(bytes: Uint8Array): VectorSet {
  // Numbers beyond 2^53 would lose digits, so that they are kept as text; see `uint64Of`.
  return recognise(JSON.parse(fromUtf8(bytes).replace(/("epoch"\s*:\s*)(\d{16,})/g, '$1"$2"')));
}

/** Find out the kind of parsed vectors. @throws `Difference` when it is none */
export function recognise(parsed: unknown): VectorSet {
  if (!Array.isArray(parsed) || parsed.length === 0) return differ('not a list of test vectors');
  // A case that is no object stays in place as an empty one, whose missing fields are then reported.
  const cases = parsed.map((value: unknown) => (isJson(value) ? value : {}));
  const kind = kindOf(cases[0] ?? {}) ?? differ('no known kind of test vectors');
  return { kind, cases };
}

/** Check every case. A wrong one is not thrown but reported. */
export function runVectors(provider: Provider, { kind, cases }: VectorSet): FileReport {
  const failures: Failure[] = [];
  let skipped = 0;
  cases.forEach((vector, index) => {
    const suite = suiteOf(vector);
    if (suite !== undefined && !provider.suites.includes(suite)) {
      skipped += 1;
      return;
    }
    try {
      kind.verify(provider, vector);
    } catch (error) {
      failures.push({ index, suite, reason: reason(error) });
    }
  });
  return {
    kind,
    failures,
    passed: cases.length - failures.length - skipped,
    failed: failures.length,
    skipped,
  };
}

function suiteOf(vector: Json): number | undefined {
  const { cipher_suite: suite } = vector;
  return typeof suite === 'number' ? suite : undefined;
}
