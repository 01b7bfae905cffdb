/** Forms of the records of a group (see `keys.ts` for their names). */

import type { LeafIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import {
  boolean,
  type Codec,
  decodeOwned,
  encode,
  fixedOpaque,
  mapped,
  opaque,
  optional,
  struct,
  text,
  uint8,
  uint16,
  uint32,
  uint64,
  vector,
} from '../codec/codec.ts';
import type { DecodeOptions } from '../codec/reader.ts';
import type { KeyPair } from '../crypto/provider.ts';
import {
  EndRecord,
  KeyPairRecord,
  ProposalRecord,
  ReInitRecord,
  SecretsRecord,
  StatusRecord,
} from '../group/record.ts';
import { ExporterTreeRecord } from '../group/recordSecrets.ts';
import { ChangesRecord, Leaf } from '../group/recordViews.ts';
import type { CachedProposal, EpochEnd, EpochState, GroupState, HeldMessage } from '../group/state.ts';
import type { CommitChanges, Member } from '../group/views.ts';
import type { ExporterTree } from '../schedule/safeExporter.ts';
import { Credential } from '../wire/credential.ts';
import { GroupContext } from '../wire/groupContext.ts';
import { LeafNode } from '../wire/leafNode.ts';
import { Proposal, type ReInitProposal } from '../wire/proposal.ts';
import { ParentNode } from '../wire/treeNode.ts';
import { DIGEST_LENGTH } from './changes.ts';
import { summed } from './summed.ts';

/** Read a record. Whatever it makes fail is the record's fault. @throws `storage.corrupt` */
export function readRecord<T>(codec: Codec<T>, value: Uint8Array, options: DecodeOptions = {}): T {
  try {
    return decodeOwned(codec, value, { ...options, limits: LIMITS });
  } catch (error) {
    return fail('storage.corrupt', { length: value.length }, error);
  }
}

/** Our own records: what they hold has passed the limits for received bytes. */
const LIMITS = /* @__PURE__ */ Object.freeze({ bytes: 2 ** 30 - 1, elements: 2 ** 24 });

/** `h` */
export interface Head {
  readonly digest: Uint8Array;
  /** Numbers records that are told apart by nothing else. */
  readonly counter: number;
}

export const Head: Codec<Head> = /* @__PURE__ */ struct<Head>({
  digest: /* @__PURE__ */ fixedOpaque(DIGEST_LENGTH),
  counter: uint32,
});

/** An epoch without its trees and our signature key. */
export type Bare = Omit<EpochState, 'tree' | 'privatePath' | 'signer'> & { readonly width: number };

const bare = {
  context: GroupContext as Codec<GroupContext>,
  width: uint32,
  self: Leaf,
  secrets: SecretsRecord,
  confirmationTag: opaque,
  interimHash: opaque,
};

/** `e` */
export interface EpochPart {
  readonly status: GroupState['status'];
  readonly epoch: Bare;
  readonly signer: KeyPair;
  readonly exporterTree: ExporterTree;
  readonly reinit: ReInitProposal | undefined;
}

export const EpochPart: Codec<EpochPart> = /* @__PURE__ */ struct<EpochPart>({
  status: StatusRecord,
  epoch: /* @__PURE__ */ struct<Bare>(bare),
  signer: KeyPairRecord,
  exporterTree: ExporterTreeRecord,
  reinit: /* @__PURE__ */ optional(ReInitRecord),
});

/** `f` */
export type Flags = Pick<GroupState, 'ahead' | 'dropped' | 'isSetBack'>;

export const Flags: Codec<Flags> = /* @__PURE__ */ struct<Flags>({
  ahead: /* @__PURE__ */ vector(text),
  dropped: /* @__PURE__ */ vector(opaque),
  isSetBack: boolean,
});

/** `l`: a leaf, and the epoch in which it was last replaced. */
export interface LeafPart {
  readonly renewed: bigint;
  readonly leafNode: LeafNode;
}

export const LeafPart: Codec<LeafPart> = /* @__PURE__ */ struct<LeafPart>({
  renewed: uint64,
  leafNode: LeafNode as Codec<LeafNode>,
});

/** `n` */
export { ParentNode };

/** `y` */
export const PathPart: Codec<KeyPair> = KeyPairRecord;

/** A leaf that an earlier epoch had, and the one after it has not. */
export interface OldLeaf {
  readonly leaf: LeafIndex;
  readonly leafNode: LeafNode | undefined;
}

const OldLeaf: Codec<OldLeaf> = /* @__PURE__ */ struct<OldLeaf>({
  leaf: Leaf,
  leafNode: /* @__PURE__ */ optional(LeafNode as Codec<LeafNode>),
});

/** `p`: an earlier epoch by what distinguishes its members from those of the one after it. */
export interface PastPart {
  readonly context: GroupContext;
  readonly width: number;
  readonly self: LeafIndex;
  readonly senderDataSecret: Uint8Array;
  readonly end: EpochEnd;
  readonly replaced: readonly OldLeaf[];
}

export const PastPart: Codec<PastPart> = /* @__PURE__ */ struct<PastPart>({
  context: GroupContext as Codec<GroupContext>,
  width: uint32,
  self: Leaf,
  senderDataSecret: opaque,
  end: EndRecord,
  replaced: /* @__PURE__ */ vector(OldLeaf),
});

/** `b` */
export const ProposalPart: Codec<CachedProposal> = ProposalRecord;

/** `d` */
export const HeldPart: Codec<HeldMessage> = /* @__PURE__ */ struct<HeldMessage>({
  epoch: uint64,
  message: opaque,
  source: text,
});

/** A node of the tree that a pending commit leads to. */
export interface NewNode {
  readonly node: number;
  readonly leafNode: LeafNode | undefined;
  readonly parentNode: ParentNode | undefined;
}

const NewNode: Codec<NewNode> = /* @__PURE__ */ struct<NewNode>({
  node: uint32,
  leafNode: /* @__PURE__ */ optional(LeafNode as Codec<LeafNode>),
  parentNode: /* @__PURE__ */ optional(ParentNode as Codec<ParentNode>),
});

/** `z`: our pending commit by what it changes; its messages are records of their own. */
export interface PendingPart {
  readonly epoch: Bare;
  /** Unless it stays. */
  readonly signer: KeyPair | undefined;
  readonly nodes: readonly NewNode[];
  /** Private keys; the public ones are in the tree. */
  readonly path: readonly { readonly node: number; readonly secretKey: Uint8Array }[];
  readonly encryptionSecret: Uint8Array;
  readonly exporterTree: ExporterTree;
  readonly reinit: ReInitProposal | undefined;
  readonly changes: CommitChanges;
  readonly proposals: readonly Proposal[];
  readonly isFresh: boolean;
}

export const PendingPart: Codec<PendingPart> = /* @__PURE__ */ struct<PendingPart>({
  epoch: /* @__PURE__ */ struct<Bare>(bare),
  signer: /* @__PURE__ */ optional(KeyPairRecord),
  nodes: /* @__PURE__ */ vector(NewNode),
  path: /* @__PURE__ */ vector(
    /* @__PURE__ */ struct<{ node: number; secretKey: Uint8Array }>({ node: uint32, secretKey: opaque }),
  ),
  encryptionSecret: opaque,
  exporterTree: ExporterTreeRecord,
  reinit: /* @__PURE__ */ optional(ReInitRecord),
  changes: ChangesRecord,
  proposals: /* @__PURE__ */ vector(Proposal),
  isFresh: boolean,
});

/** `r`: a ratchet without the keys that were passed over. */
export interface RatchetPart {
  readonly next: number;
  readonly evictedBelow: number;
  readonly secret: Uint8Array;
}

export const RatchetPart: Codec<RatchetPart> = /* @__PURE__ */ struct<RatchetPart>({
  next: uint32,
  evictedBelow: uint32,
  secret: opaque,
});

/** `x`: which group a place is for. */
export interface Place {
  readonly groupId: Uint8Array;
  readonly suite: number;
  /** `joining`: an external commit is to bring us into it. `gone`: what is left of its state is to be removed. */
  readonly standing: 'in' | 'joining' | 'gone';
  /** The place that names its inbox: a group that was rejoined keeps that of the place before. */
  readonly shelf: number;
  /** The external commit that is to bring us into it. */
  readonly message: Uint8Array | undefined;
}

const STANDINGS = ['in', 'joining', 'gone'] as const;

export const Place: Codec<Place> = /* @__PURE__ */ summed(
  /* @__PURE__ */ struct<Place>({
    groupId: opaque,
    suite: uint16,
    standing: /* @__PURE__ */ mapped(
      uint8,
      (n) => STANDINGS[n] ?? fail('storage.corrupt', { standing: n }),
      (standing) => STANDINGS.indexOf(standing),
    ),
    shelf: uint32,
    message: /* @__PURE__ */ optional(opaque),
  }),
);

/** `i`: what a message said. */
export interface InboxPart {
  readonly epoch: bigint;
  readonly generation: number;
  readonly sender: Member;
  readonly authenticatedData: Uint8Array;
  readonly data: Uint8Array;
}

export const InboxPart: Codec<InboxPart> = /* @__PURE__ */ summed(
  /* @__PURE__ */ struct<InboxPart>({
    epoch: uint64,
    generation: uint32,
    sender: /* @__PURE__ */ struct<Member>({ leaf: Leaf, credential: Credential, signatureKey: opaque }),
    authenticatedData: opaque,
    data: opaque,
  }),
);

/** `m`: the format of the store. */
export const Meta: Codec<{ readonly format: number }> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ struct<{ magic: number; format: number }>({ magic: uint8, format: uint16 }),
  ({ magic, format }) => (magic === MAGIC ? { format } : fail('storage.corrupt', { magic })),
  ({ format }) => ({ magic: MAGIC, format }),
);

const MAGIC = 0x6d;

/** `v`: how often the store was written, and by which of its writers last. */
export interface Version {
  readonly count: bigint;
  /** Random: no two writers write the same. */
  readonly writer: Uint8Array;
}

export const Version: Codec<Version> = /* @__PURE__ */ struct<Version>({
  count: uint64,
  writer: /* @__PURE__ */ fixedOpaque(8),
});

export { encode };
