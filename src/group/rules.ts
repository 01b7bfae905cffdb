/** What a group allows beyond RFC 9420: who may propose and commit what (§12.2). The application says. */

import { leafIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import { type ExternalSender, ExternalSenders, extensionBody } from '../wire/extension.ts';
import type { GroupContext } from '../wire/groupContext.ts';
import type { Proposal } from '../wire/proposal.ts';
import { ExtensionType } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import type { Committer, RulesEpoch } from './proposalRules.ts';
import type { ProposalItem } from './state.ts';
import { type Member, memberAt } from './views.ts';

/** Who is behind a proposal or a commit. */
export type Author =
  | { readonly kind: 'member'; readonly member: Member }
  | { readonly kind: 'external'; readonly sender: ExternalSender }
  /** A client that is not in the group: it asks to be added, or commits itself in. */
  | { readonly kind: 'new-member' };

/** A valid proposal. */
export interface ProposalClaim {
  readonly proposal: Proposal;
  readonly author: Author;
  /** Sent by itself and referred to; otherwise it stands in the commit. */
  readonly isByReference: boolean;
}

/** A commit whose proposals are valid together. */
export interface CommitClaim {
  readonly author: Author;
  readonly proposals: readonly ProposalClaim[];
}

/** The group before the commit. */
export interface GroupView {
  readonly context: GroupContext;
  /** The member at a leaf; `undefined` when it is blank. */
  member(leaf: number): Member | undefined;
}

/**
 * Rules of a group. All members must come to the same answers, or the group falls apart: decide by the arguments alone,
 * never by a clock, by trust or by anything local.
 */
export interface GroupRules {
  /** Whether a proposal counts, when it is received, sent or committed. @defaultValue always */
  readonly mayPropose?: (claim: ProposalClaim, group: GroupView) => boolean;
  /** Whether a commit counts, ours and others'. @defaultValue always */
  readonly mayCommit?: (claim: CommitClaim, group: GroupView) => boolean;
}

/** @throws `policy.proposal-rejected` */
export function requireMayPropose({ rules }: Environment, epoch: RulesEpoch, item: ProposalItem): void {
  if (rules?.mayPropose === undefined) return;
  if (!rules.mayPropose(claimOf(epoch, item), viewOf(epoch))) {
    fail('policy.proposal-rejected', { proposal: item.proposal.proposalType });
  }
}

/** @throws `policy.proposal-rejected`, `policy.commit-rejected`, `policy.external-commit` */
export function requireMayCommit(
  env: Environment,
  epoch: RulesEpoch,
  items: readonly ProposalItem[],
  committer: Committer,
): void {
  for (const item of items) requireMayPropose(env, epoch, item);
  const { mayCommit } = env.rules ?? {};
  if (mayCommit === undefined) return;
  const proposals = items.map((item) => claimOf(epoch, item));
  const author = authorOf(epoch, committer.kind === 'member' ? committer : { kind: 'new-member' });
  if (mayCommit({ author, proposals }, viewOf(epoch))) return;
  fail(committer.kind === 'external' ? 'policy.external-commit' : 'policy.commit-rejected');
}

function claimOf(epoch: RulesEpoch, { proposal, sender, ref }: ProposalItem): ProposalClaim {
  return { proposal, author: authorOf(epoch, sender), isByReference: ref !== undefined };
}

function authorOf({ tree, context }: RulesEpoch, sender: ProposalItem['sender']): Author {
  if (sender.kind === 'new-member') return sender;
  if (sender.kind === 'member') {
    const member = memberAt(tree, sender.leaf) ?? fail('validation.sender', { leaf: sender.leaf });
    return { kind: 'member', member };
  }
  const senders = extensionBody(context.extensions, ExtensionType.externalSenders, ExternalSenders);
  return {
    kind: 'external',
    sender: senders?.[sender.index] ?? fail('validation.sender', { index: sender.index }),
  };
}

function viewOf({ context, tree }: RulesEpoch): GroupView {
  return { context, member: (leaf) => memberAt(tree, leafIndex(leaf)) };
}
