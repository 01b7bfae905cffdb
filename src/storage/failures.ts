/** What platforms throw, as codes of ours. */

import type { MlsErrorCode } from '../base/codes.ts';
import { fail, MlsError } from '../base/error.ts';

/** By the `code` or, in browsers, the `name` of what was thrown. */
const MEANING: ReadonlyMap<string, MlsErrorCode> = /* @__PURE__ */ new Map<string, MlsErrorCode>([
  ['ENOSPC', 'storage.quota'],
  ['EDQUOT', 'storage.quota'],
  ['QuotaExceededError', 'storage.quota'],
  ['LEVEL_LOCKED', 'storage.lock'],
  ['blocked', 'storage.lock'],
  ['LEVEL_CORRUPTION', 'storage.corrupt'],
  ['NotReadableError', 'storage.corrupt'],
  ['VersionError', 'storage.version'],
]);

/** LevelDB has one code for every I/O error and tells them apart in the text of the system only. */
const FULL = /no space left on device|disk quota exceeded/i;

/** How many causes behind an error are looked at. */
const DEPTH = 4;

/**
 * Throw for a failure of the platform.
 * @throws `storage.quota`, `storage.lock`, `storage.corrupt`, `storage.version` where the platform said so,
 * `storage.durability` otherwise; an `MlsError` as it is
 */
export function refuse(cause: unknown): never {
  if (cause instanceof MlsError) throw cause;
  const { code, reason } = meaningOf(cause);
  return fail(code, { reason }, cause);
}

/** Run a step of the platform. @throws as {@link refuse} */
export async function translated<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    return refuse(cause);
  }
}

function meaningOf(thrown: unknown): { code: MlsErrorCode; reason: string | undefined } {
  let cause = thrown;
  for (let depth = 0; depth < DEPTH && typeof cause === 'object' && cause !== null; depth++) {
    const { code, name, message, cause: behind } = cause as Readonly<Record<string, unknown>>;
    for (const sign of [code, name]) {
      const meaning = typeof sign === 'string' ? MEANING.get(sign) : undefined;
      if (meaning !== undefined) return { code: meaning, reason: String(sign) };
    }
    if (typeof message === 'string' && FULL.test(message)) return { code: 'storage.quota', reason: 'full' };
    cause = behind;
  }
  return { code: 'storage.durability', reason: undefined };
}
