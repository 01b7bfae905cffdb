/** What the application decides: whom to believe, how much to keep, how to send. */

import { toHex } from '../base/bytes.ts';
import { encode } from '../codec/codec.ts';
import { Credential } from '../wire/credential.ts';
import type { Extension } from '../wire/extension.ts';
import type { ContentType, ProposalTraits } from '../wire/registry.ts';
import type { Answer } from './refusal.ts';
import type { Member } from './views.ts';

/** A binding of an identity to a signature key that somebody presents (RFC 9420 §5.3.1). */
export interface CredentialClaim extends Presented {
  /** Of the group or the KeyPackage. */
  readonly cipherSuite: number;
  readonly role: 'member' | 'external-sender';
  /** What the same member presented before; the new claim must be a valid successor. */
  readonly previous: Presented | undefined;
}

/** What a leaf node says of its owner. */
export interface Presented {
  readonly credential: Credential;
  readonly signatureKey: Uint8Array;
  /** Extensions of the leaf node, where certificates may be; external senders have none. */
  readonly extensions: readonly Extension[];
}

/** The authentication service (§5.3.1): true when the identity in the credential owns the key. */
export type CredentialValidator = (claim: CredentialClaim) => Answer;

/** Accepts every claim: for tests and experiments. There is no default, so that this is always somebody's choice. */
export const acceptAnyCredential: CredentialValidator = () => true;

/**
 * What handshakes and trees may be at most. What is beyond is invalid (`codec.limit`), so all members have to set the
 * same, and nobody may lower them for a group that exists.
 */
export interface Bounds {
  /** MLSMessage with a proposal or a commit, bytes. */
  readonly handshakeBytes: number;
  /** Generation of a handshake key, which is how many handshakes one sender has in an epoch. */
  readonly handshakeGeneration: number;
  /** Proposals in one commit. */
  readonly proposals: number;
  /** Members of a group. */
  readonly leaves: number;
}

/** What a client accepts, keeps and sends. */
export interface Policy {
  /** Past epochs whose application keys are kept. @defaultValue 5 */
  readonly pastEpochs: number;
  /** Past epochs whose resumption PSKs are kept (§8.6). @defaultValue 32 */
  readonly resumptionEpochs: number;
  /** Largest step ahead in one sender's ratchet (§15.3), generations. @defaultValue 20 000 */
  readonly maxForward: number;
  /** Skipped message keys kept per sender, content type and epoch. @defaultValue 1000 */
  readonly keptKeys: number;
  /** Proposals kept per epoch. @defaultValue 1000 */
  readonly keptProposals: number;
  /** Proposals kept per sender and epoch; all would-be members together count as one. @defaultValue 100 */
  readonly keptProposalsPerSender: number;
  /**
   * Messages of later epochs held until a commit leads there: how many epochs ahead, how many messages, and their total
   * size in bytes. A source that the transport names gets a quarter of it at most. @defaultValue 16, 100, 1 MiB
   */
  readonly held: { readonly epochs: number; readonly count: number; readonly bytes: number };
  /** Bounds that are rules of the group. @defaultValue none */
  readonly bounds: Bounds;
  /** Longest span of a KeyPackage lifetime (§7.2), seconds. @defaultValue 366 days */
  readonly maxLifetimeSeconds: number;
  /** Longest application message, bytes. @defaultValue 16 MiB */
  readonly maxMessageBytes: number;
  /** Handshake framing (§6.3). @defaultValue 'private' */
  readonly handshake: 'private' | 'public';
  /** Padded length of a content of `length` bytes, which may depend on its type (§6.3.1). @defaultValue next multiple of 64 */
  readonly pad: (length: number, contentType: ContentType) => number;
  /** Further extension types that this client understands. @defaultValue none */
  readonly extensionTypes: readonly number[];
  /** Further proposal types that this client understands, with their traits (§12.1, §17.4). @defaultValue none */
  readonly proposalTypes: ReadonlyMap<number, ProposalTraits>;
  /** Credential types that this client understands. @defaultValue basic */
  readonly credentialTypes: readonly number[];
  /** Cipher suites that our leaves list besides that of the client (§7.2): those that it could change to. @defaultValue none */
  readonly suites: readonly number[];
  /**
   * Names the identity of a member: who must be in both of two groups that follow on each other, and who may be in a
   * subgroup (§11.2, §11.3). @defaultValue the credential
   */
  readonly identityOf: (member: Member) => string;
  /** Fill lists that others must ignore with reserved values (§13.5). @defaultValue true */
  readonly grease: boolean;
  /**
   * With `grease`, also put an extension of a reserved type into KeyPackages (§10). Off against the SHOULD, since OpenMLS
   * up to 0.9.2 refuses such a KeyPackage, and every commit that adds it. @defaultValue false
   */
  readonly greaseKeyPackages: boolean;
}

/** The defaults of {@link Policy}. */
export const DEFAULT_POLICY: Policy = /* @__PURE__ */ Object.freeze({
  pastEpochs: 5,
  resumptionEpochs: 32,
  maxForward: 20_000,
  keptKeys: 1000,
  keptProposals: 1000,
  keptProposalsPerSender: 100,
  held: { epochs: 16, count: 100, bytes: 1 << 20 },
  bounds: {
    handshakeBytes: Number.POSITIVE_INFINITY,
    handshakeGeneration: Number.POSITIVE_INFINITY,
    proposals: Number.POSITIVE_INFINITY,
    leaves: Number.POSITIVE_INFINITY,
  },
  maxLifetimeSeconds: 366 * 86_400,
  maxMessageBytes: 1 << 24,
  handshake: 'private',
  pad: (length: number) => Math.ceil(length / 64) * 64,
  extensionTypes: [],
  proposalTypes: new Map<number, ProposalTraits>(),
  credentialTypes: [1],
  suites: [],
  identityOf: ({ credential }: Member) => toHex(encode(Credential, credential)),
  grease: true,
  greaseKeyPackages: false,
});
