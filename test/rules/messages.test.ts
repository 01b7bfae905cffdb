/** Taking messages in and out of order, early, late, twice, or back from the server (RFC 9420 §14, §15, §12.1). */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY, utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import type { Group } from '../../src/group/group.ts';
import { acceptAnyCredential, type Policy } from '../../src/group/policy.ts';
import {
  add,
  externalPsk,
  type ProposalInput,
  reinit,
  remove,
  setExtensions,
  update,
} from '../../src/group/proposals.ts';
import type { CommitOptions } from '../../src/group/sendCommit.ts';
import type { StagedCommit } from '../../src/group/views.ts';
import type { Content } from '../../src/wire/content.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { join, newcomer, nth, type Peer, room, settle } from '../support/peers.ts';
import { codeOf, errorOf, recordOf, refuses, rejection } from '../support/refusals.ts';
import {
  application,
  flipped,
  privateMessage,
  privateOf,
  publicMessage,
  sealPrivateBy,
  sealPublicBy,
} from '../support/sealing.ts';

const DATA = utf8('hello');

function client(name: string, policy: Partial<Policy> = {}): Client {
  return new Client({
    credential: basicCredential(name),
    validateCredential: acceptAnyCredential,
    provider: nodeProvider,
    policy,
    psks: () => utf8('shared'),
  });
}

function trio(policy: Partial<Policy> = {}): readonly [Group, Group, Group] {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => client(name, policy)) as [Client, Client, Client];
  const group = a.createGroup();
  const invitation = group.invite([b.createKeyPackage().message, c.createKeyPackage().message]);
  group.accept(invitation);
  return [group, b.prepareJoin(invitation.welcome).accept(), c.prepareJoin(invitation.welcome).accept()];
}

function commitOf(group: Group, message: Uint8Array): StagedCommit {
  const processed = group.process(message);
  if (processed.kind !== 'commit') throw new Error(`no commit: ${processed.kind}`);
  return processed.commit;
}

/** One commits, the others follow. */
function move(
  all: readonly Group[],
  by: Group,
  inputs: readonly ProposalInput[] = [],
  options: CommitOptions = {},
): void {
  const sent = by.commit(inputs, options);
  for (const group of all) if (group !== by) group.accept(commitOf(group, sent.message));
  by.accept(sent);
}

function dataOf(group: Group, message: Uint8Array): Uint8Array | string {
  const processed = group.process(message);
  return processed.kind === 'application' ? processed.data : processed.kind;
}

/** What the public face shows of a group, and at the end all that it would save. */
function face(group: Group): unknown[] {
  const { epoch, status, epochAuthenticator, treeHash, proposals, pending, self } = group;
  return [epoch, status, epochAuthenticator, treeHash, proposals, pending, self, group.save()];
}

describe('routing', () => {
  test('R6-09 FRM-12 a message of another group touches nothing', () => {
    const [a, b] = trio();
    const [other] = trio();
    for (const message of [
      other.encrypt(DATA),
      other.propose(update()).message,
      other.commit([], { handshake: 'public' }).message,
    ]) {
      const before = face(b);
      const processed = b.process(message);
      expect(processed).toMatchObject({ kind: 'foreign', groupId: other.id });
      expect(face(b)).toEqual(before);
    }
    expect(dataOf(b, a.encrypt(DATA))).toEqual(DATA);
  });

  test('FRM-12 Welcome, GroupInfo and KeyPackage are no messages of a group', () => {
    const [a, b] = trio();
    const { message } = client('d').createKeyPackage();
    expect(b.process(message)).toEqual({ kind: 'foreign', wireFormat: 5, groupId: undefined });
    expect(b.process(a.groupInfo()).kind).toBe('foreign');
    expect(b.process(a.invite([message]).welcome).kind).toBe('foreign');
  });
});

describe('application data', () => {
  test('R15-03 FRM-24 empty data are legal, and delivered', () => {
    const [a, b, c] = trio();
    const message = a.encrypt(EMPTY);
    expect(dataOf(b, message)).toEqual(EMPTY);
    expect(dataOf(c, message)).toEqual(EMPTY);
  });

  test('FRM-24 R6.3.1-13 R15.1-02 the limit itself, and one byte more', () => {
    const [a, b] = trio({ maxMessageBytes: 100_000 });
    expect(dataOf(b, a.encrypt(new Uint8Array(100_000).fill(1)))).toHaveLength(100_000);
    const before = face(a);
    expect(codeOf(() => a.encrypt(new Uint8Array(100_001)))).toBe('codec.limit');
    expect(face(a)).toEqual(before);
    const next = b.process(a.encrypt(DATA));
    expect(next.kind === 'application' && next.generation).toBe(1);
  });

  test('R15-01 R15.3-05 the outcome names sender, epoch and generation', () => {
    const [a, b] = trio();
    for (let generation = 0; generation < 3; generation++) {
      expect(b.process(a.encrypt(DATA))).toMatchObject({
        kind: 'application',
        generation,
        epoch: 1n,
        sender: { leaf: 0 },
      });
    }
  });

  test('FRM-03 R15.3-04 R9.2-04 a replay gives no plaintext, however often', () => {
    const [a, b] = trio();
    const sent = [0, 1, 2].map(() => a.encrypt(DATA));
    for (const message of sent) expect(dataOf(b, message)).toEqual(DATA);
    const before = face(b);
    for (const message of [...sent, ...sent]) expect(b.process(message)).toEqual({ kind: 'duplicate' });
    expect(face(b)).toEqual(before);
    move([a, b], a, [remove(2)]);
    for (const message of sent) expect(b.process(message)).toEqual({ kind: 'duplicate' });
  });

  test('FRM-04 R15.3-01 R9.2-05 the order 0, 3, 1, 2 and any other, each message exactly once', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }),
        fc.integer({ min: 0, max: 8 }),
        (order, cut) => {
          const [a, b, c] = room(['a', 'b', 'c']) as [Peer, Peer, Peer];
          const sent = order.map((_, i) => a.encrypt(utf8(String(i))));
          const read = (i: number): void => {
            const taken = b.process(sent[i] as Uint8Array);
            expect(taken).toMatchObject({
              kind: 'application',
              data: utf8(String(i)),
              generation: i,
              epoch: 1n,
            });
            expect(b.process(sent[i] as Uint8Array).kind).toBe('duplicate');
          };
          order.slice(0, cut).forEach(read);
          settle([a, b, c], c);
          order.slice(cut).forEach(read);
        },
      ),
      { numRuns: 40, seed: 9420 },
    );
  });

  test('R15.3-02 FRM-02 R9.2-05 skipped keys are bounded, the oldest go first, and an evicted one is told from a replay', () => {
    const [a, b] = trio({ keptKeys: 3 });
    const sent = Array.from({ length: 9 }, (_, i) => a.encrypt(utf8(String(i))));
    const at = (i: number): Uint8Array => sent[i] as Uint8Array;
    expect(dataOf(b, at(5))).toEqual(utf8('5'));
    for (const gone of [0, 1]) expect(rejection(b.process(at(gone))).code).toBe('state.key-evicted');
    expect(dataOf(b, at(2))).toEqual(utf8('2'));
    expect(b.process(at(2))).toEqual({ kind: 'duplicate' });
    expect(dataOf(b, at(8))).toEqual(utf8('8'));
    expect(rejection(b.process(at(3))).code).toBe('state.key-evicted');
    for (const kept of [4, 6, 7]) expect(dataOf(b, at(kept))).toEqual(utf8(String(kept)));
    for (const used of [4, 5, 6, 7, 8]) expect(b.process(at(used)).kind).toBe('duplicate');
    expect(rejection(b.process(at(0))).retry).toBe('never');
  });

  test('FRM-02 R15.2-01 far generations of every leaf stay inside a memory bound', () => {
    const names = Array.from({ length: 8 }, (_, i) => `m${i}`);
    const peers = room(names, { policy: { keptKeys: 50 } });
    const reader = nth(peers, 7);
    for (const peer of peers.slice(0, 7)) {
      for (const generation of [900, 1800, 2700]) {
        expect(reader.process(sealPrivateBy(peer, application(DATA), { generation })).kind).toBe(
          'application',
        );
      }
    }
    let packed = 0;
    const count = (node: object): void => {
      for (const child of Object.values(node)) {
        if (typeof child !== 'object' || child === null || child instanceof Uint8Array) continue;
        if ('packed' in child) packed += (child.packed as Uint8Array).length;
        else count(child);
      }
    };
    count(reader.state.secretTree.root);
    expect(packed).toBeLessThanOrEqual(7 * 50 * 28);
  });

  test('FRM-19 handshake and application ratchets do not disturb each other', () => {
    const [a, b] = room(['a', 'b', 'c']) as [Peer, Peer];
    const first = a.encrypt(DATA);
    const proposals = [0, 1, 2].map((generation) =>
      sealPrivateBy(
        a,
        { contentType: 2, proposal: { proposalType: 3, removed: generation } },
        { generation },
      ),
    );
    for (const proposal of [...proposals].reverse()) expect(b.process(proposal).kind).toBe('proposal');
    expect(b.process(first)).toMatchObject({ kind: 'application', generation: 0 });
    expect(b.process(proposals[0] as Uint8Array).kind).toBe('duplicate');
  });

  test('R15.2-02 data are not encrypted over proposals that wait for a commit', () => {
    const [a, b] = trio();
    const { message } = b.propose(update());
    for (const [group, act] of [
      [a, () => a.process(message)],
      [b, () => undefined],
    ] as const) {
      act();
      const before = face(group);
      const error = errorOf(() => group.encrypt(DATA));
      expect([error.code, error.retry]).toEqual(['state.proposals-pending', 'after-sync']);
      expect(face(group)).toEqual(before);
    }
    move([a, b], a, [remove(2)]);
    expect(dataOf(b, a.encrypt(DATA))).toEqual(DATA);
  });

  test('R15-02 R15.2-02 a new epoch has new ratchets: generations restart at 0, under other keys', () => {
    const all = trio();
    const [a, b] = all;
    b.process(a.encrypt(DATA));
    b.process(a.encrypt(DATA));
    move(all, b);
    expect(b.process(a.encrypt(DATA))).toMatchObject({ kind: 'application', generation: 0, epoch: 2n });
  });

  test('R6.3.1-05 R16.3-01 a copied state would repeat a generation, so sending always moves the state', () => {
    const [a] = room(['a', 'b']) as [Peer];
    const before = a.state;
    const record = recordOf(a);
    a.encrypt(DATA);
    expect(a.state).not.toBe(before);
    expect(recordOf(a)).not.toBe(record);
  });

  test('R6.3.1-12 authenticated data of the caller are copied', () => {
    const [a, b] = trio();
    const authenticatedData = utf8('abc');
    const data = utf8('xyz');
    const message = a.encrypt(data, { authenticatedData });
    authenticatedData.fill(0);
    data.fill(0);
    expect(b.process(message)).toMatchObject({ authenticatedData: utf8('abc'), data: utf8('xyz') });
  });
});

describe('past epochs', () => {
  test('R6-10 FRM-10 R9.2-09 late data inside the window, and outside it', () => {
    const all = trio({ pastEpochs: 2 });
    const [a, b, c] = all;
    const late = [0, 1, 2].map((epoch) => {
      const message = a.encrypt(utf8(`epoch ${epoch}`));
      move(all, c);
      return message;
    });
    const before = face(b);
    expect(b.process(late[0] as Uint8Array)).toEqual({ kind: 'expired', epoch: 1n });
    expect(face(b)).toEqual(before);
    expect(b.process(late[1] as Uint8Array)).toMatchObject({
      kind: 'application',
      epoch: 2n,
      data: utf8('epoch 1'),
    });
    expect(b.process(late[2] as Uint8Array)).toMatchObject({ kind: 'application', epoch: 3n });
    expect(b.process(late[2] as Uint8Array).kind).toBe('duplicate');
    expect(b.process(late[1] as Uint8Array).kind).toBe('duplicate');
  });

  test('FRM-10 a window of none', () => {
    const all = trio({ pastEpochs: 0 });
    const [a, b, c] = all;
    const late = a.encrypt(DATA);
    move(all, c);
    expect(b.process(late)).toEqual({ kind: 'expired', epoch: 1n });
    expect(dataOf(b, a.encrypt(DATA))).toEqual(DATA);
  });

  test('FRM-09 R15.3-06 attribution to the member as it was: removed, leaf given to another, tree grown small', () => {
    let peers = room(['a', 'b', 'c', 'd', 'e']);
    const [a, b] = peers as [Peer, Peer];
    const [c, e] = [nth(peers, 2), nth(peers, 4)];
    const fromC = c.encrypt(utf8('from c'));
    const fromE = e.encrypt(utf8('from e'));
    peers = settle(peers, a, [remove(2), remove(4)]);
    const newC = newcomer('new c');
    const built = a.commit([add(newC.keyPackage)]);
    for (const peer of peers) if (peer !== a) peer.follow(built.message);
    a.accept(built);
    const late = join(newC, built.welcome as Uint8Array);
    expect(late.self).toBe(2);
    expect(b.state.epoch.tree.width).toBe(4);
    expect(b.process(fromC)).toMatchObject({
      kind: 'application',
      epoch: 1n,
      sender: { leaf: 2, signatureKey: c.signer.publicKey, credential: basicCredential('c') },
    });
    expect(b.process(fromE)).toMatchObject({ sender: { leaf: 4, credential: basicCredential('e') } });
    expect(b.process(late.encrypt(DATA))).toMatchObject({
      sender: { leaf: 2, credential: basicCredential('new c') },
    });
  });

  test('FRM-09 R15.3-06 a member who changed its key is verified with the old one for the old epoch', () => {
    const peers = room(['a', 'b', 'c']);
    const [a, b] = peers as [Peer, Peer];
    const early = a.encrypt(DATA);
    const oldKey = a.signer.publicKey;
    const signer = a.env.suite.signatureKeyPair(a.env.random(32));
    settle(peers, a, [], { leaf: { signer, credential: basicCredential('a, renamed') } });
    expect(b.process(early)).toMatchObject({
      sender: { signatureKey: oldKey, credential: basicCredential('a') },
    });
    expect(b.process(a.encrypt(DATA))).toMatchObject({
      sender: { signatureKey: signer.publicKey, credential: basicCredential('a, renamed') },
    });
  });

  test('FRM-09 FRM-05 a forgery in a past epoch is refused, and the genuine message still decrypts', () => {
    const peers = room(['a', 'b', 'c']);
    const [a, b, c] = peers as [Peer, Peer, Peer];
    const forged = sealPrivateBy(c, application(DATA), { leaf: a.self });
    const genuine = a.encrypt(DATA);
    settle(peers, a);
    refuses(b, forged, 'crypto.signature');
    const cut = privateOf(genuine);
    refuses(b, privateMessage({ ...cut, ciphertext: flipped(cut.ciphertext, 3) }), 'crypto.aead');
    expect(b.process(genuine)).toMatchObject({ kind: 'application', epoch: 1n, data: DATA });
  });

  test('R6-10 handshake messages of a past epoch are expired, the commit that ended it is known, in both framings', () => {
    for (const handshake of ['private', 'public'] as const) {
      const all = trio();
      const [a, b, c] = all;
      const { message } = c.propose(update(), { handshake });
      const sent = a.commit([], { handshake });
      b.accept(commitOf(b, sent.message));
      const before = face(b);
      expect(b.process(message)).toEqual({ kind: 'expired', epoch: 1n });
      expect(b.process(sent.message)).toEqual({ kind: 'duplicate' });
      expect(face(b)).toEqual(before);
    }
  });
});

describe('future epochs', () => {
  test('R6-11 FRM-11 messages of the next epoch are held, and released when a commit leads there', () => {
    const [a, b, c] = trio();
    const first = a.commit();
    a.accept(first);
    const early = a.encrypt(utf8('early'));
    const second = a.commit();
    a.accept(second);
    const earlier = a.encrypt(utf8('two ahead'));
    expect(b.process(early)).toEqual({ kind: 'held', epoch: 2n });
    expect(b.process(early)).toEqual({ kind: 'held', epoch: 2n });
    expect(b.process(earlier)).toEqual({ kind: 'held', epoch: 3n });
    expect(b.process(second.message)).toEqual({ kind: 'held', epoch: 2n });
    const accepted = b.accept(commitOf(b, first.message));
    expect(accepted.released).toEqual([early, second.message]);
    expect(dataOf(b, accepted.released[0] as Uint8Array)).toEqual(utf8('early'));
    const next = b.accept(commitOf(b, accepted.released[1] as Uint8Array));
    expect(next.released).toEqual([earlier]);
    expect(dataOf(b, earlier)).toEqual(utf8('two ahead'));
    expect(c.epoch).toBe(1n);
  });

  test('FRM-11 holding is bounded in number and in bytes; what does not fit asks to come again', () => {
    const peers = room(['a', 'b'], { policy: { held: { epochs: 16, count: 5, bytes: 4000 } } });
    const [a, b] = peers as [Peer, Peer];
    const genuine = privateOf(a.encrypt(DATA));
    for (let i = 0; i < 5; i++) {
      expect(b.process(privateMessage({ ...genuine, epoch: 2n + BigInt(i) })).kind).toBe('held');
    }
    const sixth = privateMessage({ ...genuine, epoch: 7n });
    expect(refuses(b, sixth, 'state.epoch-future').retry).toBe('after-sync');
    expect(b.process(privateMessage(genuine)).kind).toBe('application');
    const [, y] = room(['x', 'y'], { policy: { held: { epochs: 16, count: 100, bytes: 1000 } } }) as [
      Peer,
      Peer,
    ];
    const { groupId } = y.state.epoch.context;
    const big = (i: number) =>
      privateMessage({ ...genuine, groupId, epoch: 9n, ciphertext: new Uint8Array(600).fill(i) });
    expect(y.process(big(1)).kind).toBe('held');
    refuses(y, big(2), 'state.epoch-future');
  });

  test('FRM-11 an unauthenticated epoch moves nothing', () => {
    const [a, b] = trio();
    const sealed = privateOf(a.encrypt(DATA));
    for (const epoch of [2n, 17n]) expect(b.process(privateMessage({ ...sealed, epoch })).kind).toBe('held');
    // What cannot be near takes no place from what may be: it is reported, once.
    const far = (epoch: bigint) => b.process(privateMessage({ ...sealed, epoch }));
    expect(far(18n)).toEqual({ kind: 'desynchronised', evidence: { kind: 'ahead', epoch: 18n } });
    for (const epoch of [18n, 1000n, 0xffff_ffff_ffff_ffffn]) {
      expect(rejection(far(epoch)).code).toBe('state.epoch-future');
    }
    expect([b.epoch, b.status, b.pending]).toEqual([1n, 'active', undefined]);
    expect(dataOf(b, privateMessage(sealed))).toEqual(DATA);
  });
});

describe('own messages', () => {
  test('FRM-20 R6.3.2-09 the echo of data, proposal and commit, in both framings', () => {
    for (const handshake of ['private', 'public'] as const) {
      const [a, b] = trio();
      const data = a.encrypt(DATA);
      expect(a.process(data)).toEqual({ kind: 'own-message', content: 'application' });
      const { message } = a.propose(externalPsk(DATA), { handshake });
      expect(a.process(message)).toEqual({ kind: 'own-message', content: 'proposal' });
      b.process(message);
      const sent = a.commit([], { handshake });
      expect(a.process(sent.message)).toEqual({ kind: 'own-commit', commit: sent });
      a.accept(sent);
      expect(a.process(sent.message)).toEqual({ kind: 'own-message', content: 'commit' });
      expect(a.process(data)).toEqual({ kind: 'own-message', content: 'application' });
      b.accept(commitOf(b, sent.message));
      expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);
    }
  });

  test('FRM-20 R14-03 R14-08 the echo of a commit that was discarded: we have parted, and it is never merged', () => {
    for (const handshake of ['public', 'private'] as const) {
      const [a] = trio();
      const sent = a.commit([], { handshake });
      a.discard(sent);
      const before = face(a);
      const evidence = { kind: 'own-commit', epoch: 1n };
      expect(a.process(sent.message)).toEqual({ kind: 'desynchronised', evidence });
      expect(face(a)).toEqual(before);
      expect(codeOf(() => a.accept(sent))).toBe('state.stale-handle');
    }
  });
});

describe('proposals', () => {
  test('R12-01 R12.1-03 R12.1-04 a proposal changes nothing but the list of proposals', () => {
    const peers = room(['a', 'b', 'c']) as [Peer, Peer, Peer];
    const [a, b] = peers;
    const { epoch, past, resumption, held, status } = b.state;
    expect(b.process(a.propose(remove(2))).kind).toBe('proposal');
    expect(b.state.epoch).toBe(epoch);
    expect([b.state.past, b.state.resumption, b.state.held, b.state.status]).toEqual([
      past,
      resumption,
      held,
      status,
    ]);
    expect(b.state.proposals).toHaveLength(1);
    expect(b.state.proposals[0]?.sender).toEqual({ kind: 'member', leaf: 0 });
  });

  test('R12.1-04 R14-07 the list is emptied at an epoch change, and old references are unknown', () => {
    const peers = room(['a', 'b', 'c']) as [Peer, Peer, Peer];
    const [a, b, c] = peers;
    const proposal = a.propose(update());
    for (const peer of [b, c]) peer.process(proposal);
    const { ref } = a.state.proposals[0] as { readonly ref: Uint8Array };
    const won = c.commit([], { path: 'always' });
    a.follow(won.message);
    b.follow(won.message);
    c.accept(won);
    expect(peers.map((peer) => peer.state.proposals.length)).toEqual([0, 0, 0]);
    const stale: Content = {
      contentType: 3,
      commit: { proposals: [{ type: 2, reference: ref }], path: undefined },
    };
    refuses(
      b,
      publicMessage(sealPublicBy(a, { senderType: 1, leafIndex: 0 }, stale)),
      'validation.unknown-proposal-ref',
    );
  });

  test('R12.1-05 R12.1-06 two own Updates: the one that is committed is the one in use', () => {
    for (const handshake of ['private', 'public'] as const) {
      const peers = room(['a', 'b', 'c'], { policy: { handshake } }) as [Peer, Peer, Peer];
      const [a, b, c] = peers;
      const [first, second] = [a.propose(update()), a.propose(update())];
      const keys = a.state.proposals.map((entry) => entry.ownKeys?.encryption.secretKey as Uint8Array);
      for (const peer of [b, c]) peer.process(handshake === 'public' ? first : second);
      settle(peers, b);
      expect([...new Set(peers.map((peer) => peer.authenticator()))]).toHaveLength(1);
      const own = a.state.epoch.privatePath.get(0 as never)?.secretKey;
      expect(own).toBe(keys[handshake === 'public' ? 0 : 1]);
      settle(peers, c);
      expect([...new Set(peers.map((peer) => peer.authenticator()))]).toHaveLength(1);
    }
  });

  test('R12.1-03 FRM-03 a proposal that comes twice is stored once', () => {
    for (const handshake of ['private', 'public'] as const) {
      const [a, b] = trio();
      const { message } = a.propose(externalPsk(DATA), { handshake });
      expect(b.process(message).kind).toBe('proposal');
      expect(b.process(message).kind).toBe('duplicate');
      expect(b.proposals).toHaveLength(1);
    }
  });

  test('R12.1.8.1-03 a list of external senders counts from the next epoch on', () => {
    const pair = nodeProvider.suite(1).signatureKeyPair(new Uint8Array(32).fill(1));
    const senders = makeExtension(5, ExternalSenders, [
      { signatureKey: pair.publicKey, credential: basicCredential('s') },
    ]);
    const peers = room(['a', 'b', 'c'], { group: { extensions: [senders] } });
    const [a, b] = peers as [Peer, Peer];
    const content: Content = { contentType: 2, proposal: { proposalType: 3, removed: 2 } };
    const send = () =>
      publicMessage(
        sealPublicBy(a, { senderType: 2, senderIndex: 0 }, content, { secretKey: pair.secretKey }),
      );
    const cleared = a.commit([setExtensions([])]);
    const checked = b.process(cleared.message);
    expect(b.process(send()).kind).toBe('proposal');
    b.accept(checked);
    a.accept(cleared);
    refuses(b, send(), 'validation.sender');
  });
});

describe('commits', () => {
  test('R14-04 R14-05 STO-16 building a commit moves nothing; the old epoch works until accept', () => {
    const all = trio();
    const [a, b] = all;
    const before = face(a);
    const newMember = client('d');
    const sent = a.invite([newMember.createKeyPackage().message]);
    expect(face(a).slice(0, 5)).toEqual(before.slice(0, 5));
    expect(dataOf(b, a.encrypt(DATA))).toEqual(DATA);
    expect(dataOf(a, b.encrypt(DATA))).toEqual(DATA);
    a.discard(sent);
    // All but the generations that were used, and that this commit was dropped.
    expect(face(a).slice(0, 7)).toEqual(before.slice(0, 7));
    move(all, a);
    expect(dataOf(b, a.encrypt(DATA))).toEqual(DATA);
  });

  test('R14-02 R14-06 R14-07 two commits at once: one wins, the loser drops its own and recovers', () => {
    const all = trio();
    const [a, b, c] = all;
    const mine = a.commit();
    expect(codeOf(() => a.commit())).toBe('state.pending-commit');
    const theirs = b.commit();
    a.accept(commitOf(a, theirs.message));
    c.accept(commitOf(c, theirs.message));
    b.accept(theirs);
    expect(a.pending).toBeUndefined();
    expect(codeOf(() => a.accept(mine))).toBe('state.stale-handle');
    expect(codeOf(() => a.discard(mine))).toBe('state.stale-handle');
    expect(b.process(mine.message)).toEqual({ kind: 'expired', epoch: 1n });
    move(all, a);
    expect(c.epochAuthenticator).toEqual(a.epochAuthenticator);
  });

  test('R14-08 R6.3.1-05 the handshake generation of a lost commit is not used again', () => {
    const [a, b] = room(['a', 'b', 'c']) as [Peer, Peer];
    const lost = a.commit();
    const next = { ...a.state, pending: undefined };
    a.cell.run(() => ({ next, result: undefined }));
    const again = a.commit();
    const one = b.process(lost.message);
    const two = b.process(again.message);
    expect(one.kind === 'checked-commit' && one.used?.generation).toBe(0);
    expect(two.kind === 'checked-commit' && two.used?.generation).toBe(1);
  });

  test('FRM-23 a private commit that cannot be applied yet costs no key, and comes again', () => {
    let known = false;
    const make = (name: string) =>
      new Client({
        credential: basicCredential(name),
        validateCredential: acceptAnyCredential,
        provider: nodeProvider,
        psks: () => (known || name === 'a' ? utf8('value') : undefined),
      });
    const [a, b] = [make('a'), make('b')];
    const ga = a.createGroup();
    const invitation = ga.invite([b.createKeyPackage().message]);
    ga.accept(invitation);
    const gb = b.prepareJoin(invitation.welcome).accept();
    const sent = ga.commit([externalPsk(DATA)]);
    const before = face(gb);
    for (let i = 0; i < 3; i++) {
      const error = rejection(gb.process(sent.message));
      expect([error.code, error.retry]).toEqual(['state.missing-psk', 'after-fix']);
      expect(face(gb)).toEqual(before);
    }
    known = true;
    gb.accept(commitOf(gb, sent.message));
    ga.accept(sent);
    expect(gb.epochAuthenticator).toEqual(ga.epochAuthenticator);
  });

  test('FRM-23 FRM-03 a commit may be looked at twice; one decision is taken, the other handle is stale', () => {
    const [a, b] = trio();
    const sent = a.commit();
    const [one, two] = [commitOf(b, sent.message), commitOf(b, sent.message)];
    b.accept(one);
    expect(codeOf(() => b.accept(two))).toBe('state.stale-handle');
    expect(codeOf(() => b.discard(two))).toBe('state.stale-handle');
    a.accept(sent);
    expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);
  });

  test('FRM-23 R9.2-01 a commit whose key was evicted after it was checked can still be accepted', () => {
    const [a, b] = room(['a', 'b', 'c'], { policy: { keptKeys: 2 } }) as [Peer, Peer];
    const commit = a.commit();
    const checked = b.process(commit.message);
    const later = sealPrivateBy(
      a,
      { contentType: 2, proposal: { proposalType: 3, removed: 2 } },
      { generation: 9 },
    );
    expect(b.process(later).kind).toBe('proposal');
    b.accept(checked);
    a.accept(commit);
    expect(b.authenticator()).toBe(a.authenticator());
  });

  test('STO-12 handles of another group, of another epoch, and of a closed one', () => {
    const [a, b, c] = trio();
    const sent = a.commit();
    expect(codeOf(() => b.accept(sent))).toBe('state.stale-handle');
    const staged = commitOf(c, sent.message);
    expect(codeOf(() => b.accept(staged))).toBe('state.stale-handle');
    c.close();
    for (const call of [
      () => c.accept(staged),
      () => c.encrypt(DATA),
      () => c.process(DATA),
      () => c.commit(),
      () => c.propose(update()),
      () => c.export('x', EMPTY, 1),
      () => c.groupInfo(),
      () => c.epoch,
      () => c.members,
      () => c.epochAuthenticator,
      () => c.discard(staged),
    ]) {
      expect(codeOf(call)).toBe('state.closed-handle');
    }
    c.close();
  });
});

describe('ends', () => {
  test('R14-01 after a ReInit commit the group is closed: reading late data is all that is left', () => {
    const all = trio();
    const [a, b] = all;
    const late = a.encrypt(DATA);
    move(all, b, [reinit({ groupId: utf8('next'), suite: 1 })]);
    for (const group of all) {
      expect(group.status).toBe('closed');
      for (const call of [
        () => group.encrypt(DATA),
        () => group.propose(update()),
        () => group.commit(),
        () => group.groupInfo(),
        () => group.export('x', EMPTY, 16),
      ]) {
        expect(codeOf(call)).toBe('state.closed');
      }
    }
    expect(dataOf(b, late)).toEqual(DATA);
  });

  test('R14-01 a removed member sends nothing, follows no handshakes, and reads what was sent before', () => {
    const peers = room(['a', 'b', 'c']) as [Peer, Peer, Peer];
    const [a, b, c] = peers;
    const late = a.encrypt(DATA);
    const asPublic = b.commit([], { handshake: 'public' }).message;
    const asPrivate = sealPrivateBy(
      b,
      { contentType: 2, proposal: { proposalType: 3, removed: 0 } },
      { generation: 5 },
    );
    const removal = a.commit([remove(2)]);
    c.follow(removal.message);
    expect(c.state.status).toBe('removed');
    expect(c.epoch).toBe(1n);
    for (const call of [() => c.encrypt(DATA), () => c.propose(update()), () => c.commit()]) {
      expect(codeOf(call)).toBe('state.not-member');
    }
    refuses(c, asPublic, 'state.not-member');
    refuses(c, asPrivate, 'state.not-member');
    expect(c.process(late)).toMatchObject({ kind: 'application', data: DATA });
    a.accept(removal);
    refuses(c, a.encrypt(DATA), 'state.not-member');
  });

  test('R14-01 no commit can follow when we removed ourselves: the staged commit says so before', () => {
    const [a, , c] = trio();
    const commit = commitOf(c, a.commit([remove(c.self)]).message);
    expect(commit.changes.removesSelf).toBe(true);
    expect(c.status).toBe('active');
    const accepted = c.accept(commit);
    expect([c.status, accepted.released]).toEqual(['removed', []]);
  });
});
