/** What rules of the application see and answer, the bounds that are rules, and judging without effect. */

import { describe, expect, test } from 'vitest';
import {
  add,
  type Client,
  type CommitClaim,
  type Group,
  type GroupRules,
  type GroupView,
  judge,
  type Policy,
  remove,
  utf8,
} from '../../src/index.ts';
import { clientOf, fails, gather, keyPackagesOf, refuses, settle, take, works } from '../support/doors.ts';
import { codeOf } from '../support/refusals.ts';

const extensions = [{ extensionType: 0xff01, extensionData: utf8('said') }];

/** Alice follows nothing; bob and carol follow rules and policy. */
function mixed(rules: GroupRules, policy: Partial<Policy> = {}): [Group, Group, Group] {
  const clients = ['alice', 'bob', 'carol'].map((name) =>
    clientOf(name, {
      leafExtensions: () => extensions,
      policy: { extensionTypes: [0xff01], ...(name !== 'alice' && policy) },
      ...(name !== 'alice' && { rules }),
    }),
  );
  return gather(clients as [Client, Client, Client]) as [Group, Group, Group];
}

const stranger = (name: string): Uint8Array =>
  keyPackagesOf([clientOf(name, { policy: { extensionTypes: [0xff01] } })])[0] as Uint8Array;

describe('what rules see', () => {
  test('R12.2-17: leaves with their extensions, the leaf that a path brings, and the authenticated data', () => {
    const claims: [CommitClaim, GroupView][] = [];
    const [alice, bob] = mixed({ mayCommit: (claim, group) => claims.push([claim, group]) > 0 });
    const commit = alice.commit([], { authenticatedData: utf8('why'), leaf: { extensions: [] } });
    take(bob, commit.message);
    const [claim, view] = claims[0] as [CommitClaim, GroupView];
    expect(claim.authenticatedData).toEqual(utf8('why'));
    expect(claim.leafNode).toEqual({ ...claim.leafNode, extensions: [] });
    expect(view.leafNode(0)?.extensions).toEqual(extensions);
    expect([...view.leafNodes()].map(({ leaf }) => leaf)).toEqual([0, 1, 2]);
    expect(bob.leafNode(0)?.extensions).toEqual([]);
    expect(bob.leafNode(1)?.capabilities.extensions).toEqual([0xff01]);
    expect(bob.leafNode(9)).toBeUndefined();
  });

  test('R12.2-17: our own commits are judged by what they will carry, and one view serves an epoch', () => {
    const claims: [CommitClaim, GroupView][] = [];
    const groups = mixed({ mayCommit: (claim, group) => claims.push([claim, group]) > 0 });
    const [, bob] = groups;
    bob.discard(bob.commit([], { leaf: { extensions: [] }, authenticatedData: utf8('a') }));
    bob.discard(bob.commit([add(stranger('dora'))], { path: 'omit' }));
    expect(claims.map(([claim]) => claim.leafNode?.extensions)).toEqual([[], undefined]);
    expect(claims[0]?.[0].authenticatedData).toEqual(utf8('a'));
    expect(claims[0]?.[1]).toBe(claims[1]?.[1]);
  });
});

describe('what they answer', () => {
  const refusal = { code: 'validation.psk', rule: 'X7', detail: { leaf: 3 } } as const;

  test('R12.2-17: a refusal has a code and a rule, which become those of the error', () => {
    for (const rules of [{ mayCommit: () => refusal }, { mayPropose: () => refusal }]) {
      const [alice, bob] = mixed(rules);
      const { message } = alice.commit([remove(2)]);
      refuses(bob, message, 'validation.psk');
      const outcome = bob.process(message);
      expect(outcome.kind === 'rejected' && outcome.error.detail).toEqual({ leaf: 3, rule: 'X7' });
      fails([bob], () => bob.commit([remove(2)]), 'validation.psk');
    }
  });

  test('R12.2-17: a group that may not be entered is not entered', () => {
    const [alice] = mixed({});
    const policy = { extensionTypes: [0xff01] };
    const joins = (rules: GroupRules): string =>
      codeOf(() => clientOf('dora', { rules, policy }).prepareExternalJoin(alice.groupInfo()));
    expect(joins({ mayEnter: () => false })).toBe('validation.group-info');
    expect(joins({ mayEnter: () => refusal })).toBe('validation.psk');
    const three: GroupRules = { mayEnter: (group) => [...group.leafNodes()].length === 3 };
    expect(
      clientOf('dora', { rules: three, policy }).prepareExternalJoin(alice.groupInfo()).members,
    ).toHaveLength(4);
  });

  test('what a commit does not take up by itself is committed when it is named', () => {
    const [alice, bob] = mixed({ takesUp: () => false });
    const { message, ref } = alice.propose({ kind: 'add', keyPackage: stranger('dora') });
    bob.process(message);
    const quiet = bob.commit();
    expect(quiet.changes.added).toEqual([]);
    bob.discard(quiet);
    expect(bob.commit([{ kind: 'stored', ref }]).changes.added).toHaveLength(1);
  });
});

describe('bounds that are rules', () => {
  const none = Number.POSITIVE_INFINITY;
  const open = { handshakeBytes: none, handshakeGeneration: none, proposals: none, leaves: none };

  test('what is beyond is refused by all, and not made', () => {
    const groups = mixed({}, { bounds: { ...open, leaves: 4, proposals: 2, handshakeBytes: 5000 } });
    const [alice, bob] = groups;
    const cases = [
      () => alice.commit([add(stranger('dora')), add(stranger('emil'))]),
      () => alice.commit([remove(2), add(stranger('dora')), add(stranger('emil'))]),
      () => alice.commit([], { authenticatedData: new Uint8Array(5000) }),
    ];
    for (const make of cases) {
      const commit = make();
      refuses(bob, commit.message, 'codec.limit');
      alice.discard(commit);
    }
    fails(groups, () => bob.commit([add(stranger('dora')), add(stranger('emil'))]), 'codec.limit');
    settle(groups, alice, [add(stranger('dora'))]);
    works(groups);
  });
});

describe('judge', () => {
  test('says what process would, and leaves everything as it is', () => {
    const [alice, bob] = mixed({ mayCommit: ({ proposals }) => proposals.length === 0 });
    const [bad, before] = [alice.commit([remove(2)]), bob.save()];
    expect(judge(bob, bad.message)).toMatchObject({
      kind: 'rejected',
      error: { code: 'policy.commit-rejected' },
    });
    alice.discard(bad);
    const good = alice.commit();
    for (let i = 0; i < 2; i++)
      expect(judge(bob, good.message)).toMatchObject({ kind: 'valid', origin: 'member', committer: 0 });
    const text = alice.encrypt(utf8('hi'));
    expect(judge(bob, text)).toEqual({ kind: 'other', outcome: 'application' });
    expect(bob.save()).toEqual(before);
    expect(bob.process(text).kind).toBe('application');
    take(bob, good.message);
    expect(judge(bob, good.message)).toEqual({ kind: 'other', outcome: 'duplicate' });
    expect(() => judge(bob, 'x' as unknown as Uint8Array)).toThrow('codec.input');
  });
});
