/** What the verifiers of all kinds of vectors share: reading a case, and saying what differs. */

import { concat, fromHex, toHex } from '../../base/bytes.ts';
import type { KeyPair, Provider, SuiteCrypto } from '../../crypto/provider.ts';

/** A JSON object of unknown content. */
export type Json = Readonly<Record<string, unknown>>;

/** Checks one case of a vector file. @throws {@link Difference}, and `MlsError` where the library refuses the case */
export type Verifier = (provider: Provider, vector: Json) => void;

/** A value of a vector file that is not what this library computes, or cannot be read. */
export class Difference extends Error {
  override readonly name = 'Difference';
}

/** @throws {@link Difference} always */
export function differ(what: string): never {
  throw new Difference(what);
}

/** @throws {@link Difference} unless the condition holds */
export function expectTrue(what: string, holds: boolean): void {
  if (!holds) differ(what);
}

/** @throws {@link Difference} unless both are the same */
export function expectSame<T extends string | number | bigint | undefined>(
  what: string,
  actual: T,
  expected: T,
): void {
  if (actual !== expected) differ(`${what}: ${actual ?? 'none'}, expected ${expected ?? 'none'}`);
}

/** @throws {@link Difference} unless the bytes are those of the hexadecimal text */
export function expectHex(what: string, actual: Uint8Array | undefined, expected: string): void {
  const hex = actual === undefined ? 'none' : toHex(actual);
  if (hex !== expected.toLowerCase()) differ(`${what}: ${excerpt(hex, expected)}`);
}

/** @throws {@link Difference} unless both are the same bytes */
export function expectBytes(what: string, actual: Uint8Array | undefined, expected: Uint8Array): void {
  expectHex(what, actual, toHex(expected));
}

/** Run a step and put its name before whatever it reports. */
export function within<T>(step: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new Difference(`${step}: ${reason(error)}`, { cause: error });
  }
}

/** Why a case failed, as one line. */
export function reason(error: unknown): string {
  if (error instanceof Difference) return error.message;
  if (!(error instanceof Error)) return String(error);
  const { detail = {} } = error as { readonly detail?: Json };
  const facts = Object.entries(detail).flatMap(([name, fact]) =>
    fact === undefined ? [] : `${name} ${fact}`,
  );
  return facts.length === 0 ? error.message : `${error.message} (${facts.join(', ')})`;
}

/** The hexadecimal text of a field. */
export function hexOf(vector: Json, field: string): string {
  const value = vector[field];
  return typeof value === 'string' && /^([0-9a-f]{2})*$/i.test(value)
    ? value
    : differ(`${field}: not hexadecimal`);
}

/** The bytes of a field. */
export function bytesOf(vector: Json, field: string): Uint8Array {
  return fromHex(hexOf(vector, field));
}

/** The bytes of a field that may be null or left out. */
export function optionalBytesOf(vector: Json, field: string): Uint8Array | undefined {
  return (vector[field] ?? undefined) === undefined ? undefined : bytesOf(vector, field);
}

/**
 * The HPKE key pair of a private key in a field. Keys of the NIST curves are numbers, and the published vectors leave
 * out their leading zeros, which the library wants to see (RFC 9180 §7.1.2).
 */
export function kemKeyPairOf(suite: SuiteCrypto, vector: Json, field: string): KeyPair {
  const { secretKey } = suite.deriveKeyPair(new Uint8Array(suite.sizes.kemSeed).fill(1));
  return suite.kemKeyPair(filledUp(bytesOf(vector, field), secretKey.length));
}

/** The signature private key of a field; see {@link kemKeyPairOf} for its leading zeros. */
export function signatureKeyOf(suite: SuiteCrypto, vector: Json, field: string): Uint8Array {
  const { secretKey } = suite.signatureKeyPair(new Uint8Array(suite.sizes.signatureSeed).fill(1));
  return filledUp(bytesOf(vector, field), secretKey.length);
}

/** The text of a field. */
export function textOf(vector: Json, field: string): string {
  const value = vector[field];
  return typeof value === 'string' ? value : differ(`${field}: not text`);
}

/** A number of a field, which must be exact. */
export function numberOf(vector: Json, field: string): number {
  return asNumber(field, vector[field]);
}

/** A uint64 of a field; the file reader keeps long ones as text. */
export function uint64Of(vector: Json, field: string): bigint {
  const value = vector[field];
  return typeof value === 'string' && /^\d+$/.test(value) ? BigInt(value) : BigInt(asNumber(field, value));
}

/** An object of a field. */
export function objectOf(vector: Json, field: string): Json {
  const value = vector[field];
  return isJson(value) ? value : differ(`${field}: not an object`);
}

/** A list of a field. */
export function listOf(vector: Json, field: string): readonly unknown[] {
  const value = vector[field];
  return Array.isArray(value) ? value : differ(`${field}: not a list`);
}

/** A list of objects of a field. */
export function objectsOf(vector: Json, field: string): readonly Json[] {
  return listOf(vector, field).map((value, i) =>
    isJson(value) ? value : differ(`${field}[${i}]: not an object`),
  );
}

/** A list of a field whose entries are hexadecimal text, or null. */
export function hexListOf(vector: Json, field: string): readonly (string | undefined)[] {
  return listOf(vector, field).map((value, i) =>
    value === null ? undefined : hexOf({ [`${field}[${i}]`]: value }, `${field}[${i}]`),
  );
}

/** A list of a field whose entries are numbers, or null. */
export function numberListOf(vector: Json, field: string): readonly (number | undefined)[] {
  return listOf(vector, field).map((value, i) =>
    value === null ? undefined : asNumber(`${field}[${i}]`, value),
  );
}

/** Whether a value is a JSON object. */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asNumber(what: string, value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value)
    ? value
    : differ(`${what}: not an exact number`);
}

function filledUp(key: Uint8Array, length: number): Uint8Array {
  return concat(new Uint8Array(Math.max(0, length - key.length)), key);
}

/** Both texts from shortly before the place where they part. */
function excerpt(actual: string, expected: string): string {
  let same = 0;
  while (same < actual.length && actual[same] === expected[same]?.toLowerCase()) same++;
  const start = Math.max(0, same - (same % 2) - 8);
  const cut = (text: string): string =>
    `${start > 0 ? '…' : ''}${text.slice(start, start + 32)}${text.length > start + 32 ? '…' : ''}` ||
    'nothing';
  const lengths =
    actual.length === expected.length ? '' : ` (${actual.length / 2} bytes for ${expected.length / 2})`;
  return `${cut(actual)}, expected ${cut(expected)}, from byte ${start / 2}${lengths}`;
}
