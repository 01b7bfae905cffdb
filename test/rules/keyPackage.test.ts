/** KeyPackages (RFC 9420 §10): every rule broken once, at each of the three places where a KeyPackage is judged. */

import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import { keyPackageRef } from '../../src/group/keyPackage.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import { encodeKeyPackage } from '../../src/group/record.ts';
import { leafAt } from '../../src/tree/tree.ts';
import { KeyPackage } from '../../src/wire/keyPackage.ts';
import { LeafNode, type LeafNodeContent } from '../../src/wire/leafNode.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { GREASE, isDefaultExtension } from '../../src/wire/registry.ts';
import {
  forgeCommit,
  forgeKeyPackage,
  forgeProposal,
  type KeyPackageTweaks,
  kemPair,
  keyPackageMessage,
  signaturePair,
} from '../support/forge.ts';
import { addOf, codeOf, makeWorld, Peer, replaceBytes, type World } from '../support/world.ts';

const names = ['ann', 'bob', 'cid'];

function clientOf(peer: Peer): Client {
  const { credential, signer } = peer;
  const options = { credential, signer, validateCredential: acceptAnyCredential, provider: nodeProvider };
  return new Client({ ...options, suite: peer.env.suite.id, clock: () => peer.now });
}

/** A KeyPackage is refused when fetched, in an Add proposal, and in a commit by value. */
function refusesAdd(world: World, newcomer: Peer, tweaks: KeyPackageTweaks): void {
  const bob = world.at(1);
  const own = forgeKeyPackage(newcomer.env, newcomer, tweaks);
  const fetched = codeOf(() => clientOf(bob).validateKeyPackage(keyPackageMessage(own)));
  expect(fetched).toBe('validation.key-package');
  world.refuses(bob, forgeProposal(bob.env, bob.state, addOf(own)).message, 'validation.key-package');
  const forged = forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))], { handshake: 'private' });
  world.refuses(bob, forged.message, 'validation.key-package');
  const used = codeOf(() => bob.build([bob.inline(addOf(own))]));
  expect(used).toBe('validation.key-package');
}

function acceptsAdd(world: World, newcomer: Peer, tweaks: KeyPackageTweaks): void {
  const bob = world.at(1);
  const own = forgeKeyPackage(newcomer.env, newcomer, tweaks);
  expect(codeOf(() => clientOf(bob).validateKeyPackage(keyPackageMessage(own)))).toBeUndefined();
  world.accepts(bob, forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))]));
  const built = bob.build([bob.inline(addOf(own))]);
  world.accepts(bob, built);
  expect(newcomer.join(built.welcome!, own).state.epoch.context.epoch).toBe(built.next.epoch.context.epoch);
}

const leaf = (change: Partial<LeafNodeContent>): KeyPackageTweaks => ({
  leaf: (content) => ({ ...content, ...change }),
});
const capabilities = (change: Partial<LeafNodeContent['capabilities']>): KeyPackageTweaks => ({
  leaf: (content) => ({ ...content, capabilities: { ...content.capabilities, ...change } }),
});
const lifetime = (notBefore: bigint, notAfter: bigint): KeyPackageTweaks =>
  leaf({ source: { leafNodeSource: 1, lifetime: { notBefore, notAfter } } });
const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte));

describe.each([1, 2, 5])('suite %i', (suite) => {
  const world = makeWorld(names, { suite });
  const eve = new Peer('eve', { suite });
  const other = signaturePair(eve.env);
  const foreignKem = kemPair(new Peer('x', { suite: suite === 5 ? 1 : 5 }).env).publicKey;
  const foreignSignature = signaturePair(new Peer('x', { suite: suite === 5 ? 1 : 5 }).env).publicKey;
  const both = kemPair(eve.env);

  test.each<[string, KeyPackageTweaks]>([
    [
      'R10-03 signature with a flipped bit',
      { signed: (one) => ({ ...one, signature: flipped(one.signature) }) },
    ],
    ['R10.1-04 R10-02 signature by another key', { secretKey: other.secretKey }],
    ['R10.1-03 leaf signature by another key', { leafSecretKey: other.secretKey }],
    [
      'R10.1-03 leaf signature with a flipped bit',
      { signedLeaf: (one) => ({ ...one, signature: flipped(one.signature) }) },
    ],
    ['R10-06 source update', leaf({ source: { leafNodeSource: 2 } })],
    ['R10-06 source commit', leaf({ source: { leafNodeSource: 3, parentHash: new Uint8Array(0) } })],
    ['R10-05 encryption key of another suite', leaf({ encryptionKey: foreignKem })],
    ['R10-05 signature key of another suite', leaf({ signatureKey: foreignSignature })],
    ['R10.1-02 another suite', { content: (one) => ({ ...one, cipherSuite: suite === 1 ? 3 : 1 }) }],
    ['R10.1-02 an unknown suite', { content: (one) => ({ ...one, cipherSuite: 0x0a0a }) }],
    ['R10-04 init key of another suite', { content: (one) => ({ ...one, initKey: foreignKem }) }],
    ['R10.1-05 init key equal to the leaf key', { init: both, encryption: both }],
    ['R10-13 own suite not listed', capabilities({ cipherSuites: [0x0a0a] })],
    ['R10-13 own version not listed', capabilities({ versions: [2] })],
    ['R10.1-03 own credential type not listed', capabilities({ credentials: [2] })],
    [
      'R10.1-03 leaf extension not listed',
      leaf({ extensions: [{ extensionType: 0xf0f0, extensionData: new Uint8Array(2) }] }),
    ],
    ['R10.1-03 lifetime that ends before it begins', lifetime(1_800_000_000n, 1_799_999_999n)],
    ['R10.1-03 lifetime of more than a year', lifetime(0n, 2n ** 64n - 1n)],
  ])('R10.1-01 PRO-06 R12.1.1-02 refused: %s', (_, tweaks) => {
    refusesAdd(world, eve, tweaks);
  });

  test.each<[string, KeyPackageTweaks]>([
    ['plain', {}],
    [
      'R10-08 R13.4-03 unknown extension that the capabilities do not list',
      {
        content: (one) => ({
          ...one,
          extensions: [{ extensionType: 0xf0f1, extensionData: both.publicKey }],
        }),
      },
    ],
    [
      'R13.4-03 unknown and repeated values everywhere',
      capabilities({
        versions: [1, 2, 1],
        cipherSuites: [suite, 0x0a0a, suite, 0xffff],
        extensions: [0xf0f0, 0xf0f0, 1, 2],
        proposals: [0xf000, 1],
        credentials: [1, 0xf000, 1],
      }),
    ],
    [
      'R10.1-03 leaf extension that is listed',
      {
        leaf: (one) => ({
          ...one,
          extensions: [{ extensionType: 0xf0f0, extensionData: new Uint8Array(2) }],
          capabilities: { ...one.capabilities, extensions: [0xf0f0] },
        }),
      },
    ],
  ])('R10.1-01 accepted: %s', (_, tweaks) => {
    acceptsAdd(world, eve, tweaks);
  });
});

describe('the clock', () => {
  test('PRO-06 R10.1-01 expired: refused by who commits, accepted by who receives', () => {
    const world = makeWorld(names);
    const [ann, bob] = [world.at(0), world.at(1)];
    const eve = new Peer('eve');
    const expired = forgeKeyPackage(eve.env, eve, lifetime(1_700_000_000n, 1_700_000_100n));
    expect(codeOf(() => bob.build([bob.inline(addOf(expired))]))).toBe('policy.lifetime');
    world.accepts(bob, forgeCommit(bob.env, bob.state, [bob.inline(addOf(expired))]));
    const current = forgeKeyPackage(eve.env, eve);
    world.accepts(ann, ann.build([ann.inline(addOf(current))]));
  });
});

describe('decoding', () => {
  const world = makeWorld(names);
  const eve = new Peer('eve');
  const bob = world.at(1);
  const own = forgeKeyPackage(eve.env, eve, {
    content: (one) => ({
      ...one,
      extensions: [
        { extensionType: 0xf0f1, extensionData: new Uint8Array([1, 2, 3, 4]) },
        { extensionType: 0xf0f2, extensionData: new Uint8Array([1, 2, 3, 5]) },
      ],
    }),
  });

  test('R10.1-06 R13.4-05 two extensions of one type', () => {
    const twice = (message: Uint8Array): Uint8Array =>
      replaceBytes(message, [0xf0, 0xf2, 4, 1, 2, 3, 5], [0xf0, 0xf1, 4, 1, 2, 3, 5]);
    const message = keyPackageMessage(own);
    expect(codeOf(() => clientOf(bob).validateKeyPackage(message))).toBeUndefined();
    expect(codeOf(() => clientOf(bob).validateKeyPackage(twice(message)))).toBe('codec.duplicate-extension');
    const forged = forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))]);
    world.accepts(bob, forged);
    world.refuses(bob, twice(forged.message), 'codec.duplicate-extension');
  });

  test('PRO-06 R10.1-02 another version', () => {
    const head = [...KeyPackage.bytes(own.keyPackage).subarray(0, 12)];
    const other = [0, 2, ...head.slice(2)];
    const message = keyPackageMessage(own);
    expect(codeOf(() => clientOf(bob).validateKeyPackage(replaceBytes(message, head, other)))).toBe(
      'codec.unsupported',
    );
    const forged = forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))]);
    world.refuses(bob, replaceBytes(forged.message, head, other), 'codec.unsupported');
  });

  test('R10.1-01 another kind of message is no KeyPackage', () => {
    const message = bob.build().message;
    expect(codeOf(() => clientOf(bob).validateKeyPackage(message))).toBe('validation.key-package');
  });
});

describe('making KeyPackages', () => {
  const read = (message: Uint8Array): KeyPackage => {
    const decoded = decode(MlsMessage, message);
    if (decoded.wireFormat !== 5) throw new Error('no KeyPackage');
    return decoded.keyPackage;
  };

  test('R10-01 R10-06 layout, source and lifetime', () => {
    const bob = new Peer('bob');
    const { keyPackage } = bob.keyPackage();
    expect(decode(KeyPackage, encode(KeyPackage, keyPackage))).toEqual(keyPackage);
    expect(keyPackage.leafNode.source).toMatchObject({ leafNodeSource: 1 });
    expect(keyPackage.leafNode.credential).toEqual(bob.credential);
  });

  test('R10-04 init and leaf keys are fresh each time, and differ', () => {
    const client = clientOf(new Peer('bob'));
    const packages = Array.from({ length: 20 }, () => read(client.createKeyPackage().message));
    const keys = packages.flatMap((one) => [one.initKey, one.leafNode.encryptionKey]).map(String);
    expect(new Set(keys).size).toBe(40);
  });

  test('R10-07 R10-09 R10-12 R13.5-02 R13.5-04 reserved values are mixed in and listed; default types are not listed', () => {
    const peer = new Peer('bob', {
      policy: { grease: true, greaseKeyPackages: true, extensionTypes: [0xf123] },
    });
    for (let i = 0; i < 30; i++) {
      const { keyPackage } = peer.keyPackage();
      const { capabilities: said } = keyPackage.leafNode;
      const used = [...keyPackage.extensions, ...keyPackage.leafNode.extensions].map(
        (one) => one.extensionType,
      );
      expect(used.some((type) => GREASE.includes(type))).toBe(true);
      for (const type of used) expect(said.extensions).toContain(type);
      for (const list of [said.cipherSuites, said.extensions, said.proposals, said.credentials])
        expect(list.filter((value) => GREASE.includes(value))).toHaveLength(1);
      expect(said.versions).toEqual([1]);
      expect(said.extensions).toContain(0xf123);
      expect(said.extensions.some(isDefaultExtension)).toBe(false);
      expect(
        codeOf(() => clientOf(peer).validateKeyPackage(keyPackageMessage({ keyPackage }))),
      ).toBeUndefined();
    }
  });

  test('R10-07 extensions of the application are listed', () => {
    const client = clientOf(new Peer('bob'));
    const extension = { extensionType: 0xf0f0, extensionData: new Uint8Array([1]) };
    const inLeaf = read(client.createKeyPackage({ leafExtensions: [extension] }).message);
    expect(inLeaf.leafNode.capabilities.extensions).toContain(0xf0f0);
    const outside = read(client.createKeyPackage({ extensions: [extension] }).message);
    expect(outside.leafNode.capabilities.extensions).toContain(0xf0f0);
  });

  test.each([1, 2, 5])('R10-11 R10-12 R13.4-02 suite %i lists itself', (suite) => {
    const { keyPackage } = new Peer('bob', { suite }).keyPackage();
    expect(keyPackage.cipherSuite).toBe(suite);
    expect(keyPackage.leafNode.capabilities.cipherSuites).toContain(suite);
  });

  test('R10-14 JOI-05 private halves are found by reference, taken back, and forgotten', () => {
    const world = makeWorld(names);
    const bob = world.at(1);
    const eve = new Peer('eve');
    const own = eve.keyPackage();
    expect(own.ref).toEqual(keyPackageRef(eve.env.suite, own.keyPackage));
    const { welcome } = bob.build([bob.inline(addOf(own))]);
    const client = clientOf(eve);
    expect(codeOf(() => client.prepareJoin(welcome!))).toBe('state.unknown-key-package');
    client.restoreKeyPackage(encodeKeyPackage(eve.env, own));
    client.prepareJoin(welcome!).discard();
    client.forgetKeyPackage(own.ref);
    expect(codeOf(() => client.prepareJoin(welcome!))).toBe('state.unknown-key-package');
  });

  test('R12.1.1-06 the leaf of the KeyPackage stands in the tree byte for byte', () => {
    const world = makeWorld(names);
    const bob = world.at(1);
    const own = new Peer('eve').keyPackage();
    const { epoch } = bob.build([bob.inline(addOf(own))]).next;
    expect(LeafNode.bytes(leafAt(epoch.tree, 3)!)).toEqual(LeafNode.bytes(own.keyPackage.leafNode));
  });
});
