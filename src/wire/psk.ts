/** PreSharedKeyID (RFC 9420 §8.4). */

import { type Codec, oneOf, opaque, select, struct, uint8, uint16, uint64 } from '../codec/codec.ts';
import { PskType, PskUsage } from './registry.ts';

export type PreSharedKeyId = ExternalPskId | ResumptionPskId;
export interface ExternalPskId {
  readonly pskType: 1;
  readonly pskId: Uint8Array;
  /** Fresh random bytes of the hash length of the suite that receives the PSK. */
  readonly pskNonce: Uint8Array;
}
export interface ResumptionPskId {
  readonly pskType: 2;
  readonly usage: PskUsage;
  readonly pskGroupId: Uint8Array;
  readonly pskEpoch: bigint;
  readonly pskNonce: Uint8Array;
}

/** Input of one step of the PSK chain. */
export interface PskLabel {
  readonly id: PreSharedKeyId;
  readonly index: number;
  readonly count: number;
}

const usage = /* @__PURE__ */ oneOf(uint8, [PskUsage.application, PskUsage.reinit, PskUsage.branch]);
const bodies: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [PskType.external, /* @__PURE__ */ struct({ pskId: opaque, pskNonce: opaque })],
  [
    PskType.resumption,
    /* @__PURE__ */ struct({ usage, pskGroupId: opaque, pskEpoch: uint64, pskNonce: opaque }),
  ],
]);

export const PreSharedKeyId: Codec<PreSharedKeyId> = /* @__PURE__ */ select<PreSharedKeyId>(
  'pskType',
  uint8,
  (type) => bodies.get(type),
);

export const PskLabel: Codec<PskLabel> = /* @__PURE__ */ struct<PskLabel>({
  id: PreSharedKeyId,
  index: uint16,
  count: uint16,
});
