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
/** Commits that may try to add one device: some lose their race, some do not fit into a stanza. */
const MOST_TRIES = 12;

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
  const tries = new Map<string, number>();
  /** Accounts with nobody left to add. */
  const done = new Set<string>();
  return {
    name: 'add',
    plan: async (group, most) => {
      const present = group.members.flatMap((member) => keyOf(nameOf(member)) ?? []);
      const except = new Set([...present, ...hopelessOf(tries)]);
      const room = Math.min(most, MOST_ADDS);
      const left = [...new Set(accounts)].filter((jid) => !done.has(jid));
      const found: Candidate[] = [];
      while (found.length < room && left.length > 0) {
        const asked = left.splice(0, room);
        const chosen = await chosenOf(packages, asked, group, except);
        for (const jid of asked) if (!chosen.some((one) => one.jid === jid)) done.add(jid);
        found.push(...chosen);
      }
      const added = found.slice(0, room);
      if (added.length === 0) return undefined;
      for (const one of added) count(tries, keyOf(one) ?? '');
      return {
        inputs: added.map(({ message }) => add(message)),
        invited: added.map(({ jid }) => ({ to: jid })),
        note: handshakeNote(reason),
      };
    },
  };
}

/** What the group refuses is not tried for ever; what lost a race is tried again. */
function hopelessOf(tries: ReadonlyMap<string, number>): readonly string[] {
  return [...tries].filter(([, tried]) => tried >= MOST_TRIES).map(([key]) => key);
}

function count(tries: Map<string, number>, key: string): void {
  tries.set(key, (tries.get(key) ?? 0) + 1);
}

async function chosenOf(
  packages: Packages,
  accounts: readonly string[],
  group: Group,
  except: ReadonlySet<string>,
): Promise<readonly Candidate[]> {
  const { chosen, left } = await packages.fetch(accounts, group, except);
  for (const { jid, error } of left) if (membersOf(group, jid).length === 0) throw error;
  return chosen;
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
