/** Application data in groups (draft-ietf-mls-extensions §4.6, §4.7): updates by component, and the dictionary itself. */

import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { encode, uint8 } from '../../src/codec/codec.ts';
import { stateOf } from '../../src/group/group.ts';
import {
  appData,
  customProposal,
  type Extension,
  extensionsDraft,
  type Group,
  type ProposalInput,
  setExtensions,
} from '../../src/index.ts';
import { DRAFT_CODE_POINTS as POINTS } from '../../src/wire/codePoints.ts';
import { AppDataDictionary, ComponentsList } from '../../src/wire/component.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import { agree, deliver, fails, follow, gather, refuses, settle, take, works } from '../support/doors.ts';
import {
  COMPONENTS,
  dataOf,
  dictionary,
  drafty,
  entry,
  LOG,
  PING,
  rawDraft,
  requiring,
  TITLE,
  three,
} from '../support/drafts.ts';
import { forgeCommit, forgeGroupInfo, forgeProposal, groupInfoMessage } from '../support/forge.ts';
import { insider, POLL, poll, registry, topic } from '../support/kinds.ts';
import { codeOf } from '../support/refusals.ts';

type Three = [Group, Group, Group];
const draft = extensionsDraft({ components: COMPONENTS });
const set = (id: number, text: string): ProposalInput => appData(id, utf8(text));
const drop = (id: number): ProposalInput => appData(id, undefined);
const room = (...extensions: Extension[]): Three => gather(three(), extensions) as Three;

/** Everybody refuses a commit of alice over these, and alice refuses to make it. */
function refused(
  groups: Three,
  inputs: readonly ProposalInput[],
  proposals: readonly Proposal[],
  code: string,
): void {
  const [alice, bob, carol] = groups;
  fails(groups, () => alice.commit(inputs), code);
  const { env, state, inline } = insider(alice, { draft });
  const { message } = forgeCommit(env, state, proposals.map(inline));
  for (const one of [bob, carol]) refuses(one, message, code);
}

const rawSet = (componentId: number, text: string): Proposal =>
  rawDraft('app-data-update', { componentId, operation: 1, update: utf8(text) });
const rawDrop = (componentId: number): Proposal => rawDraft('app-data-update', { componentId, operation: 2 });

describe('AppDataUpdate', () => {
  test('sets, replaces and removes what a component keeps; other extensions stay where they are', () => {
    const groups = room(requiring());
    const [alice, bob, carol] = groups;
    const { changes } = settle(groups, alice, [set(TITLE, 'one')], { path: 'omit' });
    expect(changes.extensions).toEqual(alice.extensions);
    expect(changes.custom).toHaveLength(1);
    expect(changes.updated).toEqual([]);
    settle(groups, bob, [set(TITLE, 'two'), set(LOG, 'x')]);
    for (const one of groups) expect(dataOf(one)).toEqual({ [TITLE]: 'two', [LOG]: 'x' });
    settle(groups, carol, [drop(TITLE)]);
    settle(groups, carol, [set(0x8002, 'y')]);
    for (const one of groups) expect(dataOf(one)).toEqual({ [LOG]: 'xy' });
    settle(groups, carol, [drop(LOG)]);
    expect(alice.extensions).toEqual([requiring(), dictionary()]);
  });

  test('a component gets all of its updates at once, in the order of the commit, sent ones first', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    for (const [from, text] of [
      [carol, 'c'],
      [bob, 'b'],
    ] as const) {
      const { message } = from.propose(appData(LOG, utf8(text)));
      deliver(groups, from, message);
    }
    settle(groups, alice, [set(LOG, 'a'), set(TITLE, 't'), set(LOG, 'z'), set(TITLE, 'u')]);
    for (const one of groups) expect(dataOf(one)).toEqual({ [TITLE]: 'u', [LOG]: 'cbaz' });
  });

  test('a removal stands alone, and removes something', () => {
    const groups = room(dictionary(entry(TITLE, 't')));
    const code = 'validation.proposal-list';
    refused(groups, [drop(TITLE), drop(TITLE)], [rawDrop(TITLE), rawDrop(TITLE)], code);
    refused(groups, [set(TITLE, 'u'), drop(TITLE)], [rawSet(TITLE, 'u'), rawDrop(TITLE)], code);
    refused(groups, [drop(TITLE), set(TITLE, 'u')], [rawDrop(TITLE), rawSet(TITLE, 'u')], code);
    refused(groups, [drop(LOG)], [rawDrop(LOG)], code);
    settle(groups, groups[0], [drop(TITLE), set(LOG, 'x')]);
    expect(dataOf(groups[1])).toEqual({ [LOG]: 'x' });
    works(groups);
  });

  test('a component may refuse its updates', () => {
    const groups = room();
    refused(
      groups,
      [set(LOG, 'x'), set(LOG, '')],
      [rawSet(LOG, 'x'), rawSet(LOG, '')],
      'validation.proposal-list',
    );
    refused(groups, [set(PING, 'x')], [rawSet(PING, 'x')], 'validation.proposal-list');
    works(groups);
  });

  test('a component that nobody knows is refused at once', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    fails(groups, () => alice.propose(appData(0x9000, utf8('x'))), 'validation.proposal');
    refused(groups, [set(0x9000, 'x')], [rawSet(0x9000, 'x')], 'validation.proposal');
    const { env, state } = insider(alice, { draft });
    const { message } = forgeProposal(env, state, rawDrop(0x9000));
    for (const one of [bob, carol]) refuses(one, message, 'validation.proposal');
    for (const id of [-1, 0x10000, 1.5])
      fails(groups, () => alice.propose(appData(id, utf8('x'))), 'codec.input');
    works(groups);
  });

  test('of proposals that do not go together the first is committed, and nobody is held up', () => {
    const groups = room(dictionary(entry(TITLE, 't')));
    const [alice, bob, carol] = groups;
    for (const [from, input] of [
      [bob, appData(TITLE, undefined)],
      [carol, appData(TITLE, utf8('kept'))],
      [carol, appData(LOG, utf8('x'))],
    ] as const) {
      const { message } = from.propose(input);
      deliver(groups, from, message);
    }
    const { changes } = settle(groups, alice);
    expect(changes.custom.map(({ sender }) => sender?.leaf)).toEqual([1, 2]);
    expect(dataOf(carol)).toEqual({ [LOG]: 'x' });
    works(groups);
  });

  test('what lost a race comes again, unless the winner has done it', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    const mine = bob.commit([set(TITLE, 'bob'), set(LOG, 'bob')]);
    const winner = alice.commit([set(TITLE, 'bob')]);
    for (const one of [alice, carol]) take(one, winner.message);
    const outcome = bob.process(winner.message);
    if (outcome.kind !== 'commit') throw new Error(outcome.kind);
    const { again } = bob.accept(outcome.commit);
    expect(mine.epoch).toBe(bob.epoch);
    settle(groups, bob, again);
    expect(dataOf(alice)).toEqual({ [TITLE]: 'bob', [LOG]: 'bob' });
  });

  test('a restart with proposals and a commit under way changes nothing', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    const { message } = bob.propose(appData(LOG, utf8('b')));
    deliver(groups, bob, message);
    const commit = alice.commit([set(LOG, 'a')]);
    const again = groups.map((group, i) => drafty(['alice', 'bob', 'carol'][i] as string).load(group.save()));
    follow([...groups, ...again], commit.message);
    for (const one of [...groups, ...again]) expect(dataOf(one)).toEqual({ [LOG]: 'ba' });
    expect(again.map((group) => group.save())).toEqual([alice, bob, carol].map((group) => group.save()));
  });
});

describe('the dictionary and GroupContextExtensions', () => {
  test('PRO-10: the new list comes first, then the updates', () => {
    const groups = room(dictionary(entry(TITLE, 't'), entry(LOG, 'l')));
    const [alice] = groups;
    settle(groups, alice, [set(LOG, '2'), setExtensions([dictionary(entry(LOG, '1')), requiring()])]);
    expect(dataOf(groups[1])).toEqual({ [LOG]: '12' });
    settle(groups, alice, [set(LOG, '3'), setExtensions([requiring()])]);
    expect(dataOf(groups[2])).toEqual({ [LOG]: '3' });
    fails(groups, () => alice.commit([drop(LOG), setExtensions([])]), 'validation.proposal-list');
    works(groups);
  });

  test('where every member takes AppDataUpdates, nothing else changes the dictionary', () => {
    const required = requiring(POINTS.proposals.appDataUpdate);
    const kept = dictionary(entry(TITLE, 't'));
    const groups = room(required, kept);
    const [alice, bob] = groups;
    const replaced = (...extensions: Extension[]): Proposal => ({ proposalType: 7, extensions });
    const lists = [
      [required],
      [required, dictionary()],
      [required, dictionary(entry(TITLE, 'u'))],
      // What was required before counts.
      [dictionary(entry(TITLE, 'u'))],
    ];
    for (const list of lists)
      refused(groups, [setExtensions(list)], [replaced(...list)], 'validation.proposal-list');
    settle(groups, alice, [setExtensions([kept, required])]);
    settle(groups, bob, [set(TITLE, 'new'), setExtensions([requiring(), kept])]);
    expect(dataOf(alice)).toEqual({ [TITLE]: 'new' });
    settle(groups, alice, [setExtensions([required])]);
    refused(
      groups,
      [setExtensions([required, kept])],
      [replaced(required, kept)],
      'validation.proposal-list',
    );
    // Other extensions are none of its business, with no dictionary before and after.
    settle(groups, bob, [setExtensions([])]);
    works(groups);
  });

  test('beside it, the types of the application count as ever', () => {
    const openTypes = { proposals: new Map([[0xf0a0, uint8]]) };
    const proposalTypes = new Map([[0xf0a0, { external: false, pathRequired: false }]]);
    const groups = gather(three({ registry, openTypes, policy: { proposalTypes } })) as Three;
    const [alice] = groups;
    fails(
      groups,
      () => alice.commit([setExtensions([topic.make({ name: utf8('') })])]),
      'validation.extension',
    );
    fails(groups, () => alice.commit([customProposal(0xf0a0, utf8('two'))]), 'codec.trailing');
    settle(groups, alice, [poll.make(POLL), customProposal(0xf0a0, utf8('1'))]);
    works(groups);
  });

  test('PRO-09: a dictionary out of order is no extension of a group', () => {
    const type = POINTS.extensions.appDataDictionary;
    const sorted = encode(AppDataDictionary, [entry(TITLE, 'a'), entry(LOG, 'b')]);
    const swapped = Uint8Array.from([sorted[0] as number, ...sorted.subarray(5), ...sorted.subarray(1, 5)]);
    const twice = Uint8Array.from([8, ...sorted.subarray(1, 5), ...sorted.subarray(1, 5)]);
    const rows = [
      [swapped, 'codec.component-order'],
      [twice, 'codec.component-order'],
      [sorted.subarray(0, -1), 'codec.truncated'],
    ] as const;
    const groups = room();
    const [alice, bob] = groups;
    const [founder] = three();
    for (const [extensionData, code] of rows) {
      const bad = { extensionType: type, extensionData };
      refused(groups, [setExtensions([bad])], [{ proposalType: 7, extensions: [bad] }], code);
      expect(codeOf(() => founder.createGroup({ extensions: [bad] }))).toBe(code);
      const { env, state } = insider(alice, { draft });
      const info = forgeGroupInfo(env, state, {
        context: (one) => ({ ...one, extensions: [bad] }),
        externalPub: stateOf(alice).epoch.secrets.externalSecret,
      });
      expect(codeOf(() => drafty('dora').prepareExternalJoin(groupInfoMessage(info)))).toBe(code);
    }
    settle(groups, bob, [setExtensions([{ extensionType: type, extensionData: sorted }])]);
    works(groups);
  });

  test('its own components keep whole lists', () => {
    const groups = room();
    const [alice, bob] = groups;
    const { appComponents } = POINTS.components;
    const list = (...ids: number[]) => appData(appComponents, encode(ComponentsList, ids));
    settle(groups, alice, [list(TITLE, LOG)]);
    settle(groups, bob, [list(LOG), list(PING)]);
    expect(alice.extensions).toEqual([dictionary(entry(appComponents, encode(ComponentsList, [PING])))]);
    fails(groups, () => alice.commit([appData(appComponents, utf8('x'))]), 'codec.truncated');
    settle(groups, alice, [drop(appComponents)]);
    expect(dataOf(bob)).toEqual({});
    agree(groups);
  });
});
