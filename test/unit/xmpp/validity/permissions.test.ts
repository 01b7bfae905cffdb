/** V5 to V8 of section 7.2: who may do what, and that all members say the same, whatever their clocks. */

import { describe, expect, test } from 'vitest';
import { add, type ProposalInput, reinit, remove, setExtensions } from '../../../../src/index.ts';
import { bindingExtension, GroupMode, groupExtensions } from '../../../../src/xmpp/binding.ts';
import { HandshakeReason, handshakeNote } from '../../../../src/xmpp/handshakeNote.ts';
import {
  account,
  bindingFor,
  bound,
  clientOf,
  device,
  dmBinding,
  judged,
  listOf,
  refusal,
} from './devices.ts';

const [ann, bob, cid, dora] = [account('ann'), account('bob'), account('cid'), account('dora')];
const COMMIT = 'policy.commit-rejected';
const packageOf = (who = dora, id = '1'): ProposalInput =>
  add(clientOf(device(who, id)).createKeyPackage().message);

/** Ann is admin and founds; bob has two devices, cid one. */
const seats = (joinRule: 0 | 1, removeRule: 0 | 1) =>
  bound(
    [device(ann, '1'), device(bob, '1'), device(bob, '2'), device(cid, '1')],
    bindingFor([ann], { joinRule, removeRule }),
  );

describe('V5 to V7 by permission and role', () => {
  const ADMIN = 0;
  const MEMBER = 1;
  const inputs = {
    'adds a stranger': () => [packageOf()],
    'adds a device of its own account': (role: number) => [packageOf(role === ADMIN ? ann : bob, '7')],
    'adds a device of another account in the group': () => [packageOf(cid, '7')],
    'removes a device of its own account': () => [remove(2)],
    'removes a device of another account': () => [remove(3)],
    'changes the extensions': () => [
      setExtensions(groupExtensions(bindingFor([ann, bob], { staleAfter: 9 }))),
    ],
    'ends the group': () => [reinit({ groupId: new Uint8Array([1]), suite: 1 })],
    'renews its leaf': () => [],
  } as const;
  const open = { joinRule: 1, removeRule: 1 } as const;
  const closed = { joinRule: 0, removeRule: 0 } as const;

  test.each([
    ['adds a stranger', closed, `${COMMIT} V5`],
    ['adds a stranger', open, 'ok'],
    ['adds a device of its own account', closed, 'ok'],
    ['adds a device of another account in the group', closed, `${COMMIT} V5`],
    ['adds a device of another account in the group', open, `${COMMIT} V5`],
    ['removes a device of its own account', closed, 'ok'],
    ['removes a device of another account', closed, `${COMMIT} V6`],
    ['removes a device of another account', open, 'ok'],
    ['changes the extensions', open, `${COMMIT} V7`],
    ['ends the group', open, `${COMMIT} V7`],
    ['renews its leaf', closed, 'ok'],
  ] as const)('XMP-25: a member %s under %o: %s', (act, { joinRule, removeRule }, expected) => {
    const group = seats(joinRule, removeRule);
    expect(judged(group, MEMBER, inputs[act](MEMBER))).toBe(expected);
    // The admin may do all of it.
    expect(judged(group, ADMIN, inputs[act](ADMIN))).toBe('ok');
    expect(judged(group, MEMBER)).toBe('ok');
  });

  test('XMP-25: honest clients do not make what others refuse', () => {
    const [, , member] = seats(0, 0);
    if (member === undefined) throw new Error('no seat');
    expect(refusal(() => member.honest.commit([packageOf()]))).toBe(`${COMMIT} V5`);
    expect(refusal(() => member.honest.commit([remove(3)]))).toBe(`${COMMIT} V6`);
    expect(refusal(() => member.honest.commit([setExtensions(groupExtensions(bindingFor([bob])))]))).toBe(
      `${COMMIT} V7`,
    );
    expect(member.honest.pending).toBeUndefined();
  });

  test('an admin is one by JID and key: the same JID with another key in the binding is none', () => {
    const group = bound([device(ann, '1'), device(bob, '1')], bindingFor([account('ann')]));
    expect(judged(group, 0, [packageOf()])).toBe(`${COMMIT} V5`);
    expect(judged(group, 0)).toBe('ok');
  });

  test('V5: an admin adds nobody from outside to a one-to-one group, or to that of one account', () => {
    const pair = bound([device(ann, '1'), device(bob, '1')], dmBinding(ann, bob));
    expect(judged(pair, 0, [packageOf()])).toBe(`${COMMIT} V5`);
    expect(judged(pair, 0, [packageOf(bob, '2')])).toBe('ok');
    const self = bound([device(ann, '1'), device(ann, '2')], bindingFor([ann], { mode: GroupMode.self }));
    expect(judged(self, 0, [packageOf()])).toBe(`${COMMIT} V5`);
    expect(judged(self, 0, [packageOf(ann, '3')])).toBe('ok');
  });

  test('V7: the last admin of a room does not go, and cannot; that of a pair can', () => {
    const group = seats(0, 0);
    const none = setExtensions(groupExtensions(bindingFor([])));
    expect(judged(group, 0, [none])).toBe(`${COMMIT} V7`);
    const pair = bound([device(ann, '1'), device(bob, '1')], dmBinding(ann, bob));
    expect(judged(pair, 0, [setExtensions(groupExtensions({ ...dmBinding(ann, bob), admins: [] }))])).toBe(
      'ok',
    );
    const bare = setExtensions([bindingExtension(bindingFor([ann, cid]))]);
    expect(judged(group, 0, [bare])).toBe('ok');
  });
});

describe('V5 and V6 for what is proposed by reference', () => {
  test('whoever proposes or whoever commits must have the right', () => {
    const group = seats(0, 0);
    const [admin, member, , other] = group;
    if (admin === undefined || member === undefined || other === undefined) throw new Error('no seat');
    const { message } = admin.insider.propose(packageOf() as never);
    for (const seat of group)
      for (const one of [seat.insider, seat.honest])
        if (one !== admin.insider) expect(one.process(message).kind).toMatch(/proposal|own|desync/);
    expect(judged(group.slice(1), 0)).toBe('ok');
  });

  test('a commit of ours does not take up by itself what its proposer may not do, and does when it is named', () => {
    const group = seats(0, 0);
    const [admin, , , other] = group;
    if (admin === undefined || other === undefined) throw new Error('no seat');
    const { message, ref } = other.insider.propose(packageOf() as never);
    expect(admin.honest.process(message).kind).toBe('proposal');
    const quiet = admin.honest.commit();
    expect(quiet.changes.added).toEqual([]);
    admin.honest.discard(quiet);
    const asked = admin.honest.commit([{ kind: 'stored', ref }]);
    expect(asked.changes.added).toHaveLength(1);
    admin.honest.discard(asked);
  });

  test('a leave is for anybody to commit', () => {
    const group = seats(0, 0);
    const [, member, , leaver] = group;
    if (member === undefined || leaver === undefined) throw new Error('no seat');
    const { message } = leaver.insider.propose(remove(3) as never);
    for (const seat of group.slice(0, 3)) seat.honest.process(message);
    const commit = member.honest.commit();
    expect(commit.changes.removed.map(({ leaf }) => leaf)).toEqual([3]);
  });
});

describe('V6 with evidence', () => {
  const note = (list = listOf(cid, { revoked: ['1'] }), reason: number = HandshakeReason.deviceRevoked) => ({
    authenticatedData: handshakeNote(reason, list),
  });

  test('IDN-03: a device that its own account has revoked is removed by anybody', () => {
    const group = seats(0, 0);
    expect(judged(group, 1, [remove(3)], note())).toBe('ok');
    expect(judged(group, 1, [remove(3)])).toBe(`${COMMIT} V6`);
  });

  test.each([
    ['no evidence but the reason', { authenticatedData: handshakeNote(HandshakeReason.deviceRevoked) }],
    ['another reason', note(undefined, HandshakeReason.kicked)],
    ['a list that revokes another device', note(listOf(cid, { revoked: ['2'] }))],
    ['a list of another account', note(listOf(bob, { revoked: ['1'] }))],
    ['a list of the same JID under another key', note(listOf(account('cid'), { revoked: ['1'] }))],
    [
      'a list that somebody else has signed',
      {
        authenticatedData: handshakeNote(5, {
          ...listOf(cid, { revoked: ['1'] }),
          signature: listOf(bob).signature,
        }),
      },
    ],
    ['bytes that are no note', { authenticatedData: new Uint8Array([1, 2, 3]) }],
  ])('IDN-03: refused with %s', (_, options) => {
    const group = seats(0, 0);
    expect(judged(group, 1, [remove(3)], options)).toBe(`${COMMIT} V6`);
  });

  test('it removes the device that it names, and no other one', () => {
    const group = seats(0, 0);
    const options = note(listOf(bob, { revoked: ['1'] }));
    expect(judged(group, 3, [remove(1)], options)).toBe('ok');
    expect(judged(group, 3, [remove(2)], options)).toBe(`${COMMIT} V6`);
    expect(judged(group, 3, [remove(1), remove(2)], options)).toBe(`${COMMIT} V6`);
  });
});
