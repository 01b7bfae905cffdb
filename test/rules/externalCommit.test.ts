/** External commits (RFC 9420 §12.4.3.2): what members refuse of them, and what a joiner refuses of a GroupInfo. */

import { describe, expect, test } from 'vitest';
import { leafIndex } from '../../src/base/brand.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { decode, encode } from '../../src/codec/codec.ts';
import { joinExternally } from '../../src/group/external.ts';
import { createGroupInfo } from '../../src/group/groupInfo.ts';
import type { ProposalItem } from '../../src/group/state.ts';
import { externalKeyPair } from '../../src/schedule/epoch.ts';
import { leafAt, treeToNodes } from '../../src/tree/tree.ts';
import { GroupInfo } from '../../src/wire/groupInfo.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import { ExtensionType } from '../../src/wire/registry.ts';
import { RatchetTree } from '../../src/wire/treeNode.ts';
import {
  type ExternalTweaks,
  forgeExternalCommit,
  forgeGroupInfo,
  forgeKeyPackage,
  forgeProposal,
  forgeUpdateLeaf,
  type GroupInfoTweaks,
  kemPair,
  type PathTweaks,
  signaturePair,
} from '../support/forge.ts';
import {
  addOf,
  authenticator,
  codeOf,
  extensionsOf,
  makeWorld,
  Peer,
  removeOf,
  World,
} from '../support/world.ts';

const names = ['ann', 'bob', 'cid', 'dot', 'fay'];
const nonce = new Uint8Array(32).fill(7);
const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 3 ? byte ^ 1 : byte));
const item = (proposal: Proposal): ProposalItem => ({
  proposal,
  sender: { kind: 'new-member' },
  ref: undefined,
});
const also = (...proposals: Proposal[]): ExternalTweaks => ({
  items: (items) => [...items, ...proposals.map(item)],
});
const psk = (id: number): Proposal => ({
  proposalType: 4,
  psk: { pskType: 1, pskId: Uint8Array.of(id), pskNonce: nonce },
});

describe.each([1, 2, 5])('members, suite %i', (suite) => {
  const world = makeWorld(names, { suite });
  const ann = world.at(0);
  const eve = new Peer('eve', { suite });
  const hash = ann.env.suite.sizes.hash;
  const own = (id: number): Proposal => ({
    proposalType: 4,
    psk: { pskType: 1, pskId: Uint8Array.of(id), pskNonce: new Uint8Array(hash).fill(7) },
  });
  const leafKey = (leaf: number) => ({ publicKey: leafAt(ann.tree, leaf)!.encryptionKey, secretKey: nonce });

  const leafFaults: readonly [string, PathTweaks, MlsErrorCode][] = [
    [
      'source update',
      { leaf: (one) => ({ ...one, source: { leafNodeSource: 2 } }) },
      'validation.leaf-source',
    ],
    ['signed for another place', { place: (at) => ({ ...at, leaf: leafIndex(4) }) }, 'crypto.signature'],
    ['signed for another group', { place: (at) => ({ ...at, groupId: nonce }) }, 'crypto.signature'],
    ['signed by another key', { leafSecretKey: ann.signer.secretKey }, 'crypto.signature'],
    [
      'wrong parent hash',
      { leaf: (one) => ({ ...one, source: { leafNodeSource: 3, parentHash: nonce } }) },
      'validation.parent-hash',
    ],
    [
      'credential type not listed',
      { leaf: (one) => ({ ...one, capabilities: { ...one.capabilities, credentials: [] } }) },
      'validation.capabilities',
    ],
    ['encryption key of a member', { encryption: leafKey(2) }, 'validation.duplicate-key'],
    ['a node too few', { path: (path) => ({ ...path, nodes: path.nodes.slice(1) }) }, 'validation.path'],
  ];

  test.each<[string, ExternalTweaks]>([
    ['R12.2-18 R12.4.3.2-08/09/11 R12.4.2-09 one ExternalInit', {}],
    ['R12.2-21 and a PSK', also(own(1))],
    ['R12.2-21 and two PSKs before it', { items: (items) => [item(own(1)), item(own(2)), ...items] }],
    ['R12.2-19 R12.2-20 R12.4.3.2-05 and a Remove', also(removeOf(4))],
    [
      'R12.4.3.2-05 R12.4.1-04 a Remove first: the freed place is taken',
      { items: (items) => [item(removeOf(1)), ...items] },
    ],
    [
      'a new signature key and own extensions',
      {
        update: {
          leaf: (one) => ({ ...one, extensions: [{ extensionType: 1, extensionData: Uint8Array.of(1, 7) }] }),
        },
      },
    ],
  ])('accepted: %s', (_, tweaks) => {
    const forged = forgeExternalCommit(eve.env, ann.state, eve, tweaks);
    const removed = tweaks
      .items?.([])
      .flatMap(({ proposal }) => ('removed' in proposal ? [proposal.removed] : []));
    expect(forged.next.epoch.self).toBe(removed?.[0] ?? 5);
    world.accepts(undefined, forged);
  });

  test.each<[string, ExternalTweaks, MlsErrorCode]>([
    ['PRO-23 R12.4.3.2-04 no path', { omitPath: true }, 'validation.external-commit'],
    ['PRO-23 R12.2-18 no ExternalInit', { items: () => [] }, 'validation.external-commit'],
    ['PRO-23 R12.2-18 a Remove alone', { items: () => [item(removeOf(4))] }, 'validation.external-commit'],
    [
      'PRO-23 R12.2-18 two ExternalInits',
      { items: (items) => [...items, ...items] },
      'validation.external-commit',
    ],
    ['PRO-23 R12.2-19 two Removes', also(removeOf(3), removeOf(4)), 'validation.external-commit'],
    [
      'PRO-23 R12.2-22 an Add',
      also(addOf(forgeKeyPackage(eve.env, new Peer('x', { suite })))),
      'validation.external-commit',
    ],
    [
      'PRO-23 R12.2-22 an Update',
      also({ proposalType: 2, leafNode: forgeUpdateLeaf(ann.env, ann.state) }),
      'validation.external-commit',
    ],
    ['PRO-23 R12.2-22 GroupContextExtensions', also(extensionsOf([])), 'validation.external-commit'],
    [
      'PRO-23 R12.2-22 a ReInit',
      also({ proposalType: 5, groupId: nonce, version: 1, cipherSuite: suite, extensions: [] }),
      'validation.external-commit',
    ],
    ['PRO-23 removal of nobody', also(removeOf(6)), 'validation.proposal'],
    ['R12.2-21 one PSK twice', also(own(1), own(1)), 'validation.psk'],
    [
      'PRO-23 R12.4.3.2-07 signed by another key',
      { secretKey: signaturePair(eve.env).secretKey },
      'crypto.signature',
    ],
    ['PRO-23 R12.4.3.2-07 signed by a member', { secretKey: ann.signer.secretKey }, 'crypto.signature'],
    [
      'R12.4.3.2-08 signed over another context',
      { signedContext: { ...ann.state.epoch.context, treeHash: nonce } },
      'crypto.signature',
    ],
    ['PRO-24 R12.1.6-03 KEM output cut short', { kemOutput: (one) => one.subarray(1) }, 'crypto.kem'],
    ['PRO-24 R12.1.6-03 empty KEM output', { kemOutput: () => new Uint8Array(0) }, 'crypto.kem'],
    [
      'PRO-24 CRY-10 KEM output of low order, or no point',
      { kemOutput: (one) => new Uint8Array(one.length) },
      'crypto.kem',
    ],
    [
      'PRO-24 R12.4.3.2-09 another init secret',
      { initSecret: () => new Uint8Array(hash) },
      'crypto.confirmation-tag',
    ],
    ['another confirmation tag', { tag: flip }, 'crypto.confirmation-tag'],
    [
      'R12.2-20 the encryption key of the removed leaf',
      { ...also(removeOf(4)), update: { encryption: leafKey(4) } },
      'validation.path',
    ],
    ...leafFaults.map(([title, update, code]): [string, ExternalTweaks, MlsErrorCode] => {
      return [`R12.4.3.2-10 path leaf: ${title}`, { update }, code];
    }),
  ])('refused: %s', (_, tweaks, code) => {
    const forged = forgeExternalCommit(eve.env, ann.state, eve, tweaks);
    world.refuses(undefined, forged.message, code);
  });

  test('PRO-23 R12.4.3.2-06 R12.2-23 a proposal by reference', () => {
    const fork = world.fork();
    const a = fork.at(0);
    const cached = fork.deliver(a, forgeProposal(a.env, a.state, own(1)));
    const forged = forgeExternalCommit(eve.env, a.state, eve, { items: (items) => [...items, cached] });
    fork.refuses(undefined, forged.message, 'validation.external-commit');
    // R12.4-12: the cache lapses with the epoch all the same.
    const plain = forgeExternalCommit(eve.env, a.state, eve);
    for (const peer of fork.peers) {
      peer.take(plain.message);
      expect(peer.state.proposals).toEqual([]);
    }
  });

  test('PRO-23 R12.4.3.2-06 R12.2-23 a reference that nobody knows, where types may only come by value', () => {
    const proposalTypes = new Map([
      [0xf0b0, { external: false, pathRequired: false, externalCommit: 'value' } as const],
    ]);
    for (const options of [{}, { policy: { proposalTypes } }]) {
      const group = makeWorld(['ann', 'bob'], { suite, ...options });
      const unknown = { ...item(own(1)), ref: nonce };
      const forged = forgeExternalCommit(eve.env, group.at(0).state, eve, {
        items: (items) => [...items, unknown],
      });
      group.refuses(undefined, forged.message, 'validation.external-commit');
    }
  });

  test('PRO-23 R12.4.3.2-08 a membership tag', () => {
    const { message } = forgeExternalCommit(eve.env, ann.state, eve);
    world.refuses(undefined, Uint8Array.from([...message, 32, ...nonce]), 'codec.trailing');
  });

  test('PRO-23 R12.4.3.2-08 from another sender type', () => {
    const forged = forgeExternalCommit(eve.env, ann.state, eve, {
      framed: (one) => ({ ...one, sender: { senderType: 3 } }),
    });
    world.refuses(undefined, forged.message, 'validation.sender');
  });

  test('R12.4.3.2-15 R12.2-16 the signature key of a member: only together with its removal', () => {
    const cid = world.at(2);
    const alone = forgeExternalCommit(cid.env, ann.state, cid);
    world.refuses(undefined, alone.message, 'validation.duplicate-key');
    const resync = forgeExternalCommit(cid.env, ann.state, cid, also(removeOf(2)));
    for (const peer of world.others(cid)) expect(peer.tryCommit(resync.message)).toBeDefined();
    expect(cid.tryCommit(resync.message)).toBeUndefined();
  });

  test('R12.2-20 PRO-23 R12.4.3.2-12 removal of an unrelated member, if the application says no', () => {
    const fork = world.fork();
    for (const peer of fork.peers) {
      peer.judge = ({ credential, previous }) =>
        previous === undefined || JSON.stringify(previous.credential) === JSON.stringify(credential);
    }
    const foreign = forgeExternalCommit(eve.env, ann.state, eve, also(removeOf(2)));
    fork.refuses(undefined, foreign.message, 'policy.successor');
    const cid = { credential: world.at(2).credential, signer: signaturePair(eve.env) };
    fork.accepts(undefined, forgeExternalCommit(eve.env, ann.state, cid, also(removeOf(2))));
  });

  test('PRO-24 R3.3-01 JOI-16 R12.4.3.2-13 one GroupInfo serves one join', () => {
    const fork = world.fork();
    const dan = new Peer('dan', { suite });
    const [first, second] = [eve, dan].map((peer) => forgeExternalCommit(peer.env, ann.state, peer));
    for (const peer of fork.peers) {
      peer.take(first!.message);
      expect(peer.try(second!.message).kind).toBe('expired');
    }
  });
});

describe('joiners', () => {
  const world = makeWorld(names);
  const ann = world.at(0);
  const eve = new Peer('eve');
  const external = externalKeyPair(ann.env.suite, ann.state.epoch.secrets.externalSecret).publicKey;
  const join = (
    peer: Peer,
    tweaks: GroupInfoTweaks,
    options: { resync?: boolean; tree?: Uint8Array } = {},
  ) => {
    const groupInfo = forgeGroupInfo(ann.env, ann.state, { externalPub: external, ...tweaks });
    const { credential, signer } = peer;
    const received = decode(GroupInfo, GroupInfo.bytes(groupInfo));
    return joinExternally(
      peer.env,
      received,
      { credential, signer, resync: options.resync ?? false },
      options.tree,
    );
  };
  const changedNode = (at: number, change: (key: Uint8Array) => Uint8Array): GroupInfoTweaks => ({
    nodes: (nodes) =>
      nodes.map((node, i) =>
        i === at && node?.nodeType === 2
          ? {
              nodeType: 2,
              parentNode: { ...node.parentNode, encryptionKey: change(node.parentNode.encryptionKey) },
            }
          : node,
      ),
    rehash: true,
  });

  test('R12.4.3.2-03 R12.4.3-03/04 R11-02 from the GroupInfo of any member, the tree inside or apart', () => {
    for (const member of world.peers) {
      const groupInfo = createGroupInfo(member.env, member.state.epoch, {
        ratchetTree: true,
        externalPub: true,
      });
      const { credential, signer } = eve;
      const joined = joinExternally(eve.env, groupInfo, { credential, signer, resync: false }, undefined);
      for (const peer of world.peers) {
        expect(authenticator(peer.tryCommit(joined.message)!)).toBe(authenticator(joined.state));
      }
    }
    const tree = encode(RatchetTree, treeToNodes(ann.tree));
    const joined = join(eve, { nodes: () => undefined }, { tree });
    expect(authenticator(ann.tryCommit(joined.message)!)).toBe(authenticator(joined.state));
  });

  test('R12.4.3.2-01 a GroupInfo carries the tree and the key for joiners where they are asked for', () => {
    const { ratchetTree: tree, externalPub: pub } = ExtensionType;
    for (const [ratchetTree, externalPub, types] of [
      [true, true, [tree, pub]],
      [true, false, [tree]],
      [false, true, [pub]],
      [false, false, []],
    ] as const) {
      const { extensions } = createGroupInfo(ann.env, ann.state.epoch, { ratchetTree, externalPub });
      expect(extensions.map(({ extensionType }) => extensionType)).toEqual(types);
    }
  });

  test('R11-02 R11-03 R12.4.3-03 PRO-30 into epoch 0', () => {
    const lone = makeWorld(['ann'], { settled: false });
    const first = lone.at(0);
    expect(first.state.epoch.context.epoch).toBe(0n);
    const groupInfo = createGroupInfo(first.env, first.state.epoch, { ratchetTree: true, externalPub: true });
    const { credential, signer } = eve;
    const joined = joinExternally(eve.env, groupInfo, { credential, signer, resync: false }, undefined);
    first.take(joined.message);
    expect(authenticator(first.state)).toBe(authenticator(joined.state));
  });

  test('R12.4.3.2-05 R12.4.3.2-14 R12.4.1-04 resync takes the freed place', () => {
    const cid = world.at(2).fork();
    const joined = join(cid, {}, { resync: true });
    expect(joined.state.epoch.self).toBe(2);
    const fork = world.fork();
    for (const peer of fork.peers) peer.take(joined.message);
    expect(fork.at(2).state.status).toBe('removed');
    cid.state = joined.state;
    const all = new World([...fork.peers.filter(({ name }) => name !== 'cid'), cid]);
    for (const peer of all.peers) all.commit(peer);
    expect(codeOf(() => join(eve, {}, { resync: true }))).toBe('validation.external-commit');
  });

  test.each<[string, GroupInfoTweaks, MlsErrorCode]>([
    [
      'JOI-16 R12.4.3.2-01 no external_pub',
      { info: (one) => ({ ...one, extensions: one.extensions.slice(0, 1) }) },
      'validation.group-info',
    ],
    ['JOI-16 external_pub of the wrong length', { externalPub: external.subarray(1) }, 'crypto.public-key'],
    ['JOI-16 CRY-10 external_pub of low order', { externalPub: new Uint8Array(32) }, 'crypto.kem'],
    ['JOI-16 R12.4.3.2-02 signature with a flipped bit', { signature: flip }, 'crypto.signature'],
    [
      'R12.4.3.2-02 signed by another member',
      { secretKey: world.at(1).signer.secretKey },
      'crypto.signature',
    ],
    ['R12.4.3.2-02 signer is blank', { info: (one) => ({ ...one, signer: 7 }) }, 'validation.group-info'],
    ['R12.4.3.2-02 no tree', { nodes: () => undefined }, 'validation.group-info'],
    [
      'R12.4.3.2-02 another tree hash',
      { context: (one) => ({ ...one, treeHash: nonce }) },
      'validation.tree-hash',
    ],
    [
      'R12.4.3.2-02 a parent key of nobody',
      changedNode(5, () => kemPair(eve.env).publicKey),
      'validation.parent-hash',
    ],
    ['R12.4.3.2-02 a parent key that is none', changedNode(5, (key) => key.subarray(1)), 'crypto.public-key'],
    [
      'R12.4.3.2-02 another suite',
      { context: (one) => ({ ...one, cipherSuite: 3 }) },
      'validation.group-info',
    ],
    [
      'R12.4.3-06 R13.4-07 an unknown group extension',
      { context: (one) => ({ ...one, extensions: [{ extensionType: 0xf00d, extensionData: nonce }] }) },
      'validation.unsupported',
    ],
  ])('refused: %s', (_, tweaks, code) => {
    expect(codeOf(() => join(eve, tweaks))).toBe(code);
    expect(codeOf(() => join(eve, {}))).toBeUndefined();
  });

  test('R12.4.3.2-15 a member cannot join once more beside itself', () => {
    expect(codeOf(() => join(world.at(2), {}))).toBe('validation.duplicate-key');
  });

  test('R12.2-21 psk values enter the key schedule', () => {
    const forged = forgeExternalCommit(eve.env, ann.state, eve, also(psk(1)));
    const other = world.fork();
    for (const peer of other.peers) peer.psk = () => nonce;
    other.refuses(undefined, forged.message, 'crypto.confirmation-tag');
    for (const peer of other.peers) peer.psk = () => undefined;
    expect(codeOf(() => ann.tryCommit(forged.message))).toBeUndefined();
    expect(codeOf(() => other.at(0).tryCommit(forged.message))).toBe('state.missing-psk');
  });
});
