/** Vectors of kind key-schedule: every secret of consecutive epochs (RFC 9420 §8). */

import type { SuiteCrypto } from '../../crypto/provider.ts';
import {
  deriveEpochSecrets,
  deriveJoinerSecret,
  deriveWelcomeSecret,
  type EpochSecrets,
  externalKeyPair,
} from '../../schedule/epoch.ts';
import { mlsExporter } from '../../schedule/exporter.ts';
import { GroupContext } from '../../wire/groupContext.ts';
import { MLS10 } from '../../wire/registry.ts';
import {
  bytesOf,
  expectHex,
  hexOf,
  type Json,
  numberOf,
  objectOf,
  objectsOf,
  textOf,
  type Verifier,
  within,
} from './verifier.ts';

/** The epochs are numbered from 0, and each starts from the init secret of the one before. */
export const verifyKeySchedule: Verifier = (provider, vector) => {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  let initSecret = bytesOf(vector, 'initial_init_secret');
  objectsOf(vector, 'epochs').forEach((epoch, number) => {
    within(`epoch ${number}`, () => {
      const context = GroupContext.bytes({
        version: MLS10,
        cipherSuite: suite.id,
        groupId: bytesOf(vector, 'group_id'),
        epoch: BigInt(number),
        treeHash: bytesOf(epoch, 'tree_hash'),
        confirmedTranscriptHash: bytesOf(epoch, 'confirmed_transcript_hash'),
        extensions: [],
      });
      expectHex('group_context', context, hexOf(epoch, 'group_context'));
      initSecret = verifyEpoch(suite, epoch, initSecret, context);
    });
  });
};

/** @returns the init secret for the next epoch */
function verifyEpoch(
  suite: SuiteCrypto,
  epoch: Json,
  initSecret: Uint8Array,
  context: Uint8Array,
): Uint8Array {
  const pskSecret = bytesOf(epoch, 'psk_secret');
  const joiner = deriveJoinerSecret(suite, initSecret, bytesOf(epoch, 'commit_secret'), context);
  expectHex('joiner_secret', joiner, hexOf(epoch, 'joiner_secret'));
  expectHex('welcome_secret', deriveWelcomeSecret(suite, joiner, pskSecret), hexOf(epoch, 'welcome_secret'));

  const secrets = deriveEpochSecrets(suite, joiner, pskSecret, context);
  for (const [field, secret] of SECRETS) expectHex(field, secrets[secret], hexOf(epoch, field));
  const external = externalKeyPair(suite, secrets.externalSecret);
  expectHex('external_pub', external.publicKey, hexOf(epoch, 'external_pub'));

  const exporter = objectOf(epoch, 'exporter');
  const exported = mlsExporter(suite, secrets.exporterSecret, {
    label: textOf(exporter, 'label'),
    context: bytesOf(exporter, 'context'),
    length: numberOf(exporter, 'length'),
  });
  expectHex('exporter.secret', exported, hexOf(exporter, 'secret'));
  return secrets.initSecret;
}

const SECRETS: readonly (readonly [field: string, secret: keyof EpochSecrets])[] = [
  ['sender_data_secret', 'senderDataSecret'],
  ['encryption_secret', 'encryptionSecret'],
  ['exporter_secret', 'exporterSecret'],
  ['external_secret', 'externalSecret'],
  ['confirmation_key', 'confirmationKey'],
  ['membership_key', 'membershipKey'],
  ['resumption_psk', 'resumptionPsk'],
  ['epoch_authenticator', 'epochAuthenticator'],
  ['init_secret', 'initSecret'],
];
