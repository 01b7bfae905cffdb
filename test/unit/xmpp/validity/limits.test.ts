/** V10 to V13 of section 7.2, and what `validateCommit` says of messages that are no commit to be judged. */

import { describe, expect, test } from 'vitest';
import { decode } from '../../../../src/codec/codec.ts';
import { nodeProvider } from '../../../../src/crypto/node/index.ts';
import { insideOf } from '../../../../src/group/group.ts';
import { skipOwnMove } from '../../../../src/group/moves.ts';
import { add, createClient, externalPsk, remove, resumptionPsk } from '../../../../src/index.ts';
import { memoryBackend } from '../../../../src/storage/memory.ts';
import { openStore } from '../../../../src/storage/store.ts';
import { MlsMessage } from '../../../../src/wire/message.ts';
import { groupExtensions } from '../../../../src/xmpp/binding.ts';
import { validateCommit } from '../../../../src/xmpp/validity.ts';
import { forgeCommit } from '../../../support/forge.ts';
import {
  account,
  bindingFor,
  bound,
  clientOf,
  device,
  judged,
  NOW,
  rules,
  type Seat,
  verdictOf,
} from './devices.ts';

const [ann, bob, dora] = [account('ann'), account('bob'), account('dora')];
const two = (): [Seat, Seat] =>
  bound([device(ann, '1'), device(bob, '1')], bindingFor([ann], { joinRule: 1 })) as [Seat, Seat];

describe('limits', () => {
  test('V10: 64 Adds, and not one more', () => {
    const seats = two();
    const adds = Array.from({ length: 65 }, (_, i) => {
      const parts = device(account(`d${i}`), '1');
      return add(clientOf(parts, { insider: true }).createKeyPackage().message);
    });
    expect(judged(seats, 0, adds)).toBe('validation.proposal-list V10');
    expect(judged(seats, 0, adds.slice(1))).toBe('ok');
  });

  test('V10: a commit by whom it removes', () => {
    const seats = two();
    const { env, cell } = insideOf(seats[0].insider);
    const sender = { kind: 'member', leaf: cell.state.epoch.self } as const;
    const forged = forgeCommit(env, cell.state, [
      { proposal: { proposalType: 3, removed: 0 }, sender, ref: undefined },
    ]);
    expect(verdictOf(seats, forged.message, seats[0])).toBe('validation.proposal-list V10');
  });

  test('V11: a KeyPackage of another suite', () => {
    const seats = two();
    const { credential, signer, leafExtensions } = device(dora, '1');
    const { message } = createClient({
      ...rules,
      credential,
      signer,
      leafExtensions: () => leafExtensions,
      provider: nodeProvider,
      clock: () => NOW,
      suite: 3,
    }).createKeyPackage();
    const decoded = decode(MlsMessage, message);
    if (decoded.wireFormat !== 5) throw new Error('no KeyPackage');
    const { env, cell } = insideOf(seats[0].insider);
    const sender = { kind: 'member', leaf: cell.state.epoch.self } as const;
    const proposal = { proposalType: 1, keyPackage: decoded.keyPackage } as const;
    const forged = forgeCommit(env, cell.state, [{ proposal, sender, ref: undefined }]);
    expect(verdictOf(seats, forged.message, seats[0])).toBe('validation.key-package V11');
  });

  test('V12: no PSK in a commit, whoever has it', () => {
    const seats = two();
    expect(judged(seats, 0, [externalPsk(new Uint8Array([1]))])).toBe('validation.psk V12');
    expect(judged(seats, 0, [resumptionPsk(seats[0].insider.id, 1n)])).toBe('validation.psk V12');
  });

  test('V12: the PSK of a branch in the first commit of the new group', () => {
    const founder = clientOf(device(ann, '1'));
    const [other] = [clientOf(device(bob, '1'))];
    const extensions = groupExtensions(bindingFor([ann]));
    const parent = founder.createGroup({ extensions });
    const commit = parent.invite([other.createKeyPackage().message]);
    parent.accept(commit);
    const from = other.prepareJoin(commit.welcome).accept();
    const { group, welcome } = founder.branch(parent, [other.createKeyPackage().message], { extensions });
    expect(welcome && other.prepareJoin(welcome, { from }).accept().epoch).toBe(group.epoch);
  });

  test('V13: proposals, bytes, and handshakes of one sender', () => {
    const seats = two();
    const psks = Array.from({ length: 257 }, (_, i) => externalPsk(new Uint8Array([i >> 8, i])));
    expect(judged(seats, 0, psks)).toBe('codec.limit V13');
    expect(judged(seats, 0, psks.slice(1))).toBe('validation.psk V12');
    const data = (length: number) => ({ authenticatedData: new Uint8Array(length) });
    expect(judged(seats, 0, [], data(1 << 20))).toBe('codec.limit V13');
    expect(judged(seats, 0, [], data((1 << 20) - 5000))).toBe('ok');
    const { env, cell } = insideOf(seats[0].insider);
    cell.run((state) => skipOwnMove(env, state, { application: 0, handshake: 990 }));
    // Handshakes so far were judged and dropped, each with a generation of its own.
    const last = Array.from({ length: 12 }, () => judged(seats, 0));
    expect(last.filter((verdict) => verdict === 'ok').length).toBeGreaterThan(0);
    expect(last.at(-1)).toBe('codec.limit V13');
    // In public a handshake has no generation.
    expect(judged(seats, 0, [], { handshake: 'public' })).toBe('ok');
  });

  test('V13: whoever follows V does not begin a handshake that nobody would take', () => {
    const [seat] = two();
    const { env, cell } = insideOf(seat.honest);
    cell.run((state) => skipOwnMove(env, state, { application: 0, handshake: 1001 }));
    const before = seat.honest.save();
    expect(() => seat.honest.commit()).toThrow('crypto.limit');
    expect(() =>
      seat.honest.commit([], { handshake: 'public', authenticatedData: new Uint8Array(1 << 20) }),
    ).toThrow('codec.limit');
    expect(seat.honest.save()).toEqual(before);
  });
});

describe('validateCommit', () => {
  test('what ends no epoch now is not ok, and our own pending commit is', () => {
    const seats = two();
    const [a, b] = seats;
    const pending = a.honest.commit();
    expect(validateCommit(a.honest, pending.message)).toEqual({ ok: true });
    a.honest.discard(pending);
    const message = b.insider.encrypt(new Uint8Array([1]));
    expect(validateCommit(a.honest, message)).toMatchObject({ ok: false, code: 'validation.wire-format' });
    expect(a.honest.process(message).kind).toBe('application');
    const commit = b.insider.commit();
    for (const group of [b.insider, b.honest, a.honest]) {
      const outcome = group.process(commit.message);
      if (outcome.kind === 'commit' || outcome.kind === 'own-commit') group.accept(outcome.commit);
    }
    const [other] = two();
    expect(validateCommit(a.honest, other.insider.commit().message)).toMatchObject({
      code: 'state.unknown-group',
    });
    expect(validateCommit(a.honest, b.insider.commit().message)).toEqual({ ok: true });
    expect(validateCommit(other.honest, new Uint8Array([0]))).toMatchObject({ ok: false, rule: 'RFC 9420' });
    const late = a.insider.commit([remove(1)]);
    expect(validateCommit(a.honest, late.message)).toMatchObject({ code: 'state.epoch-past' });
  });

  test('it judges on a group of a store, which it does not touch', async () => {
    const store = await openStore(memoryBackend(), { provider: nodeProvider });
    const { credential, signer, leafExtensions } = device(ann, '1');
    const client = await store.client({
      ...rules,
      credential,
      signer,
      leafExtensions: () => leafExtensions,
      clock: () => NOW,
    });
    const stored = await client.createGroup({ extensions: groupExtensions(bindingFor([ann])) });
    const joiner = clientOf(device(bob, '1'), { insider: true });
    const commit = await stored.invite([joiner.createKeyPackage().message]);
    await stored.accept(commit);
    const insider = joiner.prepareJoin(commit.welcome).accept();
    const before = stored.group.save();
    const good = insider.commit();
    expect(validateCommit(stored.group, good.message)).toEqual({ ok: true });
    insider.discard(good);
    const bad = insider.commit([remove(0)]);
    expect(validateCommit(stored.group, bad.message)).toMatchObject({
      code: 'policy.commit-rejected',
      rule: 'V6',
    });
    expect(stored.group.save()).toEqual(before);
    await store.close();
  });
});
