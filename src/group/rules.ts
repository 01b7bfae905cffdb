/** What a group allows beyond RFC 9420: who may propose and commit what (§12.2). The application says. */

import { leafIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import { type ExternalSender, ExternalSenders, extensionBody } from '../wire/extension.ts';
import type { GroupContext } from '../wire/groupContext.ts';
import type { Proposal } from '../wire/proposal.ts';
import { ExtensionType } from '../wire/registry.ts';
import { type Environment, presentedBy } from './environment.ts';
import type { Presented } from './policy.ts';
import type { Committer, RulesEpoch } from './proposalRules.ts';
import { type Answer, requireYes } from './refusal.ts';
import type { ProposalItem } from './state.ts';
import { type Member, type MemberLeaf, memberAt, memberLeafAt, memberLeaves } from './views.ts';

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
  /** What the path puts into the author's leaf, not verified yet; `undefined` without a path. */
  readonly leafNode: Presented | undefined;
  /** What its message carries in the clear. */
  readonly authenticatedData: Uint8Array;
}

/** The group before the commit, or as it is entered. The same object as long as an epoch lasts: a key for what follows from it. */
export interface GroupView {
  readonly context: GroupContext;
  /** The member at a leaf; `undefined` when it is blank. */
  member(leaf: number): Member | undefined;
  /** As {@link member}, with extensions and capabilities. */
  leafNode(leaf: number): MemberLeaf | undefined;
  /** All members in leaf order, one at a time. */
  leafNodes(): IterableIterator<MemberLeaf>;
}

/**
 * Rules of a group. A refusal in place of `false` says which code and rule. All members must come to the same answers, or the group falls apart: decide by the arguments alone,
 * never by a clock, by trust or by anything local.
 */
export interface GroupRules {
  /** Whether a proposal counts, when it is received, sent or committed. @defaultValue always */
  readonly mayPropose?: (claim: ProposalClaim, group: GroupView) => Answer;
  /** Whether a commit counts, ours and others'. @defaultValue always */
  readonly mayCommit?: (claim: CommitClaim, group: GroupView) => Answer;
  /**
   * Whether a commit of ours takes up by itself what others have proposed; what it leaves waits for `stored`, or for another
   * member. This alone is nobody's concern but ours. @defaultValue always
   */
  readonly takesUp?: (claim: ProposalClaim, group: GroupView) => boolean;
  /** Whether a group can be what it is, when we enter it by invitation or from outside. @defaultValue always */
  readonly mayEnter?: (group: GroupView) => Answer;
}

/** @throws `policy.proposal-rejected`, or the code of a refusal */
export function requireMayPropose({ rules }: Environment, epoch: RulesEpoch, item: ProposalItem): void {
  if (rules?.mayPropose === undefined) return;
  const { proposalType: proposal } = item.proposal;
  requireYes(rules.mayPropose(claimOf(epoch, item), viewOf(epoch)), 'policy.proposal-rejected', { proposal });
}

/** Whether a commit of ours is to cover a proposal that was seen. */
export function isTakenUp({ rules }: Environment, epoch: RulesEpoch, item: ProposalItem): boolean {
  return rules?.takesUp?.(claimOf(epoch, item), viewOf(epoch)) ?? true;
}

/** @throws `validation.group-info`, or the code of a refusal */
export function requireMayEnter({ rules }: Environment, epoch: RulesEpoch): void {
  requireYes(rules?.mayEnter?.(viewOf(epoch)) ?? true, 'validation.group-info', {
    rule: 'of the application',
  });
}

/** A commit beside its proposals. */
export interface CommitFacts {
  readonly committer: Committer;
  /** What the path puts into the committer's leaf; `undefined` without a path. */
  readonly leafNode: Presented | undefined;
  readonly authenticatedData: Uint8Array;
}

/** @throws `policy.proposal-rejected`, `policy.commit-rejected`, `policy.external-commit`, or the code of a refusal */
export function requireMayCommit(
  env: Environment,
  epoch: RulesEpoch,
  items: readonly ProposalItem[],
  { committer, leafNode, authenticatedData }: CommitFacts,
): void {
  for (const item of items) requireMayPropose(env, epoch, item);
  const { mayCommit } = env.rules ?? {};
  if (mayCommit === undefined) return;
  const proposals = items.map((item) => claimOf(epoch, item));
  const author = authorOf(epoch, committer.kind === 'member' ? committer : { kind: 'new-member' });
  const claim = { author, proposals, leafNode: leafNode && presentedBy(leafNode), authenticatedData };
  requireYes(
    mayCommit(claim, viewOf(epoch)),
    committer.kind === 'external' ? 'policy.external-commit' : 'policy.commit-rejected',
  );
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

const views = /* @__PURE__ */ new WeakMap<RulesEpoch, GroupView>();

function viewOf(epoch: RulesEpoch): GroupView {
  const known = views.get(epoch);
  if (known !== undefined) return known;
  const { context, tree } = epoch;
  const view: GroupView = {
    context,
    member: (leaf) => memberAt(tree, leafIndex(leaf)),
    leafNode: (leaf) => memberLeafAt(tree, leafIndex(leaf)),
    leafNodes: () => memberLeaves(tree),
  };
  views.set(epoch, view);
  return view;
}
