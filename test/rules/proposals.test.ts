/**
 * Single proposals (RFC 9420 §12.1): each rule broken once, in a proposal message and in a commit that covers it, in
 * both framings; proposals from outside (§12.1.8); and the cache of proposals.
 */

import { describe, expect, test } from 'vitest';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import type { Reader } from '../../src/codec/reader.ts';
import { encryptMove, proposeMove } from '../../src/group/moves.ts';
import { externalPsk, reinit, update } from '../../src/group/proposals.ts';
import { leafAt } from '../../src/tree/tree.ts';
import type { Sender } from '../../src/wire/content.ts';
import { type ExternalSender, ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import type { LeafNode } from '../../src/wire/leafNode.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import type { PreSharedKeyId } from '../../src/wire/psk.ts';
import { ExtensionType, PROPOSAL_TRAITS } from '../../src/wire/registry.ts';
import {
  type ForgedProposal,
  forgeCommit,
  forgeProposal,
  forgeUpdateLeaf,
  type LeafTweaks,
  signaturePair,
} from '../support/forge.ts';
import {
  addOf,
  codeOf,
  extensionsOf,
  makeWorld,
  Peer,
  removeOf,
  replaceBytes,
  type World,
  type WorldOptions,
} from '../support/world.ts';

const names = ['ann', 'bob', 'cid', 'dot'];
const framings = ['public', 'private'] as const;

function pskOf(psk: PreSharedKeyId): Proposal {
  return { proposalType: 4, psk };
}
const nonce = new Uint8Array(32).fill(7);

describe.each(framings)('sent %sly', (handshake) => {
  const world = makeWorld(names, { policy: { handshake } });
  const [ann, bob, cid] = [world.at(0), world.at(1), world.at(2)];

  /** Refused as a message of its own, by value in a commit, and by whoever would commit it. */
  function refusesProposal(proposal: Proposal, code: MlsErrorCode): void {
    world.refuses(bob, forgeProposal(bob.env, bob.state, proposal, { handshake }).message, code);
    const items = [bob.inline(proposal)];
    world.refuses(bob, forgeCommit(bob.env, bob.state, items, { handshake }).message, code);
    expect(codeOf(() => bob.build(items))).toBe(code);
  }

  function acceptsProposal(proposal: Proposal): void {
    for (const peer of world.others(bob)) {
      const { message } = forgeProposal(bob.env, bob.state, proposal, { handshake });
      expect(peer.try(message)).toMatchObject({
        kind: 'proposal',
        proposal: { type: proposal.proposalType },
      });
    }
    world.accepts(bob, forgeCommit(bob.env, bob.state, [bob.inline(proposal)], { handshake }));
  }

  test.each([4, 5, 1000, 0xffff_ffff])(
    'PRO-03 R12.1.3-01/02 R12.2-02 Remove of leaf %i, where nobody is',
    (leaf) => {
      refusesProposal(removeOf(leaf), 'validation.proposal');
    },
  );

  test('PRO-03 R12.1.3-02 Remove of a leaf that was blanked, and its neighbour', () => {
    const smaller = world.fork();
    const [, b, c] = smaller.peers as [Peer, Peer, Peer];
    smaller.commit(b, [b.inline(removeOf(c.self))]);
    const left = smaller.others(b).filter((peer) => peer !== c);
    const blank = forgeProposal(b.env, b.state, removeOf(2), { handshake });
    for (const peer of left) expect(codeOf(() => peer.try(blank.message))).toBe('validation.proposal');
    const taken = forgeProposal(b.env, b.state, removeOf(3), { handshake });
    for (const peer of left) expect(peer.try(taken.message).kind).toBe('proposal');
  });

  test('R12.1.3-02 Remove of a member is accepted', () => {
    acceptsProposal(removeOf(3));
  });

  test.each<[string, PreSharedKeyId]>([
    ['PRO-07 R12.1.4-03 short nonce', { pskType: 1, pskId: nonce, pskNonce: nonce.subarray(16) }],
    ['PRO-07 R12.1.4-03 long nonce', { pskType: 1, pskId: nonce, pskNonce: new Uint8Array(48) }],
    ['PRO-07 R12.1.4-03 no nonce', { pskType: 1, pskId: nonce, pskNonce: new Uint8Array(0) }],
    [
      'PRO-07 R12.1.4-02 R11.2-05 usage reinit',
      { pskType: 2, usage: 2, pskGroupId: nonce, pskEpoch: 1n, pskNonce: nonce },
    ],
    [
      'PRO-07 R12.1.4-02 R11.3-06 usage branch',
      { pskType: 2, usage: 3, pskGroupId: nonce, pskEpoch: 1n, pskNonce: nonce },
    ],
    [
      'PRO-07 R12.1.4-03 resumption with a short nonce',
      { pskType: 2, usage: 1, pskGroupId: nonce, pskEpoch: 1n, pskNonce: nonce.subarray(1) },
    ],
  ])('%s', (_, psk) => {
    refusesProposal(pskOf(psk), 'validation.psk');
  });

  test('R12.1.4-01 R12.1.4-02 external PSK, and resumption of an earlier epoch of this group', () => {
    acceptsProposal(pskOf({ pskType: 1, pskId: nonce, pskNonce: nonce }));
    const { groupId, epoch } = bob.state.epoch.context;
    acceptsProposal(
      pskOf({ pskType: 2, usage: 1, pskGroupId: groupId, pskEpoch: epoch - 1n, pskNonce: nonce }),
    );
  });

  test('PRO-11 R12.1.5-01/02 ReInit to a lower version', () => {
    const successor = {
      proposalType: 5,
      groupId: nonce,
      version: 1,
      cipherSuite: 1,
      extensions: [],
    } as const;
    refusesProposal({ ...successor, version: 0 }, 'validation.reinit');
    acceptsProposal(successor);
  });

  test('R12.1.6-01/02 ExternalInit on its own', () => {
    const init = { proposalType: 6, kemOutput: nonce } as const;
    const { message } = forgeProposal(bob.env, bob.state, init, { handshake });
    world.refuses(bob, message, 'validation.proposal');
  });

  test.each<[string, LeafTweaks & { readonly unchanged?: true }, MlsErrorCode]>([
    [
      'source key_package',
      {
        leaf: (one) => ({ ...one, source: { leafNodeSource: 1, lifetime: { notBefore: 0n, notAfter: 1n } } }),
      },
      'validation.leaf-source',
    ],
    [
      'source commit',
      { leaf: (one) => ({ ...one, source: { leafNodeSource: 3, parentHash: nonce } }) },
      'validation.leaf-source',
    ],
    [
      'signed for another leaf',
      { place: (at) => ({ ...at, leaf: cid.state.epoch.self }) },
      'crypto.signature',
    ],
    ['signed for another group', { place: (at) => ({ ...at, groupId: nonce }) }, 'crypto.signature'],
    ['signed by another key', { leafSecretKey: signaturePair(bob.env).secretKey }, 'crypto.signature'],
    ['unchanged encryption key', { unchanged: true }, 'validation.proposal'],
    [
      'invalid encryption key',
      { leaf: (one) => ({ ...one, encryptionKey: nonce.subarray(1) }) },
      'crypto.public-key',
    ],
    [
      'own suite not listed',
      { leaf: (one) => ({ ...one, capabilities: { ...one.capabilities, cipherSuites: [2] } }) },
      'validation.capabilities',
    ],
    [
      'own credential type not listed',
      { leaf: (one) => ({ ...one, capabilities: { ...one.capabilities, credentials: [2] } }) },
      'validation.capabilities',
    ],
    [
      'own extension not listed',
      { leaf: (one) => ({ ...one, extensions: [{ extensionType: 0xf00d, extensionData: nonce }] }) },
      'validation.capabilities',
    ],
  ])('R12.1.2-02 R12.1.2-01 Update refused: %s', (_, { unchanged, ...tweaks }, code) => {
    const current = leafAt(bob.tree, bob.self) as LeafNode;
    const leaf = forgeUpdateLeaf(bob.env, bob.state, {
      ...tweaks,
      ...(unchanged ? { encryption: { publicKey: current.encryptionKey, secretKey: nonce } } : {}),
    });
    const proposal = { proposalType: 2, leafNode: leaf } as const;
    const forged = forgeProposal(bob.env, bob.state, proposal, { handshake });
    world.refuses(bob, forged.message, code);
    if (code === 'crypto.public-key') return; // Nobody can encrypt to that leaf.
    // By reference, as if it had been let in.
    const fork = world.fork();
    for (const peer of fork.peers) peer.state = { ...peer.state, proposals: [forged.item] };
    const a = fork.at(0);
    fork.refuses(
      a,
      forgeCommit(a.env, a.state, [forged.item], { handshake }).message,
      code,
      fork.peers.slice(2),
    );
    expect(codeOf(() => a.build([forged.item]))).toBe(code);
  });

  test('R12.1.2-02/03 R12.1-05 R12.1.2-05 R12.4.2-23 an Update is stored by its maker too and committed by a peer', () => {
    const fork = world.fork();
    const [a, b] = [fork.at(0), fork.at(1)];
    const made = proposeMove(b.env, b.state, update(), { handshake });
    for (const peer of fork.others(b)) expect(peer.take(made.result.message).kind).toBe('proposal');
    b.state = made.next;
    const item = a.state.proposals[0]!;
    expect(item.ref).toEqual(made.result.ref);
    const before = leafAt(b.tree, 1)!;
    fork.commit(a, [item]);
    const after = leafAt(b.tree, 1)!;
    expect(after.encryptionKey).not.toEqual(before.encryptionKey);
    expect(after.source.leafNodeSource).toBe(2);
    // The next commit is encrypted to the new key.
    fork.commit(fork.at(3));
    fork.commit(b);
  });

  test('R12.1-03 another epoch: later ones are held, past ones expire', () => {
    const at = (epoch: bigint): ForgedProposal =>
      forgeProposal(bob.env, bob.state, removeOf(3), { handshake, framed: (one) => ({ ...one, epoch }) });
    const { epoch } = bob.state.epoch.context;
    expect(ann.try(at(epoch + 1n).message)).toEqual({ kind: 'held', epoch: epoch + 1n });
    expect(ann.try(at(epoch - 1n).message)).toEqual({ kind: 'expired', epoch: epoch - 1n });
    expect(ann.try(at(epoch).message).kind).toBe('proposal');
  });

  test('R12.1-03 another group', () => {
    const framed = forgeProposal(bob.env, bob.state, removeOf(3), {
      handshake,
      framed: (one) => ({ ...one, groupId: nonce }),
    });
    expect(ann.try(framed.message)).toMatchObject({ kind: 'foreign', groupId: nonce });
  });

  test('R12.1-03 signature by somebody else, or over another context', () => {
    const { secretKey } = cid.state.epoch.signer;
    const forged = forgeProposal(bob.env, bob.state, removeOf(3), { handshake, secretKey });
    world.refuses(bob, forged.message, 'crypto.signature');
    const signedContext = { ...bob.state.epoch.context, treeHash: nonce };
    const elsewhere = forgeProposal(bob.env, bob.state, removeOf(3), { handshake, signedContext });
    // The context is under the membership tag as well, which is checked first.
    const code = handshake === 'public' ? 'crypto.membership-tag' : 'crypto.signature';
    world.refuses(bob, elsewhere.message, code);
  });

  test('R12.1-04 the same proposal again is a duplicate; the cache ends with the epoch', () => {
    const fork = world.fork();
    const [a, b] = [fork.at(0), fork.at(1)];
    const forged = forgeProposal(b.env, b.state, removeOf(3), { handshake: 'public' });
    fork.deliver(b, forged);
    expect(a.try(forged.message).kind).toBe('duplicate');
    expect(a.state.proposals).toHaveLength(1);
    fork.commit(a);
    for (const peer of fork.peers) expect(peer.state.proposals).toEqual([]);
    const late = forgeCommit(b.env, b.state, [forged.item]);
    fork.refuses(b, late.message, 'validation.unknown-proposal-ref');
  });
});

describe('malformed', () => {
  const world = makeWorld(names);
  const bob = world.at(1);

  test('R12.1-02 PRO-13 R5.3-02 DEC-10 a proposal type that nobody registered cannot be parsed', () => {
    for (const type of [0x0a0a, 0xf001, 8, 0]) {
      const proposal = { proposalType: type, body: new Uint8Array(3) };
      const { message } = forgeProposal(bob.env, bob.state, proposal, { handshake: 'public' });
      world.refuses(bob, message, 'validation.unsupported');
      const commit = forgeCommit(bob.env, bob.state, [bob.inline(proposal)], { handshake: 'private' });
      world.refuses(bob, commit.message, 'validation.unsupported');
    }
  });

  test.each([
    ['R12.1.4-05 PRO-07 psktype 3', [1, 8, 9, 9], [3, 8, 9, 9]],
    ['R12.1.4-05 PRO-07 usage 4', [2, 1, 8, 9, 9], [2, 4, 8, 9, 9]],
    ['R12.1.4-05 PRO-07 usage 0', [2, 1, 8, 9, 9], [2, 0, 8, 9, 9]],
  ] as const)('%s', (_, from, to) => {
    const id = new Uint8Array(8).fill(9);
    const psk: PreSharedKeyId =
      from.length === 4
        ? { pskType: 1, pskId: id, pskNonce: nonce }
        : { pskType: 2, usage: 1, pskGroupId: id, pskEpoch: 1n, pskNonce: nonce };
    const { message } = forgeProposal(bob.env, bob.state, pskOf(psk), { handshake: 'public' });
    expect(world.at(0).try(message).kind).toBe('proposal');
    world.refuses(bob, replaceBytes(message, [...from], [...to]), 'codec.enum');
  });

  test('R12.1.7-05 R13.4-05 duplicate extensions in GroupContextExtensions and ReInit', () => {
    const extensions = [
      { extensionType: 0xf0f1, extensionData: new Uint8Array([1, 2, 3, 4]) },
      { extensionType: 0xf0f2, extensionData: new Uint8Array([1, 2, 3, 5]) },
    ];
    const reinit = { proposalType: 5, groupId: nonce, version: 1, cipherSuite: 1, extensions } as const;
    for (const proposal of [extensionsOf(extensions), reinit]) {
      const { message } = forgeProposal(bob.env, bob.state, proposal, { handshake: 'public' });
      const twice = replaceBytes(message, [0xf0, 0xf2, 4, 1, 2, 3, 5], [0xf0, 0xf1, 4, 1, 2, 3, 5]);
      world.refuses(bob, twice, 'codec.duplicate-extension');
    }
  });

  test.each<[string, number, number[], MlsErrorCode]>([
    ['required_capabilities of odd length', 3, [3, 0, 1, 0, 0, 0], 'codec.length'],
    ['required_capabilities cut short', 3, [0, 0], 'codec.truncated'],
    ['required_capabilities with a byte too many', 3, [0, 0, 0, 0], 'codec.trailing'],
    ['external_senders cut short', 5, [8, 1, 1], 'codec.truncated'],
  ])('R12.1.7-06 DEC-12 malformed body: %s', (_, extensionType, body, code) => {
    const extension = { extensionType, extensionData: Uint8Array.from(body) };
    const { message } = forgeProposal(bob.env, bob.state, extensionsOf([extension]), { handshake: 'public' });
    world.refuses(bob, message, code);
  });
});

describe('made by us', () => {
  const bob = makeWorld(names).at(1);

  test('R12.1.4-04 nonces are fresh, of the hash length', () => {
    const nonces = Array.from({ length: 10 }, () => {
      const { next } = proposeMove(bob.env, bob.state, externalPsk(nonce), {});
      const { proposal } = next.proposals[0]!;
      if (!('psk' in proposal)) throw new Error('no PSK');
      return proposal.psk.pskNonce;
    });
    expect(new Set(nonces.map(String)).size).toBe(10);
    for (const one of nonces) expect(one).toHaveLength(32);
  });

  test('R12.1-06 R12.4-11 R14-07 every pending Update keeps its keys until the epoch ends; a commit leaves them out', () => {
    const world = makeWorld(names);
    const [a, b] = [world.at(0), world.at(1)];
    const refs = [0, 1].map(() => {
      const made = proposeMove(b.env, b.state, update(), { handshake: 'public' });
      b.state = made.next;
      for (const peer of world.others(b)) peer.take(made.result.message);
      return made.result.ref;
    });
    // Each of the two alone can be committed by a peer.
    for (const ref of refs) {
      const fork = world.fork();
      const item = fork.at(0).state.proposals.find((one) => String(one.ref) === String(ref))!;
      fork.commit(fork.at(0), [item]);
      expect(fork.at(1).state.proposals).toEqual([]);
      fork.commit(fork.at(2));
    }
    expect(a.state.proposals).toHaveLength(2);
  });

  test('R12.1.5-03 R12.1.8-04 traits say who may propose a type, and what needs a path', () => {
    expect([...PROPOSAL_TRAITS].filter(([, { external }]) => external).map(([type]) => type)).toEqual([
      1, 3, 4, 5, 7,
    ]);
    const made = proposeMove(bob.env, bob.state, reinit({ groupId: nonce, suite: 1 }), {});
    expect(made.next.epoch).toBe(bob.state.epoch);
  });
});

describe('from outside', () => {
  const eve = new Peer('eve');
  const service = signaturePair(eve.env);
  const second = signaturePair(eve.env);
  const senders: readonly ExternalSender[] = [
    { signatureKey: service.publicKey, credential: eve.credential },
    { signatureKey: second.publicKey, credential: { credentialType: 1, identity: nonce } },
  ];
  const listed = makeExtension(ExtensionType.externalSenders, ExternalSenders, senders);
  const withSenders = (options: WorldOptions = {}): World =>
    makeWorld(names, { extensions: [listed], ...options });
  const world = withSenders();
  const ann = world.at(0);

  function fromService(
    group: World,
    proposal: Proposal,
    index = 0,
    { secretKey } = index === 0 ? service : second,
    tweaks: Parameters<typeof forgeProposal>[3] = {},
  ): ForgedProposal {
    const { env, state } = group.at(0);
    const sender = { senderType: 2, senderIndex: index } as const;
    return forgeProposal(env, state, proposal, { from: { sender, secretKey }, ...tweaks });
  }

  test.each<[string, Proposal]>([
    ['add', addOf(eve.keyPackage())],
    ['remove', removeOf(3)],
    ['psk', pskOf({ pskType: 1, pskId: nonce, pskNonce: nonce })],
    ['reinit', { proposalType: 5, groupId: nonce, version: 1, cipherSuite: 1, extensions: [] }],
    ['group_context_extensions', extensionsOf([])],
  ])('R12.1.8-01/02/03 R12.1.8.1-01/02 %s is accepted and can be committed', (_, proposal) => {
    for (const index of [0, 1]) {
      const fork = world.fork();
      const item = fork.deliver(undefined, fromService(fork, proposal, index));
      fork.commit(fork.at(1), [item]);
    }
  });

  test.each<[string, Proposal]>([
    ['update', { proposalType: 2, leafNode: forgeUpdateLeaf(ann.env, ann.state) }],
    ['external_init', { proposalType: 6, kemOutput: nonce }],
  ])('PRO-25 R12.1.8-03 R12.1.2-04 %s is not for external senders', (_, proposal) => {
    world.refuses(undefined, fromService(world, proposal).message, 'validation.sender');
  });

  test('PRO-25 R12.1.8-02 without the extension', () => {
    const plain = makeWorld(names);
    plain.refuses(undefined, fromService(plain, removeOf(3)).message, 'validation.sender');
  });

  test.each([2, 3, 0xffff_ffff])('PRO-25 R12.1.8.1-02 sender index %i is out of range', (index) => {
    world.refuses(undefined, fromService(world, removeOf(3), index).message, 'validation.sender');
  });

  test('PRO-25 signed by the other listed sender, or by a member', () => {
    world.refuses(undefined, fromService(world, removeOf(3), 0, second).message, 'crypto.signature');
    world.refuses(undefined, fromService(world, removeOf(3), 1, service).message, 'crypto.signature');
    world.refuses(
      undefined,
      fromService(world, removeOf(3), 0, ann.state.epoch.signer).message,
      'crypto.signature',
    );
  });

  test('PRO-25 R12.1.8-01 with a membership tag', () => {
    const { message } = fromService(world, removeOf(3));
    const tagged = Uint8Array.from([...message, 32, ...nonce]);
    world.refuses(undefined, tagged, 'codec.trailing');
  });

  test('R12.1.8-06 R12.1.8.1-03 of a past epoch; the list of the epoch itself counts', () => {
    const fork = world.fork();
    const late = fromService(fork, removeOf(3));
    const changed = makeExtension(ExtensionType.externalSenders, ExternalSenders, [senders[1]!, senders[0]!]);
    const b = fork.at(1);
    const built = b.build([b.inline(extensionsOf([changed]))]);
    // Until the change takes effect the old order holds.
    for (const peer of fork.others(b)) {
      peer.tryCommit(built.message);
      expect(peer.try(late.message).kind).toBe('proposal');
    }
    fork.follow(b, built);
    expect(fork.at(0).try(late.message).kind).toBe('expired');
    fork.refuses(undefined, fromService(fork, removeOf(3), 0).message, 'crypto.signature');
    expect(fork.at(0).try(fromService(fork, removeOf(3), 0, second).message).kind).toBe('proposal');
  });

  test('R12.1.8-04 a registered type is open to external senders only when its traits say so', () => {
    const body = { read: (reader: Reader) => reader.take(2) };
    for (const external of [true, false]) {
      const types = new Map([[0xf001, { external, pathRequired: false }]]);
      const openTypes = { proposals: new Map([[0xf001, body]]) };
      const group = withSenders({ policy: { proposalTypes: types }, openTypes });
      const { message } = fromService(group, { proposalType: 0xf001, body: new Uint8Array(2) });
      if (external) expect(group.at(0).try(message).kind).toBe('proposal');
      else group.refuses(undefined, message, 'validation.sender');
    }
  });

  const joining = (peer: Peer, proposal: Proposal, group = world): ForgedProposal => {
    const { env, state } = group.at(0);
    const from = { sender: { senderType: 3 } as const, secretKey: peer.signer.secretKey };
    return forgeProposal(env, state, proposal, { from });
  };

  test('PRO-26 R12.1.8-05 a would-be member proposes its own Add, and a member commits it', () => {
    const fork = world.fork();
    const own = eve.keyPackage();
    const item = fork.deliver(undefined, joining(eve, addOf(own)));
    expect(item.sender).toEqual({ kind: 'new-member' });
    const { welcome } = fork.commit(fork.at(2), [item]);
    eve.state = eve.join(welcome!, own).state;
    new (fork.constructor as typeof World)([...fork.peers, eve]).agree();
  });

  test('PRO-26 R12.1.8-05 anything but an Add, or an Add of somebody else', () => {
    world.refuses(undefined, joining(eve, removeOf(3)).message, 'validation.sender');
    const dan = new Peer('dan');
    world.refuses(undefined, joining(eve, addOf(dan.keyPackage())).message, 'crypto.signature');
  });

  test('R12.1.8-05 R5.3.1-04 the application may refuse it', () => {
    const fork = world.fork();
    for (const peer of fork.peers)
      peer.judge = ({ credential }) => credential !== undefined && peer.name !== 'bob';
    const { message } = joining(eve, addOf(eve.keyPackage()), fork);
    expect(codeOf(() => fork.at(1).try(message))).toBe('validation.credential');
    expect(fork.at(0).try(message).kind).toBe('proposal');
  });

  test.each<[string, Sender]>([
    ['external', { senderType: 2, senderIndex: 0 }],
    ['new_member_proposal', { senderType: 3 }],
  ])('R12.1.8-01 PRO-25 R12.4.3.2-08 a commit cannot come from sender type %s', (_, sender) => {
    const { env, state } = world.at(1);
    const { secretKey } = service;
    const forged = forgeCommit(env, state, [], { secretKey, framed: (one) => ({ ...one, sender }) });
    world.refuses(undefined, forged.message, 'validation.sender');
  });
});

describe('the cache', () => {
  test('PRO-27 is bounded, and what does not fit leaves no trace', () => {
    const world = makeWorld(names, { policy: { keptProposals: 3 } });
    const bob = world.at(1);
    for (let i = 0; i < 3; i++) {
      const psk = { pskType: 1, pskId: Uint8Array.of(i), pskNonce: nonce } as const;
      world.deliver(bob, forgeProposal(bob.env, bob.state, pskOf(psk)));
    }
    const psk = { pskType: 1, pskId: Uint8Array.of(9), pskNonce: nonce } as const;
    const { message } = forgeProposal(bob.env, bob.state, pskOf(psk));
    world.refuses(bob, message, 'codec.limit');
  });

  test('PRO-14 R12.4.2-04 R3.2-05 a proposal that arrives late lets the commit through', () => {
    const world = makeWorld(names);
    const [ann, bob, cid] = [world.at(0), world.at(1), world.at(2)];
    const forged = forgeProposal(ann.env, ann.state, removeOf(3));
    ann.state = { ...ann.state, proposals: [forged.item] };
    bob.take(forged.message);
    const built = bob.build([forged.item]);
    world.refuses(bob, built.message, 'validation.unknown-proposal-ref', [cid]);
    cid.take(forged.message);
    expect(cid.tryCommit(built.message)).toBeDefined();
  });

  test('PRO-28 R12.4-03 no application data while proposals wait', () => {
    const world = makeWorld(names);
    const bob = world.at(1);
    const early = encryptMove(bob.env, bob.state, nonce, {});
    const ann = world.at(0);
    world.deliver(ann, forgeProposal(ann.env, ann.state, removeOf(3)));
    expect(codeOf(() => encryptMove(bob.env, bob.state, nonce, {}))).toBe('state.proposals-pending');
    expect(ann.try(early.result).kind).toBe('application');
    world.commit(bob, bob.state.proposals);
    expect(codeOf(() => encryptMove(bob.env, bob.state, nonce, {}))).toBeUndefined();
  });
});
