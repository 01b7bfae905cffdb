/**
 * Everything in draft-ietf-mls-extensions-10 that may change before it is an RFC: code points (§7), the size of a
 * component id (§4.1) and the text that separates components. No other file has these numbers.
 */

import { type Codec, uint16 } from '../codec/codec.ts';

/** Code points by registry. All are suggestions of the draft until IANA assigns them. */
export interface DraftCodePoints {
  /** §7.1 */
  readonly extensions: {
    readonly appDataDictionary: number;
    readonly supportedWireFormats: number;
    readonly requiredWireFormats: number;
    /** The mark of a KeyPackage of last resort as deployed stacks have it; since -06 the draft has a component instead. */
    readonly lastResort: number;
  };
  /** §7.2 */
  readonly proposals: {
    readonly appDataUpdate: number;
    readonly appEphemeral: number;
    readonly selfRemove: number;
  };
  /** §7.3 */
  readonly credentials: { readonly multi: number; readonly weakMulti: number };
  /** §4.5 */
  readonly pskTypes: { readonly application: number };
  /** §7.5 */
  readonly components: {
    readonly appComponents: number;
    readonly safeAad: number;
    readonly contentMediaTypes: number;
    readonly lastResortKeyPackage: number;
    readonly appAck: number;
  };
  /** §4.1: what every label of a component begins with. Until -08 it was 'Application', and deployed stacks kept that. */
  readonly componentBaseLabel: string;
}

/** The values of revision 10. Peers that follow another revision need another table. */
export const DRAFT_CODE_POINTS: DraftCodePoints = /* @__PURE__ */ Object.freeze({
  extensions: /* @__PURE__ */ Object.freeze({
    appDataDictionary: 0x0006,
    supportedWireFormats: 0x0007,
    requiredWireFormats: 0x0008,
    lastResort: 0x000a,
  }),
  proposals: /* @__PURE__ */ Object.freeze({
    appDataUpdate: 0x0008,
    appEphemeral: 0x0009,
    selfRemove: 0x000a,
  }),
  credentials: /* @__PURE__ */ Object.freeze({ multi: 0x0003, weakMulti: 0x0004 }),
  pskTypes: /* @__PURE__ */ Object.freeze({ application: 3 }),
  components: /* @__PURE__ */ Object.freeze({
    appComponents: 0x0001,
    safeAad: 0x0002,
    contentMediaTypes: 0x0003,
    lastResortKeyPackage: 0x0004,
    appAck: 0x0005,
  }),
  componentBaseLabel: 'MLS Component',
});

/** Bits of a component id: the depth of the exporter tree (§4.4). */
export const COMPONENT_ID_BITS = 16;

/** §4.1: names a part of an application within that application. Until -08 it had four bytes. */
export const ComponentId: Codec<number> = uint16;

/** §4.7 `AppDataUpdateOperation` */
export const AppDataOperation = /* @__PURE__ */ Object.freeze({ update: 1, remove: 2 } as const);
