/** The security considerations that a library can act on (RFC 9420 §16): defaults, hooks, and ways out. */

import { readdirSync, readFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { describe, expect, test } from 'vitest';
import { equal, toHex, utf8 } from '../../../src/base/bytes.ts';
import { decode, encode } from '../../../src/codec/codec.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import type { Provider } from '../../../src/crypto/provider.ts';
import { Client } from '../../../src/group/client.ts';
import type { Group } from '../../../src/group/group.ts';
import { acceptAnyCredential, DEFAULT_POLICY } from '../../../src/group/policy.ts';
import { externalPsk, remove, update } from '../../../src/group/proposals.ts';
import type { StagedCommit } from '../../../src/group/views.ts';
import { basicCredential } from '../../../src/wire/credential.ts';
import { MlsMessage } from '../../../src/wire/message.ts';
import { RatchetTree } from '../../../src/wire/treeNode.ts';
import { watched } from '../../support/counting.ts';
import { codeOf } from '../../support/refusals.ts';
import { privateOf, publicOf } from '../../support/sealing.ts';
import { seeded } from '../../support/seeded.ts';

const DATA = utf8('hello');

function client(name: string, provider: Provider = nodeProvider): Client {
  return new Client({
    credential: basicCredential(name),
    validateCredential: acceptAnyCredential,
    provider,
    psks: () => utf8('shared'),
  });
}

/** Four members in one group. */
function groupOf(...clients: readonly Client[]): Group[] {
  const [first, ...rest] = clients as [Client, ...Client[]];
  const group = first.createGroup();
  const sent = group.invite(rest.map((one) => one.createKeyPackage().message));
  group.accept(sent);
  return [group, ...rest.map((one) => one.prepareJoin(sent.welcome).accept())];
}

function staged(group: Group, message: Uint8Array): StagedCommit {
  const processed = group.process(message);
  if (processed.kind !== 'commit') throw new Error(processed.kind);
  return processed.commit;
}

function follow(group: Group, message: Uint8Array): void {
  group.accept(staged(group, message));
}

describe('what is visible', () => {
  test('R16.4-01 handshakes are private unless somebody asks otherwise; group id, epoch and sizes are visible', () => {
    expect(DEFAULT_POLICY.handshake).toBe('private');
    const [a] = groupOf(client('a'), client('b')) as [Group];
    const proposal = privateOf(a.propose(remove(1)).message);
    expect([proposal.groupId, proposal.epoch, proposal.contentType]).toEqual([a.id, 1n, 2]);
  });

  test('R16.4-04 a PublicMessage shows whom it removes, a PrivateMessage does not', () => {
    const [a] = groupOf(client('a'), client('b')) as [Group];
    const sent = publicOf(a.propose(remove(1), { handshake: 'public' }).message);
    expect(sent.content.content).toMatchObject({ contentType: 2, proposal: { proposalType: 3, removed: 1 } });
  });

  test('R16.4-05 authenticated data travel in the clear', () => {
    const [a] = groupOf(client('a'), client('b')) as [Group];
    const secret = utf8('do not put secrets here');
    expect(toHex(a.encrypt(DATA, { authenticatedData: secret }))).toContain(toHex(secret));
    expect(toHex(a.encrypt(secret))).not.toContain(toHex(secret));
  });

  test('R16.4-02 a GroupInfo without the tree names no members, and works with the tree delivered apart', () => {
    const [a] = groupOf(client('alice'), client('bob')) as [Group];
    const bare = a.groupInfo({ ratchetTree: false });
    expect(toHex(bare)).not.toContain(toHex(utf8('alice')));
    expect(toHex(a.groupInfo())).toContain(toHex(utf8('alice')));
    const ratchetTree = encode(RatchetTree, a.ratchetTree);
    const joiner = client('carol');
    expect(codeOf(() => joiner.prepareExternalJoin(bare))).toBe('validation.group-info');
    const offer = joiner.prepareExternalJoin(bare, { ratchetTree });
    follow(a, offer.message);
    expect(offer.accept().epochAuthenticator).toEqual(a.epochAuthenticator);
  });

  test('R16.4-03 a Welcome carries the tree by default', () => {
    const a = client('a').createGroup();
    const [b, c] = [client('b'), client('c')];
    const sent = a.invite([b.createKeyPackage().message]);
    a.accept(sent);
    expect(b.prepareJoin(sent.welcome).accept().epochAuthenticator).toEqual(a.epochAuthenticator);
    const bare = a.invite([c.createKeyPackage().message], { ratchetTree: false });
    a.accept(bare);
    expect(codeOf(() => c.prepareJoin(bare.welcome))).toBe('validation.group-info');
    const ratchetTree = encode(RatchetTree, a.ratchetTree);
    expect(c.prepareJoin(bare.welcome, { ratchetTree }).accept().treeHash).toEqual(a.treeHash);
  });

  test('R16.9-01 R15.3-05 a dropped message shows as a gap in the generations, and nowhere else', () => {
    const [a, b] = groupOf(client('a'), client('b')) as [Group, Group];
    const sent = [0, 1, 2].map(() => a.encrypt(DATA));
    expect(b.process(sent[0] as Uint8Array)).toMatchObject({ generation: 0 });
    expect(b.process(sent[2] as Uint8Array)).toMatchObject({ generation: 2 });
  });
});

describe('judging before accepting', () => {
  test('R16.5-01 R16.11-01 R16.10-01 a staged commit says what it does; the application decides in its own time', async () => {
    const [a, b] = groupOf(client('a'), client('b'), client('c')) as [Group, Group];
    const removal = a.commit([remove(2)]);
    const bad = staged(b, removal.message);
    const mayRemove = await Promise.resolve(bad.changes.removed.length === 0);
    const hasPsk = bad.changes.psks.length > 0;
    expect([mayRemove, hasPsk]).toEqual([false, false]);
    b.discard(bad);
    a.discard(removal);
    const good = a.commit([externalPsk(DATA)]);
    const judged = staged(b, good.message);
    expect(judged.changes.psks).toMatchObject([{ pskType: 1, pskId: DATA }]);
    await Promise.resolve();
    b.accept(judged);
    a.accept(good);
    expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);
  });

  test('R16.10-01 a staged join shows every member before anything is entered', async () => {
    const [a, b] = [client('a'), client('b')];
    const group = a.createGroup();
    const sent = group.invite([b.createKeyPackage().message]);
    group.accept(sent);
    const join = b.prepareJoin(sent.welcome);
    expect(join.members.map(({ credential }) => credential)).toEqual([
      basicCredential('a'),
      basicCredential('b'),
    ]);
    await Promise.resolve();
    expect(join.accept().epoch).toBe(1n);
  });

  test('R16.6-01 an Update helps once it is committed, not before', () => {
    const [a, b] = groupOf(client('a'), client('b')) as [Group, Group];
    const before = a.member(1);
    const hash = a.treeHash;
    a.process(b.propose(update()).message);
    expect([a.member(1), a.treeHash]).toEqual([before, hash]);
    const sent = a.commit();
    follow(b, sent.message);
    a.accept(sent);
    expect(a.treeHash).not.toEqual(hash);
    expect(sent.changes.updated.map(({ after }) => after.leaf)).toEqual([1, 0]);
  });
});

describe('keys', () => {
  test('R16.7-02 init key, leaf key and signature key are made apart', () => {
    const message = decode(MlsMessage, client('a').createKeyPackage().message);
    if (message.wireFormat !== 5) throw new Error('no KeyPackage');
    const { initKey, leafNode } = message.keyPackage;
    const keys = [initKey, leafNode.encryptionKey, leafNode.signatureKey];
    expect(new Set(keys.map(toHex)).size).toBe(3);
  });

  test('R16.6-05 R16.8-01 a KeyPackage is forgotten on request, and used up by a join', () => {
    const [a, b] = [client('a'), client('b')];
    const [one, two] = [b.createKeyPackage(), b.createKeyPackage()];
    const invite = (message: Uint8Array): Uint8Array => {
      const group = a.createGroup();
      const sent = group.invite([message]);
      group.accept(sent);
      return sent.welcome;
    };
    const [first, again, other] = [invite(one.message), invite(one.message), invite(two.message)];
    b.forgetKeyPackage(two.ref);
    expect(codeOf(() => b.prepareJoin(other))).toBe('state.unknown-key-package');
    const late = b.prepareJoin(again);
    expect(b.prepareJoin(first).accept().epoch).toBe(1n);
    expect(codeOf(() => late.accept())).toBe('state.key-package-used');
    expect(codeOf(() => b.prepareJoin(again))).toBe('state.key-package-used');
  });

  test('R16-02 randomness comes from the provider alone: one seed, one history', () => {
    const history = (): string => {
      const provider = seeded(42);
      const clock = () => 1_800_000_000;
      const make = (name: string) =>
        new Client({
          credential: basicCredential(name),
          validateCredential: acceptAnyCredential,
          provider,
          clock,
        });
      const [a, b] = groupOf(make('a'), make('b')) as [Group, Group];
      return [a.encrypt(DATA), b.propose(update()).message].map(toHex).join();
    };
    expect(history()).toBe(history());
    const files = readdirSync('src', { recursive: true })
      .map(String)
      .filter((name) => name.endsWith('.ts'));
    for (const name of files)
      expect(readFileSync(joinPath('src', name), 'utf8')).not.toContain('Math.random');
  });

  test('R16-01 CRY-15 tags are compared whole, and lengths that differ are just unequal', () => {
    expect([equal(DATA, utf8('hello')), equal(DATA, utf8('hellp')), equal(DATA, utf8('hell'))]).toEqual([
      true,
      false,
      false,
    ]);
    for (const file of ['framing/publicMessage.ts', 'group/nextEpoch.ts']) {
      const text = readFileSync(joinPath('src', file), 'utf8');
      expect(text).toMatch(/!equal\((membershipTag|received), /);
      expect(text).not.toMatch(/[Tt]ag [=!]==(?! undefined)/);
    }
  });
});

test('R16.12-01 R16.12-02 a path that is broken for one subtree: only its members fail, and they come back by resync', () => {
  let sabotage = 0;
  const provider = watched(nodeProvider, {
    after: (name, _, result) => {
      if (name !== 'encap' || sabotage === 0) return;
      sabotage -= 1;
      (result as { readonly secret: Uint8Array }).secret.fill(1);
    },
  });
  const victim = client('b');
  const [a, b, c, d] = groupOf(client('a', provider), victim, client('c'), client('d')) as [
    Group,
    Group,
    Group,
    Group,
  ];
  sabotage = 1;
  const sent = a.commit();
  const before = b.epochAuthenticator;
  expect(b.process(sent.message)).toMatchObject({
    kind: 'desynchronised',
    evidence: { kind: 'unusable-commit', epoch: 1n, committer: 0, error: { code: 'crypto.aead' } },
  });
  expect([b.epoch, b.epochAuthenticator]).toEqual([1n, before]);
  for (const group of [c, d]) follow(group, sent.message);
  a.accept(sent);
  expect(c.epochAuthenticator).toEqual(a.epochAuthenticator);
  const offer = victim.prepareExternalJoin(c.groupInfo(), { resync: true });
  for (const group of [a, c, d]) follow(group, offer.message);
  const back = offer.accept();
  expect(back.epochAuthenticator).toEqual(d.epochAuthenticator);
  expect(back.members).toHaveLength(4);
  expect(d.process(back.encrypt(DATA))).toMatchObject({ kind: 'application', data: DATA });
});
