/** The draft at the edges of a group: data that is not kept (§4.8), outsiders, mixed groups, other tables of code points. */

import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { uint8 } from '../../src/codec/codec.ts';
import { stateOf } from '../../src/group/group.ts';
import {
  appData,
  appEphemeral,
  type Component,
  defineExtension,
  defineProposal,
  dictionaryOf,
  type Extension,
  extensionsDraft,
  type Group,
  setExtensions,
} from '../../src/index.ts';
import { DRAFT_CODE_POINTS as POINTS } from '../../src/wire/codePoints.ts';
import { readDraftProposal } from '../../src/wire/draftProposal.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import { ExtensionType, SenderType } from '../../src/wire/registry.ts';
import {
  clientOf,
  deliver,
  fails,
  follow,
  gather,
  refuses,
  settle,
  verdict,
  works,
} from '../support/doors.ts';
import {
  COMPONENTS,
  dataOf,
  dictionary,
  drafty,
  entry,
  LOG,
  PING,
  rawDraft,
  TITLE,
  three,
} from '../support/drafts.ts';
import {
  type ExternalTweaks,
  forgeCommit,
  forgeExternalCommit,
  forgeProposal,
  signaturePair,
} from '../support/forge.ts';
import { insider } from '../support/kinds.ts';
import { codeOf } from '../support/refusals.ts';

type Three = [Group, Group, Group];
const draft = extensionsDraft({ components: COMPONENTS });
const room = (...extensions: Extension[]): Three => gather(three(), extensions) as Three;
const rawPing = (data: string, componentId = PING) =>
  rawDraft('app-ephemeral', { componentId, data: utf8(data) });
const rawSet = (componentId: number, text: string) =>
  rawDraft('app-data-update', { componentId, operation: 1, update: utf8(text) });

describe('AppEphemeral', () => {
  test('comes with the commit, in its order, and is not kept', () => {
    const groups = room(dictionary(entry(TITLE, 't')));
    const [alice, bob] = groups;
    const { message } = bob.propose(appEphemeral(PING, utf8('b')));
    deliver(groups, bob, message);
    const commit = alice.commit([appEphemeral(TITLE, utf8('')), appEphemeral(PING, utf8('a'))], {
      path: 'omit',
    });
    const outcome = bob.process(commit.message);
    if (outcome.kind !== 'commit') throw new Error(verdict(outcome));
    for (const { changes } of [commit, outcome.commit]) {
      expect(
        changes.custom.map(({ proposal, sender }) => [readDraftProposal(proposal)?.body, sender?.leaf]),
      ).toEqual([
        [{ componentId: PING, data: utf8('b') }, 1],
        [{ componentId: TITLE, data: utf8('') }, 0],
        [{ componentId: PING, data: utf8('a') }, 0],
      ]);
      expect([changes.extensions, changes.updated]).toEqual([undefined, []]);
    }
    follow(groups, commit.message);
    for (const one of groups) expect(dataOf(one)).toEqual({ [TITLE]: 't' });
    works(groups);
  });

  test('is judged by its component, by makers and receivers', () => {
    const groups = room();
    const [alice, bob, carol] = groups;
    const { env, state, inline } = insider(alice, { draft });
    for (const [data, id] of [
      ['', PING],
      ['x', 0x9000],
    ] as const) {
      fails(groups, () => alice.propose(appEphemeral(id, utf8(data))), 'validation.proposal');
      fails(groups, () => alice.commit([appEphemeral(id, utf8(data))]), 'validation.proposal');
      const messages = [
        forgeProposal(env, state, rawPing(data, id)).message,
        forgeCommit(env, state, [inline(rawPing(data, id))]).message,
      ];
      for (const message of messages)
        for (const one of [bob, carol]) refuses(one, message, 'validation.proposal');
    }
    works(groups);
  });
});

describe('from outside', () => {
  test('R12.1.8-03 R12.1.8-04: external senders may propose data of both kinds', () => {
    const { env } = insider(room()[0], { draft });
    const signer = signaturePair(env);
    const sender = {
      signatureKey: signer.publicKey,
      credential: { credentialType: 1, identity: utf8('s') } as const,
    };
    const groups = room(makeExtension(ExtensionType.externalSenders, ExternalSenders, [sender]));
    const from = {
      sender: { senderType: SenderType.external, senderIndex: 0 },
      secretKey: signer.secretKey,
    } as const;
    const send = (proposal: Proposal) => forgeProposal(env, stateOf(groups[0]), proposal, { from }).message;
    for (const proposal of [rawPing('hi'), rawSet(LOG, 'from outside')])
      deliver(groups, undefined, send(proposal));
    for (const one of groups) {
      refuses(one, send(rawPing('')), 'validation.proposal');
      refuses(one, send(rawSet(0x9000, 'x')), 'validation.proposal');
    }
    const { changes } = settle(groups, groups[2]);
    expect(changes.custom.map((custom) => custom.sender)).toEqual([undefined, undefined]);
    expect(dataOf(groups[0])).toEqual({ [LOG]: 'from outside' });
  });

  test('R12.2-22 R12.2-23: an external commit may carry data by value, by reference it may not', () => {
    const groups = room(dictionary(entry(LOG, 'a')));
    const { env, state } = insider(groups[0], { draft });
    const forge = (proposal: Proposal, ref: Uint8Array | undefined, tweaks: ExternalTweaks = {}) => {
      const joiner = {
        credential: { credentialType: 1, identity: utf8('dora') } as const,
        signer: signaturePair(env),
      };
      const item = { proposal, sender: { kind: 'new-member' }, ref } as const;
      const update = { leaf: (leaf: object) => ({ ...leaf, extensions: draft.leafExtensions }) as never };
      return forgeExternalCommit(env, state, joiner, {
        update,
        ...tweaks,
        items: (items) => [...items, item],
      }).message;
    };
    const sent = forgeProposal(env, state, rawSet(LOG, 'b'));
    deliver(groups, groups[0], sent.message);
    for (const one of groups.slice(1)) {
      refuses(one, forge(rawSet(LOG, 'b'), sent.item.ref), 'validation.external-commit');
      refuses(one, forge(rawPing(''), undefined), 'validation.proposal');
      refuses(one, forge(rawSet(LOG, ''), undefined), 'validation.proposal-list');
    }
    follow(groups.slice(1), forge(rawPing('x'), undefined));
    const second = room(dictionary(entry(LOG, 'a')));
    const other = insider(second[0], { draft });
    const extensions = [dictionary(entry(LOG, 'ab'))];
    const joiner = {
      credential: { credentialType: 1, identity: utf8('d') } as const,
      signer: signaturePair(env),
    };
    const item = { proposal: rawSet(LOG, 'b'), sender: { kind: 'new-member' }, ref: undefined } as const;
    const { message } = forgeExternalCommit(other.env, other.state, joiner, {
      items: (items) => [...items, item],
      provisional: (context) => ({ ...context, extensions }),
    });
    follow(second, message);
    expect(second.map(dataOf)).toEqual([{ [LOG]: 'ab' }, { [LOG]: 'ab' }, { [LOG]: 'ab' }]);
  });
});

describe('a client without the draft in the group', () => {
  test('PRO-13: everybody talks, and nothing of the draft is committed', () => {
    const [alice, bob] = three();
    const groups = gather([alice, bob, clientOf('carol')]) as Three;
    works(groups);
    fails(groups, () => groups[2].propose(appData(TITLE, utf8('x'))), 'codec.unsupported');
    fails(groups, () => groups[2].commit([appEphemeral(PING, utf8('x'))]), 'codec.unsupported');
    fails(groups, () => groups[0].commit([appData(TITLE, utf8('x'))]), 'validation.unsupported');
    fails(groups, () => groups[0].commit([setExtensions([dictionary()])]), 'validation.capabilities');
    const { message } = groups[0].propose(appData(TITLE, utf8('x')));
    expect(verdict(groups[1].process(message))).toBe('proposal');
    refuses(groups[2], message, 'validation.unsupported');
    settle(groups, groups[1]);
    expect(dictionaryOf(groups[0].extensions)).toEqual([]);
    works(groups);
  });

  test('R13.4-06 R13.4-07: a group that keeps data cannot be joined without it', () => {
    const groups = room(dictionary(entry(TITLE, 't')));
    const plain = clientOf('plain');
    const { message } = plain.createKeyPackage();
    fails(groups, () => groups[0].invite([message]), 'validation.capabilities');
    fails(groups, () => plain.prepareExternalJoin(groups[0].groupInfo()), 'validation.unsupported');
  });
});

describe('tables of code points', () => {
  const other = {
    ...POINTS,
    extensions: { ...POINTS.extensions, appDataDictionary: 0xff20, lastResort: 0xff21 },
    proposals: { appDataUpdate: 0xff30, appEphemeral: 0xff31, selfRemove: 0xff32 },
    components: { ...POINTS.components, appComponents: 0x7001, safeAad: 0x7002 },
  };

  test('a group whose members have another table works the same', () => {
    const clients = ['alice', 'bob', 'carol'].map((name) =>
      drafty(name, { draft: extensionsDraft({ components: COMPONENTS, codePoints: other }) }),
    );
    const groups = gather(clients as unknown as Parameters<typeof gather>[0]) as Three;
    const [alice, bob, carol] = groups;
    const commit = settle(groups, alice, [appData(LOG, utf8('x')), appEphemeral(PING, utf8('y'))]);
    expect(commit.changes.custom.map(({ proposal }) => proposal.proposalType)).toEqual([0xff30, 0xff31]);
    for (const one of groups) {
      expect(dictionaryOf(one.extensions, other)).toEqual([entry(LOG, 'x')]);
      expect(dictionaryOf(one.extensions)).toEqual([]);
    }
    deliver(groups, carol, carol.leave().message);
    expect(settle(groups, bob).changes.removed).toHaveLength(1);
  });

  test('two tables do not meet', () => {
    const [alice, bob] = three();
    const carol = drafty('carol', { draft: extensionsDraft({ components: COMPONENTS, codePoints: other }) });
    const groups = gather([alice, bob, carol]) as Three;
    fails(groups, () => groups[0].commit([appData(TITLE, utf8('x'))]), 'validation.unsupported');
    fails(groups, () => groups[2].commit([appData(TITLE, utf8('x'))]), 'validation.unsupported');
    works(groups);
  });

  test('R12.1.8-04: a number has one meaning, and a component one owner', () => {
    const twice: readonly Component[] = [{ id: TITLE }, { id: TITLE }];
    expect(codeOf(() => extensionsDraft({ components: twice }))).toBe('codec.input');
    const { appDataUpdate } = POINTS.proposals;
    const { appDataDictionary } = POINTS.extensions;
    const proposal = defineProposal({
      type: appDataUpdate,
      codec: uint8,
      traits: { external: true, pathRequired: false },
    });
    const extension = defineExtension({ type: appDataDictionary, codec: uint8 });
    expect(codeOf(() => drafty('x', { registry: { proposals: [proposal] } }))).toBe('codec.input');
    expect(codeOf(() => drafty('x', { registry: { extensions: [extension] } }))).toBe('codec.input');
    expect(codeOf(() => drafty('x', { policy: { extensionTypes: [appDataDictionary] } }))).toBe(
      'codec.input',
    );
    // Without the draft they are free.
    expect(clientOf('x', { registry: { proposals: [proposal], extensions: [extension] } }).suite).toBe(1);
  });
});
