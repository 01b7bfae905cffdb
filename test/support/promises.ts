/** Expectations about steps that take time. */

import { MlsError } from '../../src/base/error.ts';

/** The error of a step that must fail with an `MlsError`. */
export async function failed(step: Promise<unknown>): Promise<MlsError> {
  const error: unknown = await step.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof MlsError) return error;
  throw new Error('no MlsError', { cause: error });
}
