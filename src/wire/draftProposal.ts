/** AppDataUpdate, AppEphemeral and SelfRemove (draft-ietf-mls-extensions-10 §4.7, §4.8, §6.3). */

import { type Codec, decodeOwned, empty, encode, opaque, select, struct, uint8 } from '../codec/codec.ts';
import type { OpenBody } from '../codec/reader.ts';
import { AppDataOperation, ComponentId, DRAFT_CODE_POINTS, type DraftCodePoints } from './codePoints.ts';
import { isKnownProposal, type OtherProposal, type Proposal } from './proposal.ts';
import type { ProposalTraits } from './registry.ts';

/** §4.7: `update` means to its component what that component says. */
export type AppDataUpdate = { readonly componentId: number } & AppDataChange;
/** §4.7: the part that depends on the operation. */
export type AppDataChange =
  | { readonly operation: 1; readonly update: Uint8Array }
  | { readonly operation: 2 };
/** §4.8 */
export interface AppEphemeral {
  readonly componentId: number;
  readonly data: Uint8Array;
}
/** §6.3: who leaves is who sent it. */
export type SelfRemove = Readonly<Record<never, never>>;

/** A proposal of the draft, parsed. */
export type DraftProposal =
  | { readonly kind: 'app-data-update'; readonly body: AppDataUpdate }
  | { readonly kind: 'app-ephemeral'; readonly body: AppEphemeral }
  | { readonly kind: 'self-remove'; readonly body: SelfRemove };

const changes: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [AppDataOperation.update, /* @__PURE__ */ struct({ update: opaque })],
  [AppDataOperation.remove, empty],
]);
const AppDataChange: Codec<AppDataChange> = /* @__PURE__ */ select<AppDataChange>(
  'operation',
  uint8,
  (operation) => changes.get(operation),
);

/** @throws `codec.enum` for an unknown operation */
export const AppDataUpdate: Codec<AppDataUpdate> = {
  read: (r) => ({ componentId: ComponentId.read(r), ...AppDataChange.read(r) }),
  write: (w, update) => {
    ComponentId.write(w, update.componentId);
    AppDataChange.write(w, update);
  },
};
export const AppEphemeral: Codec<AppEphemeral> = /* @__PURE__ */ struct<AppEphemeral>({
  componentId: ComponentId,
  data: opaque,
});
export const SelfRemove: Codec<SelfRemove> = empty;

/** Where the proposals of the draft end, for `openTypes.proposals` of the decoding options. */
export function draftProposalBodies(
  codePoints: DraftCodePoints = DRAFT_CODE_POINTS,
): ReadonlyMap<number, OpenBody> {
  return new Map(kinds(codePoints).map(({ type, codec }) => [type, codec]));
}

/** What §7.2 says of them: external, path required. */
export function draftProposalTraits(
  codePoints: DraftCodePoints = DRAFT_CODE_POINTS,
): ReadonlyMap<number, ProposalTraits> {
  return new Map(kinds(codePoints).map(({ type, traits }) => [type, traits]));
}

/** The parsed proposal; `undefined` for one that the draft does not define. @throws `codec.*` for a malformed body */
export function readDraftProposal(
  proposal: Proposal,
  codePoints: DraftCodePoints = DRAFT_CODE_POINTS,
): DraftProposal | undefined {
  if (isKnownProposal(proposal)) return undefined;
  const found = kinds(codePoints).find(({ type }) => type === proposal.proposalType);
  return found && ({ kind: found.kind, body: decodeOwned(found.codec, proposal.body) } as DraftProposal);
}

/** The counterpart of {@link readDraftProposal}. @throws `codec.input` for values that do not fit their fields */
export function makeDraftProposal(
  { kind, body }: DraftProposal,
  codePoints: DraftCodePoints = DRAFT_CODE_POINTS,
): OtherProposal {
  const { type, codec } = kinds(codePoints).find((one) => one.kind === kind) as Kind;
  return { proposalType: type, body: encode(codec, body) };
}

/** One kind of proposal under a table of code points. */
interface Kind {
  readonly kind: DraftProposal['kind'];
  readonly type: number;
  readonly codec: Codec<object>;
  readonly traits: ProposalTraits;
}

function kinds({ proposals }: DraftCodePoints): readonly Kind[] {
  const data = { external: true, pathRequired: false, externalCommit: 'value' } as const;
  const leave = {
    external: false,
    pathRequired: true,
    externalCommit: 'reference',
    removesSender: true,
  } as const;
  return [
    {
      kind: 'app-data-update',
      type: proposals.appDataUpdate,
      codec: AppDataUpdate as Codec<object>,
      traits: data,
    },
    {
      kind: 'app-ephemeral',
      type: proposals.appEphemeral,
      codec: AppEphemeral as Codec<object>,
      traits: data,
    },
    { kind: 'self-remove', type: proposals.selfRemove, codec: SelfRemove, traits: leave },
  ];
}
