/** Rules of the application about those who are not members (RFC 9420 §12.1.8, §12.2, §12.4.3.2). */

import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { stateOf } from '../../src/group/group.ts';
import {
  type Client,
  externalPsk,
  type Group,
  type GroupRules,
  reinit,
  stored,
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
  works,
} from '../support/doors.ts';
import { forgeProposal, signaturePair } from '../support/forge.ts';
import { environment } from '../support/peers.ts';

const NAMES = ['alice', 'bob', 'carol'] as const;
type Three<T> = [T, T, T];

/** Everybody follows them. */
function strict(rules: GroupRules, extensions: readonly Extension[] = []): Three<Group> {
  const clients = NAMES.map((name) => clientOf(name, { rules, psks: () => utf8('psk') }));
  return gather(clients as Three<Client>, extensions) as Three<Group>;
}

describe('from outside', () => {
  test('PRO-24 R12.2-17 R12.4.3.2-13: a group may refuse external commits, resync among them', () => {
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
