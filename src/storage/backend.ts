/** What a store asks of whatever keeps its bytes. */

/** Write or remove one record. */
export type StoreOp =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** A condition on a batch: the record as the writer believes it to be; `undefined` when there is none. */
export interface Guard {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/**
 * Ordered records: keys of printable ASCII, values of any bytes, and batches that are atomic and durable. Three
 * functions make a backend; `xmpp-mls/store/conformance` tests one. Failures are `MlsError`s with a `storage.*` code;
 * anything else that is thrown is taken for `storage.durability`.
 */
export interface KeyValueStore {
  /** The value of a record, the caller's to keep; `undefined` when there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Every record whose key starts with `prefix`, in the order of keys, as of one moment. */
  scan(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /**
   * All or nothing, in order, and durable when it resolves. It does not keep `ops`.
   * @throws `storage.conflict` when the guard does not hold, `storage.quota`, `storage.durability`; then nothing is written
   */
  batch(ops: readonly StoreOp[], guard?: Guard): Promise<void>;
  /**
   * Become the only writer, where the platform can tell; the result gives the place up. Without it, guards alone keep
   * two writers apart. @throws `storage.lock` when another one holds it and `wait` is not set
   */
  lock?(options: { readonly wait: boolean }): Promise<() => Promise<void>>;
  /**
   * Make an end of what was overwritten and deleted, which journals and files may still hold; worth its time after a
   * group was left or a key replaced, not after each message.
   */
  compact?(): Promise<void>;
  /** Let go of files and connections. */
  close?(): Promise<void>;
}
