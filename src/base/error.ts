/** The one error class of the library. */

import { type Blame, CODES, type MlsErrorCode, type Retry, type Scope } from './codes.ts';

/** Facts about one case: indices, lengths, public identifiers. Never secrets, never received text. */
export type ErrorDetail = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** The only error class. Switch on `code`; show `message`; never parse `message`. */
export class MlsError extends Error {
  /** Stable code from the table in `codes.ts`. */
  readonly code: MlsErrorCode;
  /** Worth another try, and after what: missing data, or a local repair? `never` lets the message be acknowledged. */
  readonly retry: Retry;
  /** How far the damage reaches. */
  readonly scope: Scope;
  /** Who most likely caused it. */
  readonly blame: Blame;
  /** RFC 9420 section of the broken rule, e.g. '12.4.2'. */
  readonly section: string | undefined;
  /** Facts about this case (indices, lengths, ids): never secrets. */
  readonly detail: ErrorDetail;

  constructor(code: MlsErrorCode, detail: ErrorDetail = {}, cause?: unknown) {
    const [retry, scope, blame, section, sentence] = CODES[code];
    super(`${code}: ${sentence}`, cause === undefined ? undefined : { cause });
    this.name = 'MlsError';
    this.code = code;
    this.retry = retry;
    this.scope = scope;
    this.blame = blame;
    this.section = section === '' ? undefined : section;
    this.detail = Object.freeze({ ...detail });
  }
}

/** Throw an {@link MlsError}: the only way the library throws. */
export function fail(code: MlsErrorCode, detail?: ErrorDetail, cause?: unknown): never {
  throw new MlsError(code, detail, cause);
}

/** An {@link MlsError} that is told and not thrown. */
export function failure(code: MlsErrorCode, detail?: ErrorDetail): MlsError {
  return new MlsError(code, detail);
}

/** Run a step whose every failure becomes an {@link MlsError}; anything unforeseen is `internal.bug`. */
export function guarded<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof MlsError) throw error;
    return fail('internal.bug', {}, error);
  }
}
