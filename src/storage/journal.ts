/** The journal record of a batch: all of it, or recognisably none of it. */

import { concat, equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import {
  type Codec,
  decodeOwned,
  encode,
  opaque,
  select,
  struct,
  text,
  uint8,
  uint16,
  uint64,
  vector,
} from '../codec/codec.ts';
import type { StoreOp } from './backend.ts';

/** A batch and its place among all batches, counted from 1. */
export interface JournalEntry {
  readonly sequence: bigint;
  readonly ops: readonly StoreOp[];
}

/** SHA-256. */
export type Digest = (data: Uint8Array) => Uint8Array;

const VERSION = 1;
const HASH_LENGTH = 32;
/** What was written by us has no other bound than what fits into a length. */
const LIMITS = /* @__PURE__ */ Object.freeze({ bytes: 2 ** 30 - 1, elements: 2 ** 24 });

/** `hash ‖ version ‖ sequence ‖ operations` */
export function writeEntry(entry: JournalEntry, digest: Digest): Uint8Array {
  const ops = entry.ops.map((op) => ({ ...op, tag: op.type === 'put' ? PUT : DEL }));
  const body = encode(Body, { version: VERSION, sequence: entry.sequence, ops });
  return concat(digest(body), body);
}

/**
 * The entry of a record that was written to its end; `undefined` for none, and for one that was not.
 * @throws `storage.version` for a whole one of another version
 */
export function readEntry(record: Uint8Array | undefined, digest: Digest): JournalEntry | undefined {
  if (record === undefined || record.length <= HASH_LENGTH) return undefined;
  const body = record.subarray(HASH_LENGTH);
  if (!equal(record.subarray(0, HASH_LENGTH), digest(body))) return undefined;
  const version = ((body[0] ?? 0) << 8) | (body[1] ?? 0);
  if (version !== VERSION) fail('storage.version', { version });
  const { sequence, ops } = decodeOwned(Body, body, { limits: LIMITS });
  return { sequence, ops: ops.map(operationOf) };
}

const PUT = 1;
const DEL = 2;

interface Operation {
  readonly tag: number;
  readonly key: string;
  readonly value?: Uint8Array;
}

function operationOf({ tag, key, value }: Operation): StoreOp {
  return tag === PUT && value !== undefined ? { type: 'put', key, value } : { type: 'del', key };
}

const put = /* @__PURE__ */ struct({ key: text, value: opaque });
const del = /* @__PURE__ */ struct({ key: text });

interface Body {
  readonly version: number;
  readonly sequence: bigint;
  readonly ops: readonly Operation[];
}

const Body: Codec<Body> = /* @__PURE__ */ struct<Body>({
  version: uint16,
  sequence: uint64,
  ops: /* @__PURE__ */ vector(
    /* @__PURE__ */ select<Operation>('tag', uint8, (tag) =>
      tag === PUT ? put : tag === DEL ? del : undefined,
    ),
  ),
});
