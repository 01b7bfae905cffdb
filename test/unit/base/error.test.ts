import { expect, test } from 'vitest';
import { leafIndex, nodeIndex, verified } from '../../../src/base/brand.ts';
import { CODES, type MlsErrorCode } from '../../../src/base/codes.ts';
import { fail, guarded, MlsError } from '../../../src/base/error.ts';
import { wipe } from '../../../src/base/secret.ts';

const codes = Object.keys(CODES) as MlsErrorCode[];

test('DEC-23: the text of an error is its code and the sentence of the table, at most 200 characters', () => {
  for (const code of codes) {
    const error = new MlsError(code, { offset: 4, field: 'SECRET', value: 0x5ec2e7 });
    expect(error.message).toBe(`${code}: ${CODES[code][4]}`);
    expect(error.message.length).toBeLessThanOrEqual(200);
    expect(String(error)).not.toContain('SECRET');
    expect(error.name).toBe('MlsError');
    expect([error.code, error.retry, error.scope, error.blame]).toEqual([code, ...CODES[code].slice(0, 3)]);
    expect(error.section ?? '').toBe(CODES[code][3]);
  }
});

test('every decoder code tells that retrying is in vain, so that the message can be acknowledged', () => {
  for (const code of codes.filter((name) => name.startsWith('codec.'))) {
    expect(new MlsError(code).retry).toBe('never');
    expect(new MlsError(code).scope).toBe('message');
  }
});

test('detail is a frozen copy, and a cause is kept', () => {
  const detail = { offset: 1 };
  const cause = new Error('inner');
  const error = new MlsError('codec.truncated', detail, cause);
  detail.offset = 2;
  expect(error.detail).toEqual({ offset: 1 });
  expect(Object.isFrozen(error.detail)).toBe(true);
  expect(error.cause).toBe(cause);
  expect('cause' in new MlsError('codec.truncated')).toBe(false);
});

test('a detail named __proto__ pollutes nothing', () => {
  const error = new MlsError('codec.enum', JSON.parse('{"__proto__":"x"}'));
  expect(Object.getPrototypeOf(error.detail)).toBe(Object.prototype);
  expect('x' in {}).toBe(false);
});

test('R16-03: guarded lets typed errors through and turns all others into internal.bug', () => {
  expect(guarded(() => 7)).toBe(7);
  expect(() => guarded(() => fail('codec.enum'))).toThrow(expect.objectContaining({ code: 'codec.enum' }));
  const bug = new RangeError('boom');
  const step = () =>
    guarded(() => {
      throw bug;
    });
  expect(step).toThrow(expect.objectContaining({ code: 'internal.bug', cause: bug, retry: 'after-fix' }));
});

test('wipe overwrites and takes what is absent', () => {
  const secret = Uint8Array.of(1, 2);
  wipe(secret, undefined);
  expect(secret).toEqual(new Uint8Array(2));
});

test('brands exist for the compiler only', () => {
  const value = { a: 1 };
  expect(leafIndex(3)).toBe(3);
  expect(nodeIndex(4)).toBe(4);
  expect(verified(value)).toBe(value);
});
