/** Vectors of kind welcome: what a new member finds in a Welcome without PSKs (RFC 9420 §12.4.3.1). */

import { equal } from '../../base/bytes.ts';
import { decode } from '../../codec/codec.ts';
import { decryptWithLabel, refHash, verifyWithLabel } from '../../crypto/labels.ts';
import type { SuiteCrypto } from '../../crypto/provider.ts';
import {
  confirmationTag,
  deriveEpochSecrets,
  deriveWelcomeSecret,
  welcomeKeys,
} from '../../schedule/epoch.ts';
import { pskSecret } from '../../schedule/psk.ts';
import { GroupContext } from '../../wire/groupContext.ts';
import { GroupInfo } from '../../wire/groupInfo.ts';
import { KeyPackage } from '../../wire/keyPackage.ts';
import { MlsMessage } from '../../wire/message.ts';
import { WireFormat } from '../../wire/registry.ts';
import { signedPart } from '../../wire/signed.ts';
import { GroupSecrets, type Welcome } from '../../wire/welcome.ts';
import {
  bytesOf,
  differ,
  expectBytes,
  expectSame,
  expectTrue,
  type Json,
  kemKeyPairOf,
  numberOf,
  type Verifier,
} from './verifier.ts';

/** The secrets open for the KeyPackage, the GroupInfo opens with them, and its signature and tag are right. */
export const verifyWelcome: Verifier = (provider, vector) => {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  const welcome = readWelcome(vector);
  expectSame('cipher suite of the welcome', welcome.cipherSuite, suite.id);

  const secrets = openSecrets(suite, welcome, vector);
  expectTrue('psks: not empty', secrets.psks.length === 0);
  const noPsk = pskSecret(suite, []);
  const groupInfo = openGroupInfo(suite, welcome, deriveWelcomeSecret(suite, secrets.joinerSecret, noPsk));
  const signed = signedPart(GroupInfo, groupInfo);
  const signer = bytesOf(vector, 'signer_pub');
  const genuine = verifyWithLabel(suite, signer, 'GroupInfoTBS', signed, groupInfo.signature);
  expectTrue('signature of the GroupInfo: not that of signer_pub', genuine);

  const context = GroupContext.bytes(groupInfo.groupContext);
  const { confirmationKey } = deriveEpochSecrets(suite, secrets.joinerSecret, noPsk, context);
  const tag = confirmationTag(suite, confirmationKey, groupInfo.groupContext.confirmedTranscriptHash);
  expectBytes('confirmation_tag', groupInfo.confirmationTag, tag);
};

function readWelcome(vector: Json): Welcome {
  const message = decode(MlsMessage, bytesOf(vector, 'welcome'));
  return message.wireFormat === WireFormat.welcome ? message.welcome : differ('welcome: another message');
}

function openSecrets(suite: SuiteCrypto, welcome: Welcome, vector: Json): GroupSecrets {
  const message = decode(MlsMessage, bytesOf(vector, 'key_package'));
  if (message.wireFormat !== WireFormat.keyPackage) return differ('key_package: another message');
  const keyPair = kemKeyPairOf(suite, vector, 'init_priv');
  expectBytes('public key of init_priv', keyPair.publicKey, message.keyPackage.initKey);

  const ref = refHash(suite, 'MLS 1.0 KeyPackage Reference', KeyPackage.bytes(message.keyPackage));
  const entry = welcome.secrets.find(({ newMember }) => equal(newMember, ref));
  const { encryptedGroupSecrets } = entry ?? differ('welcome: no entry for the key package');
  const context = welcome.encryptedGroupInfo;
  return decode(GroupSecrets, decryptWithLabel(suite, keyPair, 'Welcome', context, encryptedGroupSecrets));
}

function openGroupInfo(suite: SuiteCrypto, welcome: Welcome, welcomeSecret: Uint8Array): GroupInfo {
  const { key, nonce } = welcomeKeys(suite, welcomeSecret);
  const opened = suite.open(key, nonce, new Uint8Array(0), welcome.encryptedGroupInfo);
  return decode(GroupInfo, opened ?? differ('encrypted_group_info: does not open'));
}
