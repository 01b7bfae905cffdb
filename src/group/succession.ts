/** Groups that replace another (ReInit, RFC 9420 §11.2) or branch off it (§11.3): what founder and joiners check. */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { Tree } from '../tree/tree.ts';
import type { Extension } from '../wire/extension.ts';
import type { GroupContext } from '../wire/groupContext.ts';
import type { PreSharedKeyId, ResumptionPskId } from '../wire/psk.ts';
import { PskType, PskUsage } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import { resumptionSecret } from './nextEpoch.ts';
import type { GroupState } from './state.ts';
import { membersIn } from './views.ts';

/** The PSK that ties a group to the one it comes from. @throws `validation.psk` for more than one */
export function successionOf(ids: readonly PreSharedKeyId[]): ResumptionPskId | undefined {
  const found = ids.filter(isSuccession);
  if (found.length > 1) fail('validation.psk', { rule: 'several reinit or branch' });
  return found[0];
}

/** Its value, from the group that it names. @throws `state.missing-psk` */
export function successionSecret(old: GroupState | undefined, id: ResumptionPskId): Uint8Array {
  const secret = old && resumptionSecret(old, id.pskEpoch);
  return secret ?? fail('state.missing-psk', { pskType: id.pskType, epoch: id.pskEpoch });
}

/**
 * The first Welcome of a group that a ReInit of ours announced comes from that very group; later ones are Welcomes as
 * any other. @throws `validation.reinit`
 */
export function requireAnnounced(
  { epoch }: GroupContext,
  id: ResumptionPskId | undefined,
  announcing: GroupState | undefined,
): void {
  if (announcing === undefined || epoch !== 1n) return;
  if (id?.usage !== PskUsage.reinit || !equal(id.pskGroupId, announcing.epoch.context.groupId))
    fail('validation.reinit', { missing: 'psk' });
}

/** A new group is what the old one allows it to be. @throws `validation.reinit` */
export function validateSuccession(
  env: Environment,
  group: { readonly context: GroupContext; readonly tree: Tree },
  id: ResumptionPskId,
  old: GroupState,
): void {
  const { epoch } = group.context;
  if (epoch !== 1n) fail('validation.reinit', { epoch });
  if (id.usage === PskUsage.reinit) validateReplacement(env, group, id, old);
  else validateBranch(env, group, id, old);
}

/** §11.2: the parameters of the ReInit, and nobody left behind. */
function validateReplacement(
  env: Environment,
  { context, tree }: { readonly context: GroupContext; readonly tree: Tree },
  { pskEpoch }: ResumptionPskId,
  old: GroupState,
): void {
  const { reinit } = old;
  if (old.status !== 'closed' || reinit === undefined) fail('validation.reinit', { missing: 'ReInit' });
  if (pskEpoch !== old.epoch.context.epoch) fail('validation.reinit', { epoch: pskEpoch });
  if (context.version !== reinit.version) fail('validation.reinit', { version: context.version });
  if (context.cipherSuite !== reinit.cipherSuite) fail('validation.reinit', { suite: context.cipherSuite });
  if (!equal(context.groupId, reinit.groupId)) fail('validation.reinit', { field: 'group_id' });
  if (!areSame(context.extensions, reinit.extensions)) fail('validation.reinit', { field: 'extensions' });
  requireAmong(identitiesOf(env, old.epoch.tree), identitiesOf(env, tree));
}

/** §11.3: the same parameters, a group id of its own, and nobody from outside. */
function validateBranch(
  env: Environment,
  { context, tree }: { readonly context: GroupContext; readonly tree: Tree },
  { pskEpoch }: ResumptionPskId,
  old: GroupState,
): void {
  const { version, cipherSuite, groupId } = old.epoch.context;
  if (context.version !== version) fail('validation.reinit', { version: context.version });
  if (context.cipherSuite !== cipherSuite) fail('validation.reinit', { suite: context.cipherSuite });
  if (equal(context.groupId, groupId)) fail('validation.reinit', { field: 'group_id' });
  // Members may have come and gone since; the epoch that the PSK names is what counts, as long as it is kept.
  const parent = old.past.find((past) => past.context.epoch === pskEpoch) ?? old.epoch;
  requireAmong(identitiesOf(env, tree), identitiesOf(env, parent.tree));
}

function isSuccession(id: PreSharedKeyId): id is ResumptionPskId {
  return id.pskType === PskType.resumption && id.usage !== PskUsage.application;
}

function identitiesOf({ policy }: Environment, tree: Tree): ReadonlySet<string> {
  return new Set([...membersIn(tree)].map(policy.identityOf));
}

function requireAmong(some: ReadonlySet<string>, all: ReadonlySet<string>): void {
  const missing = [...some].filter((identity) => !all.has(identity)).length;
  if (missing > 0) fail('validation.reinit', { missing });
}

function areSame(a: readonly Extension[], b: readonly Extension[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ extensionType, extensionData }, i) => {
      const other = b[i];
      return other?.extensionType === extensionType && equal(other.extensionData, extensionData);
    })
  );
}
