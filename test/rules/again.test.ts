/** After another commit won: what of our own is still worth proposing, and that proposing it again succeeds (§14). */

import { describe, expect, test } from 'vitest';
import { leafIndex } from '../../src/base/brand.ts';
import { utf8 } from '../../src/base/bytes.ts';
import { uint8 } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { KeyPair } from '../../src/crypto/provider.ts';
import { type Group, stateOf } from '../../src/group/group.ts';
import type { Accepted } from '../../src/group/processed.ts';
import {
  add,
  customProposal,
  externalPsk,
  type NewProposal,
  type ProposalInput,
  reinit,
  remove,
  resumptionPsk,
  setExtensions,
  update,
} from '../../src/group/proposals.ts';
import type { ProposalClaim } from '../../src/group/rules.ts';
import { leafAt } from '../../src/tree/tree.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { makeExtension, RequiredCapabilities } from '../../src/wire/extension.ts';
import { ExtensionType } from '../../src/wire/registry.ts';
import { agree, clientOf, commitOf, followAll, groupsOf, moveAll, talk } from '../support/groups.ts';

const CUSTOM = 0xf0a0;
const POLICY = {
  grease: false,
  proposalTypes: new Map([[CUSTOM, { pathRequired: false, external: false }]]),
  extensionTypes: [0xf0a1],
};
const EXTENSION = { extensionType: 0xf0a1, extensionData: utf8('x') };

type How = 'sent' | 'lost';
const HOWS: readonly How[] = ['sent', 'lost'];

/** Four members; the second one is us. */
function quartet(): [Group, Group, Group, Group] {
  return groupsOf(['a', 'b', 'c', 'd'], POLICY, { openTypes: { proposals: new Map([[CUSTOM, uint8]]) } }) as [
    Group,
    Group,
    Group,
    Group,
  ];
}

/** We propose or commit; before anybody hears of it, the first member's commit wins. */
function race(
  groups: readonly Group[],
  ours: readonly ProposalInput[],
  theirs: readonly ProposalInput[],
  how: How,
): Accepted {
  const [a, b] = groups as [Group, Group];
  if (how === 'lost') b.commit(ours);
  else for (const input of ours) if (input.kind !== 'stored') b.propose(input);
  const { message } = a.commit(theirs);
  const others = groups.filter((group) => group !== b);
  followAll(others, message);
  const accepted = b.accept(commitOf(b, message));
  agree(groups.filter((group) => group.status === 'active'));
  expect([b.proposals, b.pending]).toEqual([[], undefined]);
  return accepted;
}

function freshSigner(): KeyPair {
  const suite = nodeProvider.suite(1);
  return suite.signatureKeyPair(nodeProvider.random(suite.sizes.signatureSeed));
}

const newcomerOf = (name: string): { readonly message: Uint8Array; readonly key: Uint8Array } => {
  const client = clientOf(name, POLICY);
  return { message: client.createKeyPackage().message, key: client.signatureKey };
};

/** A proposal, how another client would have done the same, and what shows that it was done. */
interface Aim {
  readonly name: string;
  readonly make: (b: Group) => NewProposal;
  readonly same: (input: NewProposal) => ProposalInput;
  readonly isDone: (groups: readonly Group[], accepted: readonly Accepted[]) => boolean;
}

const AIMS: readonly Aim[] = [
  {
    name: 'Add',
    make: () => add(newcomerOf('e').message),
    same: (input) => input,
    isDone: ([a]) => a?.members.length === 5,
  },
  {
    name: 'Remove',
    make: () => remove(3),
    same: (input) => input,
    isDone: ([a]) => a?.members.length === 3,
  },
  {
    name: 'external PSK',
    make: () => externalPsk(utf8('p')),
    same: () => externalPsk(utf8('p')),
    isDone: (_, [first]) => first?.changes.psks.length === 1,
  },
  {
    name: 'resumption PSK',
    make: (b) => resumptionPsk(b.id, 1n),
    same: (input) => input,
    isDone: (_, [first]) => first?.changes.psks.length === 1,
  },
  {
    name: 'GroupContextExtensions',
    make: () => setExtensions([EXTENSION]),
    same: () => setExtensions([]),
    isDone: ([a]) => a?.extensions.length === 1,
  },
  {
    name: 'custom proposal',
    make: () => customProposal(CUSTOM, Uint8Array.of(7)),
    same: (input) => input,
    isDone: (_, [first]) => first?.changes.custom.length === 1,
  },
];

describe.each(HOWS)('what we have %s', (how) => {
  test.each(AIMS.map((aim) => [aim.name, aim] as const))(
    'PRO-20 R14-02 %s: still wanted after a commit without it, and done by asking again',
    (_, { make, isDone }) => {
      for (const again of ['commit', 'propose'] as const) {
        const groups = quartet();
        const [a, b] = groups;
        const input = make(b);
        const accepted = race(groups, [input], [], how);
        expect(accepted.again).toEqual([input]);
        let { message } =
          again === 'commit' ? b.commit(accepted.again) : b.propose(accepted.again[0] as NewProposal);
        if (again === 'propose') {
          for (const group of groups) if (group !== b) expect(group.process(message).kind).toBe('proposal');
          ({ message } = a.commit());
        }
        const led = followAll(groups, message);
        expect(isDone(groups, led)).toBe(true);
        expect(led[1]?.again).toEqual([]);
        const left = groups.filter((group) => group.status === 'active');
        agree(left);
        talk(left);
      }
    },
  );

  test.each(AIMS.map((aim) => [aim.name, aim] as const))(
    'PRO-20 R14-02 %s: done by the commit that won, or overtaken by it',
    (_, { make, same }) => {
      const groups = quartet();
      const input = make(groups[1]);
      expect(race(groups, [input], [same(input)], how).again).toEqual([]);
    },
  );

  test('PRO-20 ReInit: still wanted while the group lives, pointless when another has closed it', () => {
    const successor = { groupId: utf8('next'), suite: 1, extensions: [] };
    const groups = quartet();
    const { again } = race(groups, [reinit(successor)], [], how);
    expect(again).toEqual([reinit(successor)]);
    moveAll(groups, groups[1], again);
    expect(groups[2].status).toBe('closed');
    expect(race(quartet(), [reinit(successor)], [reinit(successor)], how).again).toEqual([]);
  });

  test('PRO-22 nothing is worth proposing for whom the winner removes', () => {
    expect(race(quartet(), [remove(3), update()], [remove(1)], how).again).toEqual([]);
  });

  test('PRO-20 R8.4-01 PSKs are told apart by what they name: only the one that the winner has mixed in is done', () => {
    const groups = quartet();
    for (const by of groups.slice(0, 2)) moveAll(groups, by);
    const { id } = groups[0];
    const wishes = [
      externalPsk(utf8('p')),
      externalPsk(utf8('q')),
      resumptionPsk(id, 1n),
      resumptionPsk(id, 2n),
      resumptionPsk(utf8('another group'), 1n),
    ];
    for (const done of wishes)
      expect(race(groups, wishes, [done], how).again).toEqual(wishes.filter((wish) => wish !== done));
  });

  test('R13.4-04 PRO-20 whoever can be added only with other extensions comes with these', () => {
    const needed = makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, {
      extensionTypes: [0xf0a1],
      proposalTypes: [],
      credentialTypes: [],
    });
    const groups = quartet();
    moveAll(groups, groups[0], [setExtensions([needed])]);
    const wishes = [add(clientOf('plain').createKeyPackage().message), setExtensions([])];
    expect(race(groups, wishes, [], how).again).toEqual(wishes);
  });

  test('PRO-20 rules of the group take it for ours', () => {
    const rules = { mayPropose: ({ author }: ProposalClaim) => author.kind === 'member' };
    const groups = groupsOf(['a', 'b', 'c', 'd'], POLICY, { rules });
    expect(race(groups, [remove(3)], [], how).again).toEqual([remove(3)]);
  });

  test('R14-02 a removal is pointless when the member has left, and wanted when it only took new keys', () => {
    const gone = quartet();
    expect(race(gone, [remove(3)], [remove(3)], how).again).toEqual([]);
    const groups = quartet();
    const [, b, , d] = groups;
    if (how === 'lost') b.commit([remove(3)]);
    else b.propose(remove(3));
    const { message } = d.commit([], {
      leaf: { credential: basicCredential('d, renamed'), signer: freshSigner() },
    });
    followAll([groups[0], groups[2], d], message);
    const { again } = b.accept(commitOf(b, message));
    expect(again).toEqual([remove(3)]);
    moveAll(groups, b, again);
    expect(d.status).toBe('removed');
  });

  test('R14-02 a removal is wanted of whom the winner gives new keys while it removes another', () => {
    const groups = quartet();
    const [a, b, c, d] = groups;
    const { message } = d.propose(update({ signer: freshSigner() }));
    for (const group of [a, b, c]) group.process(message);
    expect(race(groups, [remove(3)], [remove(2)], how).again).toEqual([remove(3)]);
  });
});

describe('members who move', () => {
  test('R14-02 R12.2-16 Remove and Add of the same client stay together', () => {
    const groups = groupsOf(['a', 'b', 'c'], POLICY) as [Group, Group, Group];
    const e = clientOf('e', POLICY);
    const invited = moveAll(groups, groups[0], [add(e.createKeyPackage().message)]);
    const old = e.prepareJoin(invited.welcome as Uint8Array).accept();
    old.close();
    const anew = add(e.createKeyPackage().message);
    const { again } = race(groups, [remove(3), anew], [], 'lost');
    expect(again).toEqual([remove(3), anew]);
    const made = moveAll(groups, groups[1], again);
    agree([...groups, e.prepareJoin(made.welcome as Uint8Array).accept()]);
  });

  test('R14-02 JOI-20 a member that replaced itself from outside is followed to its new leaf', () => {
    const names = ['a', 'b', 'c', 'd'].map((name) => clientOf(name, POLICY));
    const [first, ...rest] = names as [(typeof names)[0], ...typeof names];
    const a = first.createGroup();
    const invited = a.invite(rest.map((client) => client.createKeyPackage().message));
    a.accept(invited);
    const [b, c, d] = rest.map((client) => client.prepareJoin(invited.welcome).accept()) as [
      Group,
      Group,
      Group,
    ];
    moveAll([a, b, c, d], a, [remove(2)]);
    b.commit([remove(3)]);
    const offer = (names[3] as (typeof names)[0]).prepareExternalJoin(a.groupInfo(), { resync: true });
    followAll([a], offer.message);
    const { again } = b.accept(commitOf(b, offer.message));
    const back = offer.accept();
    expect(back.self).toBe(2);
    expect(again).toEqual([remove(2)]);
    moveAll([a, b, back], b, again);
    expect(back.status).toBe('removed');
  });
});

describe('our own leaf', () => {
  const renamed = { credential: basicCredential('b, renamed') };

  test.each(HOWS)('PRO-29 R12.1-06 new content, %s: still wanted, and then in place', (how) => {
    const signer = freshSigner();
    const groups = quartet();
    const b = groups[1];
    const { again } = race(groups, [update({ ...renamed, signer })], [], how);
    expect(again).toEqual([update({ ...renamed, signer })]);
    moveAll(groups, b, again);
    expect(groups[0].member(1)).toMatchObject({ ...renamed, signatureKey: signer.publicKey });
    talk(groups);
  });

  test.each(HOWS)('PRO-29 R12.1-06 new extensions, %s: still wanted, and then in place', (how) => {
    const groups = quartet();
    const wish = update({ extensions: [EXTENSION] });
    const { again } = race(groups, [wish], [], how);
    expect(again).toEqual([wish]);
    moveAll(groups, groups[1], again);
    const leaf = leafAt(stateOf(groups[0]).epoch.tree, leafIndex(1));
    expect(leaf?.extensions).toEqual([EXTENSION]);
  });

  test('PRO-29 an Update of ours is wanted, whatever others have proposed since', () => {
    const groups = quartet();
    const [, b, c] = groups;
    b.propose(update());
    b.process(c.propose(externalPsk(utf8('p'))).message);
    expect(followAll(groups.slice(1, 2), c.commit().message)[0]?.again).toEqual([update()]);
  });

  test('PRO-29 an Update without content: wanted until our leaf has fresh keys', () => {
    const groups = quartet();
    const [a, b, c] = groups;
    expect(race(groups, [update()], [], 'sent').again).toEqual([update()]);
    // An empty commit that lost wanted nothing but an epoch, which the winner has made.
    expect(race(groups, [], [], 'lost').again).toEqual([]);
    const { message } = b.propose(update());
    for (const group of [a, c, groups[3]]) group.process(message);
    expect(followAll(groups, c.commit().message)[1]?.again).toEqual([]);
    b.propose(update());
    expect(followAll(groups, b.commit().message)[1]?.again).toEqual([]);
    b.propose(update(renamed));
    expect(followAll(groups, b.commit([], { leaf: renamed }).message)[1]?.again).toEqual([]);
  });

  test('PRO-29 R12.1-05 the latest Update stands for those before it', () => {
    const groups = quartet();
    const [a, b] = groups;
    const [first, second] = [b.propose(update()).message, b.propose(update(renamed)).message];
    // Only the first has come to whoever commits.
    for (const group of groups) if (group !== b) group.process(first);
    const { again } = followAll(groups, a.commit().message)[1] as Accepted;
    expect(again).toEqual([update(renamed)]);
    expect(a.process(second).kind).toBe('expired');
    moveAll(groups, b, again);
    b.propose(update({ credential: basicCredential('b, again') }));
    const last = b.propose(update(renamed)).message;
    for (const group of groups) if (group !== b) group.process(last);
    expect(followAll(groups, a.commit().message)[1]?.again).toEqual([]);
  });

  test('PRO-20 what was sent and then committed once more is asked for once', () => {
    const groups = quartet();
    const b = groups[1];
    b.propose(remove(3));
    b.propose(externalPsk(utf8('p')));
    const { again } = race(groups, [remove(3), externalPsk(utf8('p'))], [], 'lost');
    expect(again).toEqual([remove(3), externalPsk(utf8('p'))]);
    moveAll(groups, b, again);
  });

  test('PRO-20 of what was asked for twice the later stands for both', () => {
    const groups = quartet();
    const b = groups[1];
    const [newcomer, former] = [add(newcomerOf('e').message), resumptionPsk(b.id, 1n)];
    for (const wish of [newcomer, former, externalPsk(utf8('p'))]) b.propose(wish);
    const { again } = race(groups, [former, newcomer], [], 'lost');
    expect(again).toEqual([externalPsk(utf8('p')), former, newcomer]);
    moveAll(groups, b, again);
    const successors = ['first', 'second'].map((name) => reinit({ groupId: utf8(name), suite: 1 }));
    const anew = quartet();
    expect(race(anew, successors, [], 'sent').again).toMatchObject(successors.slice(1));
  });

  test('PRO-20 whom a commit over our Remove and our Add has removed and added anew is not removed once more', () => {
    for (const isOurs of [true, false]) {
      const [b, c] = [clientOf('b', POLICY), clientOf('c', POLICY)];
      const a = clientOf('a', POLICY).createGroup();
      const invited = a.invite([b, c].map((client) => client.createKeyPackage().message));
      a.accept(invited);
      const ofB = b.prepareJoin(invited.welcome).accept();
      const wishes = [remove(2), add(c.createKeyPackage().message)];
      for (const wish of wishes) ofB.process(a.propose(wish).message);
      const { message } = (isOurs ? a : ofB).commit();
      expect(a.accept(commitOf(a, message)).again).toEqual([]);
      // By an Add that is not ours, it is in against our will.
      ofB.accept(commitOf(ofB, message));
      const other = add(newcomerOf('e').message);
      for (const wish of [remove(2), other]) a.propose(wish);
      const theirs = ofB.commit([remove(2), add(c.createKeyPackage().message)]);
      expect(a.accept(commitOf(a, theirs.message)).again).toEqual([remove(2), other]);
    }
  });

  test('STO-13 R14-02 after a restart the answer is the same', () => {
    const client = clientOf('b', POLICY);
    for (const [inputs, expected] of [
      [[], []],
      [[update(renamed)], [update(renamed)]],
      [[remove(2)], [remove(2)]],
    ] as const) {
      const a = clientOf('a', POLICY).createGroup();
      const invited = a.invite([client, clientOf('c', POLICY)].map((one) => one.createKeyPackage().message));
      a.accept(invited);
      const b = client.prepareJoin(invited.welcome).accept();
      b.commit(inputs);
      const record = b.save();
      b.close();
      const loaded = client.load(record);
      expect(loaded.accept(commitOf(loaded, a.commit().message)).again).toEqual(expected);
      loaded.close();
    }
  });
});
