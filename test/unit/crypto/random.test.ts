import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createNobleProvider, nobleProvider } from '../../../src/crypto/noble/index.ts';
import { createNodeProvider, nodeProvider } from '../../../src/crypto/node/index.ts';

const code = (value: string) => expect.objectContaining({ code: value });
const real = (length: number) => new Uint8Array(randomBytes(length));

afterEach(() => vi.unstubAllGlobals());

describe.each([nodeProvider, nobleProvider])('random of $name', (provider) => {
  it('CRY-16: any length, above 65536 too', () => {
    for (const length of [0, 1, 32, 65_536, 65_537, 200_000]) {
      const bytes = provider.random(length);
      expect(bytes.length).toBe(length);
      if (length > 100_000) expect(new Set(bytes.subarray(length - 1000)).size).toBeGreaterThan(200);
    }
    for (const length of [-1, 1.5, Number.NaN, '3' as unknown as number]) {
      expect(() => provider.random(length)).toThrow(code('codec.input'));
    }
  });
});

describe.each([createNodeProvider, createNobleProvider])('CRY-16: a bad source (%s)', (create) => {
  const bad = (random: (length: number) => Uint8Array, length = 32) =>
    expect(() => create({ random }).random(length)).toThrow(code('crypto.entropy'));

  it('that throws, gives another amount, another type or zeros', () => {
    bad(() => {
      throw new Error('no entropy');
    });
    bad((length) => real(length + 1));
    bad((length) => real(length - 1));
    bad(() => undefined as unknown as Uint8Array);
    bad((length) => [...real(length)] as unknown as Uint8Array);
    bad((length) => new Uint8Array(length));
    bad((length) => new Uint8Array(length), 16);
  });

  it('that repeats itself, whatever the length of the draws', () => {
    const block = real(70_000);
    const provider = create({ random: (length) => block.slice(0, length) });
    expect(provider.random(32)).toEqual(block.slice(0, 32));
    expect(() => provider.random(32)).toThrow(code('crypto.entropy'));
    expect(() => provider.random(48)).toThrow(code('crypto.entropy'));
    bad((length) => block.slice(0, length), 65_537 + 40);
    expect(provider.random(8)).toEqual(provider.random(8));
  });

  it('that re-uses its buffer does no harm, and large requests come in pieces', () => {
    const buffer = new Uint8Array(65_536);
    const asked: number[] = [];
    const provider = create({
      random: (length) => {
        asked.push(length);
        buffer.set(real(length));
        return buffer.subarray(0, length);
      },
    });
    const one = provider.random(32);
    const copy = one.slice();
    provider.random(32);
    expect(one).toEqual(copy);
    provider.random(150_000);
    expect(asked.slice(2)).toEqual([65_536, 65_536, 150_000 - 2 * 65_536]);
  });
});

describe('CRY-16: no source at all', () => {
  it('is an entropy failure where the platform has no crypto', () => {
    vi.stubGlobal('crypto', undefined);
    expect(() => createNobleProvider().random(32)).toThrow(code('crypto.entropy'));
  });
});
