/** A commit in terms of accounts and devices: what it adds, removes and renews, and who answers for it. */

import type { CommitClaim, GroupView, ProposalClaim, SuiteCrypto } from '../../index.ts';
import type { Extension } from '../../wire/extension.ts';
import { isKnownProposal } from '../../wire/proposal.ts';
import { ProposalType } from '../../wire/registry.ts';
import type { XmppBinding } from '../binding.ts';
import { type HandshakeNote, readHandshakeNote } from '../handshakeNote.ts';
import { type Accounts, accountsOf, type Device, deviceOf } from './accounts.ts';

/** Something that is proposed, and the members who answer for it: whoever commits it, and whoever proposed it. */
export interface Act<T> {
  readonly what: T;
  readonly actors: readonly Device[];
}

/** A leaf that is renewed. */
export interface Renewal {
  readonly before: Device;
  readonly after: Device;
}

/** What a commit does. Leaves that break V1 are left out: V1 refuses the commit. */
export interface Change {
  readonly suite1: SuiteCrypto;
  readonly binding: XmppBinding;
  readonly accounts: Accounts;
  /** The member that commits; nothing for a client that joins by it. */
  readonly committer: Device | undefined;
  /** The client that joins by it. */
  readonly joiner: Device | undefined;
  readonly adds: readonly Act<Device>[];
  readonly removes: readonly Act<Device>[];
  /** By Update proposals. */
  readonly updates: readonly Renewal[];
  /** By the path. */
  readonly path: Renewal | undefined;
  /** The new extensions of the group. */
  readonly extensions: Act<readonly Extension[]> | undefined;
  readonly reinits: readonly Act<undefined>[];
  readonly note: HandshakeNote | undefined;
}

/** Look at a commit. */
export function changeOf(
  suite1: SuiteCrypto,
  binding: XmppBinding,
  claim: CommitClaim,
  group: GroupView,
): Change {
  const accounts = accountsOf(group);
  const committer = authorOf(accounts, claim);
  const next = claim.leafNode && deviceOf(claim.leafNode);
  const found = claim.proposals.map((proposal) => actOf(accounts, committer, proposal));
  return {
    suite1,
    binding,
    accounts,
    committer,
    joiner: committer === undefined ? next : undefined,
    adds: found.flatMap(({ add }) => add ?? []),
    removes: found.flatMap(({ removal }) => removal ?? []),
    updates: claim.proposals.flatMap((proposal) => renewalOf(accounts, proposal) ?? []),
    path: committer && next && { before: committer, after: next },
    extensions: found.find(({ extensions }) => extensions !== undefined)?.extensions,
    reinits: found.flatMap(({ reinit }) => reinit ?? []),
    note: readHandshakeNote(claim.authenticatedData),
  };
}

/** The leaf that an Update renews. */
export function renewalOf(accounts: Accounts, claim: ProposalClaim): Renewal | undefined {
  const { proposal } = claim;
  if (!isKnownProposal(proposal) || proposal.proposalType !== ProposalType.update) return undefined;
  const before = authorOf(accounts, claim);
  const after = deviceOf(proposal.leafNode);
  return before && after && { before, after };
}

/** The device of a member that proposes or commits. */
export function authorOf(
  { byLeaf }: Accounts,
  { author }: Pick<ProposalClaim, 'author'>,
): Device | undefined {
  return author.kind === 'member' ? byLeaf.get(author.member.leaf) : undefined;
}

/** What one proposal does, of the kinds that somebody answers for. */
interface Acts {
  readonly add?: Act<Device> | undefined;
  readonly removal?: Act<Device> | undefined;
  readonly extensions?: Act<readonly Extension[]>;
  readonly reinit?: Act<undefined>;
}

/** What a proposal does. @param committer nothing while nobody commits it */
export function actOf(accounts: Accounts, committer: Device | undefined, claim: ProposalClaim): Acts {
  const { proposal } = claim;
  if (!isKnownProposal(proposal)) return {};
  const actors = [committer, authorOf(accounts, claim)].flatMap((device) => device ?? []);
  const act = <T>(what: T | undefined): Act<T> | undefined =>
    what === undefined ? undefined : { what, actors };
  switch (proposal.proposalType) {
    case ProposalType.add:
      return { add: act(deviceOf(proposal.keyPackage.leafNode)) };
    case ProposalType.remove:
      return { removal: act(accounts.byLeaf.get(proposal.removed)) };
    case ProposalType.groupContextExtensions:
      return { extensions: { what: proposal.extensions, actors } };
    case ProposalType.reinit:
      return { reinit: { what: undefined, actors } };
    default:
      return {};
  }
}
