/** Expectations about refusals: always an `MlsError` with an exact code, and not one byte of the state is another. */

import { expect } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { MlsError } from '../../src/base/error.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { Environment } from '../../src/group/environment.ts';
import { type Group, insideOf } from '../../src/group/group.ts';
import type { Processed } from '../../src/group/processed.ts';
import { encodeState } from '../../src/group/record.ts';
import type { GroupState } from '../../src/group/state.ts';
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

/** The error of a message that must be rejected. */
export function rejection(processed: Processed): MlsError {
  if (processed.kind !== 'rejected') throw new Error(`not rejected: ${processed.kind}`);
  return processed.error;
}

/** The whole state as hex, secrets included: equal texts mean equal bytes. No call of the peer's own provider is made. */
export function recordOf(
  peer: { readonly env: Environment; readonly state: GroupState },
  state = peer.state,
): string {
  const suite = nodeProvider.suite(peer.env.suite.id);
  return toHex(encodeState({ ...peer.env, suite }, state));
}

/** The peer refuses a message with this code, and its state stays the same, byte for byte. @returns the error */
export function refuses(peer: Peer, message: Uint8Array, code: MlsErrorCode): MlsError {
  const { state } = peer;
  const before = recordOf(peer);
  const error = errorOf(() => peer.process(message));
  expect(error.code).toBe(code);
  expect(peer.state).toBe(state);
  expect(recordOf(peer)).toBe(before);
  return error;
}

/** The group gives this outcome, and what it would save stays the same, byte for byte. @returns the outcome */
export function unmoved(group: Group, message: Uint8Array, expected: object): Processed {
  const before = toHex(group.save());
  const processed = group.process(message);
  expect(processed).toMatchObject(expected);
  expect(toHex(group.save())).toBe(before);
  return processed;
}

/** The group reports evidence that its state was set back: it remembers that, sends no more, and is otherwise the same. */
export function setsBack(group: Group, message: Uint8Array, expected: object): void {
  const { env, cell } = insideOf(group);
  const before = toHex(group.save());
  expect(group.process(message)).toMatchObject(expected);
  expect(cell.state.isSetBack).toBe(true);
  expect(toHex(encodeState(env, { ...cell.state, isSetBack: false }))).toBe(before);
  expect(() => group.encrypt(utf8('too late'))).toThrow('state.rollback');
}

/** The group rejects a message with this code, and what it would save stays the same, byte for byte. */
export function rejects(group: Group, message: Uint8Array, code: MlsErrorCode): MlsError {
  const error = rejection(unmoved(group, message, { kind: 'rejected' }));
  expect(error.code).toBe(code);
  return error;
}
