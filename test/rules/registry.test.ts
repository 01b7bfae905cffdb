/** Proposal and extension types of the application (RFC 9420 §12.1, §13), defined once with their types. */

import { describe, expect, test } from 'vitest';
import { encode, uint8 } from '../../src/codec/codec.ts';
import { stateOf } from '../../src/group/group.ts';
import {
  type Client,
  type ClientOptions,
  customProposal,
  defineExtension,
  defineProposal,
  type Group,
  remove,
  setExtensions,
  utf8,
} from '../../src/index.ts';
import type { OtherProposal } from '../../src/wire/proposal.ts';
import {
  agree,
  clientOf,
  deliver,
  fails,
  gather,
  refuses,
  settle,
  take,
  verdict,
  works,
} from '../support/doors.ts';
import { forgeCommit, forgeGroupInfo, forgeProposal, groupInfoMessage } from '../support/forge.ts';
import { BAD_POLL, insider, POLL, poll, registry, rotate, topic } from '../support/kinds.ts';
import { codeOf } from '../support/refusals.ts';

type Three<T> = [T, T, T];
const NAMES = ['alice', 'bob', 'carol'] as const;
const clients = (options: Partial<ClientOptions> = {}): Three<Client> =>
  NAMES.map((name) => clientOf(name, { registry, ...options })) as Three<Client>;

const badPoll: OtherProposal = { proposalType: poll.type, body: encode(poll.codec, BAD_POLL) };

describe('definitions', () => {
  test('R12.1.8-04: numbers of RFC 9420, and what is no number, are refused', () => {
    const traits = { external: false, pathRequired: false };
    for (const type of [0, 1, 7, -1, 1.5, 0x10000, Number.NaN])
      expect(codeOf(() => defineProposal({ type, codec: uint8, traits }))).toBe('codec.input');
    for (const type of [0, 1, 5, -1, 0x10000])
      expect(codeOf(() => defineExtension({ type, codec: uint8 }))).toBe('codec.input');
    expect(defineProposal({ type: 8, codec: uint8, traits }).type).toBe(8);
    expect(defineProposal({ type: 0xffff, codec: uint8, traits }).type).toBe(0xffff);
    expect(defineExtension({ type: 6, codec: uint8 }).type).toBe(6);
  });

  test('R12.1.8-04: one number has one definition, wherever it stands', () => {
    const refused = (options: Partial<ClientOptions>) => codeOf(() => clientOf('x', options));
    expect(refused({ registry: { proposals: [poll, poll] } })).toBe('codec.input');
    expect(refused({ registry: { extensions: [topic, topic] } })).toBe('codec.input');
    expect(refused({ registry, policy: { extensionTypes: [topic.type] } })).toBe('codec.input');
    expect(refused({ registry, policy: { proposalTypes: new Map([[poll.type, poll.traits]]) } })).toBe(
      'codec.input',
    );
  });

  test('R12.1.8-04: bodies come back as they were', () => {
    const groups = gather(clients(), [topic.make({ name: utf8('plans') })]) as Three<Group>;
    const [alice, bob, carol] = groups;
    expect(topic.find(carol.extensions)).toEqual({ name: utf8('plans') });
    expect(topic.find([])).toBeUndefined();
    const { message } = bob.propose(poll.make(POLL));
    deliver(groups, bob, message);
    const commit = settle(groups, alice, [rotate.make({ after: 300 })]);
    const { custom } = commit.changes;
    expect(custom.map(({ proposal }) => [poll.read(proposal), rotate.read(proposal)])).toEqual([
      [POLL, undefined],
      [undefined, { after: 300 }],
    ]);
    expect(custom.map(({ sender }) => sender?.leaf)).toEqual([1, 0]);
    expect(poll.read({ proposalType: 3, removed: 1 })).toBeUndefined();
  });

  test('R12.1.8-04: receivers are told the same, and a restart forgets nothing', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const { message } = bob.propose(poll.make(POLL));
    deliver(groups, bob, message);
    const restarted = clients()[2].load(carol.save());
    const commit = alice.commit([rotate.make({ after: 7 })]);
    const again = clients()[0].load(alice.save());
    expect(again.pending).toEqual(commit);
    for (const one of [bob, carol, restarted]) {
      const outcome = one.process(commit.message);
      if (outcome.kind !== 'commit') throw new Error(verdict(outcome));
      expect(outcome.commit.changes).toEqual({ ...commit.changes, removesSelf: false });
      one.accept(outcome.commit);
    }
    again.accept(again.pending as NonNullable<Group['pending']>);
    agree([again, bob, carol, restarted]);
  });
});

describe('bodies', () => {
  test('PRO-13 R12.1.8-04: an invalid or malformed body is not sent', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice] = groups;
    fails(groups, () => alice.propose(poll.make(BAD_POLL)), 'validation.proposal');
    fails(groups, () => alice.commit([poll.make(BAD_POLL)]), 'validation.proposal');
    fails(groups, () => alice.propose(customProposal(poll.type, utf8('x'))), 'codec.truncated');
    fails(groups, () => alice.propose(customProposal(rotate.type, utf8('xyz'))), 'codec.trailing');
    fails(groups, () => alice.propose(customProposal(0xf009, utf8('x'))), 'validation.unsupported');
    works(groups);
  });

  test('PRO-13 R12.1.8-04: nor taken in', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const { env, state, inline } = insider(alice);
    for (const one of [bob, carol]) {
      for (const handshake of ['public', 'private'] as const) {
        const { message } = forgeProposal(env, state, badPoll, { handshake });
        refuses(one, message, 'validation.proposal');
      }
      refuses(one, forgeCommit(env, state, [inline(badPoll)]).message, 'validation.proposal');
    }
    works(groups);
  });

  test('R13.4-09: extensions of the group are judged wherever they come from', () => {
    const groups = gather(clients()) as Three<Group>;
    const [alice, bob, carol] = groups;
    const empty = topic.make({ name: utf8('') });
    const broken = { extensionType: topic.type, extensionData: utf8('\u0005x') };
    const { env, state, inline } = insider(alice);
    for (const [bad, code] of [
      [empty, 'validation.extension'],
      [broken, 'codec.truncated'],
    ] as const) {
      fails(groups, () => alice.commit([setExtensions([bad])]), code);
      expect(codeOf(() => clients()[0].createGroup({ extensions: [bad] }))).toBe(code);
      const replacing = { proposalType: 7, extensions: [bad] } as const;
      const { message } = forgeCommit(env, state, [inline(replacing)]);
      for (const one of [bob, carol]) refuses(one, message, code);
      // An insider publishes a GroupInfo whose context has it.
      const info = forgeGroupInfo(env, state, {
        context: (one) => ({ ...one, extensions: [bad] }),
        externalPub: stateOf(alice).epoch.secrets.externalSecret,
      });
      expect(codeOf(() => clientOf('dora', { registry }).prepareExternalJoin(groupInfoMessage(info)))).toBe(
        code,
      );
    }
    settle(groups, bob, [setExtensions([topic.make({ name: utf8('good') })])]);
  });

  test('PRO-13: everybody has to know a type before it is used', () => {
    const [alice, bob] = clients();
    const plain = clientOf('plain');
    const groups = gather([alice, bob, plain]) as Three<Group>;
    fails(groups, () => groups[0].commit([poll.make(POLL)]), 'validation.unsupported');
    fails(
      groups,
      () => groups[0].commit([setExtensions([topic.make({ name: utf8('x') })])]),
      'validation.capabilities',
    );
    const { message } = groups[0].propose(poll.make(POLL));
    expect(groups.slice(1).map((one) => verdict(one.process(message)))).toEqual([
      'proposal',
      'validation.unsupported',
    ]);
    // Without the one who does not know it, it can be committed.
    const commit = groups[1].commit([remove(2)]);
    for (const one of groups.slice(0, 2)) take(one, commit.message);
    expect(commit.changes.custom.map(({ proposal }) => poll.read(proposal))).toEqual([POLL]);
    works(groups.slice(0, 2));
  });
});
