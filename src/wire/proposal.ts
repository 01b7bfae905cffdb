/** Proposals (RFC 9420 §12.1). */

import { type Codec, opaque, select, struct, uint16, uint32 } from '../codec/codec.ts';
import { CONTEXT_BODIES, type Extension, extensionList } from './extension.ts';
import { KeyPackage } from './keyPackage.ts';
import { LeafNode } from './leafNode.ts';
import { openBody } from './openBody.ts';
import { PreSharedKeyId } from './psk.ts';
import { ProposalType } from './registry.ts';

export type Proposal =
  | AddProposal
  | UpdateProposal
  | RemoveProposal
  | PskProposal
  | ReInitProposal
  | ExternalInitProposal
  | GroupContextExtensionsProposal
  | OtherProposal;
export interface AddProposal {
  readonly proposalType: 1;
  readonly keyPackage: KeyPackage;
}
export interface UpdateProposal {
  readonly proposalType: 2;
  readonly leafNode: LeafNode;
}
export interface RemoveProposal {
  readonly proposalType: 3;
  /** Leaf index, unchecked. */
  readonly removed: number;
}
export interface PskProposal {
  readonly proposalType: 4;
  readonly psk: PreSharedKeyId;
}
export interface ReInitProposal {
  readonly proposalType: 5;
  readonly groupId: Uint8Array;
  readonly version: number;
  readonly cipherSuite: number;
  readonly extensions: readonly Extension[];
}
export interface ExternalInitProposal {
  readonly proposalType: 6;
  readonly kemOutput: Uint8Array;
}
export interface GroupContextExtensionsProposal {
  readonly proposalType: 7;
  readonly extensions: readonly Extension[];
}
/** A type registered through the decoding options; `body` is everything after the type. */
export interface OtherProposal {
  readonly proposalType: number;
  readonly body: Uint8Array;
}

const contextExtensions = /* @__PURE__ */ extensionList(CONTEXT_BODIES);
const bodies: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [ProposalType.add, /* @__PURE__ */ struct({ keyPackage: KeyPackage as Codec<KeyPackage> })],
  [ProposalType.update, /* @__PURE__ */ struct({ leafNode: LeafNode as Codec<LeafNode> })],
  [ProposalType.remove, /* @__PURE__ */ struct({ removed: uint32 })],
  [ProposalType.psk, /* @__PURE__ */ struct({ psk: PreSharedKeyId })],
  [
    ProposalType.reinit,
    /* @__PURE__ */ struct({
      groupId: opaque,
      version: uint16,
      cipherSuite: uint16,
      extensions: contextExtensions,
    }),
  ],
  [ProposalType.externalInit, /* @__PURE__ */ struct({ kemOutput: opaque })],
  [ProposalType.groupContextExtensions, /* @__PURE__ */ struct({ extensions: contextExtensions })],
]);

/** @throws `validation.unsupported` for an unregistered type, whose body has no known end */
export const Proposal: Codec<Proposal> = /* @__PURE__ */ select<Proposal>(
  'proposalType',
  uint16,
  (type, reader) => bodies.get(type) ?? openBody(reader, reader?.options.openTypes?.proposals?.get(type)),
  'validation.unsupported',
);

/** Whether a proposal has a type of RFC 9420 itself; narrows away {@link OtherProposal}. */
export function isKnownProposal(proposal: Proposal): proposal is Exclude<Proposal, OtherProposal> {
  return bodies.has(proposal.proposalType);
}
