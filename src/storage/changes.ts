/**
 * The records that a move changes, and what tells whether all of them are there: a digest over the records of a group,
 * kept in its head. It is a sum (exclusive or) of one hash for each record, so that it follows a change without looking at
 * the rest. Without a sealing key it tells damage, not malice.
 */

import { equal, utf8 } from '../base/bytes.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import type { StoreOp } from './backend.ts';

/** Length of a digest. */
export const DIGEST_LENGTH = 16;

/** A digest over no records. */
export const NO_RECORDS: Uint8Array = /* @__PURE__ */ new Uint8Array(DIGEST_LENGTH);

/** What a record is; `undefined` when there is none. */
export type Value = Uint8Array | undefined;

/** Collects the changes of one group. Values to write are wiped when they are written. */
export class Changes {
  readonly ops: StoreOp[] = [];
  readonly #suite: SuiteCrypto;
  readonly #digest: Uint8Array;

  /** @param digest over the records before */
  constructor(suite: SuiteCrypto, digest: Uint8Array) {
    this.#suite = suite;
    this.#digest = digest.slice();
  }

  /** Over the records after all changes so far. */
  get digest(): Uint8Array {
    return this.#digest.slice();
  }

  /** A record that becomes another one; the digest covers it. */
  change(key: string, before: Value, after: Value): void {
    if (before !== undefined && after !== undefined && equal(before, after)) return;
    if (before !== undefined) addToDigest(this.#suite, this.#digest, key, before);
    if (after !== undefined) addToDigest(this.#suite, this.#digest, key, after);
    this.write(key, before, after);
  }

  /** A part of such a record that the other check leaves out. */
  cover(key: string, before: Value, after: Value): void {
    if (before !== undefined) addToDigest(this.#suite, this.#digest, key, before);
    if (after !== undefined) addToDigest(this.#suite, this.#digest, key, after);
  }

  /** A record that the digest does not cover: another check does. */
  write(key: string, before: Value, after: Value): void {
    if (after !== undefined) this.ops.push({ type: 'put', key, value: after });
    else if (before !== undefined) this.ops.push({ type: 'del', key });
  }
}

/** Put a record into a digest, or take it out again. */
export function addToDigest(suite: SuiteCrypto, digest: Uint8Array, key: string, value: Uint8Array): void {
  const name = utf8(key);
  const input = new Uint8Array(1 + name.length + value.length);
  input[0] = name.length;
  input.set(name, 1);
  input.set(value, 1 + name.length);
  const hash = suite.hash(input);
  input.fill(0);
  for (let i = 0; i < DIGEST_LENGTH; i++) digest[i] = (digest[i] as number) ^ (hash[i] as number);
}
