/** V1 to V4 and V9 of section 7.2: leaves, accounts, the binding, and changes of an account's key. */

import { describe, expect, test } from 'vitest';
import {
  add,
  type CommitOptions,
  type ProposalInput,
  remove,
  setExtensions,
  update,
} from '../../../../src/index.ts';
import { basicCredential } from '../../../../src/wire/credential.ts';
import { ExternalSenders, makeExtension } from '../../../../src/wire/extension.ts';
import { ExtensionType } from '../../../../src/wire/registry.ts';
import { GroupMode, groupExtensions, type XmppBinding } from '../../../../src/xmpp/binding.ts';
import { HandshakeReason, handshakeNote } from '../../../../src/xmpp/handshakeNote.ts';
import {
  type Account,
  account,
  bindingFor,
  bound,
  clientOf,
  type DeviceParts,
  device,
  dmBinding,
  gather,
  judged,
  keyPair,
  listOf,
  refusal,
  type Seat,
  verdictOf,
} from './devices.ts';

const [ann, bob, cid, dora] = [account('ann'), account('bob'), account('cid'), account('dora')];
const addOf = (parts: DeviceParts): ProposalInput =>
  add(clientOf(parts, { insider: true }).createKeyPackage().message);

describe('V1', () => {
  const good = device(dora, '1');
  const named = (identity: Uint8Array | string): DeviceParts => ({
    ...good,
    credential: basicCredential(identity),
  });
  const other = device(dora, '1', keyPair());

  test.each([
    ['no certificate', { ...good, leafExtensions: [] }],
    ['the certificate of another key of the same device', { ...good, leafExtensions: other.leafExtensions }],
    ['the certificate of another device', { ...good, credential: device(dora, '2').credential }],
    ['the certificate of another account', { ...good, credential: device(cid, '9').credential }],
    [
      'a cut certificate',
      {
        ...good,
        leafExtensions: good.leafExtensions.map((one) => ({
          ...one,
          extensionData: one.extensionData.slice(0, -1),
        })),
      },
    ],
    ['IDN-09: an upper case letter', named('Dora@example.org/1111111111111111')],
    ['IDN-09: no @', named('example.org/1111111111111111')],
    ['IDN-09: two @', named('d@ora@example.org/1111111111111111')],
    ['IDN-09: a resource', named('dora@example.org/phone/1111111111111111')],
    ['IDN-09: an upper case device id', named('dora@example.org/AAAAAAAAAAAAAAAA')],
    ['IDN-11: NUL', named('do\0ra@example.org/1111111111111111')],
    ['IDN-11: 64 KiB', named(`${'d'.repeat(65_000)}@example.org/1111111111111111`)],
    ['IDN-11: an empty identity', named('')],
    ['IDN-11: bytes that are not UTF-8', named(new Uint8Array([0xff, 0x40, 0x41]))],
  ])('an Add with %s is refused', (_, parts) => {
    const seats = bound([device(ann, '1'), device(bob, '1')], bindingFor([ann]));
    expect(judged(seats, 0, [addOf(parts)])).toBe('validation.credential V1');
    expect(judged(seats, 0, [addOf(good)])).toBe('ok');
  });

  test('certificates that have ended, and names that look odd, are no concern of V', () => {
    const seats = bound([device(ann, '1'), device(bob, '1')], bindingFor([ann]));
    const odd = device(account('\u0130\u212a@exa\u0300mple.org'), '1');
    expect(judged(seats, 0, [addOf(odd)])).toBe('ok');
  });

  test('a path without certificate, and one with a new certificate', () => {
    const own = device(bob, '1');
    const seats = bound([device(ann, '1'), own], bindingFor([ann]));
    const leaf = (extensions: DeviceParts['leafExtensions']): CommitOptions => ({ leaf: { extensions } });
    expect(judged(seats, 1, [], leaf([]))).toBe('validation.credential V1');
    expect(judged(seats, 1, [], leaf(device(bob, '1', own.signer).leafExtensions))).toBe('ok');
  });

  test('at a join every leaf is looked at', () => {
    const bare = { ...device(bob, '1'), leafExtensions: [] };
    const founder = clientOf(bare, { insider: true }).createGroup({ extensions: [] });
    const joiner = clientOf(device(ann, '1'));
    const commit = founder.commit([], {});
    founder.accept(commit);
    const info = founder.groupInfo();
    expect(refusal(() => joiner.prepareExternalJoin(info))).toBe('validation.credential V1');
  });
});

describe('IDN-04: a leaf becomes somebody else', () => {
  const signer = keyPair();
  const own = device(bob, '1');
  test.each<[string, CommitOptions['leaf'] & object, string]>([
    ['another account', { credential: device(cid, '1').credential }, 'policy.successor V9'],
    ['another device id', { credential: device(bob, '2').credential }, 'policy.successor V9'],
    [
      'another account key',
      { extensions: device(account('bob'), '1', own.signer).leafExtensions },
      'policy.successor V9',
    ],
    ['another signature key without a certificate', { signer }, 'validation.credential V1'],
    [
      'another signature key, certified',
      { signer, extensions: device(bob, '1', signer).leafExtensions },
      'ok',
    ],
    [
      'another device, certified',
      { ...device(bob, '2', signer), extensions: device(bob, '2', signer).leafExtensions },
      'policy.successor V9',
    ],
  ])('%s by a path and by an Update', (_, leaf, expected) => {
    const seats = bound([device(ann, '1'), own, device(bob, '9')], bindingFor([ann]));
    expect(judged(seats, 1, [], { leaf })).toBe(expected);
    const [by, to] = [seats[1], seats[0]];
    if (by === undefined || to === undefined) throw new Error('no seat');
    const { message } = by.insider.propose(update(leaf));
    const before = to.honest.save();
    const outcome = to.honest.process(message);
    expect(outcome.kind === 'rejected' ? outcome.error.code : 'ok').toBe(expected.split(' ')[0]);
    if (expected !== 'ok') expect(to.honest.save()).toEqual(before);
  });
});

describe('V2, V3', () => {
  test('IDN-08: one JID under two account keys, one device twice', () => {
    const seats = bound([device(ann, '1'), device(bob, '1')], bindingFor([ann]));
    expect(judged(seats, 0, [addOf(device(account('bob'), '2'))])).toBe('policy.commit-rejected V2');
    expect(judged(seats, 0, [addOf(device(dora, '1')), addOf(device(account('dora'), '2'))])).toBe(
      'policy.commit-rejected V2',
    );
    expect(judged(seats, 0, [addOf(device(bob, '1'))])).toBe('validation.duplicate-client V3');
    expect(judged(seats, 0, [addOf(device(dora, '1')), addOf(device(dora, '1'))])).toBe(
      'validation.duplicate-client V3',
    );
    expect(judged(seats, 0, [remove(1), addOf(device(bob, '1'))])).toBe('ok');
    expect(judged(seats, 0, [addOf(device(bob, '2'))])).toBe('ok');
  });
});

describe('V4', () => {
  const binding = bindingFor([ann]);
  const change = (parts: Partial<XmppBinding>): ProposalInput =>
    setExtensions(groupExtensions({ ...binding, ...parts }));
  const senders = makeExtension(ExtensionType.externalSenders, ExternalSenders, []);

  test.each([
    ['another mode', change({ mode: GroupMode.mix })],
    ['another room', change({ sequencer: 'other@muc.example.org' })],
    ['a pair', change({ mode: GroupMode.dm, pair: ['a@example.org', 'b@example.org'] })],
    ['no binding', setExtensions([])],
    [
      'an unreadable binding',
      setExtensions([{ extensionType: 0xf0e1, extensionData: new Uint8Array([0, 1]) }]),
    ],
    [
      'a binding of a later version',
      setExtensions(
        groupExtensions(binding).map((one) =>
          one.extensionType === 0xf0e1
            ? { ...one, extensionData: one.extensionData.map((b, i) => (i === 0 ? 1 : b)) }
            : one,
        ),
      ),
    ],
    ['external senders', setExtensions([...groupExtensions(binding), senders])],
  ])('XMP-29, XMP-34: %s is refused even from an admin', (_, input) => {
    const seats = bound([device(ann, '1'), device(bob, '1')], binding);
    expect(judged(seats, 0, [input])).toBe('policy.commit-rejected V4');
    expect(judged(seats, 0, [change({ joinRule: 1, staleAfter: 7 })])).toBe('ok');
  });

  test('XMP-29: nobody enters a group without a binding, or whose accounts contradict it', () => {
    const joiner = clientOf(device(dora, '1'));
    const enter = (seats: readonly Seat[]): string => {
      const info = seats[0]?.insider.groupInfo() ?? new Uint8Array(0);
      return refusal(() => joiner.prepareExternalJoin(info));
    };
    const open = { joinRule: 1 } as const;
    const parts = [device(ann, '1'), device(bob, '1')];
    expect(enter(gather(parts, []))).toBe('validation.group-info V4');
    expect(enter(bound(parts, dmBinding(ann, cid)))).toBe('validation.group-info V5');
    expect(enter(bound(parts, bindingFor([ann], { mode: GroupMode.self })))).toBe('validation.group-info V5');
    expect(enter(bound([...parts, device(account('bob'), '2')], bindingFor([ann], open)))).toBe(
      'validation.group-info V2',
    );
    expect(enter(bound([...parts, device(bob, '1')], bindingFor([ann], open)))).toBe(
      'validation.group-info V3',
    );
    expect(enter(bound(parts, bindingFor([ann], open)))).toBe('none');
  });
});

describe('V9', () => {
  const next = account('bob');
  const [one, two] = [device(bob, '1'), device(bob, '2')];
  const renewed = { extensions: device(next, '1', one.signer).leafExtensions };
  const proof = { authenticatedData: handshakeNote(HandshakeReason.rekey, listOf(next, { from: bob })) };
  const rollover = (): ProposalInput[] => [remove(2), addOf(device(next, '2'))];
  const seats = (binding = bindingFor([ann], { removeRule: 1 })): Seat[] =>
    bound([device(ann, '1'), one, two], binding);

  test('a rollover: own leaf renewed, the others replaced, with evidence', () => {
    expect(judged(seats(), 1, rollover(), { leaf: renewed, ...proof })).toBe('ok');
    expect(judged(seats(), 1, rollover(), { leaf: renewed })).toBe('policy.successor V9');
    expect(judged(seats(), 1, [], { leaf: renewed, ...proof })).toBe('policy.commit-rejected V2');
    expect(judged(seats(), 1, rollover(), proof)).toBe('policy.commit-rejected V2');
    const from = (whose: Account): CommitOptions => ({
      authenticatedData: handshakeNote(HandshakeReason.rekey, listOf(next, { from: whose })),
    });
    expect(judged(seats(), 1, rollover(), { leaf: renewed, ...from(cid) })).toBe('policy.successor V9');
    const foreign = listOf(account('bob'), { from: bob });
    const wrong = { authenticatedData: handshakeNote(HandshakeReason.rekey, foreign) };
    expect(judged(seats(), 1, rollover(), { leaf: renewed, ...wrong })).toBe('policy.successor V9');
  });

  test('a reset: all leaves replaced by an admin, or by the peer, and by nobody else', () => {
    const reset = [remove(1), remove(2), addOf(device(next, '3'))];
    expect(judged(seats(), 0, reset)).toBe('ok');
    expect(judged(seats(), 0, [remove(1), addOf(device(next, '3'))])).toBe('policy.commit-rejected V2');
    const plain = bound(
      [device(ann, '1'), one, two, device(cid, '1')],
      bindingFor([ann], { removeRule: 1, joinRule: 1 }),
    );
    expect(judged(plain, 3, reset)).toBe('policy.commit-rejected V5');
    const pair = bound([device(ann, '1'), one, two], dmBinding(ann, bob));
    expect(judged(pair, 0, reset)).toBe('ok');
  });
});

describe('V8', () => {
  const info = (seats: readonly Seat[]): Uint8Array => seats[0]?.insider.groupInfo() ?? new Uint8Array(0);
  const joins = (seats: readonly Seat[], parts: DeviceParts, resync = false): string => {
    const { leafExtensions } = parts;
    const client = clientOf(parts, { insider: true });
    const { message } = client.prepareExternalJoin(info(seats), { resync, leafExtensions });
    return verdictOf(seats, message);
  };
  const own = device(bob, '1');
  const seats = (joinRule: 0 | 1): Seat[] => bound([device(ann, '1'), own], bindingFor([ann], { joinRule }));
  const REFUSED = 'policy.external-commit V8';

  test('own accounts come in, others as the join rule says', () => {
    expect(joins(seats(0), device(bob, '2'))).toBe('ok');
    expect(joins(seats(0), device(account('bob'), '2'))).toBe(REFUSED);
    expect(joins(seats(0), device(dora, '1'))).toBe(REFUSED);
    expect(joins(seats(1), device(dora, '1'))).toBe('ok');
    expect(joins(seats(1), device(account('bob'), '2'))).toBe(REFUSED);
    const pair = bound([device(ann, '1'), own], dmBinding(ann, bob, { joinRule: 1 }));
    expect(joins(pair, device(dora, '1'))).toBe(REFUSED);
    expect(joins(pair, device(bob, '2'))).toBe('ok');
  });

  test('IDN-07: a device replaces itself and no other one, by its key or by a new one', () => {
    expect(joins(seats(0), own, true)).toBe('ok');
    // The same signature key presents another device: it would take out the real one.
    expect(joins(seats(0), device(bob, '2', own.signer), true)).toBe(REFUSED);
    expect(joins(seats(1), device(dora, '1', own.signer), true)).toBe(REFUSED);
    expect(joins(seats(0), device(bob, '1'))).toBe('validation.duplicate-client V3');
  });

  test('V1 holds for who comes in', () => {
    expect(joins(seats(1), { ...device(dora, '1'), leafExtensions: [] })).toBe('validation.credential V1');
    expect(joins(seats(0), { ...device(bob, '2'), leafExtensions: device(bob, '3').leafExtensions })).toBe(
      'validation.credential V1',
    );
  });
});
