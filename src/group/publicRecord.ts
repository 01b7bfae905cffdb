/** What an observer knows as bytes, so that a server survives a restart. Nothing in it is secret. */

import { type Codec, mapped, oneOf, opaque, optional, struct, uint8, vector } from '../codec/codec.ts';
import { GroupContext } from '../wire/groupContext.ts';
import { Proposal } from '../wire/proposal.ts';
import type { Environment } from './environment.ts';
import type { PublicEpoch, PublicState } from './publicState.ts';
import { ReInitRecord, SenderRecord, TreeRecord } from './record.ts';
import { readRecord, suiteOfRecord, writeRecord } from './recordFrame.ts';
import type { CachedProposal } from './state.ts';

/** Encode what an observer knows. Equal states give equal bytes. */
export function encodePublicState({ suite }: Environment, state: PublicState): Uint8Array {
  return writeRecord(suite, VERSION, PublicRecord, state);
}

/** Take back what {@link encodePublicState} made. @throws `storage.corrupt`, `storage.version` */
export function decodePublicState(env: Environment, record: Uint8Array): PublicState {
  return readRecord(env, record, VERSION, PublicRecord);
}

/** The suite of a record, which says what primitives are needed to read on. @throws `storage.corrupt`, `storage.version` */
export function suiteOfPublicRecord(record: Uint8Array): number {
  return suiteOfRecord(record, VERSION);
}

/** Counted apart from the records of members, so that neither is taken for the other. */
const VERSION = 0x5001;

const EpochRecord: Codec<PublicEpoch> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ struct<PublicEpoch>({
    context: GroupContext as Codec<GroupContext>,
    tree: TreeRecord,
    confirmationTag: opaque,
    interimHash: opaque,
  }),
  (epoch) => Object.freeze(epoch),
  (epoch) => epoch,
);

const ProposalRecord: Codec<CachedProposal> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ struct<Omit<CachedProposal, 'ownKeys'>>({
    proposal: Proposal,
    sender: SenderRecord,
    ref: opaque,
  }),
  (item) => ({ ...item, ownKeys: undefined }),
  (item) => item,
);

const PublicRecord: Codec<PublicState> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ struct<PublicState>({
    status: /* @__PURE__ */ mapped(
      /* @__PURE__ */ oneOf(uint8, [0, 1]),
      (n) => (n === 0 ? 'active' : 'closed'),
      (status) => (status === 'active' ? 0 : 1),
    ),
    epoch: EpochRecord,
    proposals: /* @__PURE__ */ vector(ProposalRecord),
    ends: /* @__PURE__ */ vector(opaque),
    offer: /* @__PURE__ */ optional(opaque),
    reinit: /* @__PURE__ */ optional(ReInitRecord),
  }),
  (state) => Object.freeze(state),
  (state) => state,
);
