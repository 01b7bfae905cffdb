/** What a joiner of a successor refuses (RFC 9420 §11.2), when a member founds it wrongly. */

import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { stateOf } from '../../src/group/group.ts';
import {
  type Client,
  type Extension,
  type Group,
  type Policy,
  reinit,
  setExtensions,
} from '../../src/index.ts';
import { makeExtension, RequiredCapabilities } from '../../src/wire/extension.ts';
import type { ResumptionPskId } from '../../src/wire/psk.ts';
import { ExtensionType, ProposalType, PskType, PskUsage } from '../../src/wire/registry.ts';
import { agree, clientOf, fails, gather, keyPackagesOf, settle, take, works } from '../support/doors.ts';
import { type FollowUp, forgeFollowUp } from '../support/followUp.ts';
import { forgeCommit } from '../support/forge.ts';
import { environment } from '../support/peers.ts';

const NAMES = ['alice', 'bob', 'carol'];
const policy: Partial<Policy> = { extensionTypes: [0xff01, 0xff02] };
const extension = (type: number, data = 'x'): Extension => ({
  extensionType: type,
  extensionData: utf8(data),
});
const required = (proposalTypes: readonly number[]): Extension =>
  makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, {
    extensionTypes: [0xff01],
    proposalTypes,
    credentialTypes: [1],
  });
const ANNOUNCED = { groupId: utf8('next'), suite: 1, extensions: [required([]), extension(0xff01)] };

const clients = (): Client[] => NAMES.map((name) => clientOf(name, { policy, psks: () => utf8('shared') }));

/** Three members behind a ReInit. Bob joins with the handle of his own group. */
class Scene {
  readonly old: Group[];
  readonly bob: Client;
  readonly carol: Client;
  readonly packages: readonly Uint8Array[];
  /** Another group of alice and bob, which goes on. */
  readonly other: Group[];

  constructor() {
    const [alice, bob, carol] = clients() as [Client, Client, Client];
    this.old = gather([alice, bob, carol]);
    settle(this.old, this.old[2] as Group);
    settle(this.old, this.old[0] as Group, [reinit(ANNOUNCED)]);
    this.other = gather([alice, bob]);
    this.bob = bob;
    this.carol = carol;
    this.packages = keyPackagesOf([bob, carol]);
  }

  refuses(how: FollowUp, code: string, packages: readonly Uint8Array[] = this.packages): void {
    const welcome = forgeFollowUp(this.old[0] as Group, packages, how);
    fails([...this.old, ...this.other], () => this.bob.prepareJoin(welcome), code);
  }
}

describe('a founder that cheats', () => {
  const scene = new Scene();
  const other = scene.other[1] as Group;
  const psk = (change: Partial<ResumptionPskId>) => (honest: ResumptionPskId) => [{ ...honest, ...change }];
  const external = (honest: ResumptionPskId) =>
    ({ pskType: PskType.external, pskId: utf8('id'), pskNonce: honest.pskNonce }) as const;

  const rows: readonly (readonly [title: string, how: FollowUp, code: string])[] = [
    ['R11.2-02 another group id', { group: { ...ANNOUNCED, id: utf8('other') } }, 'validation.reinit'],
    ['R11.2-02 no extensions', { group: { id: ANNOUNCED.groupId } }, 'validation.reinit'],
    [
      'R11.2-02 an extension more',
      { group: { id: ANNOUNCED.groupId, extensions: [...ANNOUNCED.extensions, extension(0xff02)] } },
      'validation.reinit',
    ],
    [
      'R11.2-02 another extension instead',
      { group: { id: ANNOUNCED.groupId, extensions: [required([]), extension(0xff02)] } },
      'validation.reinit',
    ],
    [
      'R11.2-02 other data in an extension',
      { group: { id: ANNOUNCED.groupId, extensions: [required([]), extension(0xff01, 'y')] } },
      'validation.reinit',
    ],
    [
      'R11.2-02 another order of the same extensions',
      { group: { id: ANNOUNCED.groupId, extensions: [...ANNOUNCED.extensions].reverse() } },
      'validation.reinit',
    ],
    [
      'R11.2-02 more required capabilities',
      { group: { id: ANNOUNCED.groupId, extensions: [required([ProposalType.add]), extension(0xff01)] } },
      'validation.reinit',
    ],
    ['R11.2-03 epoch 2', { welcome: { context: (one) => ({ ...one, epoch: 2n }) } }, 'validation.reinit'],
    ['R11.2-03 epoch 0', { welcome: { context: (one) => ({ ...one, epoch: 0n }) } }, 'validation.reinit'],
    ['R11.2-04 the epoch before', { psks: psk({ pskEpoch: 2n }) }, 'validation.reinit'],
    ['R11.2-04 the first epoch', { psks: psk({ pskEpoch: 1n }) }, 'validation.reinit'],
    ['R11.2-04 an epoch that never was', { psks: psk({ pskEpoch: 4n }) }, 'state.missing-psk'],
    [
      'R11.2-04 R11.2-08 another group of ours, which goes on',
      {
        psks: psk({ pskGroupId: other.id, pskEpoch: other.epoch }),
        secret: stateOf(other).epoch.secrets.resumptionPsk,
      },
      'validation.reinit',
    ],
    ['R11.2-04 a group that we do not know', { psks: psk({ pskGroupId: utf8('?') }) }, 'state.missing-psk'],
    ['R11.2-04 usage branch', { psks: psk({ usage: PskUsage.branch }) }, 'validation.reinit'],
    ['R11.2-04 usage application', { psks: psk({ usage: PskUsage.application }) }, 'validation.reinit'],
    ['R11.2-04 no PSK', { psks: () => [] }, 'validation.reinit'],
    [
      'R11.2-04 an external PSK instead',
      { psks: (one) => [external(one)], secret: utf8('shared') },
      'validation.reinit',
    ],
    ['R11.2-04 two of them', { psks: (one) => [one, { ...one, pskEpoch: 2n }] }, 'validation.psk'],
    [
      'R11.2-04 a branch beside it',
      { psks: (one) => [one, { ...one, usage: PskUsage.branch }] },
      'validation.psk',
    ],
    [
      'R11.2-07 a nonce of another length',
      { psks: (one) => [{ ...one, pskNonce: one.pskNonce.subarray(1) }] },
      'validation.psk',
    ],
    ['R11.2-04 another value', { secret: utf8('guessed') }, 'crypto.aead'],
  ];

  test.each(rows)('JOI-18 %s', (_, how, code) => {
    scene.refuses(how, code);
  });

  test('JOI-18 R11.2-06 somebody is left behind', () => {
    const [bob, carol] = scene.packages as [Uint8Array, Uint8Array];
    scene.refuses({}, 'validation.reinit', [bob]);
    scene.refuses({ founder: 'mallory' }, 'validation.reinit', [bob, carol]);
    const [dora] = keyPackagesOf([clientOf('dora', { policy })]) as [Uint8Array];
    scene.refuses({}, 'validation.reinit', [bob, dora]);
  });

  test('JOI-18 R11.2-02 R11.2-07: another suite, with clients that have it', () => {
    const bob = clientOf('bob', { suite: 3, policy });
    const carol = clientOf('carol', { suite: 3, policy });
    const from = scene.old[1] as Group;
    const welcome = forgeFollowUp(scene.old[0] as Group, keyPackagesOf([bob, carol]), { suite: 3 });
    fails(scene.old, () => bob.prepareJoin(welcome, { from }), 'validation.reinit');
  });

  test('JOI-18 R11.2-01: after all that, the same KeyPackages open an honest Welcome', () => {
    const [alice] = clients() as [Client];
    const { group, welcome } = alice.reinitialise(scene.old[0] as Group, scene.packages);
    const joined = [scene.bob, scene.carol].map((one) => one.prepareJoin(welcome as Uint8Array).accept());
    works([group, ...joined]);
    const forged = forgeFollowUp(scene.old[0] as Group, keyPackagesOf([scene.bob, scene.carol]));
    fails(joined, () => scene.bob.prepareJoin(forged), 'validation.group-id');
  });
});

describe('what an honest insider could not build either', () => {
  test('a forged Welcome with nothing changed is accepted', () => {
    const { old, packages, bob, carol } = new Scene();
    const welcome = forgeFollowUp(old[0] as Group, packages);
    const joined = [bob, carol].map((one) => one.prepareJoin(welcome).accept());
    agree(joined);
  });

  test('JOI-18 R11.2-08: a Welcome without a ReInit before, whatever it announces', () => {
    const [alice, bob, carol] = clients() as [Client, Client, Client];
    const groups = gather([alice, bob, carol]);
    const packages = keyPackagesOf([bob, carol]);
    const welcome = forgeFollowUp(groups[0] as Group, packages, { group: { id: utf8('next') } });
    fails(groups, () => bob.prepareJoin(welcome), 'validation.reinit');
    // Announced, but not committed.
    const { message } = (groups[0] as Group).propose(reinit({ groupId: utf8('next'), suite: 1 }));
    (groups[1] as Group).process(message);
    fails(groups, () => bob.prepareJoin(welcome), 'validation.reinit');
  });

  test('JOI-18 R11.2-02: of a ReInit to a version that nobody has, nothing can follow', () => {
    const [alice, bob, carol] = clients() as [Client, Client, Client];
    const groups = gather([alice, bob, carol]) as Group[];
    const state = stateOf(groups[0] as Group);
    const proposal = {
      proposalType: ProposalType.reinit,
      groupId: utf8('next'),
      version: 2,
      cipherSuite: 1,
      extensions: [],
    };
    const sender = { kind: 'member', leaf: state.epoch.self } as const;
    const { message } = forgeCommit(environment(), state, [{ proposal, sender, ref: undefined }]);
    for (const group of groups.slice(1)) take(group, message);
    expect(groups[1]?.status).toBe('closed');
    const others = keyPackagesOf([alice, carol]);
    fails(groups, () => bob.reinitialise(groups[1] as Group, others), 'validation.reinit');
    const welcome = forgeFollowUp(groups[1] as Group, keyPackagesOf([alice, carol]), { founder: 'bob' });
    fails(groups, () => carol.prepareJoin(welcome), 'validation.reinit');
  });

  test('R11.2-04: whoever is added to a successor later on needs no PSK', () => {
    const { old, packages, bob, carol } = new Scene();
    const [alice] = clients() as [Client];
    const { group, welcome } = alice.reinitialise(old[0] as Group, packages);
    const ofBob = bob.prepareJoin(welcome as Uint8Array).accept();
    // Carol has lost the Welcome: she is removed and added anew, which makes an ordinary Welcome of a later epoch.
    settle([group, ofBob], group, [{ kind: 'remove', leaf: 2 as Group['self'] }]);
    settle([group, ofBob], ofBob, [setExtensions(group.extensions)]);
    const again = group.invite(keyPackagesOf([carol]));
    for (const one of [group, ofBob]) take(one, again.message);
    const staged = carol.prepareJoin(again.welcome);
    expect(staged.origin).toBeUndefined();
    works([group, ofBob, staged.accept()]);
  });
});
