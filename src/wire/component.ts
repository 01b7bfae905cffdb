/** Data that belongs to a component of an application (draft-ietf-mls-extensions-10 §4.1, §4.6, §4.9, §5). */

import { utf8 } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { type Codec, checked, opaque, struct, vector } from '../codec/codec.ts';
import { COMPONENT_ID_BITS, ComponentId, DRAFT_CODE_POINTS, type DraftCodePoints } from './codePoints.ts';

/** §4.6 */
export interface ComponentData {
  readonly componentId: number;
  readonly data: Uint8Array;
}
/** §4.6: body of app_data_dictionary; ascending by component, one entry for each. */
export type AppDataDictionary = readonly ComponentData[];
/** §5: body of the components app_components and safe_aad, in any order. */
export type ComponentsList = readonly number[];
/** §4.9 */
export interface SafeAadItem {
  readonly componentId: number;
  readonly aadItemData: Uint8Array;
}
/** §4.9: all of `authenticated_data` in a group whose context has safe_aad; ascending by component. */
export type SafeAad = readonly SafeAadItem[];
/** §4.1: takes the place of a label of RFC 9420 and keeps what components sign and seal apart. */
export interface ComponentOperationLabel {
  readonly baseLabel: Uint8Array;
  readonly componentId: number;
  readonly label: Uint8Array;
}

export const ComponentData: Codec<ComponentData> = /* @__PURE__ */ struct<ComponentData>({
  componentId: ComponentId,
  data: opaque,
});

/** @throws `codec.component-order` unless the components strictly ascend */
export const AppDataDictionary: Codec<AppDataDictionary> = /* @__PURE__ */ checked(
  /* @__PURE__ */ vector(ComponentData),
  strictlyAscending,
);

export const ComponentsList: Codec<ComponentsList> = /* @__PURE__ */ vector(
  ComponentId,
  COMPONENT_ID_BITS / 8,
);

/** @throws `codec.component-order` unless the components strictly ascend */
export const SafeAad: Codec<SafeAad> = /* @__PURE__ */ checked(
  /* @__PURE__ */ vector(
    /* @__PURE__ */ struct<SafeAadItem>({ componentId: ComponentId, aadItemData: opaque }),
  ),
  strictlyAscending,
);

export const ComponentOperationLabel: Codec<ComponentOperationLabel> =
  /* @__PURE__ */ struct<ComponentOperationLabel>({
    baseLabel: opaque,
    componentId: ComponentId,
    label: opaque,
  });

/** The label under which a component does something (§4.1). @throws `codec.utf8` for text with a lone surrogate */
export function componentLabel(
  componentId: number,
  label: string,
  codePoints: DraftCodePoints = DRAFT_CODE_POINTS,
): ComponentOperationLabel {
  return { baseLabel: utf8(codePoints.componentBaseLabel), componentId, label: utf8(label) };
}

/** The data of a component, if the dictionary has an entry for it. */
export function findComponent(dictionary: AppDataDictionary, componentId: number): Uint8Array | undefined {
  return dictionary.find((entry) => entry.componentId === componentId)?.data;
}

/** The dictionary with the entry of a component set, in its place, or without it where `data` is `undefined`. */
export function withComponent(
  dictionary: AppDataDictionary,
  componentId: number,
  data: Uint8Array | undefined,
): AppDataDictionary {
  const before = dictionary.filter((entry) => entry.componentId < componentId);
  const after = dictionary.filter((entry) => entry.componentId > componentId);
  return data === undefined ? [...before, ...after] : [...before, { componentId, data }, ...after];
}

function strictlyAscending(entries: readonly { readonly componentId: number }[]): void {
  for (let i = 1; i < entries.length; i++) {
    const [previous, { componentId }] = [entries[i - 1], entries[i]] as [ComponentData, ComponentData];
    if (componentId <= previous.componentId) fail('codec.component-order', { position: i, componentId });
  }
}
