/** What every step of a group needs besides its state: primitives, policy, and the application's answers. */

import { fail } from '../base/error.ts';
import type { DecodeOptions } from '../codec/reader.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import type { Extension, ExternalSender } from '../wire/extension.ts';
import type { LeafNode } from '../wire/leafNode.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';
import type { Draft } from './draft.ts';
import type { CredentialValidator, Policy, Presented } from './policy.ts';
import { requireYes } from './refusal.ts';
import type { ExtensionKind } from './registry.ts';
import type { GroupRules } from './rules.ts';

/** Shared by a client and its groups; never changes. */
export interface Environment {
  readonly suite: SuiteCrypto;
  readonly random: (length: number) => Uint8Array;
  readonly policy: Policy;
  readonly validateCredential: CredentialValidator;
  readonly rules?: GroupRules;
  /** Values of PSKs that the application holds. */
  readonly psks: (id: PreSharedKeyId) => Uint8Array | undefined;
  /** Seconds since 1970. */
  readonly clock: () => number;
  readonly decoding: DecodeOptions;
  /** What of the MLS extensions draft is spoken; nothing when absent. */
  readonly draft?: Draft;
  /** Extensions of our own leaf nodes, where none are asked for. */
  readonly leafExtensions?: () => readonly Extension[];
  /** Extension types of the application, by number. */
  readonly extensionKinds?: ReadonlyMap<number, ExtensionKind<unknown>>;
  /** Extensions of the group need not be understood: for those who only watch. @defaultValue false */
  readonly anyExtension?: boolean;
}

/** The extensions of a new leaf node of ours. @param asked in place of what the application has for all of them */
export function ownLeafExtensions(
  { draft, leafExtensions }: Environment,
  asked = leafExtensions?.() ?? [],
): readonly Extension[] {
  return [...(draft?.leafExtensions ?? []), ...asked];
}

/** Seconds since 1970 as the system tells them: the default of every clock option. */
export const systemClock = (): number => Math.floor(Date.now() / 1000);

/**
 * Ask the application about a leaf's credential (§5.3.1).
 * @throws `validation.credential`, or `policy.successor` when it replaces another leaf; the code of a refusal
 */
export function requireCredential(env: Environment, leaf: LeafNode, replaced?: LeafNode): void {
  const previous = replaced && presentedBy(replaced);
  const claim = { ...presentedBy(leaf), cipherSuite: env.suite.id, role: 'member', previous } as const;
  requireYes(
    env.validateCredential(claim),
    previous === undefined ? 'validation.credential' : 'policy.successor',
  );
}

/** What of a leaf concerns its owner's identity. */
export function presentedBy({ credential, signatureKey, extensions }: Presented): Presented {
  return { credential, signatureKey, extensions };
}

/** Ask the application about every external sender (§5.3.1). @throws `validation.credential`, `crypto.public-key` */
export function requireExternalSenders(env: Environment, senders: readonly ExternalSender[]): void {
  for (const { credential, signatureKey } of senders) {
    if (!env.suite.isSignaturePublicKey(signatureKey))
      fail('crypto.public-key', { field: 'external_senders' });
    const claim = { credential, signatureKey, extensions: [], cipherSuite: env.suite.id } as const;
    const answer = env.validateCredential({ ...claim, role: 'external-sender', previous: undefined });
    requireYes(answer, 'validation.credential', { role: 'external-sender' });
  }
}
