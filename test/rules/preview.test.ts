/** What can be told of an epoch before its commit is decided, and what a client puts into all of its leaves. */

import { expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { preview } from '../../src/group/preview.ts';
import { clientOf, followAll, groupsOf } from '../support/groups.ts';
import { codeOf } from '../support/refusals.ts';

const NONE = utf8('');

test('the next epoch exports and shows what it will when it has come', () => {
  const [alice, bob] = groupsOf(['alice', 'bob']);
  if (alice === undefined || bob === undefined) throw new Error('no group');
  expect(preview(alice)).toBeUndefined();
  const { message } = alice.commit();
  const coming = preview(alice);
  const tag = toHex(coming?.export('tag', utf8('context'), 8) ?? NONE);
  const tree = coming?.ratchetTree;
  expect(coming?.epoch).toBe(alice.epoch + 1n);
  expect(codeOf(() => coming?.export('', NONE, 8))).toBe('codec.input');
  expect(codeOf(() => coming?.export('tag', NONE, 255 * 32 + 1))).toBe('crypto.limit');
  followAll([alice, bob], message);
  for (const group of [alice, bob]) {
    expect(toHex(group.export('tag', utf8('context'), 8))).toBe(tag);
    expect(group.ratchetTree).toEqual(tree);
  }
  expect(preview(alice)).toBeUndefined();
});

test('what a client has for all of its leaves is in every new one', () => {
  const extension = { extensionType: 0xf123, extensionData: utf8('mark') };
  const options = { leafExtensions: () => [extension] };
  const types = { extensionTypes: [0xf123] };
  const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => clientOf(name, types, options));
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error('no client');
  const group = alice.createGroup();
  const made = group.invite([bob.createKeyPackage().message]);
  group.accept(made);
  const offer = carol.prepareExternalJoin(group.groupInfo());
  const taken = group.process(offer.message);
  if (taken.kind !== 'commit') throw new Error(taken.kind);
  group.accept(taken.commit);
  const extensions = group.ratchetTree.flatMap((node) =>
    node !== undefined && 'leafNode' in node ? [node.leafNode.extensions] : [],
  );
  expect(extensions).toHaveLength(3);
  for (const of of extensions) expect(of).toContainEqual(extension);
  const without = bob.createKeyPackage({ leafExtensions: [] });
  expect(toHex(without.message)).not.toContain(toHex(utf8('mark')));
});
