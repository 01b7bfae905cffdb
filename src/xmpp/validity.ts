/**
 * V, the validity of commits: MLS for XMPP, version 0, section 7.2. A function of the state of the group and the bytes of the
 * message, so that all members come to one verdict: no clock, no pin, no affiliation, nothing that a server says.
 *
 * Most of V is RFC 9420, which the core checks. What the binding adds is asked in the core's order: V12, V10, then who may do
 * what (V8 for an external commit, else V5, V6, V7), the group (V4), the path (V9), the accounts after it (V3, V2, V9), and
 * V1 where a leaf is verified: for an Add or Update before everything else, for the path at the end. The first that fails is
 * reported. Lifetimes are not compared with a clock on receipt, only their span is bounded.
 */

import type { MlsErrorCode } from '../base/codes.ts';
import type { ErrorDetail, MlsError } from '../base/error.ts';
import {
  type Answer,
  type CommitClaim,
  type CredentialClaim,
  type CredentialValidator,
  type Group,
  type GroupRules,
  type GroupView,
  judge,
  type Policy,
  type ProposalClaim,
  type Provider,
  type Refusal,
  type SuiteCrypto,
} from '../index.ts';
import { isKnownProposal } from '../wire/proposal.ts';
import { ProposalType, PskType, PskUsage } from '../wire/registry.ts';
import { findBinding, GroupMode, XMPP_BINDING } from './binding.ts';
import { checkDeviceCert, DEVICE_CERT, readIdentity } from './identity/deviceCert.ts';
import { accountsOf, isSameDevice } from './validity/accounts.ts';
import { actOf, changeOf, renewalOf } from './validity/change.ts';
import { accountsAfter, boundGroup, hasExternalSenders, isUniform, successor } from './validity/outcome.ts';
import {
  externalJoin,
  isAdmissible,
  mayAdd,
  mayGovern,
  mayRemove,
  permissions,
} from './validity/permissions.ts';

/** Name of a rule of section 7.2; `RFC 9420` for the rest of what the RFC demands. */
export type Rule = `V${number}` | 'RFC 9420';

/** What V says of a commit. */
export type Verdict =
  /** It ends the epoch. `unusable`: not for this member, whose secrets do not lead on ("private failure"). */
  | { readonly ok: true; readonly unusable?: MlsError }
  | { readonly ok: false; readonly code: MlsErrorCode; readonly rule: Rule; readonly detail: ErrorDetail };

/** Options of a client that follows V. */
export interface ValidityRules {
  readonly validateCredential: CredentialValidator;
  readonly rules: GroupRules;
  /** Part of V: what an application adds must leave these as they are. */
  readonly policy: Pick<Policy, 'bounds' | 'maxLifetimeSeconds' | 'extensionTypes' | 'suites'>;
}

/** V10: most Adds in one commit. */
export const MOST_ADDS = 64;

/** V13, and the longest lifetime of a KeyPackage that may be in a tree. */
export const VALIDITY_POLICY: Omit<ValidityRules['policy'], 'suites'> = /* @__PURE__ */ Object.freeze({
  bounds: /* @__PURE__ */ Object.freeze({
    handshakeBytes: 1 << 20,
    handshakeGeneration: 1000,
    proposals: 256,
    leaves: 10_000,
  }),
  maxLifetimeSeconds: 91 * 86_400,
  extensionTypes: [DEVICE_CERT, XMPP_BINDING],
});

/** V as options of `createClient`, `observe` and `MlsStore.client`. @throws `codec.unsupported` for a provider without suite 1 */
export function validityRules(provider: Provider): ValidityRules {
  const suite1 = provider.suite(1);
  return {
    validateCredential: (claim) => validLeaf(suite1, claim),
    rules: {
      mayPropose: (claim, group) => validProposal(suite1, claim, group) ?? true,
      mayCommit: (claim, group) => validChange(suite1, claim, group) ?? true,
      takesUp: (claim, group) => isOwnRight(suite1, claim, group),
      mayEnter: (group) => validGroup(group) ?? true,
    },
    // What a device can change to is seen by those who might (design, 2.4).
    policy: { ...VALIDITY_POLICY, suites: provider.suites },
  };
}

/**
 * V for one message, without any effect on the group, which may be one of a store.
 * @param group of a client with {@link validityRules}
 * @throws `state.closed-handle`, `codec.input` for no bytes, and `crypto.*` or `internal.bug` when a back end fails
 */
export function validateCommit(group: Group, message: Uint8Array): Verdict {
  const judgement = judge(group, message);
  switch (judgement.kind) {
    case 'valid':
      return { ok: true };
    case 'unusable':
      return { ok: true, unusable: judgement.error };
    case 'rejected': {
      const { code, detail } = judgement.error;
      return { ok: false, code, rule: ruleOf(judgement.error), detail };
    }
    case 'other': {
      const { outcome } = judgement;
      if (outcome === 'own-commit') return { ok: true };
      return { ok: false, code: NOT_NOW[outcome], rule: 'RFC 9420', detail: { outcome } };
    }
  }
}

/** The rule behind the error of a rejected commit. */
export function ruleOf({ code, detail }: Pick<MlsError, 'code' | 'detail'>): Rule {
  const { rule, suite } = detail;
  if (typeof rule === 'string' && /^V[0-9]+$/.test(rule)) return rule as Rule;
  if (code === 'validation.key-package' && suite !== undefined) return 'V11';
  return RULES.get(code) ?? 'RFC 9420';
}

/** Rules of section 7.2 that the core checks by itself. */
const RULES: ReadonlyMap<MlsErrorCode, Rule> = /* @__PURE__ */ new Map<MlsErrorCode, Rule>([
  ['validation.credential', 'V1'],
  ['validation.duplicate-client', 'V3'],
  ['validation.duplicate-key', 'V3'],
  ['policy.external-commit', 'V8'],
  ['policy.successor', 'V9'],
  ['validation.proposal-list', 'V10'],
  ['validation.psk', 'V12'],
  ['codec.limit', 'V13'],
]);

/** What a message is that ends no epoch now. */
const NOT_NOW = {
  application: 'validation.wire-format',
  proposal: 'validation.wire-format',
  'own-message': 'state.own-message',
  duplicate: 'state.replay',
  held: 'state.epoch-future',
  expired: 'state.epoch-past',
  foreign: 'state.unknown-group',
  desynchronised: 'state.desync',
} as const;

/** V1, and that a leaf is renewed by its own client alone: another identity is no successor, whatever proves it. */
function validLeaf(suite1: SuiteCrypto, claim: CredentialClaim): Answer {
  if (claim.role !== 'member') return { code: 'policy.commit-rejected', rule: 'V4' };
  const { previous } = claim;
  if (previous !== undefined && !isSameIdentity(claim, previous))
    return { code: 'policy.successor', rule: 'V9' };
  const verdict = checkDeviceCert(suite1, claim);
  if (verdict.kind === 'certified') return true;
  return { code: 'validation.credential', rule: 'V1', detail: { reason: verdict.reason } };
}

function isSameIdentity(
  { credential: a }: Pick<CredentialClaim, 'credential'>,
  { credential: b }: Pick<CredentialClaim, 'credential'>,
): boolean {
  const [one, other] = [readIdentity(a), readIdentity(b)];
  return typeof one !== 'string' && typeof other !== 'string' && isSameDevice(one, other);
}

/** What no commit can make good: V12, an Update to another account key, and proposals from outside by a listed sender. */
function validProposal(suite1: SuiteCrypto, claim: ProposalClaim, group: GroupView): Refusal | undefined {
  const { proposal, author } = claim;
  if (author.kind === 'external') return { code: 'policy.proposal-rejected', rule: 'V4' };
  const renewal = renewalOf(accountsOf(group), claim);
  if (renewal !== undefined) return successor(suite1, renewal, undefined);
  if (!isKnownProposal(proposal) || proposal.proposalType !== ProposalType.psk) return undefined;
  const { psk } = proposal;
  // The core lets the PSK of a ReInit or branch into nothing but the first commit of the new group.
  const isSuccession = psk.pskType === PskType.resumption && psk.usage !== PskUsage.application;
  return isSuccession && group.context.epoch === 0n ? undefined : { code: 'validation.psk', rule: 'V12' };
}

function validChange(suite1: SuiteCrypto, claim: CommitClaim, group: GroupView): Refusal | undefined {
  const adds = claim.proposals.filter(({ proposal }) => proposal.proposalType === ProposalType.add);
  if (adds.length > MOST_ADDS) return { code: 'validation.proposal-list', rule: 'V10' };
  const { extensions } = group.context;
  const binding = findBinding(extensions);
  if (binding === undefined || hasExternalSenders(extensions))
    return { code: 'policy.commit-rejected', rule: 'V4' };
  const change = changeOf(suite1, binding, claim, group);
  const isExternal = claim.author.kind !== 'member';
  return (
    (isExternal ? externalJoin(change) : permissions(change)) ??
    boundGroup(binding, change.extensions?.what) ??
    (change.path && successor(suite1, change.path, change.note)) ??
    accountsAfter(change)
  );
}

/** Nobody is made to act for another: what a proposer may not do itself, a commit of ours does not do for it by itself. */
function isOwnRight(suite1: SuiteCrypto, claim: ProposalClaim, group: GroupView): boolean {
  const binding = findBinding(group.context.extensions);
  if (binding === undefined) return false;
  const accounts = accountsOf(group);
  const { add, removal, extensions, reinit } = actOf(accounts, undefined, claim);
  const ground = { suite1, binding, accounts, note: undefined };
  if (add !== undefined) return mayAdd(ground, add);
  if (removal !== undefined) return mayRemove(ground, removal);
  const act = extensions ?? reinit;
  return act === undefined || mayGovern(ground, act);
}

/** V2 to V4 for a group that we are about to enter. */
function validGroup(group: GroupView): Refusal | undefined {
  const { extensions } = group.context;
  const binding = findBinding(extensions);
  if (binding === undefined || hasExternalSenders(extensions)) return noGroup('V4');
  const accounts = accountsOf(group);
  for (const devices of accounts.byJid.values()) {
    if (new Set(devices.map(({ deviceId }) => deviceId)).size !== devices.length) return noGroup('V3');
    if (!isUniform(devices)) return noGroup('V2');
    if (!devices.every((device) => isAdmissible({ binding, accounts }, device))) return noGroup('V5');
  }
  return binding.mode === GroupMode.self && accounts.byJid.size > 1 ? noGroup('V5') : undefined;
}

function noGroup(rule: string): Refusal {
  return { code: 'validation.group-info', rule };
}
