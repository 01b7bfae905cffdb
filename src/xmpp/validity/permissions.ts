/** Who may do what: rules V5 to V8 of section 7.2. "Admin" is an entry of the binding before the commit. */

import type { Refusal } from '../../index.ts';
import { findBinding, GroupMode, type XmppBinding } from '../binding.ts';
import { provesRevocation } from '../handshakeNote.ts';
import { type Accounts, type Device, isAdmin, isSameAccount, isSameDevice } from './accounts.ts';
import type { Act, Change } from './change.ts';

/** What a permission depends on. */
export type Ground = Pick<Change, 'suite1' | 'binding' | 'accounts' | 'note'>;

/** The rules of a commit by a member. */
export function permissions(change: Change): Refusal | undefined {
  const { adds, removes, extensions, reinits } = change;
  if (!adds.every((add) => mayAdd(change, add))) return broken('V5');
  if (!removes.every((removal) => mayRemove(change, removal))) return broken('V6');
  const governing = [...(extensions ? [extensions] : []), ...reinits];
  if (!governing.every((act) => mayGovern(change, act))) return broken('V7');
  return extensions !== undefined && leavesNoAdmin(extensions.what) ? broken('V7') : undefined;
}

/** V5: a device of an account in the group by its own account, or by an admin; another account by whom the join rule says. */
export function mayAdd(ground: Ground, { what: device, actors }: Act<Device>): boolean {
  const { binding, accounts } = ground;
  if (!isAdmissible(ground, device)) return false;
  if (actors.some((actor) => isAdmin(ground.suite1, binding, actor))) return true;
  return accounts.byJid.has(device.jid)
    ? actors.some((actor) => actor.jid === device.jid)
    : binding.joinRule === 1 && actors.length > 0;
}

/** V6: a device by its own account, by an admin, by anybody where the rule is so, or with evidence. */
export function mayRemove({ suite1, binding, note }: Ground, { what: device, actors }: Act<Device>): boolean {
  if (actors.length === 0) return false;
  if (binding.removeRule === 1) return true;
  const isAllowed = (actor: Device): boolean =>
    isSameAccount(actor, device) || isAdmin(suite1, binding, actor);
  return actors.some(isAllowed) || provesRevocation(suite1, note, device);
}

/** V7: extensions of the group and its end are for admins. */
export function mayGovern({ suite1, binding }: Ground, { actors }: Act<unknown>): boolean {
  return actors.some((actor) => isAdmin(suite1, binding, actor));
}

/** V7: a room whose last admin goes could never be governed again. An unreadable binding is the concern of V4. */
function leavesNoAdmin(extensions: Parameters<typeof findBinding>[0]): boolean {
  const next = findBinding(extensions);
  const isRoom = next?.mode === GroupMode.muc || next?.mode === GroupMode.mix;
  return isRoom && next.admins.length === 0;
}

/** V8: by a commit of its own comes in a device of an account in the group, or whom the room lets in; it takes out itself alone. */
export function externalJoin(change: Change): Refusal | undefined {
  const { joiner, binding, accounts, removes } = change;
  // A leaf that cannot be read is refused by V1.
  if (joiner === undefined) return undefined;
  const devices = accounts.byJid.get(joiner.jid);
  const isWelcome =
    devices === undefined ? binding.joinRule === 1 : devices.every((device) => isSameAccount(device, joiner));
  const isItself = removes.every(({ what }) => isSameDevice(what, joiner) && isSameAccount(what, joiner));
  return isWelcome && isItself && isAdmissible(change, joiner)
    ? undefined
    : { code: 'policy.external-commit', rule: 'V8' };
}

/** Whether an account can be in a group of this kind at all. */
export function isAdmissible(
  { binding, accounts }: { readonly binding: XmppBinding; readonly accounts: Accounts },
  { jid }: Device,
): boolean {
  if (binding.mode === GroupMode.dm) return binding.pair?.includes(jid) === true;
  return binding.mode !== GroupMode.self || accounts.byJid.has(jid);
}

function broken(rule: string): Refusal {
  return { code: 'policy.commit-rejected', rule };
}
