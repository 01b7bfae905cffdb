/** Where the MLS extensions draft enters groups. A client that does not take part pays for nothing behind it. */

import { EMPTY } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { DRAFT_CODE_POINTS, type DraftCodePoints } from '../wire/codePoints.ts';
import type { Extension } from '../wire/extension.ts';
import type { Proposal } from '../wire/proposal.ts';
import type { Environment } from './environment.ts';
import type { DraftInput } from './proposals.ts';
import type { ProposalItem } from './state.ts';

/** What the draft does at each place; `extensionsDraft` makes one. */
export interface Draft {
  readonly codePoints: DraftCodePoints;
  /** An environment that knows the types of the draft. @throws `codec.input` when a code point comes twice */
  register(env: Environment): Environment;
  /** What a leaf node says of the components that its client knows (draft §5). */
  readonly leafExtensions: readonly Extension[];
  /** What marks a KeyPackage of last resort (draft §6.4). */
  readonly lastResortMarks: readonly Extension[];
  makeProposal(input: DraftInput): Proposal;
  /** The rules for one proposal. @throws `validation.proposal`, `codec.*` */
  validateProposal(proposal: Proposal): void;
  /** Apply the proposals of the draft after all others. @throws `validation.proposal-list` */
  applyProposals(extensions: readonly Extension[], items: readonly ProposalItem[]): readonly Extension[];
  /** What a GroupContextExtensions proposal may not do. @throws `validation.proposal-list` */
  validateReplacement(before: readonly Extension[], after: readonly Extension[]): void;
  /** Authenticated data as the group frames it. @throws `codec.*` for anything else */
  frameAad(extensions: readonly Extension[], authenticatedData: Uint8Array): Uint8Array;
  /** @throws `codec.*` for authenticated data in another form than the group demands */
  validateAad(extensions: readonly Extension[], authenticatedData: Uint8Array): void;
}

/** @throws `codec.unsupported` for a client that does not take part */
export function requireDraft({ draft }: Environment): Draft {
  return draft ?? fail('codec.unsupported', { feature: 'extensions draft' });
}

/** Marks of a KeyPackage of last resort; without the draft, the extension that deployed stacks have. */
export function lastResortMarks({ draft }: Environment): readonly Extension[] {
  return draft?.lastResortMarks ?? [LAST_RESORT];
}

const LAST_RESORT: Extension = /* @__PURE__ */ Object.freeze({
  extensionType: DRAFT_CODE_POINTS.extensions.lastResort,
  extensionData: EMPTY,
});
