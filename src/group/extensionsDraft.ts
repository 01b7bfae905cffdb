/** draft-ietf-mls-extensions in groups: application data (§4.6 to §4.8), safe AAD (§4.9), leaving (§6.3), last resort (§6.4). */

import { EMPTY, equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { decode, encode } from '../codec/codec.ts';
import { AppDataOperation, DRAFT_CODE_POINTS, type DraftCodePoints } from '../wire/codePoints.ts';
import {
  AppDataDictionary,
  ComponentsList,
  findComponent,
  SafeAad,
  withComponent,
} from '../wire/component.ts';
import {
  type AppDataUpdate,
  type DraftProposal,
  draftProposalBodies,
  draftProposalTraits,
  makeDraftProposal,
  readDraftProposal,
} from '../wire/draftProposal.ts';
import {
  type Extension,
  extensionBody,
  findExtension,
  makeExtension,
  RequiredCapabilities,
} from '../wire/extension.ts';
import type { Proposal } from '../wire/proposal.ts';
import { ExtensionType } from '../wire/registry.ts';
import type { Draft } from './draft.ts';
import type { Environment } from './environment.ts';
import type { DraftInput } from './proposals.ts';
import { defineExtension } from './registry.ts';
import type { ProposalItem } from './state.ts';

/** A part of an application that keeps data in the group. Its answers must be the same for all members. */
export interface Component {
  /** Component id, 16 bits; 0x8000 and up are private. */
  readonly id: number;
  /**
   * The new data in the GroupContext, from the present one and the updates of one commit in their order; `undefined`
   * refuses them. @defaultValue the last update takes the place of what was there
   */
  readonly update?: (
    current: Uint8Array | undefined,
    updates: readonly Uint8Array[],
  ) => Uint8Array | undefined;
  /** Whether data that a commit carries along, without keeping it, is valid. @defaultValue always */
  readonly isEphemeralValid?: (data: Uint8Array) => boolean;
  /** Whether it puts items into safe AAD. @defaultValue false */
  readonly usesSafeAad?: boolean;
}

/** How to take part. */
export interface DraftOptions {
  /** @defaultValue those of the newest revision that this version knows */
  readonly codePoints?: DraftCodePoints;
  /** Components that the application knows. @defaultValue none */
  readonly components?: readonly Component[];
}

/** Take part in the draft: for the option `draft` of a client. @throws `codec.input` when a component comes twice */
export function extensionsDraft(options: DraftOptions = {}): Draft {
  const { codePoints = DRAFT_CODE_POINTS, components = [] } = options;
  const known = new Map(components.map((component) => [component.id, component]));
  if (known.size !== components.length) fail('codec.input', { rule: 'a component is registered twice' });
  // What the dictionary itself needs (§4.6); their lists are replaced as a whole.
  for (const id of [codePoints.components.appComponents, codePoints.components.safeAad])
    known.set(id, { id, update: replacedList });
  const use: Use = { codePoints, components: known };
  return Object.freeze({
    codePoints,
    register: (env: Environment) => register(use, env),
    leafExtensions: leafExtensions(use),
    lastResortMarks: lastResortMarks(use),
    makeProposal: (input: DraftInput) => makeDraftProposal(parsedInput(input), codePoints),
    validateProposal: (proposal: Proposal) => validateProposal(use, proposal),
    applyProposals: (extensions: readonly Extension[], items: readonly ProposalItem[]) =>
      applyProposals(use, extensions, items),
    validateReplacement: (before: readonly Extension[], after: readonly Extension[]) =>
      validateReplacement(use, before, after),
    frameAad: (extensions: readonly Extension[], aad: Uint8Array) => frameAad(use, extensions, aad),
    validateAad: (extensions: readonly Extension[], aad: Uint8Array) => {
      if (usesSafeAad(use, extensions)) decode(SafeAad, aad);
    },
  });
}

/** The application data of a group. @throws `codec.*` for a malformed dictionary */
export function dictionaryOf(
  extensions: readonly Extension[],
  codePoints: DraftCodePoints = DRAFT_CODE_POINTS,
): AppDataDictionary {
  return extensionBody(extensions, codePoints.extensions.appDataDictionary, AppDataDictionary) ?? [];
}

interface Use {
  readonly codePoints: DraftCodePoints;
  readonly components: ReadonlyMap<number, Component>;
}

function register({ codePoints }: Use, env: Environment): Environment {
  const { policy, decoding } = env;
  const { appDataDictionary, lastResort } = codePoints.extensions;
  const added = draftProposalTraits(codePoints);
  const types = [appDataDictionary, lastResort];
  if (types.some((type) => policy.extensionTypes.includes(type)))
    fail('codec.input', { extensions: types.length });
  if ([...added.keys()].some((type) => policy.proposalTypes.has(type)))
    fail('codec.input', { proposals: added.size });
  const dictionary = defineExtension({ type: appDataDictionary, codec: AppDataDictionary });
  const proposals = new Map([...(decoding.openTypes?.proposals ?? []), ...draftProposalBodies(codePoints)]);
  return {
    ...env,
    policy: Object.freeze({
      ...policy,
      extensionTypes: [...policy.extensionTypes, ...types],
      proposalTypes: new Map([...policy.proposalTypes, ...added]),
    }),
    extensionKinds: new Map([...(env.extensionKinds ?? []), [appDataDictionary, dictionary]]),
    decoding: { ...decoding, openTypes: { ...decoding.openTypes, proposals } },
  };
}

function leafExtensions({ codePoints, components }: Use): readonly Extension[] {
  const known = [...components.values()];
  const list = (some: readonly Component[]): Uint8Array =>
    encode(
      ComponentsList,
      some.map(({ id }) => id).sort((a, b) => a - b),
    );
  const supported = withComponent([], codePoints.components.appComponents, list(known));
  const aad = list(known.filter((one) => one.usesSafeAad));
  const dictionary = withComponent(supported, codePoints.components.safeAad, aad);
  return [makeExtension(codePoints.extensions.appDataDictionary, AppDataDictionary, dictionary)];
}

/** The draft's component, and the extension that deployed stacks have. */
function lastResortMarks({ codePoints: { extensions, components } }: Use): readonly Extension[] {
  const dictionary = [{ componentId: components.lastResortKeyPackage, data: EMPTY }];
  return [
    makeExtension(extensions.appDataDictionary, AppDataDictionary, dictionary),
    { extensionType: extensions.lastResort, extensionData: EMPTY },
  ];
}

function parsedInput(input: DraftInput): DraftProposal {
  if (input.kind === 'leave') return { kind: 'self-remove', body: {} };
  const { componentId } = input;
  if (input.kind === 'app-ephemeral')
    return { kind: 'app-ephemeral', body: { componentId, data: input.data.slice() } };
  const change =
    input.update === undefined
      ? ({ operation: AppDataOperation.remove } as const)
      : ({ operation: AppDataOperation.update, update: input.update.slice() } as const);
  return { kind: 'app-data-update', body: { componentId, ...change } };
}

function validateProposal({ codePoints, components }: Use, proposal: Proposal): void {
  const parsed = readDraftProposal(proposal, codePoints);
  if (parsed === undefined || parsed.kind === 'self-remove') return;
  const { componentId } = parsed.body;
  const component = components.get(componentId);
  if (component === undefined) fail('validation.proposal', { componentId });
  if (parsed.kind === 'app-ephemeral' && component.isEphemeralValid?.(parsed.body.data) === false) {
    fail('validation.proposal', { componentId, rule: 'ephemeral data' });
  }
}

/** §4.7: by component, in the order of the commit. */
function applyProposals(
  use: Use,
  extensions: readonly Extension[],
  items: readonly ProposalItem[],
): readonly Extension[] {
  const byComponent = new Map<number, AppDataUpdate[]>();
  for (const { proposal } of items) {
    const parsed = readDraftProposal(proposal, use.codePoints);
    if (parsed?.kind !== 'app-data-update') continue;
    const { componentId } = parsed.body;
    byComponent.set(componentId, [...(byComponent.get(componentId) ?? []), parsed.body]);
  }
  if (byComponent.size === 0) return extensions;
  let dictionary = dictionaryOf(extensions, use.codePoints);
  for (const [id, operations] of byComponent) {
    const current = findComponent(dictionary, id);
    dictionary = withComponent(dictionary, id, newData(use.components.get(id), current, operations));
  }
  return withDictionary(use, extensions, dictionary);
}

function newData(
  component: Component | undefined,
  current: Uint8Array | undefined,
  operations: readonly AppDataUpdate[],
): Uint8Array | undefined {
  const refuse = (rule: string): never =>
    fail('validation.proposal-list', { component: component?.id, rule });
  const updates = operations.flatMap((one) =>
    one.operation === AppDataOperation.update ? [one.update] : [],
  );
  if (updates.length < operations.length) {
    if (operations.length > 1) refuse('removal beside another operation');
    return current === undefined ? refuse('removal of nothing') : undefined;
  }
  return (component?.update ?? lastOne)(current, updates)?.slice() ?? refuse('update');
}

function withDictionary(
  { codePoints }: Use,
  extensions: readonly Extension[],
  dictionary: AppDataDictionary,
): readonly Extension[] {
  const type = codePoints.extensions.appDataDictionary;
  const made = makeExtension(type, AppDataDictionary, dictionary);
  if (findExtension(extensions, type) === undefined) return [...extensions, made];
  return extensions.map((extension) => (extension.extensionType === type ? made : extension));
}

/** §4.7: application data stays as it is where every member takes AppDataUpdates. */
function validateReplacement(
  { codePoints }: Use,
  before: readonly Extension[],
  after: readonly Extension[],
): void {
  const required = extensionBody(before, ExtensionType.requiredCapabilities, RequiredCapabilities);
  if (required?.proposalTypes.includes(codePoints.proposals.appDataUpdate) !== true) return;
  const type = codePoints.extensions.appDataDictionary;
  const [old, now] = [findExtension(before, type), findExtension(after, type)];
  if (old === undefined && now === undefined) return;
  if (old === undefined || now === undefined || !equal(old.extensionData, now.extensionData)) {
    fail('validation.proposal-list', { rule: 'application data replaced' });
  }
}

function frameAad(use: Use, extensions: readonly Extension[], aad: Uint8Array): Uint8Array {
  if (!usesSafeAad(use, extensions)) return aad;
  if (aad.length === 0) return encode(SafeAad, []);
  decode(SafeAad, aad);
  return aad;
}

function usesSafeAad({ codePoints }: Use, extensions: readonly Extension[]): boolean {
  return findComponent(dictionaryOf(extensions, codePoints), codePoints.components.safeAad) !== undefined;
}

function lastOne(_: Uint8Array | undefined, updates: readonly Uint8Array[]): Uint8Array {
  return updates.at(-1) ?? EMPTY;
}

function replacedList(current: Uint8Array | undefined, updates: readonly Uint8Array[]): Uint8Array {
  for (const update of updates) decode(ComponentsList, update);
  return lastOne(current, updates);
}
