/**
 * The UpdatePath of a commit (RFC 9420 §12.4.2): its leaf, its keys, the number of its nodes and ciphertexts, and what
 * is inside them. Every member checks everything it can see; what only one can see harms only that one.
 */

import { describe, expect, test } from 'vitest';
import { leafIndex } from '../../src/base/brand.ts';
import { equal } from '../../src/base/bytes.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import type { KeyPair } from '../../src/crypto/provider.ts';
import { commonAncestor } from '../../src/tree/math.ts';
import { leafAt } from '../../src/tree/tree.ts';
import type { UpdatePath } from '../../src/wire/commit.ts';
import { forgeCommit, kemPair, type PathTweaks, signaturePair } from '../support/forge.ts';
import { addOf, codeOf, makeWorld, Peer, removeOf, type World } from '../support/world.ts';

const names = ['ann', 'bob', 'cid', 'dot', 'fay', 'gus'];
const nonce = new Uint8Array(32).fill(7);

function commitWith(
  world: World,
  who: number,
  update: PathTweaks,
  handshake: 'public' | 'private' = 'private',
) {
  const peer = world.at(who);
  return forgeCommit(peer.env, peer.state, [], { update, handshake });
}

describe.each([1, 2, 5])('suite %i', (suite) => {
  const world = makeWorld(names, { suite });
  const bob = world.at(1);
  const cid = world.at(2);
  const current = leafAt(bob.tree, 1)!;
  const secretOf = bob.state.epoch.privatePath;
  const pair = (publicKey: Uint8Array): KeyPair => {
    const known = [...secretOf.values()].find((one) => equal(one.publicKey, publicKey));
    return known ?? { publicKey, secretKey: nonce };
  };
  const leafKey = (leaf: number): KeyPair => pair(leafAt(bob.tree, leaf)!.encryptionKey);
  const rootKey = pair(bob.tree.root.parent!.encryptionKey);
  const fresh = kemPair(bob.env);

  test.each<[string, PathTweaks, MlsErrorCode]>([
    [
      'PRO-18 R12.4.2-10 source update',
      { leaf: (one) => ({ ...one, source: { leafNodeSource: 2 } }) },
      'validation.leaf-source',
    ],
    [
      'PRO-18 R12.4.2-10 source key_package',
      {
        leaf: (one) => ({ ...one, source: { leafNodeSource: 1, lifetime: { notBefore: 0n, notAfter: 1n } } }),
      },
      'validation.leaf-source',
    ],
    [
      'PRO-18 R12.4.2-13 wrong parent hash',
      { leaf: (one) => ({ ...one, source: { leafNodeSource: 3, parentHash: nonce } }) },
      'validation.parent-hash',
    ],
    [
      'PRO-18 R12.4.2-13 empty parent hash',
      { leaf: (one) => ({ ...one, source: { leafNodeSource: 3, parentHash: new Uint8Array(0) } }) },
      'validation.parent-hash',
    ],
    ['PRO-18 R12.4.2-11 the old encryption key', { encryption: leafKey(1) }, 'validation.path'],
    [
      'PRO-18 R12.4.2-10 signature over the old content',
      { signedLeaf: (one) => ({ ...one, signature: current.signature }) },
      'crypto.signature',
    ],
    [
      'PRO-18 R12.4.2-10 signed for another leaf',
      { place: (at) => ({ ...at, leaf: leafIndex(2) }) },
      'crypto.signature',
    ],
    [
      'PRO-18 R12.4.2-10 signed for another group',
      { place: (at) => ({ ...at, groupId: nonce }) },
      'crypto.signature',
    ],
    [
      'PRO-18 R12.4.2-10 signed by another key',
      { leafSecretKey: signaturePair(bob.env).secretKey },
      'crypto.signature',
    ],
    [
      'R12.4.2-10 invalid encryption key',
      { leaf: (one) => ({ ...one, encryptionKey: one.encryptionKey.subarray(1) }) },
      'crypto.public-key',
    ],
    [
      'R12.4.2-10 own suite not listed',
      { leaf: (one) => ({ ...one, capabilities: { ...one.capabilities, cipherSuites: [] } }) },
      'validation.capabilities',
    ],
    [
      'R12.4.2-10 credential type not listed',
      { leaf: (one) => ({ ...one, capabilities: { ...one.capabilities, credentials: [2] } }) },
      'validation.capabilities',
    ],
    [
      'R12.4.2-12 R12.2-15 leaf key of another member',
      { encryption: leafKey(2) },
      'validation.duplicate-key',
    ],
    ['R12.4.2-12 leaf key of a parent', { encryption: rootKey }, 'validation.duplicate-key'],
    [
      'R12.4.2-12 R12.2-15 signature key of another member',
      { signer: cid.signer },
      'validation.duplicate-key',
    ],
    [
      'R12.4.2-12 TRE-14 node key of the old path',
      { keyPair: (one, i) => (i === 1 ? rootKey : one) },
      'validation.duplicate-key',
    ],
    [
      'R12.4.2-12 TRE-14 node key of another leaf',
      { keyPair: (one, i) => (i === 0 ? leafKey(4) : one) },
      'validation.duplicate-key',
    ],
    [
      'R12.4.2-12 TRE-14 node key of the own old leaf',
      { keyPair: (one, i) => (i === 2 ? leafKey(1) : one) },
      'validation.duplicate-key',
    ],
    ['R12.4.2-12 TRE-14 one key twice in the path', { keyPair: () => fresh }, 'validation.duplicate-key'],
    [
      'R12.4.2-12 the leaf key again in the path',
      { encryption: fresh, keyPair: (one, i) => (i === 1 ? fresh : one) },
      'validation.duplicate-key',
    ],
    ['PRO-17 a node too few', { path: cut((nodes) => nodes.slice(1)) }, 'validation.path'],
    ['PRO-17 the top node missing', { path: cut((nodes) => nodes.slice(0, -1)) }, 'validation.path'],
    ['PRO-17 a node too many', { path: cut((nodes) => [...nodes, nodes[0]!]) }, 'validation.path'],
    ['PRO-17 no node', { path: cut(() => []) }, 'validation.path'],
    ...[0, 1, 2].flatMap((level): [string, PathTweaks, MlsErrorCode][] => [
      [
        `PRO-17 a ciphertext too few at node ${level}`,
        { path: served(level, (all) => all.slice(1)) },
        'validation.path',
      ],
      [
        `PRO-17 a ciphertext too many at node ${level}`,
        { path: served(level, (all) => [...all, all[0]!]) },
        'validation.path',
      ],
      [
        `CRY-08 R12.4.2-12 a node key that is none at node ${level}`,
        {
          path: cut((nodes) =>
            nodes.map((one, i) => (i === level ? { ...one, encryptionKey: nonce.subarray(1) } : one)),
          ),
        },
        'crypto.public-key',
      ],
    ]),
  ])('refused by all: %s', (_, update, code) => {
    for (const handshake of suite === 1 ? (['public', 'private'] as const) : (['private'] as const)) {
      world.refuses(bob, commitWith(world, 1, update, handshake).message, code);
    }
  });

  test.each<[string, PathTweaks]>([
    ['R12.4.2-14 as it should be', {}],
    ['R12.4.2-11 fresh keys everywhere', { encryption: kemPair(bob.env), signer: signaturePair(bob.env) }],
  ])('accepted by all: %s', (_, update) => {
    for (const handshake of ['public', 'private'] as const) {
      const forged = commitWith(world, 1, update, handshake);
      world.accepts(bob, forged);
    }
  });

  // Bob is at leaf 1: his path has node 1 (for ann), 3 (for cid, dot) and 7 (for fay, gus).
  const victims: readonly (readonly string[])[] = [['ann'], ['cid', 'dot'], ['fay', 'gus']];

  test.each([0, 1, 2])('PRO-19 R12.4.2-14 a secret that does not give the public key of node %i', (level) => {
    const other = kemPair(bob.env);
    const forged = commitWith(world, 1, { keyPair: (one, i) => (i === level ? other : one) });
    // Whoever derives the key of that node notices: those at it and all below.
    for (const [i, group] of victims.entries()) {
      const peers = world.peers.filter(({ name }) => group.includes(name));
      if (i <= level) world.refuses(bob, forged.message, 'validation.path', peers);
      else for (const peer of peers) expect(peer.tryCommit(forged.message)).toBeDefined();
    }
  });

  test.each([0, 1, 2])('PRO-19 R12.4.2-14 another secret for those below node %i', (level) => {
    const forged = commitWith(world, 1, {
      secret: (one, i) => (i === level ? new Uint8Array(one.length).fill(7) : one),
    });
    victimised(world, forged.message, victims[level]!, 'validation.path');
  });

  test.each([0, 1, 2])('PRO-19 R12.4.2-14 a secret of the wrong length below node %i', (level) => {
    const forged = commitWith(world, 1, { secret: (one, i) => (i === level ? one.subarray(1) : one) });
    victimised(world, forged.message, victims[level]!, 'validation.path');
  });

  test.each([0, 1, 2])('PRO-19 R12.4.2-14 garbage for those below node %i', (level) => {
    const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 3 ? byte ^ 1 : byte));
    const forged = commitWith(world, 1, {
      ciphertext: (one, i) => (i === level ? { ...one, ciphertext: flip(one.ciphertext) } : one),
    });
    victimised(world, forged.message, victims[level]!, 'crypto.aead');
    const noKem = commitWith(world, 1, {
      ciphertext: (one, i) => (i === level ? { ...one, kemOutput: one.kemOutput.subarray(1) } : one),
    });
    victimised(world, noKem.message, victims[level]!, 'crypto.kem');
  });
});

/** Only those whom it hits refuse it; nothing of theirs is lost. */
function victimised(world: World, message: Uint8Array, names: readonly string[], code: MlsErrorCode): void {
  for (const peer of world.others(world.at(1))) {
    if (names.includes(peer.name)) world.refuses(world.at(1), message, code, [peer]);
    else expect(peer.tryCommit(message)).toBeDefined();
  }
}

function cut(change: (nodes: UpdatePath['nodes']) => UpdatePath['nodes']): NonNullable<PathTweaks['path']> {
  return (path) => ({ ...path, nodes: change(path.nodes) });
}

function served(
  level: number,
  change: (
    all: UpdatePath['nodes'][number]['encryptedPathSecret'],
  ) => UpdatePath['nodes'][number]['encryptedPathSecret'],
): NonNullable<PathTweaks['path']> {
  return cut((nodes) =>
    nodes.map((one, i) =>
      i === level ? { ...one, encryptedPathSecret: change(one.encryptedPathSecret) } : one,
    ),
  );
}

describe('trees with holes', () => {
  test('PRO-17 ciphertexts for leaves that the commit adds', () => {
    const world = makeWorld(['ann', 'bob', 'cid', 'dot', 'fay']);
    const bob = world.at(1);
    const items = [bob.inline(addOf(new Peer('eve').keyPackage()))];
    world.accepts(bob, forgeCommit(bob.env, bob.state, items));
    const generous = forgeCommit(bob.env, bob.state, items, { update: { unserved: new Set() } });
    world.refuses(bob, generous.message, 'validation.path');
    const also = forgeCommit(bob.env, bob.state, items, { update: { unserved: new Set([4, 5]) } });
    world.refuses(bob, also.message, 'validation.path');
  });

  test('TRE-14 R12.4.2-12 R12.2-15 a node key equal to a leaf key added by the same commit', () => {
    const world = makeWorld(['ann', 'bob', 'cid']);
    const bob = world.at(1);
    const own = new Peer('eve').keyPackage();
    const forged = forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))], {
      update: { keyPair: (one, i) => (i === 1 ? own.encryption : one) },
    });
    world.refuses(bob, forged.message, 'validation.duplicate-key');
  });

  test('R12.4.2-12 keys that leave with a removed member may come back', () => {
    const world = makeWorld(['ann', 'bob', 'cid', 'dot']);
    const bob = world.at(1);
    const gone = leafAt(bob.tree, 3)!.encryptionKey;
    const update = {
      encryption: {
        publicKey: gone,
        secretKey: world.at(3).state.epoch.privatePath.get(6 as never)!.secretKey,
      },
    };
    const forged = forgeCommit(bob.env, bob.state, [bob.inline(removeOf(3))], { update });
    world.accepts(bob, forged);
    world.refuses(bob, forgeCommit(bob.env, bob.state, [], { update }).message, 'validation.duplicate-key');
  });

  test('R12.4.1-05 R12.4.1-21 the common ancestor with any added leaf is on the filtered path', () => {
    const world = makeWorld(['ann', 'bob', 'cid', 'dot', 'fay']);
    const fay = world.at(4);
    const bob = world.at(1);
    world.commit(bob, [bob.inline(removeOf(0)), bob.inline(removeOf(3))]);
    for (const peer of [bob, fay]) {
      const added = [1, 2, 3].map((i) => peer.inline(addOf(new Peer(`new${i}`).keyPackage())));
      const forged = forgeCommit(peer.env, peer.state, added);
      expect(forged.added).toHaveLength(3);
      for (const { leaf } of forged.added) {
        expect(forged.pathSecrets.has(commonAncestor(leaf, peer.state.epoch.self))).toBe(true);
      }
      for (const other of [bob, fay, world.at(2)]) {
        if (other !== peer) expect(other.tryCommit(forged.message)).toBeDefined();
      }
    }
  });

  test('R12.4.2-10 R5.3.1-06 PRO-18 a swapped credential, if the application says no', () => {
    const world = makeWorld(['ann', 'bob', 'cid']);
    const bob = world.at(1);
    for (const peer of world.peers) {
      peer.judge = ({ credential, previous }) =>
        previous === undefined || JSON.stringify(credential) === JSON.stringify(previous.credential);
    }
    const update: PathTweaks = { leaf: (one) => ({ ...one, credential: world.at(0).credential }) };
    world.refuses(bob, forgeCommit(bob.env, bob.state, [], { update }).message, 'policy.successor');
    world.accepts(bob, forgeCommit(bob.env, bob.state, []));
    expect(codeOf(() => bob.build([], { leaf: { credential: world.at(0).credential } }))).toBe(
      'policy.successor',
    );
  });
});
