/** The back end that runs everywhere: pure JavaScript, with `crypto.getRandomValues` as its only demand. */

import type { Parts, ProviderOptions } from '../parts.ts';
import { assembleProvider } from '../parts.ts';
import type { Provider } from '../provider.ts';
import { aeads } from './aead.ts';
import { hashes, sha256Part } from './hash.ts';
import { kems } from './kem.ts';
import { signatures } from './signature.ts';

/** All algorithms of this back end, to lend single ones to another. */
export function nobleParts(): Parts {
  return { hashes: hashes(), aeads: aeads(), kems: kems(), signatures: signatures() };
}

/** A provider of its own, with other randomness, suites or algorithms. */
export function createNobleProvider(options: ProviderOptions = {}): Provider {
  return assembleProvider('noble', nobleParts(), webRandom, sha256Part.hash, options);
}

/** The provider with the seven suites of RFC 9420. */
export const nobleProvider: Provider = /* @__PURE__ */ createNobleProvider();

/** As {@link nobleProvider}, under the name that `#provider` resolves to. */
export const provider: Provider = nobleProvider;

/** Throws where the platform has no `crypto`, which the guard turns into `crypto.entropy`. */
function webRandom(length: number): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(length));
}
