/** Code points of RFC 9420 §17 and of its closed enumerations, and the GREASE values of §13.5. */

/** The only protocol version, mls10. */
export const MLS10 = 1;

/** §17.2 */
export const WireFormat = /* @__PURE__ */ Object.freeze({
  publicMessage: 1,
  privateMessage: 2,
  welcome: 3,
  groupInfo: 4,
  keyPackage: 5,
} as const);
export type WireFormat = (typeof WireFormat)[keyof typeof WireFormat];

/** §17.3 */
export const ExtensionType = /* @__PURE__ */ Object.freeze({
  applicationId: 1,
  ratchetTree: 2,
  requiredCapabilities: 3,
  externalPub: 4,
  externalSenders: 5,
} as const);

/** §17.4 */
export const ProposalType = /* @__PURE__ */ Object.freeze({
  add: 1,
  update: 2,
  remove: 3,
  psk: 4,
  reinit: 5,
  externalInit: 6,
  groupContextExtensions: 7,
} as const);

/** §17.5 */
export const CredentialType = /* @__PURE__ */ Object.freeze({ basic: 1, x509: 2 } as const);

/** §6 */
export const ContentType = /* @__PURE__ */ Object.freeze({ application: 1, proposal: 2, commit: 3 } as const);
export type ContentType = (typeof ContentType)[keyof typeof ContentType];

/** §6 */
export const SenderType = /* @__PURE__ */ Object.freeze({
  member: 1,
  external: 2,
  newMemberProposal: 3,
  newMemberCommit: 4,
} as const);

/** §7.2 */
export const LeafSource = /* @__PURE__ */ Object.freeze({ keyPackage: 1, update: 2, commit: 3 } as const);
export type LeafSource = (typeof LeafSource)[keyof typeof LeafSource];

/** §8.4 */
export const PskType = /* @__PURE__ */ Object.freeze({ external: 1, resumption: 2 } as const);

/** §8.4 */
export const PskUsage = /* @__PURE__ */ Object.freeze({ application: 1, reinit: 2, branch: 3 } as const);
export type PskUsage = (typeof PskUsage)[keyof typeof PskUsage];

/** What the registry of §17.4 says of a proposal type; a registered custom type says the same of itself. */
export interface ProposalTraits {
  /** An external sender may propose it (§12.1.8). */
  readonly external: boolean;
  /** A commit that covers it needs an UpdatePath (§12.4). */
  readonly pathRequired: boolean;
  /** An external commit may cover it, in this way only; the list of §12.2 is closed otherwise. @defaultValue not at all */
  readonly externalCommit?: 'value' | 'reference';
  /** It takes its sender out of the group; then it comes as a PublicMessage and is committed by reference. @defaultValue false */
  readonly removesSender?: boolean;
}

/** §17.4, the columns "external" and "path required". */
export const PROPOSAL_TRAITS: ReadonlyMap<number, ProposalTraits> = /* @__PURE__ */ new Map([
  [ProposalType.add, { external: true, pathRequired: false }],
  [ProposalType.update, { external: false, pathRequired: true }],
  [ProposalType.remove, { external: true, pathRequired: true }],
  [ProposalType.psk, { external: true, pathRequired: false }],
  [ProposalType.reinit, { external: true, pathRequired: false }],
  [ProposalType.externalInit, { external: false, pathRequired: true }],
  [ProposalType.groupContextExtensions, { external: true, pathRequired: true }],
]);

/** Default extension types count as supported without being listed (§7.2). */
export function isDefaultExtension(type: number): boolean {
  return type >= 1 && type <= 5;
}

/** Default proposal types count as supported without being listed (§7.2). */
export function isDefaultProposal(type: number): boolean {
  return type >= 1 && type <= 7;
}

/** The fifteen reserved values 0x0A0A, 0x1A1A, … 0xEAEA (§13.5). For encoders only: receivers have no special case. */
export const GREASE: readonly number[] = /* @__PURE__ */ Object.freeze(
  /* @__PURE__ */ Array.from({ length: 15 }, (_, n) => 0x0a0a + n * 0x1010),
);
