/** Groups and KeyPackages as records: every shape of state comes back whole, and a damaged record never does. */

import { describe, expect, test } from 'vitest';
import { equal, toHex, utf8 } from '../../src/base/bytes.ts';
import { uint8 } from '../../src/codec/codec.ts';
import { nobleProvider } from '../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { Client } from '../../src/group/client.ts';
import { type Group, stateOf } from '../../src/group/group.ts';
import { acceptAnyCredential } from '../../src/group/policy.ts';
import {
  add,
  customProposal,
  externalPsk,
  reinit,
  remove,
  setExtensions,
  stored,
  update,
} from '../../src/group/proposals.ts';
import { observe } from '../../src/index.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { ExtensionType } from '../../src/wire/registry.ts';
import { agree, clientOf, commitOf, followAll, moveAll, talk } from '../support/groups.ts';
import { codeOf, rejection, rejects, unmoved } from '../support/refusals.ts';

const DATA = utf8('hello');
const CUSTOM = 0xf0a0;
const POLICY = {
  grease: false,
  proposalTypes: new Map([[CUSTOM, { pathRequired: false, external: false }]]),
};
const OPTIONS = { openTypes: { proposals: new Map([[CUSTOM, uint8]]) } };

/** Members `a`, `b` and `c`; `b` is saved and taken back by its client. */
class Room {
  readonly client: Client;
  readonly a: Group;
  readonly c: Group;
  b: Group;

  constructor(suite = 1) {
    const options = { ...OPTIONS, suite };
    this.client = clientOf('b', POLICY, options);
    const c = clientOf('c', POLICY, options);
    this.a = clientOf('a', POLICY, options).createGroup();
    const invited = this.a.invite([this.client, c].map((client) => client.createKeyPackage().message));
    this.a.accept(invited);
    [this.b, this.c] = [this.client, c].map((client) => client.prepareJoin(invited.welcome).accept()) as [
      Group,
      Group,
    ];
  }
  get all(): Group[] {
    return [this.a, this.b, this.c];
  }
  /** Everybody moves on by a commit of `by`. */
  move(by: Group): void {
    moveAll(this.all, by);
  }
  /** End the process of `b`, and start it again. */
  restart(): void {
    const record = this.b.save();
    this.b.close();
    this.b = this.client.load(record);
    expect(toHex(this.b.save())).toBe(toHex(record));
  }
}

/** A shape of state: how it comes about, and what must still work afterwards. */
interface Shape {
  readonly name: string;
  readonly run: (room: Room) => () => void;
}

const SHAPES: readonly Shape[] = [
  { name: 'a member that has just joined', run: () => () => {} },
  {
    name: 'FRM-04 past epochs: late messages open once, older ones stay closed',
    run: (room) => {
      const late = [0, 1].map(() => {
        const messages = [room.a.encrypt(DATA), room.c.encrypt(DATA)] as const;
        room.move(room.c);
        return messages;
      });
      room.b.process(late[0]?.[0] as Uint8Array);
      return () => {
        unmoved(room.b, late[0]?.[0] as Uint8Array, { kind: 'duplicate' });
        for (const message of [late[0]?.[1], late[1]?.[0], late[1]?.[1]])
          expect(room.b.process(message as Uint8Array)).toMatchObject({ kind: 'application', data: DATA });
      };
    },
  },
  {
    name: 'FRM-02 FRM-03 keys that were passed over, used up, and dropped',
    run: (room) => {
      const sent = Array.from({ length: 12 }, () => room.a.encrypt(DATA));
      for (const i of [3, 9, 5]) expect(room.b.process(sent[i] as Uint8Array).kind).toBe('application');
      return () => {
        for (const i of [3, 9, 5]) unmoved(room.b, sent[i] as Uint8Array, { kind: 'duplicate' });
        for (const i of [0, 11, 4, 10, 8])
          expect(room.b.process(sent[i] as Uint8Array)).toMatchObject({ kind: 'application', generation: i });
      };
    },
  },
  {
    name: 'STO-13 generations go on where they were',
    run: (room) => {
      for (let i = 0; i < 3; i++) room.a.process(room.b.encrypt(DATA));
      return () => expect(room.a.process(room.b.encrypt(DATA))).toMatchObject({ generation: 3 });
    },
  },
  {
    name: 'FRM-11 held messages, with their sources, and who was too far ahead',
    run: (room) => {
      const first = room.a.commit();
      followAll([room.a, room.c], first.message);
      const early = [room.a.encrypt(DATA), room.c.encrypt(DATA)];
      for (const [i, message] of early.entries())
        expect(room.b.process(message, { source: `s${i}` }).kind).toBe('held');
      const far = early.map((message) => Uint8Array.from(message));
      for (const message of far) message.set([1, 0, 0, 0, 0, 0, 0], 4 + 1 + room.b.id.length);
      expect(room.b.process(far[0] as Uint8Array, { source: 's0' }).kind).toBe('desynchronised');
      return () => {
        expect(rejection(room.b.process(far[0] as Uint8Array, { source: 's0' })).code).toBe(
          'state.epoch-future',
        );
        expect(room.b.process(far[1] as Uint8Array, { source: 's1' }).kind).toBe('desynchronised');
        const { released } = room.b.accept(commitOf(room.b, first.message));
        expect(released).toEqual(early);
        for (const message of released) expect(room.b.process(message).kind).toBe('application');
      };
    },
  },
  {
    name: 'PRO-29 R12.1-06 an Update of ours, with another signature key, that somebody commits',
    run: (room) => {
      const signer = nodeProvider.suite(1).signatureKeyPair(nodeProvider.random(32));
      for (const leaf of [{}, { signer }]) {
        const { message } = room.b.propose(update(leaf));
        for (const group of [room.a, room.c]) group.process(message);
      }
      return () => {
        room.move(room.a);
        expect(room.b.member(1)?.signatureKey).toEqual(signer.publicKey);
      };
    },
  },
  {
    name: 'PRO-26 proposals of all kinds that wait for a commit',
    run: (room) => {
      const e = clientOf('e', POLICY, OPTIONS).createKeyPackage().message;
      for (const input of [
        add(e),
        externalPsk(DATA),
        customProposal(CUSTOM, Uint8Array.of(1)),
        setExtensions([]),
      ]) {
        const { message } = room.a.propose(input);
        for (const group of [room.b, room.c]) expect(group.process(message).kind).toBe('proposal');
      }
      return () => {
        expect(room.b.proposals.map(({ type, sender }) => [type, sender?.leaf])).toEqual(
          [1, 4, CUSTOM, 7].map((type) => [type, 0]),
        );
        const { changes } = moveAll(room.all, room.b);
        expect([changes.added.length, changes.psks.length, changes.custom.length]).toEqual([1, 1, 1]);
      };
    },
  },
  {
    name: 'PRO-26 R12.1.8-05 proposals of an external sender, and of somebody who asks to be added',
    run: (room) => {
      const pair = () => nodeProvider.suite(1).signatureKeyPair(nodeProvider.random(32));
      const [other, signer] = [pair(), pair()];
      const credential = basicCredential('service');
      const listed = [other, signer].map(({ publicKey }) => ({ signatureKey: publicKey, credential }));
      moveAll(room.all, room.a, [
        setExtensions([makeExtension(ExtensionType.externalSenders, ExternalSenders, listed)]),
      ]);
      const info = room.a.groupInfo();
      const watcher = observe({ validateCredential: acceptAnyCredential, policy: POLICY }, info);
      const asking = clientOf('e', POLICY, OPTIONS).requestJoin(info);
      for (const message of [watcher.propose(remove(2), { signer }).message, asking.message])
        for (const group of room.all) expect(group.process(message).kind).toBe('proposal');
      return () => {
        const senders = stateOf(room.b).proposals.map(({ sender }) => sender);
        expect(senders).toEqual([{ kind: 'external', index: 1 }, { kind: 'new-member' }]);
        const [, request] = room.b.proposals;
        const { changes } = moveAll(room.all, room.b, [stored(request?.ref as Uint8Array)]);
        expect([changes.removed.length, changes.added.length]).toEqual([1, 1]);
        room.b.close();
      };
    },
  },
  {
    name: 'R8.6-01 resumption PSKs of earlier epochs',
    run: (room) => {
      for (let i = 0; i < 3; i++) room.move(room.a);
      return () =>
        void moveAll(room.all, room.b, [{ kind: 'resumption-psk', groupId: room.b.id, epoch: 2n }]);
    },
  },
  {
    name: 'FRM-20 commits that ended past epochs, ours and those of others',
    run: (room) => {
      const [theirs, ours] = [moveAll(room.all, room.a), moveAll(room.all, room.b)];
      return () => {
        unmoved(room.b, theirs.message, { kind: 'duplicate' });
        unmoved(room.b, ours.message, { kind: 'own-message', content: 'commit' });
      };
    },
  },
  {
    name: 'TRE-24 a tree with blanks, unmerged leaves and free places',
    run: (room) => {
      const [e, f] = ['e', 'f'].map((name) => clientOf(name, POLICY, OPTIONS).createKeyPackage().message) as [
        Uint8Array,
        Uint8Array,
      ];
      moveAll(room.all, room.b, [add(e), add(f)], { path: 'omit' });
      moveAll(room.all, room.a, [remove(3)]);
      return () => void moveAll(room.all, room.c, [remove(4)]);
    },
  },
  ...(['private', 'public'] as const).flatMap((handshake): Shape[] => [
    {
      name: `FRM-20 R14-03 a pending commit, ${handshake}: known when it comes back, with everything that it was made with`,
      run: (room) => {
        const e = clientOf('e', POLICY, OPTIONS);
        const inputs = [
          add(e.createKeyPackage().message),
          remove(0),
          externalPsk(DATA),
          customProposal(CUSTOM, Uint8Array.of(1)),
        ];
        const made = room.b.commit(inputs, { handshake, groupInfo: true });
        return () => {
          expect(room.b.pending).toEqual(made);
          expect(room.b.process(made.message)).toEqual({ kind: 'own-commit', commit: made });
          followAll(room.all, made.message);
          agree([room.b, room.c, e.prepareJoin(made.welcome as Uint8Array).accept()]);
          room.b.close();
        };
      },
    },
    {
      name: `R14-06 R14-07 a pending commit that loses, ${handshake}`,
      run: (room) => {
        room.b.commit([remove(2)], { handshake });
        return () => {
          const { again } = followAll(room.all, room.a.commit([], { handshake }).message)[1] as {
            again: unknown;
          };
          expect(again).toEqual([remove(2)]);
          expect(room.b.pending).toBeUndefined();
        };
      },
    },
    {
      name: `R12.4.1-20 a commit that we dropped, ${handshake}`,
      run: (room) => {
        const made = room.b.commit([], { handshake });
        room.b.discard(made);
        return () => {
          const evidence = { kind: 'own-commit', epoch: 1n };
          unmoved(room.b, made.message, { kind: 'desynchronised', evidence });
        };
      },
    },
  ]),
];

describe('every shape of state', () => {
  test.each(SHAPES.map((shape) => [shape.name, shape] as const))('%s', (_, { run }) => {
    const room = new Room();
    const check = run(room);
    room.restart();
    check();
    if (!room.b.isActive) return;
    room.restart();
    talk(room.all);
    room.move(room.b);
    room.restart();
    room.move(room.c);
  });

  test.each([1, 2, 3, 4, 5, 6, 7])('suite %i, and a record of one back end read by the other', (suite) => {
    const room = new Room(suite);
    room.b.process(room.a.encrypt(DATA));
    const made = room.b.commit([externalPsk(DATA)]);
    room.restart();
    const other = clientOf('b', POLICY, { ...OPTIONS, suite, provider: nobleProvider });
    const loaded = other.load(room.b.save());
    expect(equal(loaded.save(), room.b.save())).toBe(true);
    loaded.accept(commitOf(loaded, made.message));
    followAll([room.a, room.c], made.message);
    agree([room.a, loaded, room.c]);
  });

  test('R14-01 a removed member reads what was sent before, and follows nothing', () => {
    const room = new Room();
    const late = room.a.encrypt(DATA);
    const other = room.c.commit([], { handshake: 'public' });
    room.c.discard(other);
    followAll(room.all, room.a.commit([remove(1)]).message);
    room.restart();
    expect([room.b.status, room.b.isActive]).toEqual(['removed', false]);
    expect(room.b.process(late).kind).toBe('application');
    rejects(room.b, other.message, 'state.not-member');
    expect(codeOf(() => room.b.encrypt(DATA))).toBe('state.not-member');
    room.restart();
    unmoved(room.b, late, { kind: 'duplicate' });
  });

  test('R14-01 PRO-11 a closed group still knows its successor and reads what was sent before', () => {
    const room = new Room();
    const late = room.a.encrypt(DATA);
    moveAll(room.all, room.a, [reinit({ groupId: DATA, suite: 2 })]);
    room.restart();
    expect([room.b.status, room.b.isActive]).toEqual(['closed', false]);
    expect(room.b.process(late).kind).toBe('application');
    expect(codeOf(() => room.b.commit())).toBe('state.closed');
  });
});
