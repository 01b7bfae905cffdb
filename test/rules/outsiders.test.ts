/** Ways in without an invitation (RFC 9420 §12.4.3.2, §12.1.8): external joins with PSKs, resync, requests to be added. */

import { describe, expect, test } from 'vitest';
import { leafIndex } from '../../src/base/brand.ts';
import { toHex } from '../../src/base/bytes.ts';
import { stateOf } from '../../src/group/group.ts';
import {
  add,
  type Client,
  type ClientOptions,
  externalPsk,
  type Group,
  type NewProposal,
  reinit,
  remove,
  resumptionPsk,
  stored,
  utf8,
} from '../../src/index.ts';
import { leafAt } from '../../src/tree/tree.ts';
import {
  agree,
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
import { signaturePair } from '../support/forge.ts';
import { environment } from '../support/peers.ts';
import { codeOf } from '../support/refusals.ts';

type Three<T> = [T, T, T];
const NAMES = ['alice', 'bob', 'carol'] as const;

/** PSKs that the application hands out, by client and id. */
const vault = new Map<string, Uint8Array>();
const client = (name: string, options: Partial<ClientOptions> = {}): Client =>
  clientOf(name, {
    psks: (id) => (id.pskType === 1 ? vault.get(`${name} ${toHex(id.pskId)}`) : undefined),
    ...options,
  });
const clients = (): Three<Client> => NAMES.map((name) => client(name)) as Three<Client>;
const give = (name: string, id: string, value = 'value'): void => {
  vault.set(`${name} ${toHex(utf8(id))}`, utf8(value));
};

describe('an external join with PSKs', () => {
  test('R12.2-21: external ones, and those of earlier epochs, in one commit', () => {
    const members = clients();
    const groups = gather(members) as Three<Group>;
    const [alice, bob, carol] = groups;
    for (const name of [...NAMES, 'carol']) {
      give(name, 'one');
      give(name, 'two', 'other');
    }
    settle(groups, bob);
    settle(groups, alice, [remove(2)]);
    settle([alice, bob], bob);
    expect(carol.status).toBe('removed');
    // Carol still proves that she was there.
    const psks = [externalPsk(utf8('two')), resumptionPsk(alice.id, 2n), externalPsk(utf8('one'))];
    const offer = members[2].prepareExternalJoin(alice.groupInfo(), { psks });
    expect(
      codeOf(() =>
        members[2].prepareExternalJoin(alice.groupInfo(), { psks: [resumptionPsk(alice.id, 3n)] }),
      ),
    ).toBe('state.missing-psk');
    const outcome = alice.process(offer.message);
    if (outcome.kind !== 'commit') throw new Error(verdict(outcome));
    expect(outcome.commit.changes.psks).toMatchObject([
      { pskType: 1, pskId: utf8('two') },
      { pskType: 2, usage: 1, pskGroupId: alice.id, pskEpoch: 2n },
      { pskType: 1, pskId: utf8('one') },
    ]);
    follow([alice, bob], offer.message);
    works([alice, bob, offer.accept()]);
  });

  test('R12.2-21 PRO-08 JOI-09: whoever lacks a PSK keeps its state, and follows when it has it', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const dora = client('dora');
    const options = { psks: [externalPsk(utf8('late'))] };
    fails(groups, () => dora.prepareExternalJoin(alice.groupInfo(), options), 'state.missing-psk');
    give('dora', 'late');
    give('alice', 'late');
    const offer = dora.prepareExternalJoin(alice.groupInfo(), options);
    for (const one of [bob, carol]) {
      refuses(one, offer.message, 'state.missing-psk');
      const outcome = one.process(offer.message);
      expect(outcome.kind === 'rejected' && outcome.error.retry).toBe('after-fix');
    }
    take(alice, offer.message);
    for (const name of ['bob', 'carol']) give(name, 'late');
    for (const one of [bob, carol]) take(one, offer.message);
    works([...groups, offer.accept()]);
  });

  test('R12.2-21 PRO-24: whoever has another value refuses it, and nobody else', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    for (const name of ['alice', 'dora', 'carol']) give(name, 'split');
    give('bob', 'split', 'wrong');
    const options = { psks: [externalPsk(utf8('split'))] };
    const offer = client('dora').prepareExternalJoin(alice.groupInfo(), options);
    // The tag of a joiner proves nothing about us: it may be the joiner who is wrong.
    refuses(bob, offer.message, 'crypto.confirmation-tag');
    for (const one of [alice, carol]) take(one, offer.message);
    agree([alice, carol, offer.accept()]);
  });

  test('R7.2-11: the leaf has the extensions that were asked for, and lists them', () => {
    const [alice] = gather(clients()) as Three<Group>;
    const leafExtensions = [{ extensionType: 0xff01, extensionData: utf8('mine') }];
    const offer = client('dora').prepareExternalJoin(alice.groupInfo(), { leafExtensions });
    take(alice, offer.message);
    const leaf = leafAt(stateOf(alice).epoch.tree, leafIndex(3));
    expect([leaf?.extensions, leaf?.capabilities.extensions]).toEqual([leafExtensions, [0xff01]]);
    works([alice]);
  });

  test('R12.2-22: nothing but PSKs is mixed in', () => {
    const [alice] = gather(clients());
    const dora = client('dora');
    const others: NewProposal[] = [
      add(keyPackagesOf([client('emil')])[0] as Uint8Array),
      remove(1),
      { kind: 'extensions', extensions: [] },
      reinit({ groupId: utf8('n'), suite: 1 }),
      { kind: 'leave' },
    ];
    for (const input of others)
      fails(
        [alice],
        () => dora.prepareExternalJoin(alice.groupInfo(), { psks: [input] }),
        'validation.external-commit',
      );
  });
});

describe('resync', () => {
  test('R12.2-21: with the PSK of an epoch that we remember, from the handle that lost step', () => {
    const members = clients();
    const groups = gather(members) as Three<Group>;
    const [alice, bob, carol] = groups;
    settle([alice, bob], alice);
    settle([alice, bob], bob);
    expect(carol.epoch).toBe(1n);
    const late = alice.encrypt(utf8('missed'));
    const options = { resync: true, psks: [resumptionPsk(carol.id, 1n)] };
    const offer = members[2].prepareExternalJoin(alice.groupInfo(), options);
    const dropped = members[2].prepareExternalJoin(alice.groupInfo(), options);
    dropped.discard();
    expect(carol.process(late).kind, 'nothing happens before it is accepted').toBe('held');
    follow([alice, bob], offer.message);
    const back = offer.accept();
    expect([carol.isOpen, codeOf(() => carol.epoch)]).toEqual([false, 'state.closed-handle']);
    works([alice, bob, back]);
    expect(alice.members).toHaveLength(3);
    expect(codeOf(() => offer.accept())).toBe('state.stale-handle');
  });

  test('R12.2-21: a PSK of an epoch that members have forgotten stops them, not the group', () => {
    const policy = { resumptionEpochs: 1, grease: false };
    const members = [
      client('alice', { policy }),
      client('bob', { policy }),
      client('carol'),
    ] as Three<Client>;
    const groups = gather(members) as Three<Group>;
    const [alice, bob] = groups;
    for (let i = 0; i < 3; i++) settle([alice, bob], alice);
    const options = { resync: true, psks: [resumptionPsk(alice.id, 1n)] };
    const offer = members[2].prepareExternalJoin(alice.groupInfo(), options);
    for (const one of [alice, bob]) refuses(one, offer.message, 'state.missing-psk');
    works([alice, bob]);
  });

  test('R12.2-20: only from a leaf with our key', () => {
    const groups = gather(clients());
    const join = () => client('carol').prepareExternalJoin(groups[0].groupInfo(), { resync: true });
    fails(groups, join, 'validation.external-commit');
  });

  test('R12.2-20: with that key and nothing else, when everything but the key was lost', () => {
    const signer = signaturePair(environment());
    const groups = gather([client('alice'), client('bob', { signer })]);
    const [alice] = groups;
    const offer = client('bob', { signer }).prepareExternalJoin(alice.groupInfo(), { resync: true });
    follow([alice], offer.message);
    works([alice, offer.accept()]);
  });

  test('R11-09: of two joins of one group only one is entered, whatever way they go', () => {
    const [alice] = gather(clients());
    const dora = client('dora');
    const external = dora.prepareExternalJoin(alice.groupInfo(), { resync: false });
    const { message } = dora.createKeyPackage({ lastResort: true });
    const invitation = alice.invite([message]);
    alice.accept(invitation);
    const first = dora.prepareJoin(invitation.welcome);
    const second = dora.prepareJoin(invitation.welcome);
    const group = first.accept();
    expect(codeOf(() => second.accept())).toBe('validation.group-id');
    expect(codeOf(() => external.accept())).toBe('validation.group-id');
    agree([alice, group]);
    group.close();
    agree([alice, second.accept()]);
  });
});

describe('a request to be added', () => {
  test('R12.1.8-05 PRO-26: waits for a decision, holds nobody up, and works after a restart', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob] = groups;
    const { message, secrets, ref } = client('dora').requestJoin(alice.groupInfo());
    deliver(groups, undefined, message);
    expect(alice.proposals.map(({ type, sender }) => [type, sender])).toEqual([[1, undefined]]);
    expect(verdict(bob.process(alice.encrypt(utf8('still here'))))).toBe('application');
    const wanted = (bob.proposals[0] as Group['proposals'][0]).ref;
    const commit = bob.commit([stored(wanted)]);
    follow(groups, commit.message);
    const restarted = client('dora');
    restarted.restoreKeyPackage(secrets);
    works([...groups, restarted.prepareJoin(commit.welcome as Uint8Array).accept()]);
    expect(codeOf(() => client('dora').prepareJoin(commit.welcome as Uint8Array))).toBe(
      'state.unknown-key-package',
    );
    restarted.forgetKeyPackage(ref);
  });

  test('PRO-20 R14-02: is not ours to ask for, when our commit of it has lost', () => {
    const [alice, bob] = gather([client('alice'), client('bob')]) as [Group, Group];
    const asking = client('dora').requestJoin(alice.groupInfo());
    deliver([alice, bob], undefined, asking.message);
    bob.commit([stored(bob.proposals[0]?.ref as Uint8Array)]);
    const outcome = bob.process(alice.commit().message);
    if (outcome.kind !== 'commit') throw new Error(verdict(outcome));
    expect(bob.accept(outcome.commit).again).toEqual([]);
  });

  test('R12.1.8-06: dies with its epoch', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const early = client('dora').requestJoin(alice.groupInfo());
    settle(groups, alice);
    for (const one of groups) expect(verdict(one.process(early.message))).toBe('expired');
    const { message } = client('dora').requestJoin(alice.groupInfo());
    deliver([bob, carol], undefined, message);
    const { ref } = bob.proposals[0] as Group['proposals'][0];
    refuses(alice, bob.commit([stored(ref)]).message, 'validation.unknown-proposal-ref');
    follow(groups, alice.commit().message);
    expect(bob.proposals).toEqual([]);
    fails([bob], () => bob.commit([stored(ref)]), 'validation.unknown-proposal-ref');
  });

  test('PRO-05 R12.2-07 R12.2-08: one client is added once, though it asks twice, or is there already', () => {
    const members = clients();
    const groups = gather(members) as Three<Group>;
    const [alice, bob] = groups;
    const dora = client('dora');
    for (const one of [dora, dora, members[2]])
      deliver(groups, undefined, one.requestJoin(alice.groupInfo()).message);
    const refs = bob.proposals.map(({ ref }) => stored(ref));
    fails(groups, () => bob.commit(refs.slice(0, 2)), 'validation.duplicate-client');
    fails(groups, () => bob.commit(refs.slice(2)), 'validation.duplicate-client');
    const commit = settle(groups, bob, refs.slice(1, 2));
    works([...groups, dora.prepareJoin(commit.welcome as Uint8Array).accept()]);
  });

  test('R12.1.8-05: needs a GroupInfo of our suite', () => {
    const [alice] = gather(clients());
    const info = alice.groupInfo();
    expect(codeOf(() => client('dora', { suite: 3 }).requestJoin(info))).toBe('validation.group-info');
    expect(codeOf(() => client('dora').requestJoin(keyPackagesOf([client('x')])[0] as Uint8Array))).toBe(
      'validation.group-info',
    );
    expect(codeOf(() => client('dora').requestJoin(info.subarray(0, 20)))).toBe('codec.truncated');
  });

  test('R12.1.8-01: is signed by the key that it proposes', () => {
    const [alice, bob] = gather(clients()) as Three<Group>;
    const { message } = client('dora').requestJoin(alice.groupInfo());
    const changed = message.slice();
    changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
    refuses(bob, changed, 'crypto.signature');
    expect(stateOf(bob).proposals).toEqual([]);
  });
});
