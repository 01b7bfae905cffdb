/** Founding the successor of a group or a subgroup of it (RFC 9420 §11.2, §11.3): creation and first commit in one. */

import { fail } from '../base/error.ts';
import { ProposalType, PskType, PskUsage } from '../wire/registry.ts';
import { createGroupState, type NewGroup } from './create.ts';
import { enterMove } from './decide.ts';
import type { Environment } from './environment.ts';
import type { OwnKeyPackage } from './keyPackage.ts';
import { readKeyPackage } from './proposals.ts';
import { requireActive } from './protect.ts';
import { buildCommit, type CommitOptions } from './sendCommit.ts';
import { epochSecrets } from './spent.ts';
import type { GroupState, ProposalItem } from './state.ts';
import { successionSecret, validateSuccession } from './succession.ts';
import type { Transition } from './transition.ts';

/** What is to be founded. */
export interface Founding {
  /** Our own leaf. */
  readonly own: OwnKeyPackage;
  /** KeyPackages of the other members, as MLSMessages. */
  readonly keyPackages: readonly Uint8Array[];
  readonly options: Pick<CommitOptions, 'ratchetTree' | 'groupInfo'>;
}

/** The messages that take the others in. */
export interface FoundedMessages {
  readonly welcome: Uint8Array | undefined;
  readonly groupInfo: Uint8Array | undefined;
}

/** The group that follows on a closed one. @throws `validation.reinit`, and what a commit throws */
export function foundSuccessor(
  env: Environment,
  closed: GroupState,
  founding: Founding,
): Transition<GroupState, FoundedMessages> {
  const { reinit } = closed;
  if (closed.status !== 'closed' || reinit === undefined)
    return fail('validation.reinit', { missing: 'ReInit' });
  if (reinit.cipherSuite !== env.suite.id) fail('validation.reinit', { suite: reinit.cipherSuite });
  const { groupId: id, extensions } = reinit;
  return found(env, { state: closed, usage: PskUsage.reinit }, { id, extensions }, founding);
}

/** A subgroup. @throws `validation.reinit`, `state.closed`, `state.not-member`, and what a commit throws */
export function foundBranch(
  env: Environment,
  parent: GroupState,
  group: NewGroup,
  founding: Founding,
): Transition<GroupState, FoundedMessages> {
  requireActive(parent);
  if (parent.epoch.context.cipherSuite !== env.suite.id)
    fail('validation.reinit', { suite: parent.epoch.context.cipherSuite });
  return found(env, { state: parent, usage: PskUsage.branch }, group, founding);
}

/** Nobody else can commit to a group of one, so the first commit is taken at once. */
function found(
  env: Environment,
  from: { readonly state: GroupState; readonly usage: 2 | 3 },
  group: NewGroup,
  { own, keyPackages, options }: Founding,
): Transition<GroupState, FoundedMessages> {
  const { groupId, epoch } = from.state.epoch.context;
  const succession = {
    pskType: PskType.resumption,
    usage: from.usage,
    pskGroupId: groupId,
    pskEpoch: epoch,
    pskNonce: env.random(env.suite.sizes.hash),
  } as const;
  const secret = successionSecret(from.state, succession);
  const start = createGroupState(env, own, group);
  const sender = { kind: 'member', leaf: start.epoch.self } as const;
  const adds = keyPackages.map((message): ProposalItem => {
    const keyPackage = readKeyPackage(env, message);
    return { proposal: { proposalType: ProposalType.add, keyPackage }, sender, ref: undefined };
  });
  const psk = { proposal: { proposalType: ProposalType.psk, psk: succession }, sender, ref: undefined };
  const within: Environment = { ...env, psks: (id) => (id === succession ? secret : env.psks(id)) };
  const built = buildCommit(within, start, [...adds, psk], { ...options, succession });
  validateSuccession(env, built.next.epoch, succession, from.state);
  const entered = enterMove(env, { ...start, secretTree: built.secretTree }, built.next);
  return {
    // The epoch before the first commit had no other member: nothing can come from it.
    next: { ...entered.next, past: [] },
    result: { welcome: built.welcome, groupInfo: built.groupInfo },
    spent: [...built.spent, ...(entered.spent ?? []), ...entered.next.past.flatMap(epochSecrets)],
  };
}
