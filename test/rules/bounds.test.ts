/** Stored proposals: bounded for each sender and in all, with a way around for what a commit needs (PRO-27, PRO-14). */

import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import type { Group } from '../../src/group/group.ts';
import { createKeyPackage } from '../../src/group/keyPackage.ts';
import { externalPsk, remove, stored, update } from '../../src/group/proposals.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { forgeProposal, signaturePair } from '../support/forge.ts';
import { commitOf, type Stage, stageOf } from '../support/groups.ts';
import { environment, type Peer } from '../support/peers.ts';
import { codeOf, rejects } from '../support/refusals.ts';

const POLICY = { keptProposals: 8, keptProposalsPerSender: 3 };
const SERVICE = signaturePair(environment());
const senders = ['one', 'two'].map((name) => ({
  signatureKey: SERVICE.publicKey,
  credential: basicCredential(name),
}));
const EXTERNAL = makeExtension(5, ExternalSenders, senders);

/** The receiver keeps little; everybody else keeps what they like. */
function bounded(): Stage {
  const stage = stageOf({ policy: POLICY, group: { extensions: [EXTERNAL] } });
  for (const peer of [stage.a, stage.c])
    Object.assign(peer, {
      env: { ...peer.env, policy: { ...peer.env.policy, keptProposals: 100, keptProposalsPerSender: 100 } },
    });
  return stage;
}

let made = 0;
function psk(from: Peer): Uint8Array {
  made += 1;
  return from.propose(externalPsk(utf8(`p${made}`)), { handshake: made % 2 === 0 ? 'public' : 'private' });
}

function external({ a }: Stage, index: number): Uint8Array {
  const from = { sender: { senderType: 2, senderIndex: index }, secretKey: SERVICE.secretKey } as const;
  made += 1;
  const authenticatedData = utf8(`${made}`);
  return forgeProposal(
    a.env,
    a.state,
    { proposalType: 3, removed: 2 },
    { from, framed: (content) => ({ ...content, authenticatedData }) },
  ).message;
}

function wouldBe({ a }: Stage, name: string): Uint8Array {
  const signer = signaturePair(a.env);
  const { keyPackage } = createKeyPackage(a.env, { credential: basicCredential(name), signer });
  const from = { sender: { senderType: 3 }, secretKey: signer.secretKey } as const;
  return forgeProposal(a.env, a.state, { proposalType: 1, keyPackage }, { from }).message;
}

function take(group: Group, message: Uint8Array): void {
  expect(group.process(message).kind).toBe('proposal');
}

describe('PRO-27 stored proposals', () => {
  test('one member cannot use up the room: its fourth is refused, those of others and our own are not', () => {
    const { a, c, group } = bounded();
    for (let i = 0; i < 3; i++) take(group, psk(a));
    for (let i = 0; i < 5; i++) expect(rejects(group, psk(a), 'codec.limit').retry).toBe('never');
    take(group, psk(c));
    group.propose(update());
    expect(group.proposals.map(({ sender }) => sender?.leaf)).toEqual([0, 0, 0, 2, 1]);
  });

  test('external senders count one by one, would-be members all together', () => {
    const stage = bounded();
    const { group } = stage;
    for (let i = 0; i < 3; i++) take(group, external(stage, 0));
    rejects(group, external(stage, 0), 'codec.limit');
    take(group, external(stage, 1));
    for (const name of ['x', 'y', 'z']) take(group, wouldBe(stage, name));
    for (const name of ['v', 'w']) rejects(group, wouldBe(stage, name), 'codec.limit');
    take(group, psk(stage.a));
    // That was the eighth.
    rejects(group, psk(stage.c), 'codec.limit');
    expect(codeOf(() => group.propose(remove(2)))).toBe('codec.limit');
  });

  test('our own are bounded as well: nothing is sent that we would not store', () => {
    const { a, group } = bounded();
    for (let i = 0; i < 3; i++) group.propose(update());
    const before = group.save();
    expect(codeOf(() => group.propose(update()))).toBe('codec.limit');
    expect(group.save()).toEqual(before);
    take(group, psk(a));
  });

  test('a proposal that is refused costs no key: it is taken in when there is room again', () => {
    const { a, c, group } = bounded();
    for (let i = 0; i < 3; i++) take(group, a.propose(externalPsk(utf8(`k${i}`)), { handshake: 'private' }));
    const fourth = a.propose(externalPsk(utf8('k3')), { handshake: 'private' });
    rejects(group, fourth, 'codec.limit');
    expect(group.process(fourth, { wanted: true }).kind).toBe('proposal');
    const commit = c.commit([], { handshake: 'public' });
    c.accept(commit);
    group.accept(commitOf(group, commit.message));
    expect(group.proposals).toEqual([]);
    a.follow(commit.message);
    for (let i = 0; i < 3; i++) take(group, psk(a));
  });

  test('PRO-14 wanted: a commit that refers to what was refused can be followed after asking for it', () => {
    for (const handshake of ['public', 'private'] as const) {
      const { a, c, group } = bounded();
      const proposals = Array.from({ length: 6 }, (_, i) =>
        a.propose(externalPsk(utf8(`w${i}`)), { handshake }),
      );
      for (const message of proposals) c.process(message);
      for (const message of proposals.slice(0, 3)) take(group, message);
      const commit = c.commit([], { handshake });
      for (const message of proposals.slice(3)) {
        rejects(group, message, 'codec.limit');
        expect(rejects(group, commit.message, 'validation.unknown-proposal-ref').retry).toBe('after-sync');
        expect(group.process(message, { wanted: true }).kind).toBe('proposal');
        expect(group.process(message, { wanted: true }).kind).toBe('duplicate');
      }
      c.accept(commit);
      group.accept(commitOf(group, commit.message));
      expect(group.epochAuthenticator).toEqual(c.state.epoch.secrets.epochAuthenticator);
    }
  });

  test('wanted opens the bounds and no other door', () => {
    const { a, group } = bounded();
    const forged = forgeProposal(a.env, a.state, { proposalType: 3, removed: 9 }).message;
    const before = group.save();
    const outcome = group.process(forged, { wanted: true });
    expect(outcome).toMatchObject({ kind: 'rejected', error: { code: 'validation.proposal' } });
    expect(group.save()).toEqual(before);
  });

  test('PRO-26 what fills the room of would-be members is committed by nobody who did not ask for it', () => {
    const stage = bounded();
    const { group } = stage;
    for (const name of ['x', 'y', 'z']) take(group, wouldBe(stage, name));
    expect(group.commit().changes.added).toEqual([]);
    group.discard(group.pending as NonNullable<Group['pending']>);
    const [first] = group.proposals;
    expect(group.commit([stored(first?.ref as Uint8Array)]).changes.added).toHaveLength(1);
  });
});
