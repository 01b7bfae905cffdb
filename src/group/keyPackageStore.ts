/** The KeyPackages of a client whose private halves are at hand, and the references of those that are used up. */

import { toHex } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import type { Welcome } from '../wire/welcome.ts';
import type { OwnKeyPackage } from './keyPackage.ts';

/** KeyPackages by reference. */
export class KeyPackageStore {
  readonly #kept = new Map<string, OwnKeyPackage>();
  readonly #used = new Set<string>();

  keep(own: OwnKeyPackage): void {
    this.#kept.set(toHex(own.ref), own);
  }

  find(ref: Uint8Array): OwnKeyPackage | undefined {
    return this.#kept.get(toHex(ref));
  }

  /** Wipe the private halves. Unknown references are ignored. */
  forget(ref: Uint8Array): void {
    const own = this.#kept.get(toHex(ref));
    if (own === undefined) return;
    this.#kept.delete(toHex(ref));
    wipe(own.init.secretKey, own.encryption.secretKey);
  }

  /** @throws `state.key-package-used` when a Welcome names one of ours, but only such as are used up */
  requireUsable({ secrets }: Welcome): void {
    const isUsed = secrets.some(({ newMember }) => this.#used.has(toHex(newMember)));
    if (isUsed && !secrets.some(({ newMember }) => this.find(newMember))) fail('state.key-package-used');
  }

  /** A join took it: unless it may serve again, it is gone. @throws `state.key-package-used` the second time */
  use(own: OwnKeyPackage): void {
    if (this.find(own.ref) === undefined) fail('state.key-package-used');
    if (own.reusable) return;
    this.#used.add(toHex(own.ref));
    // The group has its own copy of the leaf key.
    this.forget(own.ref);
  }
}
