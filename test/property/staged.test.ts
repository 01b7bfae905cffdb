/** Commits that wait for a decision: however it falls, what the others held is wiped, and what is in use is not. */

import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import type { Group } from '../../src/group/group.ts';
import { add, remove, update } from '../../src/group/proposals.ts';
import type { OwnCommit, StagedCommit } from '../../src/group/views.ts';
import { clientOf, commitOf, moveAll, talk } from '../support/groups.ts';
import { Recorder } from '../support/recorder.ts';
import { codeOf } from '../support/refusals.ts';

Error.stackTraceLimit = 50;
const POLICY = { handshake: 'public', grease: false } as const;

/** Four members; of the second one every secret is on record. */
class Room {
  readonly recorder = new Recorder();
  readonly others: readonly Group[];
  readonly b: Group;

  constructor(handshake: 'public' | 'private' = 'public') {
    const policy = { ...POLICY, handshake };
    const watched = clientOf('b', policy, { provider: this.recorder.provider });
    const clients = [watched, clientOf('c', policy), clientOf('d', policy)];
    const a = clientOf('a', policy).createGroup();
    const invited = a.invite(clients.map((client) => client.createKeyPackage().message));
    a.accept(invited);
    const [b, c, d] = clients.map((client) => client.prepareJoin(invited.welcome).accept()) as [
      Group,
      Group,
      Group,
    ];
    this.b = b;
    this.others = [a, c, d];
    for (const group of [a, b, c, d]) moveAll([a, b, c, d], group);
    this.recorder.reset();
  }
  /** Commits of all others, staged. */
  stage(): StagedCommit[] {
    return this.others.map((group) => commitOf(this.b, group.commit().message));
  }
  /** Nothing was left behind, and the members still understand each other by the commit of one. */
  clean(): void {
    expect(this.recorder.strayFrom(this.b.save())).toEqual([]);
  }
  /** Follow the commit of one of the others. */
  settle(winner: number): void {
    const [by] = [this.others[winner] as Group];
    const { message } = by.pending as OwnCommit;
    for (const group of this.others) group.accept(commitOf(group, message));
    talk([this.b, ...this.others]);
  }
}

describe('STO-16 R14-03 R16.6-02 staged commits', () => {
  test.each([0, 1, 2])('number %i of three is accepted: the others are wiped', (winner) => {
    const room = new Room();
    const staged = room.stage();
    commitOf(room.b, ((room.others[winner] as Group).pending as OwnCommit).message);
    room.b.accept(staged[winner] as StagedCommit);
    room.clean();
    for (const commit of staged) expect(codeOf(() => room.b.accept(commit))).toBe('state.stale-handle');
    room.settle(winner);
    moveAll([room.b, ...room.others], room.b);
  });

  test('our own is accepted: those of others are wiped', () => {
    const room = new Room();
    const mine = room.b.commit();
    room.stage();
    room.b.accept(mine);
    room.clean();
    for (const group of room.others) group.accept(commitOf(group, mine.message));
    talk([room.b, ...room.others]);
  });

  test('ours loses, with an Update of ours in the winner: what is used stays', () => {
    const room = new Room();
    const { message } = room.b.propose(update());
    for (const group of room.others) group.process(message);
    room.b.commit([add(clientOf('e').createKeyPackage().message)]);
    const staged = room.stage();
    room.b.accept(staged[1] as StagedCommit);
    room.clean();
    room.settle(1);
  });

  test('one that removes us is accepted: the others are wiped', () => {
    const room = new Room();
    room.stage();
    const removal = (room.others[0] as Group).pending;
    (room.others[0] as Group).discard(removal as StagedCommit);
    const staged = commitOf(room.b, (room.others[0] as Group).commit([remove(room.b.self)]).message);
    room.b.accept(staged);
    room.clean();
    expect(room.b.status).toBe('removed');
  });

  test('they are dropped one by one: nothing of them stays, and the group works', () => {
    const room = new Room();
    for (const commit of room.stage()) {
      room.b.discard(commit);
      expect(codeOf(() => room.b.discard(commit))).toBe('state.stale-handle');
    }
    room.clean();
    for (const group of room.others) group.discard(group.pending as StagedCommit);
    moveAll([room.b, ...room.others], room.b);
  });

  test('CRY-23 closing the group wipes them as well', () => {
    const room = new Room();
    room.b.commit();
    room.stage();
    room.b.close();
    expect(room.recorder.strayFrom(new Uint8Array(0))).toEqual([]);
  });
});

describe.each(['public', 'private'] as const)(
  'PRO-27 STO-16 more commits than may be staged, sent %sly',
  (handshake) => {
    test('the oldest makes room: its handle is stale, and it can be looked at again', () => {
      const room = new Room(handshake);
      const [a] = room.others as [Group];
      const messages = Array.from({ length: 17 }, () => {
        const made = a.commit();
        a.discard(made);
        return made.message;
      });
      const before = toHex(room.b.save());
      const staged = messages.map((message) => commitOf(room.b, message)) as [
        StagedCommit,
        ...StagedCommit[],
      ];
      expect(toHex(room.b.save())).toBe(before);
      expect(codeOf(() => room.b.accept(staged[0]))).toBe('state.stale-handle');
      const again = commitOf(room.b, messages[0] as Uint8Array);
      expect(codeOf(() => room.b.accept(staged[1] as StagedCommit))).toBe('state.stale-handle');
      const key = room.b.epochAuthenticator;
      room.b.accept(again);
      expect(room.b.epochAuthenticator).not.toEqual(key);
      room.clean();
      for (const message of messages.slice(1))
        expect(room.b.process(message)).toEqual({ kind: 'expired', epoch: BigInt(room.b.epoch) - 1n });
      expect(room.b.process(messages[0] as Uint8Array)).toEqual({ kind: 'duplicate' });
      expect(room.b.encrypt(utf8('on we go')).length).toBeGreaterThan(0);
    });
  },
);
