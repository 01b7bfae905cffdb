/** What is around every record of ours: version, suite, and a checksum. */

import { equal, ownedCopy } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { type Codec, decodeOwned, encode, opaque, struct, uint16 } from '../codec/codec.ts';
import type { DecodeOptions } from '../codec/reader.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import type { Environment } from './environment.ts';

/** Put a value into a record. */
export function writeRecord<T>(suite: SuiteCrypto, version: number, codec: Codec<T>, value: T): Uint8Array {
  const body = encode(codec, value);
  const record = encode(Framed, { version, suite: suite.id, body, checksum: suite.hash(body) });
  wipe(body);
  return record;
}

/** The value of a record of one version and suite. @throws `storage.corrupt`, `storage.version`, `codec.input` for no bytes */
export function readRecord<T>(
  { suite, decoding }: Environment,
  record: Uint8Array,
  version: number,
  codec: Codec<T>,
): T {
  const framed = openRecord(record, version);
  if (framed.suite !== suite.id) fail('storage.corrupt', { suite: framed.suite });
  if (!equal(framed.checksum, suite.hash(framed.body))) fail('storage.corrupt', { length: record.length });
  return readable(codec, framed.body, decoding);
}

/** The suite of a record of one version. @throws `storage.corrupt`, `storage.version`, `codec.input` for no bytes */
export function suiteOfRecord(record: Uint8Array, version: number): number {
  return openRecord(record, version).suite;
}

function openRecord(record: Uint8Array, expected: number): Framed {
  const bytes = ownedCopy(record);
  const [high = 0, low = 0] = bytes;
  const version = high * 256 + low;
  // Known before the rest is looked at, which may have another form then.
  if (bytes.length >= 2 && version !== expected) fail('storage.version', { version });
  return readable(Framed, bytes, {});
}

/** Whatever a record makes fail, a stack that is too deep included, is the record's fault. @throws `storage.corrupt` */
function readable<T>(codec: Codec<T>, bytes: Uint8Array, options: DecodeOptions): T {
  try {
    return decodeOwned(codec, bytes, { ...options, limits: LIMITS });
  } catch (error) {
    return fail('storage.corrupt', {}, error);
  }
}

/** Our own record: whatever it holds has passed the limits for received bytes. */
const LIMITS = /* @__PURE__ */ Object.freeze({ bytes: 2 ** 30 - 1, elements: 2 ** 24 });

interface Framed {
  readonly version: number;
  readonly suite: number;
  readonly body: Uint8Array;
  /** Tells damage, which in a secret would otherwise go unnoticed; it is no protection from whoever writes. */
  readonly checksum: Uint8Array;
}

const Framed: Codec<Framed> = /* @__PURE__ */ struct<Framed>({
  version: uint16,
  suite: uint16,
  body: opaque,
  checksum: opaque,
});
