/** Structures that end in their signature: what is signed is the encoding up to it. */

import type { CachedCodec } from '../codec/cached.ts';
import { type Codec, encode } from '../codec/codec.ts';
import { varintSize } from '../codec/varint.ts';

/** The bytes before the signature: a view of the encoding, nothing is encoded twice. */
export function signedPart<T extends { readonly signature: Uint8Array }>(
  codec: CachedCodec<T>,
  value: T,
): Uint8Array {
  const { length } = value.signature;
  return codec.bytes(value).subarray(0, -(varintSize(length) + length));
}

/** Sign content and put the signature behind it. `sign` receives the encoded content. */
export function withSignature<C extends object>(
  codec: Codec<C>,
  content: C,
  sign: (signed: Uint8Array) => Uint8Array,
): C & { readonly signature: Uint8Array } {
  return { ...content, signature: sign(encode(codec, content)) };
}
