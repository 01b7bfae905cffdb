/** Every outcome of `Group.process` and every kind of evidence, in both framings, and what each does to the state (ADR 5). */

import { describe, expect, test } from 'vitest';
import { equal, utf8 } from '../../src/base/bytes.ts';
import { fail } from '../../src/base/error.ts';
import { Group } from '../../src/group/group.ts';
import type { Divergence, Processed } from '../../src/group/processed.ts';
import { externalPsk, remove, update } from '../../src/group/proposals.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { forgeCommit, forgeExternalCommit, signaturePair } from '../support/forge.ts';
import { clientOf, commitOf, reloaded, type Stage, stageOf } from '../support/groups.ts';
import { room } from '../support/peers.ts';
import { rejects, setsBack, unmoved } from '../support/refusals.ts';
import {
  application,
  flipped,
  privateMessage,
  privateOf,
  publicMessage,
  publicOf,
  sealPrivateBy,
  tagged,
} from '../support/sealing.ts';

const DATA = utf8('hello');
type Framing = 'public' | 'private';

/** A message, who gets it, and what must come of it. */
interface Case {
  readonly message: Uint8Array;
  readonly expected: object;
  /** Somebody else than the subject of the stage. */
  readonly group?: Group;
}
type Scene = (stage: Stage, handshake: Framing) => Case;
type Scenes = Readonly<Partial<Record<Framing, Scene>>>;

const both = (scene: Scene): Scenes => ({ public: scene, private: scene });
const parted = (evidence: Divergence | object): object => ({ kind: 'desynchronised', evidence });

/** A commit leads everybody but the subject to the next epoch. */
function leaveBehind({ a, c }: Stage): void {
  const built = a.commit();
  c.follow(built.message);
  a.accept(built);
}

/** What the subject sent, given to the state that it had before. */
function setBack({ b, group }: Stage, send: () => Uint8Array, evidence: Divergence | object): Case {
  const before = reloaded(b, group.save());
  return { message: send(), expected: parted(evidence), group: before };
}

/** The compiler asks for each member of `Processed` … */
const OUTCOMES: Readonly<Record<Exclude<Processed['kind'], 'desynchronised'>, Scenes>> = {
  application: {
    private: ({ a }) => ({
      message: a.encrypt(DATA, { authenticatedData: utf8('x') }),
      expected: { kind: 'application', data: DATA, authenticatedData: utf8('x'), epoch: 1n, generation: 0 },
    }),
  },
  proposal: both(({ a }, handshake) => ({
    message: a.propose(remove(2), { handshake }),
    expected: { kind: 'proposal', proposal: { type: 3, sender: { leaf: 0 } } },
  })),
  commit: both(({ a }, handshake) => ({
    message: a.commit([], { handshake }).message,
    expected: { kind: 'commit', commit: { origin: 'member', epoch: 2n, committer: 0 } },
  })),
  'own-commit': both(({ group }, handshake) => {
    const commit = group.commit([], { handshake });
    return { message: commit.message, expected: { kind: 'own-commit', commit } };
  }),
  'own-message': both(({ group }, handshake) => ({
    message: group.propose(update(), { handshake }).message,
    expected: { kind: 'own-message', content: 'proposal' },
  })),
  duplicate: both(({ a, group }, handshake) => {
    const message = a.propose(remove(2), { handshake });
    expect(group.process(message).kind).toBe('proposal');
    return { message, expected: { kind: 'duplicate' } };
  }),
  held: both((stage, handshake) => {
    leaveBehind(stage);
    return { message: stage.a.propose(remove(2), { handshake }), expected: { kind: 'held', epoch: 2n } };
  }),
  expired: both(({ a, c, group }, handshake) => {
    const message = c.propose(update(), { handshake });
    group.accept(commitOf(group, a.commit().message));
    return { message, expected: { kind: 'expired', epoch: 1n } };
  }),
  foreign: both((_, handshake) => {
    const [other] = room(['x'], { group: { id: utf8('other') } });
    const wireFormat = handshake === 'public' ? 1 : 2;
    const message = other?.propose(externalPsk(DATA), { handshake }) as Uint8Array;
    return { message, expected: { kind: 'foreign', wireFormat, groupId: utf8('other') } };
  }),
  rejected: both(({ a }, handshake) => {
    const { message } = a.commit([], { handshake });
    const code = handshake === 'public' ? 'crypto.membership-tag' : 'crypto.aead';
    return { message: flipped(message, message.length - 1), expected: { kind: 'rejected', error: { code } } };
  }),
};

/** … and for each member of `Divergence`. */
const EVIDENCE: Readonly<Record<Divergence['kind'], Scenes>> = {
  'own-commit': {
    public: (stage) =>
      setBack(stage, () => stage.group.commit([], { handshake: 'public' }).message, {
        kind: 'own-commit',
        epoch: 1n,
      }),
    private: ({ group }) => {
      const made = group.commit([], { handshake: 'private' });
      group.discard(made);
      return { message: made.message, expected: parted({ kind: 'own-commit', epoch: 1n }) };
    },
  },
  'own-generation': {
    private: (stage) => {
      stage.group.encrypt(DATA);
      return setBack(stage, () => stage.group.encrypt(DATA), {
        kind: 'own-generation',
        epoch: 1n,
        generation: 1,
      });
    },
  },
  'own-update': {
    public: (stage) =>
      setBack(stage, () => stage.group.propose(update(), { handshake: 'public' }).message, {
        kind: 'own-update',
        epoch: 1n,
      }),
  },
  'unusable-commit': both(({ a }, handshake) => {
    const tag = (honest: Uint8Array): Uint8Array => flipped(honest, 0);
    const pskNonce = new Uint8Array(32);
    const psk = { pskType: 1, pskId: utf8('id'), pskNonce } as const;
    const sender = { kind: 'member', leaf: a.state.epoch.self } as const;
    const item = { proposal: { proposalType: 4, psk }, sender, ref: undefined } as const;
    const { message } = forgeCommit(a.env, a.state, [item], { handshake, tag });
    const error = { code: 'crypto.confirmation-tag' };
    return { message, expected: parted({ kind: 'unusable-commit', epoch: 1n, committer: 0, error }) };
  }),
  ahead: both(({ a }, handshake) => {
    const genuine = a.propose(remove(2), { handshake });
    const message =
      handshake === 'private'
        ? privateMessage({ ...privateOf(genuine), epoch: 1000n })
        : publicMessage({
            ...publicOf(genuine),
            content: { ...publicOf(genuine).content, epoch: 1000n },
          });
    return { message, expected: parted({ kind: 'ahead', epoch: 1000n }) };
  }),
};

/** Outcomes that change what is saved. */
const MOVING: readonly string[] = ['application', 'proposal', 'held', 'ahead'];
/** Evidence that is remembered. */
const SETTING_BACK: readonly string[] = [
  'evidence own-commit public',
  'evidence own-generation private',
  'evidence own-update public',
];

const ROWS = [
  ...Object.entries(OUTCOMES),
  ...Object.entries(EVIDENCE).map(([n, s]) => [`evidence ${n}`, s] as const),
].flatMap(([name, scenes]) =>
  Object.entries(scenes).map(([framing, scene]) => [name, framing as Framing, scene] as const),
);

describe('outcomes', () => {
  test.each(ROWS)(
    'FRM-20 FRM-03 R14-04 %s, %s: told apart, and only what must change the state does',
    (name, framing, scene) => {
      const stage = stageOf();
      const { message, expected, group = stage.group } = scene(stage, framing);
      if (SETTING_BACK.includes(`${name} ${framing}`)) return setsBack(group, message, expected);
      const before = group.save();
      expect(group.process(message)).toMatchObject(expected);
      expect(equal(group.save(), before)).toBe(!MOVING.includes(name.replace('evidence ', '')));
      expect(group.epoch).toBe(name === 'expired' ? 2n : 1n);
    },
  );

  test.each(ROWS)('FRM-03 %s, %s: the same message again has no further effect', (_, framing, scene) => {
    const stage = stageOf();
    const { message, group = stage.group } = scene(stage, framing);
    const first = group.process(message);
    const before = group.save();
    const again = group.process(message);
    expect(equal(group.save(), before)).toBe(true);
    expect([first.kind, 'duplicate', 'rejected']).toContain(again.kind);
    if (first.kind === 'application') expect(again.kind).toBe('duplicate');
  });

  test.each(['rejected', 'foreign', 'duplicate', 'own-message', 'held'] as const)(
    'FRM-21 PRO-19 R14-04 after %s the next honest commit applies',
    (name) => {
      for (const framing of ['public', 'private'] as const) {
        const stage = stageOf();
        const { c, group } = stage;
        const sent = name === 'held' ? undefined : OUTCOMES[name][framing]?.(stage, framing);
        if (sent !== undefined) group.process(sent.message);
        const built = c.commit([], { handshake: framing });
        c.accept(built);
        if (name === 'held') expect(group.process(c.encrypt(DATA)).kind).toBe('held');
        group.accept(commitOf(group, built.message));
        expect(group.epochAuthenticator).toEqual(c.state.epoch.secrets.epochAuthenticator);
      }
    },
  );

  test('what says nothing about a message is thrown: no bytes, a closed handle, a callback that fails', () => {
    const { a, b, group } = stageOf();
    for (const value of [undefined, 'text', [1, 2]])
      expect(() => group.process(value as unknown as Uint8Array)).toThrow('codec.input');
    const broken = { ...b.env, psks: () => expect.fail('the store is gone') };
    const psk = a.commit([externalPsk(DATA)]).message;
    const before = group.save();
    expect(() => reloaded({ env: broken }, before).process(psk)).toThrow('internal.bug');
    const unavailable = { ...b.env, psks: () => fail('crypto.unavailable') };
    expect(() => reloaded({ env: unavailable }, before).process(psk)).toThrow('crypto.unavailable');
    group.close();
    expect(() => group.process(psk)).toThrow('state.closed-handle');
  });
});

describe('evidence is proven', () => {
  test.each([1, 2])(
    'CRY-07 FRM-21 suite %i: an external commit damaged on the way is rejected, and the genuine one applies',
    (suite) => {
      const { a, b, group } = stageOf({ suite });
      const joiner = clientOf('d', {}, { suite });
      const offer = joiner.prepareExternalJoin(group.groupInfo());
      const genuine = publicOf(offer.message);
      const { confirmationTag } = genuine.auth;
      const auth = { ...genuine.auth, confirmationTag: flipped(confirmationTag as Uint8Array, 0) };
      rejects(group, publicMessage({ ...genuine, auth }), 'crypto.confirmation-tag');
      group.accept(commitOf(group, offer.message));
      a.follow(offer.message);
      expect(offer.accept().epochAuthenticator).toEqual(group.epochAuthenticator);
      expect(b.env.suite.id).toBe(suite);
    },
  );

  test('FRM-21 PRO-24 an external commit that fails for all members is rejected, a path that fails for us is evidence', () => {
    const { a, group } = stageOf();
    const joiner = { credential: basicCredential('d'), signer: signaturePair(a.env) };
    const tag = (honest: Uint8Array): Uint8Array => flipped(honest, 0);
    rejects(group, forgeExternalCommit(a.env, a.state, joiner, { tag }).message, 'crypto.confirmation-tag');
    for (const length of [0, 31, 32]) {
      const kemOutput = (): Uint8Array => new Uint8Array(length);
      rejects(group, forgeExternalCommit(a.env, a.state, joiner, { kemOutput }).message, 'crypto.kem');
    }
    const update = { secret: () => new Uint8Array(32) };
    const { message } = forgeExternalCommit(a.env, a.state, joiner, { update });
    unmoved(group, message, { kind: 'desynchronised' });
  });

  test('FRM-05 STO-13 a member who takes our keys is rejected: only our signature proves a generation', () => {
    const { a, group } = stageOf();
    for (const generation of [0, 1, 50]) {
      rejects(group, sealPrivateBy(a, application(DATA), { leaf: 1, generation }), 'crypto.signature');
      const proposal = { contentType: 2, proposal: { proposalType: 3, removed: 2 } } as const;
      rejects(group, sealPrivateBy(a, proposal, { leaf: 1, generation }), 'crypto.signature');
    }
    rejects(
      group,
      sealPrivateBy(a, application(DATA), { leaf: 1, claimedGeneration: 1 << 20 }),
      'state.generation-gap',
    );
    // What we have sent since is no evidence, and neither is what claims to come from there.
    const sent = group.encrypt(DATA);
    unmoved(group, sent, { kind: 'own-message' });
    unmoved(group, sealPrivateBy(a, application(DATA), { leaf: 1, generation: 0 }), { kind: 'own-message' });
  });

  test('STO-13 the own generation of a handshake message, and of a past epoch', () => {
    const stage = stageOf();
    const { a, b, group } = stage;
    const old = group.save();
    const proposal = group.propose(update()).message;
    const data = reloaded(b, old).encrypt(DATA);
    const handshake = { kind: 'own-generation', epoch: 1n, generation: 0 } as const;
    setsBack(reloaded(b, old), proposal, parted(handshake));
    const late = reloaded(b, old);
    late.accept(commitOf(late, a.commit().message));
    setsBack(late, data, parted({ kind: 'own-generation', epoch: 1n, generation: 0 }));
  });

  test('STO-13 a proposal of ours that we have forgotten is taken in like those of others', () => {
    const { b, group } = stageOf();
    const sent = new Group(b.env, b.state).propose(remove(2), { handshake: 'public' });
    expect(group.process(sent.message)).toMatchObject({
      kind: 'proposal',
      proposal: { sender: { leaf: 1 } },
    });
    expect(group.process(sent.message)).toEqual({ kind: 'own-message', content: 'proposal' });
  });

  test('STO-13 FRM-05 an Update in our name that we have not signed is rejected', () => {
    const stage = stageOf();
    const { a, group } = stage;
    const { b } = stage;
    const before = reloaded(b, group.save());
    const genuine = publicOf(group.propose(update(), { handshake: 'public' }).message);
    const auth = { ...genuine.auth, signature: flipped(genuine.auth.signature, 5) };
    rejects(before, publicMessage(tagged(a, { ...genuine, auth })), 'crypto.signature');
    setsBack(before, publicMessage(genuine), { kind: 'desynchronised' });
  });
});
