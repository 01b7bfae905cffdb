/** Leaving by SelfRemove (draft-ietf-mls-extensions §6.3): who may propose it, who commits it, who refers to it. */

import { describe, expect, test } from 'vitest';
import { stateOf } from '../../src/group/group.ts';
import type { CredentialClaim } from '../../src/group/policy.ts';
import {
  appData,
  extensionsDraft,
  externalPsk,
  type Group,
  leave,
  remove,
  stored,
  update,
  utf8,
} from '../../src/index.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { ExtensionType, SenderType } from '../../src/wire/registry.ts';
import {
  clientOf,
  deliver,
  fails,
  follow,
  gather,
  refuses,
  settle,
  take,
  verdict,
  works,
} from '../support/doors.ts';
import { COMPONENTS, drafty, rawDraft, TITLE, three } from '../support/drafts.ts';
import { forgeCommit, forgeExternalCommit, forgeProposal, signaturePair } from '../support/forge.ts';
import { insider } from '../support/kinds.ts';
import { codeOf } from '../support/refusals.ts';

type Three = [Group, Group, Group];
const draft = extensionsDraft({ components: COMPONENTS });
const room = (): Three => gather(three()) as Three;
const SELF_REMOVE = rawDraft('self-remove');

/** Bob leaves, and everybody knows. */
function left(groups: Three): Uint8Array {
  const { message } = groups[1].leave();
  deliver(groups, groups[1], message);
  return message;
}

describe('a member that leaves', () => {
  test('says so in public, and another member commits it with a path', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    const message = left(groups);
    expect(message[3], 'PublicMessage').toBe(1);
    const commit = settle(groups, carol, [], { path: 'omit' });
    expect(commit.changes).toMatchObject({ removed: [{ leaf: 1 }], removesSelf: false, updated: [{}] });
    expect(bob.status).toBe('removed');
    fails([bob], () => bob.encrypt(utf8('x')), 'state.not-member');
    works([alice, carol]);
  });

  test('does not say it twice in an epoch, nor commits it itself', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    left(groups);
    fails([bob], () => bob.leave(), 'validation.proposal');
    fails([bob], () => bob.propose(leave(), { handshake: 'public' }), 'validation.proposal');
    const refs = bob.proposals.map(({ ref }) => stored(ref));
    fails([bob], () => bob.commit(refs), 'validation.proposal-list');
    fails([bob], () => bob.commit([leave()]), 'validation.proposal-list');
    // Another commit of its own goes without, and asks for another leave.
    const commit = bob.commit();
    expect(commit.changes.removed).toEqual([]);
    for (const one of [alice, carol]) take(one, commit.message);
    const { again } = bob.accept(commit);
    expect(again).toEqual([leave()]);
    const { message } = bob.propose(again[0] as ReturnType<typeof leave>);
    deliver([alice, carol], bob, message);
    settle(groups, alice);
    expect(bob.status).toBe('removed');
  });

  test('a restart does not make it leave twice', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    left(groups);
    const again = drafty('bob').load(bob.save());
    fails([again], () => again.leave(), 'validation.proposal');
    follow([alice, again, carol], alice.commit().message);
    expect([again.status, bob.status]).toEqual(['removed', 'active']);
  });

  test('PRO-04: a leave goes before a Remove and an Update of the same leaf; together they are refused', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    for (const [from, input] of [
      [bob, update()],
      [carol, remove(1)],
    ] as const) {
      const { message } = from.propose(input);
      deliver(groups, from, message);
    }
    left(groups);
    const { env, state } = insider(alice, { draft });
    const [renewal, removal, selfRemoval] = state.proposals as [
      (typeof state.proposals)[0],
      (typeof state.proposals)[0],
      (typeof state.proposals)[0],
    ];
    for (const list of [
      [renewal, selfRemoval],
      [removal, selfRemoval],
      [selfRemoval, selfRemoval],
    ]) {
      const { message } = forgeCommit(env, state, list);
      for (const one of [bob, carol]) refuses(one, message, 'validation.proposal-list');
    }
    // What alice asks for herself goes before what others have sent.
    const asked = alice.commit([remove(1)]);
    expect([asked.changes.removed.length, asked.changes.custom]).toEqual([1, []]);
    alice.discard(asked);
    const commit = settle(groups, alice);
    expect(commit.changes.removed.map(({ leaf }) => leaf)).toEqual([1]);
    expect(commit.changes.custom).toHaveLength(1);
    works([alice, carol]);
  });
});

describe('what is refused', () => {
  test('in a PrivateMessage, by value, from the committer, and from outside', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    const { env, state, inline } = insider(bob, { draft });
    const hidden = forgeProposal(env, state, SELF_REMOVE, { handshake: 'private' });
    const byValue = forgeCommit(env, state, [inline(SELF_REMOVE)]);
    const another = forgeCommit(env, state, [
      { ...inline(SELF_REMOVE), sender: { kind: 'member', leaf: alice.self } },
    ]);
    for (const one of [alice, carol]) {
      refuses(one, hidden.message, 'validation.wire-format');
      refuses(one, byValue.message, 'validation.proposal-list');
      refuses(one, another.message, 'validation.proposal-list');
    }
    const proposed = forgeProposal(env, state, SELF_REMOVE);
    deliver([alice, carol], undefined, proposed.message);
    const own = forgeCommit(env, state, [proposed.item]);
    for (const one of [alice, carol]) refuses(one, own.message, 'validation.proposal-list');
    works([alice, carol]);
  });

  test('PRO-25 R12.1.8-03: from an external sender or a would-be member', () => {
    const groups = room();
    const { env, state } = insider(groups[0], { draft });
    const signer = signaturePair(env);
    const sender = {
      signatureKey: signer.publicKey,
      credential: { credentialType: 1, identity: utf8('s') } as const,
    };
    const extension = makeExtension(ExtensionType.externalSenders, ExternalSenders, [sender]);
    settle(groups, groups[0], [{ kind: 'extensions', extensions: [extension] }]);
    for (const from of [
      { senderType: SenderType.external, senderIndex: 0 },
      { senderType: SenderType.newMemberProposal },
    ] as const) {
      const forged = forgeProposal(env, stateOf(groups[0]), SELF_REMOVE, {
        from: { sender: from, secretKey: signer.secretKey },
      });
      for (const one of groups) refuses(one, forged.message, 'validation.sender');
    }
    expect(state.epoch.context.epoch).toBe(1n);
  });

  test('PRO-13: it waits while a member does not know it', () => {
    const [alice, bob] = three();
    const groups = gather([alice, bob, clientOf('carol')]) as Three;
    fails(groups, () => groups[2].leave(), 'codec.unsupported');
    const { message } = groups[1].leave();
    expect(verdict(groups[0].process(message))).toBe('proposal');
    refuses(groups[2], message, 'validation.unsupported');
    const commit = groups[0].commit();
    expect(commit.changes.removed).toEqual([]);
    follow(groups, commit.message);
    fails(groups, () => groups[0].commit([leave()]), 'validation.proposal-list');
    // When she goes as well, nothing stands against it.
    const again = groups[1].leave();
    expect(verdict(groups[0].process(again.message))).toBe('proposal');
    const both = groups[0].commit([remove(2)]);
    expect(both.changes.removed.map(({ leaf }) => leaf).sort()).toEqual([1, 2]);
  });
});

describe('an external commit', () => {
  test('refers to those who leave', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    const message = left(groups);
    const offer = drafty('dora').prepareExternalJoin(alice.groupInfo(), { leaving: [message] });
    expect(offer.members.map(({ credential }) => credential)).toEqual(
      ['alice', 'dora', 'carol'].map((name) => ({ credentialType: 1, identity: utf8(name) })),
    );
    follow(groups, offer.message);
    expect(bob.status).toBe('removed');
    works([alice, carol, offer.accept()]);
  });

  test('goes without them as well; they ask anew', () => {
    const groups = room();
    const [alice, bob] = groups;
    left(groups);
    const offer = drafty('dora').prepareExternalJoin(alice.groupInfo());
    const outcome = bob.process(offer.message);
    if (outcome.kind !== 'commit') throw new Error(verdict(outcome));
    const { again } = bob.accept(outcome.commit);
    expect(again).toEqual([leave()]);
    for (const one of [alice, groups[2]]) take(one, offer.message);
    works([...groups, offer.accept()]);
  });

  test('R12.2-23: several leave at once, while a lost member comes back', () => {
    const clients = [...three(), drafty('dave')] as const;
    const groups = gather([...clients]) as [Group, Group, Group, Group];
    const [alice, bob, carol, dave] = groups;
    const messages = [bob, carol].map((one) => {
      const { message } = one.leave();
      deliver(groups, one, message);
      return message;
    });
    const offer = clients[3].prepareExternalJoin(alice.groupInfo(), { leaving: messages, resync: true });
    follow([alice, bob, carol], offer.message);
    const back = offer.accept();
    expect([bob.status, carol.status, dave.isOpen]).toEqual(['removed', 'removed', false]);
    expect(alice.members).toHaveLength(2);
    works([alice, back]);
  });

  test('R5.3.1-08 R12.4.3.2-12: whoever joins succeeds its own former leaf, and nobody who leaves', () => {
    const claims: CredentialClaim[] = [];
    const alice = drafty('alice', { validateCredential: (claim) => claims.push(claim) > 0 });
    const carol = drafty('carol');
    const groups = gather([alice, drafty('bob'), carol]) as Three;
    const message = left(groups);
    const info = groups[0].groupInfo();
    for (const [joiner, resync, previous] of [
      [drafty('dora'), false, undefined],
      [carol, true, carol.credential],
    ] as const) {
      claims.length = 0;
      const offer = joiner.prepareExternalJoin(info, { leaving: [message], resync });
      expect(verdict(groups[0].process(offer.message))).toBe('commit');
      expect(claims.map((claim) => [claim.credential, claim.previous?.credential])).toEqual([
        [joiner.credential, previous],
      ]);
    }
  });

  test('somebody who leaves does not come back by the same commit', () => {
    const clients = three();
    const groups = gather(clients) as Three;
    const message = left(groups);
    const join = () =>
      clients[1].prepareExternalJoin(groups[0].groupInfo(), { leaving: [message], resync: true });
    fails(groups, join, 'validation.proposal-list');
    const twice = () =>
      drafty('dora').prepareExternalJoin(groups[0].groupInfo(), { leaving: [message, message] });
    fails(groups, twice, 'validation.proposal-list');
  });

  test('PRO-23: by value it is refused, and so is a reference to anything else', () => {
    const groups = room();
    const [alice, bob] = groups;
    const { env, state } = insider(alice, { draft });
    const joiner = {
      credential: { credentialType: 1, identity: utf8('dora') } as const,
      signer: signaturePair(env),
    };
    const item = { proposal: SELF_REMOVE, sender: { kind: 'new-member' }, ref: undefined } as const;
    const { message } = forgeExternalCommit(env, state, joiner, { items: (items) => [...items, item] });
    for (const one of groups) refuses(one, message, 'validation.external-commit');
    for (const input of [update(), remove(2), appData(TITLE, utf8('x')), externalPsk(utf8('id'))]) {
      const proposal = bob.propose(input, { handshake: 'public' });
      const join = () =>
        drafty('dora').prepareExternalJoin(alice.groupInfo(), { leaving: [proposal.message] });
      expect(codeOf(join)).toBe('validation.external-commit');
    }
  });

  test('what a joiner checks of the proposals that it is given', () => {
    const groups = room();
    const [alice, bob] = groups;
    const stale = bob.leave().message;
    settle(groups, alice);
    const { message } = bob.leave();
    const info = alice.groupInfo();
    const dora = drafty('dora');
    const join = (one: Uint8Array) => codeOf(() => dora.prepareExternalJoin(info, { leaving: [one] }));
    const other = (gather(three()) as Three)[1].leave().message;
    // The signature stands before the membership tag, which an outsider cannot check.
    const unsigned = message.slice();
    unsigned[unsigned.length - 40] = (unsigned[unsigned.length - 40] as number) ^ 1;
    expect(join(stale)).toBe('validation.external-commit');
    expect(join(other)).toBe('validation.external-commit');
    expect(join(unsigned)).toBe('crypto.signature');
    expect(join(info)).toBe('validation.external-commit');
    expect(join(dora.createKeyPackage().message)).toBe('validation.external-commit');
    expect(join(alice.commit([], { handshake: 'public' }).message)).toBe('validation.sender');
    const request = dora.requestJoin(info).message;
    expect(join(request)).toBe('validation.sender');
    expect(codeOf(() => clientOf('plain').prepareExternalJoin(info, { leaving: [message] }))).toBe(
      'validation.unsupported',
    );
    const forged = message.slice();
    forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
    const offer = dora.prepareExternalJoin(info, { leaving: [forged] });
    for (const one of groups.slice(2))
      expect(verdict(one.process(offer.message))).toBe('validation.unknown-proposal-ref');
  });
});
