/** Rows that no other file is about: defaults of what we generate, epochs and PSKs over time, one group per id. */

import { describe, expect, test } from 'vitest';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { MlsError } from '../../src/base/error.ts';
import { decode, encode, uint8 } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import { provisionalContext } from '../../src/group/nextEpoch.ts';
import { DEFAULT_POLICY } from '../../src/group/policy.ts';
import {
  acceptAnyCredential,
  add,
  basicCredential,
  type ClientOptions,
  createClient,
  customProposal,
  externalPsk,
  type Group,
  remove,
  resumptionPsk,
  stored,
  toHex,
  update,
  utf8,
} from '../../src/index.ts';
import { ApplicationId, makeExtension } from '../../src/wire/extension.ts';
import type { GroupContext } from '../../src/wire/groupContext.ts';
import { KeyPackage } from '../../src/wire/keyPackage.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { ExtensionType, GREASE, isDefaultExtension, isDefaultProposal } from '../../src/wire/registry.ts';
import { rejects } from '../support/refusals.ts';

const NOW = 1_800_000_000;

function client(name: string, options: Partial<ClientOptions> = {}): Client {
  return createClient({
    credential: basicCredential(name),
    validateCredential: acceptAnyCredential,
    provider: nodeProvider,
    clock: () => NOW,
    ...options,
  });
}

function refusal(step: () => unknown): MlsErrorCode | undefined {
  try {
    step();
  } catch (error) {
    if (error instanceof MlsError) return error.code;
    throw error;
  }
  return undefined;
}

function pair(options: Partial<ClientOptions> = {}): readonly [Group, Group] {
  const [alice, bob] = [client('alice', options), client('bob', options)];
  const group = alice.createGroup();
  const invitation = group.invite([bob.createKeyPackage().message]);
  group.accept(invitation);
  return [group, bob.prepareJoin(invitation.welcome).accept()];
}

function follow(committer: Group, follower: Group, message: Uint8Array): void {
  const [own, theirs] = [committer.process(message), follower.process(message)];
  if (own.kind !== 'own-commit' || theirs.kind !== 'commit') throw new Error(`${own.kind}, ${theirs.kind}`);
  committer.accept(own.commit);
  follower.accept(theirs.commit);
  expect(follower.epochAuthenticator).toEqual(committer.epochAuthenticator);
}

function keyPackageOf(message: Uint8Array): KeyPackage {
  const decoded = decode(MlsMessage, message);
  return decoded.wireFormat === 5 ? decoded.keyPackage : expect.fail('no key package');
}

describe('what we generate', () => {
  const made = keyPackageOf(client('alice').createKeyPackage().message);
  const { capabilities, source } = made.leafNode;

  test('R7.2-08 R7.2-10: capabilities list our own values and no default type', () => {
    expect(capabilities.versions).toEqual([1]);
    expect(capabilities.cipherSuites).toContain(1);
    expect(capabilities.credentials).toContain(1);
    expect(capabilities.extensions.filter(isDefaultExtension)).toEqual([]);
    expect(capabilities.proposals.filter(isDefaultProposal)).toEqual([]);
  });

  test('R7.2-14 R17-01: a reserved value is mixed into every list, but not into the KeyPackage, which OpenMLS would refuse', () => {
    const lists = [
      capabilities.cipherSuites,
      capabilities.extensions,
      capabilities.proposals,
      capabilities.credentials,
    ];
    for (const list of lists) expect(list.filter((value) => GREASE.includes(value))).toHaveLength(1);
    expect(made.extensions).toEqual([]);
  });

  test('R13.5-03: where KeyPackages are to have a reserved extension, it is listed and has a body of any bytes', () => {
    const greased = client('x', { policy: { greaseKeyPackages: true } });
    const lengths = Array.from({ length: 60 }, () => {
      const { extensions, leafNode } = keyPackageOf(greased.createKeyPackage().message);
      const [one] = extensions;
      expect(GREASE).toContain(one?.extensionType);
      expect(leafNode.capabilities.extensions).toContain(one?.extensionType);
      return one?.extensionData.length;
    });
    expect(new Set(lengths).size).toBeGreaterThan(2);
    for (const length of lengths) expect(length).toBeLessThan(8);
  });

  test('R7.2-08 R7.3-12: an extension of a default type is used without being listed', () => {
    const id = makeExtension(ExtensionType.applicationId, ApplicationId, { applicationId: utf8('a') });
    const plain = client('a', { policy: { grease: false } });
    const { leafNode } = keyPackageOf(plain.createKeyPackage({ leafExtensions: [id] }).message);
    expect([leafNode.extensions, leafNode.capabilities.extensions]).toEqual([[id], []]);
  });

  test('R7.2-14: nothing reserved is mixed in when that is switched off', () => {
    const plain = keyPackageOf(
      client('a', { policy: { grease: false, greaseKeyPackages: true } }).createKeyPackage().message,
    );
    expect(plain.extensions).toEqual([]);
    expect(JSON.stringify(plain.leafNode.capabilities)).not.toMatch(new RegExp(GREASE.join('|')));
  });

  test('R7.2-16: lifetimes are seconds, and include the present', () => {
    if (source.leafNodeSource !== 1) return expect.fail('source');
    expect(source.lifetime.notBefore).toBeLessThanOrEqual(BigInt(NOW));
    expect(source.lifetime.notAfter).toBeGreaterThan(BigInt(NOW + 86_400));
    expect(source.lifetime.notAfter).toBeLessThan(BigInt(NOW + 366 * 86_400));
  });

  test('R7.2-16 R7.2-17: without a clock of the application, the system says what the present is', () => {
    const before = BigInt(Math.floor(Date.now() / 1000));
    const options = { validateCredential: acceptAnyCredential, provider: nodeProvider };
    const made = new Client({ credential: basicCredential('a'), ...options }).createKeyPackage();
    const { leafNode } = keyPackageOf(made.message);
    const after = BigInt(Math.ceil(Date.now() / 1000));
    if (leafNode.source.leafNodeSource !== 1) return expect.fail('source');
    const { notBefore } = leafNode.source.lifetime;
    expect(notBefore).toBeGreaterThanOrEqual(before - 3600n);
    expect(notBefore).toBeLessThanOrEqual(after - 3600n);
  });

  test('R5.2-01 R5.2-02: the reference of a KeyPackage is a hash of it under the registered label', () => {
    const { message, ref } = client('a').createKeyPackage();
    const bytes = encode(KeyPackage, keyPackageOf(message));
    const label = utf8('MLS 1.0 KeyPackage Reference');
    const header = Uint8Array.of(label.length, ...label, 0x40 | (bytes.length >> 8), bytes.length & 0xff);
    expect(ref).toEqual(nodeProvider.suite(1).hash(Uint8Array.of(...header, ...bytes)));
  });

  test('R15.1-01 R6.3.1-12: contents are padded to the next multiple of 64', () => {
    expect([0, 1, 63, 64, 65, 1000].map((length) => DEFAULT_POLICY.pad(length, 1))).toEqual([
      0, 64, 64, 64, 128, 1024,
    ]);
    const [group] = pair();
    const [short, longer] = [1, 60].map((length) => group.encrypt(new Uint8Array(length)).length);
    expect(longer).toBe(short);
  });

  test('R17.6-01 R17.7-01: signatures use the registered labels', () => {
    const { suite } = { suite: nodeProvider.suite(1) };
    const signed = encode(KeyPackage, made).subarray(0, -(2 + made.signature.length));
    const label = utf8('MLS 1.0 KeyPackageTBS');
    const header = Uint8Array.of(label.length, ...label, 0x40 | (signed.length >> 8), signed.length & 0xff);
    expect(
      suite.verify(made.leafNode.signatureKey, Uint8Array.of(...header, ...signed), made.signature),
    ).toBe(true);
  });
});

describe('suites do not mix', () => {
  test('R5.1-01 R5.1.2-01: a KeyPackage of another suite is refused', () => {
    const [group] = pair();
    const stranger = client('eve', { suite: 2 }).createKeyPackage().message;
    expect(refusal(() => group.commit([add(stranger)]))).toBe('validation.key-package');
    expect(group.pending).toBeUndefined();
  });

  test('R11-06 DEC-14: an unknown suite is refused before anything is made', () => {
    for (const suite of [0, 8, 0x0a0a, 0xffff]) {
      expect(refusal(() => client('x', { suite }))).toBe('codec.unsupported');
    }
  });
});

describe('proposals over time', () => {
  test('R5.2-04: the same change sent publicly and privately has different references', () => {
    const [group] = pair();
    const refs = (['public', 'private'] as const).map(
      (handshake) => group.propose(externalPsk(utf8('p')), { handshake }).ref,
    );
    expect(toHex(refs[0] as Uint8Array)).not.toBe(toHex(refs[1] as Uint8Array));
  });

  test('R12.4.1-11: our own Update is left out of our commit, which supersedes it', () => {
    const [group, other] = pair();
    const { message } = group.propose(update());
    expect(other.process(message).kind).toBe('proposal');
    const commit = group.commit();
    expect(commit.changes.updated).toHaveLength(1);
    follow(group, other, commit.message);
    expect(group.proposals).toEqual([]);
    follow(other, group, other.commit().message);
  });
});

describe('what a commit covers', () => {
  test('R12.4-04 R12.2-16: a proposal that cannot be committed holds nobody up', () => {
    const [group, other] = pair();
    const carol = client('carol');
    // Two requests for one client: each is fine, both together are not.
    for (const keyPackage of [0, 1].map(() => carol.createKeyPackage().message)) {
      expect(group.process(other.propose(add(keyPackage)).message).kind).toBe('proposal');
    }
    const commit = group.commit();
    expect(commit.changes.added).toHaveLength(1);
    follow(group, other, commit.message);
    expect(group.members).toHaveLength(3);
    expect(group.encrypt(utf8('on we go')).length).toBeGreaterThan(0);
  });

  test('R12.2-08 R12.2-16: proposals that only together make a list are committed together', () => {
    const [group, other] = pair();
    const carol = client('carol');
    const invitation = group.invite([carol.createKeyPackage().message]);
    follow(group, other, invitation.message);
    carol.prepareJoin(invitation.welcome).accept().close();
    // Carol comes anew; until she is removed, she cannot be added.
    for (const input of [add(carol.createKeyPackage().message), remove(2)])
      expect(group.process(other.propose(input).message).kind).toBe('proposal');
    const commit = group.commit();
    expect([commit.changes.added.length, commit.changes.removed.length]).toEqual([1, 1]);
    follow(group, other, commit.message);
    expect(carol.prepareJoin(commit.welcome as Uint8Array).accept().epochAuthenticator).toEqual(
      group.epochAuthenticator,
    );
  });

  test('PRO-15: a proposal that is asked for by its reference is committed once', () => {
    const traits = new Map([[0xf001, { external: false, pathRequired: false }]]);
    const openTypes = { proposals: new Map([[0xf001, uint8]]) };
    const [group, other] = pair({ policy: { proposalTypes: traits }, openTypes });
    const { message, ref } = other.propose(customProposal(0xf001, Uint8Array.of(7)));
    group.process(message);
    const commit = group.commit([stored(ref)], { handshake: 'public' });
    const sent = decode(MlsMessage, commit.message);
    const body = sent.wireFormat === 1 ? sent.publicMessage.content.content : undefined;
    expect(body?.contentType === 3 && body.commit.proposals.length).toBe(1);
    follow(group, other, commit.message);
  });

  test('PRO-26: a stored proposal is committed by its reference, an unknown one is refused', () => {
    const [group, other] = pair();
    const { message, ref } = other.propose(update());
    group.process(message);
    expect(refusal(() => group.commit([stored(utf8('no such'))]))).toBe('validation.unknown-proposal-ref');
    follow(group, other, group.commit([stored(ref)]).message);
    expect(other.proposals).toEqual([]);
  });
});

describe('epochs', () => {
  test('R8.1-02 R8.5-03: the id stays, exported secrets change', () => {
    const [group, other] = pair();
    const [id, exported] = [group.id, group.export('label', utf8(''), 32)];
    follow(group, other, group.commit().message);
    expect(group.id).toEqual(id);
    expect(other.id).toEqual(id);
    expect(group.export('label', utf8(''), 32)).not.toEqual(exported);
  });

  test('R8.1-06: the last epoch cannot be left', () => {
    const suite = nodeProvider.suite(1);
    const [group] = pair();
    const { tree } = { tree: group.ratchetTree };
    expect(tree.length).toBe(3);
    const last = { epoch: 0xffff_ffff_ffff_ffffn } as GroupContext;
    expect(refusal(() => provisionalContext(suite, last, {} as never, []))).toBe('crypto.limit');
  });
});

describe('pre-shared keys', () => {
  test('R8.4-03: each injection has a fresh nonce of the hash length', () => {
    const [group] = pair({ psks: () => utf8('secret') });
    const nonces = [0, 1].map(() => {
      const commit = group.commit([externalPsk(utf8('p'))]);
      group.discard(commit);
      const [id] = commit.changes.psks;
      return id?.pskNonce ?? expect.fail('no psk');
    });
    expect(nonces.map((nonce) => nonce.length)).toEqual([32, 32]);
    expect(nonces[0]).not.toEqual(nonces[1]);
  });

  test('R8.4-10: an earlier epoch is proven by its resumption PSK', () => {
    const [group, other] = pair();
    follow(group, other, group.commit().message);
    follow(group, other, group.commit([resumptionPsk(group.id, 1n)]).message);
    follow(other, group, other.commit([resumptionPsk(group.id, other.epoch)]).message);
  });

  test('R8.4-13: a missing PSK changes nothing, and the commit applies once it is there', () => {
    let known: Uint8Array | undefined = utf8('secret');
    const alice = client('alice', { psks: () => utf8('secret') });
    const bob = client('bob', { psks: () => known });
    const group = alice.createGroup();
    const invitation = group.invite([bob.createKeyPackage().message]);
    group.accept(invitation);
    const other = bob.prepareJoin(invitation.welcome).accept();
    known = undefined;
    const commit = group.commit([externalPsk(utf8('p'))]);
    const before = other.epochAuthenticator;
    rejects(other, commit.message, 'state.missing-psk');
    expect(other.epochAuthenticator).toEqual(before);
    known = utf8('secret');
    follow(group, other, commit.message);
  });

  test('R8.6-01: only so many earlier epochs can be proven', () => {
    const [group, other] = pair({ policy: { resumptionEpochs: 2 } });
    for (let i = 0; i < 3; i++) follow(group, other, group.commit().message);
    expect(refusal(() => group.commit([resumptionPsk(group.id, 1n)]))).toBe('state.missing-psk');
    follow(group, other, group.commit([resumptionPsk(group.id, 2n)]).message);
  });
});

describe('one group per id', () => {
  test('R11-09 R12.4.3-07 JOI-04: a second group of an id is refused while the first lives', () => {
    const [alice, bob] = [client('alice'), client('bob')];
    const group = alice.createGroup({ id: utf8('room') });
    expect(refusal(() => alice.createGroup({ id: utf8('room') }))).toBe('validation.group-id');
    const packages = [0, 1].map(() => bob.createKeyPackage().message) as [Uint8Array, Uint8Array];
    const invitation = group.invite([packages[0]]);
    group.accept(invitation);
    const joined = bob.prepareJoin(invitation.welcome).accept();
    const twin = client('mallory').createGroup({ id: utf8('room') });
    const other = twin.invite([packages[1]]);
    expect(refusal(() => bob.prepareJoin(other.welcome))).toBe('validation.group-id');
    expect(refusal(() => bob.prepareExternalJoin(group.groupInfo()))).toBe('validation.group-id');
    expect(joined.epochAuthenticator).toEqual(group.epochAuthenticator);
    // The KeyPackage of the refused Welcome is still good once the first group is left.
    joined.close();
    expect(bob.prepareJoin(other.welcome).groupId).toEqual(utf8('room'));
  });
});

describe('no default believes', () => {
  test('RUN-16: a client cannot be made without a validator', () => {
    const options = { credential: basicCredential('x'), provider: nodeProvider } as unknown as ClientOptions;
    expect(refusal(() => createClient(options))).toBe('codec.input');
    expect(refusal(() => new Client({ ...options, provider: nodeProvider }))).toBe('codec.input');
  });

  test('R7.3-01 R7.3-02: whoever is added, and whoever is found in a tree, is asked about', () => {
    const asked: string[] = [];
    const validateCredential: ClientOptions['validateCredential'] = ({ credential }) => {
      const name = 'identity' in credential ? new TextDecoder().decode(credential.identity) : '?';
      asked.push(name);
      return name !== 'mallory';
    };
    const alice = client('alice', { validateCredential });
    const group = alice.createGroup();
    const stranger = client('mallory').createKeyPackage().message;
    expect(refusal(() => group.commit([add(stranger)]))).toBe('validation.credential');
    expect(refusal(() => alice.validateKeyPackage(stranger))).toBe('validation.credential');
    const theirs = client('mallory').createGroup();
    const invitation = theirs.invite([alice.createKeyPackage().message]);
    expect(refusal(() => alice.prepareJoin(invitation.welcome))).toBe('validation.credential');
    expect(asked).toContain('mallory');
  });
});
