/** Our own pending commit as a record: what it changes is told again after a restart. */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import {
  boolean,
  type Codec,
  mapped,
  opaque,
  optional,
  struct,
  uint32,
  uint64,
  vector,
} from '../codec/codec.ts';
import { Credential } from '../wire/credential.ts';
import { extensionList } from '../wire/extension.ts';
import { isKnownProposal, type OtherProposal, Proposal } from '../wire/proposal.ts';
import { PreSharedKeyId } from '../wire/psk.ts';
import type { CommitChanges, CustomProposal, Member, OwnCommit } from './views.ts';

/** A leaf index. */
export const Leaf: Codec<LeafIndex> = /* @__PURE__ */ mapped(uint32, leafIndex, (leaf) => leaf);

const MemberRecord: Codec<Member> = /* @__PURE__ */ struct<Member>({
  leaf: Leaf,
  credential: Credential,
  signatureKey: opaque,
});

const OtherRecord: Codec<OtherProposal> = /* @__PURE__ */ mapped(
  Proposal,
  (proposal) =>
    isKnownProposal(proposal) ? fail('storage.corrupt', { proposal: proposal.proposalType }) : proposal,
  (proposal) => proposal,
);

/** What a commit changes. */
export const ChangesRecord: Codec<CommitChanges> = /* @__PURE__ */ struct<CommitChanges>({
  added: /* @__PURE__ */ vector(MemberRecord),
  removed: /* @__PURE__ */ vector(MemberRecord),
  updated: /* @__PURE__ */ vector(
    /* @__PURE__ */ struct<{ before: Member; after: Member }>({ before: MemberRecord, after: MemberRecord }),
  ),
  extensions: /* @__PURE__ */ optional(/* @__PURE__ */ extensionList(/* @__PURE__ */ new Map())),
  psks: /* @__PURE__ */ vector(PreSharedKeyId),
  reinit: boolean,
  custom: /* @__PURE__ */ vector(
    /* @__PURE__ */ struct<CustomProposal>({
      proposal: OtherRecord,
      sender: /* @__PURE__ */ optional(MemberRecord),
    }),
  ),
  removesSelf: boolean,
});

/** A commit of ours as it was handed out. */
export const OwnCommitRecord: Codec<OwnCommit> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ struct<Omit<OwnCommit, 'origin'>>({
    epoch: uint64,
    committer: Leaf,
    changes: ChangesRecord,
    message: opaque,
    welcome: /* @__PURE__ */ optional(opaque),
    groupInfo: /* @__PURE__ */ optional(opaque),
  }),
  (commit) => Object.freeze({ origin: 'own', ...commit }),
  (commit) => commit,
);
