/** The key schedule (RFC 9420 §8): from the secrets of a commit to those of an epoch. */

import { wipe } from '../base/secret.ts';
import { deriveSecret, expandWithLabel } from '../crypto/labels.ts';
import type { KeyPair, SuiteCrypto } from '../crypto/provider.ts';

/** The secrets of one epoch, each of Nh bytes. */
export interface EpochSecrets {
  readonly senderDataSecret: Uint8Array;
  readonly encryptionSecret: Uint8Array;
  readonly exporterSecret: Uint8Array;
  /** Root of the exporter tree (draft-ietf-mls-extensions-10 §4.4). */
  readonly applicationExportSecret: Uint8Array;
  readonly externalSecret: Uint8Array;
  readonly confirmationKey: Uint8Array;
  readonly membershipKey: Uint8Array;
  readonly resumptionPsk: Uint8Array;
  readonly epochAuthenticator: Uint8Array;
  readonly initSecret: Uint8Array;
}

/** `joiner_secret`: what a Welcome hands to new members. @param groupContext encoded, of the new epoch */
export function deriveJoinerSecret(
  suite: SuiteCrypto,
  initSecret: Uint8Array,
  commitSecret: Uint8Array,
  groupContext: Uint8Array,
): Uint8Array {
  const extracted = suite.hkdfExtract(initSecret, commitSecret);
  const joinerSecret = expandWithLabel(suite, extracted, 'joiner', groupContext, suite.sizes.hash);
  wipe(extracted);
  return joinerSecret;
}

/** `welcome_secret`, which needs no group context. */
export function deriveWelcomeSecret(
  suite: SuiteCrypto,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
): Uint8Array {
  const intermediate = suite.hkdfExtract(joinerSecret, pskSecret);
  const welcomeSecret = deriveSecret(suite, intermediate, 'welcome');
  wipe(intermediate);
  return welcomeSecret;
}

/** Key and nonce that seal the GroupInfo of a Welcome (§12.4.3.1). */
export function welcomeKeys(
  suite: SuiteCrypto,
  welcomeSecret: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  const none = new Uint8Array(0);
  return {
    key: expandWithLabel(suite, welcomeSecret, 'key', none, suite.sizes.key),
    nonce: expandWithLabel(suite, welcomeSecret, 'nonce', none, suite.sizes.nonce),
  };
}

/** Everything from `joiner_secret` on. @param groupContext encoded, of the new epoch */
export function deriveEpochSecrets(
  suite: SuiteCrypto,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
  groupContext: Uint8Array,
): EpochSecrets {
  const intermediate = suite.hkdfExtract(joinerSecret, pskSecret);
  const epochSecret = expandWithLabel(suite, intermediate, 'epoch', groupContext, suite.sizes.hash);
  wipe(intermediate);
  const secrets = fromEpochSecret(suite, epochSecret);
  wipe(epochSecret);
  return secrets;
}

/** The secrets that hang below `epoch_secret`; a new group draws the latter at random (§11). */
export function fromEpochSecret(suite: SuiteCrypto, epochSecret: Uint8Array): EpochSecrets {
  const derive = (label: string): Uint8Array => deriveSecret(suite, epochSecret, label);
  return {
    senderDataSecret: derive('sender data'),
    encryptionSecret: derive('encryption'),
    exporterSecret: derive('exporter'),
    applicationExportSecret: derive('application_export'),
    externalSecret: derive('external'),
    confirmationKey: derive('confirm'),
    membershipKey: derive('membership'),
    resumptionPsk: derive('resumption'),
    epochAuthenticator: derive('authentication'),
    initSecret: derive('init'),
  };
}

/** The key pair to which external joiners encrypt (§8.3). */
export function externalKeyPair(suite: SuiteCrypto, externalSecret: Uint8Array): KeyPair {
  return suite.deriveKeyPair(externalSecret);
}

/** `confirmation_tag` of an epoch (§6.1). */
export function confirmationTag(
  suite: SuiteCrypto,
  confirmationKey: Uint8Array,
  confirmedHash: Uint8Array,
): Uint8Array {
  return suite.hmac(confirmationKey, confirmedHash);
}
