/** Handles of groups, joins and commits: what they hand out is the caller's, and each is decided once (RFC 9420 §14). */

import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { decode, encode, uint8 } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client, insideOfClient } from '../../src/group/client.ts';
import { Group, stateOf } from '../../src/group/group.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import {
  add,
  customProposal,
  externalPsk,
  reinit,
  remove,
  resumptionPsk,
  stored,
  update,
} from '../../src/group/proposals.ts';
import type { StagedCommit } from '../../src/group/views.ts';
import { ratchetOf } from '../../src/schedule/secretTree.ts';
import { treeToNodes } from '../../src/tree/tree.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { Faulty } from '../support/faulty.ts';
import { clientOf, commitOf, followAll, groupsOf, moveAll, talk } from '../support/groups.ts';
import { codeOf } from '../support/refusals.ts';

type Three = [Group, Group, Group];
const three = (): Three => groupsOf(['a', 'b', 'c'], { grease: false }) as Three;

/** Commits of one member for one epoch, none of which it takes. */
function commitsOf(group: Group, count: number, inputs: Parameters<Group['commit']>[0] = []): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const made = group.commit(inputs);
    group.discard(made);
    return made.message;
  });
}

/** How many handshake keys of a leaf are used up. */
const used = (group: Group, { self }: Group): number =>
  ratchetOf(stateOf(group).secretTree, self, 'handshake')?.next ?? 0;

/** A client that one of three has added, and its Welcome. */
const invited = () => {
  const d = clientOf('d');
  const groups = three();
  const made = groups[0].commit([add(d.createKeyPackage().message)]);
  followAll(groups, made.message);
  return { d, groups, welcome: made.welcome as Uint8Array };
};

describe('a group', () => {
  test('says what it is', () => {
    const [a, b] = three();
    const { epoch } = stateOf(b);
    expect([b.suite, b.self, b.status, b.isOpen]).toEqual([1, 1, 'active', true]);
    expect(b.treeHash).toEqual(epoch.context.treeHash);
    expect(b.ratchetTree).toEqual(treeToNodes(epoch.tree));
    expect(`${b}`).toMatch(/^Group\([0-9a-f]{64}, epoch 1\)$/);
    expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
  });

  test('hands out copies: whoever alters them alters nothing here', () => {
    const [a, b] = three();
    const theirs = b.process(a.propose(update()).message);
    if (theirs.kind !== 'proposal') throw new Error(theirs.kind);
    const mine = b.propose(update());
    const before = b.save();
    for (const bytes of [b.id, b.treeHash, b.epochAuthenticator, mine.ref, theirs.proposal.ref])
      bytes.fill(0);
    for (const { ref } of b.proposals) ref.fill(0);
    expect(b.save()).toEqual(before);
    expect([b.id, b.treeHash, b.epochAuthenticator]).toEqual([a.id, a.treeHash, a.epochAuthenticator]);
  });

  test('keeps no bytes that it is given', () => {
    const openTypes = { proposals: new Map([[0xf0a0, uint8]]) };
    const proposalTypes = new Map([[0xf0a0, { external: false, pathRequired: false }]]);
    const [a] = groupsOf(['a', 'b'], { proposalTypes }, { openTypes }) as [Group, Group];
    const bytes = Array.from({ length: 4 }, () => Uint8Array.of(7));
    const [id, groupId, successor, body] = bytes as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    for (const input of [
      externalPsk(id),
      resumptionPsk(groupId, 1n),
      reinit({ groupId: successor, suite: 1 }),
      customProposal(0xf0a0, body),
    ])
      a.propose(input);
    const before = a.save();
    for (const one of bytes) one.fill(0);
    expect(a.save()).toEqual(before);
    const named = utf8('room');
    const founded = clientOf('b').createGroup({ id: named });
    named.fill(0);
    expect(founded.id).toEqual(utf8('room'));
  });

  test('hands out no parts of a message, for the sake of which the whole of it would be kept', () => {
    const [a, b] = three();
    const options = { authenticatedData: utf8('aad') };
    const outcomes = [
      a.encrypt(utf8('hello'), options),
      a.propose(update(), options).message,
      a.commit([], options).message,
      three()[0].encrypt(utf8('hello')),
    ].map((message) => b.process(message));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['application', 'proposal', 'commit', 'foreign']);
    const parts = outcomes.flatMap((outcome) => [
      ...('authenticatedData' in outcome ? [outcome.authenticatedData] : []),
      ...('data' in outcome ? [outcome.data] : []),
      ...('groupId' in outcome ? [outcome.groupId] : []),
    ]);
    expect(parts).toHaveLength(5);
    for (const part of parts) expect(part?.buffer.byteLength).toBe(part?.length);
  });

  test('encrypts application data, whatever is said of handshakes', () => {
    const [a, b] = groupsOf(['a', 'b'], { handshake: 'public' }) as [Group, Group];
    for (const options of [{}, { handshake: 'public' } as const])
      expect(b.process(a.encrypt(utf8('hello'), options)).kind).toBe('application');
  });

  test('is closed once, and again without harm', () => {
    const [a] = three();
    a.close();
    a.close();
    expect(a.isOpen).toBe(false);
    expect(codeOf(() => a.epoch)).toBe('state.closed-handle');
  });

  test('that was closed is in nobody’s way: its client joins another one', () => {
    const { d, groups, welcome } = invited();
    d.createGroup().close();
    talk([...groups, d.prepareJoin(welcome).accept()]);
  });

  test('that is none of ours founds nothing', () => {
    const client = clientOf('a');
    expect(codeOf(() => client.branch({} as Group, []))).toBe('codec.input');
  });
});

describe('a client', () => {
  test('says who it is', () => {
    const signer = nodeProvider.suite(2).signatureKeyPair(nodeProvider.random(32));
    const client = clientOf('a', {}, { suite: 2, signer });
    expect([client.suite, clientOf('b').suite]).toEqual([2, 1]);
    expect(client.credential).toEqual(basicCredential('a'));
    expect(client.signatureKey).toEqual(signer.publicKey);
    expect(`${client}`).toBe(`Client(${toHex(signer.publicKey.subarray(0, 8))})`);
    expect(codeOf(() => insideOfClient({} as Client))).toBe('codec.input');
  });

  test('hands out copies: whoever alters them alters nothing here', () => {
    const d = clientOf('d');
    const a = clientOf('a').createGroup();
    const [made, asked] = [d.createKeyPackage(), d.requestJoin(a.groupInfo())];
    d.signatureKey.fill(0);
    for (const { ref } of [made, asked]) ref.fill(0);
    const { welcome } = a.invite([made.message]);
    const staged = d.prepareJoin(welcome as Uint8Array);
    staged.keyPackage?.fill(0);
    expect(staged.accept().member(1)?.signatureKey).toEqual(d.signatureKey);
    const b = clientOf('b').createGroup();
    const { message, ref } = d.requestJoin(b.groupInfo());
    ref.fill(0);
    const taken = b.process(message);
    if (taken.kind !== 'proposal') throw new Error(taken.kind);
    const commit = b.commit([stored(taken.proposal.ref)]);
    expect(d.prepareJoin(commit.welcome as Uint8Array).accept().self).toBe(1);
  });

  test('JOI-05 R10-14 knows a KeyPackage of its own while it is not used up', () => {
    const { d, welcome } = invited();
    const { ref, secrets } = d.createKeyPackage();
    const { keyPackage } = insideOfClient(d);
    expect(keyPackage(ref)).toEqual(secrets);
    for (const one of [utf8('none of ours'), ref, ref]) d.forgetKeyPackage(one);
    expect(keyPackage(ref)).toBeUndefined();
    const staged = d.prepareJoin(welcome);
    const named = staged.keyPackage as Uint8Array;
    expect(keyPackage(named)).toBeDefined();
    staged.accept();
    expect(keyPackage(named)).toBeUndefined();
  });

  test('R11-09 knows a group that a store gives it, and joins from outside for it', () => {
    const d = clientOf('d');
    const a = clientOf('a').createGroup();
    const inside = insideOfClient(d);
    const { state, message } = inside.joinExternally(a.groupInfo(), {});
    expect(state.epoch.self).toBe(1);
    a.accept(commitOf(a, message));
    const group = new Group(inside.env, state);
    expect(group.epochAuthenticator).toEqual(a.epochAuthenticator);
    inside.keep(group);
    expect(codeOf(() => d.createGroup({ id: a.id }))).toBe('validation.group-id');
  });

  test('checks a KeyPackage and says whose it is', () => {
    const [a, b] = [clientOf('a'), clientOf('b')];
    expect(a.validateKeyPackage(b.createKeyPackage().message)).toEqual({
      leaf: 0,
      credential: b.credential,
      signatureKey: b.signatureKey,
    });
  });

  test('STO-16 a back end that fails says nothing about a KeyPackage', () => {
    const faulty = new Faulty(nodeProvider);
    const a = clientOf('a', {}, { provider: faulty.provider });
    const { message } = clientOf('b').createKeyPackage();
    faulty.arm(1);
    expect(codeOf(() => a.validateKeyPackage(message))).toBe('internal.bug');
    faulty.disarm();
    expect(a.validateKeyPackage(message).credential).toEqual(basicCredential('b'));
  });

  test('R7.2-17 checks the lifetime of a KeyPackage by its own clock', () => {
    const { message } = clientOf('b', {}, { clock: () => 1_000_000 }).createKeyPackage();
    const check = (now: number) => clientOf('a', {}, { clock: () => now }).validateKeyPackage(message);
    const days = 86_400;
    for (const now of [1_000_000 - 3600, 1_000_000 + 89 * days]) expect(check(now).leaf).toBe(0);
    for (const now of [1_000_000 - 3601, 1_000_000 + 90 * days])
      expect(codeOf(() => check(now))).toBe('policy.lifetime');
  });

  test('R8.4-13 without PSKs of the application has those of its groups', () => {
    const options = { validateCredential: acceptAnyCredential, provider: nodeProvider };
    const group = new Client({ credential: basicCredential('a'), ...options }).createGroup();
    expect(codeOf(() => group.commit([externalPsk(utf8('id'))]))).toBe('state.missing-psk');
    expect(group.accept(group.commit([resumptionPsk(group.id, 0n)])).epoch).toBe(1n);
  });
});

describe('a staged commit', () => {
  test('R9.2-01 R14-03 the key that opened it is consumed when it is dropped, and when it is accepted', () => {
    const [a, b] = three();
    const [first, second] = commitsOf(a, 2) as [Uint8Array, Uint8Array];
    const staged = [commitOf(b, first), commitOf(b, second)] as const;
    expect(used(b, a)).toBe(0);
    b.discard(staged[0]);
    expect(used(b, a)).toBe(1);
    b.accept(staged[1]);
    const [past] = stateOf(b).past;
    expect(past && ratchetOf(past.secretTree, a.self, 'handshake')?.next).toBe(2);
  });

  test('R9.2-01 of a public one there is no key to consume', () => {
    const [a, b] = three();
    const made = a.commit([], { handshake: 'public' });
    b.discard(commitOf(b, made.message));
    expect(used(b, a)).toBe(0);
    b.accept(commitOf(b, made.message));
    const [past] = stateOf(b).past;
    expect(past && ratchetOf(past.secretTree, a.self, 'handshake')).toBeUndefined();
  });

  test('says who made it', () => {
    const [a, b] = three();
    expect(commitOf(b, a.commit().message)).toMatchObject({ origin: 'member', committer: 0 });
    const { message } = clientOf('d').prepareExternalJoin(b.groupInfo());
    expect(commitOf(b, message)).toMatchObject({ origin: 'new-member', committer: 3, epoch: 2n });
  });

  test('R14-03 one commit that was looked at twice is dropped twice', () => {
    const groups = three();
    const [a, b] = groups;
    const made = a.commit();
    const twice = [commitOf(b, made.message), commitOf(b, made.message)] as const;
    for (const staged of twice) b.discard(staged);
    expect(codeOf(() => b.discard(twice[0]))).toBe('state.stale-handle');
    a.discard(made);
    talk(groups);
  });

  test('STO-16 a back end that fails while it is dropped leaves it as it was', () => {
    const faulty = new Faulty(nodeProvider);
    const b = clientOf('b', {}, { provider: faulty.provider });
    const a = clientOf('a').createGroup();
    const invited = a.invite([b.createKeyPackage().message]);
    a.accept(invited);
    const group = b.prepareJoin(invited.welcome).accept();
    const staged = commitOf(group, a.commit().message);
    const before = group.save();
    faulty.arm(1);
    expect(codeOf(() => group.discard(staged))).toBe('internal.bug');
    faulty.disarm();
    expect(group.save()).toEqual(before);
    expect(group.accept(staged).epoch).toBe(2n);
  });

  test('R14-06 dropping one of another member leaves our own pending', () => {
    const [a, b] = three();
    const mine = b.commit();
    b.discard(commitOf(b, a.commit().message));
    expect(b.pending).toBe(mine);
    expect(b.accept(mine).epoch).toBe(2n);
  });

  test('PRO-22 one that removes us can be dropped, or be beaten by another', () => {
    const groups = three();
    const [a, b] = groups;
    const [removal, other] = [commitsOf(a, 1, [remove(1)]), commitsOf(a, 1)].flat() as [
      Uint8Array,
      Uint8Array,
    ];
    b.discard(commitOf(b, removal));
    const again = a.commit([remove(1)]);
    a.discard(again);
    expect(commitOf(b, again.message).changes.removesSelf).toBe(true);
    expect(b.accept(commitOf(b, other)).epoch).toBe(2n);
    expect(b.status).toBe('active');
  });

  test('R14-05 sixteen wait for a decision, and no more', () => {
    const [a, b] = three();
    const messages = commitsOf(a, 18);
    const staged = messages.slice(0, 16).map((message) => commitOf(b, message));
    const [first, second, third] = staged as [StagedCommit, StagedCommit, StagedCommit];
    b.discard(first);
    for (const message of messages.slice(16)) commitOf(b, message);
    expect(codeOf(() => b.accept(second))).toBe('state.stale-handle');
    expect(b.accept(third).epoch).toBe(2n);
  });

  test('FRM-20 of a commit that was taken its last bytes are kept, to know it again', () => {
    const groups = three();
    const { message } = moveAll(groups, groups[0]);
    const [past] = stateOf(groups[1]).past;
    expect(past?.end).toEqual({ mark: message.slice(-32), isOwn: false });
  });
});

describe('a staged join', () => {
  test('JOI-02 STO-16 a back end that fails is not taken for an entry that does not open', () => {
    const faulty = new Faulty(nodeProvider);
    const d = clientOf('d', {}, { provider: faulty.provider });
    const [a] = three();
    const { welcome } = a.commit([add(d.createKeyPackage().message)]);
    const decoded = decode(MlsMessage, welcome as Uint8Array);
    if (decoded.wireFormat !== 3) throw new Error('no Welcome');
    const { secrets } = decoded.welcome;
    const twice = { ...decoded, welcome: { ...decoded.welcome, secrets: [...secrets, ...secrets] } };
    faulty.arm(1);
    expect(codeOf(() => d.prepareJoin(encode(MlsMessage, twice)))).toBe('internal.bug');
    faulty.disarm();
    expect(d.prepareJoin(encode(MlsMessage, twice)).accept().epoch).toBe(2n);
  });

  test('JOI-03 says where it leads, and is decided once', () => {
    const { d, groups, welcome } = invited();
    const staged = d.prepareJoin(welcome);
    const [a] = groups;
    expect([staged.groupId, staged.epoch, staged.origin]).toEqual([a.id, a.epoch, undefined]);
    expect(staged.members).toEqual(a.members);
    expect(staged.inviter).toEqual(a.member(0));
    staged.groupId.fill(0);
    const group = staged.accept();
    expect(group.id).toEqual(a.id);
    talk([...groups, group]);
    for (const decide of [staged.accept, staged.discard]) expect(codeOf(decide)).toBe('state.stale-handle');
  });

  test('R8.6-01 with a PSK of another group of ours follows on no group', () => {
    const d = clientOf('d', {}, { psks: () => undefined });
    const known = d.createGroup();
    const { id } = known;
    known.accept(known.commit());
    const secret = stateOf(known).resumption[0]?.secret.slice();
    const a = clientOf('a', {}, { psks: () => secret }).createGroup();
    const made = a.commit([add(d.createKeyPackage().message), resumptionPsk(id, 0n)]);
    a.accept(made);
    const staged = d.prepareJoin(made.welcome as Uint8Array);
    expect(staged.origin).toBeUndefined();
    talk([a, staged.accept()]);
  });

  test('JOI-03 that was dropped leads nowhere; the KeyPackage still does', () => {
    const { d, groups, welcome } = invited();
    const staged = d.prepareJoin(welcome);
    staged.discard();
    for (const decide of [staged.accept, staged.discard]) expect(codeOf(decide)).toBe('state.stale-handle');
    talk([...groups, d.prepareJoin(welcome).accept()]);
  });
});
