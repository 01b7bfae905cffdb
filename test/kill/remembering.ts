/** Signatures that were made or checked before are looked up: the same story is played thousands of times. */

import { createHash } from 'node:crypto';
import type { Provider, SuiteCrypto } from '../../src/crypto/provider.ts';

const VERIFIED = new Map<string, boolean>();
const SIGNED = new Map<string, Uint8Array>();

/** Only for suites whose signatures are deterministic, as that of suite 1 (Ed25519) is. */
export function remembering(provider: Provider): Provider {
  const suites = new Map<number, SuiteCrypto>();
  const wrap = (inner: SuiteCrypto): SuiteCrypto => ({
    ...inner,
    verify: (...args) => lookUp(VERIFIED, args, () => inner.verify(...args)),
    sign: (...args) => lookUp(SIGNED, args, () => inner.sign(...args)).slice(),
  });
  return {
    ...provider,
    random: (length) => provider.random(length),
    suite: (id) => {
      const known = suites.get(id) ?? wrap(provider.suite(id));
      suites.set(id, known);
      return known;
    },
  };
}

function lookUp<T>(known: Map<string, T>, args: readonly Uint8Array[], compute: () => T): T {
  const hash = createHash('sha256');
  for (const arg of args) hash.update(`${arg.length} `).update(arg);
  const name = hash.digest('base64');
  const found = known.get(name) ?? compute();
  known.set(name, found);
  return found;
}
