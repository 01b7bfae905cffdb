/** What the parity tests share: a seeded generator, forged signatures with torsion, and a way to compare outcomes. */

import { ED448_TORSION_SUBGROUP, ed448 } from '@noble/curves/ed448.js';
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { shake256 } from '@noble/hashes/sha3.js';
import { concat, fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { MlsError } from '../../src/base/error.ts';
import { nobleProvider } from '../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { SuiteCrypto } from '../../src/crypto/provider.ts';

/** Both back ends of one suite. */
export function both(id: number): readonly [SuiteCrypto, SuiteCrypto] {
  return [nodeProvider.suite(id), nobleProvider.suite(id)];
}

/** What a step does, as text: its result, or the code it throws. */
export function outcome(step: () => Uint8Array | boolean | undefined): string {
  try {
    const result = step();
    return result instanceof Uint8Array ? toHex(result) : String(result);
  } catch (error) {
    if (error instanceof MlsError) return error.code;
    throw error;
  }
}

/** A small generator of 128 bits of state (sfc32), so that a printed seed repeats a run. */
export class Prng {
  #a: number;
  #b = 0x9e3779b9;
  #c = 0x243f6a88;
  #d = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    for (let i = 0; i < 20; i++) this.next();
  }

  /** An integer in 0..2^32 - 1. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  below(bound: number): number {
    return this.next() % bound;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.next() & 0xff);
  }

  /** A changed copy: a flipped bit, another byte, a cut, an addition, or a run of one value. */
  mutate(bytes: Uint8Array): Uint8Array {
    const out = bytes.slice();
    const at = this.below(Math.max(1, out.length));
    switch (this.below(8)) {
      case 0:
        return out.subarray(0, at);
      case 1:
        return concat(out, this.bytes(1 + this.below(3)));
      case 2:
        return out.fill(this.pick([0, 0xff, 0x80, 0x7f]), at);
      case 3:
        return out.length === 0 ? out : concat(out.subarray(0, at), out.subarray(at + 1));
      case 4:
        if (out.length > 0) out[at] = this.next();
        return out;
      default:
        if (out.length > 0) out[at]! ^= 1 << this.below(8);
        return out;
    }
  }
}

/** A signature with its key and message. */
export interface Signed {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

const dom4 = concat(utf8('SigEd448'), new Uint8Array(2));
/** The two Edwards curves, by suite. */
export const EDWARDS = {
  1: {
    curve: ed25519,
    size: 32,
    torsion: ED25519_TORSION_SUBGROUP,
    challenge: (input: Uint8Array) => sha512(input),
  },
  4: {
    curve: ed448,
    size: 57,
    torsion: ED448_TORSION_SUBGROUP,
    challenge: (input: Uint8Array) => shake256(concat(dom4, input), { dkLen: 114 }),
  },
} as const;

/**
 * A signature that satisfies the equation with cofactor, whose A and R carry the given points of small order.
 * `strict` says whether it also satisfies the equation without.
 */
export function forge(
  id: 1 | 4,
  a: bigint,
  r: bigint,
  torsionA: number,
  torsionR: number,
  message: Uint8Array,
) {
  const { curve, size, torsion, challenge } = EDWARDS[id];
  const { Point } = curve;
  const small = torsion.map((hex) => Point.fromBytes(fromHex(hex)));
  const publicPoint = Point.BASE.multiply(a).add(small[torsionA]!);
  const commitment = Point.BASE.multiply(r).add(small[torsionR]!);
  const publicKey = publicPoint.toBytes();
  const point = commitment.toBytes();
  const k = toNumber(challenge(concat(point, publicKey, message))) % Point.Fn.ORDER;
  const s = (r + k * a) % Point.Fn.ORDER;
  // [S]B - [k]A - R is a combination of the small points alone.
  const rest = small[torsionA]!.multiplyUnsafe(k).add(small[torsionR]!);
  return { publicKey, message, signature: concat(point, toBytes(s, size)), strict: rest.is0() };
}

/** Little-endian. */
export function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`);
}

/** Little-endian. */
export function toBytes(value: bigint, size: number): Uint8Array {
  return fromHex(value.toString(16).padStart(2 * size, '0')).reverse();
}
