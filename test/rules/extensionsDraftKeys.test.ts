/** Keys of a group for components (draft-ietf-mls-extensions §4.2 to §4.4): who gets the same, and who must not. */

import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { signWithLabel, verifyWithLabel } from '../../src/crypto/labels.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { stateOf } from '../../src/group/group.ts';
import { type ComponentKeys, extensionsDraft, type Group, reinit, remove, update } from '../../src/index.ts';
import { DRAFT_CODE_POINTS as POINTS } from '../../src/wire/codePoints.ts';
import { clientOf, deliver, fails, gather, settle, take, works } from '../support/doors.ts';
import { placesOf } from '../support/graph.ts';
import { codeOf } from '../support/refusals.ts';

type Three = [Group, Group, Group];
const clients = (suite = 1) =>
  ['alice', 'bob', 'carol'].map((name) => clientOf(name, { suite })) as unknown as Parameters<
    typeof gather
  >[0];
const room = (suite = 1): Three => gather(clients(suite), []) as Three;
const TEXT = utf8('content');
const CONTEXT = utf8('context');

describe('exported secrets', () => {
  test.each([1, 2, 4, 5, 7])(
    'suite %i: one for each component and epoch, the same for all members',
    (suite) => {
      const groups = room(suite);
      const seen = new Set<string>();
      for (let epoch = 1; epoch <= 2; epoch++) {
        for (const id of [0, 1, 0x7fff, 0x8000, 0xffff]) {
          const secrets = groups.map((group) => toHex(group.component(id).exportSecret()));
          expect(new Set(secrets).size).toBe(1);
          expect(secrets[0]).toHaveLength(2 * nodeProvider.suite(suite).sizes.hash);
          expect(seen.has(secrets[0] as string)).toBe(false);
          seen.add(secrets[0] as string);
        }
        settle(groups, groups[1], [], { path: 'omit' });
      }
    },
  );

  test('once: not again in the epoch, nor after a restart; others are not touched', () => {
    const [alice, bob] = room();
    const secret = alice.component(7).exportSecret();
    fails([alice], () => alice.component(7).exportSecret(), 'state.exported');
    const again = clientOf('alice').load(alice.save());
    fails([again], () => again.component(7).exportSecret(), 'state.exported');
    expect(again.component(8).exportSecret()).toEqual(bob.component(8).exportSecret());
    expect(bob.component(7).exportSecret()).toEqual(secret);
    // The copy is the caller's: what it does with it changes nothing.
    secret.fill(0);
    expect(alice.component(9).exportSecret()).toEqual(bob.component(9).exportSecret());
  });

  test('from what is kept, no exported secret follows, and the next epoch wipes the rest', () => {
    const groups = room();
    const [alice, bob] = groups;
    const state = stateOf(alice);
    const before = state.exporterTree.root as { readonly secret: Uint8Array };
    const copy = before.secret.slice();
    const secret = alice.component(7).exportSecret();
    expect(placesOf(stateOf(alice), secret)).toEqual([]);
    expect(placesOf(stateOf(alice), copy)).toEqual([]);
    expect(before.secret.every((byte) => byte === 0)).toBe(true);
    const left = stateOf(alice).exporterTree;
    settle(groups, bob);
    expect(placesOf(stateOf(alice), copy)).toEqual([]);
    expect(
      JSON.stringify(left, (_, value) => (value instanceof Uint8Array ? toHex(value) : value)),
    ).not.toMatch(/[1-9a-f]{8}/);
  });

  test('R11.2-01: not from a group that is closed, or that we left', () => {
    const groups = room();
    const [alice, , carol] = groups;
    settle(groups, alice, [remove(2)]);
    fails([carol], () => carol.component(7).exportSecret(), 'state.not-member');
    settle(groups.slice(0, 2), alice, [reinit({ groupId: utf8('n'), suite: 1 })]);
    fails([alice], () => alice.component(7).exportSecret(), 'state.closed');
    for (const id of [-1, 1.5, 0x10000, Number.NaN])
      expect(codeOf(() => alice.component(id))).toBe('codec.input');
    alice.close();
    expect(codeOf(() => carol.component(1).sign('x', TEXT))).toBe('state.not-member');
  });
});

describe('signatures', () => {
  test('R5.1.2-06: hold for one component, label and content, and the member that made them', () => {
    const [alice, bob, carol] = room();
    const signature = alice.component(7).sign('label', TEXT);
    const signed = { content: TEXT, signature };
    for (const one of [alice, bob, carol]) expect(one.component(7).verify(0, 'label', signed)).toBe(true);
    const keys = bob.component(7);
    expect(keys.verify(1, 'label', signed)).toBe(false);
    expect(keys.verify(0, 'other', signed)).toBe(false);
    expect(bob.component(8).verify(0, 'label', signed)).toBe(false);
    expect(keys.verify(0, 'label', { ...signed, content: CONTEXT })).toBe(false);
    expect(keys.verify(0, 'label', { ...signed, signature: signature.subarray(1) })).toBe(false);
    expect([keys.verify(9, 'label', signed), keys.verify(3, 'label', signed)]).toEqual([false, false]);
  });

  test.each(['FramedContentTBS', 'LeafNodeTBS', 'KeyPackageTBS', 'GroupInfoTBS'])(
    'R5.1.2-06: the label %s of RFC 9420 is another one in the mouth of a component',
    (label) => {
      const [alice, bob] = room();
      const suite = nodeProvider.suite(1);
      const { publicKey, secretKey } = stateOf(alice).epoch.signer;
      const signature = alice.component(7).sign(label, TEXT);
      expect(verifyWithLabel(suite, publicKey, label, TEXT, signature)).toBe(false);
      const plain = signWithLabel(suite, secretKey, label, TEXT);
      expect(verifyWithLabel(suite, publicKey, label, TEXT, plain)).toBe(true);
      expect(bob.component(7).verify(0, label, { content: TEXT, signature: plain })).toBe(false);
    },
  );

  test('R5.1.2-06: follow the signature key of the member', () => {
    const groups = room();
    const [alice, bob] = groups;
    const old = { content: TEXT, signature: alice.component(7).sign('label', TEXT) };
    const suite = nodeProvider.suite(1);
    const signer = suite.signatureKeyPair(nodeProvider.random(suite.sizes.signatureSeed));
    settle(groups, bob);
    expect(bob.component(7).verify(0, 'label', old), 'an epoch does not end them').toBe(true);
    settle(groups, alice, [update({ signer })]);
    expect(bob.component(7).verify(0, 'label', old)).toBe(false);
    const fresh = { content: TEXT, signature: alice.component(7).sign('label', TEXT) };
    expect(bob.component(7).verify(0, 'label', fresh)).toBe(true);
  });
});

describe('encryption', () => {
  const message = { context: CONTEXT, plaintext: TEXT };

  test('R5.1.3-06: opens for one member, component, label and context', () => {
    const [alice, bob, carol] = room();
    const sealed = alice.component(7).seal(1, 'label', message);
    expect(bob.component(7).open('label', CONTEXT, sealed)).toEqual(TEXT);
    const refused: readonly (readonly [ComponentKeys, string, Uint8Array])[] = [
      [bob.component(8), 'label', CONTEXT],
      [bob.component(7), 'other', CONTEXT],
      [bob.component(7), 'label', TEXT],
      [carol.component(7), 'label', CONTEXT],
    ];
    for (const [keys, label, context] of refused)
      expect(codeOf(() => keys.open(label, context, sealed))).toBe('crypto.aead');
    const short = { ...sealed, kemOutput: sealed.kemOutput.subarray(1) };
    expect(codeOf(() => bob.component(7).open('label', CONTEXT, short))).toMatch(/^crypto/);
    expect(codeOf(() => alice.component(7).seal(5, 'label', message))).toBe('validation.sender');
  });

  test('R5.1.3-06: to ourselves, across a restart, and until the leaf has another key', () => {
    const groups = room();
    const [alice, bob] = groups;
    const own = alice.component(7).seal(0, 'label', message);
    expect(alice.component(7).open('label', CONTEXT, own)).toEqual(TEXT);
    const sealed = alice.component(7).seal(1, 'label', message);
    settle(groups, alice);
    const again = clientOf('bob').load(bob.save());
    for (const one of [bob, again]) expect(one.component(7).open('label', CONTEXT, sealed)).toEqual(TEXT);
    settle(groups, bob);
    expect(codeOf(() => bob.component(7).open('label', CONTEXT, sealed))).toBe('crypto.aead');
    expect(codeOf(() => alice.component(7).open('label', CONTEXT, own))).toBe('crypto.aead');
  });

  test('nothing of it changes the group, whoever is asked', () => {
    const groups = room();
    const [alice, bob] = groups;
    const saved = groups.map((group) => group.save());
    const keys = alice.component(7);
    keys.verify(1, 'x', { content: TEXT, signature: keys.sign('x', TEXT) });
    bob.component(7).open('x', CONTEXT, keys.seal(1, 'x', message));
    expect(groups.map((group) => group.save())).toEqual(saved);
    const { message: proposed } = bob.propose(update());
    deliver(groups, bob, proposed);
    expect(bob.component(7).open('x', CONTEXT, keys.seal(1, 'x', message))).toEqual(TEXT);
    take(alice, alice.commit().message);
    expect(codeOf(() => bob.component(7).open('x', CONTEXT, keys.seal(1, 'x', message)))).toBe('crypto.aead');
  });

  test('a closed or forgotten group has no keys, and a handle on them knows', () => {
    const groups = room();
    const [alice, , carol] = groups;
    const keys = carol.component(7);
    settle(groups, alice, [remove(2)]);
    for (const use of [
      () => keys.sign('x', TEXT),
      () => keys.verify(0, 'x', { content: TEXT, signature: TEXT }),
      () => keys.seal(0, 'x', message),
      () => keys.open('x', CONTEXT, { kemOutput: TEXT, ciphertext: TEXT }),
      () => keys.exportSecret(),
    ])
      fails([carol], use, 'state.not-member');
    carol.close();
    expect(codeOf(() => keys.sign('x', TEXT))).toBe('state.closed-handle');
    works(groups.slice(0, 2));
  });
});

test('clients of another base label do not understand each other', () => {
  const old = extensionsDraft({ codePoints: { ...POINTS, componentBaseLabel: 'Application' } });
  const [first, second, third] = [
    clientOf('alice', { draft: old }),
    clientOf('bob', { draft: extensionsDraft() }),
    clientOf('carol'),
  ];
  const [alice, bob, carol] = gather([first, second, third]) as Three;
  const signed = { content: TEXT, signature: alice.component(7).sign('x', TEXT) };
  expect([alice, bob, carol].map((one) => one.component(7).verify(0, 'x', signed))).toEqual([
    true,
    false,
    false,
  ]);
  const modern = { content: TEXT, signature: carol.component(7).sign('x', TEXT) };
  expect(bob.component(7).verify(2, 'x', modern)).toBe(true);
});
