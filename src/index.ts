/**
 * Messaging Layer Security (RFC 9420): the core of `xmpp-mls`, usable without XMPP.
 *
 * Start with {@link createClient}.
 */

import { provider as platformProvider } from '#provider';
import { Client } from './group/client.ts';
import {
  type ObserveOptions as AllObserveOptions,
  observeGroup,
  observeRecord,
  type PublicGroup,
} from './group/observer.ts';
import type { ClientOptions as AllClientOptions } from './group/options.ts';

export type { Epoch, LeafIndex } from './base/brand.ts';
export { fromHex, fromUtf8, toHex, utf8 } from './base/bytes.ts';
export type { Blame, MlsErrorCode, Retry, Scope } from './base/codes.ts';
export { MlsError } from './base/error.ts';
export type { CipherSuite, KeyPair, Provider, SuiteCrypto } from './crypto/provider.ts';
export { commonCapabilities } from './group/capabilities.ts';
export type { Client } from './group/client.ts';
export type {
  CreatedKeyPackage,
  ExternalJoinOptions,
  FoundingOptions,
  JoinOptions,
} from './group/clientOptions.ts';
export type { ComponentKeys, ForComponent, SignedByComponent } from './group/component.ts';
export type { NewGroup } from './group/create.ts';
export type { Draft } from './group/draft.ts';
export { type Component, type DraftOptions, dictionaryOf, extensionsDraft } from './group/extensionsDraft.ts';
export type { Group } from './group/group.ts';
export { type Judgement, judge } from './group/judge.ts';
export type { Foreign, Observed, Offered } from './group/observed.ts';
export type { PublicGroup } from './group/observer.ts';
export type { ExternalSigner } from './group/outside.ts';
export {
  acceptAnyCredential,
  type Bounds,
  type CredentialClaim,
  type CredentialValidator,
  type Policy,
  type Presented,
} from './group/policy.ts';
export { type Preview, preview } from './group/preview.ts';
export type { Accepted, Divergence, Processed, StoredProposal } from './group/processed.ts';
export {
  add,
  appData,
  appEphemeral,
  customProposal,
  externalPsk,
  type LeafChange,
  leave,
  type NewProposal,
  type ProposalInput,
  reinit,
  remove,
  resumptionPsk,
  type Successor,
  setExtensions,
  stored,
  update,
} from './group/proposals.ts';
export type { SendOptions } from './group/protect.ts';
export type { Answer, Refusal, RefusalCode } from './group/refusal.ts';
export {
  defineExtension,
  defineProposal,
  type ExtensionKind,
  type ProposalKind,
  type Registry,
} from './group/registry.ts';
export type { Author, CommitClaim, GroupRules, GroupView, ProposalClaim } from './group/rules.ts';
export type { CommitOptions } from './group/sendCommit.ts';
export type { ExternalJoinOffer, FoundedGroup, Origin, StagedJoin } from './group/staged.ts';
export type { CommitChanges, Member, MemberLeaf, OwnCommit, Renewal, StagedCommit } from './group/views.ts';
export { basicCredential, type Credential } from './wire/credential.ts';
export type { Extension } from './wire/extension.ts';
export type { Capabilities } from './wire/leafNode.ts';

/** As the options of a client, but the provider has a default: node:crypto under Node, noble elsewhere. */
export type ClientOptions = Omit<AllClientOptions, 'provider'> & Partial<Pick<AllClientOptions, 'provider'>>;

/**
 * Make a client: one device of one user.
 * @throws `codec.unsupported` for a suite the provider lacks
 */
export function createClient(options: ClientOptions): Client {
  return new Client({ provider: platformProvider, ...options });
}

/** As for a client, without what only members have; the suite follows from the group. See `checks` for what is checked. */
export type ObserveOptions = Omit<AllObserveOptions, 'provider'> &
  Partial<Pick<AllObserveOptions, 'provider'>>;

/**
 * Follow a group's public handshakes without being in it and without its secrets: for servers, bots, external senders.
 * @param groupInfo MLSMessage of any member, for the epoch to begin with
 * @param ratchetTree encoded, when the GroupInfo does not carry it (RFC 9420 §12.4.3.3)
 * @throws `codec.*`, `validation.*`, `crypto.*`; `codec.unsupported` for a suite the provider lacks
 */
export function observe(
  options: ObserveOptions,
  groupInfo: Uint8Array,
  ratchetTree?: Uint8Array,
): PublicGroup {
  return observeGroup({ provider: platformProvider, ...options }, groupInfo, ratchetTree);
}

/**
 * Go on observing after a restart.
 * @param record as `PublicGroup.save` gave it; it is believed, whatever `checks` says
 * @throws `storage.corrupt`, `storage.version`, `codec.unsupported` for a suite the provider lacks
 */
export function observeSaved(options: ObserveOptions, record: Uint8Array): PublicGroup {
  return observeRecord({ provider: platformProvider, ...options }, record);
}
