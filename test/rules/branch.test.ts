/** Subgroups (RFC 9420 §11.3), through the public door, and what joiners refuse of those that a member makes wrongly. */

import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { decode } from '../../src/codec/codec.ts';
import { decryptWithLabel } from '../../src/crypto/labels.ts';
import { stateOf } from '../../src/group/group.ts';
import { decodeKeyPackage } from '../../src/group/record.ts';
import { type Client, type Extension, type Group, reinit, remove } from '../../src/index.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import type { PreSharedKeyId, ResumptionPskId } from '../../src/wire/psk.ts';
import { PskType, PskUsage, WireFormat } from '../../src/wire/registry.ts';
import { GroupSecrets } from '../../src/wire/welcome.ts';
import { agree, clientOf, fails, gather, keyPackagesOf, settle, works } from '../support/doors.ts';
import { type FollowUp, forgeFollowUp } from '../support/followUp.ts';
import { environment } from '../support/peers.ts';

const NAMES = ['alice', 'bob', 'carol', 'dave'] as const;
type Four<T> = [T, T, T, T];

function clients(suite = 1): Four<Client> {
  return NAMES.map((name) => clientOf(name, { suite, policy: { extensionTypes: [0xff01] } })) as Four<Client>;
}

describe('a subgroup', () => {
  test.each([1, 2, 3, 4, 5, 6, 7])(
    'R11.3-01 R11.3-02 R11.3-07: suite %i, whoever founds; both groups go on',
    (suite) => {
      const members = clients(suite);
      const parents = gather(members) as Four<Group>;
      for (const founder of [0, 1, 2]) {
        const others = [0, 1, 2].filter((i) => i !== founder);
        const packages = keyPackagesOf(others.map((i) => members[i] as Client));
        const before = parents.map((group) => group.save());
        const made = (members[founder] as Client).branch(parents[founder] as Group, packages);
        const staged = others.map((i) => (members[i] as Client).prepareJoin(made.welcome as Uint8Array));
        expect(parents.map((group) => group.save())).toEqual(before);
        for (const { origin } of staged)
          expect(origin).toEqual({ kind: 'branch', groupId: parents[0].id, epoch: parents[0].epoch });
        const subgroup = [made.group, ...staged.map((one) => one.accept())];
        agree(subgroup);
        expect(made.group.epoch).toBe(1n);
        expect(made.group.id).not.toEqual(parents[0].id);
        works(subgroup);
        works(parents);
      }
    },
  );

  test('R11.3-01: id and extensions are the founder’s choice; alone as well', () => {
    const members = clients();
    const parents = gather(members) as Four<Group>;
    const extensions: Extension[] = [{ extensionType: 0xff01, extensionData: utf8('x') }];
    const made = members[1].branch(parents[1], keyPackagesOf([members[3]]), { id: utf8('two'), extensions });
    const ofDave = members[3].prepareJoin(made.welcome as Uint8Array).accept();
    expect([ofDave.id, ofDave.extensions]).toEqual([utf8('two'), extensions]);
    const alone = members[0].branch(parents[0], []);
    expect([alone.welcome, alone.group.epoch, alone.group.members.length]).toEqual([undefined, 1n, 1]);
    works([alone.group]);
  });

  test('R11.3-02: one PSK, of the parent’s epoch, with a nonce of the hash length that every founding draws anew', () => {
    const members = clients();
    const parents = gather(members) as Four<Group>;
    const nonces = [0, 1].map(() => {
      const { message, secrets } = members[1].createKeyPackage();
      const { welcome } = members[0].branch(parents[0], [message]);
      const psks = psksIn(welcome as Uint8Array, secrets);
      const id = {
        pskType: PskType.resumption,
        usage: PskUsage.branch,
        pskGroupId: parents[0].id,
        pskEpoch: 1n,
      };
      expect(psks).toEqual([{ ...id, pskNonce: expect.any(Uint8Array) }]);
      return toHex((psks[0] as PreSharedKeyId).pskNonce);
    });
    expect(nonces.map(({ length }) => length)).toEqual([64, 64]);
    expect(nonces[0]).not.toBe(nonces[1]);
  });

  test('R11.3-01 R11.3-05: after a restart, with clients that never saw the parent', () => {
    const members = clients();
    const parents = gather(members) as Four<Group>;
    const saved = parents.map((group) => group.save());
    const restarted = clients().map((client, i) => ({ client, group: client.load(saved[i] as Uint8Array) }));
    const [alice, bob] = restarted as [(typeof restarted)[0], (typeof restarted)[0]];
    const phone = clientOf('bob', { policy: { extensionTypes: [0xff01] } });
    const { group, welcome } = alice.client.branch(alice.group, keyPackagesOf([phone]));
    // It has the identity of a member, and gets the PSK from the group of bob's other client.
    fails([bob.group], () => phone.prepareJoin(welcome as Uint8Array), 'state.missing-psk');
    works([group, phone.prepareJoin(welcome as Uint8Array, { from: bob.group }).accept()]);
  });

  test('R11.3-05: who was a member in the epoch that the PSK names may follow later', () => {
    const members = clients();
    const parents = gather(members) as Four<Group>;
    const made = members[0].branch(parents[0], keyPackagesOf([members[1], members[3]]));
    settle(parents, parents[2], [remove(3)]);
    settle(parents.slice(0, 3), parents[1]);
    const ofBob = members[1].prepareJoin(made.welcome as Uint8Array).accept();
    // Removed meanwhile, and still able to read what was for that epoch.
    const ofDave = members[3].prepareJoin(made.welcome as Uint8Array).accept();
    works([made.group, ofBob, ofDave]);
    // From now on dave is a stranger.
    const packages = keyPackagesOf([members[3]]);
    fails(parents, () => members[0].branch(parents[0], packages), 'validation.reinit');
  });
});

describe('what the founder is refused', () => {
  const members = clients();
  const parents = gather(members) as Four<Group>;

  test('R11.3-05 JOI-18: an outsider, among others or instead', () => {
    const mallory = clientOf('mallory');
    for (const some of [[mallory], [members[1], mallory]])
      fails(parents, () => members[0].branch(parents[0], keyPackagesOf(some)), 'validation.reinit');
    fails(parents, () => mallory.branch(parents[0], keyPackagesOf([members[1]])), 'validation.reinit');
  });

  test('R11.3-07: the id of the parent, or of another group of ours', () => {
    const packages = keyPackagesOf([members[1]]);
    fails(parents, () => members[0].branch(parents[0], packages, { id: parents[0].id }), 'validation.reinit');
    const other = members[0].createGroup({ id: utf8('other') });
    const call = () => members[0].branch(parents[0], packages, { id: other.id });
    fails([...parents, other], call, 'validation.group-id');
  });

  test('R11.3-03: another suite', () => {
    const alice = clientOf('alice', { suite: 3 });
    const packages = keyPackagesOf([clientOf('bob', { suite: 3 })]);
    fails(parents, () => alice.branch(parents[0], packages), 'validation.reinit');
    fails(parents, () => members[0].branch(parents[0], packages), 'validation.key-package');
  });

  test('R11.3-01: a closed parent, one that we left, and extensions that somebody lacks', () => {
    const others = clients();
    const old = gather(others) as Four<Group>;
    const extensions: Extension[] = [{ extensionType: 0xff02, extensionData: utf8('x') }];
    fails(old, () => others[0].branch(old[0], [], { extensions }), 'validation.unsupported');
    settle(old, old[0], [remove(3)]);
    fails(old, () => others[3].branch(old[3], []), 'state.not-member');
    settle(old.slice(0, 3), old[0], [reinit({ groupId: utf8('n'), suite: 1 })]);
    fails(old, () => others[0].branch(old[0], []), 'state.closed');
  });
});

describe('a founder that cheats', () => {
  const members = clients();
  const parents = gather(members) as Four<Group>;
  settle(parents, parents[2]);
  settle(parents, parents[0]);
  const other = gather([members[0], members[1]]) as [Group, Group];
  const packages = keyPackagesOf([members[1], members[2]]);
  const psk = (change: Partial<ResumptionPskId>) => (honest: ResumptionPskId) => [{ ...honest, ...change }];
  const external = (honest: ResumptionPskId) =>
    ({ pskType: PskType.external, pskId: utf8('id'), pskNonce: honest.pskNonce }) as const;
  const refuses = (how: FollowUp, code: string, some = packages): void => {
    const welcome = forgeFollowUp(parents[0], some, { usage: PskUsage.branch, ...how });
    fails([...parents, ...other], () => members[1].prepareJoin(welcome), code);
  };

  const rows: readonly (readonly [title: string, how: FollowUp, code: string])[] = [
    ['R11.3-04 epoch 2', { welcome: { context: (one) => ({ ...one, epoch: 2n }) } }, 'validation.reinit'],
    ['R11.3-04 epoch 0', { welcome: { context: (one) => ({ ...one, epoch: 0n }) } }, 'validation.reinit'],
    ['R11.3-07 the id of the parent', { group: { id: parents[0].id } }, 'validation.reinit'],
    ['R11.3-05 an outsider who founds', { founder: 'mallory' }, 'validation.reinit'],
    ['R11.3-02 usage reinit', { usage: PskUsage.reinit }, 'validation.reinit'],
    ['R11.3-02 an epoch that never was', { psks: psk({ pskEpoch: 9n }) }, 'state.missing-psk'],
    ['R11.3-02 an unknown group', { psks: psk({ pskGroupId: utf8('?') }) }, 'state.missing-psk'],
    [
      'R11.3-05 another parent, whose members are others',
      {
        psks: psk({ pskGroupId: other[0].id, pskEpoch: other[0].epoch }),
        secret: stateOf(other[0]).epoch.secrets.resumptionPsk,
      },
      'validation.reinit',
    ],
    ['R11.3-02 two of them', { psks: (one) => [one, { ...one, pskEpoch: 1n }] }, 'validation.psk'],
    [
      'R11.3-02 a short nonce',
      { psks: (one) => [{ ...one, pskNonce: one.pskNonce.subarray(1) }] },
      'validation.psk',
    ],
    ['R11.3-02 another value', { secret: utf8('guessed') }, 'crypto.aead'],
    ['R11.3-02 a PSK that we lack beside it', { psks: (one) => [one, external(one)] }, 'state.missing-psk'],
  ];

  test.each(rows)('JOI-18 %s', (_, how, code) => {
    refuses(how, code);
  });

  test('JOI-18 R11.3-05 an outsider among the members', () => {
    refuses({}, 'validation.reinit', [...packages, ...keyPackagesOf([clientOf('mallory')])]);
  });

  test('JOI-18 R11.3-03 another suite, with clients that have it', () => {
    const [, bob, carol] = clients(3);
    const welcome = forgeFollowUp(parents[0], keyPackagesOf([bob, carol]), {
      usage: PskUsage.branch,
      suite: 3,
    });
    fails(parents, () => bob.prepareJoin(welcome, { from: parents[1] }), 'validation.reinit');
  });

  test('JOI-18 R11.3-01 the same KeyPackages open an honest Welcome afterwards', () => {
    const { group, welcome } = members[0].branch(parents[0], packages);
    works([group, ...[1, 2].map((i) => (members[i] as Client).prepareJoin(welcome as Uint8Array).accept())]);
    const forged = forgeFollowUp(parents[0], keyPackagesOf([members[1]]), { usage: PskUsage.branch });
    expect(members[1].prepareJoin(forged).origin?.kind).toBe('branch');
    // A recent epoch of the parent does as well: who was a member then counts.
    const late = { usage: PskUsage.branch, psks: psk({ pskEpoch: parents[0].epoch - 1n }) };
    expect(members[1].prepareJoin(forgeFollowUp(parents[0], keyPackagesOf([members[1]]), late)).epoch).toBe(
      1n,
    );
  });
});

/** What the Welcome says to the first client it is for. @param secrets of its KeyPackage */
function psksIn(welcome: Uint8Array, secrets: Uint8Array): readonly PreSharedKeyId[] {
  const env = environment();
  const message = decode(MlsMessage, welcome);
  if (message.wireFormat !== WireFormat.welcome) throw new Error('no Welcome');
  const { encryptedGroupInfo, secrets: entries } = message.welcome;
  const { init } = decodeKeyPackage(env, secrets);
  const sealed = (entries[0] as (typeof entries)[0]).encryptedGroupSecrets;
  return decode(GroupSecrets, decryptWithLabel(env.suite, init, 'Welcome', encryptedGroupInfo, sealed)).psks;
}
