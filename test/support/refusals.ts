/** Expectations about errors: always an `MlsError`, with an exact code, and nothing changed. */

import { expect } from 'vitest';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { MlsError } from '../../src/base/error.ts';
import { digest } from './graph.ts';
import type { Peer } from './peers.ts';

/** The error of a call that must fail with an `MlsError`. */
export function errorOf(call: () => unknown): MlsError {
  try {
    call();
  } catch (error) {
    if (error instanceof MlsError) return error;
    throw new Error('something else than an MlsError was thrown', { cause: error });
  }
  throw new Error('nothing was thrown');
}

/** The code of a call that must fail. */
export function codeOf(call: () => unknown): MlsErrorCode {
  return errorOf(call).code;
}

/** The peer refuses a message with this code, and its state stays the same, byte for byte. */
export function refuses(peer: Peer, message: Uint8Array, code: MlsErrorCode): void {
  const { state } = peer;
  const before = digest(state);
  expect(codeOf(() => peer.process(message))).toBe(code);
  expect(peer.state).toBe(state);
  expect(digest(state)).toBe(before);
}
