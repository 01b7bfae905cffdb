/** The suite table is open: a suite of ML-KEM-768 and ML-DSA-65, added as data, runs a group on the unchanged core. */

import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { expect, test } from 'vitest';
import { nobleParts } from '../../src/crypto/noble/index.ts';
import { createNodeProvider } from '../../src/crypto/node/index.ts';
import type { KemPart, SignaturePart } from '../../src/crypto/parts.ts';
import type { KeyPair } from '../../src/crypto/provider.ts';
import { acceptAnyCredential, add, basicCredential, createClient, remove, utf8 } from '../../src/index.ts';

/** Private-use numbers (RFC 9420 §17.1; ML-KEM-768 has 0x0041 in the HPKE registry's drafts). */
const SUITE = 0xf042;
const KEM_ID = 0x0041;
const SCHEME = 'mldsa65';

const hash = nobleParts().hashes.get(3);
if (hash === undefined) expect.fail('SHA-512 is missing');

/** ML-KEM's secret keys do not hold the seed; pairs are made from 64 bytes. */
const kem: KemPart = {
  seed: 64,
  encapSeed: 32,
  enc: 1088,
  deriveKeyPair: (ikm) => ml_kem768.keygen(hash.hash(ikm)),
  keyPair: (secretKey) => ({ secretKey, publicKey: ml_kem768.getPublicKey(secretKey) }),
  isPublicKey: (publicKey) => publicKey.length === 1184,
  encap: (publicKey, seed) => {
    const { sharedSecret, cipherText } = ml_kem768.encapsulate(publicKey, seed);
    return { secret: sharedSecret, enc: cipherText };
  },
  decap: (enc, { secretKey }) => ml_kem768.decapsulate(enc, secretKey),
};

const signature: SignaturePart = {
  seed: 32,
  keyPair: (seed): KeyPair => ml_dsa65.keygen(seed),
  isPublicKey: (publicKey) => publicKey.length === 1952,
  sign: (secretKey, message) => ml_dsa65.sign(message, secretKey),
  verify: (publicKey, message, bytes) => bytes.length === 3309 && ml_dsa65.verify(bytes, message, publicKey),
};

const provider = createNodeProvider({
  suites: [
    {
      id: SUITE,
      name: 'MLS_192_MLKEM768_AES256GCM_SHA384_MLDSA65',
      kem: KEM_ID,
      kdf: 2,
      aead: 2,
      signature: SCHEME,
    },
  ],
  kems: new Map([[KEM_ID, kem]]),
  signatures: new Map([[SCHEME, signature]]),
});

test('R13.1-01 R17.1-03: a post-quantum suite added as data runs a group', () => {
  const client = (name: string) =>
    createClient({
      credential: basicCredential(name),
      validateCredential: acceptAnyCredential,
      suite: SUITE,
      provider,
    });
  const [alice, bob, carol] = [client('alice'), client('bob'), client('carol')];
  const group = alice.createGroup();
  const invitation = group.invite([bob.createKeyPackage().message]);
  group.accept(invitation);
  const ofBob = bob.prepareJoin(invitation.welcome).accept();

  const adding = ofBob.commit([add(carol.createKeyPackage().message)]);
  const seen = group.process(adding.message);
  if (seen.kind === 'commit') group.accept(seen.commit);
  ofBob.accept(adding);
  const ofCarol = carol.prepareJoin(adding.welcome as Uint8Array).accept();
  expect(group.process(ofCarol.encrypt(utf8('hello')))).toMatchObject({
    kind: 'application',
    data: utf8('hello'),
  });

  const eviction = group.commit([remove(ofBob.self)]);
  group.accept(eviction);
  const followed = ofCarol.process(eviction.message);
  if (followed.kind === 'commit') ofCarol.accept(followed.commit);
  expect(ofCarol.epochAuthenticator).toEqual(group.epochAuthenticator);

  const evicted = ofBob.process(eviction.message);
  if (evicted.kind === 'commit') ofBob.accept(evicted.commit);
  expect(ofBob.status).toBe('removed');

  const rejoining = bob.prepareExternalJoin(ofCarol.groupInfo());
  for (const member of [group, ofCarol]) {
    const outcome = member.process(rejoining.message);
    if (outcome.kind === 'commit') member.accept(outcome.commit);
  }
  expect(group.epoch).toBe(4n);
});
