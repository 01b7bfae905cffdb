/**
 * The atomicity law: whatever fails, at whichever call of a primitive, the caller gets an `MlsError`, nothing has changed,
 * and the same operation then succeeds and the members still understand each other.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY, equal, toHex, utf8 } from '../../src/base/bytes.ts';
import { MlsError } from '../../src/base/error.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { Provider } from '../../src/crypto/provider.ts';
import { Client } from '../../src/group/client.ts';
import type { Group } from '../../src/group/group.ts';
import { acceptAnyCredential, type Policy } from '../../src/group/policy.ts';
import type { Processed } from '../../src/group/processed.ts';
import {
  add,
  externalPsk,
  type ProposalInput,
  reinit,
  remove,
  setExtensions,
  update,
} from '../../src/group/proposals.ts';
import type { CommitOptions } from '../../src/group/sendCommit.ts';
import type { StagedJoin } from '../../src/group/staged.ts';
import type { StagedCommit } from '../../src/group/views.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { Fault, Faulty } from '../support/faulty.ts';
import { nth, type Peer, room } from '../support/peers.ts';
import { recordOf } from '../support/refusals.ts';

const DATA = utf8('hello');

function client(name: string, provider: Provider = nodeProvider, policy: Partial<Policy> = {}): Client {
  return new Client({
    credential: basicCredential(name),
    validateCredential: acceptAnyCredential,
    provider,
    policy: { grease: false, ...policy },
    psks: () => utf8('shared'),
    clock: () => 1_800_000_000,
  });
}

/** Three members; the second one has the faulty provider. */
class World {
  readonly faulty = new Faulty(nodeProvider);
  readonly client: Client;
  readonly subject: Group;
  readonly others: readonly Group[];

  constructor(policy: Partial<Policy> = {}) {
    const [a, c] = [client('a', nodeProvider, policy), client('c', nodeProvider, policy)];
    this.client = client('b', this.faulty.provider, policy);
    const group = a.createGroup();
    const invitation = group.invite([this.client.createKeyPackage().message, c.createKeyPackage().message]);
    group.accept(invitation);
    this.subject = this.client.prepareJoin(invitation.welcome).accept();
    this.others = [group, c.prepareJoin(invitation.welcome).accept()];
  }
  get a(): Group {
    return this.others[0] as Group;
  }
  get c(): Group {
    return this.others[1] as Group;
  }
  face(): unknown[] {
    const { epoch, status, epochAuthenticator, treeHash, proposals, pending, self, members } = this.subject;
    const record = toHex(this.subject.save());
    return [epoch, status, epochAuthenticator, treeHash, proposals, pending, self, members, record];
  }
  /** All members agree, and everybody hears everybody. */
  interoperate(expectedGeneration?: number): void {
    const all = [this.subject, ...this.others];
    for (const group of all) expect(group.epochAuthenticator).toEqual(this.subject.epochAuthenticator);
    for (const from of all) {
      const message = from.encrypt(DATA);
      for (const to of all) {
        if (to === from) continue;
        const processed = to.process(message);
        expect(processed).toMatchObject({ kind: 'application', data: DATA });
        if (from === this.subject && expectedGeneration !== undefined) {
          expect(processed).toMatchObject({ generation: expectedGeneration });
        }
      }
    }
  }
}

function stagedBy(processed: Processed): StagedCommit {
  if (processed.kind !== 'commit') throw new Error(`no commit: ${processed.kind}`);
  return processed.commit;
}

/** Run an operation with a fault at call 1, 2, … until none comes about. @returns its result and the number of calls */
function underFaults<T>(
  faulty: Faulty,
  face: () => unknown,
  operation: () => T,
): { readonly result: T; readonly calls: number } {
  const before = face();
  for (let k = 1; ; k++) {
    let outcome: { readonly result: T } | { readonly error: unknown };
    faulty.arm(k);
    try {
      outcome = { result: operation() };
    } catch (error) {
      outcome = { error };
    }
    const fired = faulty.disarm();
    if ('result' in outcome) {
      if (fired) throw new Error(`the fault at call ${k} was swallowed`);
      return { result: outcome.result, calls: k - 1 };
    }
    const { error } = outcome;
    if (!(error instanceof MlsError)) throw new Error(`call ${k}: no MlsError`, { cause: error });
    if (!fired) throw error;
    expect(error.code).toBe('internal.bug');
    expect(error.cause).toBeInstanceOf(Fault);
    expect(face()).toEqual(before);
  }
}

/** An operation of the subject, and what the others do about its result. */
interface Case {
  readonly name: string;
  readonly policy?: Partial<Policy>;
  readonly run: (world: World) => void;
}

function sending(
  inputs: (world: World) => readonly ProposalInput[],
  options: CommitOptions = {},
): Case['run'] {
  return (world) => {
    const made = inputs(world);
    const { result, calls } = underFaults(
      world.faulty,
      () => world.face().slice(0, 5),
      () => world.subject.commit(made, options),
    );
    expect(calls).toBeGreaterThan(20);
    for (const other of world.others) other.accept(stagedBy(other.process(result.message)));
    underFaults(
      world.faulty,
      () => world.subject.epoch,
      () => world.subject.process(result.message),
    );
    world.subject.accept(result);
    if (world.subject.status === 'active') world.interoperate(0);
  };
}

function receiving(act: (world: World) => Uint8Array): Case['run'] {
  return (world) => {
    const message = act(world);
    const face = () => world.face();
    const { result } = underFaults(world.faulty, face, () => world.subject.process(message));
    if (result.kind !== 'commit') {
      expect(world.subject.process(message).kind).not.toBe(
        result.kind === 'application' ? 'application' : 'x',
      );
      return;
    }
    underFaults(world.faulty, face, () => world.subject.accept(result.commit));
    const sent = world.a.pending;
    if (sent === undefined) return;
    world.c.accept(stagedBy(world.c.process(message)));
    world.a.accept(sent);
    world.interoperate(0);
  };
}

const CASES: readonly Case[] = [
  {
    name: 'encrypt',
    run: (world) => {
      const { result, calls } = underFaults(
        world.faulty,
        () => world.face(),
        () => world.subject.encrypt(DATA),
      );
      expect(calls).toBeGreaterThan(5);
      for (const other of world.others)
        expect(other.process(result)).toMatchObject({ generation: 0, data: DATA });
      world.interoperate(1);
    },
  },
  {
    name: 'encrypt, later',
    run: (world) => {
      world.interoperate();
      const { result } = underFaults(
        world.faulty,
        () => world.face(),
        () => world.subject.encrypt(DATA),
      );
      for (const other of world.others) expect(other.process(result)).toMatchObject({ generation: 1 });
    },
  },
  ...(['private', 'public'] as const).map(
    (handshake): Case => ({
      name: `propose, ${handshake}`,
      run: (world) => {
        const propose = () => world.subject.propose(update(), { handshake });
        const { result } = underFaults(world.faulty, () => world.face(), propose);
        expect(world.subject.proposals).toHaveLength(1);
        for (const other of world.others) expect(other.process(result.message).kind).toBe('proposal');
        const sent = world.a.commit();
        for (const group of [world.subject, world.c]) group.accept(stagedBy(group.process(sent.message)));
        world.a.accept(sent);
        world.interoperate(0);
      },
    }),
  ),
  {
    name: 'propose an addition',
    run: (world) =>
      void underFaults(
        world.faulty,
        () => world.face(),
        () => world.subject.propose(add(client('d').createKeyPackage().message)),
      ),
  },
  { name: 'commit, empty', run: sending(() => []) },
  { name: 'commit, public', run: sending(() => [], { handshake: 'public' }) },
  { name: 'commit, PSK without path', run: sending(() => [externalPsk(DATA)], { path: 'omit' }) },
  { name: 'commit, extensions and GroupInfo', run: sending(() => [setExtensions([])], { groupInfo: true }) },
  { name: 'commit, ReInit', run: sending(() => [reinit({ groupId: DATA, suite: 1 })]) },
  {
    name: 'commit, over proposals of others',
    run: (world) => {
      const { message } = world.c.propose(update());
      for (const group of [world.subject, world.a]) group.process(message);
      sending(() => [])(world);
    },
  },
  {
    name: 'commit, new leaf content',
    run: sending(() => [], { leaf: { credential: basicCredential('b, renamed') } }),
  },
  {
    name: 'invite, then join with faults',
    run: (world) => {
      const faulty = new Faulty(nodeProvider);
      const joiner = client('d', faulty.provider);
      const { result: keyPackage } = underFaults(
        faulty,
        () => joiner.signatureKey,
        () => joiner.createKeyPackage(),
      );
      const invite = () => world.subject.invite([keyPackage.message]);
      const { result: sent } = underFaults(world.faulty, () => world.face().slice(0, 5), invite);
      for (const other of world.others) other.accept(stagedBy(other.process(sent.message)));
      world.subject.accept(sent);
      const { result: staged, calls } = underFaults(
        faulty,
        () => 0,
        (): StagedJoin => joiner.prepareJoin(sent.welcome),
      );
      expect(calls).toBeGreaterThan(40);
      const group = staged.accept();
      expect(group.epochAuthenticator).toEqual(world.subject.epochAuthenticator);
      const message = world.subject.encrypt(DATA);
      expect(group.process(message).kind).toBe('application');
    },
  },
  { name: 'process, application', run: receiving((world) => world.a.encrypt(DATA)) },
  {
    name: 'process, application of a past epoch',
    run: receiving((world) => {
      const late = world.a.encrypt(DATA);
      const sent = world.a.commit();
      for (const group of [world.subject, world.c]) group.accept(stagedBy(group.process(sent.message)));
      world.a.accept(sent);
      return late;
    }),
  },
  {
    name: 'process, application out of order',
    run: receiving((world) => [0, 1, 2, 3].map(() => world.a.encrypt(DATA)).at(-1) as Uint8Array),
  },
  { name: 'process, proposal, private', run: receiving((world) => world.a.propose(update()).message) },
  {
    name: 'process, proposal, public',
    run: receiving((world) => world.a.propose(remove(2), { handshake: 'public' }).message),
  },
  { name: 'process and accept, commit, private', run: receiving((world) => world.a.commit().message) },
  {
    name: 'process and accept, commit, public',
    run: receiving((world) => world.a.commit([], { handshake: 'public' }).message),
  },
  {
    name: 'process and accept, commit with PSK',
    run: receiving((world) => world.a.commit([externalPsk(DATA)], { path: 'omit' }).message),
  },
  {
    name: 'process and accept, commit with addition',
    run: receiving((world) => world.a.invite([client('d').createKeyPackage().message]).message),
  },
  {
    name: 'process and accept, removal of ourselves',
    run: (world) => {
      const { message } = world.a.commit([remove(world.subject.self)]);
      const { result } = underFaults(
        world.faulty,
        () => world.face(),
        () => world.subject.process(message),
      );
      underFaults(
        world.faulty,
        () => world.face(),
        () => world.subject.accept(stagedBy(result)),
      );
      expect(world.subject.status).toBe('removed');
    },
  },
  {
    name: 'process and accept, external commit',
    run: (world) => {
      const joiner = client('d');
      const offer = joiner.prepareExternalJoin(world.a.groupInfo());
      const { result } = underFaults(
        world.faulty,
        () => world.face(),
        () => world.subject.process(offer.message),
      );
      underFaults(
        world.faulty,
        () => world.face(),
        () => world.subject.accept(stagedBy(result)),
      );
      expect(offer.accept().epochAuthenticator).toEqual(world.subject.epochAuthenticator);
    },
  },
  {
    name: 'discard, own and received',
    run: (world) => {
      const mine = world.subject.commit();
      underFaults(
        world.faulty,
        () => world.face(),
        () => world.subject.process(mine.message),
      );
      world.subject.discard(mine);
      expect(world.subject.pending).toBeUndefined();
      const sent = world.a.commit();
      const staged = stagedBy(world.subject.process(sent.message));
      underFaults(
        world.faulty,
        () => world.face(),
        () => world.subject.discard(staged),
      );
      world.a.discard(sent);
      world.interoperate(0);
    },
  },
  {
    name: 'external join',
    run: (world) => {
      const faulty = new Faulty(nodeProvider);
      const joiner = client('d', faulty.provider);
      const info = world.a.groupInfo();
      const { result: offer, calls } = underFaults(
        faulty,
        () => joiner.signatureKey,
        () => joiner.prepareExternalJoin(info),
      );
      expect(calls).toBeGreaterThan(40);
      for (const group of [world.subject, ...world.others])
        group.accept(stagedBy(group.process(offer.message)));
      expect(offer.accept().epochAuthenticator).toEqual(world.subject.epochAuthenticator);
      world.interoperate(0);
    },
  },
  {
    name: 'export and GroupInfo',
    run: (world) => {
      const face = () => world.face();
      const { result } = underFaults(world.faulty, face, () => world.subject.export('label', DATA, 40));
      expect(result).toEqual(world.a.export('label', DATA, 40));
      const { result: info } = underFaults(world.faulty, face, () => world.subject.groupInfo());
      const offer = client('d').prepareExternalJoin(info);
      for (const group of [world.subject, ...world.others])
        group.accept(stagedBy(group.process(offer.message)));
      world.interoperate(0);
    },
  },
  {
    name: 'create a client, a group and a KeyPackage, check a KeyPackage',
    run: () => {
      const faulty = new Faulty(nodeProvider);
      const { result: maker } = underFaults(
        faulty,
        () => 0,
        () => client('d', faulty.provider),
      );
      const { result: group } = underFaults(
        faulty,
        () => 0,
        () => maker.createGroup(),
      );
      const { message } = client('e').createKeyPackage();
      underFaults(
        faulty,
        () => 0,
        () => maker.validateKeyPackage(message),
      );
      const invitee = client('f');
      const sent = group.invite([invitee.createKeyPackage().message]);
      group.accept(sent);
      expect(invitee.prepareJoin(sent.welcome).accept().epochAuthenticator).toEqual(group.epochAuthenticator);
    },
  },
];

describe('R14-04 R12.3-04 R12.4.2-18 FRM-23 STO-16 a primitive fails at its k-th call, for every k', () => {
  test.each(CASES.map((one) => [one.name, one] as const))('%s', (_, { run, policy }) => {
    run(new World(policy));
  });

  test('R9.2-08 CRY-23 the state itself is the same object with the same bytes', () => {
    const faulty = new Faulty(nodeProvider);
    const peers = room(['a', 'b', 'c']) as [Peer, Peer, Peer];
    const [a, b] = peers;
    Object.assign(b, {
      env: {
        ...b.env,
        suite: faulty.provider.suite(1),
        random: (length: number) => faulty.provider.random(length),
      },
    });
    const skipped = [0, 1, 2].map(() => a.encrypt(DATA));
    const operations: readonly (() => unknown)[] = [
      () => b.encrypt(DATA),
      () => b.process(skipped[2] as Uint8Array),
      () => b.process(skipped[0] as Uint8Array),
      () => b.process(proposal),
      () => b.commit([externalPsk(DATA)]),
      () => b.accept(b.process(commit)),
    ];
    const proposal = a.propose(update());
    const commit = a.commit().message;
    for (const operation of operations) {
      const { state } = b;
      const before = recordOf(b);
      for (let k = 1; k < 2000; k++) {
        faulty.arm(k);
        try {
          operation();
        } catch {
          expect(b.state === state && recordOf(b) === before).toBe(true);
        }
        if (!faulty.disarm()) break;
      }
      expect(b.state).not.toBe(state);
    }
    expect(b.epoch).toBe(2n);
  });
});

describe('R16-03 R6.1-11 R14-04 damaged bytes', () => {
  /** One change at one place. */
  const damage = fc.record({
    at: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
    how: fc.constantFrom('flip', 'cut', 'insert', 'drop', 'fill') as fc.Arbitrary<
      'flip' | 'cut' | 'insert' | 'drop' | 'fill'
    >,
    value: fc.integer({ min: 0, max: 255 }),
  });
  type Damage = typeof damage extends fc.Arbitrary<infer D> ? D : never;
  function damaged(bytes: Uint8Array, { at, how, value }: Damage): Uint8Array {
    const place = Math.floor(at * bytes.length);
    const out = [...bytes];
    if (how === 'flip') out[place] = (out[place] as number) ^ (1 << (value & 7));
    if (how === 'fill') out[place] = value;
    if (how === 'cut') out.length = place;
    if (how === 'insert') out.splice(place, 0, value);
    if (how === 'drop') out.splice(place, 1);
    return Uint8Array.from(out);
  }
  /** Whether the call went through. Anything but an `MlsError` escapes. */
  function goesThrough(call: () => unknown): boolean {
    try {
      call();
      return true;
    } catch (error) {
      if (error instanceof MlsError && error.code !== 'internal.bug') return false;
      throw error;
    }
  }

  test('to process: rejected, or an outcome that believes nothing; what is held is all that can change', () => {
    const world = new World({ held: { epochs: 16, count: 10_000, bytes: 1 << 28 } });
    const samples = [
      world.a.encrypt(DATA),
      world.a.propose(update()).message,
      world.c.propose(remove(0), { handshake: 'public' }).message,
      world.c.commit([externalPsk(DATA)], { handshake: 'public' }).message,
      world.a.commit().message,
      client('d').prepareExternalJoin(world.a.groupInfo()).message,
    ];
    let before = world.face();
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        (sample, damages) => {
          const bytes = damages.reduce(damaged, sample);
          if (equal(bytes, sample)) return;
          const taken = world.subject.process(bytes);
          const kind = taken.kind === 'desynchronised' ? taken.evidence.kind : taken.kind;
          expect(['rejected', 'foreign', 'held', 'ahead', 'expired', 'own-message', 'duplicate']).toContain(
            kind,
          );
          const after = world.face();
          if (kind === 'held' || kind === 'ahead') before = [...before.slice(0, -1), after.at(-1)];
          expect(after).toEqual(before);
        },
      ),
      { numRuns: 1500, seed: 1 },
    );
    expect(world.subject.process(samples[0] as Uint8Array)).toMatchObject({
      kind: 'application',
      data: DATA,
    });
    expect(world.subject.process(samples[1] as Uint8Array).kind).toBe('proposal');
  });

  test('every prefix of every kind of message', () => {
    const peers = room(['a', 'b', 'c']) as [Peer, Peer, Peer];
    const [a, b] = peers;
    const before = b.state;
    for (const sample of [a.encrypt(DATA), a.propose(remove(2), { handshake: 'public' })]) {
      for (let length = 0; length < sample.length; length++) {
        expect(goesThrough(() => b.process(sample.subarray(0, length)))).toBe(false);
      }
      expect(goesThrough(() => b.process(Uint8Array.from([...sample, 0])))).toBe(false);
    }
    expect(b.state).toBe(before);
    expect(nth(peers, 1)).toBe(b);
  });

  test('to prepareJoin, validateKeyPackage and prepareExternalJoin', () => {
    const world = new World();
    const joiner = client('d');
    const keyPackage = joiner.createKeyPackage().message;
    const { welcome } = world.a.invite([keyPackage]);
    const info = world.c.groupInfo();
    const calls: readonly (readonly [Uint8Array, (bytes: Uint8Array) => unknown])[] = [
      [welcome, (bytes) => joiner.prepareJoin(bytes)],
      [keyPackage, (bytes) => joiner.validateKeyPackage(bytes)],
      [info, (bytes) => joiner.prepareExternalJoin(bytes)],
      [welcome, (bytes) => joiner.prepareJoin(welcome, { ratchetTree: bytes })],
    ];
    fc.assert(
      fc.property(fc.constantFrom(...calls.slice(0, 3)), damage, ([sample, call], one) => {
        const bytes = damaged(sample, one);
        if (!equal(bytes, sample)) expect(goesThrough(() => call(bytes))).toBe(false);
      }),
      { numRuns: 600, seed: 2 },
    );
    for (const [sample, call] of calls) expect(goesThrough(() => call(sample))).toBe(true);
    expect(joiner.prepareJoin(welcome).accept().epoch).toBe(2n);
  });

  test('what is no byte string at all', () => {
    const world = new World();
    const joiner = client('d');
    const wrong: readonly unknown[] = [
      undefined,
      null,
      'text',
      7,
      {},
      [1, 2],
      new Uint16Array(4),
      new DataView(new ArrayBuffer(4)),
    ];
    for (const value of wrong) {
      const bytes = value as Uint8Array;
      for (const call of [
        () => world.subject.process(bytes),
        () => world.subject.encrypt(bytes),
        () => joiner.prepareJoin(bytes),
        () => joiner.validateKeyPackage(bytes),
        () => joiner.prepareExternalJoin(bytes),
      ]) {
        expect(goesThrough(call)).toBe(false);
      }
    }
    expect(world.subject.process(EMPTY.length === 0 ? world.a.encrypt(DATA) : EMPTY).kind).toBe(
      'application',
    );
  });
});
