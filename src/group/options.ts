/** What a client is made of, and the environment that follows from it. */

import { fail } from '../base/error.ts';
import type { OpenTypes } from '../codec/reader.ts';
import type { CipherSuite, KeyPair, Provider } from '../crypto/provider.ts';
import type { Credential } from '../wire/credential.ts';
import type { Extension } from '../wire/extension.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';
import type { Draft } from './draft.ts';
import { type Environment, systemClock } from './environment.ts';
import { type CredentialValidator, DEFAULT_POLICY, type Policy } from './policy.ts';
import { type Registry, registered } from './registry.ts';
import type { GroupRules } from './rules.ts';

/** What whoever follows a group needs. */
export interface CommonOptions {
  /** Whether the identity in a credential owns its key (RFC 9420 §5.3.1). There is no default. */
  readonly validateCredential: CredentialValidator;
  /** Primitives. The doors of the package choose them by platform. */
  readonly provider: Provider;
  /** What is accepted, kept and sent. */
  readonly policy?: Partial<Policy>;
  /** Who may propose and commit what. @defaultValue everybody everything */
  readonly rules?: GroupRules;
  /** Proposal and extension types of the application. @defaultValue none */
  readonly registry?: Registry;
  /** Take part in the MLS extensions draft: what `extensionsDraft` makes. @defaultValue no */
  readonly draft?: Draft;
  /** Seconds since 1970, for lifetimes (§7.2). @defaultValue system clock */
  readonly clock?: () => number;
  /** Bodies of further credential and proposal types. @defaultValue none */
  readonly openTypes?: OpenTypes;
}

/** What a client is made of. */
export interface ClientOptions extends CommonOptions {
  /** Who we are. One client holds one credential; an account with two credentials is two clients. */
  readonly credential: Credential;
  /** Cipher suite (§17.1). @defaultValue 1, MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 */
  readonly suite?: CipherSuite;
  /** Signature key pair. @defaultValue a fresh one */
  readonly signer?: KeyPair;
  /** Extensions of each new leaf node: a certificate, say. Leaves that are renewed keep theirs. @defaultValue none */
  readonly leafExtensions?: () => readonly Extension[];
  /** Values of PSKs (§8.4); those of earlier epochs of this client's groups come from the groups. @defaultValue none */
  readonly psks?: (id: PreSharedKeyId) => Uint8Array | undefined;
}

/** @throws `codec.input` without `validateCredential`, `codec.unsupported` for a suite the provider lacks */
export function environmentOf(
  options: CommonOptions & Pick<Partial<ClientOptions>, 'leafExtensions'>,
  suite: CipherSuite,
  psks: Environment['psks'],
): Environment {
  const { provider, policy, validateCredential, rules, draft, leafExtensions } = options;
  if (typeof validateCredential !== 'function') fail('codec.input', { expected: 'validateCredential' });
  const base: Environment = {
    suite: provider.suite(suite),
    random: (length) => provider.random(length),
    policy: Object.freeze({ ...DEFAULT_POLICY, ...policy }),
    validateCredential,
    psks,
    clock: options.clock ?? systemClock,
    decoding: options.openTypes === undefined ? {} : { openTypes: options.openTypes },
    ...(rules && { rules }),
    ...(leafExtensions && { leafExtensions }),
  };
  const env = registered(base, options.registry ?? {});
  return draft === undefined ? env : { ...draft.register(env), draft };
}
