/** Mutations of encoded structures: blind ones, and ones that know where the fields and the lengths are. */

import { concat } from '../../src/base/bytes.ts';
import type { Codec } from '../../src/codec/codec.ts';
import { type DecodeOptions, Reader } from '../../src/codec/reader.ts';
import type { Random } from './random.ts';

/** A vector in an encoding: `header` bytes of length at `at`, then `length` bytes. */
export interface Extent {
  readonly at: number;
  readonly header: number;
  readonly length: number;
}
/** An integer field. */
export interface Field {
  readonly at: number;
  readonly size: number;
}
/** An encoding with its anatomy. */
export interface Sample {
  readonly bytes: Uint8Array;
  /** Outer vectors before the vectors in them. */
  readonly extents: readonly Extent[];
  readonly fields: readonly Field[];
}

class Tracer extends Reader {
  readonly extents: Extent[] = [];
  readonly fields: Field[] = [];

  override length(): number {
    const at = this.offset;
    const fields = this.fields.length;
    const length = super.length();
    this.fields.length = fields;
    this.extents.push({ at, header: this.offset - at, length });
    return length;
  }

  override uint8(): number {
    this.fields.push({ at: this.offset, size: 1 });
    return super.uint8();
  }

  override uint16(): number {
    this.fields.push({ at: this.offset, size: 2 });
    return super.uint16();
  }

  override uint32(): number {
    this.fields.push({ at: this.offset, size: 4 });
    return super.uint32();
  }
}

/** Find the fields of an encoding by decoding it; of what does not decode, the part before the fault. */
export function dissect(
  codec: Codec<unknown> | undefined,
  bytes: Uint8Array,
  options: DecodeOptions,
): Sample {
  const tracer = new Tracer(bytes, options);
  try {
    codec?.read(tracer);
  } catch {
    // Whatever was seen so far is of use.
  }
  return { bytes, extents: tracer.extents, fields: tracer.fields };
}

/** A vector length in the form of 1, 2 or 4 bytes, be it the shortest or not. */
export function lengthBytes(length: number, size: 1 | 2 | 4): Uint8Array {
  if (size === 1) return Uint8Array.of(length & 0x3f);
  if (size === 2) return Uint8Array.of(0x40 | ((length >> 8) & 0x3f), length);
  return Uint8Array.of(0x80 | ((length >>> 24) & 0x3f), length >>> 16, length >>> 8, length);
}

/** The shortest form. */
export function shortest(length: number): Uint8Array {
  return lengthBytes(length, length < 0x40 ? 1 : length < 0x4000 ? 2 : 4);
}

/** Replace `count` bytes at `at`, as they are. */
export function replaceBytes(bytes: Uint8Array, at: number, count: number, by: Uint8Array): Uint8Array {
  return concat(bytes.subarray(0, at), by, bytes.subarray(at + count));
}

/** Replace bytes and put right the lengths of all the vectors around them: the fault lies deeper than the framing. */
export function replaceWithin(sample: Sample, at: number, count: number, by: Uint8Array): Uint8Array {
  let bytes = replaceBytes(sample.bytes, at, count, by);
  let grown = by.length - count;
  for (let i = sample.extents.length - 1; i >= 0; i--) {
    const { at: start, header, length } = sample.extents[i] as Extent;
    const body = start + header;
    if (at < body || at + count > body + length) continue;
    const fixed = shortest(length + grown);
    bytes = replaceBytes(bytes, start, header, fixed);
    grown += fixed.length - header;
  }
  return bytes;
}

type Mutation = (sample: Sample, random: Random, donor: Sample) => Uint8Array;

const TELLING = [0, 1, 2, 3, 4, 5, 6, 7, 0x0a, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xf0, 0xff];

function position(sample: Sample, random: Random): number {
  return random.below(sample.bytes.length + 1);
}

const flipBit: Mutation = ({ bytes }, random) => {
  const out = bytes.slice();
  const at = random.below(out.length);
  out[at] = (out[at] ?? 0) ^ (1 << random.below(8));
  return out;
};
const setByte: Mutation = ({ bytes }, random) => {
  const out = bytes.slice();
  out[random.below(out.length)] = random.pick(TELLING);
  return out;
};
const insertBytes: Mutation = (sample, random) =>
  replaceBytes(sample.bytes, position(sample, random), 0, random.bytes(1 + random.below(4)));
const deleteBytes: Mutation = (sample, random) =>
  replaceBytes(sample.bytes, position(sample, random), 1 + random.below(4), new Uint8Array(0));
const truncate: Mutation = (sample, random) => sample.bytes.slice(0, position(sample, random));
const append: Mutation = ({ bytes }, random) => concat(bytes, random.bytes(1 + random.below(64)));
const splice: Mutation = (sample, random, donor) =>
  concat(sample.bytes.subarray(0, position(sample, random)), donor.bytes.subarray(position(donor, random)));
const repeat: Mutation = (sample, random) => {
  const from = position(sample, random);
  const piece = sample.bytes.subarray(from, from + 1 + random.below(16));
  return replaceBytes(sample.bytes, position(sample, random), 0, piece);
};

/** Another length in place of a vector's: off by one, in a longer form, with a forbidden prefix, or any. */
const patchLength: Mutation = (sample, random, donor) => {
  if (sample.extents.length === 0) return setByte(sample, random, donor);
  const { at, header, length } = random.pick(sample.extents);
  const headers = [
    () => shortest(length + 1),
    () => shortest(Math.max(0, length - 1)),
    () => lengthBytes(length, 2),
    () => lengthBytes(length, 4),
    () => Uint8Array.of(0xc0 | random.below(64)),
    () => Uint8Array.of(0xbf, 0xff, 0xff, 0xff),
    () => shortest(random.below(sample.bytes.length + 1)),
  ];
  return replaceBytes(sample.bytes, at, header, random.pick(headers)());
};
/** The same with all the lengths around it put right. */
const patchLengthWithin: Mutation = (sample, random, donor) => {
  if (sample.extents.length === 0) return setByte(sample, random, donor);
  const { at, header, length } = random.pick(sample.extents);
  const by = random.below(2) === 0 ? lengthBytes(length, random.below(2) === 0 ? 2 : 4) : random.bytes(1);
  return replaceWithin(sample, at, header, by);
};
const patchField: Mutation = (sample, random, donor) => {
  if (sample.fields.length === 0) return setByte(sample, random, donor);
  const { at, size } = random.pick(sample.fields);
  const by = random.below(3) === 0 ? random.bytes(size) : new Uint8Array(size);
  by[size - 1] = random.below(4) === 0 ? random.next() : random.pick(TELLING);
  return replaceBytes(sample.bytes, at, size, by);
};
/** Change what is in a vector, and have all lengths tell the truth about it. */
const editWithin: Mutation = (sample, random, donor) => {
  if (sample.extents.length === 0) return insertBytes(sample, random, donor);
  const { at, header, length } = random.pick(sample.extents);
  const start = at + header + random.below(length + 1);
  const count = Math.min(random.below(4), at + header + length - start);
  return replaceWithin(sample, start, count, random.bytes(random.below(4)));
};
/** Put another vector, of this sample or of the donor, in the place of one, or before it. */
const graft: Mutation = (sample, random, donor) => {
  if (sample.extents.length === 0 || donor.extents.length === 0) return splice(sample, random, donor);
  const target = random.pick(sample.extents);
  const origin = random.below(2) === 0 ? donor : sample;
  const source = random.pick(origin.extents);
  const by = origin.bytes.subarray(source.at, source.at + source.header + source.length);
  const count = random.below(3) === 0 ? 0 : target.header + target.length;
  return replaceWithin(sample, target.at, count, by);
};
/** Double a vector's content: twice the elements, the same extension twice. */
const double: Mutation = (sample, random, donor) => {
  if (sample.extents.length === 0) return repeat(sample, random, donor);
  const { at, header, length } = random.pick(sample.extents);
  const body = sample.bytes.subarray(at + header, at + header + length);
  return replaceWithin(sample, at + header, 0, body);
};

/** Every mutation, by name. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flipBit,
  setByte,
  insertBytes,
  deleteBytes,
  truncate,
  append,
  splice,
  repeat,
  patchLength,
  patchLengthWithin,
  patchField,
  editWithin,
  graft,
  double,
};
const ALL = Object.values(MUTATIONS);
/** Longest mutated input: what grows beyond is cut. */
const LONGEST = 1 << 16;

/** One to three mutations of a sample. */
export function mutate(sample: Sample, donor: Sample, random: Random): Uint8Array {
  let bytes = random.pick(ALL)(sample, random, donor);
  for (let more = random.below(4); more > 1; more--) {
    bytes = random.pick(ALL)({ bytes, extents: [], fields: [] }, random, donor);
  }
  return bytes.length > LONGEST ? bytes.slice(0, LONGEST) : bytes;
}
