/** Damage to the values of a test vector, one at a time. */

import type { Json } from '../../src/cli/vectors/verifier.ts';

/** Paths of all texts, numbers and nulls. */
export function leavesOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner, path === '' ? key : `${path}.${key}`),
  );
}

/** A copy with one leaf changed: another last digit of a text, a number plus one, something for nothing. */
export function withDamage(vector: Json, path: string): Json {
  const copy = structuredClone(vector) as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() as string;
  const holder = keys.reduce<Record<string, unknown>>((at, key) => at[key] as Record<string, unknown>, copy);
  // Suites next to each other may have the same hash.
  holder[last] = path === 'cipher_suite' ? 5 : damaged(holder[last]);
  return copy;
}

function damaged(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value !== 'string') return 0;
  if (value === '') return '00';
  return value.slice(0, -1) + (value.endsWith('0') ? '1' : '0');
}
