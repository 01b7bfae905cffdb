/** What a group may be after a commit: rules V2, V3, V4 and V9 of section 7.2, judged on the accounts that it touches. */

import type { Refusal, SuiteCrypto } from '../../index.ts';
import { type Extension, findExtension } from '../../wire/extension.ts';
import { ExtensionType } from '../../wire/registry.ts';
import { findBinding, GroupMode, type XmppBinding } from '../binding.ts';
import { type HandshakeNote, provesRollover } from '../handshakeNote.ts';
import { sameAccountKey } from '../identity/accountKey.ts';
import { type Device, isAdmin, isSameAccount } from './accounts.ts';
import type { Change, Renewal } from './change.ts';

/** V4: the binding is there and stays what it is, and nobody outside may propose. */
export function boundGroup(
  before: XmppBinding,
  extensions: readonly Extension[] | undefined,
): Refusal | undefined {
  if (extensions === undefined) return undefined;
  const after = findBinding(extensions);
  const isKept =
    after !== undefined &&
    after.mode === before.mode &&
    after.sequencer === before.sequencer &&
    after.pair?.join('\0') === before.pair?.join('\0');
  return isKept && !hasExternalSenders(extensions) ? undefined : commitRejected('V4');
}

/** V4: whether somebody outside could propose. */
export function hasExternalSenders(extensions: readonly Extension[]): boolean {
  return findExtension(extensions, ExtensionType.externalSenders) !== undefined;
}

/** V9 for one leaf: its account's key changes by a path alone, and with evidence. */
export function successor(
  suite1: SuiteCrypto,
  { before, after }: Renewal,
  note: HandshakeNote | undefined,
): Refusal | undefined {
  if (isSameAccount(before, after)) return undefined;
  const { jid, accountKey: from } = before;
  const isRollover = after.jid === jid && provesRollover(suite1, note, { jid, from, to: after.accountKey });
  return isRollover ? undefined : notSuccessor;
}

/** V3, V2 and V9 for the accounts that a commit touches. */
export function accountsAfter(change: Change): Refusal | undefined {
  for (const jid of touched(change)) {
    const devices = devicesAfter(change, jid);
    if (new Set(devices.map(({ deviceId }) => deviceId)).size !== devices.length)
      return { code: 'validation.duplicate-client', rule: 'V3' };
    if (!isUniform(devices)) return commitRejected('V2');
    if (!mayChangeKey(change, jid, devices)) return notSuccessor;
  }
  return undefined;
}

/** V2: whether devices of one JID are of one account. */
export function isUniform([first, ...others]: readonly Device[]): boolean {
  return first === undefined || others.every((other) => isSameAccount(first, other));
}

/** In the order of the list, so that all report the same. */
function touched({ updates, removes, adds, path, joiner }: Change): ReadonlySet<string> {
  const renewed = [...updates, ...(path ? [path] : [])].map(({ after }) => after.jid);
  const moved = [...removes, ...adds].map(({ what }) => what.jid);
  return new Set([...renewed, ...moved, ...(joiner ? [joiner.jid] : [])]);
}

function devicesAfter({ accounts, updates, removes, adds, path, joiner }: Change, jid: string): Device[] {
  const renewals = [...updates, ...(path ? [path] : [])];
  const next = new Map(renewals.map(({ before, after }) => [before, after]));
  const gone = new Set(removes.map(({ what }) => what));
  const stay = (accounts.byJid.get(jid) ?? []).filter((device) => !gone.has(device));
  const come = [...adds.map(({ what }) => what), ...(joiner ? [joiner] : [])];
  return [
    ...stay.map((device) => next.get(device) ?? device),
    ...come.filter((device) => device.jid === jid),
  ];
}

/**
 * V9 for an account whose leaves are all replaced: by an admin (in a one-to-one group by the peer), or by the account's own
 * rollover, whose evidence has been seen with its path.
 */
function mayChangeKey(
  { suite1, binding, accounts, committer }: Change,
  jid: string,
  [after]: readonly Device[],
): boolean {
  const [before] = accounts.byJid.get(jid) ?? [];
  if (before === undefined || after === undefined || sameAccountKey(before.accountKey, after.accountKey))
    return true;
  if (committer === undefined) return false;
  if (committer.jid === jid) return true;
  return binding.mode === GroupMode.dm || isAdmin(suite1, binding, committer);
}

const notSuccessor: Refusal = { code: 'policy.successor', rule: 'V9' };

function commitRejected(rule: string): Refusal {
  return { code: 'policy.commit-rejected', rule };
}
