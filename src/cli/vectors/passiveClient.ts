/** Vectors of kind passive-client: a member that joins and then only listens (RFC 9420 §12.4.2, §12.4.3.1). */

import { leafIndex } from '../../base/brand.ts';
import { equal } from '../../base/bytes.ts';
import { decode } from '../../codec/codec.ts';
import type { KeyPair, Provider, SuiteCrypto } from '../../crypto/provider.ts';
import { enterMove } from '../../group/decide.ts';
import type { Environment } from '../../group/environment.ts';
import { joinFromWelcome } from '../../group/join.ts';
import { keyPackageRef, type OwnKeyPackage } from '../../group/keyPackage.ts';
import { storeProposal } from '../../group/moves.ts';
import { acceptAnyCredential, DEFAULT_POLICY } from '../../group/policy.ts';
import { validateProposal } from '../../group/proposalRules.ts';
import {
  type Authentic,
  identifyProposal,
  proposalOf,
  receivePrivate,
  receivePublic,
} from '../../group/receive.ts';
import { checkCommit } from '../../group/receiveCommit.ts';
import type { GroupState, ProposalSender } from '../../group/state.ts';
import { Cell } from '../../group/transition.ts';
import type { Sender } from '../../wire/content.ts';
import type { KeyPackage } from '../../wire/keyPackage.ts';
import { MlsMessage } from '../../wire/message.ts';
import type { PreSharedKeyId } from '../../wire/psk.ts';
import { PskType, SenderType, WireFormat } from '../../wire/registry.ts';
import {
  bytesOf,
  differ,
  expectBytes,
  expectHex,
  expectTrue,
  hexListOf,
  hexOf,
  type Json,
  kemKeyPairOf,
  numberOf,
  objectsOf,
  optionalBytesOf,
  signatureKeyOf,
  type Verifier,
  within,
} from './verifier.ts';

/** Join, and enter every epoch; in each, the authenticator shows that all secrets are right. */
export const verifyPassiveClient: Verifier = (provider, vector) => {
  const suite = provider.suite(numberOf(vector, 'cipher_suite'));
  const own = readKeyPackage(suite, vector);
  const env = environment(provider, suite, { vector, keyPackage: own.keyPackage });
  const cell = new Cell(within('welcome', () => join(env, own, vector)));
  expectAuthenticator(cell.state, hexOf(vector, 'initial_epoch_authenticator'));

  objectsOf(vector, 'epochs').forEach((epoch, number) => {
    within(`epochs[${number}]`, () => {
      hexListOf(epoch, 'proposals').forEach((_, i, proposals) => {
        const field = `proposals[${i}]`;
        within(field, () => takeProposal(env, cell, bytesOf({ [field]: proposals[i] }, field)));
      });
      within('commit', () => takeCommit(env, cell, bytesOf(epoch, 'commit')));
      expectAuthenticator(cell.state, hexOf(epoch, 'epoch_authenticator'));
    });
  });
};

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
  return { keyPackage, ref: keyPackageRef(suite, keyPackage), init, encryption, signer, lastResort: false };
}

/** The client of a case: it believes every credential, and understands what its KeyPackage says. */
function environment(
  provider: Provider,
  suite: SuiteCrypto,
  { vector, keyPackage }: { readonly vector: Json; readonly keyPackage: KeyPackage },
): Environment {
  const known = objectsOf(vector, 'external_psks').map((psk) => ({
    id: bytesOf(psk, 'psk_id'),
    secret: bytesOf(psk, 'psk'),
  }));
  const { extensions, credentials } = keyPackage.leafNode.capabilities;
  return {
    suite,
    random: (length) => provider.random(length),
    policy: {
      ...DEFAULT_POLICY,
      maxLifetimeSeconds: Number.POSITIVE_INFINITY,
      resumptionEpochs: Number.POSITIVE_INFINITY,
      extensionTypes: extensions,
      credentialTypes: credentials,
    },
    validateCredential: acceptAnyCredential,
    psks: (id: PreSharedKeyId) =>
      id.pskType === PskType.external ? known.find((psk) => equal(psk.id, id.pskId))?.secret : undefined,
    clock: () => 0,
    decoding: {},
  };
}

function join(env: Environment, own: OwnKeyPackage, vector: Json): GroupState {
  const message = decode(MlsMessage, bytesOf(vector, 'welcome'));
  if (message.wireFormat !== WireFormat.welcome) return differ('another message');
  const find = (ref: Uint8Array): OwnKeyPackage | undefined => (equal(ref, own.ref) ? own : undefined);
  return joinFromWelcome(env, message.welcome, find, { ratchetTree: optionalBytesOf(vector, 'ratchet_tree') })
    .state;
}

function expectAuthenticator({ epoch }: GroupState, expected: string): void {
  expectHex(
    `epoch_authenticator of epoch ${epoch.context.epoch}`,
    epoch.secrets.epochAuthenticator,
    expected,
  );
}

function receive(env: Environment, state: GroupState, bytes: Uint8Array): Authentic {
  const message = decode(MlsMessage, bytes);
  const received =
    message.wireFormat === WireFormat.publicMessage
      ? receivePublic(env, state, message.publicMessage)
      : message.wireFormat === WireFormat.privateMessage
        ? receivePrivate(env, state, message.privateMessage)
        : differ('neither a public nor a private message');
  return received.kind === 'authentic' ? received : differ(`a message that is ${received.kind}`);
}

function takeProposal(env: Environment, cell: Cell<GroupState>, bytes: Uint8Array): void {
  cell.run((state) => {
    const { content, secretTree, spent } = receive(env, state, bytes);
    const proposal = proposalOf(content);
    const { ref } = identifyProposal(env, state, content);
    const item = { proposal, sender: proposalSender(content.content.sender), ref, ownKeys: undefined };
    validateProposal(env, state.epoch, item);
    const current = { ...state, secretTree: secretTree ?? state.secretTree };
    return { next: storeProposal(env, current, item), result: undefined, spent };
  });
}

function takeCommit(env: Environment, cell: Cell<GroupState>, bytes: Uint8Array): void {
  cell.run((state) => {
    const received = receive(env, state, bytes);
    const checked = checkCommit(env, state, received.content);
    if ('unusable' in checked) throw checked.unusable;
    const next = checked.next ?? differ('removes this client');
    const current = { ...state, secretTree: received.secretTree ?? state.secretTree };
    const entered = enterMove(env, current, next);
    return { ...entered, spent: [...received.spent, ...checked.spent, ...(entered.spent ?? [])] };
  });
}

function proposalSender(sender: Sender): ProposalSender {
  if (sender.senderType === SenderType.member) return { kind: 'member', leaf: leafIndex(sender.leafIndex) };
  if (sender.senderType === SenderType.external) return { kind: 'external', index: sender.senderIndex };
  return { kind: 'new-member' };
}
