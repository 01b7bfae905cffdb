/** A provider that remembers every secret it has handed out, so that a test can look for those that were left behind. */

import { isZero, toHex } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { watched } from './counting.ts';
import { bytesIn } from './graph.ts';

/** Everything secret that a provider has handed out. */
export class Recorder {
  readonly provider = watched(nodeProvider, {
    after: (name, _, result) => {
      if (name === 'hkdfExpand' || name === 'hkdfExtract' || name === 'decap') this.keep(name, result);
      if (name === 'deriveKeyPair') this.keep(name, (result as { readonly secretKey: unknown }).secretKey);
      if (name === 'encap') this.keep(name, (result as { readonly secret: unknown }).secret);
    },
  });
  #made: { readonly name: string; readonly bytes: Uint8Array; readonly trace: string }[] = [];

  keep(name: string, bytes: unknown): void {
    const trace = new Error('made here').stack?.split('\n').slice(4).join('\n') ?? '';
    this.#made.push({ name, bytes: bytes as Uint8Array, trace });
  }
  reset(): void {
    this.#made = [];
  }
  secrets(): Uint8Array[] {
    return this.#made.map(({ bytes }) => bytes);
  }
  /**
   * What was made, is not zero, and cannot be reached from these roots. Opening a commit derives message keys that are
   * not put in place before the commit is accepted, and then derived again: the first set is left to the collector.
   */
  strays(...roots: readonly unknown[]): string[] {
    const alive = new Set(roots.flatMap((root) => bytesIn(root)).map(({ bytes }) => bytes));
    return this.#made
      .filter(({ bytes, trace }) => !isZero(bytes) && !alive.has(bytes) && !/openPrivate/.test(trace))
      .map(({ name, trace }) => `${name}\n${trace}`);
  }
  /** What was made, is not zero, and is not in this record. */
  strayFrom(record: Uint8Array): string[] {
    const text = toHex(record);
    return this.#made
      .filter(
        ({ bytes, trace }) => !isZero(bytes) && !text.includes(toHex(bytes)) && !/openPrivate/.test(trace),
      )
      .map(({ name, trace }) => `${name}\n${trace}`);
  }
}
