/**
 * What all members must support: group extensions, required capabilities, credential types (RFC 9420 §11.1, §13), and
 * the founding of a group (§11). Each direction is broken once, with the neighbour that is legal.
 */

import { describe, expect, test } from 'vitest';
import { equal } from '../../src/base/bytes.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { decode, encode } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import { createGroupState } from '../../src/group/create.ts';
import { createGroupInfo } from '../../src/group/groupInfo.ts';
import { validateKeyPackage } from '../../src/group/keyPackage.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import { confirmationTag } from '../../src/schedule/epoch.ts';
import { interimTranscriptHash } from '../../src/schedule/transcript.ts';
import { treeHash } from '../../src/tree/hash.ts';
import { leafAt } from '../../src/tree/tree.ts';
import {
  type Extension,
  ExternalSenders,
  makeExtension,
  RequiredCapabilities,
} from '../../src/wire/extension.ts';
import type { Capabilities, LeafNodeContent } from '../../src/wire/leafNode.ts';
import { GREASE } from '../../src/wire/registry.ts';
import {
  type CommitTweaks,
  forgeCommit,
  forgeGroupInfo,
  forgeKeyPackage,
  forgeProposal,
  forgeUpdateLeaf,
  groupInfoMessage,
  kemPair,
  signaturePair,
} from '../support/forge.ts';
import {
  addOf,
  codeOf,
  extensionsOf,
  makeWorld,
  Peer,
  type PeerOptions,
  removeOf,
} from '../support/world.ts';

const names = ['ann', 'bob', 'cid', 'dot'];
const nonce = new Uint8Array(32).fill(7);
const EXT = 0xf0a0;
const PROPOSAL = 0xf0b0;
const CREDENTIAL = 0xf0c0;
const extension: Extension = { extensionType: EXT, extensionData: nonce };
const required = (
  extensionTypes: number[],
  proposalTypes: number[] = [],
  credentialTypes: number[] = [],
): Extension => makeExtension(3, RequiredCapabilities, { extensionTypes, proposalTypes, credentialTypes });
const able: PeerOptions = {
  policy: {
    extensionTypes: [EXT],
    proposalTypes: new Map([[PROPOSAL, { external: false, pathRequired: false }]]),
    credentialTypes: [1, CREDENTIAL],
  },
  openTypes: { credentials: new Map([[CREDENTIAL, { read: (reader) => reader.take(4) }]]) },
};
const lacking = (change: Partial<Capabilities>) => (leaf: LeafNodeContent) => ({
  ...leaf,
  capabilities: { ...leaf.capabilities, ...change },
});

describe.each<[string, readonly Extension[], Partial<Capabilities>]>([
  ['R13.4-06 a group extension', [extension], { extensions: [] }],
  ['a required extension', [required([EXT])], { extensions: [] }],
  ['a required proposal', [required([], [PROPOSAL])], { proposals: [] }],
  ['a required credential', [required([], [], [CREDENTIAL])], { credentials: [1] }],
])('R11.1-01 R11.1-03 R11.1-05 TRE-18 %s that a leaf does not support', (_, extensions, without) => {
  const world = makeWorld(names, { ...able, extensions });
  const bob = world.at(1);
  const code: MlsErrorCode = 'validation.capabilities';

  test('R11.1-03 PRO-06 in an Add', () => {
    const eve = new Peer('eve', able);
    const poor = forgeKeyPackage(eve.env, eve, { leaf: lacking(without) });
    world.refuses(bob, forgeCommit(bob.env, bob.state, [bob.inline(addOf(poor))]).message, code);
    expect(codeOf(() => bob.build([bob.inline(addOf(poor))]))).toBe(code);
    world.accepts(bob, bob.build([bob.inline(addOf(forgeKeyPackage(eve.env, eve)))]));
  });

  test('R11.1-05 in an update path', () => {
    const forged = (update: CommitTweaks['update'] = {}) => forgeCommit(bob.env, bob.state, [], { update });
    world.refuses(bob, forged({ leaf: lacking(without) }).message, code);
    world.accepts(bob, forged());
  });

  test('R11.1-05 in an Update', () => {
    for (const [leaf, expected] of [
      [lacking(without), code],
      [undefined, undefined],
    ] as const) {
      const fork = world.fork();
      const [ann, b] = [fork.at(0), fork.at(1)];
      const encryption = kemPair(b.env);
      const leafNode = forgeUpdateLeaf(b.env, b.state, { leaf, encryption });
      const ownKeys = { encryption, signer: b.signer };
      const item = fork.deliver(b, forgeProposal(b.env, b.state, { proposalType: 2, leafNode }, { ownKeys }));
      const forged = forgeCommit(ann.env, ann.state, [item]);
      if (expected === undefined) fork.accepts(ann, forged);
      else {
        // Whoever waits for an honest commit commits without it.
        fork.refuses(ann, forged.message, expected);
        expect(codeOf(() => ann.build([item]))).toBe(expected);
      }
    }
  });

  test('R11.1-04 R12.1.7-02/03/07 PRO-09 new in the group, while a member does not support it', () => {
    const plain = makeWorld(names, { ...able });
    const b = plain.at(1);
    const change = b.inline(extensionsOf(extensions));
    plain.accepts(b, b.build([change]));
    // The committer's own new leaf is the one that lacks it.
    const update = { leaf: lacking(without) };
    plain.refuses(b, forgeCommit(b.env, b.state, [change], { update }).message, code);
    // A member that lacks it, who may be removed in the same commit, and one who is added.
    const eve = new Peer('eve', able);
    const poor = forgeKeyPackage(eve.env, eve, { leaf: lacking(without) });
    plain.refuses(b, forgeCommit(b.env, b.state, [b.inline(addOf(poor)), change]).message, code);
    plain.commit(b, [b.inline(addOf(poor))]);
    plain.refuses(b, forgeCommit(b.env, b.state, [b.inline(extensionsOf(extensions))]).message, code);
    const both = [b.inline(extensionsOf(extensions)), b.inline(removeOf(4))];
    plain.accepts(b, forgeCommit(b.env, b.state, both));
  });

  test('R11-04 R12.4.3.1-30 at the founding, and when we join', () => {
    const eve = new Peer('eve', able);
    const own = forgeKeyPackage(eve.env, eve, { leaf: lacking(without) });
    expect(codeOf(() => createGroupState(eve.env, own, { extensions }))).toBe(code);
    expect(
      codeOf(() => createGroupState(eve.env, forgeKeyPackage(eve.env, eve), { extensions })),
    ).toBeUndefined();
  });
});

describe('default types', () => {
  test('R11.1-02 extensions 1 - 5 and proposals 1 - 7 are always supported; credentials have no default', () => {
    const world = makeWorld(names);
    const bob = world.at(1);
    const all = required([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7], [1]);
    world.accepts(bob, bob.build([bob.inline(extensionsOf([all]))]));
    const x509 = forgeCommit(bob.env, bob.state, [bob.inline(extensionsOf([required([], [], [2])]))]);
    world.refuses(bob, x509.message, 'validation.capabilities');
  });

  test('R11.1-01 round trip', () => {
    const body = { extensionTypes: [EXT, 3], proposalTypes: [1], credentialTypes: [] };
    expect(decode(RequiredCapabilities, encode(RequiredCapabilities, body))).toEqual(body);
    expect(required([EXT], [1]).extensionData).toEqual(Uint8Array.of(2, 0xf0, 0xa0, 2, 0, 1, 0));
  });
});

describe('extensions of the group', () => {
  const world = makeWorld(names);
  const bob = world.at(1);

  test.each(GREASE.slice(0, 4))(
    'R12.1.7-05 DEC-10 PRO-09 R13.5-06 reserved type %i is refused like any unknown one',
    (type) => {
      const list = [{ extensionType: type, extensionData: nonce }];
      const forged = forgeCommit(bob.env, bob.state, [bob.inline(extensionsOf(list))]);
      world.refuses(bob, forged.message, 'validation.unsupported');
      expect(codeOf(() => bob.build([bob.inline(extensionsOf(list))]))).toBe('validation.unsupported');
    },
  );

  test('R12.1.7-05 R13.5-06 even if everybody lists it', () => {
    const grease = GREASE[3] as number;
    const peers = makeWorld(names, { policy: { grease: true } });
    const ann = peers.at(0);
    const listing = { update: { leaf: lacking({ extensions: [grease] }) } };
    peers.follow(ann, forgeCommit(ann.env, ann.state, [], listing));
    const list = [{ extensionType: grease, extensionData: nonce }];
    const forged = forgeCommit(ann.env, ann.state, [ann.inline(extensionsOf(list))]);
    peers.refuses(ann, forged.message, 'validation.unsupported');
  });

  test('R12.1.7-03 an unknown type', () => {
    const forged = forgeCommit(bob.env, bob.state, [bob.inline(extensionsOf([extension]))]);
    world.refuses(bob, forged.message, 'validation.unsupported');
  });

  test('R13.4-01 R13.4-08 R13.4-09 a registered type is carried byte for byte', () => {
    const group = makeWorld(names, able);
    const ann = group.at(0);
    group.commit(ann, [ann.inline(extensionsOf([extension]))]);
    for (const peer of group.peers) expect(peer.state.epoch.context.extensions).toEqual([extension]);
    expect(ann.keyPackage().keyPackage.leafNode.capabilities.extensions).toContain(EXT);
  });

  test('DEC-24 R13.4-10 a known type where it has no meaning is opaque', () => {
    const misplaced = [2, 4].map((extensionType) => ({ extensionType, extensionData: Uint8Array.of(9, 9) }));
    world.accepts(bob, bob.build([bob.inline(extensionsOf(misplaced))]));
  });

  test('R13.5-08 R13.5-02 members who mix in reserved values get on with each other', () => {
    const group = makeWorld(names, { policy: { grease: true } });
    for (const peer of group.peers) group.commit(peer);
    const eve = new Peer('eve', { policy: { grease: true } });
    const own = eve.keyPackage();
    const ann = group.at(0);
    const built = group.commit(ann, [ann.inline(addOf(own))]);
    expect(eve.join(built.welcome!, own).state.epoch.self).toBe(4);
    const lists = Array.from({ length: 10 }, () =>
      createGroupInfo(ann.env, ann.state.epoch, { ratchetTree: false, externalPub: false }).extensions.map(
        (one) => one.extensionType,
      ),
    );
    for (const list of lists) expect(list.some((type) => GREASE.includes(type))).toBe(true);
    expect(ann.state.epoch.context.extensions).toEqual([]);
  });

  test('R13.5-05 no group is founded with a reserved extension, though the application lists it', () => {
    const grease = GREASE[0] as number;
    const listing = new Peer('eve', { policy: { extensionTypes: [grease] } });
    const extensions = [{ extensionType: grease, extensionData: nonce }];
    const found = () => createGroupState(listing.env, listing.keyPackage(), { extensions });
    expect(codeOf(found)).toBe('validation.unsupported');
  });

  test('R13.5-05 what we send of proposals, credentials and contexts has no reserved values', () => {
    const eve = new Peer('eve', { policy: { grease: true } });
    for (const grease of GREASE) {
      const list = [{ extensionType: grease, extensionData: nonce }];
      expect(codeOf(() => createGroupState(eve.env, eve.keyPackage(), { extensions: list }))).toBe(
        'validation.unsupported',
      );
      const custom = { proposalType: grease, body: nonce };
      expect(codeOf(() => bob.build([bob.inline(custom)]))).toBe('validation.unsupported');
    }
  });
});

describe('credential types', () => {
  const typed = { credentialType: CREDENTIAL, body: Uint8Array.of(1, 2, 3, 4) };

  test('R13.3-01 R13.3-02 TRE-18 a type that one member does not support', () => {
    const group = makeWorld(names, {
      ...able,
      peers: { dot: { policy: { ...able.policy, credentialTypes: [1] } } },
    });
    const bob = group.at(1);
    const eve = new Peer('eve', { ...able, credential: typed });
    const own = forgeKeyPackage(eve.env, eve);
    group.refuses(
      bob,
      forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))]).message,
      'validation.capabilities',
    );
    const update = { leaf: (one: LeafNodeContent) => ({ ...one, credential: typed }) };
    group.refuses(bob, forgeCommit(bob.env, bob.state, [], { update }).message, 'validation.capabilities');
    // In two steps: first all support it, then it is used.
    const dot = group.at(3);
    group.follow(
      dot,
      forgeCommit(dot.env, dot.state, [], { update: { leaf: lacking({ credentials: [1, CREDENTIAL] }) } }),
    );
    group.accepts(bob, forgeCommit(bob.env, bob.state, [bob.inline(addOf(own))]));
    group.accepts(bob, forgeCommit(bob.env, bob.state, [], { update }));
  });

  test('R13.3-01 TRE-18 a newcomer that does not support a type in use', () => {
    const group = makeWorld(names, { ...able, peers: { dot: { credential: typed } } });
    const bob = group.at(1);
    const eve = new Peer('eve', able);
    const poor = forgeKeyPackage(eve.env, eve, { leaf: lacking({ credentials: [1] }) });
    group.refuses(
      bob,
      forgeCommit(bob.env, bob.state, [bob.inline(addOf(poor))]).message,
      'validation.capabilities',
    );
    const both = [bob.inline(addOf(poor)), bob.inline(removeOf(3))];
    group.accepts(bob, forgeCommit(bob.env, bob.state, both));
  });

  test('R5.3-03 R5.3-04 registered types and identities of any bytes', () => {
    const eve = new Peer('eve', { ...able, credential: typed });
    const { keyPackage } = forgeKeyPackage(eve.env, eve);
    expect(validateKeyPackage(eve.env, keyPackage).leafNode.credential).toEqual(typed);
    const bytes = Uint8Array.of(0xff, 0, 0xc0, 0x80);
    const raw = new Peer('raw', { credential: { credentialType: 1, identity: bytes } });
    const group = makeWorld(['ann', 'bob']);
    const ann = group.at(0);
    const own = raw.keyPackage();
    const built = group.commit(ann, [ann.inline(addOf(own))]);
    expect(leafAt(raw.join(built.welcome!, own).state.epoch.tree, 2)?.credential).toEqual(raw.credential);
  });
});

describe('founding', () => {
  const eve = new Peer('eve');
  const senders = makeExtension(5, ExternalSenders, [
    { signatureKey: signaturePair(eve.env).publicKey, credential: eve.credential },
  ]);

  test('R11-01 R11-02 R11-03 R11-08 the first epoch', () => {
    const { epoch, ...rest } = createGroupState(eve.env, eve.keyPackage(), {});
    const { proposals, past, resumption, held, ahead, dropped } = rest;
    expect([proposals, past, resumption, held, ahead, dropped].flat()).toEqual([]);
    const { context, tree, self, secrets } = epoch;
    expect([context.epoch, tree.width, self]).toEqual([0n, 1, 0]);
    expect(context.groupId).toHaveLength(32);
    expect(context.confirmedTranscriptHash).toHaveLength(0);
    expect(context.treeHash).toEqual(treeHash(eve.env.suite, tree.root));
    expect(leafAt(tree, 0)?.source.leafNodeSource).toBe(1);
    const tag = confirmationTag(eve.env.suite, secrets.confirmationKey, new Uint8Array(0));
    expect(epoch.confirmationTag).toEqual(tag);
    expect(epoch.interimHash).toEqual(interimTranscriptHash(eve.env.suite, new Uint8Array(0), tag));
    const second = createGroupState(eve.env, eve.keyPackage(), {}).epoch;
    expect(equal(second.context.groupId, context.groupId)).toBe(false);
    expect(equal(second.secrets.initSecret, secrets.initSecret)).toBe(false);
  });

  test('R11-05 the first members come with epoch 1', () => {
    const world = makeWorld(['ann', 'bob'], { settled: false });
    for (const peer of world.peers) expect(peer.state.epoch.context.epoch).toBe(1n);
  });

  test('R11-11 R5.3.1-07 duplicate, unknown and reserved extensions; external senders nobody vouches for', () => {
    const found = (extensions: readonly Extension[], peer = eve) =>
      codeOf(() => createGroupState(peer.env, peer.keyPackage(), { extensions }));
    expect(found([senders, required([])])).toBeUndefined();
    expect(found([extension])).toBe('validation.unsupported');
    expect(found([{ extensionType: GREASE[0] as number, extensionData: nonce }])).toBe(
      'validation.unsupported',
    );
    expect(found([required([]), required([])])).toBe('codec.duplicate-extension');
    expect(found([{ extensionType: 5, extensionData: Uint8Array.of(9) }])).toBe('codec.truncated');
    const strict = new Peer('strict');
    strict.judge = ({ role }) => role === 'member';
    expect(found([senders], strict)).toBe('validation.credential');
  });

  test('R13.4-05 R13.4-04 duplicate extensions in a GroupInfo', () => {
    const world = makeWorld(['ann', 'bob']);
    const ann = world.at(0);
    const two = [1, 2].map((i) => ({ extensionType: 0xf0f0 + i, extensionData: Uint8Array.of(1, 2, 3, i) }));
    const message = groupInfoMessage(
      forgeGroupInfo(ann.env, ann.state, { info: (one) => ({ ...one, extensions: two }) }),
    );
    const client = new Client({ ...eve, validateCredential: acceptAnyCredential, provider: nodeProvider });
    const at = message.findIndex((byte, i) => byte === 0xf0 && message[i + 1] === 0xf2);
    const twice = message.with(at + 1, 0xf1);
    expect(codeOf(() => client.prepareExternalJoin(twice))).toBe('codec.duplicate-extension');
    expect(codeOf(() => client.prepareExternalJoin(message))).toBe('validation.group-info');
  });
});
