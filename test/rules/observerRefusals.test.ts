/**
 * What observers refuse on their own account: a beginning, an offer, a proposal that they cannot make, and what can be
 * seen of tags and secrets. That they judge messages as members do is tested with the members (`support/watching.ts`).
 */

import { describe, expect, test } from 'vitest';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { encode } from '../../src/codec/codec.ts';
import type { PublicGroup } from '../../src/group/observer.ts';
import {
  add,
  customProposal,
  externalPsk,
  type NewProposal,
  reinit,
  remove,
  resumptionPsk,
  setExtensions,
  update,
} from '../../src/group/proposals.ts';
import { acceptAnyCredential, type ObserveOptions, observe } from '../../src/index.ts';
import { externalKeyPair } from '../../src/schedule/epoch.ts';
import { leafAt, treeToNodes } from '../../src/tree/tree.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { ExtensionType } from '../../src/wire/registry.ts';
import { RatchetTree } from '../../src/wire/treeNode.ts';
import {
  type CommitTweaks,
  forgeCommit,
  forgeExternalCommit,
  forgeGroupInfo,
  type GroupInfoTweaks,
  groupInfoMessage,
  kemPair,
  keyPackageMessage,
  signaturePair,
} from '../support/forge.ts';
import { codeOf } from '../support/refusals.ts';
import { publicMessage, publicOf } from '../support/sealing.ts';
import { makeWorld, Peer, type World, type WorldOptions } from '../support/world.ts';

const names = ['ann', 'bob', 'cid', 'dot', 'fay'];
const nonce = new Uint8Array(32).fill(7);
const MODES = ['full', 'light'] as const;
const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 3 ? byte ^ 1 : byte));
const eve = new Peer('eve');
const service = signaturePair(eve.env);
const senders = [{ signatureKey: service.publicKey, credential: eve.credential }];
const listed = makeExtension(ExtensionType.externalSenders, ExternalSenders, senders);

function offered({ env, state }: Peer, tweaks: GroupInfoTweaks = {}): Uint8Array {
  const externalPub = externalKeyPair(env.suite, state.epoch.secrets.externalSecret).publicKey;
  return groupInfoMessage(forgeGroupInfo(env, state, { externalPub, ...tweaks }));
}

function watcherOf(peer: Peer, options: Partial<ObserveOptions> = {}): PublicGroup {
  // Peers live at a time of their own.
  return observe(
    { validateCredential: acceptAnyCredential, clock: () => peer.now, ...options },
    offered(peer),
  );
}

/** Refused with this code, and nothing has changed. */
function refuses(watcher: PublicGroup, message: Uint8Array, code: MlsErrorCode): void {
  const before = watcher.save();
  const seen = watcher.process(message);
  expect(seen.kind === 'rejected' ? seen.error.code : seen.kind).toBe(code);
  expect(watcher.save()).toEqual(before);
}

function follow(watcher: PublicGroup, message: Uint8Array): void {
  const seen = watcher.process(message);
  if (seen.kind !== 'commit') throw new Error(seen.kind);
  watcher.accept(seen.commit);
}

describe('a beginning', () => {
  const world = makeWorld(names);
  const flat = makeWorld(names, { blank: true });
  const begin = (tweaks: GroupInfoTweaks, checks: 'full' | 'light', from: World = world) =>
    observe({ validateCredential: acceptAnyCredential, checks }, offered(from.at(0), tweaks));

  test.each<[string, GroupInfoTweaks, MlsErrorCode]>([
    ['R12.4.3-08 signature with a flipped bit', { signature: flip }, 'crypto.signature'],
    ['R12.4.3-08 signed by another', { secretKey: world.at(1).signer.secretKey }, 'crypto.signature'],
    ['R12.4.3-08 signer is blank', { info: (one) => ({ ...one, signer: 7 }) }, 'validation.group-info'],
    ['no tree', { nodes: () => undefined }, 'validation.group-info'],
    ['another tree hash', { context: (one) => ({ ...one, treeHash: nonce }) }, 'validation.tree-hash'],
    [
      'a parent key of nobody',
      {
        nodes: (nodes) =>
          nodes.map((node) =>
            node?.nodeType === 2
              ? { ...node, parentNode: { ...node.parentNode, encryptionKey: kemPair(eve.env).publicKey } }
              : node,
          ),
        rehash: true,
      },
      'validation.parent-hash',
    ],
  ])('refused in both modes: %s', (_, tweaks, code) => {
    for (const checks of MODES) expect(codeOf(() => begin(tweaks, checks))).toBe(code);
  });

  test('about single leaves and unknown extensions `light` believes the signer', () => {
    const badLeaf: GroupInfoTweaks = {
      nodes: (nodes) =>
        nodes.map((node, i) =>
          i === 4 && node?.nodeType === 1
            ? { ...node, leafNode: { ...node.leafNode, signature: flip(node.leafNode.signature) } }
            : node,
        ),
      rehash: true,
    };
    expect(codeOf(() => begin(badLeaf, 'full', flat))).toBe('crypto.signature');
    expect(begin(badLeaf, 'light', flat).members).toHaveLength(5);
    const options: WorldOptions = {
      policy: { extensionTypes: [0xf0a0] },
      extensions: [{ extensionType: 0xf0a0, extensionData: nonce }],
    };
    const extended = makeWorld(names, options);
    expect(codeOf(() => begin({}, 'full', extended))).toBe('validation.unsupported');
    expect(watcherOf(extended.at(0), { policy: { extensionTypes: [0xf0a0] } }).epoch).toBe(6n);
    const light = begin({}, 'light', extended);
    follow(light, extended.commit(extended.at(0), [], { handshake: 'public' }).message);
    expect(light.epoch).toBe(7n);
  });

  test('the tree apart, another kind of message, and no message', () => {
    const { env, state } = world.at(0);
    const options = { validateCredential: acceptAnyCredential };
    const bare = offered(world.at(0), { nodes: () => undefined });
    const tree = encode(RatchetTree, treeToNodes(state.epoch.tree));
    expect(observe(options, bare, tree).ratchetTree).toEqual(tree);
    const own = keyPackageMessage(eve.keyPackage());
    expect(codeOf(() => observe(options, own))).toBe('validation.group-info');
    expect(codeOf(() => observe(options, bare.subarray(1)))).toMatch(/^codec\./);
    const foreign = forgeGroupInfo(env, state, { context: (one) => ({ ...one, cipherSuite: 0xf001 }) });
    expect(codeOf(() => observe(options, groupInfoMessage(foreign)))).toBe('codec.unsupported');
  });
});

describe('an offer', () => {
  const world = makeWorld(names);
  const ann = world.at(0);

  test.each<[string, GroupInfoTweaks, MlsErrorCode]>([
    ['signature', { signature: flip }, 'crypto.signature'],
    ['signed by another', { secretKey: world.at(1).signer.secretKey }, 'crypto.signature'],
    ['signer is blank', { info: (one) => ({ ...one, signer: 6 }) }, 'validation.group-info'],
    ['tree hash', { context: (one) => ({ ...one, treeHash: nonce }) }, 'validation.tree-hash'],
    [
      'transcript',
      { context: (one) => ({ ...one, confirmedTranscriptHash: nonce }) },
      'validation.group-info',
    ],
    ['extensions', { context: (one) => ({ ...one, extensions: [listed] }) }, 'validation.group-info'],
    ['confirmation tag', { info: (one) => ({ ...one, confirmationTag: nonce }) }, 'crypto.confirmation-tag'],
    ['no external_pub', { info: (one) => ({ ...one, extensions: [] }) }, 'validation.group-info'],
    ['an external_pub that is none', { externalPub: nonce.subarray(1) }, 'crypto.public-key'],
    ['another tree', { nodes: (nodes) => nodes.slice(0, -2) }, 'validation.tree'],
  ])('refused: %s', (_, tweaks, code) => {
    const watcher = watcherOf(ann);
    const before = watcher.save();
    const outcome = watcher.offer(offered(ann, tweaks));
    expect(outcome.kind === 'rejected' ? outcome.error.code : outcome.kind).toBe(code);
    expect(watcher.save()).toEqual(before);
    for (const peer of world.peers) expect(watcher.offer(offered(peer))).toEqual({ kind: 'kept' });
    expect(watcher.groupInfo).toEqual(offered(world.at(4)));
    expect(watcher.offer(offered(ann, { nodes: () => undefined }))).toEqual({ kind: 'kept' });
  });

  test('of another group, epoch or kind', () => {
    const fork = world.fork();
    const watcher = watcherOf(ann);
    const other = makeWorld(['x']).at(0);
    expect(watcher.offer(offered(other))).toMatchObject({ kind: 'foreign', wireFormat: 4 });
    const own = keyPackageMessage(eve.keyPackage());
    expect(watcher.offer(own)).toEqual({ kind: 'foreign', wireFormat: 5, groupId: undefined });
    const made = fork.commit(fork.at(0), [], { handshake: 'public' });
    expect(watcher.offer(offered(fork.at(0)))).toEqual({ kind: 'ahead', epoch: 7n });
    follow(watcher, made.message);
    expect(watcher.offer(offered(ann))).toEqual({ kind: 'expired', epoch: 6n });
    expect(watcher.groupInfo).toBeUndefined();
    expect(watcher.offer(offered(fork.at(0)))).toEqual({ kind: 'kept' });
  });
});

describe.each(MODES)('messages, %s', (checks) => {
  const world = makeWorld(names);
  const [ann, bob] = [world.at(0), world.at(1)];
  const watcher = watcherOf(ann, { checks });
  const commit = (tweaks: CommitTweaks): Uint8Array => forgeCommit(bob.env, bob.state, [], tweaks).message;
  const oldKey = { publicKey: leafAt(bob.tree, 1)!.encryptionKey, secretKey: nonce };
  const cut = (change: (nodes: readonly object[]) => readonly object[]): CommitTweaks => ({
    update: { path: (path) => ({ ...path, nodes: change(path.nodes) as typeof path.nodes }) },
  });

  test.each<[string, CommitTweaks, MlsErrorCode]>([
    ['R12.4.2-03 signed by another key', { secretKey: ann.signer.secretKey }, 'crypto.signature'],
    [
      'R12.4.2-03 over another context',
      { signedContext: { ...ann.state.epoch.context, epoch: 7n } },
      'crypto.signature',
    ],
    [
      'no member',
      { framed: (one) => ({ ...one, sender: { senderType: 1, leafIndex: 9 } }) },
      'validation.sender',
    ],
    ['R12.4-08 no path', { omitPath: true }, 'validation.path-required'],
    ['R12.4.2-10 leaf signature', { update: { leafSecretKey: ann.signer.secretKey } }, 'crypto.signature'],
    ['R12.4.2-11 the old key', { update: { encryption: oldKey } }, 'validation.path'],
    ['PRO-17 a node too few', cut((nodes) => nodes.slice(1)), 'validation.path'],
    ['PRO-17 a node too many', cut((nodes) => [...nodes, nodes[0] as object]), 'validation.path'],
    [
      'PRO-17 no ciphertexts',
      cut((nodes) => nodes.map((node) => ({ ...node, encryptedPathSecret: [] }))),
      'validation.path',
    ],
    [
      'R12.4.2-13 parent hash',
      { update: { leaf: (one) => ({ ...one, source: { leafNodeSource: 3, parentHash: nonce } }) } },
      'validation.parent-hash',
    ],
    ['R12.4.2-12 a key twice', { update: { signer: ann.signer } }, 'validation.duplicate-key'],
    ['R12.4.2-17 a short confirmation tag', { tag: (tag) => tag.subarray(1) }, 'crypto.confirmation-tag'],
  ])('refused: %s', (_, tweaks, code) => {
    refuses(watcher, commit(tweaks), code);
  });

  test('PRO-24 a KEM output of another length', () => {
    const forged = forgeExternalCommit(eve.env, ann.state, eve, { kemOutput: (one) => one.subarray(1) });
    refuses(watcher, forged.message, 'crypto.kem');
  });

  test('R6.2-03 a membership tag of another length; its value takes the key', () => {
    const sent = publicOf(commit({}));
    for (const membershipTag of [nonce.subarray(1), nonce.subarray(32)])
      refuses(watcher, publicMessage({ ...sent, membershipTag }), 'crypto.membership-tag');
    expect(watcher.process(publicMessage({ ...sent, membershipTag: nonce })).kind).toBe('commit');
  });

  test('an exchanged confirmation tag is found out by an offer, and later by signatures', () => {
    const fork = world.fork();
    const misled = watcherOf(ann, { checks });
    const [first, second] = [fork.at(1), fork.at(2)];
    const made = first.build([], { handshake: 'public' });
    const sent = publicOf(made.message);
    follow(misled, publicMessage({ ...sent, auth: { ...sent.auth, confirmationTag: nonce } }));
    fork.follow(first, made);
    const outcome = misled.offer(offered(fork.at(0)));
    expect(outcome.kind === 'rejected' && outcome.error.code).toBe('crypto.confirmation-tag');
    follow(misled, fork.commit(second, [], { handshake: 'public' }).message);
    refuses(misled, fork.at(0).build([], { handshake: 'public' }).message, 'crypto.signature');
  });
});

describe('an external sender', () => {
  const world = makeWorld(names, { extensions: [listed] });
  const late = keyPackageMessage(eve.keyPackage());
  const watcher = watcherOf(world.at(0));

  test.each<[string, NewProposal]>([
    ['add', add(late)],
    ['remove', remove(3)],
    ['external psk', externalPsk(nonce)],
    ['resumption psk', resumptionPsk(watcher.id, 3n)],
    ['extensions', setExtensions([listed])],
    ['reinit', reinit({ groupId: nonce, suite: 1 })],
  ])('R12.1.8-03 R12.1.8.1-02 may propose: %s', (_, input) => {
    const before = watcher.save();
    const { message, ref } = watcher.propose(input, { signer: service });
    expect(watcher.save()).toEqual(before);
    for (const peer of world.peers) expect(peer.try(message).kind).toBe('proposal');
    const seen = watcherOf(world.at(0)).process(message);
    expect(seen).toMatchObject({ kind: 'proposal', proposal: { ref, sender: undefined } });
  });

  test.each<[string, NewProposal, MlsErrorCode]>([
    ['R12.1.8-03 an update', update(), 'validation.sender'],
    ['removal of nobody', remove(9), 'validation.proposal'],
    ['no KeyPackage', add(nonce), 'codec.unsupported'],
    ['an unregistered type', customProposal(0xf001, nonce), 'validation.unsupported'],
  ])('refused: %s', (_, input, code) => {
    expect(codeOf(() => watcher.propose(input, { signer: service }))).toBe(code);
  });

  test('R12.1.8-02 R12.1.8-04 nobody who is not listed, and no type that is not open to them', () => {
    const { signer } = eve;
    expect(codeOf(() => watcher.propose(remove(1), { signer }))).toBe('validation.sender');
    const plain = watcherOf(makeWorld(names).at(0));
    expect(codeOf(() => plain.propose(remove(1), { signer: service }))).toBe('validation.sender');
    for (const external of [true, false]) {
      const types = new Map([[0xf001, { external, pathRequired: false }]]);
      const one = watcherOf(world.at(0), { policy: { proposalTypes: types } });
      const make = () => one.propose(customProposal(0xf001, nonce), { signer: service });
      if (external) expect(make().message.length).toBeGreaterThan(0);
      else expect(codeOf(make)).toBe('validation.sender');
    }
  });
});
