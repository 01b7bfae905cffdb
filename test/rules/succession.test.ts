/** ReInit and the group that follows on it (RFC 9420 §11.2), through the public door. */

import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/base/bytes.ts';
import {
  add,
  type Client,
  type Group,
  type ProposalInput,
  reinit,
  remove,
  type Successor,
  utf8,
} from '../../src/index.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { ExtensionType } from '../../src/wire/registry.ts';
import {
  agree,
  clientOf,
  deliver,
  fails,
  follow,
  gather,
  keyPackagesOf,
  NOW,
  refuses,
  settle,
  verdict,
  works,
} from '../support/doors.ts';

const NAMES = ['alice', 'bob', 'carol'] as const;
const NEXT: Successor = { groupId: utf8('the next group'), suite: 1 };

type Three<T> = [T, T, T];

function clients(suite = 1): Three<Client> {
  return NAMES.map((name) => clientOf(name, { suite })) as Three<Client>;
}

/** A group of three that a ReInit has closed. */
function closedGroup(successor: Successor = NEXT, members = clients()): Three<Group> {
  const groups = gather(members) as Three<Group>;
  settle(groups, groups[0], [reinit(successor)]);
  return groups;
}

/** The founder makes the successor, all others enter. */
function succeed(founder: number, members: Three<Client>, closed: Three<Group>): Group[] {
  const others = NAMES.map((_, i) => i).filter((i) => i !== founder);
  const packages = keyPackagesOf(others.map((i) => members[i] as Client));
  const made = (members[founder] as Client).reinitialise(closed[founder] as Group, packages);
  const joined = others.map((i) =>
    (members[i] as Client).prepareJoin(made.welcome as Uint8Array, { from: closed[i] as Group }).accept(),
  );
  return [made.group, ...joined];
}

describe('the three phases', () => {
  const steps = [1, 2, 3, 4, 5, 6, 7].map((suite) => [suite, (suite % 7) + 1] as const);

  test.each([...steps, [1, 5], [5, 1], [1, 1]] as const)(
    'R11.2-01 R11.2-02 R11.2-04 R11.2-07 R8.6-02: from suite %i to %i, whoever founds',
    (before, after) => {
      const groups = closedGroup({ ...NEXT, suite: after }, clients(before));
      for (const founder of [0, 1, 2]) {
        const members = succeed(founder, clients(after), groups);
        agree(members);
        for (const { epoch, id, suite, extensions } of members)
          expect([epoch, id, suite, extensions]).toEqual([1n, NEXT.groupId, after, []]);
        works(members);
      }
    },
  );

  test('R11.2-01: one member proposes, another commits, a third founds', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const { message } = bob.propose(reinit(NEXT));
    deliver(groups, bob, message);
    settle(groups, carol, [], { path: 'omit' });
    expect(groups.map(({ status }) => status)).toEqual(['closed', 'closed', 'closed']);
    expect(alice.epoch).toBe(2n);
    works(succeed(0, clients(), groups));
  });

  test('R11.2-02 R11.2-04: joiners learn from where the group comes, and its extensions are those announced', () => {
    const signer = {
      signatureKey: clientOf('server').signatureKey,
      credential: clientOf('server').credential,
    };
    const extensions = [makeExtension(ExtensionType.externalSenders, ExternalSenders, [signer])];
    const closed = closedGroup({ ...NEXT, extensions });
    const members = clients();
    const [bob] = keyPackagesOf(members.slice(1, 2)) as [Uint8Array];
    const made = members[0].reinitialise(closed[0], [bob, ...keyPackagesOf([members[2]])]);
    const staged = members[1].prepareJoin(made.welcome as Uint8Array, { from: closed[1] });
    expect(staged.origin).toEqual({ kind: 'reinit', groupId: closed[1].id, epoch: closed[1].epoch });
    expect(staged.origin?.groupId.buffer.byteLength).toBe(closed[1].id.length);
    expect(staged.inviter).toEqual(made.group.member(0));
    expect([made.group.extensions, staged.accept().extensions]).toEqual([extensions, extensions]);
  });

  test('R11.2-08 JOI-18: a group that only has the announced id is refused, though another client holds the closed one', () => {
    const closed = closedGroup();
    const [alice, bob] = clients();
    const other = alice.createGroup({ id: NEXT.groupId });
    const { welcome } = other.invite(keyPackagesOf([bob]));
    fails(closed, () => bob.prepareJoin(welcome, { from: closed[1] }), 'validation.reinit');
    expect(bob.prepareJoin(welcome).groupId).toEqual(NEXT.groupId);
  });

  test('R11.2-01: the same clients go on when the suite stays', () => {
    const members = clients();
    const closed = closedGroup(NEXT, members);
    const made = members[2].reinitialise(closed[2], keyPackagesOf(members.slice(0, 2)));
    const joined = members.slice(0, 2).map((one) => one.prepareJoin(made.welcome as Uint8Array).accept());
    works([made.group, ...joined]);
  });

  test('R8.6-02 R11.2-01: everybody restarts between the phases', () => {
    const saved = closedGroup({ ...NEXT, suite: 3 }).map((group) => group.save());
    const again = clients().map((one, i) => one.load(saved[i] as Uint8Array)) as Three<Group>;
    expect(again.map(({ status }) => status)).toEqual(['closed', 'closed', 'closed']);
    expect(again.map((group) => group.save())).toEqual(saved);
    for (const founder of [0, 1, 2]) {
      const members = succeed(founder, clients(3), again);
      const restarted = clients(3).map((one, i) => one.load((members[i] as Group).save()));
      works(restarted);
    }
    expect(again.map((group) => group.save())).toEqual(saved);
  });

  test('R11.2-01: the tree may travel apart, and strangers may follow by a GroupInfo', () => {
    const closed = closedGroup();
    const members = clients();
    const options = { ratchetTree: false, groupInfo: true };
    const made = members[0].reinitialise(closed[0], keyPackagesOf(members.slice(1)), options);
    const welcome = made.welcome as Uint8Array;
    fails([closed[1]], () => members[1].prepareJoin(welcome, { from: closed[1] }), 'validation.group-info');
    expect(made.groupInfo).toBeDefined();
    const joining = clientOf('dora').prepareExternalJoin(made.group.groupInfo());
    follow([made.group], joining.message);
    works([made.group, joining.accept()]);
  });

  test('R11.2-06: more than the old members may be there', () => {
    const closed = closedGroup();
    const members = clients();
    const dora = clientOf('dora');
    const packages = keyPackagesOf([members[1], members[2], dora]);
    const { group, welcome } = members[0].reinitialise(closed[0], packages);
    const joined = [members[1], members[2]].map((one, i) =>
      one.prepareJoin(welcome as Uint8Array, { from: closed[i + 1] as Group }).accept(),
    );
    expect(group.members).toHaveLength(4);
    works([group, ...joined]);
    // A stranger does not have the PSK.
    expect(() => dora.prepareJoin(welcome as Uint8Array)).toThrow(/^state.missing-psk/);
  });

  test('R11.2-01: what others see of a client is its identity, by the application’s own measure', () => {
    const policy = { identityOf: () => 'everybody is the same' };
    const members = NAMES.map((name) => clientOf(name, { policy })) as Three<Client>;
    const closed = closedGroup(NEXT, members);
    const { group, welcome } = members[0].reinitialise(closed[0], keyPackagesOf([members[1]]));
    works([group, members[1].prepareJoin(welcome as Uint8Array).accept()]);
  });
});

describe('the closed group', () => {
  test('PRO-11 R11.2-01: nothing is sent or taken in any more, and it keeps what the successor needs', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const rival = carol.commit();
    settle([alice, bob], alice, [reinit(NEXT)]);
    const saved = alice.save();
    for (const attempt of [
      () => alice.encrypt(utf8('x')),
      () => alice.propose(remove(1)),
      () => alice.commit(),
      () => alice.groupInfo(),
      () => alice.export('label', utf8(''), 16),
      () => alice.component(7).exportSecret(),
    ])
      fails([alice], attempt, 'state.closed');
    expect(verdict(alice.process(rival.message))).toBe('expired');
    expect(alice.save()).toEqual(saved);
  });

  test('PRO-11: a ReInit goes alone, and to no lower version', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice] = groups;
    const [dora] = keyPackagesOf([clientOf('dora')]) as [Uint8Array];
    const lists: ProposalInput[][] = [
      [reinit(NEXT), add(dora)],
      [reinit(NEXT), reinit(NEXT)],
    ];
    for (const list of lists) fails(groups, () => alice.commit(list), 'validation.reinit');
    works(groups);
  });

  // §12.1.5 makes a lower version the only thing wrong with a ReInit. What suites a client has does not follow from its
  // leaf, which may list no more than those in use (§7.2), so that a rule on it would part us from whoever has none.
  // Whoever lacks the suite cannot make the client that follows; who may propose what is for the rules of the group.
  test('PRO-11: a suite that no leaf lists is no error of the ReInit, and rules may refuse it', () => {
    const closed = closedGroup({ ...NEXT, suite: 0xf00d });
    expect(closed.map(({ status }) => status)).toEqual(['closed', 'closed', 'closed']);
    expect(() => clientOf('alice', { suite: 0xf00d })).toThrow(/^codec.unsupported/);
    const rules = {
      mayPropose: ({ proposal }: { readonly proposal: object }) =>
        !('cipherSuite' in proposal) || proposal.cipherSuite === 3,
    };
    const careful = gather(NAMES.map((name) => clientOf(name, { rules })) as Three<Client>) as Three<Group>;
    const [alice, bob] = careful;
    fails(careful, () => alice.commit([reinit({ ...NEXT, suite: 0xf00d })]), 'policy.proposal-rejected');
    fails(careful, () => bob.propose(reinit({ ...NEXT, suite: 0xf00d })), 'policy.proposal-rejected');
    const lax = gather([clientOf('alice'), clientOf('bob', { rules })]) as [Group, Group];
    const { message } = lax[0].commit([reinit({ ...NEXT, suite: 0xf00d })]);
    refuses(lax[1], message, 'policy.proposal-rejected');
    settle(careful, alice, [reinit({ ...NEXT, suite: 3 })]);
  });
});

describe('what the founder is refused', () => {
  const closed = closedGroup({ ...NEXT, suite: 3 });
  const others = () => keyPackagesOf(clients(3).slice(1));
  const [alice] = clients(3);

  test('R11.2-06 JOI-18: somebody is left behind', () => {
    fails(closed, () => alice.reinitialise(closed[0], others().slice(1)), 'validation.reinit');
    fails(closed, () => alice.reinitialise(closed[0], []), 'validation.reinit');
    // An identity of its own that takes the place of an old member.
    const stranger = clientOf('dora', { suite: 3 });
    fails(closed, () => stranger.reinitialise(closed[0], others()), 'validation.reinit');
  });

  test('R11.2-02 JOI-18: another suite than announced', () => {
    const [wrong] = clients(1);
    const packages = keyPackagesOf(clients(1).slice(1));
    fails(closed, () => wrong.reinitialise(closed[0], packages), 'validation.reinit');
    fails(closed, () => alice.reinitialise(closed[0], packages), 'validation.key-package');
  });

  test('R11.2-08 JOI-18: there was no ReInit, or it is not committed', () => {
    const groups = gather(clients(3)) as Three<Group>;
    const [first] = groups;
    fails(groups, () => alice.reinitialise(first, others()), 'validation.reinit');
    const { message } = first.propose(reinit({ ...NEXT, suite: 3 }));
    deliver(groups, first, message);
    fails(groups, () => alice.reinitialise(first, others()), 'validation.reinit');
    const pending = first.commit();
    fails(groups, () => alice.reinitialise(first, others()), 'validation.reinit');
    first.accept(pending);
    expect(alice.reinitialise(first, others()).group.epoch).toBe(1n);
  });

  test('R11.2-01: a removed member has nothing to follow on', () => {
    const groups = gather(clients(3)) as Three<Group>;
    settle(groups, groups[0], [remove(2)]);
    const carol = clients(3)[2];
    fails(groups, () => carol.reinitialise(groups[2], others()), 'validation.reinit');
    fails(groups, () => carol.branch(groups[2], []), 'state.not-member');
  });

  test('R11-09: one successor is enough', () => {
    const members = clients(3);
    members[0].reinitialise(closed[0], others());
    fails(closed, () => members[0].reinitialise(closed[0], others()), 'validation.group-id');
  });

  test('PRO-06: KeyPackages that are bad, twice the same, or out of time', () => {
    const [bob, carol] = others() as [Uint8Array, Uint8Array];
    const broken = carol.slice();
    broken[broken.length - 1] = (broken.at(-1) as number) ^ 1;
    fails(closed, () => alice.reinitialise(closed[0], [bob, broken]), 'validation.key-package');
    fails(closed, () => alice.reinitialise(closed[0], [bob, carol, carol]), 'validation.duplicate-client');
    fails(closed, () => alice.reinitialise(closed[0], [bob, fromHex('00')]), 'codec.truncated');
    const late = clientOf('alice', { suite: 3, clock: () => NOW + 91 * 86_400 });
    fails(closed, () => late.reinitialise(closed[0], [bob, carol]), 'policy.lifetime');
  });
});
