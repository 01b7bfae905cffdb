/** The client of a passive-client case: its keys, what it knows, and how it enters the group (RFC 9420 §12.4.3.1). */

import { equal } from '../../base/bytes.ts';
import { decode } from '../../codec/codec.ts';
import type { KeyPair, Provider, SuiteCrypto } from '../../crypto/provider.ts';
import type { Environment } from '../../group/environment.ts';
import { Group, stateOf } from '../../group/group.ts';
import { joinFromWelcome } from '../../group/join.ts';
import { keyPackageRef, type OwnKeyPackage } from '../../group/keyPackage.ts';
import { resumptionSecret } from '../../group/nextEpoch.ts';
import { acceptAnyCredential, DEFAULT_POLICY } from '../../group/policy.ts';
import type { GroupState } from '../../group/state.ts';
import type { KeyPackage } from '../../wire/keyPackage.ts';
import { MlsMessage } from '../../wire/message.ts';
import type { PreSharedKeyId } from '../../wire/psk.ts';
import { PskType, PskUsage, WireFormat } from '../../wire/registry.ts';
import {
  bytesOf,
  differ,
  expectBytes,
  expectTrue,
  type Json,
  kemKeyPairOf,
  numberOf,
  objectsOf,
  optionalBytesOf,
  signatureKeyOf,
  within,
} from './verifier.ts';

/**
 * Enter the group of a case with the keys it gives.
 * @param earlier groups that the client is or was in, on which this one may follow
 */
export function enterGroup(provider: Provider, vector: Json, earlier: readonly Group[]): Group {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  const own = readKeyPackage(suite, vector);
  const env = environment(provider, suite, { vector, keyPackage: own.keyPackage, earlier });
  return within('welcome', () => {
    const message = decode(MlsMessage, bytesOf(vector, 'welcome'));
    if (message.wireFormat !== WireFormat.welcome) return differ('another message');
    const find = (ref: Uint8Array): OwnKeyPackage | undefined => (equal(ref, own.ref) ? own : undefined);
    const ratchetTree = optionalBytesOf(vector, 'ratchet_tree');
    const groupOf = (id: Uint8Array): GroupState | undefined => stateAmong(earlier, id);
    return new Group(env, joinFromWelcome(env, message.welcome, find, { ratchetTree, groupOf }).state);
  });
}

/** The private halves of a case must fit its KeyPackage. */
function readKeyPackage(suite: SuiteCrypto, vector: Json): OwnKeyPackage {
  const message = decode(MlsMessage, bytesOf(vector, 'key_package'));
  if (message.wireFormat !== WireFormat.keyPackage) return differ('key_package: another message');
  const { keyPackage } = message;
  const init = kemKeyPairOf(suite, vector, 'init_priv');
  expectBytes('public key of init_priv', init.publicKey, keyPackage.initKey);
  const encryption = kemKeyPairOf(suite, vector, 'encryption_priv');
  expectBytes('public key of encryption_priv', encryption.publicKey, keyPackage.leafNode.encryptionKey);

  const { signatureKey: publicKey } = keyPackage.leafNode;
  const signer: KeyPair = { publicKey, secretKey: signatureKeyOf(suite, vector, 'signature_priv') };
  const signature = suite.sign(signer.secretKey, publicKey);
  expectTrue('signature_priv: not that of the key package', suite.verify(publicKey, publicKey, signature));
  return { keyPackage, ref: keyPackageRef(suite, keyPackage), init, encryption, signer, reusable: false };
}

/** It believes every credential, understands what its KeyPackage says, and keeps as much as the case says. */
function environment(
  provider: Provider,
  suite: SuiteCrypto,
  {
    vector,
    keyPackage,
    earlier,
  }: { readonly vector: Json; readonly keyPackage: KeyPackage; readonly earlier: readonly Group[] },
): Environment {
  const external = objectsOf(vector, 'external_psks').map((psk) => ({
    id: bytesOf(psk, 'psk_id'),
    secret: bytesOf(psk, 'psk'),
  }));
  const { extensions, credentials } = keyPackage.leafNode.capabilities;
  const pastEpochs = 'past_epochs' in vector ? numberOf(vector, 'past_epochs') : DEFAULT_POLICY.pastEpochs;
  return {
    suite,
    random: (length) => provider.random(length),
    policy: {
      ...DEFAULT_POLICY,
      pastEpochs,
      maxLifetimeSeconds: Number.POSITIVE_INFINITY,
      resumptionEpochs: Number.POSITIVE_INFINITY,
      extensionTypes: extensions,
      credentialTypes: credentials,
    },
    validateCredential: acceptAnyCredential,
    psks: (id) =>
      id.pskType === PskType.external
        ? external.find((psk) => equal(psk.id, id.pskId))?.secret
        : resumptionAmong(earlier, id),
    clock: () => 0,
    decoding: {},
  };
}

/** A PSK of an epoch of another group that the client is in (§8.6). */
function resumptionAmong(groups: readonly Group[], id: PreSharedKeyId): Uint8Array | undefined {
  if (id.pskType !== PskType.resumption || id.usage !== PskUsage.application) return undefined;
  const state = stateAmong(groups, id.pskGroupId);
  return state && resumptionSecret(state, id.pskEpoch);
}

function stateAmong(groups: readonly Group[], id: Uint8Array): GroupState | undefined {
  const group = groups.find((one) => equal(one.id, id));
  return group && stateOf(group);
}
