/** What the traits of a registered proposal type allow (RFC 9420 §12.1.8, §12.2, §12.4, §17.4). */

import { describe, expect, test } from 'vitest';
import { type Codec, encode, uint8 } from '../../src/codec/codec.ts';
import { stateOf } from '../../src/group/group.ts';
import { validateProposal } from '../../src/group/proposalRules.ts';
import {
  type Client,
  defineProposal,
  externalPsk,
  type Group,
  remove,
  update,
  utf8,
} from '../../src/index.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import type { OtherProposal, Proposal } from '../../src/wire/proposal.ts';
import { ExtensionType, SenderType } from '../../src/wire/registry.ts';
import {
  clientOf,
  deliver,
  fails,
  follow,
  gather,
  refuses,
  settle,
  verdict,
  works,
} from '../support/doors.ts';
import { forgeCommit, forgeExternalCommit, forgeProposal, signaturePair } from '../support/forge.ts';
import { goodbye, insider, POLL, poll, registry, rotate } from '../support/kinds.ts';
import { codeOf } from '../support/refusals.ts';

type Three<T> = [T, T, T];
const NAMES = ['alice', 'bob', 'carol'] as const;
const clients = (): Three<Client> => NAMES.map((name) => clientOf(name, { registry })) as Three<Client>;
const raw = <T>(kind: { type: number; codec: Codec<T> }, body: T): OtherProposal => ({
  proposalType: kind.type,
  body: encode(kind.codec, body),
});
const rawPoll = raw(poll, POLL);
const rawRotate = raw(rotate, { after: 1 });
const rawGoodbye = raw(goodbye, { reason: 1 });

describe('the trait `external`', () => {
  const setting = () => {
    const groups = gather(clients()) as Three<Group>;
    const { env } = insider(groups[0]);
    const signer = signaturePair(env);
    const credential = { credentialType: 1, identity: utf8('server') } as const;
    const senders = [{ signatureKey: signer.publicKey, credential }];
    const extension = makeExtension(ExtensionType.externalSenders, ExternalSenders, senders);
    settle(groups, groups[0], [{ kind: 'extensions', extensions: [extension] }]);
    const send = (proposal: Proposal) =>
      forgeProposal(env, stateOf(groups[0]), proposal, {
        from: { sender: { senderType: SenderType.external, senderIndex: 0 }, secretKey: signer.secretKey },
      }).message;
    return { groups, send };
  };

  test('R12.1.8-04 PRO-25: an external sender may propose what says so, and nothing else', () => {
    const { groups, send } = setting();
    for (const one of groups) {
      refuses(one, send(rawRotate), 'validation.sender');
      refuses(one, send(rawGoodbye), 'validation.sender');
    }
    deliver(groups, undefined, send(rawPoll));
    const { changes } = settle(groups, groups[1]);
    expect(changes.custom.map(({ proposal, sender }) => [poll.read(proposal), sender])).toEqual([
      [POLL, undefined],
    ]);
  });

  test('R12.1.8-05: a would-be member proposes itself and nothing else', () => {
    const { groups } = setting();
    const { env } = insider(groups[0]);
    const { secretKey } = signaturePair(env);
    const from = { sender: { senderType: SenderType.newMemberProposal }, secretKey } as const;
    for (const proposal of [rawPoll, rawRotate, rawGoodbye]) {
      const { message } = forgeProposal(env, stateOf(groups[0]), proposal, { from });
      for (const one of groups) refuses(one, message, 'validation.sender');
    }
  });
});

describe('the trait `pathRequired`', () => {
  test('PRO-16 R12.1.8-04: a commit has a path, whether asked for or not', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const renewed = (commit: { changes: { updated: readonly object[] } }) => commit.changes.updated.length;
    expect(renewed(settle(groups, alice, [poll.make(POLL)], { path: 'omit' }))).toBe(0);
    expect(renewed(settle(groups, alice, [rotate.make({ after: 1 })], { path: 'omit' }))).toBe(1);
    const { env, state, inline } = insider(alice);
    const { message } = forgeCommit(env, state, [rawPoll, rawRotate].map(inline), { omitPath: true });
    for (const one of [bob, carol]) refuses(one, message, 'validation.path-required');
    works(groups);
  });
});

describe('the trait `externalCommit`', () => {
  const byValue = (group: Group, proposal: Proposal): Uint8Array => {
    const { env, state } = insider(group);
    const joiner = {
      credential: { credentialType: 1, identity: utf8('dora') } as const,
      signer: signaturePair(env),
    };
    const item = { proposal, sender: { kind: 'new-member' }, ref: undefined } as const;
    return forgeExternalCommit(env, state, joiner, { items: (items) => [...items, item] }).message;
  };

  test('PRO-23 R12.2-22: by value only, by reference only, not at all', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob] = groups;
    for (const one of groups) {
      refuses(one, byValue(alice, rawRotate), 'validation.external-commit');
      refuses(one, byValue(alice, rawGoodbye), 'validation.external-commit');
    }
    const messages = [poll.make(POLL), goodbye.make({ reason: 1 })].map((input) => {
      const { message } = bob.propose(input, { handshake: 'public' });
      deliver(groups, bob, message);
      return message;
    });
    const dora = clientOf('dora', { registry });
    for (const message of messages) {
      const join = () => dora.prepareExternalJoin(alice.groupInfo(), { leaving: [message] });
      fails(groups, join, 'validation.external-commit');
    }
    follow(groups, byValue(alice, rawPoll));
  });

  test('R12.2-23 R12.2-22: what may be referred to is, and its reference is needed', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const { message } = bob.propose(rotate.make({ after: 1 }), { handshake: 'public' });
    const dora = clientOf('dora', { registry });
    const offer = dora.prepareExternalJoin(alice.groupInfo(), { leaving: [message] });
    expect(verdict(alice.process(offer.message))).toBe('validation.unknown-proposal-ref');
    deliver([alice, carol], bob, message);
    follow(groups, offer.message);
    works([...groups, offer.accept()]);
  });
});

describe('the trait `removesSender`', () => {
  test('PRO-02: nobody removes itself by its own commit, or by value', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    fails(groups, () => bob.commit([goodbye.make({ reason: 1 })]), 'validation.proposal-list');
    const { env, state, inline } = insider(bob);
    const inlined = forgeCommit(env, state, [inline(rawGoodbye)], { update: {} });
    for (const one of [alice, carol]) refuses(one, inlined.message, 'validation.proposal-list');
    const proposed = forgeProposal(env, state, rawGoodbye);
    for (const one of [alice, carol]) expect(verdict(one.process(proposed.message))).toBe('proposal');
    const own = forgeCommit(env, state, [proposed.item]);
    for (const one of [alice, carol]) refuses(one, own.message, 'validation.proposal-list');
    works([alice, carol]);
  });

  test('R12.2-06: it goes before an Update of the same leaf and a Remove of it, and others commit it', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    for (const [from, input] of [
      [bob, update()],
      [carol, remove(1)],
      [bob, goodbye.make({ reason: 7 })],
      [carol, externalPsk(utf8('id'))],
    ] as const) {
      const { message } = from.propose(input, { handshake: 'public' });
      deliver(groups, from, message);
    }
    fails([bob], () => bob.propose(goodbye.make({ reason: 8 })), 'validation.proposal');
    const { env, state } = insider(alice);
    const all = forgeCommit(env, state, state.proposals.slice(1, 3));
    for (const one of [bob, carol]) refuses(one, all.message, 'validation.proposal-list');
    const commit = alice.commit();
    expect(commit.changes.removed.map(({ leaf }) => leaf)).toEqual([1]);
    expect(commit.changes.custom.map(({ proposal }) => goodbye.read(proposal))).toEqual([{ reason: 7 }]);
    expect(commit.changes.psks, 'alice lacks the PSK').toEqual([]);
    follow(groups, commit.message);
    expect(bob.status).toBe('removed');
    works([alice, carol]);
  });

  test('R12.2-06: whoever was not let go asks again, though another said the same', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const wish = goodbye.make({ reason: 1 });
    const mine = bob.propose(wish);
    expect(verdict(carol.process(mine.message))).toBe('proposal');
    deliver(groups, carol, carol.propose(wish).message);
    const commit = alice.commit();
    expect(commit.changes.removed.map(({ leaf }) => leaf)).toEqual([2]);
    const outcome = bob.process(commit.message);
    if (outcome.kind !== 'commit') throw new Error(verdict(outcome));
    expect(bob.accept(outcome.commit).again).toEqual([wish]);
    follow([alice, carol], commit.message);
    deliver([alice], bob, bob.propose(wish).message);
    settle([alice, bob], alice);
    expect(bob.status).toBe('removed');
  });

  test('it is public, whatever the policy says', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const { env, state } = insider(bob);
    const hidden = forgeProposal(env, state, rawGoodbye, { handshake: 'private' });
    for (const one of [alice, carol]) refuses(one, hidden.message, 'validation.wire-format');
    const { message } = bob.propose(goodbye.make({ reason: 1 }), { handshake: 'private' });
    deliver(groups, bob, message);
    expect(message[3]).toBe(1);
  });
});

test('R12.1.8-05: an external sender has no leaf to leave, whatever the traits say', () => {
  const leaving = defineProposal({
    type: 0xf00b,
    codec: uint8,
    traits: { external: true, pathRequired: true, removesSender: true },
  });
  const own = { proposals: [leaving] };
  const [signer, listed] = [clientOf('server'), clientOf('alice', { registry: own })];
  const senders = [{ signatureKey: signer.signatureKey, credential: signer.credential }];
  const extension = makeExtension(ExtensionType.externalSenders, ExternalSenders, senders);
  const groups = gather([listed, clientOf('bob', { registry: own })], [extension]);
  const { env, state } = insider(groups[0], { registry: own });
  const item = { proposal: raw(leaving, 1), sender: { kind: 'external', index: 0 }, ref: undefined } as const;
  expect(codeOf(() => validateProposal(env, state.epoch, item))).toBe('validation.sender');
  validateProposal(env, state.epoch, { ...item, sender: { kind: 'member', leaf: state.epoch.self } });
});

test('R12.1.8-04: a type without traits for external commits stays out of them', () => {
  const bare = defineProposal({
    type: 0xf00a,
    codec: uint8,
    traits: { external: true, pathRequired: false },
  });
  const own = { proposals: [bare] };
  const groups = gather(
    NAMES.map((name) => clientOf(name, { registry: own })) as Three<Client>,
  ) as Three<Group>;
  const { env, state } = insider(groups[0], { registry: own });
  const joiner = {
    credential: { credentialType: 1, identity: utf8('d') } as const,
    signer: signaturePair(env),
  };
  const item = { proposal: raw(bare, 1), sender: { kind: 'new-member' }, ref: undefined } as const;
  const { message } = forgeExternalCommit(env, state, joiner, { items: (items) => [...items, item] });
  for (const one of groups) refuses(one, message, 'validation.external-commit');
});
