/** A provider that counts its calls by name, and one that sees every call before and after: for cost and lifetime laws. */

import type { Provider, SuiteCrypto } from '../../src/crypto/provider.ts';

/** Calls so far, by the name of the primitive; `random` is one of them. */
export class Counts {
  readonly #calls = new Map<string, number>();

  /** Calls of some primitives together; of all of them without names. */
  of(...names: readonly string[]): number {
    let sum = 0;
    for (const [name, calls] of this.#calls) if (names.length === 0 || names.includes(name)) sum += calls;
    return sum;
  }
  add(name: string): void {
    this.#calls.set(name, this.of(name) + 1);
  }
  reset(): void {
    this.#calls.clear();
  }
  /** For a report: `hash 12, verify 2`. */
  toString(): string {
    return [...this.#calls].map(([name, calls]) => `${name} ${calls}`).join(', ');
  }
}

/** What stands between a provider and its user. */
export interface Watcher {
  /** Called first; a throw takes the place of the call. */
  readonly before?: (name: string) => void;
  /** Sees arguments and result. */
  readonly after?: (name: string, args: readonly unknown[], result: unknown) => void;
}

/** The same provider with a watcher at every primitive and at `random`. */
export function watched(provider: Provider, watcher: Watcher): Provider {
  const suites = new Map<number, SuiteCrypto>();
  const wrap = <A extends readonly unknown[], R>(name: string, call: (...args: A) => R) => {
    return (...args: A): R => {
      watcher.before?.(name);
      const result = call(...args);
      watcher.after?.(name, args, result);
      return result;
    };
  };
  const wrapSuite = (inner: SuiteCrypto): SuiteCrypto => ({
    id: inner.id,
    name: inner.name,
    sizes: inner.sizes,
    hpke: inner.hpke,
    hash: wrap('hash', inner.hash),
    hmac: wrap('hmac', inner.hmac),
    hkdfExtract: wrap('hkdfExtract', inner.hkdfExtract),
    hkdfExpand: wrap('hkdfExpand', inner.hkdfExpand),
    seal: wrap('seal', inner.seal),
    open: wrap('open', inner.open),
    deriveKeyPair: wrap('deriveKeyPair', inner.deriveKeyPair),
    kemKeyPair: wrap('kemKeyPair', inner.kemKeyPair),
    isKemPublicKey: wrap('isKemPublicKey', inner.isKemPublicKey),
    encap: wrap('encap', inner.encap),
    decap: wrap('decap', inner.decap),
    signatureKeyPair: wrap('signatureKeyPair', inner.signatureKeyPair),
    isSignaturePublicKey: wrap('isSignaturePublicKey', inner.isSignaturePublicKey),
    sign: wrap('sign', inner.sign),
    verify: wrap('verify', inner.verify),
  });
  return {
    name: provider.name,
    suites: provider.suites,
    random: wrap('random', (length: number) => provider.random(length)),
    suite: (id) => {
      const known = suites.get(id) ?? wrapSuite(provider.suite(id));
      suites.set(id, known);
      return known;
    },
  };
}

/** A provider with its counts. */
export function counting(provider: Provider): { readonly provider: Provider; readonly counts: Counts } {
  const counts = new Counts();
  return { provider: watched(provider, { before: (name) => counts.add(name) }), counts };
}
