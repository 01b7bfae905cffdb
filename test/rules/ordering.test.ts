/** Which commit of an epoch counts (RFC 9420 §14), and what becomes of the others: own, lost, foreign, removing us. */

import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { Client } from '../../src/group/client.ts';
import { leaveMove } from '../../src/group/decide.ts';
import type { Group } from '../../src/group/group.ts';
import { commitMove, encryptMove } from '../../src/group/moves.ts';
import { acceptAnyCredential, type Policy } from '../../src/group/policy.ts';
import { add, reinit, remove, update } from '../../src/group/proposals.ts';
import { mlsMessage } from '../../src/group/protect.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { WireFormat } from '../../src/wire/registry.ts';
import { forgeCommit, forgeProposal } from '../support/forge.ts';
import { recordOf } from '../support/refusals.ts';
import { codeOf, makeWorld, Peer, removeOf } from '../support/world.ts';

const nonce = new Uint8Array(32).fill(7);

function clientOf(name: string, policy: Partial<Policy> = {}): Client {
  const credential = basicCredential(name);
  return new Client({ credential, validateCredential: acceptAnyCredential, provider: nodeProvider, policy });
}

function groupsOf(names: readonly string[], policy: Partial<Policy> = {}): [Group, ...Group[]] {
  const [first, ...rest] = names.map((name) => clientOf(name, policy)) as [Client, ...Client[]];
  const group = first.createGroup();
  const made = group.invite(rest.map((client) => client.createKeyPackage().message));
  group.accept(made);
  return [group, ...rest.map((client) => client.prepareJoin(made.welcome).accept())];
}

function follow(group: Group, message: Uint8Array): void {
  const taken = group.process(message);
  if (taken.kind !== 'commit' && taken.kind !== 'own-commit') throw new Error(taken.kind);
  group.accept(taken.commit);
}

function agree(groups: readonly Group[]): void {
  for (const group of groups) expect(group.epochAuthenticator).toEqual(groups[0]?.epochAuthenticator);
}

describe.each(['public', 'private'] as const)('races, sent %sly', (handshake) => {
  test.each([2, 3, 5, 8])(
    'PRO-20 R14-01 R14-02 R3.2-03 %i committers at once: the first to arrive wins',
    (count) => {
      const groups = groupsOf(
        Array.from({ length: count }, (_, i) => `m${i}`),
        { handshake },
      );
      const commits = groups.map((group) => group.commit());
      for (const winner of [count - 1, 0]) {
        const round = winner === 0 ? groups.map((group) => group.pending ?? group.commit()) : commits;
        for (const group of groups) follow(group, round[winner]!.message);
        agree(groups);
        for (const group of groups) {
          expect(group.pending).toBeUndefined();
          for (const [i, lost] of round.entries()) {
            if (i !== winner) expect(group.process(lost.message).kind).toBe('expired');
          }
        }
      }
    },
  );

  test('R12.4.1-20 R12.4.2-24 our own commit, echoed, is merged and never decrypted', () => {
    const [a, b] = groupsOf(['a', 'b'], { handshake }) as [Group, Group];
    const made = a.commit();
    expect(a.process(made.message)).toEqual({ kind: 'own-commit', commit: made });
    follow(b, made.message);
    a.accept(made);
    agree([a, b]);
  });

  test('R12.4.1-20 R14-02 a discarded commit of ours that took effect nevertheless is reported', () => {
    const [a, b] = groupsOf(['a', 'b'], { handshake }) as [Group, Group];
    const made = a.commit();
    a.discard(made);
    const evidence = { kind: 'own-commit', epoch: 1n };
    expect(a.process(made.message)).toEqual({ kind: 'desynchronised', evidence });
    follow(a, b.commit().message);
  });

  test('R14-06 R14-03 R14-05 one pending commit at a time; merging one makes the others stale', () => {
    const [a, b] = groupsOf(['a', 'b'], { handshake }) as [Group, Group];
    const first = a.invite([clientOf('c').createKeyPackage().message]);
    expect(codeOf(() => a.commit())).toBe('state.pending-commit');
    const foreign = a.process(b.commit().message);
    if (foreign.kind !== 'commit') throw new Error(foreign.kind);
    a.accept(foreign.commit);
    expect(codeOf(() => a.accept(first))).toBe('state.stale-handle');
    expect(codeOf(() => a.discard(first))).toBe('state.stale-handle');
    expect(codeOf(() => a.accept(foreign.commit))).toBe('state.stale-handle');
  });

  test('R14-08 R14-04 a discarded commit does not give its message key back', () => {
    const [a, b] = groupsOf(['a', 'b'], { handshake: 'private' }) as [Group, Group];
    const lost = a.commit();
    a.discard(lost);
    const made = a.commit();
    const taken = b.process(made.message);
    if (taken.kind !== 'commit') throw new Error(taken.kind);
    // The lost one used another generation, so that it still opens.
    expect(b.process(lost.message).kind).toBe('commit');
    b.accept(taken.commit);
    a.accept(made);
    agree([a, b]);
  });

  test('PRO-29 R12.1-06 R14-07 an Update and a commit by each of two: whoever wins, all go on', () => {
    for (const winner of [0, 1, 2, 3]) {
      const groups = groupsOf(['a', 'b', 'c'], { handshake });
      const [a, b] = groups as [Group, Group, Group];
      const updates = [a, b].map((group) => group.propose(update()).message);
      for (const group of groups) {
        updates.forEach((message, i) => {
          if (groups[i] !== group) expect(group.process(message).kind).toBe('proposal');
        });
      }
      const commits = [a.commit(), b.commit()];
      const won = winner < 2 ? commits[winner]!.message : groups[2]!.commit().message;
      for (const group of groups) follow(group, won);
      agree(groups);
      for (const group of groups) expect(group.proposals).toEqual([]);
      const later = groups[winner % 3]!.commit().message;
      for (const group of groups) follow(group, later);
      agree(groups);
    }
  });

  test('PRO-20 R14-02 the loser builds again on the new epoch', () => {
    const groups = groupsOf(['a', 'b', 'c', 'd'], { handshake });
    const [a, b] = groups as [Group, Group];
    a.commit([remove(3)]);
    const won = b.commit().message;
    for (const group of groups) follow(group, won);
    const again = a.commit([remove(3)]).message;
    for (const group of groups) follow(group, again);
    expect(groups[3]?.status).toBe('removed');
    agree(groups.slice(0, 3));
  });
});

describe('a removed member', () => {
  test('PRO-22 R12.4.2-20 learns who removed it, sends no more, and can be added again', () => {
    const [a, b, c] = groupsOf(['a', 'b', 'c']) as [Group, Group, Group];
    const late = b.encrypt(utf8('late'));
    const made = b.commit([remove(2)]);
    for (const group of [a, b]) follow(group, made.message);
    const taken = c.process(made.message);
    if (taken.kind !== 'commit') throw new Error(taken.kind);
    expect(taken.commit.changes.removesSelf).toBe(true);
    expect(taken.commit.committer).toBe(1);
    c.accept(taken.commit);
    expect(c.status).toBe('removed');
    expect(codeOf(() => c.encrypt(utf8('x')))).toBe('state.not-member');
    expect(codeOf(() => c.commit())).toBe('state.not-member');
    expect(codeOf(() => c.propose(update()))).toBe('state.not-member');
    expect(codeOf(() => c.groupInfo())).toBe('state.not-member');
    expect(codeOf(() => c.export('x', nonce, 16))).toBe('state.not-member');
    // R12.4.2-21: what was sent before is still readable.
    expect(c.process(late).kind).toBe('application');
    const client = clientOf('c');
    const invited = a.invite([client.createKeyPackage().message]);
    for (const group of [a, b]) follow(group, invited.message);
    agree([a, b, client.prepareJoin(invited.welcome).accept()]);
  });

  test('R12.4.2-22 a forged removal is ignored', () => {
    const world = makeWorld(['ann', 'bob', 'cid', 'dot']);
    const [bob, dot] = [world.at(1), world.at(3)];
    const items = [bob.inline(removeOf(3))];
    const { secretKey } = world.at(2).signer;
    world.refuses(bob, forgeCommit(bob.env, bob.state, items, { secretKey }).message, 'crypto.signature', [
      dot,
    ]);
    const twice = [...items, ...items];
    world.refuses(bob, forgeCommit(bob.env, bob.state, twice).message, 'validation.proposal-list', [dot]);
    const bare = forgeCommit(bob.env, bob.state, items, { omitPath: true });
    world.refuses(bob, bare.message, 'validation.path-required', [dot]);
    expect(dot.tryCommit(forgeCommit(bob.env, bob.state, items).message)).toBeUndefined();
  });

  test('PRO-22 R12.4.2-20 its keys are spent', () => {
    const dot = makeWorld(['ann', 'bob', 'cid', 'dot']).at(3);
    const { spent = [] } = leaveMove(dot.env, dot.state);
    const { secrets, privatePath } = dot.state.epoch;
    for (const secret of [secrets.initSecret, secrets.membershipKey, secrets.exporterSecret])
      expect(spent).toContain(secret);
    for (const pair of privatePath.values()) expect(spent).toContain(pair.secretKey);
  });
});

describe('a closed group', () => {
  test('PRO-11 R12.4.2-19 R12.4.1-19 after a ReInit nothing is sent, and nothing but late messages is read', () => {
    const [a, b] = groupsOf(['a', 'b']) as [Group, Group];
    const late = b.encrypt(utf8('late'));
    const handshake = b.propose(update(), { handshake: 'public' }).message;
    const made = a.commit([reinit({ groupId: nonce, suite: 1 })]);
    expect(made.changes.reinit).toBe(true);
    for (const group of [a, b]) follow(group, made.message);
    for (const group of [a, b]) {
      expect(group.status).toBe('closed');
      expect(codeOf(() => group.encrypt(nonce))).toBe('state.closed');
      expect(codeOf(() => group.commit())).toBe('state.closed');
      expect(codeOf(() => group.propose(update()))).toBe('state.closed');
    }
    expect(a.process(late).kind).toBe('application');
    expect(a.process(handshake)).toEqual({ kind: 'expired', epoch: 1n });
  });

  test('PRO-11 R12.4.2-19 what others still send is refused', () => {
    const world = makeWorld(['ann', 'bob', 'cid']);
    const [ann, bob] = [world.at(0), world.at(1)];
    const proposal = { proposalType: 5, groupId: nonce, version: 1, cipherSuite: 1, extensions: [] } as const;
    world.commit(bob, [bob.inline(proposal)], { path: 'omit' });
    expect(ann.state.status).toBe('closed');
    const before = recordOf(ann);
    for (const handshake of ['public', 'private'] as const) {
      const sent = [
        forgeCommit(bob.env, bob.state, [], { handshake }).message,
        forgeProposal(bob.env, bob.state, removeOf(2), { handshake }).message,
      ];
      for (const message of sent) expect(codeOf(() => ann.take(message))).toBe('state.closed');
    }
    expect(recordOf(ann)).toBe(before);
  });
});

describe('order of messages', () => {
  test('JOI-19 R12.4.2-25 a message before its commit is held; the adding commit is past for whom it adds', () => {
    const [a, b] = groupsOf(['a', 'b']) as [Group, Group];
    const client = clientOf('c');
    const invited = a.invite([client.createKeyPackage().message]);
    a.accept(invited);
    const early = a.encrypt(utf8('welcome'));
    expect(b.process(early).kind).toBe('held');
    const taken = b.process(invited.message);
    if (taken.kind !== 'commit') throw new Error(taken.kind);
    expect(b.accept(taken.commit).released).toEqual([early]);
    expect(b.process(early).kind).toBe('application');
    const c = client.prepareJoin(invited.welcome).accept();
    expect(c.process(invited.message).kind).toBe('expired');
    expect(c.process(early).kind).toBe('application');
  });

  test('R12.4.2-18 R12.3-04 R14-07 only accepting moves: epoch, keys and cache change at once', () => {
    const [a, b] = groupsOf(['a', 'b']) as [Group, Group];
    a.process(b.propose(update()).message);
    const before = a.epochAuthenticator;
    const taken = a.process(b.commit().message);
    if (taken.kind !== 'commit') throw new Error(taken.kind);
    expect(a.epochAuthenticator).toEqual(before);
    expect(a.proposals).toHaveLength(1);
    a.accept(taken.commit);
    expect(a.epochAuthenticator).not.toEqual(before);
    expect(a.proposals).toEqual([]);
  });

  test('R5.3.3-01 a leaf index means somebody only within its epoch', () => {
    const [a, b, c] = groupsOf(['a', 'b', 'c']) as [Group, Group, Group];
    const client = clientOf('d');
    const taken = b.process(a.commit([remove(2), add(client.createKeyPackage().message)]).message);
    if (taken.kind !== 'commit') throw new Error(taken.kind);
    b.accept(taken.commit);
    expect(b.member(2)?.signatureKey).toEqual(client.signatureKey);
    expect(taken.commit.changes.removed.map((one) => one.leaf)).toEqual([c.self]);
    // A staged commit of the old epoch is no handle for the new one.
    expect(codeOf(() => b.accept(taken.commit))).toBe('state.stale-handle');
  });

  test('PRO-21 R12.4.1-01 R14-04 application messages go on while a commit is pending', () => {
    const world = makeWorld(['ann', 'bob']);
    const bob = world.at(1);
    const eve = mlsMessage({
      wireFormat: WireFormat.keyPackage,
      keyPackage: new Peer('eve').keyPackage().keyPackage,
    });
    const { next } = commitMove(bob.env, bob.state, [add(eve)], {});
    const sent = encryptMove(bob.env, next, nonce, {});
    expect(world.at(0).try(sent.result).kind).toBe('application');
  });
});
