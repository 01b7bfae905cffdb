/**
 * Joining by Welcome (RFC 9420 §12.4.3.1): the adder is an insider who knows every secret of the new epoch and re-signs,
 * re-hashes and re-confirms whatever it changes. After every refusal the KeyPackage still opens the honest Welcome.
 */

import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { encode } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import type { OwnKeyPackage } from '../../src/group/keyPackage.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import { encodeKeyPackage } from '../../src/group/record.ts';
import { signLeaf } from '../../src/tree/leafNode.ts';
import { leafAt, treeToNodes } from '../../src/tree/tree.ts';
import { makeExtension, RequiredCapabilities } from '../../src/wire/extension.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import type { PreSharedKeyId } from '../../src/wire/psk.ts';
import { ExtensionType } from '../../src/wire/registry.ts';
import { RatchetTree, type TreeNode } from '../../src/wire/treeNode.ts';
import type { Welcome } from '../../src/wire/welcome.ts';
import {
  contentOf,
  type Forged,
  forgeCommit,
  forgeWelcome,
  kemPair,
  signaturePair,
  type WelcomeTweaks,
} from '../support/forge.ts';
import { addOf, authenticator, codeOf, makeWorld, Peer, removeOf, World } from '../support/world.ts';

const names = ['ann', 'bob', 'cid', 'dot', 'fay'];
const nonce = new Uint8Array(32).fill(7);
const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 3 ? byte ^ 1 : byte));
const pskOf = (psk: PreSharedKeyId): Proposal => ({ proposalType: 4, psk });
const external = (id: number): PreSharedKeyId => ({ pskType: 1, pskId: Uint8Array.of(id), pskNonce: nonce });

type Nodes = (TreeNode | undefined)[];
const leafNode = (nodes: Nodes, leaf: number) => {
  const node = nodes[2 * leaf];
  if (node?.nodeType !== 1) throw new Error(`no leaf ${leaf}`);
  return node.leafNode;
};
const parentNode = (nodes: Nodes, at: number) => {
  const node = nodes[at];
  if (node?.nodeType !== 2) throw new Error(`no parent ${at}`);
  return node.parentNode;
};
const withNode = (
  at: number,
  value: (nodes: Nodes) => TreeNode | undefined,
): Pick<WelcomeTweaks, 'nodes' | 'rehash'> => ({
  nodes: (nodes) => nodes.map((node, i) => (i === at ? value(nodes) : node)),
  rehash: true,
});
const withLeaf = (leaf: number, change: (nodes: Nodes) => Partial<ReturnType<typeof leafNode>>) =>
  withNode(2 * leaf, (nodes) => ({ nodeType: 1, leafNode: { ...leafNode(nodes, leaf), ...change(nodes) } }));
const withParent = (at: number, change: (nodes: Nodes) => Partial<ReturnType<typeof parentNode>>) =>
  withNode(at, (nodes) => ({ nodeType: 2, parentNode: { ...parentNode(nodes, at), ...change(nodes) } }));

/** Entries of a Welcome that do not open. */
const garbage = ({ secrets }: Welcome, count: number): Welcome['secrets'] => {
  const [genuine] = secrets as [Welcome['secrets'][number]];
  const { kemOutput, ciphertext } = genuine.encryptedGroupSecrets;
  const entry = { ...genuine, encryptedGroupSecrets: { kemOutput, ciphertext: flip(ciphertext) } };
  return new Array<typeof entry>(count).fill(entry);
};

/** An adder, a newcomer, and the commit that adds it. */
class Invitation {
  readonly world: World;
  readonly eve: Peer;
  readonly own: OwnKeyPackage;
  readonly forged: Forged;
  readonly bob: Peer;

  constructor(world: World, proposals: readonly Proposal[] = [], omitPath = false) {
    this.world = world;
    this.bob = world.at(1);
    this.eve = new Peer('eve', { suite: this.bob.env.suite.id });
    this.own = this.eve.keyPackage();
    const items = [addOf(this.own), ...proposals].map((proposal) => this.bob.inline(proposal));
    this.forged = forgeCommit(this.bob.env, this.bob.state, items, { omitPath });
    world.accepts(this.bob, this.forged);
  }

  welcome(tweaks: WelcomeTweaks = {}): Uint8Array {
    return forgeWelcome(this.bob.env, this.forged, tweaks);
  }

  refuses(tweaks: WelcomeTweaks, code: MlsErrorCode): void {
    const before = toHex(this.own.init.secretKey) + toHex(this.own.encryption.secretKey);
    expect(codeOf(() => this.eve.join(this.welcome(tweaks), this.own))).toBe(code);
    expect(toHex(this.own.init.secretKey) + toHex(this.own.encryption.secretKey)).toBe(before);
    this.accepts({});
  }

  accepts(tweaks: WelcomeTweaks): void {
    const { state, inviter } = this.eve.join(this.welcome(tweaks), this.own);
    expect(authenticator(state)).toBe(authenticator(this.forged.next));
    expect(inviter).toBe(this.bob.self);
  }
}

describe.each([1, 2, 5])('suite %i', (suite) => {
  const world = makeWorld(names, { suite });
  const plain = new Invitation(world);
  const bob = world.at(1);
  const other = signaturePair(bob.env);
  const key = kemPair(bob.env).publicKey;

  test.each<[string, WelcomeTweaks]>([
    ['R12.4.3.1-01/02 R12.4.3.1-07..11 as it should be', {}],
    [
      'R12.4.3-05 R13.4-04 R12.4.3.3-07 unknown GroupInfo extensions',
      {
        info: (one) => ({
          ...one,
          extensions: [
            ...one.extensions,
            { extensionType: 0x0a0a, extensionData: nonce },
            { extensionType: 0xf00d, extensionData: nonce },
          ],
        }),
      },
    ],
    [
      'R13.4-10 external_senders in the GroupInfo mean nothing',
      {
        info: (one) => ({
          ...one,
          extensions: [...one.extensions, { extensionType: 5, extensionData: nonce }],
        }),
      },
    ],
    [
      'JOI-02 two entries for one KeyPackage',
      { welcome: (one) => ({ ...one, secrets: [...one.secrets, ...one.secrets] }) },
    ],
    [
      'JOI-02 three entries for us that do not open, first',
      { welcome: (one) => ({ ...one, secrets: [...garbage(one, 3), ...one.secrets] }) },
    ],
    [
      'R3.2-04 an entry for somebody else first',
      { welcome: (one) => ({ ...one, secrets: [{ ...one.secrets[0]!, newMember: nonce }, ...one.secrets] }) },
    ],
  ])('accepted: %s', (_, tweaks) => {
    plain.accepts(tweaks);
  });

  test.each<[string, WelcomeTweaks, MlsErrorCode]>([
    [
      'JOI-01 R12.4.3.1-03 no entry',
      { welcome: (one) => ({ ...one, secrets: [] }) },
      'state.unknown-key-package',
    ],
    [
      'JOI-01 R12.4.3.1-03 R3.2-04 an entry for somebody else',
      {
        welcome: (one) => ({
          ...one,
          secrets: [{ ...one.secrets[0]!, newMember: flip(one.secrets[0]!.newMember) }],
        }),
      },
      'state.unknown-key-package',
    ],
    [
      'JOI-08 R12.4.3.1-04 Welcome of another suite',
      { welcome: (one) => ({ ...one, cipherSuite: 3 }) },
      'validation.welcome',
    ],
    [
      'JOI-08 R12.4.3.1-04 Welcome of another suite, for others',
      { welcome: (one) => ({ ...one, cipherSuite: 3, secrets: [] }) },
      'validation.welcome',
    ],
    [
      'JOI-02 four entries for us that do not open; what comes after them is not tried',
      { welcome: (one) => ({ ...one, secrets: [...garbage(one, 4), ...one.secrets] }) },
      'crypto.aead',
    ],
    [
      'JOI-08 R12.4.3.1-14 GroupInfo of another suite',
      { context: (one) => ({ ...one, cipherSuite: 3 }) },
      'validation.welcome',
    ],
    ['JOI-03 R12.4.3.1-05 secrets sealed to another key', { initKey: key }, 'crypto.aead'],
    [
      'JOI-03 R12.4.3.1-05 secrets with a flipped bit',
      {
        welcome: (one) => ({
          ...one,
          secrets: one.secrets.map(({ newMember, encryptedGroupSecrets: sealed }) => ({
            newMember,
            encryptedGroupSecrets: { ...sealed, ciphertext: flip(sealed.ciphertext) },
          })),
        }),
      },
      'crypto.aead',
    ],
    [
      'JOI-10 R12.4.3.1-05 GroupInfo with a flipped bit: the secrets are bound to it',
      { welcome: (one) => ({ ...one, encryptedGroupInfo: flip(one.encryptedGroupInfo) }) },
      'crypto.aead',
    ],
    [
      'JOI-09 R12.4.3.1-10 another joiner secret',
      { secrets: (one) => ({ ...one, joinerSecret: flip(one.joinerSecret) }) },
      'crypto.aead',
    ],
    [
      'R12.4.3.1-06 bytes after the secrets',
      { secretBytes: (one) => Uint8Array.from([...one, 0]) },
      'codec.trailing',
    ],
    ['R12.4.3.1-06 secrets cut short', { secretBytes: (one) => one.subarray(0, -1) }, 'codec.truncated'],
    [
      'R12.4.3.1-11 bytes after the GroupInfo',
      { infoBytes: (one) => Uint8Array.from([...one, 0]) },
      'codec.trailing',
    ],
    ['R12.4.3.1-12 no tree', { nodes: () => undefined }, 'validation.group-info'],
    [
      'JOI-11 R12.4.3.1-13 R12.4.3-02 signed by another key',
      { secretKey: other.secretKey },
      'crypto.signature',
    ],
    [
      'JOI-11 R12.4.3.1-13 signed by another member',
      { secretKey: world.at(0).signer.secretKey },
      'crypto.signature',
    ],
    ['R12.4.3.1-13 signature with a flipped bit', { signature: flip }, 'crypto.signature'],
    [
      'JOI-11 R12.4.3-08 signer is blank',
      { info: (one) => ({ ...one, signer: 6 }) },
      'validation.group-info',
    ],
    [
      'JOI-11 R12.4.3-08 signer out of range',
      { info: (one) => ({ ...one, signer: 0xffff_ffff }) },
      'validation.group-info',
    ],
    [
      'JOI-11 R12.4.3.1-23 signed by a member who did not commit',
      { info: (one) => ({ ...one, signer: 4 }), secretKey: world.at(4).signer.secretKey },
      'validation.path',
    ],
    [
      'R12.4.3-06 TRE-19 R12.4.3.1-30 R13.4-07 an unknown group extension',
      { context: (one) => ({ ...one, extensions: [{ extensionType: 0xf00d, extensionData: nonce }] }) },
      'validation.unsupported',
    ],
    [
      'TRE-19 R12.4.3.1-30 DEC-10 a reserved group extension',
      { context: (one) => ({ ...one, extensions: [{ extensionType: 0x0a0a, extensionData: nonce }] }) },
      'validation.unsupported',
    ],
    [
      'R12.4.3.1-30 a required capability that we lack',
      {
        context: (one) => ({
          ...one,
          extensions: [
            makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, {
              extensionTypes: [],
              proposalTypes: [0xf00d],
              credentialTypes: [],
            }),
          ],
        }),
      },
      'validation.capabilities',
    ],
    [
      'R12.4.3.1-15 R12.4.3.3-08 JOI-15 another tree hash',
      { context: (one) => ({ ...one, treeHash: flip(one.treeHash) }) },
      'validation.tree-hash',
    ],
    [
      'R12.4.3.1-15 JOI-15 a tree without one member',
      { nodes: (nodes) => nodes.map((node, i) => (i === 4 ? undefined : node)) },
      'validation.tree-hash',
    ],
    [
      'R12.4.3.1-16 a parent key of nobody',
      withParent(5, () => ({ encryptionKey: key })),
      'validation.parent-hash',
    ],
    [
      'R12.4.3.1-16 a parent hash at the root',
      withParent(7, () => ({ parentHash: nonce })),
      'validation.parent-hash',
    ],
    [
      'R12.4.3.1-17 a leaf with a flipped signature bit',
      withLeaf(2, (nodes) => ({ signature: flip(leafNode(nodes, 2).signature) })),
      'validation.parent-hash',
    ],
    [
      'R12.4.3.1-18 unmerged leaf that is blank',
      withParent(7, () => ({ unmergedLeaves: [7] })),
      'validation.unmerged-leaves',
    ],
    [
      'R12.4.3.1-18 unmerged leaf outside the subtree',
      withParent(5, () => ({ unmergedLeaves: [0] })),
      'validation.unmerged-leaves',
    ],
    [
      'R12.4.3.1-19 unmerged leaf that is merged between',
      withParent(3, () => ({ unmergedLeaves: [0] })),
      'validation.unmerged-leaves',
    ],
    [
      'JOI-13 R12.4.3.1-23 another path secret',
      { secrets: (one) => ({ ...one, pathSecret: { pathSecret: flip(one.pathSecret!.pathSecret) } }) },
      'validation.path',
    ],
    [
      'JOI-13 R12.4.3.1-23 path secret of the wrong length',
      { secrets: (one) => ({ ...one, pathSecret: { pathSecret: one.pathSecret!.pathSecret.subarray(1) } }) },
      'validation.path',
    ],
    [
      'JOI-13 R12.4.3.1-25 no path secret though there was a path',
      { secrets: (one) => ({ ...one, pathSecret: undefined }) },
      'validation.path',
    ],
    ['JOI-14 R12.4.3.1-27 another confirmation tag', { tag: flip }, 'crypto.confirmation-tag'],
    ['JOI-14 an empty confirmation tag', { tag: () => new Uint8Array(0) }, 'crypto.confirmation-tag'],
    [
      'JOI-14 R12.4.3.1-26 another epoch, without the tag to match',
      {
        info: (one) => ({
          ...one,
          groupContext: { ...one.groupContext, epoch: one.groupContext.epoch + 1n },
        }),
      },
      'crypto.confirmation-tag',
    ],
    [
      'JOI-14 another transcript hash',
      { info: (one) => ({ ...one, groupContext: { ...one.groupContext, confirmedTranscriptHash: nonce } }) },
      'crypto.confirmation-tag',
    ],
  ])('refused, R12.4.3.1-32: %s', (_, tweaks, code) => {
    plain.refuses(tweaks, code);
  });

  test('R12.4.3.1-20 TRE-14 one key at two parents', () => {
    const { eve } = plain;
    const own = eve.keyPackage();
    const publicKey = bob.tree.root.memo.halves?.[0].memo.halves?.[1].parent?.encryptionKey;
    const twice = { publicKey: publicKey!, secretKey: nonce };
    const forged = forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))], {
      update: { keyPair: (one, i) => (i === 1 ? twice : one) },
    });
    expect(codeOf(() => eve.join(forgeWelcome(bob.env, forged), own))).toBe('validation.duplicate-key');
    plain.accepts({});
  });

  test('JOI-13 R12.4.3.1-25 without a path there is no path secret, and one is refused', () => {
    const bare = new Invitation(world, [], true);
    bare.accepts({});
    const secret = new Uint8Array(bob.env.suite.sizes.hash).fill(7);
    bare.refuses({ secrets: (one) => ({ ...one, pathSecret: { pathSecret: secret } }) }, 'validation.path');
  });
});

describe('leaves of a tree that is entered', () => {
  // Where no parent depends on the leaves, each of them can be altered alone.
  const world = makeWorld(['ann', 'bob', 'cid'], { blank: true });
  const bare = new Invitation(world, [], true);
  const resigned = (
    peer: Peer,
    leaf: number,
    change: Partial<ReturnType<typeof contentOf>>,
    secretKey = peer.signer.secretKey,
  ) =>
    withNode(2 * leaf, (nodes) => ({
      nodeType: 1,
      leafNode: signLeaf(peer.env.suite, { ...contentOf(leafNode(nodes, leaf)), ...change }, secretKey),
    }));
  const cid = world.at(2);

  test.each<[string, WelcomeTweaks, MlsErrorCode]>([
    [
      'R12.4.3.1-17 TRE-11 signature by another key',
      resigned(cid, 2, {}, world.at(1).signer.secretKey),
      'crypto.signature',
    ],
    [
      'R12.4.3.1-17 signature with a flipped bit',
      withLeaf(2, (nodes) => ({ signature: flip(leafNode(nodes, 2).signature) })),
      'crypto.signature',
    ],
    [
      'R12.4.3.1-17 credential type not listed',
      resigned(cid, 2, {
        capabilities: { versions: [1], cipherSuites: [1], extensions: [], proposals: [], credentials: [2] },
      }),
      'validation.capabilities',
    ],
    [
      'R12.4.3.1-17 suite not listed',
      resigned(cid, 2, {
        capabilities: { versions: [1], cipherSuites: [2], extensions: [], proposals: [], credentials: [1] },
      }),
      'validation.capabilities',
    ],
    [
      'R12.4.3.1-17 invalid encryption key',
      resigned(cid, 2, { encryptionKey: nonce.subarray(1) }),
      'crypto.public-key',
    ],
    [
      'R12.4.3.1-17 encryption key of another leaf',
      resigned(cid, 2, { encryptionKey: leafAt(world.at(0).tree, 1)!.encryptionKey }),
      'validation.duplicate-key',
    ],
    [
      'R12.4.3.1-17 signature key of another leaf',
      resigned(cid, 2, { signatureKey: world.at(1).signer.publicKey }, world.at(1).signer.secretKey),
      'validation.duplicate-key',
    ],
    [
      'JOI-12 R12.4.3.1-21 our leaf is missing',
      { nodes: (nodes) => nodes.slice(0, 5), rehash: true },
      'validation.welcome',
    ],
    [
      'JOI-12 our leaf twice',
      { nodes: (nodes) => [...nodes, undefined, nodes[6]], rehash: true },
      'validation.duplicate-key',
    ],
    [
      'JOI-12 R12.4.3.1-21 our leaf with changed content, by a thief of our key',
      resigned(bare.eve, 3, { extensions: [{ extensionType: 1, extensionData: Uint8Array.of(1, 7) }] }),
      'validation.welcome',
    ],
    [
      'JOI-12 R12.4.3.1-21 our leaf with another encryption key',
      resigned(bare.eve, 3, { encryptionKey: kemPair(bare.eve.env).publicKey }),
      'validation.welcome',
    ],
  ])('refused: %s', (_, tweaks, code) => {
    bare.refuses(tweaks, code);
  });

  test('JOI-10 a leaf altered consistently, as a malicious adder can: the epoch is another one', () => {
    const dan = new Peer('dan');
    const own = dan.keyPackage();
    const swapped: WelcomeTweaks = {
      nodes: (nodes) =>
        nodes.map((node, i) => (i === 4 ? { nodeType: 1, leafNode: own.keyPackage.leafNode } : node)),
      rehash: true,
    };
    const { state } = bare.eve.join(bare.welcome(swapped), bare.own);
    expect(authenticator(state)).not.toBe(authenticator(bare.forged.next));
  });
});

describe('pre-shared keys', () => {
  const world = makeWorld(names);
  const two = new Invitation(world, [pskOf(external(1)), pskOf(external(2))]);
  const resumption = (usage: 1 | 2 | 3, pskEpoch = 1n): PreSharedKeyId => ({
    pskType: 2,
    usage,
    pskGroupId: nonce,
    pskEpoch,
    pskNonce: nonce,
  });

  test('R12.4.1-08 R12.4.1-18 R12.4.3.1-07 in the order of the commit', () => {
    two.accepts({});
    two.refuses({ secrets: (one) => ({ ...one, psks: [...one.psks].reverse() }) }, 'crypto.aead');
    two.refuses({ secrets: (one) => ({ ...one, psks: one.psks.slice(1) }) }, 'crypto.aead');
    const renonced = { ...external(1), pskNonce: flip(nonce) };
    two.refuses({ secrets: (one) => ({ ...one, psks: [renonced, one.psks[1]!] }) }, 'crypto.aead');
  });

  test('JOI-09 R12.4.3.1-09 a nonce of the wrong length', () => {
    const short = { ...external(1), pskNonce: nonce.subarray(1) };
    two.refuses({ secrets: (one) => ({ ...one, psks: [short, one.psks[1]!] }) }, 'validation.psk');
  });

  test('JOI-09 R12.4.3.1-08 R12.4.3.1-29 two that say reinit or branch', () => {
    const plain = new Invitation(world);
    for (const psks of [
      [resumption(2), resumption(2, 2n)],
      [resumption(2), resumption(3)],
      [resumption(3), external(1), resumption(3, 2n)],
    ]) {
      plain.refuses({ secrets: (one) => ({ ...one, psks }) }, 'validation.psk');
    }
  });

  test('JOI-09 R12.4.3.1-07 one that we lack: retry when it is there', () => {
    const { eve, own } = two;
    const lacking = eve.fork();
    lacking.psk = () => undefined;
    expect(codeOf(() => lacking.join(two.welcome(), own))).toBe('state.missing-psk');
    lacking.psk = () => utf8('another');
    expect(codeOf(() => lacking.join(two.welcome(), own))).toBe('crypto.aead');
    lacking.psk = eve.psk;
    expect(lacking.join(two.welcome(), own).inviter).toBe(1);
  });

  test.each([2, 3] as const)(
    'JOI-18 R12.4.3.1-29 usage %i without the group that it names, and in a commit',
    (usage) => {
      // The commit has such a PSK, which only a forger would commit in epoch 5.
      const { bob, eve } = two;
      const own = eve.keyPackage();
      const items = [addOf(own), pskOf(resumption(usage))].map((one) => bob.inline(one));
      const forged = forgeCommit(bob.env, bob.state, items);
      expect(codeOf(() => eve.join(forgeWelcome(bob.env, forged), own))).toBe('state.missing-psk');
      world.refuses(bob, forged.message, 'validation.psk');
    },
  );
});

describe('the tree', () => {
  const world = makeWorld(names);
  const plain = new Invitation(world);
  const tree = encode(RatchetTree, treeToNodes(plain.forged.next.epoch.tree));
  const without: WelcomeTweaks = { nodes: () => undefined };

  test('R12.4.3.1-12 JOI-15 delivered apart', () => {
    const { eve, own } = plain;
    const join = (delivered: Uint8Array) => () => eve.join(plain.welcome(without), own, delivered);
    expect(codeOf(join(tree))).toBeUndefined();
    const stale = encode(RatchetTree, treeToNodes(world.at(0).tree));
    expect(codeOf(join(stale))).toBe('validation.tree-hash');
    const short = encode(RatchetTree, treeToNodes(plain.forged.next.epoch.tree).slice(0, 9));
    expect(codeOf(join(short))).toBe('validation.tree-hash');
    expect(codeOf(join(tree.subarray(0, -1)))).toBe('codec.truncated');
    expect(codeOf(join(Uint8Array.of(0)))).toBe('validation.tree');
    expect(codeOf(join(tree))).toBeUndefined();
  });

  test('R12.4.3.3-03 R12.4.3.3-11 what is sent does not end in a blank', () => {
    const fork = world.fork();
    const ann = fork.at(0);
    const { next } = ann.build([ann.inline(removeOf(4))]);
    const nodes = treeToNodes(next.epoch.tree);
    expect(nodes.at(-1)).toBeDefined();
    expect(nodes).toHaveLength(7);
  });
});

describe('clients', () => {
  const clientOf = (peer: Peer): Client => {
    const { credential, signer } = peer;
    return new Client({
      credential,
      signer,
      validateCredential: acceptAnyCredential,
      provider: nodeProvider,
    });
  };
  const invite = (world: World, keyPackages: readonly OwnKeyPackage[]) => {
    const bob = world.at(1);
    return bob.build(keyPackages.map((own) => bob.inline(addOf(own))));
  };

  test('JOI-03 JOI-05 R10-10 R12.4.3.1-31 garbage consumes nothing, a join uses the KeyPackage up', () => {
    const world = makeWorld(names);
    const eve = new Peer('eve');
    const client = clientOf(eve);
    const own = eve.keyPackage();
    client.restoreKeyPackage(encodeKeyPackage(eve.env, own));
    const bob = world.at(1);
    const forged = forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))]);
    const garbage = forgeWelcome(bob.env, forged, { initKey: kemPair(eve.env).publicKey });
    for (let i = 0; i < 20; i++) expect(codeOf(() => client.prepareJoin(garbage))).toBe('crypto.aead');
    const welcome = forgeWelcome(bob.env, forged);
    client.prepareJoin(welcome).discard();
    const [staged, rival] = [client.prepareJoin(welcome), client.prepareJoin(welcome)];
    expect(staged.accept().self).toBe(5);
    expect(codeOf(() => staged.accept())).toBe('state.stale-handle');
    expect(codeOf(() => rival.accept())).toBe('state.key-package-used');
    expect(codeOf(() => client.prepareJoin(welcome))).toBe('state.key-package-used');
  });

  test('JOI-05 R10-10 a Welcome for a KeyPackage that is used up says so, unless it names another one of ours', () => {
    const eve = new Peer('eve');
    const client = clientOf(eve);
    const [used, kept] = [eve.keyPackage(), eve.keyPackage()];
    for (const own of [used, kept]) client.restoreKeyPackage(encodeKeyPackage(eve.env, own));
    client.prepareJoin(invite(makeWorld(['ann', 'bob']), [used]).welcome!).accept();
    const bob = makeWorld(['ann', 'bob']).at(1);
    const welcome = (own: OwnKeyPackage, also: Uint8Array) => {
      const items = [new Peer('dan').keyPackage(), own].map((one) => bob.inline(addOf(one)));
      return forgeWelcome(bob.env, forgeCommit(bob.env, bob.state, items), {
        welcome: (one) => ({ ...one, secrets: [{ ...one.secrets[1]!, newMember: also }, ...one.secrets] }),
      });
    };
    expect(codeOf(() => client.prepareJoin(welcome(used, nonce)))).toBe('state.key-package-used');
    expect(codeOf(() => client.prepareJoin(welcome(new Peer('x').keyPackage(), nonce)))).toBe(
      'state.unknown-key-package',
    );
    expect(client.prepareJoin(welcome(kept, used.ref)).accept().self).toBe(3);
  });

  test('JOI-06 R10-10 a last-resort KeyPackage serves again', () => {
    const eve = new Peer('eve');
    const client = clientOf(eve);
    const own = { ...eve.keyPackage(), reusable: true };
    client.restoreKeyPackage(encodeKeyPackage(eve.env, own));
    for (let i = 0; i < 2; i++) {
      const { welcome } = invite(makeWorld(['ann', 'bob']), [own]);
      expect(client.prepareJoin(welcome!).accept().self).toBe(2);
    }
  });

  test('JOI-01 JOI-02 R12.4.1-17 two of us in one Welcome: only the KeyPackage that was used is gone', () => {
    const world = makeWorld(names);
    const [eve, dan] = [new Peer('eve'), new Peer('dan')];
    const packages = [eve, dan].map((peer) => peer.keyPackage());
    const { welcome, next } = invite(world, packages);
    const clients = [eve, dan].map((peer, i) => {
      const client = clientOf(peer);
      client.restoreKeyPackage(encodeKeyPackage(peer.env, packages[i]!));
      return client;
    });
    for (const client of clients) {
      const group = client.prepareJoin(welcome!).accept();
      expect(toHex(group.epochAuthenticator)).toBe(authenticator(next));
    }
  });

  test('JOI-08 R12.4.3.1-04 a KeyPackage of another suite is not tried', () => {
    const stranger = new Peer('eve').keyPackage();
    const bob = makeWorld(['ann', 'bob'], { suite: 3 }).at(1);
    const eve = new Peer('eve', { suite: 3 });
    const forged = forgeCommit(bob.env, bob.state, [bob.inline(addOf(eve.keyPackage()))]);
    const welcome = forgeWelcome(bob.env, forged, {
      welcome: (one) => ({ ...one, secrets: [{ ...one.secrets[0]!, newMember: stranger.ref }] }),
    });
    expect(codeOf(() => eve.join(welcome, stranger))).toBe('validation.welcome');
  });

  test('JOI-07 one KeyPackage for two groups: at most one join', () => {
    const eve = new Peer('eve');
    const client = clientOf(eve);
    const own = eve.keyPackage();
    client.restoreKeyPackage(encodeKeyPackage(eve.env, own));
    const [first, second] = [0, 1].map(() => invite(makeWorld(['ann', 'bob']), [own]).welcome!);
    client.prepareJoin(first!).accept();
    expect(codeOf(() => client.prepareJoin(second!))).toBe('state.key-package-used');
  });

  test('R12.4.3.1-33 R5.3.2-03 the inviter and all members are known before the join is taken', () => {
    const world = makeWorld(names);
    const eve = new Peer('eve');
    const client = clientOf(eve);
    const own = eve.keyPackage();
    client.restoreKeyPackage(encodeKeyPackage(eve.env, own));
    const staged = client.prepareJoin(invite(world, [own]).welcome!);
    expect(staged.inviter?.credential).toEqual(world.at(1).credential);
    expect(staged.members.map((member) => member.leaf)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(staged.epoch).toBe(world.at(0).state.epoch.context.epoch + 1n);
    staged.discard();
  });

  test('R12.4.3.1-22/24/28 R12.4.1-13/14/15 the new member sends, receives, and commits', () => {
    const world = makeWorld(names);
    const eve = new Peer('eve');
    const own = eve.keyPackage();
    const built = invite(world, [own]);
    world.follow(world.at(1), built);
    eve.state = eve.join(built.welcome!, own).state;
    const all = new World([...world.peers, eve]);
    for (const peer of [eve, world.at(0), world.at(4), eve]) all.commit(peer);
  });

  test('another kind of message is no Welcome', () => {
    const { message } = makeWorld(names).at(1).build();
    expect(codeOf(() => clientOf(new Peer('eve')).prepareJoin(message))).toBe('validation.welcome');
  });
});
