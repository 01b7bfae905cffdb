/** Ratchets of ours in the store: some generations ahead of those in use. */

import type { SuiteCrypto } from '../crypto/provider.ts';
import { ahead, type Ratchet } from '../schedule/ratchet.ts';
import type { RatchetKind } from '../schedule/secretTree.ts';
import type { Changes } from './changes.ts';
import type { GroupKeys } from './keys.ts';
import { encode, RatchetPart } from './records.ts';
import type { Sender } from './secretRecords.ts';

/** Generations of ours that one write allows for. */
export const RESERVED: { readonly [kind in RatchetKind]: number } = /* @__PURE__ */ Object.freeze({
  application: 16,
  handshake: 4,
});

/** A ratchet of ours as it was written. */
export interface Reserved {
  readonly record: Uint8Array;
  /** Generations below are allowed for. */
  readonly until: number;
}

/** Where ratchets of ours are written to. */
export interface Reserving {
  readonly suite: SuiteCrypto;
  readonly keys: GroupKeys;
  readonly changes: Changes;
  readonly reserved: Map<string, Reserved>;
  /** For how many batches the one that is being made stands. */
  readonly weight: { batches: number };
}

/**
 * Write a ratchet of ours when the generations that were allowed for are used. Whole shares are set aside, so that it is
 * known how much batches that get lost can have allowed for.
 */
export function reserve(to: Reserving, epoch: bigint, sender: Sender, ratchet: Ratchet | undefined): void {
  const { suite, keys, changes, reserved, weight } = to;
  const key = keys.ratchet(epoch, sender.leaf, sender.kind);
  const known = reserved.get(key);
  if (ratchet === undefined) {
    changes.change(key, known?.record, undefined);
    reserved.delete(key);
    return;
  }
  if (known !== undefined && ratchet.next <= known.until) return;
  const [share, from] = [RESERVED[sender.kind], known?.until ?? 0];
  // Nothing is set aside for a ratchet that was only derived along with the other one.
  const shares = Math.ceil((ratchet.next - from) / share);
  const later = shares === 0 ? ratchet : ahead(suite, ratchet, from + shares * share - ratchet.next);
  weight.batches = Math.max(weight.batches, shares);
  const record = encode(RatchetPart, later);
  changes.change(key, known?.record, record.slice());
  reserved.set(key, { record, until: later.next });
}
