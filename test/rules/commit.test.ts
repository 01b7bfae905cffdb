/**
 * Commits (RFC 9420 §12.2 - §12.4): every rule for the list of proposals broken once, by value and by reference, in
 * both framings; the order of application; when a path is required. Update paths have a suite of their own.
 */

import { describe, expect, test } from 'vitest';
import { equal } from '../../src/base/bytes.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import type { KeyPair } from '../../src/crypto/provider.ts';
import { commitMove, proposeMove } from '../../src/group/moves.ts';
import { selectProposals, setExtensions, update } from '../../src/group/proposals.ts';
import type { CachedProposal, ProposalItem } from '../../src/group/state.ts';
import { leafAt } from '../../src/tree/tree.ts';
import { makeExtension, RequiredCapabilities } from '../../src/wire/extension.ts';
import { GroupContext } from '../../src/wire/groupContext.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import { ExtensionType } from '../../src/wire/registry.ts';
import {
  type ForgedProposal,
  forgeCommit,
  forgeKeyPackage,
  forgeProposal,
  forgeUpdateLeaf,
  kemPair,
  signaturePair,
} from '../support/forge.ts';
import { recordOf } from '../support/refusals.ts';
import { addOf, codeOf, extensionsOf, makeWorld, Peer, removeOf, type World } from '../support/world.ts';

const names = ['ann', 'bob', 'cid', 'dot'];
const nonce = new Uint8Array(32).fill(7);
const eve = new Peer('eve');

const pskOf = (id: number, fresh = nonce): Proposal => ({
  proposalType: 4,
  psk: { pskType: 1, pskId: Uint8Array.of(id), pskNonce: fresh },
});
const reinitOf = (groupId = nonce): Proposal => ({
  proposalType: 5,
  groupId,
  version: 1,
  cipherSuite: 1,
  extensions: [],
});
const updateKeys = new Map<Proposal, KeyPair>();
const updateOf = (peer: Peer): Proposal => {
  const encryption = kemPair(peer.env);
  const leafNode = forgeUpdateLeaf(peer.env, peer.state, { encryption });
  const proposal: Proposal = { proposalType: 2, leafNode };
  updateKeys.set(proposal, encryption);
  return proposal;
};
const required = (extensionTypes: readonly number[]) =>
  makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, {
    extensionTypes,
    proposalTypes: [],
    credentialTypes: [],
  });

/** One entry of a list: proposed by a peer and referenced, or in the commit itself. */
type Entry = { readonly by: number; readonly proposal: (world: World) => Proposal };
const by = (index: number, proposal: Proposal | ((world: World) => Proposal)): Entry => ({
  by: index,
  proposal: typeof proposal === 'function' ? proposal : () => proposal,
});

/** The list as the committer `who` would cover it; `inline`: where it may, by value. */
function listOf(world: World, who: number, entries: readonly Entry[], inline: boolean): ProposalItem[] {
  return entries.map((entry) => {
    const peer = world.at(entry.by);
    const proposal = entry.proposal(world);
    if (inline && entry.by === who) return peer.inline(proposal);
    const forged = forgeProposal(peer.env, peer.state, proposal);
    // What breaks a rule on its own would not be let in: all have it in store nevertheless.
    for (const one of world.peers) {
      const kept = one.state.proposals.some(({ ref }) => equal(ref, forged.item.ref));
      const encryption = one === peer ? updateKeys.get(proposal) : undefined;
      const ownKeys = encryption && { encryption, signer: one.state.epoch.signer };
      const item = { ...forged.item, ownKeys };
      if (!kept) one.state = { ...one.state, proposals: [...one.state.proposals, item] };
    }
    return forged.item;
  });
}

describe.each(['public', 'private'] as const)('lists, sent %sly', (handshake) => {
  const world = makeWorld(names);
  const twin = forgeKeyPackage(eve.env, eve);
  const again = forgeKeyPackage(eve.env, eve);
  const sameKey = kemPair(eve.env);
  const dan = new Peer('dan');

  test.each<[string, readonly Entry[], MlsErrorCode]>([
    [
      'PRO-01 R12.2-03 R12.1-07 Update of the committer',
      [by(1, updateOf(world.at(1)))],
      'validation.proposal-list',
    ],
    ['PRO-02 R12.2-04 removal of the committer', [by(1, removeOf(1))], 'validation.proposal-list'],
    [
      'PRO-02 R12.2-04 removal of the committer, by somebody else',
      [by(0, removeOf(1))],
      'validation.proposal-list',
    ],
    [
      'PRO-04 R12.2-05 two Removes of one leaf',
      [by(1, removeOf(3)), by(0, removeOf(3))],
      'validation.proposal-list',
    ],
    [
      'PRO-04 R12.2-05 Update and Remove of one leaf',
      [by(2, updateOf(world.at(2))), by(1, removeOf(2))],
      'validation.proposal-list',
    ],
    [
      'PRO-04 R12.2-05 two Updates of one leaf',
      [by(2, updateOf(world.at(2))), by(2, updateOf(world.at(2)))],
      'validation.proposal-list',
    ],
    [
      'PRO-05 R12.2-07 two Adds of one client',
      [by(1, addOf(twin)), by(0, addOf(again))],
      'validation.duplicate-client',
    ],
    [
      'PRO-15 R12.2-07 the same Add twice',
      [by(1, addOf(twin)), by(1, addOf(twin))],
      'validation.duplicate-client',
    ],
    [
      'PRO-05 R12.2-08 Add of a member',
      [by(1, () => addOf(forgeKeyPackage(world.at(3).env, world.at(3))))],
      'validation.duplicate-client',
    ],
    [
      'PRO-05 R12.2-08 Add of a member whose neighbour is removed',
      [by(1, removeOf(2)), by(1, () => addOf(forgeKeyPackage(world.at(3).env, world.at(3))))],
      'validation.duplicate-client',
    ],
    ['R12.2-09 PRO-07 one PSK twice', [by(1, pskOf(1)), by(0, pskOf(1))], 'validation.psk'],
    [
      'PRO-09 R12.2-10 two GroupContextExtensions',
      [by(1, extensionsOf([])), by(0, extensionsOf([]))],
      'validation.proposal-list',
    ],
    ['PRO-11 R12.2-11 ReInit and Add', [by(1, reinitOf()), by(1, addOf(twin))], 'validation.reinit'],
    [
      'PRO-11 R12.2-11 two ReInits',
      [by(1, reinitOf()), by(0, reinitOf(nonce.subarray(1)))],
      'validation.reinit',
    ],
    ['PRO-11 R12.2-11 PSK and ReInit', [by(0, pskOf(1)), by(1, reinitOf())], 'validation.reinit'],
    [
      'PRO-12 R12.2-13 R12.1.6-02 ExternalInit of a member',
      [by(1, { proposalType: 6, kemOutput: nonce })],
      'validation.proposal-list',
    ],
    [
      'PRO-03 R12.2-02 R12.2-01 a removal of nobody among others',
      [by(1, pskOf(1)), by(1, removeOf(9))],
      'validation.proposal',
    ],
    [
      'R12.2-15 PRO-05 two Adds with one encryption key',
      [
        by(1, addOf(forgeKeyPackage(eve.env, eve, { encryption: sameKey }))),
        by(1, addOf(forgeKeyPackage(dan.env, dan, { encryption: sameKey }))),
      ],
      'validation.duplicate-key',
    ],
    [
      'R12.2-15 Add and Update with one encryption key',
      [
        by(1, addOf(forgeKeyPackage(eve.env, eve, { encryption: sameKey }))),
        by(2, (w) => ({
          proposalType: 2,
          leafNode: forgeUpdateLeaf(w.at(2).env, w.at(2).state, { encryption: sameKey }),
        })),
      ],
      'validation.duplicate-key',
    ],
    [
      'R12.2-15 Update to the signature key of another member',
      [
        by(2, (w) => ({
          proposalType: 2,
          leafNode: forgeUpdateLeaf(w.at(2).env, w.at(2).state, {
            leaf: (one) => ({ ...one, signatureKey: w.at(3).signer.publicKey }),
            leafSecretKey: w.at(3).signer.secretKey,
          }),
        })),
      ],
      'validation.duplicate-key',
    ],
  ])('R12.2-01 R12.4.2-05 refused: %s', (_, entries, code) => {
    for (const inline of [true, false]) {
      const fork = world.fork();
      const items = listOf(fork, 1, entries, inline);
      const bob = fork.at(1);
      // A member of whom the list is about may be the forger's victim as well: all others judge alike.
      fork.refuses(bob, forgeCommit(bob.env, bob.state, items, { handshake }).message, code);
      const before = recordOf(bob);
      expect(codeOf(() => bob.build(items))).toBe(code);
      expect(recordOf(bob)).toBe(before);
    }
  });

  test.each<[string, readonly Entry[]]>([
    ['R12.4-07 nothing at all', []],
    ['PRO-04 two Removes of two leaves', [by(1, removeOf(2)), by(0, removeOf(3))]],
    ['Updates of two leaves', [by(2, updateOf(world.at(2))), by(3, updateOf(world.at(3)))]],
    ['PRO-05 Adds of two clients', [by(1, addOf(twin)), by(0, addOf(forgeKeyPackage(dan.env, dan)))]],
    [
      'PRO-05 R12.2-08 R12.2-16 Remove and Add of the same client',
      [by(1, () => addOf(forgeKeyPackage(world.at(3).env, world.at(3)))), by(0, removeOf(3))],
    ],
    [
      'R12.2-09 one PSK with two nonces',
      [
        by(1, pskOf(1)),
        by(
          1,
          pskOf(
            1,
            nonce.map((byte) => byte + 1),
          ),
        ),
      ],
    ],
    ['PRO-11 a ReInit alone', [by(1, reinitOf())]],
    ["PRO-11 somebody else's ReInit", [by(0, reinitOf())]],
    ['PRO-09 one GroupContextExtensions', [by(0, extensionsOf([]))]],
    [
      'R12.4-02 all kinds, by value and by reference',
      [
        by(0, pskOf(1)),
        by(1, extensionsOf([])),
        by(2, removeOf(3)),
        by(1, addOf(twin)),
        by(2, updateOf(world.at(2))),
      ],
    ],
  ])('accepted: %s', (_, entries) => {
    for (const inline of [true, false]) {
      const fork = world.fork();
      const items = listOf(fork, 1, entries, inline);
      const bob = fork.at(1);
      fork.accepts(bob, forgeCommit(bob.env, bob.state, items, { handshake }));
      fork.accepts(bob, bob.build(items, { handshake }));
    }
  });

  test.each<[string, readonly Entry[], boolean]>([
    ['R12.4-07 an empty list', [], true],
    ['Update', [by(2, updateOf(world.at(2)))], true],
    ['Remove', [by(1, removeOf(3))], true],
    ['R12.4.2-08 GroupContextExtensions', [by(1, extensionsOf([]))], true],
    ['Add and Remove', [by(1, addOf(twin)), by(1, removeOf(3))], true],
    ['PSK and GroupContextExtensions', [by(1, pskOf(1)), by(1, extensionsOf([]))], true],
    ['ADD and Update', [by(1, addOf(twin)), by(2, updateOf(world.at(2)))], true],
    ['Add', [by(1, addOf(twin))], false],
    ['PSK', [by(1, pskOf(1))], false],
    ['ReInit', [by(1, reinitOf())], false],
    ['Add and PSK', [by(0, addOf(twin)), by(1, pskOf(1))], false],
  ])('PRO-16 R12.4-08 R12.4-09 without a path: %s', (_, entries, isRequired) => {
    const fork = world.fork();
    const items = listOf(fork, 1, entries, true);
    const bob = fork.at(1);
    const forged = forgeCommit(bob.env, bob.state, items, { handshake, omitPath: true });
    if (isRequired) fork.refuses(bob, forged.message, 'validation.path-required');
    else fork.accepts(bob, forged);
    // Our own committer puts one in where it must.
    fork.accepts(bob, bob.build(items, { handshake, path: 'omit' }));
    fork.accepts(bob, bob.build(items, { handshake }));
  });

  test('PRO-14 R12.4.2-04 references that nobody knows', () => {
    const bob = world.at(1);
    const { item } = forgeProposal(bob.env, bob.state, removeOf(3));
    for (const ref of [item.ref, new Uint8Array(0), nonce, item.ref.subarray(1)]) {
      const forged = forgeCommit(bob.env, bob.state, [{ ...item, ref }], { handshake });
      world.refuses(bob, forged.message, 'validation.unknown-proposal-ref');
    }
  });

  test('PRO-15 the same reference twice, or once by value and once by reference', () => {
    const fork = world.fork();
    const bob = fork.at(1);
    const item = fork.deliver(bob, forgeProposal(bob.env, bob.state, removeOf(3)));
    for (const items of [
      [item, item],
      [item, bob.inline(item.proposal)],
    ]) {
      fork.refuses(
        bob,
        forgeCommit(bob.env, bob.state, items, { handshake }).message,
        'validation.proposal-list',
      );
    }
    fork.accepts(bob, bob.build([item]));
    // Two Adds by reference and by value are one client twice.
    const add = fork.deliver(bob, forgeProposal(bob.env, bob.state, addOf(twin)));
    const both = [add, bob.inline(add.proposal)];
    fork.refuses(
      bob,
      forgeCommit(bob.env, bob.state, both, { handshake }).message,
      'validation.duplicate-client',
    );
  });

  test('R12.4.2-06 PRO-08 R3.4-02 a PSK that one member lacks: kept for later, and then it applies', () => {
    const fork = world.fork();
    const [ann, bob, cid] = [fork.at(0), fork.at(1), fork.at(2)];
    cid.psk = () => undefined;
    const built = bob.build([bob.inline(pskOf(1))], { handshake });
    const before = cid.state;
    expect(codeOf(() => cid.take(built.message))).toBe('state.missing-psk');
    expect(cid.state).toBe(before);
    expect(ann.tryCommit(built.message)).toBeDefined();
    cid.psk = ann.psk;
    fork.follow(bob, built);
  });

  test('R12.4.2-16 PRO-08 a PSK of which one member has another value', () => {
    const fork = world.fork();
    const [ann, bob] = [fork.at(0), fork.at(1)];
    ann.psk = () => nonce;
    fork.refuses(bob, bob.build([bob.inline(pskOf(1))], { handshake }).message, 'crypto.confirmation-tag', [
      ann,
    ]);
  });

  test('R12.4.2-16 R3.4-01 a resumption PSK of an earlier epoch of the group', () => {
    const fork = world.fork();
    const bob = fork.at(1);
    const { groupId, epoch } = bob.state.epoch.context;
    const resumption = (pskEpoch: bigint): Proposal => ({
      proposalType: 4,
      psk: { pskType: 2, usage: 1, pskGroupId: groupId, pskEpoch, pskNonce: nonce },
    });
    for (const peer of fork.peers) peer.psk = () => undefined;
    for (const at of [epoch, epoch - 1n])
      fork.accepts(bob, bob.build([bob.inline(resumption(at))], { handshake }));
    expect(codeOf(() => bob.build([bob.inline(resumption(epoch + 1n))]))).toBe('state.missing-psk');
    // A later member does not have it.
    const own = eve.keyPackage();
    const { welcome } = fork.commit(bob, [bob.inline(addOf(own))]);
    const late = eve.fork();
    late.psk = () => undefined;
    late.state = late.join(welcome!, own).state;
    const proof = bob.build([bob.inline(resumption(epoch - 1n))], { handshake });
    expect(codeOf(() => late.take(proof.message))).toBe('state.missing-psk');
    expect(fork.at(2).tryCommit(proof.message)).toBeDefined();
  });

  test('R12.4.2-17 PRO-30 a confirmation tag that does not match', () => {
    const bob = world.at(1);
    const wrong: [string, Parameters<typeof forgeCommit>[3]][] = [
      ['a flipped bit', { tag: (tag) => tag.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) }],
      ['shorter', { tag: (tag) => tag.subarray(1) }],
      ['empty', { tag: () => new Uint8Array(0) }],
      ['another commit secret', { commitSecret: () => nonce }],
      ['R12.4.2-16 another init secret', { initSecret: () => nonce }],
      ['the tag of the last epoch', { tag: () => bob.state.epoch.confirmationTag }],
    ];
    for (const [, tweaks] of wrong) {
      const { message } = forgeCommit(bob.env, bob.state, [], { ...tweaks, handshake });
      world.refuses(bob, message, 'crypto.confirmation-tag');
    }
    const { message } = forgeCommit(bob.env, bob.state, [bob.inline(pskOf(1))], {
      handshake,
      omitPath: true,
      commitSecret: () => nonce,
    });
    world.refuses(bob, message, 'crypto.confirmation-tag'); // R12.4.1-07, R12.4.2-15
  });

  test('R12.4.2-03 R12.4.1-09 signature by another key, or over another context', () => {
    const bob = world.at(1);
    const { secretKey } = world.at(2).state.epoch.signer;
    world.refuses(
      bob,
      forgeCommit(bob.env, bob.state, [], { handshake, secretKey }).message,
      'crypto.signature',
    );
    const signedContext = { ...bob.state.epoch.context, epoch: bob.state.epoch.context.epoch + 1n };
    const code = handshake === 'public' ? 'crypto.membership-tag' : 'crypto.signature';
    world.refuses(bob, forgeCommit(bob.env, bob.state, [], { handshake, signedContext }).message, code);
    const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 9 ? byte ^ 1 : byte));
    world.refuses(
      bob,
      forgeCommit(bob.env, bob.state, [], { handshake, signature: flipped }).message,
      'crypto.signature',
    );
  });

  test('R12.4.2-01 R14-01 another epoch, by one either way', () => {
    const bob = world.at(1);
    const { epoch } = bob.state.epoch.context;
    for (const [step, kind] of [
      [1n, 'held'],
      [-1n, 'expired'],
    ] as const) {
      const framed = forgeCommit(bob.env, bob.state, [], {
        handshake,
        framed: (one) => ({ ...one, epoch: epoch + step }),
      });
      expect(world.at(0).try(framed.message)).toEqual({ kind, epoch: epoch + step });
    }
    world.works();
  });

  test('PRO-13 R12.2-14 R13.2-01 R12.4-10 R12.3-05 a registered type: all who stay must support it', () => {
    const type = 0xf001;
    const body = { read: (reader: { take(n: number): Uint8Array }) => reader.take(2) };
    const knows = {
      openTypes: { proposals: new Map([[type, body]]) },
      policy: { proposalTypes: new Map([[type, { external: false, pathRequired: true }]]) },
    };
    const decodes = { openTypes: knows.openTypes };
    const custom: Proposal = { proposalType: type, body: new Uint8Array(2) };
    const group = makeWorld(names, { peers: { ann: knows, bob: knows, cid: knows, dot: decodes } });
    const [ann, bob] = [group.at(0), group.at(1)];
    const { message } = forgeCommit(bob.env, bob.state, [bob.inline(custom)], { handshake });
    group.refuses(bob, message, 'validation.unsupported');
    // Whoever is removed, or added, need not support it.
    const stay = [group.at(2), ann];
    const without = [bob.inline(custom), bob.inline(removeOf(3))];
    for (const items of [without, [...without, bob.inline(addOf(twin))]]) {
      const forged = forgeCommit(bob.env, bob.state, items, { handshake });
      for (const peer of stay) expect(peer.tryCommit(forged.message)).toBeDefined();
      expect(bob.build(items).changes.removed).toHaveLength(1);
    }
    group.commit(ann, [ann.inline(removeOf(3))]);
    const plain = forgeCommit(bob.env, bob.state, [bob.inline(custom)], { handshake });
    for (const peer of stay) expect(peer.tryCommit(plain.message)).toBeDefined();
    const bare = forgeCommit(bob.env, bob.state, [bob.inline(custom)], { handshake, omitPath: true });
    for (const peer of stay) expect(codeOf(() => peer.try(bare.message))).toBe('validation.path-required');
  });
});

describe('application', () => {
  const world = makeWorld(['ann', 'bob', 'cid', 'dot', 'fay']);

  test('R12.3-01 R12.3-03 R12.3-06 the order of the list does not matter but for Adds and PSKs', () => {
    const fork = world.fork();
    const own = [eve, new Peer('dan')].map((peer) => addOf(peer.keyPackage()));
    const entries = [
      by(1, extensionsOf([required([])])),
      by(2, updateOf(fork.at(2))),
      by(1, removeOf(3)),
      by(1, removeOf(4)),
      by(1, own[0]!),
      by(1, own[1]!),
    ];
    const items = listOf(fork, 1, entries, true);
    const bob = fork.at(1);
    const trees = [
      [0, 1, 2, 3, 4, 5],
      [4, 5, 3, 2, 1, 0],
      [4, 2, 5, 1, 0, 3],
    ].map((order) => {
      const list = order.map((i) => items[i]!);
      const forged = forgeCommit(bob.env, bob.state, list);
      fork.accepts(bob, forged);
      const built = bob.build(list);
      return built.next.epoch;
    });
    for (const { tree, context } of trees) {
      // R12.1.1-03/04/07: both Adds fill the places that the Removes freed, in list order.
      expect(tree.width).toBe(8);
      expect(leafAt(tree, 3)?.signatureKey).toEqual(eve.signer.publicKey);
      expect(leafAt(tree, 4)?.source.leafNodeSource).toBe(1);
      expect(context.extensions.map((one) => one.extensionType)).toEqual([3]);
    }
  });

  test('R12.1.1-03 R12.1.1-04 R12.1.1-07 R12.1.3-03/04/05 leaves are freed, filled, and the tree shrinks', () => {
    const fork = world.fork();
    const [ann] = [fork.at(0)];
    const removed = ann.build([ann.inline(removeOf(4))]).next.epoch.tree;
    expect(removed.width).toBe(4);
    const reused = ann.build([ann.inline(removeOf(1)), ann.inline(addOf(eve.keyPackage()))]);
    expect(leafAt(reused.next.epoch.tree, 1)?.signatureKey).toEqual(eve.signer.publicKey);
    expect(reused.next.epoch.tree.width).toBe(8);
    fork.accepts(ann, reused);
  });

  test('R12.1.1-05 an added leaf is unmerged at every parent above that is not blank', () => {
    const fork = world.fork();
    const fay = fork.at(4);
    const own = eve.keyPackage();
    const built = fay.build([fay.inline(addOf(own))], { path: 'omit' });
    const { root } = built.next.epoch.tree;
    expect(root.parent?.unmergedLeaves).toEqual([5]);
    fork.accepts(fay, built);
  });

  test('PRO-10 R12.3-02 R11.1-03 new extensions judge the other proposals of the list', () => {
    const able = new Peer('able', { policy: { extensionTypes: [0xf0a0] } });
    const group = makeWorld(names, {
      policy: { extensionTypes: [0xf0a0] },
      extensions: [required([0xf0a0])],
    });
    const bob = group.at(1);
    const add = (peer: Peer): ProposalItem => bob.inline(addOf(peer.keyPackage()));
    // Lacking what is required, and lacking what is required no more.
    group.refuses(bob, forgeCommit(bob.env, bob.state, [add(eve)]).message, 'validation.capabilities');
    group.accepts(bob, forgeCommit(bob.env, bob.state, [add(able)]));
    group.accepts(bob, forgeCommit(bob.env, bob.state, [add(eve), bob.inline(extensionsOf([]))]));
    const plain = makeWorld(names, { policy: { extensionTypes: [0xf0a0] } });
    const rob = plain.at(1);
    const newly = rob.inline(extensionsOf([required([0xf0a0])]));
    plain.refuses(
      rob,
      forgeCommit(rob.env, rob.state, [rob.inline(addOf(eve.keyPackage())), newly]).message,
      'validation.capabilities',
    );
    plain.accepts(rob, forgeCommit(rob.env, rob.state, [rob.inline(addOf(able.keyPackage())), newly]));
  });

  test('R12.1.7-01 R12.1.7-04 the list is replaced as a whole', () => {
    const group = makeWorld(names, { extensions: [required([])], policy: { extensionTypes: [0xf0a0] } });
    const bob = group.at(1);
    const other = { extensionType: 0xf0a0, extensionData: nonce };
    group.commit(bob, [bob.inline(extensionsOf([other]))]);
    expect(group.at(0).state.epoch.context.extensions).toEqual([other]);
    group.commit(bob, [bob.inline(extensionsOf([]))]);
    expect(group.at(0).state.epoch.context.extensions).toEqual([]);
  });

  test('R12.4.1-01 R12.4.1-02/03 PRO-21 R14-04 building a commit leaves epoch, proposals and context alone', () => {
    const fork = world.fork();
    const bob = fork.at(1);
    const before = recordOf(bob);
    const built = bob.build([bob.inline(addOf(eve.keyPackage())), bob.inline(removeOf(3))], {
      groupInfo: true,
    });
    expect(recordOf(bob)).toBe(before);
    expect(built.welcome).toBeDefined();
    const moved = commitMove(bob.env, bob.state, [setExtensions([])], { handshake: 'public' }).next;
    expect(recordOf(bob, { ...moved, pending: undefined })).toBe(before);
    expect(recordOf(bob)).toBe(before);
  });

  test('R12.4.1-06 R12.4.1-16 the context of the next epoch', () => {
    const bob = world.at(1);
    const { context } = bob.build([bob.inline(extensionsOf([required([])]))]).next.epoch;
    const old = bob.state.epoch.context;
    expect(context.epoch).toBe(old.epoch + 1n);
    expect(context.groupId).toEqual(old.groupId);
    expect(context.treeHash).not.toEqual(old.treeHash);
    expect(GroupContext.bytes(context)).not.toEqual(GroupContext.bytes(old));
    // Path secrets encrypted against another provisional context do not open.
    const forged = forgeCommit(bob.env, bob.state, [], {
      provisional: (one) => ({ ...one, epoch: one.epoch + 1n }),
    });
    world.refuses(bob, forged.message, 'crypto.aead');
  });

  test('R12.4.1-10 the commit is signed with the old key, its leaf with the new one', () => {
    const fork = world.fork();
    const bob = fork.at(1);
    const signer = signaturePair(bob.env);
    const own = eve.keyPackage();
    const built = bob.build([bob.inline(addOf(own))], { leaf: { signer } });
    fork.follow(bob, built);
    const late = eve.fork();
    late.state = late.join(built.welcome!, own).state;
    expect(leafAt(late.tree, bob.self)?.signatureKey).toEqual(signer.publicKey);
    fork.commit(bob);
  });

  test('R12.4.1-10 a commit signed with the new key is refused', () => {
    const bob = world.at(1);
    const signer = signaturePair(bob.env);
    const tweaks = { update: { signer } };
    world.accepts(bob, forgeCommit(bob.env, bob.state, [], tweaks));
    const wrong = forgeCommit(bob.env, bob.state, [], { ...tweaks, secretKey: signer.secretKey });
    world.refuses(bob, wrong.message, 'crypto.signature');
  });
});

describe('selection', () => {
  const world = makeWorld(names);
  const [ann, bob, cid, dot] = world.peers as [Peer, Peer, Peer, Peer];
  const cached = (peer: Peer, proposal: Proposal): CachedProposal =>
    forgeProposal(peer.env, peer.state, proposal).item;
  const select = (...items: CachedProposal[]) => selectProposals(bob.env, items, bob.state.epoch.self);

  test('PRO-04 R12.2-06 a Remove before an Update, the latest Update otherwise', () => {
    const first = cached(cid, updateOf(cid));
    const second = cached(cid, updateOf(cid));
    const removal = cached(ann, removeOf(2));
    const again = cached(dot, removeOf(2));
    expect(select(first, second)).toEqual([second]);
    expect(select(removal, first)).toEqual([removal]);
    expect(select(first, removal, second)).toEqual([removal]);
    expect(select(removal, again)).toEqual([again]);
  });

  test('PRO-01 PRO-02 R12.4-11 R12.2-12 R12.4-04 own Updates and removals of us are left out, and a ReInit beside others', () => {
    const psk = cached(ann, pskOf(1));
    const successor = cached(ann, reinitOf());
    expect(select(cached(bob, updateOf(bob)), psk)).toEqual([psk]);
    expect(select(cached(ann, removeOf(1)), psk)).toEqual([psk]);
    expect(select(successor, psk)).toEqual([psk]);
    expect(select(successor)).toEqual([successor]);
    expect(select(successor, cached(ann, reinitOf(nonce.subarray(1))))).toHaveLength(1);
    const mixed = [psk, cached(cid, removeOf(3)), cached(ann, addOf(eve.keyPackage()))];
    expect(select(...mixed)).toEqual(mixed);
  });

  test('R12.4-02 R12.4-05 R12.4-06 R12.4-12 a commit covers what it can; what others leave out lapses and may be sent again', () => {
    const fork = world.fork();
    const [a, b, c] = fork.peers as [Peer, Peer, Peer];
    const made: ForgedProposal = forgeProposal(c.env, c.state, removeOf(3));
    fork.deliver(c, made);
    const covering = commitMove(b.env, b.state, [], {}).result;
    expect(covering.changes.removed.map((one) => one.leaf)).toEqual([3]);
    // Somebody else left it out.
    fork.commit(a, []);
    for (const peer of fork.peers) expect(peer.state.proposals).toEqual([]);
    const again = proposeMove(c.env, c.state, { kind: 'remove', leaf: fork.at(3).state.epoch.self }, {});
    c.state = again.next;
    for (const peer of fork.others(c)) peer.take(again.result.message);
    fork.commit(b, b.state.proposals);
    expect(fork.at(3).state.status).toBe('removed');
  });

  test('PRO-29 R12.4-11 our own Update is superseded by our commit', () => {
    const fork = world.fork();
    const b = fork.at(1);
    const made = proposeMove(b.env, b.state, update(), {});
    b.state = made.next;
    for (const peer of fork.others(b)) peer.take(made.result.message);
    const { result } = commitMove(b.env, b.state, [], {});
    fork.follow(b, result);
    fork.commit(fork.at(0));
  });
});
