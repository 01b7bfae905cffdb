/**
 * The lifetime law: after each transition every secret that was spent is zero, nothing that the new state leads to was
 * wiped, and no consumed key is left anywhere in it (RFC 9420 §9.2, §8, §7.5).
 */

import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { isZero, toHex, utf8 } from '../../src/base/bytes.ts';
import { MlsError } from '../../src/base/error.ts';
import { decode, encode } from '../../src/codec/codec.ts';
import { expandWithLabel } from '../../src/crypto/labels.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import { Group, stateOf } from '../../src/group/group.ts';
import { joinFromWelcome } from '../../src/group/join.ts';
import { judge } from '../../src/group/judge.ts';
import { KeyPackageStore } from '../../src/group/keyPackageStore.ts';
import { epochFromJoiner } from '../../src/group/nextEpoch.ts';
import { acceptAnyCredential, type Policy } from '../../src/group/policy.ts';
import { processMove } from '../../src/group/process.ts';
import { add, externalPsk, type ProposalInput, remove, update } from '../../src/group/proposals.ts';
import { stateSecrets } from '../../src/group/spent.ts';
import type { GroupState } from '../../src/group/state.ts';
import type { StagedCommit } from '../../src/group/views.ts';
import { externalKeyPair } from '../../src/schedule/epoch.ts';
import { openExternalInit } from '../../src/schedule/exporter.ts';
import { exporterSecrets } from '../../src/schedule/safeExporter.ts';
import { createSecretTree, ratchetOf, takeReceiveKey } from '../../src/schedule/secretTree.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { WireFormat } from '../../src/wire/registry.ts';
import { bytesIn, placesOf } from '../support/graph.ts';
import { join, leaf, newcomer, type Peer, room, settle } from '../support/peers.ts';
import { Recorder } from '../support/recorder.ts';
import { application, sealPrivateBy } from '../support/sealing.ts';

Error.stackTraceLimit = 50;
const DATA = utf8('hello');
const LIMITS = { maxForward: 1000, keptKeys: 1000 };
const SUITE = nodeProvider.suite(1);

/** Three members; the second one is watched. */
function watchedRoom(policy: Partial<Policy> = {}): { readonly peers: Peer[]; readonly recorder: Recorder } {
  const recorder = new Recorder();
  const peers = room(['a', 'b', 'c'], { policy });
  const { provider } = recorder;
  Object.assign(peers[1] as Peer, {
    env: { ...(peers[1] as Peer).env, suite: provider.suite(1), random: (n: number) => provider.random(n) },
  });
  return { peers, recorder };
}

/** Secrets that a state still uses are not wiped. */
function expectAlive(state: GroupState): void {
  for (const secret of stateSecrets(state)) expect(isZero(secret)).toBe(false);
  expect(isZero(state.epoch.signer.secretKey)).toBe(false);
}

describe('R9.2-01 R9.2-02 R9.2-07 CRY-23 every secret that is made is kept by the state or wiped', () => {
  const steps: readonly (readonly [string, (b: Peer, a: Peer, c: Peer) => void])[] = [
    ['encrypt', (b) => b.encrypt(DATA)],
    ['receive data', (b, a) => b.process(a.encrypt(DATA))],
    [
      'receive data out of order',
      (b, a) => b.process([0, 1, 2, 3].map(() => a.encrypt(DATA)).at(-1) as Uint8Array),
    ],
    ['propose an Update', (b) => b.propose(update())],
    ['receive a proposal', (b, a) => b.process(a.propose(remove(2)))],
    ['commit and win, R8-21 R7.5-19 R16.6-02', (b) => b.accept(b.commit())],
    ['commit an addition and win', (b) => b.accept(b.commit([add(newcomer('d').keyPackage)]))],
    ['commit a PSK without path', (b) => b.accept(b.commit([externalPsk(DATA)], { path: 'omit' }))],
    ['follow a commit, R8-21 R7.5-19', (b, a) => b.follow(a.commit().message)],
    ['follow a commit with PSK', (b, a) => b.follow(a.commit([externalPsk(DATA)]).message)],
    [
      'follow a commit over our Update',
      (b, a) => {
        a.process(b.propose(update()));
        b.follow(a.commit().message);
      },
    ],
    ['follow a removal', (b, a) => b.follow(a.commit([remove(2)]).message)],
    ['follow our removal', (b, a) => b.follow(a.commit([remove(1)]).message)],
    [
      'commit and lose',
      (b, a) => {
        b.commit();
        b.follow(a.commit().message);
      },
    ],
    [
      'commit an addition, propose, and be removed',
      (b, a) => {
        b.propose(update());
        b.commit([add(newcomer('d').keyPackage)]);
        b.follow(a.commit([remove(1)]).message);
      },
    ],
  ];

  test.each(steps)('%s', (_, step) => {
    const { peers, recorder } = watchedRoom();
    const [a, b, c] = peers as [Peer, Peer, Peer];
    step(b, a, c);
    expect(recorder.strays(b.state)).toEqual([]);
    if (b.state.status === 'active') expectAlive(b.state);
  });

  test('an external commit, as a member', () => {
    const { peers, recorder } = watchedRoom();
    const [a, b] = peers as [Peer, Peer];
    b.follow(externalCommit(a));
    expect(recorder.strays(b.state)).toEqual([]);
  });

  test('R8-21 the init secret that an external joiner chose is among what is wiped', () => {
    const [a, b] = room(['a', 'b']) as [Peer, Peer];
    const message = decode(MlsMessage, externalCommit(a));
    const content = message.wireFormat === 1 ? message.publicMessage.content.content : undefined;
    const entry = content?.contentType === 3 ? content.commit.proposals[0] : undefined;
    const init = entry?.type === 1 && 'kemOutput' in entry.proposal ? entry.proposal.kemOutput : DATA;
    const pair = externalKeyPair(SUITE, b.state.epoch.secrets.externalSecret);
    const chosen = openExternalInit(SUITE, pair, init);
    const { result: taken } = processMove(b.env, b.state, encode(MlsMessage, message));
    const spent = taken.kind === 'checked-commit' ? taken.checked.spent : [];
    expect(spent.map(toHex)).toContain(toHex(chosen));
  });

  test('R12.4.3.1-31 joining by Welcome', () => {
    const { peers } = watchedRoom();
    const [a] = peers as [Peer];
    const recorder = new Recorder();
    const joiner = newcomer('d', { provider: recorder.provider });
    const built = a.commit([add(joiner.keyPackage)]);
    recorder.reset();
    const peer = join(joiner, built.welcome as Uint8Array);
    // What the client wipes itself: the joiner and path secrets came out of `open`.
    expect(recorder.strays(peer.state)).toEqual([]);
  });
});

function externalCommit(a: Peer): Uint8Array {
  const joiner = makeClient('x');
  return joiner.prepareExternalJoin(new Group(a.env, a.state).groupInfo()).message;
}

describe('what a state holds', () => {
  test('R9.2-06 the worked example: K1 before K0', () => {
    const tree = createSecretTree(4, new Uint8Array(32).fill(1));
    const derive = (secret: Uint8Array, label: string, context: string) =>
      expandWithLabel(SUITE, secret, label, utf8(context), 32);
    const g = new Uint8Array(32).fill(1);
    const [e, f] = [derive(g, 'tree', 'left'), derive(g, 'tree', 'right')];
    const [a, b] = [derive(e, 'tree', 'left'), derive(e, 'tree', 'right')];
    const ar0 = derive(a, 'application', '');
    const hr0 = derive(a, 'handshake', '');
    const from = (generation: number) => ({ leaf: leaf(0), kind: 'application', generation }) as const;
    const k0 = takeReceiveKey(SUITE, tree, from(0), LIMITS);
    const k1 = takeReceiveKey(SUITE, tree, from(1), LIMITS);
    for (const spent of k1.spent) spent.fill(0);
    const { next } = k1;
    for (const gone of [g, e, a, ar0, k1.key, k1.nonce]) expect(placesOf(next, gone)).toEqual([]);
    for (const kept of [f, b, hr0, k0.key, k0.nonce]) expect(placesOf(next, kept)).toHaveLength(1);
    expect(ratchetOf(next, leaf(0), 'application')?.next).toBe(2);
    expect(bytesIn(tree).every(({ bytes }) => isZero(bytes))).toBe(true);
    const after = takeReceiveKey(SUITE, next, from(0), LIMITS);
    for (const spent of after.spent) spent.fill(0);
    expect(placesOf(after.next, k0.key)).toEqual([]);
  });

  test('R9.2-03 the first message of a leaf leaves the secrets of its copath', () => {
    const names = Array.from({ length: 8 }, (_, i) => `m${i}`);
    const peers = room(names);
    const [a] = peers as [Peer];
    const reader = peers[7] as Peer;
    const before = [...stateSecrets(reader.state)];
    const { root } = reader.state.secretTree;
    expect(Object.keys(root)).toEqual(['secret']);
    reader.process(a.encrypt(DATA));
    const closed: number[] = [];
    const walk = (node: object, level: number): void => {
      if ('secret' in node) closed.push(level);
      if ('left' in node && 'right' in node)
        for (const half of [node.left, node.right]) walk(half as object, level - 1);
    };
    walk(reader.state.secretTree.root, 3);
    expect(closed).toEqual([0, 1, 2]);
    expect(before.filter((secret) => isZero(secret))).toHaveLength(1);
    expectAlive(reader.state);
  });

  test('R9.2-04 R16.6-03 after a message its key is nowhere, and neither is any ratchet secret before it', () => {
    const [a, b] = room(['a', 'b', 'c']) as [Peer, Peer];
    const keys = [0, 1, 2].map((generation) =>
      takeReceiveKey(SUITE, b.state.secretTree, { leaf: a.self, kind: 'application', generation }, LIMITS),
    );
    const sent = [0, 1, 2].map(() => a.encrypt(DATA));
    for (const generation of [2, 0, 1]) {
      b.process(sent[generation] as Uint8Array);
      expect(placesOf(b.state, keys[generation]?.key as Uint8Array)).toEqual([]);
      expect(placesOf(b.state, keys[generation]?.nonce as Uint8Array)).toEqual([]);
    }
    for (const { key } of keys) expect(placesOf(a.state, key)).toEqual([]);
  });

  test('R9.2-01 FRM-03 a proposal that comes again under a new key consumes that key', () => {
    const [a, b] = room(['a', 'b', 'c']) as [Peer, Peer];
    const content = { contentType: 2, proposal: { proposalType: 3, removed: 2 } } as const;
    expect(b.process(sealPrivateBy(a, content, { generation: 0 })).kind).toBe('proposal');
    expect(b.process(sealPrivateBy(a, content, { generation: 1 })).kind).toBe('duplicate');
    expect(ratchetOf(b.state.secretTree, a.self, 'handshake')?.next).toBe(2);
  });

  test('R9.2-08 a failed decryption wipes nothing', () => {
    const [a, b] = room(['a', 'b', 'c']) as [Peer, Peer];
    for (const forged of [
      sealPrivateBy(a, application(DATA), { padding: new Uint8Array([1]) }),
      sealPrivateBy(a, application(DATA), { secretKey: b.signer.secretKey, generation: 5 }),
      sealPrivateBy(a, application(DATA), { kind: 'handshake' }),
    ]) {
      expect(() => b.process(forged)).toThrow(MlsError);
      expectAlive(b.state);
    }
  });

  test('R9.2-09 R16.6-02 R16.6-03 R14-03 a past epoch ends: keys, sender data secret and private keys are gone', () => {
    let peers = room(['a', 'b', 'c'], { policy: { pastEpochs: 1, resumptionEpochs: 1 } });
    const [a, b] = peers as [Peer, Peer];
    const first = b.state;
    const {
      senderDataSecret,
      resumptionPsk,
      exporterSecret,
      externalSecret,
      confirmationKey,
      membershipKey,
      initSecret,
    } = first.epoch.secrets;
    const privateKeys = [...first.epoch.privatePath.values()].map((pair) => pair.secretKey);
    const tree = bytesIn(first.secretTree).map(({ bytes }) => bytes);
    const applicationExport = [...exporterSecrets(first.exporterTree.root)];
    const late = a.encrypt(DATA);
    peers = settle(peers, a);
    for (const gone of [
      exporterSecret,
      ...applicationExport,
      externalSecret,
      confirmationKey,
      membershipKey,
      initSecret,
    ]) {
      expect(isZero(gone)).toBe(true);
    }
    expect([senderDataSecret, resumptionPsk].some(isZero)).toBe(false);
    expect(b.process(late).kind).toBe('application');
    peers = settle(peers, b);
    peers = settle(peers, a);
    for (const gone of [senderDataSecret, resumptionPsk, ...tree, ...privateKeys])
      expect(isZero(gone)).toBe(true);
    expectAlive(b.state);
  });

  test.each([0, 1])('R9.2-09 R16.6-02 with %i past epochs nothing that was dropped stays', (kept) => {
    const peers = room(['a', 'b', 'c'], { policy: { pastEpochs: kept, resumptionEpochs: kept } });
    const [a, b] = peers as [Peer, Peer];
    const secrets = [...stateSecrets(b.state)];
    for (let i = 0; i <= kept; i++) settle(peers, a);
    const alive = new Set([...stateSecrets(b.state)]);
    for (const secret of secrets) expect(isZero(secret) || alive.has(secret)).toBe(true);
    settle(peers, b);
    for (const secret of secrets) expect(isZero(secret)).toBe(true);
    expectAlive(b.state);
  });

  test('R7.5-19 R16.6-02 key pairs that a path replaces are wiped, the others stay usable', () => {
    const peers = room(['a', 'b', 'c', 'd']);
    const [a, b, c] = peers as [Peer, Peer, Peer];
    settle(peers, b);
    const before = new Map([...b.state.epoch.privatePath].map(([node, pair]) => [node, pair.secretKey]));
    settle(peers, c);
    const wiped = [...before].filter(([, secret]) => isZero(secret)).map(([node]) => node);
    expect(wiped).toEqual([3]);
    settle(peers, b);
    expect([...before.values()].every(isZero)).toBe(true);
    settle(peers, a);
    expect(new Set(peers.map((peer) => peer.authenticator())).size).toBe(1);
  });

  test('STO-16 R14-03 a commit that loses the race: its secrets are wiped, those of the group are not', () => {
    const peers = room(['a', 'b', 'c']);
    const [a, b] = peers as [Peer, Peer];
    const mine = b.commit();
    const lost = [
      ...Object.values(mine.next.epoch.secrets),
      ...[...mine.next.epoch.privatePath.values()].map((pair) => pair.secretKey),
    ];
    const treeSecrets = bytesIn(mine.next.secretTree).map(({ bytes }) => bytes);
    expectAlive(b.state);
    const win = a.commit();
    b.follow(win.message);
    for (const secret of [...lost, ...treeSecrets]) expect(isZero(secret)).toBe(true);
    expectAlive(b.state);
    a.accept(win);
    settle([a, b], a);
    expect(b.authenticator()).toBe(a.authenticator());
  });
});

function makeClient(name: string): Client {
  return new Client({
    credential: basicCredential(name),
    validateCredential: acceptAnyCredential,
    provider: nodeProvider,
    psks: () => utf8('shared'),
  });
}

function staged(group: Group, message: Uint8Array): StagedCommit {
  const processed = group.process(message);
  if (processed.kind !== 'commit') throw new Error(processed.kind);
  return processed.commit;
}

describe('clients', () => {
  function move(all: readonly Group[], by: Group, inputs: readonly ProposalInput[] = []): void {
    const sent = by.commit(inputs);
    for (const group of all) if (group !== by) group.accept(staged(group, sent.message));
    by.accept(sent);
  }

  test('R16.8-02 STO-16 a KeyPackage of last resort serves two groups, and the first group wipes nothing of the second', () => {
    const [a, b] = [makeClient('a'), makeClient('b')];
    const { message } = b.createKeyPackage({ lastResort: true });
    const [one, two] = [a.createGroup(), a.createGroup()];
    const joinBy = (group: Group): Group => {
      const sent = group.invite([message]);
      group.accept(sent);
      return b.prepareJoin(sent.welcome).accept();
    };
    const first = joinBy(one);
    move([one, first], first);
    move([one, first], one);
    const second = joinBy(two);
    move([two, second], two);
    expect(second.epochAuthenticator).toEqual(two.epochAuthenticator);
    first.close();
    move([two, second], second);
    expect(second.epochAuthenticator).toEqual(two.epochAuthenticator);
  });

  test('R12.4.3.1-31 STO-16 dropping one of two staged joins, before or after the other was accepted', () => {
    for (const order of ['drop first', 'accept first']) {
      const [a, b] = [makeClient('a'), makeClient('b')];
      const group = a.createGroup();
      const sent = group.invite([b.createKeyPackage().message]);
      group.accept(sent);
      const [kept, dropped] = [b.prepareJoin(sent.welcome), b.prepareJoin(sent.welcome)];
      if (order === 'drop first') dropped.discard();
      const joined = kept.accept();
      if (order === 'accept first') dropped.discard();
      move([group, joined], group);
      expect(joined.epochAuthenticator).toEqual(group.epochAuthenticator);
      expect(() => b.prepareJoin(sent.welcome)).toThrow('state.key-package-used');
    }
  });

  test('R8-21 R16.6-02 founding keeps what the group needs, and nothing of a KeyPackage or of the epoch before', () => {
    const recorder = new Recorder();
    const client = new Client({
      credential: basicCredential('a'),
      validateCredential: acceptAnyCredential,
      provider: recorder.provider,
    });
    const parent = client.createGroup();
    expect(recorder.strays(stateOf(parent))).toEqual([]);
    const [invited, again] = [makeClient('b'), makeClient('b')].map((one) => one.createKeyPackage().message);
    parent.accept(parent.invite([invited as Uint8Array]));
    for (const packages of [[], [again as Uint8Array]]) {
      recorder.reset();
      const { group } = client.branch(parent, packages);
      expect(recorder.strays(stateOf(parent), stateOf(group))).toEqual([]);
      expectAlive(stateOf(group));
      expectAlive(stateOf(parent));
    }
  });

  test('R8-21 R16.6-02 joining from outside keeps what the group needs, and nothing else', () => {
    const recorder = new Recorder();
    const client = new Client({
      credential: basicCredential('b'),
      validateCredential: acceptAnyCredential,
      provider: recorder.provider,
      psks: () => utf8('shared'),
    });
    const group = makeClient('a').createGroup();
    const offer = client.prepareExternalJoin(group.groupInfo(), { psks: [externalPsk(DATA)] });
    const joined = offer.accept();
    expect(recorder.strays(stateOf(joined))).toEqual([]);
    expectAlive(stateOf(joined));
    group.accept(staged(group, offer.message));
    move([group, joined], joined);
  });

  test('R12.4.3.1-31 joining by Welcome names what it has opened, to be wiped', () => {
    for (const path of ['always', 'omit'] as const) {
      const [a] = room(['a', 'b']) as [Peer];
      const { env, own, keyPackage } = newcomer('d');
      const message = decode(MlsMessage, a.commit([add(keyPackage)], { path }).welcome as Uint8Array);
      if (message.wireFormat !== WireFormat.welcome) throw new Error('no Welcome');
      const { state, spent } = joinFromWelcome(env, message.welcome, () => own);
      const { context, confirmationTag } = state.epoch;
      const again = epochFromJoiner(SUITE, spent[0] as Uint8Array, context, []);
      expect(again.confirmationTag).toEqual(confirmationTag);
      expect(spent.map(({ length }) => length)).toEqual(path === 'always' ? [32, 32] : [32]);
    }
  });

  test('R9.2-01 R16.6-02 the private halves of a KeyPackage are wiped when it is forgotten or used up', () => {
    for (const end of ['forget', 'use'] as const) {
      const store = new KeyPackageStore();
      const { own } = newcomer('a');
      store.keep(own);
      if (end === 'use') store.use(own);
      else store.forget(own.ref);
      expect([own.init, own.encryption].map(({ secretKey }) => isZero(secretKey))).toEqual([true, true]);
      expect(isZero(own.signer.secretKey)).toBe(false);
      expect(store.find(own.ref)).toBeUndefined();
    }
  });

  test('R9.2-01 R16.6-02 judging a commit leaves nothing of it, be it with us or without', () => {
    const recorder = new Recorder();
    const b = new Client({
      credential: basicCredential('b'),
      validateCredential: acceptAnyCredential,
      provider: recorder.provider,
    });
    const a = makeClient('a').createGroup();
    const sent = a.invite([b.createKeyPackage().message]);
    a.accept(sent);
    const group = b.prepareJoin(sent.welcome).accept();
    for (const input of [update(), remove(1)]) {
      const made = a.commit([input], { handshake: 'public' });
      a.discard(made);
      recorder.reset();
      expect(judge(group, made.message).kind).toBe('valid');
      expect(recorder.strays(stateOf(group))).toEqual([]);
      expectAlive(stateOf(group));
    }
  });

  test('STO-16 R14-03 dropping a received commit leaves our keys and our pending Update usable', () => {
    const [a, b] = [makeClient('a'), makeClient('b')];
    const ga = a.createGroup();
    const sent = ga.invite([b.createKeyPackage().message]);
    ga.accept(sent);
    const gb = b.prepareJoin(sent.welcome).accept();
    ga.process(gb.propose(update()).message);
    const lost = ga.commit();
    gb.discard(staged(gb, lost.message));
    ga.discard(lost);
    move([ga, gb], ga);
    expect(gb.epochAuthenticator).toEqual(ga.epochAuthenticator);
    move([ga, gb], gb);
    expect(gb.epochAuthenticator).toEqual(ga.epochAuthenticator);
  });

  test('R2-01 RUN-12 nothing prints a secret: groups, clients, staged joins and commits, errors', () => {
    const recorder = new Recorder();
    const b = new Client({
      credential: basicCredential('b'),
      validateCredential: acceptAnyCredential,
      provider: recorder.provider,
    });
    const a = makeClient('a');
    const group = a.createGroup();
    const sent = group.invite([b.createKeyPackage().message]);
    const join = b.prepareJoin(sent.welcome);
    const offer = b.prepareExternalJoin(makeClient('z').createGroup().groupInfo());
    group.accept(sent);
    const joined = join.accept();
    const update2 = joined.propose(update());
    const own = joined.commit();
    const processed = group.process(update2.message);
    const staged2 = staged(joined, group.commit().message);
    const errors = [() => joined.process(DATA), () => joined.commit(), () => joined.encrypt(DATA)].map(
      (call) => {
        try {
          return call();
        } catch (error) {
          return error;
        }
      },
    );
    const shown = [group, joined, a, b, join, offer, own, staged2, processed, ...errors];
    const plain = (_: string, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value instanceof Uint8Array ? toHex(value) : value;
    const texts = shown.flatMap((value) => [
      String(value),
      JSON.stringify(value, plain),
      inspect(value, {
        depth: 20,
        showHidden: true,
        maxArrayLength: null,
        breakLength: Number.POSITIVE_INFINITY,
      }),
      `${value instanceof Error ? value.stack : ''}`,
    ]);
    const all = texts.join('\n');
    expect(String(group)).toMatch(/^Group\([0-9a-f]+, epoch 1\)$/);
    let checked = 0;
    for (const bytes of recorder.secrets()) {
      if (isZero(bytes) || bytes.length < 16) continue;
      checked += 1;
      expect(all).not.toContain(toHex(bytes));
      expect(all).not.toContain([...bytes].join(', '));
      expect(all).not.toContain([...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' '));
    }
    expect(checked).toBeGreaterThan(20);
  });
});
