/** What conversations want of their groups, as goals for the committer. */

import { fail, MlsError } from '../../base/error.ts';
import { add, type Extension, type Group, type Member, remove } from '../../index.ts';
import { HandshakeReason, handshakeNote } from '../handshakeNote.ts';
import { readIdentity } from '../identity/deviceCert.ts';
import type { SignedDeviceList } from '../identity/deviceList.ts';
import type { Goal } from '../ordered/committer.ts';
import type { DeviceName } from './events.ts';

/** One KeyPackage to add. */
export interface Candidate extends DeviceName {
  /** MLSMessage. */
  readonly message: Uint8Array;
}

/** Where KeyPackages come from. */
export interface Packages {
  /**
   * One KeyPackage for each device of these accounts that is not among `except`.
   * @param except `jid/device`
   */
  fetch(
    accounts: readonly string[],
    group: Group,
    except: ReadonlySet<string>,
  ): Promise<{
    readonly chosen: readonly Candidate[];
    readonly left: readonly { readonly jid: string; readonly error: MlsError }[];
  }>;
}

/** Leaves that one commit may add: design, 0.1. */
const MOST_ADDS = 40;

/** Who a member is. */
export function nameOf({ credential }: Pick<Member, 'credential'>): DeviceName | undefined {
  const identity = readIdentity(credential);
  return typeof identity === 'string' ? undefined : { jid: identity.jid, device: identity.deviceId };
}

/** Members of an account. */
export function membersOf(group: Group, jid: string): readonly Member[] {
  return group.members.filter((member) => nameOf(member)?.jid === jid);
}

/** All devices of these accounts are in. @throws `xmpp.no-key-package` for an account with none at all */
export function accountsIn(accounts: readonly string[], packages: Packages, reason: number): Goal {
  const unable = new Set<string>();
  return {
    name: 'add',
    plan: async (group) => {
      const present = new Set(group.members.flatMap((member) => keyOf(nameOf(member)) ?? []));
      const { chosen, left } = await packages.fetch(accounts, group, new Set([...present, ...unable]));
      for (const { jid, error } of left) if (membersOf(group, jid).length === 0) throw error;
      const added = chosen.slice(0, MOST_ADDS);
      if (added.length === 0) return undefined;
      // What the group refuses is not tried for ever.
      for (const one of added) unable.add(keyOf(one) ?? '');
      return {
        inputs: added.map(({ message }) => add(message)),
        invited: added.map(({ jid }) => ({ to: jid })),
        note: handshakeNote(reason),
      };
    },
  };
}

/** No device of these accounts is in. */
export function accountsOut(accounts: readonly string[], reason: number): Goal {
  return {
    name: 'remove',
    plan: async (group) => {
      const leaves = accounts
        .flatMap((jid) => membersOf(group, jid))
        .filter(({ leaf }) => leaf !== group.self);
      if (leaves.length === 0) return undefined;
      return { inputs: leaves.map(({ leaf }) => remove(leaf)), note: handshakeNote(reason) };
    },
  };
}

/** One device is out. @param evidence the signed device list that revokes it */
export function deviceOut(device: DeviceName, reason: number, evidence?: SignedDeviceList): Goal {
  return {
    name: 'remove-device',
    plan: async (group) => {
      const found = group.members.find((member) => keyOf(nameOf(member)) === keyOf(device));
      if (found === undefined || found.leaf === group.self) return undefined;
      return { inputs: [remove(found.leaf)], note: handshakeNote(reason, evidence) };
    },
  };
}

/** Everything that was proposed is committed. */
export const proposalsCommitted: Goal = {
  name: 'proposals',
  plan: async (group) =>
    group.proposals.length === 0 ? undefined : { inputs: [], note: handshakeNote(HandshakeReason.none) },
};

/** Our leaf has fresh keys, and what a leaf of ours is to say now. */
export function fresh(group: Group, extensions: () => readonly Extension[]): Goal {
  const since = group.epoch;
  return {
    name: 'refresh',
    plan: async (now) => {
      const renewed = now.renewals.find(({ member }) => member.leaf === now.self)?.epoch ?? 0n;
      if (renewed > since) return undefined;
      return {
        inputs: [],
        note: handshakeNote(HandshakeReason.rekey),
        leaf: { extensions: extensions() },
      };
    },
  };
}

/** A failure as one of ours. */
export function asMlsError(error: unknown): MlsError {
  if (error instanceof MlsError) return error;
  try {
    return fail('internal.bug', {}, error);
  } catch (bug) {
    return bug as MlsError;
  }
}

/** `jid/device`. */
export function keyOf(name: DeviceName | undefined): string | undefined {
  return name && `${name.jid}/${name.device}`;
}
