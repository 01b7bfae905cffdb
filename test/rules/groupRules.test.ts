/** Rules of the application about who may propose and commit what (RFC 9420 §12.2), for senders and receivers alike. */

import { describe, expect, test } from 'vitest';
import { uint8 } from '../../src/codec/codec.ts';
import {
  add,
  type Client,
  type CommitClaim,
  defineExtension,
  externalPsk,
  type Group,
  type GroupRules,
  type ProposalClaim,
  remove,
  setExtensions,
  update,
  utf8,
} from '../../src/index.ts';
import type { Extension } from '../../src/wire/extension.ts';
import { ProposalType } from '../../src/wire/registry.ts';
import {
  clientOf,
  deliver,
  fails,
  gather,
  keyPackagesOf,
  refuses,
  settle,
  take,
  verdict,
  works,
} from '../support/doors.ts';

const NAMES = ['alice', 'bob', 'carol'] as const;
type Three<T> = [T, T, T];

/** Alice follows no rules at all; bob and carol do. */
function mixed(rules: GroupRules, extensions: readonly Extension[] = []): Three<Group> {
  const clients = NAMES.map((name) =>
    clientOf(name, { ...(name !== 'alice' && { rules }), psks: () => utf8('psk') }),
  );
  return gather(clients as Three<Client>, extensions) as Three<Group>;
}

/** Everybody follows them. */
function strict(rules: GroupRules, extensions: readonly Extension[] = []): Three<Group> {
  const clients = NAMES.map((name) => clientOf(name, { rules, psks: () => utf8('psk') }));
  return gather(clients as Three<Client>, extensions) as Three<Group>;
}

const stranger = (name = 'dora'): Uint8Array => keyPackagesOf([clientOf(name)])[0] as Uint8Array;
/** Only the founder may add and remove. */
const founderRules: GroupRules = {
  mayPropose: ({ proposal, author }) =>
    !([ProposalType.add, ProposalType.remove] as number[]).includes(proposal.proposalType) ||
    (author.kind === 'member' && author.member.leaf === 0),
};

describe('mayPropose', () => {
  test('R12.2-17: an Add by somebody who may not is refused by its maker, and by everybody else', () => {
    const own = strict(founderRules);
    fails(own, () => own[1].propose(add(stranger())), 'policy.proposal-rejected');
    fails(own, () => own[1].commit([add(stranger())]), 'policy.proposal-rejected');
    fails(own, () => own[2].commit([remove(1)]), 'policy.proposal-rejected');
    works(own);

    const others = mixed({
      mayPropose: ({ author }) => author.kind === 'member' && author.member.leaf !== 0,
    });
    const [alice, bob, carol] = others;
    for (const message of [
      alice.propose(add(stranger())).message,
      alice.propose(update(), { handshake: 'public' }).message,
    ])
      for (const one of [bob, carol]) refuses(one, message, 'policy.proposal-rejected');
    works([bob, carol]);
  });

  test('R12.2-17: by value it is the committer’s, and the whole commit is refused', () => {
    const groups = mixed({ mayPropose: ({ proposal }) => proposal.proposalType !== ProposalType.add });
    const [alice, bob, carol] = groups;
    const commit = alice.commit([add(stranger()), externalPsk(utf8('id'))]);
    for (const one of [bob, carol]) refuses(one, commit.message, 'policy.proposal-rejected');
    alice.discard(commit);
    settle(groups, alice, [externalPsk(utf8('id'))]);
  });

  test('R12.2-17: the rule is told who and what, how it came, and what the group is', () => {
    const seen: ProposalClaim[] = [];
    const groups = mixed({
      mayPropose: (claim, group) => {
        seen.push(claim);
        expect(group.member(0)?.credential).toEqual({ credentialType: 1, identity: utf8('alice') });
        expect(group.member(9)).toBeUndefined();
        expect(group.context.epoch).toBe(1n);
        return true;
      },
    });
    const [alice, bob] = groups;
    const proposed = alice.propose(remove(2));
    expect(verdict(bob.process(proposed.message))).toBe('proposal');
    const author = { kind: 'member', member: bob.member(0) };
    const removal = { proposalType: ProposalType.remove, removed: 2 };
    expect(seen.splice(0)).toEqual([{ proposal: removal, author, isByReference: true }]);
    const commit = alice.commit([externalPsk(utf8('id'))]);
    take(bob, commit.message);
    expect(seen.map(({ isByReference }) => isByReference)).toEqual([true, false]);
    expect(seen.map((claim) => claim.author)).toEqual([author, author]);
  });

  test('R12.2-17: rules can stand in the group itself, and change with it', () => {
    const admins = defineExtension({ type: 0xff10, codec: uint8 });
    const rules: GroupRules = {
      mayPropose: ({ proposal, author }, { context }) =>
        proposal.proposalType !== ProposalType.groupContextExtensions ||
        (author.kind === 'member' && author.member.leaf === admins.find(context.extensions)),
    };
    const registry = { extensions: [admins] };
    const clients = NAMES.map((name) => clientOf(name, { rules, registry })) as Three<Client>;
    const groups = gather(clients, [admins.make(0)]) as Three<Group>;
    const [alice, bob] = groups;
    const toBob = setExtensions([admins.make(1)]);
    fails(groups, () => bob.commit([toBob]), 'policy.proposal-rejected');
    settle(groups, alice, [toBob]);
    fails(groups, () => alice.commit([toBob]), 'policy.proposal-rejected');
    settle(groups, bob, [setExtensions([admins.make(2)])]);
  });
});

describe('mayCommit', () => {
  const quiet: GroupRules = {
    mayCommit: ({ author }) => author.kind === 'member' && author.member.leaf === 0,
  };

  test('R12.2-17: a commit by somebody who may not is refused by its maker, and by everybody else', () => {
    const own = strict(quiet);
    fails(own, () => own[1].commit(), 'policy.commit-rejected');
    settle(own, own[0]);
    const others = mixed({ mayCommit: ({ author }) => author.kind === 'member' && author.member.leaf !== 0 });
    const [alice, bob, carol] = others;
    const commit = alice.commit([remove(2)]);
    for (const one of [bob, carol]) refuses(one, commit.message, 'policy.commit-rejected');
    alice.discard(commit);
    settle([bob, carol], bob);
  });

  test('R12.2-17: the rule sees the whole list, in its order, with who proposed what', () => {
    const claims: CommitClaim[] = [];
    const groups = mixed({ mayCommit: (claim) => claims.push(claim) > 0 });
    const [alice, bob, carol] = groups;
    const { message } = bob.propose(externalPsk(utf8('one')));
    deliver(groups, bob, message);
    claims.length = 0;
    settle(groups, alice, [externalPsk(utf8('two'))]);
    const [first, second] = claims as [CommitClaim, CommitClaim];
    expect(second).toEqual(first);
    expect(first.author).toMatchObject({ kind: 'member', member: { leaf: 0 } });
    expect(
      first.proposals.map(({ author, isByReference, proposal }) => [
        author.kind === 'member' && author.member.leaf,
        isByReference,
        proposal.proposalType,
      ]),
    ).toEqual([
      [1, true, ProposalType.psk],
      [0, false, ProposalType.psk],
    ]);
    expect(carol.epoch).toBe(2n);
  });

  test('R12.2-17: what the rules refuse is left out of a commit and holds nobody up', () => {
    const groups = strict({
      mayCommit: ({ proposals }, { context }) =>
        context.epoch === 0n ||
        proposals.filter(({ proposal }) => proposal.proposalType === ProposalType.add).length < 2,
    });
    const [alice, bob, carol] = groups;
    for (const [from, name] of [
      [bob, 'dora'],
      [carol, 'emil'],
      [bob, 'fred'],
    ] as const) {
      const { message } = from.propose(add(stranger(name)));
      deliver(groups, from, message);
    }
    const commit = settle(groups, alice, [externalPsk(utf8('id'))]);
    expect(commit.changes.added.map(({ credential }) => credential)).toMatchObject([
      { identity: utf8('dora') },
    ]);
    expect(commit.changes.psks).toHaveLength(1);
    // What is asked for outright is not left out in silence.
    fails(groups, () => alice.commit([add(stranger('gil')), add(stranger('hal'))]), 'policy.commit-rejected');
    works(groups);
  });

  test('R12.2-17: proposals that a stricter set of rules finds after a restart are left out', () => {
    const groups = strict({});
    const [alice, bob] = groups;
    const { message } = bob.propose(add(stranger()));
    deliver(groups, bob, message);
    const loaded = clientOf('alice', { rules: founderRules }).load(alice.save());
    expect(loaded.proposals).toHaveLength(1);
    expect(loaded.commit().changes.added).toEqual([]);
    expect(alice.commit().changes.added).toHaveLength(1);
  });

  test('R12.2-17: a rule that throws is a bug of its owner: nothing is taken in, and nothing changes', () => {
    const groups = mixed({
      mayCommit: () => {
        throw new Error('oops');
      },
    });
    const [alice, bob] = groups;
    const { message } = alice.commit();
    fails(groups, () => bob.process(message), 'internal.bug');
    fails(groups, () => bob.commit(), 'internal.bug');
  });
});
