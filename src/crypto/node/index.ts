/** The fast back end of Node: OpenSSL through `node:crypto`, synchronous, with key objects kept between uses. */

import { randomFillSync } from 'node:crypto';
import type { Parts, ProviderOptions } from '../parts.ts';
import { assembleProvider } from '../parts.ts';
import type { Provider } from '../provider.ts';
import { aeads } from './aead.ts';
import { hashes, sha256Part } from './hash.ts';
import { kems } from './kem.ts';
import { signatures } from './signature.ts';

/** All algorithms of this back end that the running OpenSSL offers. */
export function nodeParts(): Parts {
  return { hashes: hashes(), aeads: aeads(), kems: kems(), signatures: signatures() };
}

/** A provider of its own, with other randomness, suites or algorithms. */
export function createNodeProvider(options: ProviderOptions = {}): Provider {
  const random = (length: number) => randomFillSync(new Uint8Array(length));
  return assembleProvider('node', nodeParts(), random, sha256Part.hash, options);
}

/** The provider with the seven suites of RFC 9420. */
export const nodeProvider: Provider = /* @__PURE__ */ createNodeProvider();

/** As {@link nodeProvider}, under the name that `#provider` resolves to. */
export const provider: Provider = nodeProvider;
