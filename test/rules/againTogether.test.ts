/** What a member still wants to do after another commit won (RFC 9420 §14): `Accepted.again`. */

import { expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import type { Group } from '../../src/group/group.ts';
import { acceptAnyCredential, type Policy } from '../../src/group/policy.ts';
import type { Accepted } from '../../src/group/processed.ts';
import {
  externalPsk,
  reinit,
  remove,
  resumptionPsk,
  setExtensions,
  update,
} from '../../src/group/proposals.ts';
import { basicCredential } from '../../src/wire/credential.ts';

const EXTENSION = 0xf0a1;
const signers = new Map(['a', 'b', 'c', 'd'].map((name) => [name, pair()]));

function pair() {
  const suite = nodeProvider.suite(1);
  return suite.signatureKeyPair(nodeProvider.random(suite.sizes.signatureSeed));
}

function client(name: string, policy: Partial<Policy> = {}): Client {
  const signer = signers.get(name) ?? pair();
  const common = { validateCredential: acceptAnyCredential, provider: nodeProvider, signer };
  const extended = { extensionTypes: [EXTENSION], ...policy };
  return new Client({ credential: basicCredential(name), ...common, policy: extended });
}

/** A group of four, and the commit of `b` that wins. */
function room(policy: Partial<Policy> = {}): { readonly a: Group; readonly b: Group } {
  const a = client('a', policy).createGroup();
  const others = ['b', 'c', 'd'].map((name) => client(name, policy));
  const made = a.invite(others.map((one) => one.createKeyPackage().message));
  a.accept(made);
  const [b] = others.map((one) => one.prepareJoin(made.welcome).accept()) as [Group, Group, Group];
  return { a, b };
}

function follow(group: Group, message: Uint8Array): Accepted {
  const taken = group.process(message);
  if (taken.kind !== 'commit') throw new Error(taken.kind);
  return group.accept(taken.commit);
}

test('R14-02 a lost commit without proposals leaves nothing to be done, after a restart as well', () => {
  const { a, b } = room();
  a.commit();
  const restarted = client('a').load(a.save());
  const won = b.commit().message;
  for (const group of [a, restarted]) expect(follow(group, won).again).toEqual([]);
});

test('R14-02 an Update that was not covered comes back without changes that it does not make, after a restart as well', () => {
  const { a, b } = room();
  a.propose(update());
  const restarted = client('a').load(a.save());
  const won = b.commit().message;
  for (const group of [a, restarted])
    expect(follow(group, won).again).toEqual([{ kind: 'update', leaf: {} }]);
});

test('R14-02 what is left to be done can be committed as it is', () => {
  const { a, b } = room();
  const extensions = [1, 2].map((n) =>
    setExtensions([{ extensionType: EXTENSION, extensionData: Uint8Array.of(n) }]),
  );
  const successor = reinit({ groupId: utf8('next'), suite: 1 });
  const newcomer = client('e').createKeyPackage().message;
  const adding = { kind: 'add', keyPackage: newcomer } as const;
  const wishes = [
    remove(2),
    remove(2),
    ...extensions,
    externalPsk(utf8('unknown')),
    adding,
    adding,
    successor,
    update(),
  ];
  for (const wish of wishes) a.propose(wish);
  const { again } = follow(a, b.commit().message);
  expect(again.map(({ kind }) => kind)).toEqual(['remove', 'extensions', 'add', 'update']);
  expect(again[1]).toEqual(extensions[1]);
  const { changes } = a.commit(again);
  expect(changes.removed.map(({ leaf }) => leaf)).toEqual([2]);
  expect(changes.added).toHaveLength(1);
});

test('R14-02 R8.6-01 a PSK of an epoch that goes with this one is not left to be done', () => {
  const { a, b } = room({ resumptionEpochs: 1 });
  const first = a.commit();
  a.accept(first);
  follow(b, first.message);
  a.commit([resumptionPsk(a.id, a.epoch - 1n)]);
  const { again } = follow(a, b.commit().message);
  expect(again).toEqual([]);
});
