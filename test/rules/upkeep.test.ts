/** Looking after a group: who has not renewed its keys for long, and what invitees have in common. */

import { describe, expect, test } from 'vitest';
import { uint8 } from '../../src/codec/codec.ts';
import { commonCapabilities, type Group, remove, update, utf8 } from '../../src/index.ts';
import { CredentialType, GREASE, MLS10 } from '../../src/wire/registry.ts';
import { clientOf, deliver, fails, follow, gather, keyPackagesOf, settle, take } from '../support/doors.ts';
import { forgeKeyPackage, keyPackageMessage, signaturePair } from '../support/forge.ts';
import { environment } from '../support/peers.ts';
import { codeOf } from '../support/refusals.ts';

describe('renewals', () => {
  const clients = ['alice', 'bob', 'carol'].map((name) => clientOf(name)) as [
    ReturnType<typeof clientOf>,
    ...ReturnType<typeof clientOf>[],
  ];

  test('R3.2-01 R3.2-02 R16.6-04: members tell how long each of them has kept its keys', () => {
    const groups = gather(clients.map((_, i) => clientOf(`member ${i}`)) as typeof clients);
    const [alice, bob, carol] = groups as [Group, Group, Group];
    expect(ages(alice)).toEqual([1n, 1n, 1n]);
    settle(groups, alice);
    settle(groups, bob, [], { path: 'omit' });
    settle(groups, alice);
    const { message } = bob.propose(update());
    deliver(groups, bob, message);
    settle(groups, alice);
    for (const group of groups)
      expect(ages(group), 'a commit without a path renews nobody').toEqual([5n, 5n, 1n]);
    const stale = alice.renewals.filter(({ epoch }) => alice.epoch - epoch >= 4n);
    expect(stale.map(({ member }) => member.credential)).toEqual([carol.member(2)?.credential]);
    settle(
      groups,
      alice,
      stale.map(({ member }) => remove(member.leaf)),
    );
    expect(carol.status).toBe('removed');
    expect(ages(bob)).toEqual([6n, 5n]);
  });

  test('R3.2-01: whoever joins counts from then on; a place that is taken anew counts anew', () => {
    const names = ['ann', 'ben', 'cal', 'dan', 'eve'].map((name) => clientOf(name));
    const [, , , dan, eve] = names as [
      unknown,
      unknown,
      unknown,
      ReturnType<typeof clientOf>,
      ReturnType<typeof clientOf>,
    ];
    const groups = gather(names.slice(0, 3) as typeof clients) as Group[];
    const [ann, ben] = groups as [Group, Group];
    for (let i = 0; i < 3; i++) settle(groups, ann);
    const added = ann.invite(keyPackagesOf([dan]));
    follow(groups, added.message);
    const late = dan.prepareJoin(added.welcome).accept();
    groups.push(late);
    expect(ages(ben)).toEqual([5n, 1n, 1n, 5n]);
    expect(ages(late), 'what was before is not known').toEqual([5n, 5n, 5n, 5n]);
    settle(groups, ann, [remove(2)]);
    const joining = eve.prepareExternalJoin(ann.groupInfo());
    follow(groups, joining.message);
    groups.push(joining.accept());
    expect(ages(ben)).toEqual([6n, 1n, 7n, 5n]);
    expect(ages(groups.at(-1) as Group)).toEqual([7n, 7n, 7n, 7n]);
  });

  test('R3.2-01 R16.6-04: a restart forgets nothing, with a commit under way as well', () => {
    const groups = gather(clients.map((_, i) => clientOf(`restarted ${i}`)) as typeof clients);
    const [alice, bob] = groups as [Group, Group];
    settle(groups, bob);
    settle(groups, alice);
    const commit = alice.commit();
    const again = clientOf('restarted 0').load(alice.save());
    expect(again.renewals).toEqual(alice.renewals);
    for (const group of [alice, again, bob]) take(group, commit.message);
    for (const group of [alice, again, bob]) expect(ages(group)).toEqual([4n, 2n, 1n]);
    expect(again.save()).toEqual(alice.save());
  });

  test('R3.2-01: a commit that is refused or dropped changes no age', () => {
    const groups = gather(clients.map((_, i) => clientOf(`steady ${i}`)) as typeof clients);
    const [alice, bob] = groups as [Group, Group];
    const commit = bob.commit();
    const before = alice.renewals;
    const staged = alice.process(commit.message);
    if (staged.kind !== 'commit') throw new Error(staged.kind);
    alice.discard(staged.commit);
    bob.discard(commit);
    fails([alice], () => alice.commit([remove(7)]), 'validation.proposal');
    expect([alice.renewals, bob.renewals]).toEqual([before, before]);
  });
});

describe('what invitees have in common', () => {
  const env = environment();
  const keyPackage = (
    lists: Partial<Record<'cipherSuites' | 'extensions' | 'proposals' | 'credentials', number[]>>,
  ) => {
    const identity = {
      credential: { credentialType: 1, identity: utf8('x') } as const,
      signer: signaturePair(env),
    };
    const leaf = {
      versions: [MLS10],
      cipherSuites: [1],
      extensions: [],
      proposals: [],
      credentials: [1],
      ...lists,
    };
    return keyPackageMessage(
      forgeKeyPackage(env, identity, { leaf: (content) => ({ ...content, capabilities: leaf }) }),
    );
  };

  test('R11-06 R11-07: the best suite that all support is found, so that a weaker one is noticed', () => {
    const preferred = [2, 5, 7, 3, 1];
    const best = (...lists: readonly number[][]) => {
      const { cipherSuites } = commonCapabilities(lists.map((cipherSuites) => keyPackage({ cipherSuites })));
      return preferred.find((suite) => cipherSuites.includes(suite));
    };
    expect(best([1, 2, 3], [3, 1, 2], [2, 3, 1])).toBe(2);
    expect(best([1, 2, 3], [3, 1], [2, 3, 1])).toBe(3);
    expect(best([1, 2], [1, 2], [1])).toBe(1);
    expect(best([1, 2], [3])).toBeUndefined();
  });

  test('R11-07: each list holds what everybody lists, in the order of the first', () => {
    const all = [
      keyPackage({ extensions: [0xff03, 0xff01, 0xff02], proposals: [0xf002, 0xf001], credentials: [2, 1] }),
      keyPackage({ extensions: [0xff01, 0xff03], proposals: [0xf001, 0xf002], credentials: [1] }),
    ];
    expect(commonCapabilities(all)).toEqual({
      versions: [MLS10],
      cipherSuites: [1],
      extensions: [0xff03, 0xff01],
      proposals: [0xf002, 0xf001],
      credentials: [CredentialType.basic],
    });
  });

  test('R13.5-07: reserved values are never common, though everybody lists them', () => {
    const lists = {
      cipherSuites: [...GREASE, 1],
      extensions: [...GREASE],
      proposals: [...GREASE],
      credentials: [1, ...GREASE],
    };
    const [one, two] = [keyPackage(lists), keyPackage(lists)];
    const expected = {
      versions: [MLS10],
      cipherSuites: [1],
      extensions: [],
      proposals: [],
      credentials: [1],
    };
    expect(commonCapabilities([one, two])).toEqual(expected);
    expect(commonCapabilities([one])).toEqual(expected);
    const greasy = keyPackagesOf([1, 2, 3].map((i) => clientOf(`greasy ${i}`, { policy: { grease: true } })));
    expect(commonCapabilities(greasy)).toEqual(expected);
  });

  test('R11-07: what it names can be required of those who were asked', () => {
    const clients = ['a', 'b'].map((name, i) =>
      clientOf(name, { policy: { grease: true, extensionTypes: i === 0 ? [0xff01, 0xff02] : [0xff02] } }),
    );
    const { extensions } = commonCapabilities(keyPackagesOf(clients));
    expect(extensions).toEqual([0xff02]);
    const [alice, bob] = clients as [ReturnType<typeof clientOf>, ReturnType<typeof clientOf>];
    const used = extensions.map((extensionType) => ({ extensionType, extensionData: utf8('x') }));
    expect(gather([alice, bob], used)).toHaveLength(2);
  });

  test('R11-07: further credential types are read, if their bodies are known', () => {
    const CREDENTIAL = 0xf0c0;
    const openTypes = { credentials: new Map([[CREDENTIAL, uint8]]) };
    const able = clientOf('able', { openTypes, policy: { credentialTypes: [1, CREDENTIAL] } });
    const typed = clientOf('typed', {
      credential: { credentialType: CREDENTIAL, body: Uint8Array.of(7) },
      openTypes,
      policy: { credentialTypes: [CREDENTIAL] },
    });
    const { credentials } = commonCapabilities(keyPackagesOf([able, typed]), openTypes);
    expect(credentials).toEqual([CREDENTIAL]);
    expect(codeOf(() => commonCapabilities(keyPackagesOf([typed])))).toBe('validation.unsupported');
  });

  test('R11-07: anything but KeyPackages is refused', () => {
    const group = clientOf('founder').createGroup();
    expect(codeOf(() => commonCapabilities([]))).toBe('codec.input');
    expect(codeOf(() => commonCapabilities([group.groupInfo()]))).toBe('validation.key-package');
    expect(codeOf(() => commonCapabilities([utf8('no message')]))).toBe('codec.unsupported');
  });
});

function ages(group: Group): bigint[] {
  return group.renewals.map(({ epoch }) => epoch);
}
