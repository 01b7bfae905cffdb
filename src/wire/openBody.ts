/** Bodies of registered types: their extent comes from the application, their bytes are kept as they are. */

import type { Codec } from '../codec/codec.ts';
import type { OpenBody, Reader } from '../codec/reader.ts';

const raw: Codec<{ body: Uint8Array }> = {
  read: (r) => ({ body: r.take(r.remaining) }),
  write: (w, v) => w.raw(v.body),
};

/** The codec of a registered body; when writing no registration is needed, since the bytes are at hand. */
export function openBody(reader: Reader | undefined, body: OpenBody | undefined): Codec<object> | undefined {
  if (reader === undefined) return raw;
  if (body === undefined) return undefined;
  return {
    read: (r) => {
      const start = r.offset;
      body.read(r);
      return { body: r.since(start) };
    },
    write: raw.write,
  };
}
