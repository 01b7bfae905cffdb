/** Rules of the application about who may propose and commit what (RFC 9420 §12.2), for senders and receivers alike. */

import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { uint8 } from '../../src/codec/codec.ts';
import { stateOf } from '../../src/group/group.ts';
import {
  add,
  type Client,
  type CommitClaim,
  defineExtension,
  externalPsk,
  type Group,
  type GroupRules,
  type ProposalClaim,
  reinit,
  remove,
  setExtensions,
  stored,
  update,
  utf8,
} from '../../src/index.ts';
import { type Extension, ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { ExtensionType, ProposalType, SenderType } from '../../src/wire/registry.ts';
import {
  clientOf,
  deliver,
  fails,
  follow,
  gather,
  keyPackagesOf,
  refuses,
  settle,
  take,
  verdict,
  works,
} from '../support/doors.ts';
import { forgeProposal, signaturePair } from '../support/forge.ts';
import { environment } from '../support/peers.ts';

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

describe('from outside', () => {
  test('PRO-24 R12.2-17 R12.2-20: a group may refuse external commits, resync among them', () => {
    const closed: GroupRules = { mayCommit: ({ author }) => author.kind === 'member' };
    const groups = strict(closed);
    const [alice, bob, carol] = groups;
    const info = alice.groupInfo();
    const careful = clientOf('dora', { rules: closed });
    fails(groups, () => careful.prepareExternalJoin(info), 'policy.external-commit');
    const { message } = clientOf('dora').prepareExternalJoin(info);
    for (const one of [alice, bob, carol]) refuses(one, message, 'policy.external-commit');
    works(groups);
  });

  test('PRO-24 R12.2-17: a rule on the list of an external commit', () => {
    const rules: GroupRules = {
      mayPropose: ({ proposal, author }) =>
        author.kind !== 'new-member' || proposal.proposalType !== ProposalType.remove,
      mayCommit: ({ author, proposals }) => author.kind === 'member' || proposals.length > 1,
    };
    const groups = strict(rules);
    const [alice, bob] = groups;
    const psks = () => utf8('psk');
    const bare = clientOf('dora', { psks }).prepareExternalJoin(alice.groupInfo());
    for (const one of groups) refuses(one, bare.message, 'policy.external-commit');
    const options = { psks: [externalPsk(utf8('id'))] };
    const joined = clientOf('dora', { psks }).prepareExternalJoin(alice.groupInfo(), options);
    follow(groups, joined.message);
    const dora = joined.accept();
    const signer = stateOf(bob).epoch.signer;
    const back = clientOf('bob', { signer }).prepareExternalJoin(alice.groupInfo(), { resync: true });
    for (const one of groups) refuses(one, back.message, 'policy.proposal-rejected');
    works([...groups, dora]);
  });

  test('R12.1.8-05 R12.2-17: one external sender may, another may not', () => {
    const env = environment();
    const [bot, spy] = [signaturePair(env), signaturePair(env)];
    const senders = [bot, spy].map(({ publicKey }) => ({
      signatureKey: publicKey,
      credential: { credentialType: 1, identity: utf8('server') } as const,
    }));
    const rules: GroupRules = {
      mayPropose: ({ author }) =>
        author.kind !== 'external' || toHex(author.sender.signatureKey) === toHex(bot.publicKey),
    };
    const extension = makeExtension(ExtensionType.externalSenders, ExternalSenders, senders);
    const groups = strict(rules, [extension]);
    const send = (signer: typeof bot, senderIndex: number) =>
      forgeProposal(
        env,
        stateOf(groups[0]),
        { proposalType: ProposalType.remove, removed: 2 },
        {
          from: { sender: { senderType: SenderType.external, senderIndex }, secretKey: signer.secretKey },
        },
      ).message;
    for (const one of groups) refuses(one, send(spy, 1), 'policy.proposal-rejected');
    deliver(groups, undefined, send(bot, 0));
    settle(groups, groups[1]);
    expect(groups[2].status).toBe('removed');
  });

  test('R12.1.8-05 PRO-26: whose request to be added is granted, the rules say', () => {
    const rules: GroupRules = {
      mayPropose: ({ author, proposal }) =>
        author.kind !== 'new-member' ||
        ('keyPackage' in proposal &&
          toHex((proposal.keyPackage.leafNode.credential as { identity: Uint8Array }).identity) ===
            toHex(utf8('dora'))),
    };
    const groups = strict(rules);
    const [alice, bob] = groups;
    const emil = clientOf('emil').requestJoin(alice.groupInfo());
    for (const one of groups) refuses(one, emil.message, 'policy.proposal-rejected');
    const dora = clientOf('dora');
    const { message } = dora.requestJoin(alice.groupInfo());
    deliver(groups, undefined, message);
    expect(settle(groups, alice).changes.added, 'never by itself').toEqual([]);
    const again = dora.requestJoin(alice.groupInfo());
    deliver(groups, undefined, again.message);
    const ref = (bob.proposals[0] as Group['proposals'][0]).ref;
    const commit = settle(groups, bob, [stored(ref)]);
    works([...groups, dora.prepareJoin(commit.welcome as Uint8Array).accept()]);
  });

  test('R12.2-17: founding another group is not theirs to forbid, its first commit is', () => {
    const rules: GroupRules = { mayCommit: (_, { context }) => toHex(context.groupId) !== toHex(utf8('no')) };
    const clients = NAMES.map((name) => clientOf(name, { rules })) as Three<Client>;
    const groups = gather(clients) as Three<Group>;
    settle(groups, groups[0], [reinit({ groupId: utf8('no'), suite: 1 })]);
    const others = keyPackagesOf(clients.slice(1));
    fails(groups, () => clients[0].reinitialise(groups[0], others), 'policy.commit-rejected');
  });
});
