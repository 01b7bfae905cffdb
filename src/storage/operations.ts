/** What all backends do alike with their arguments: names checked, bytes copied, conditions compared. */

import { equal, ownedCopy } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { Guard, StoreOp } from './backend.ts';

/** A name. @throws `codec.input` for anything but printable ASCII, the empty text included */
export function checkedKey(key: string): string {
  if (typeof key !== 'string' || !/^[ -~]+$/.test(key)) fail('codec.input', { expected: 'printable ASCII' });
  return key;
}

/** The start of a name, which may be empty: then every name has it. @throws `codec.input` */
export function checkedPrefix(prefix: string): string {
  return prefix === '' ? prefix : checkedKey(prefix);
}

/** The least text after every name that starts with `prefix`: DEL follows all that may stand in a name. */
export function afterPrefix(prefix: string): string {
  return `${prefix}\x7f`;
}

/** A copy that later changes of the caller's bytes cannot reach. @throws `codec.input` */
export function ownedOps(ops: readonly StoreOp[]): readonly StoreOp[] {
  return ops.map((op) => {
    const key = checkedKey(op.key);
    if (op.type === 'del') return { type: 'del', key };
    if (op.type !== 'put') fail('codec.input', { expected: 'put or del' });
    return { type: 'put', key, value: ownedCopy(op.value) };
  });
}

/** As {@link ownedOps}. @throws `codec.input` */
export function ownedGuard(guard: Guard | undefined): Guard | undefined {
  if (guard === undefined) return undefined;
  const { value } = guard;
  return { key: checkedKey(guard.key), value: value === undefined ? undefined : ownedCopy(value) };
}

/** Refuse a batch whose condition does not hold. @throws `storage.conflict` */
export function checkGuard(found: Uint8Array | undefined, guard: Guard): void {
  if (!holds(found, guard)) fail('storage.conflict');
}

/** Whether a record is what the writer believes it to be. */
export function holds(found: Uint8Array | undefined, guard: Guard): boolean {
  if (found === undefined || guard.value === undefined) return found === guard.value;
  return equal(found, guard.value);
}
