/** The groups of one client by id, and what they say of other groups. */

import { equal, toHex } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';
import { PskType, PskUsage } from '../wire/registry.ts';
import { type Group, stateOf } from './group.ts';
import { resumptionSecret } from './nextEpoch.ts';
import type { GroupState } from './state.ts';

/** Groups that a client has entered. */
export class KnownGroups {
  readonly #groups = new Map<string, Group>();

  /** A group takes the place of another one of its id. */
  keep(group: Group): Group {
    this.#groups.set(toHex(group.id), group);
    return group;
  }

  /** @throws `validation.group-id` while we are in a group of that id */
  refuse(id: Uint8Array): void {
    if (this.#groups.get(toHex(id))?.isActive === true) fail('validation.group-id');
  }

  /** Wipe the handle of a group whose state another one replaces. */
  close(id: Uint8Array): void {
    this.#groups.get(toHex(id))?.close();
  }

  /** @param also a group of another client */
  stateOf(id: Uint8Array, also?: Group): GroupState | undefined {
    const group = also !== undefined && equal(also.id, id) ? also : this.#groups.get(toHex(id));
    return group?.isOpen === true ? stateOf(group) : undefined;
  }

  /** The closed group whose ReInit announced a group of this id (§11.2). @param also a group of another client */
  announcing(id: Uint8Array, also?: Group): GroupState | undefined {
    const open = [...(also ? [also] : []), ...this.#groups.values()].filter(({ isOpen }) => isOpen);
    return open.map(stateOf).find(({ reinit }) => reinit !== undefined && equal(reinit.groupId, id));
  }

  /** The value of a resumption PSK of an earlier epoch of one of these groups (§8.6). */
  resumptionPsk(id: PreSharedKeyId): Uint8Array | undefined {
    if (id.pskType !== PskType.resumption || id.usage !== PskUsage.application) return undefined;
    const state = this.stateOf(id.pskGroupId);
    return state && resumptionSecret(state, id.pskEpoch);
  }
}
