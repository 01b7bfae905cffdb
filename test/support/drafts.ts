/** Clients that take part in the MLS extensions draft, with components whose answers can be told apart. */

import { concat, utf8 } from '../../src/base/bytes.ts';
import { encode } from '../../src/codec/codec.ts';
import {
  type Client,
  type ClientOptions,
  type Component,
  dictionaryOf,
  type Extension,
  extensionsDraft,
  type Group,
} from '../../src/index.ts';
import { DRAFT_CODE_POINTS as POINTS } from '../../src/wire/codePoints.ts';
import { AppDataDictionary, type ComponentData, ComponentsList } from '../../src/wire/component.ts';
import { type DraftProposal, makeDraftProposal } from '../../src/wire/draftProposal.ts';
import { makeExtension, RequiredCapabilities } from '../../src/wire/extension.ts';
import type { OtherProposal } from '../../src/wire/proposal.ts';
import { ExtensionType } from '../../src/wire/registry.ts';
import { clientOf } from './doors.ts';

/** Keeps the last update. */
export const TITLE = 0x8001;
/** Appends every update to what is there; refuses an empty one. */
export const LOG = 0x8002;
/** Takes ephemeral data of at least one byte, and no updates. */
export const PING = 0x8003;

/** What all clients here know. */
export const COMPONENTS: readonly Component[] = [
  { id: TITLE, usesSafeAad: true },
  {
    id: LOG,
    update: (current, updates) =>
      updates.some(({ length }) => length === 0)
        ? undefined
        : concat(...(current ? [current] : []), ...updates),
  },
  { id: PING, update: () => undefined, isEphemeralValid: (data) => data.length > 0 },
];

/** A client that takes part. */
export function drafty(name: string, options: Partial<ClientOptions> = {}): Client {
  return clientOf(name, { draft: extensionsDraft({ components: COMPONENTS }), ...options });
}

/** Three of them. */
export function three(options: Partial<ClientOptions> = {}): [Client, Client, Client] {
  return [drafty('alice', options), drafty('bob', options), drafty('carol', options)];
}

/** The dictionary as an extension. */
export function dictionary(...entries: readonly ComponentData[]): Extension {
  return makeExtension(POINTS.extensions.appDataDictionary, AppDataDictionary, entries);
}

/** An entry of it. */
export function entry(componentId: number, data: string | Uint8Array): ComponentData {
  return { componentId, data: typeof data === 'string' ? utf8(data) : data };
}

/** The entry that turns safe AAD on. */
export function safeAadEntry(...ids: readonly number[]): ComponentData {
  return { componentId: POINTS.components.safeAad, data: encode(ComponentsList, ids) };
}

/** Required capabilities with some proposal types. */
export function requiring(...proposalTypes: readonly number[]): Extension {
  const required = { extensionTypes: [], proposalTypes, credentialTypes: [] };
  return makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, required);
}

/** The application data of a group, as text by component. */
export function dataOf(group: Group): Record<number, string> {
  const texts = dictionaryOf(group.extensions).map(
    ({ componentId, data }) => [componentId, new TextDecoder().decode(data)] as const,
  );
  return Object.fromEntries(texts);
}

/** A proposal of the draft, for insiders. */
export function rawDraft(kind: DraftProposal['kind'], body: object = {}): OtherProposal {
  return makeDraftProposal({ kind, body } as DraftProposal);
}
