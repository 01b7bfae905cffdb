/** The state of a group as bytes, secrets included: one whole record, for keeping it and for comparing it. */

import { leafIndex, nodeIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import {
  boolean,
  type Codec,
  mapped,
  opaque,
  optional,
  select,
  struct,
  text,
  uint8,
  uint32,
  uint64,
  vector,
} from '../codec/codec.ts';
import type { KeyPair } from '../crypto/provider.ts';
import type { PrivatePath } from '../tree/privatePath.ts';
import type { Renewals } from '../tree/renewals.ts';
import { type Tree, treeFromNodes, treeToNodes } from '../tree/tree.ts';
import { GroupContext } from '../wire/groupContext.ts';
import { KeyPackage } from '../wire/keyPackage.ts';
import { isKnownProposal, Proposal, type ReInitProposal } from '../wire/proposal.ts';
import { ProposalType } from '../wire/registry.ts';
import { RatchetTree } from '../wire/treeNode.ts';
import type { Environment } from './environment.ts';
import { keyPackageRef, type OwnKeyPackage } from './keyPackage.ts';
import { readRecord, writeRecord } from './recordFrame.ts';
import { ExporterTreeRecord, SecretTreeRecord } from './recordSecrets.ts';
import { Leaf, OwnCommitRecord } from './recordViews.ts';
import type {
  CachedProposal,
  EpochEnd,
  EpochState,
  GroupState,
  HeldMessage,
  NextEpoch,
  PastEpoch,
  PendingCommit,
  ProposalSender,
  ResumptionPsk,
} from './state.ts';

/** Encode a state. Equal states give equal bytes. */
export function encodeState({ suite }: Environment, state: GroupState): Uint8Array {
  return writeRecord(suite, VERSION, StateRecord, state);
}

/** Take back what {@link encodeState} made. @throws `storage.corrupt`, `storage.version`, `codec.input` for no bytes */
export function decodeState(env: Environment, record: Uint8Array): GroupState {
  return readRecord(env, record, VERSION, StateRecord);
}

/** A KeyPackage with its private halves. */
export function encodeKeyPackage({ suite }: Environment, own: OwnKeyPackage): Uint8Array {
  return writeRecord(suite, VERSION, KeyPackageRecord, own);
}

/** Take back what {@link encodeKeyPackage} made. @throws `storage.corrupt`, `storage.version`, `codec.input` for no bytes */
export function decodeKeyPackage(env: Environment, record: Uint8Array): OwnKeyPackage {
  const own = readRecord(env, record, VERSION, KeyPackageRecord);
  return { ...own, ref: keyPackageRef(env.suite, own.keyPackage) };
}

const VERSION = 1;

/** A key pair. */
export const KeyPairRecord = /* @__PURE__ */ struct<KeyPair>({ publicKey: opaque, secretKey: opaque });

const KeyPackageRecord = /* @__PURE__ */ struct<Omit<OwnKeyPackage, 'ref'>>({
  keyPackage: KeyPackage as Codec<KeyPackage>,
  init: KeyPairRecord,
  encryption: KeyPairRecord,
  signer: KeyPairRecord,
  reusable: boolean,
});

/** A ratchet tree. */
export const TreeRecord: Codec<Tree> = /* @__PURE__ */ mapped(RatchetTree, treeFromNodes, treeToNodes);

const PathRecord: Codec<PrivatePath> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ vector(
    /* @__PURE__ */ struct<{ node: number; keyPair: KeyPair }>({ node: uint32, keyPair: KeyPairRecord }),
  ),
  (entries) => new Map(entries.map(({ node, keyPair }) => [nodeIndex(node), keyPair])),
  (path) => [...path].map(([node, keyPair]) => ({ node, keyPair })),
);

/** The secrets of an epoch. */
export const SecretsRecord = /* @__PURE__ */ struct<EpochState['secrets']>({
  senderDataSecret: opaque,
  exporterSecret: opaque,
  externalSecret: opaque,
  confirmationKey: opaque,
  membershipKey: opaque,
  resumptionPsk: opaque,
  epochAuthenticator: opaque,
  initSecret: opaque,
});

const EpochRecord: Codec<EpochState> = /* @__PURE__ */ struct<EpochState>({
  context: GroupContext as Codec<GroupContext>,
  tree: TreeRecord,
  self: Leaf,
  privatePath: PathRecord,
  signer: KeyPairRecord,
  secrets: SecretsRecord,
  confirmationTag: opaque,
  interimHash: opaque,
});

/** The ReInit that closes a group. */
export const ReInitRecord: Codec<ReInitProposal> = /* @__PURE__ */ mapped(
  Proposal,
  (proposal) =>
    isKnownProposal(proposal) && proposal.proposalType === ProposalType.reinit
      ? proposal
      : fail('storage.corrupt', { proposal: proposal.proposalType }),
  (proposal) => proposal,
);

const NextRecord: Codec<NextEpoch> = /* @__PURE__ */ struct<NextEpoch>({
  epoch: EpochRecord,
  secretTree: SecretTreeRecord,
  exporterTree: ExporterTreeRecord,
  reinit: /* @__PURE__ */ optional(ReInitRecord),
});

/** Who made a proposal. */
export const SenderRecord: Codec<ProposalSender> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ struct<{ kind: number; index: number }>({ kind: uint8, index: uint32 }),
  ({ kind, index }) => {
    if (kind === 0) return { kind: 'member', leaf: leafIndex(index) };
    if (kind === 1) return { kind: 'external', index };
    return kind === 2 && index === 0 ? { kind: 'new-member' } : fail('storage.corrupt', { sender: kind });
  },
  (sender) => {
    if (sender.kind === 'member') return { kind: 0, index: sender.leaf };
    return sender.kind === 'external' ? { kind: 1, index: sender.index } : { kind: 2, index: 0 };
  },
);

/** A proposal that waits for a commit. */
export const ProposalRecord: Codec<CachedProposal> = /* @__PURE__ */ struct<CachedProposal>({
  proposal: Proposal,
  sender: SenderRecord,
  ref: opaque,
  ownKeys: /* @__PURE__ */ optional(
    /* @__PURE__ */ struct<NonNullable<CachedProposal['ownKeys']>>({
      encryption: KeyPairRecord,
      signer: KeyPairRecord,
    }),
  ),
});

const PendingRecord: Codec<PendingCommit> = /* @__PURE__ */ struct<PendingCommit>({
  commit: OwnCommitRecord,
  next: NextRecord,
  proposals: /* @__PURE__ */ vector(Proposal),
  isFresh: boolean,
});

/** How an epoch ended. */
export const EndRecord: Codec<EpochEnd> = /* @__PURE__ */ struct<EpochEnd>({ mark: opaque, isOwn: boolean });

const PastRecord: Codec<PastEpoch> = /* @__PURE__ */ struct<PastEpoch>({
  context: GroupContext as Codec<GroupContext>,
  tree: TreeRecord,
  self: Leaf,
  senderDataSecret: opaque,
  secretTree: SecretTreeRecord,
  end: EndRecord,
});

const HalfRecord: Codec<Renewals> = {
  read: (r) => RenewalsRecord.read(r),
  write: (w, renewals) => RenewalsRecord.write(w, renewals),
};

type TaggedRenewals =
  | { readonly tag: 0; readonly epoch: bigint }
  | ({ readonly tag: 1 } & Exclude<Renewals, bigint>);

const renewalBodies: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [0, /* @__PURE__ */ struct({ epoch: uint64 })],
  [1, /* @__PURE__ */ struct({ left: HalfRecord, right: HalfRecord })],
]);

const RenewalsRecord: Codec<Renewals> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ select<TaggedRenewals>('tag', uint8, (tag) => renewalBodies.get(tag)),
  (renewals) => (renewals.tag === 0 ? renewals.epoch : { left: renewals.left, right: renewals.right }),
  (renewals) =>
    typeof renewals === 'bigint' ? { tag: 0 as const, epoch: renewals } : { tag: 1 as const, ...renewals },
);

const STATUSES = ['active', 'removed', 'closed'] as const;

/** Whether we can still do something in a group. */
export const StatusRecord: Codec<GroupState['status']> = /* @__PURE__ */ mapped(
  uint8,
  (n) => STATUSES[n] ?? fail('storage.corrupt', { status: n }),
  (status) => STATUSES.indexOf(status),
);

const StateRecord: Codec<GroupState> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ struct<GroupState>({
    status: StatusRecord,
    epoch: /* @__PURE__ */ mapped(
      EpochRecord,
      (epoch) => Object.freeze(epoch),
      (epoch) => epoch,
    ),
    secretTree: SecretTreeRecord,
    exporterTree: ExporterTreeRecord,
    renewals: RenewalsRecord,
    proposals: /* @__PURE__ */ vector(ProposalRecord),
    pending: /* @__PURE__ */ optional(PendingRecord),
    past: /* @__PURE__ */ vector(PastRecord),
    resumption: /* @__PURE__ */ vector(
      /* @__PURE__ */ struct<ResumptionPsk>({ epoch: uint64, secret: opaque }),
    ),
    held: /* @__PURE__ */ vector(
      /* @__PURE__ */ struct<HeldMessage>({ epoch: uint64, message: opaque, source: text }),
    ),
    ahead: /* @__PURE__ */ vector(text),
    dropped: /* @__PURE__ */ vector(opaque),
    isSetBack: boolean,
    reinit: /* @__PURE__ */ optional(ReInitRecord),
  }),
  (state) => Object.freeze(state),
  (state) => state,
);
