/**
 * Leaf nodes (RFC 9420 §7.2, §7.3): every fault that a leaf can have, through every door by which a leaf comes in. The
 * same faults make the same codes everywhere; a KeyPackage names the leaf's code as its rule.
 */

import { describe, expect, test } from 'vitest';
import { leafIndex } from '../../src/base/brand.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { decode } from '../../src/codec/codec.ts';
import { joinExternally } from '../../src/group/external.ts';
import { externalKeyPair } from '../../src/schedule/epoch.ts';
import { GroupInfo } from '../../src/wire/groupInfo.ts';
import type { LeafNodeContent } from '../../src/wire/leafNode.ts';
import {
  forgeCommit,
  forgeExternalCommit,
  forgeGroupInfo,
  forgeKeyPackage,
  forgeProposal,
  forgeUpdateLeaf,
  forgeWelcome,
  type LeafTweaks,
  signaturePair,
} from '../support/forge.ts';
import { errorOf } from '../support/refusals.ts';
import { addOf, makeWorld, Peer, type World } from '../support/world.ts';

const names = ['ann', 'bob', 'cid', 'dot'];
const nonce = new Uint8Array(32).fill(7);
const DAY = 86_400n;
type Source = LeafNodeContent['source'];

/** A fault, the doors where it can be, and the code. */
interface Fault {
  readonly name: string;
  readonly tweaks: LeafTweaks;
  readonly code: MlsErrorCode;
  readonly only?: readonly Source['leafNodeSource'][];
}

const change = (fields: (leaf: LeafNodeContent) => Partial<LeafNodeContent>): LeafTweaks => ({
  leaf: (leaf) => ({ ...leaf, ...fields(leaf) }),
});
const capabilities = (fields: Partial<LeafNodeContent['capabilities']>): LeafTweaks =>
  change((leaf) => ({ capabilities: { ...leaf.capabilities, ...fields } }));
const lifetime = (notBefore: bigint, notAfter: bigint): LeafTweaks =>
  change(() => ({ source: { leafNodeSource: 1, lifetime: { notBefore, notAfter } } }));
const outsider = signaturePair(new Peer('x').env);

const FAULTS: readonly Fault[] = [
  {
    name: 'R7.3-05 TRE-17 the version is not listed',
    tweaks: capabilities({ versions: [2] }),
    code: 'validation.capabilities',
  },
  {
    name: 'R7.3-05 TRE-17 the suite is not listed',
    tweaks: capabilities({ cipherSuites: [2, 3] }),
    code: 'validation.capabilities',
  },
  {
    name: 'R7.2-12 TRE-17 its credential type is not listed',
    tweaks: capabilities({ credentials: [2] }),
    code: 'validation.capabilities',
  },
  {
    name: 'TRE-17 nothing is listed',
    tweaks: capabilities({ versions: [], cipherSuites: [], credentials: [] }),
    code: 'validation.capabilities',
  },
  {
    name: 'R7.2-11 R7.3-12 an extension is not listed',
    tweaks: change(() => ({ extensions: [{ extensionType: 0xf00d, extensionData: nonce }] })),
    code: 'validation.capabilities',
  },
  {
    name: 'R7.3-03 TRE-11 it is signed by another key',
    tweaks: { leafSecretKey: outsider.secretKey },
    code: 'crypto.signature',
  },
  {
    name: 'R7.3-03 TRE-11 a bit of its signature is another',
    tweaks: {
      signedLeaf: (leaf) => ({
        ...leaf,
        signature: leaf.signature.map((byte, i) => (i === 8 ? byte ^ 1 : byte)),
      }),
    },
    code: 'crypto.signature',
  },
  {
    name: 'R7.3-03 TRE-11 what was signed was changed',
    tweaks: { signedLeaf: (leaf) => ({ ...leaf, credential: { credentialType: 1, identity: nonce } }) },
    code: 'crypto.signature',
  },
  {
    name: 'R7.2-07 TRE-11 it is signed for another leaf',
    tweaks: { place: (place) => ({ ...place, leaf: leafIndex(3) }) },
    code: 'crypto.signature',
    only: [2, 3],
  },
  {
    name: 'TRE-11 it is signed for another group',
    tweaks: { place: (place) => ({ ...place, groupId: nonce }) },
    code: 'crypto.signature',
    only: [2, 3],
  },
  {
    name: 'R7.3-21 its encryption key is too short',
    tweaks: change((leaf) => ({ encryptionKey: leaf.encryptionKey.subarray(1) })),
    code: 'crypto.public-key',
  },
  {
    name: 'R7.3-21 its encryption key is empty',
    tweaks: change(() => ({ encryptionKey: new Uint8Array(0) })),
    code: 'crypto.public-key',
  },
  {
    name: 'R7.3-13 TRE-12 its source is update',
    tweaks: change(() => ({ source: { leafNodeSource: 2 } })),
    code: 'validation.leaf-source',
    only: [1, 3],
  },
  {
    name: 'R7.3-13 R7.3-14 TRE-12 its source is commit',
    tweaks: change(() => ({ source: { leafNodeSource: 3, parentHash: nonce } })),
    code: 'validation.leaf-source',
    only: [1, 2],
  },
  {
    name: 'R7.3-14 R7.3-15 TRE-12 its source is key_package',
    tweaks: lifetime(0n, 1n),
    code: 'validation.leaf-source',
    only: [2, 3],
  },
  {
    name: 'R7.2-15 TRE-16 its lifetime ends before it begins',
    tweaks: lifetime(DAY, DAY - 1n),
    code: 'policy.lifetime',
    only: [1],
  },
  {
    name: 'R7.2-15 TRE-16 its lifetime is a second too long',
    tweaks: lifetime(0n, 366n * DAY + 1n),
    code: 'policy.lifetime',
    only: [1],
  },
  {
    name: 'R7.2-15 TRE-16 it lives for ever',
    tweaks: lifetime(0n, 0xffff_ffff_ffff_ffffn),
    code: 'policy.lifetime',
    only: [1],
  },
];

/** What a leaf may say without harm. */
const LEGAL: readonly Omit<Fault, 'code'>[] = [
  { name: 'nothing unusual', tweaks: {} },
  {
    name: 'R7.2-13 TRE-17 unknown, doubled and default values in its lists',
    tweaks: change(({ capabilities: own }) => ({
      capabilities: {
        versions: [0x0a0a, ...own.versions, ...own.versions],
        cipherSuites: [0xf0f0, ...own.cipherSuites, ...own.cipherSuites],
        extensions: [1, 2, 3, 0xf0f1, 0xf0f1],
        proposals: [1, 7, 0xf0f2],
        credentials: [...own.credentials, 0xf0f3],
      },
    })),
  },
  {
    name: 'R7.3-12 TRE-20 an application_id, which is listed nowhere',
    tweaks: change(() => ({ extensions: [{ extensionType: 1, extensionData: Uint8Array.of(1, 7) }] })),
  },
  {
    name: 'R7.3-10 TRE-16 a lifetime that has ended, which says nothing to a receiver',
    tweaks: lifetime(0n, 366n * DAY),
    only: [1],
  },
];

/** A door: the source that belongs there, and a message with a leaf, from `bob`. */
interface Door {
  readonly source: Source['leafNodeSource'];
  readonly send: (world: World, tweaks: LeafTweaks) => Uint8Array;
  readonly from: 'bob' | 'outside';
}

const DOORS: Readonly<Record<string, Door>> = {
  'R7.3-01 R10.1-03 a proposed Add': {
    source: 1,
    from: 'bob',
    send: (world, tweaks) => forgeProposal(world.at(1).env, world.at(1).state, addWith(tweaks)).message,
  },
  'R7.3-01 R12.1.1-02 a committed Add': {
    source: 1,
    from: 'bob',
    send: (world, tweaks) =>
      forgeCommit(world.at(1).env, world.at(1).state, [world.at(1).inline(addWith(tweaks))]).message,
  },
  'R7.3-01 R12.1.2-02 a proposed Update': {
    source: 2,
    from: 'bob',
    send: (world, tweaks) => {
      const { env, state } = world.at(1);
      return forgeProposal(env, state, { proposalType: 2, leafNode: forgeUpdateLeaf(env, state, tweaks) })
        .message;
    },
  },
  'R7.3-01 R12.4.2-10 an update path': {
    source: 3,
    from: 'bob',
    send: (world, update) => forgeCommit(world.at(1).env, world.at(1).state, [], { update }).message,
  },
  'R7.3-01 R12.4.3.2-10 the path of an external commit': {
    source: 3,
    from: 'outside',
    send: (world, update) => {
      const eve = new Peer('eve');
      return forgeExternalCommit(eve.env, world.at(0).state, eve, { update }).message;
    },
  },
};

function addWith(tweaks: LeafTweaks): ReturnType<typeof addOf> {
  const eve = new Peer('eve');
  return addOf(forgeKeyPackage(eve.env, eve, tweaks));
}

const fits = (source: number, { only }: { readonly only?: readonly number[] }): boolean =>
  only?.includes(source) ?? true;

describe.each(Object.entries(DOORS))('%s', (_, { source, send, from }) => {
  const world = makeWorld(names);
  const [bob, sender] = [world.at(1), from === 'bob' ? world.at(1) : undefined];

  test.each(FAULTS.filter((fault) => fits(source, fault)).map((fault) => [fault.name, fault] as const))(
    'refused: %s',
    (__, { tweaks, code }) => {
      const message = send(world, tweaks);
      const outer = source === 1 ? 'validation.key-package' : code;
      world.refuses(sender, message, outer);
      if (source === 1) expect(errorOf(() => world.at(0).try(message)).detail).toMatchObject({ rule: code });
    },
  );

  test.each(LEGAL.filter((fault) => fits(source, fault)).map((fault) => [fault.name, fault] as const))(
    'accepted: %s',
    (__, { tweaks }) => {
      for (const peer of world.others(bob))
        expect(['proposal', 'checked-commit']).toContain(peer.try(send(world, tweaks)).kind);
    },
  );
});

describe('R7.3-01 R12.4.3.1-17 a tree that one joins', () => {
  // The leaf is that of a committer whose commit nobody has seen but those who are to join.
  const world = makeWorld(names);
  const bob = world.at(1);
  // In a tree any source may stand; a path without a commit leaf below it has no parent hash.
  const tampered = FAULTS.filter((fault) => fits(3, fault) && fault.code !== 'validation.leaf-source');

  test.each(tampered.map((fault) => [fault.name, fault] as const))(
    'by Welcome, refused: %s',
    (_, { tweaks, code }) => {
      const eve = new Peer('eve');
      const own = eve.keyPackage();
      const forged = forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))], { update: tweaks });
      expect(errorOf(() => eve.join(forgeWelcome(bob.env, forged), own)).code).toBe(code);
    },
  );

  test.each(tampered.map((fault) => [fault.name, fault] as const))(
    'from outside, refused: %s',
    (_, { tweaks, code }) => {
      const eve = new Peer('eve');
      const { next } = forgeCommit(bob.env, bob.state, [], { update: tweaks });
      const externalPub = externalKeyPair(bob.env.suite, next.epoch.secrets.externalSecret).publicKey;
      const groupInfo = decode(GroupInfo, GroupInfo.bytes(forgeGroupInfo(bob.env, next, { externalPub })));
      expect(
        errorOf(() => joinExternally(eve.env, groupInfo, { ...eve, resync: false }, undefined)).code,
      ).toBe(code);
    },
  );
});
