/** What messages, leaves and KeyPackages say of components (draft-ietf-mls-extensions §4.9, §5, §6.4). */

import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { decode, encode } from '../../src/codec/codec.ts';
import { stateOf } from '../../src/group/group.ts';
import {
  appData,
  dictionaryOf,
  extensionsDraft,
  type Group,
  setExtensions,
  update,
} from '../../src/index.ts';
import { leafAt } from '../../src/tree/tree.ts';
import { DRAFT_CODE_POINTS as POINTS } from '../../src/wire/codePoints.ts';
import { ComponentsList, findComponent, SafeAad } from '../../src/wire/component.ts';
import type { LeafNode } from '../../src/wire/leafNode.ts';
import { MlsMessage } from '../../src/wire/message.ts';
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
  dictionary,
  drafty,
  entry,
  LOG,
  PING,
  safeAadEntry,
  TITLE,
  three,
} from '../support/drafts.ts';
import { forgeCommit, forgeProposal } from '../support/forge.ts';
import { insider } from '../support/kinds.ts';
import { codeOf } from '../support/refusals.ts';

type Three = [Group, Group, Group];
const draft = extensionsDraft({ components: COMPONENTS });
const aad = encode(SafeAad, [{ componentId: TITLE, aadItemData: utf8('a') }]);
const PLAIN = utf8('plain text');
const EMPTY_AAD = encode(SafeAad, []);
const room = (on: boolean): Three => gather(three(), on ? [dictionary(safeAadEntry(TITLE))] : []) as Three;

describe('safe AAD', () => {
  test('off: authenticated data is whatever the application says', () => {
    const groups = room(false);
    const [alice, bob] = groups;
    for (const authenticatedData of [PLAIN, aad, utf8('')]) {
      const outcome = bob.process(alice.encrypt(utf8('x'), { authenticatedData }));
      expect(outcome).toMatchObject({ kind: 'application', authenticatedData });
    }
  });

  test('on: it is items of components, and none when nothing is said', () => {
    const groups = room(true);
    const [alice, bob] = groups;
    for (const [authenticatedData, expected] of [
      [aad, aad],
      [utf8(''), EMPTY_AAD],
      [undefined, EMPTY_AAD],
    ] as const) {
      const options = authenticatedData === undefined ? {} : { authenticatedData };
      const outcome = bob.process(alice.encrypt(utf8('x'), options));
      expect(outcome).toMatchObject({ kind: 'application', authenticatedData: expected });
    }
    for (const handshake of ['public', 'private'] as const) {
      const { message } = bob.propose(update(), { authenticatedData: aad, handshake });
      expect(alice.process(message)).toMatchObject({ kind: 'proposal', authenticatedData: aad });
      const commit = alice.commit([], { handshake });
      const outcome = bob.process(commit.message);
      expect(outcome).toMatchObject({ kind: 'commit', authenticatedData: EMPTY_AAD });
      follow(groups.slice(0, 2), commit.message);
    }
  });

  test('on: nothing else is sent, or taken in', () => {
    const groups = room(true);
    const [alice, bob, carol] = groups;
    const unsorted = Uint8Array.from([...encode(SafeAad, [{ componentId: LOG, aadItemData: utf8('b') }])]);
    const twice = Uint8Array.from([8, ...unsorted.subarray(1), ...unsorted.subarray(1)]);
    for (const [authenticatedData, code] of [
      [PLAIN, codeOf(() => decode(SafeAad, PLAIN))],
      [twice, 'codec.component-order'],
    ] as const) {
      fails(groups, () => alice.encrypt(utf8('x'), { authenticatedData }), code);
      fails(groups, () => alice.propose(update(), { authenticatedData }), code);
      fails(groups, () => alice.commit([], { authenticatedData }), code);
      const join = () => drafty('dora').prepareExternalJoin(alice.groupInfo(), { authenticatedData });
      fails(groups, join, code);
      const { env, state, inline } = insider(alice, { draft });
      const framed = <T extends object>(content: T) => ({ ...content, authenticatedData });
      const psk = {
        proposalType: 4,
        psk: { pskType: 1, pskId: utf8('i'), pskNonce: new Uint8Array(32) },
      } as const;
      const messages = [
        forgeProposal(env, state, psk, { framed }).message,
        forgeProposal(env, state, psk, { framed, handshake: 'private' }).message,
        forgeCommit(env, state, [inline(psk)], { framed }).message,
      ];
      // A client that does not take part in the draft, but has the group, as an insider may.
      const types = Object.values(POINTS.extensions);
      const careless = clientOf('alice', { policy: { extensionTypes: types } }).load(alice.save());
      messages.push(careless.encrypt(utf8('x'), { authenticatedData }));
      for (const message of messages) for (const one of [bob, carol]) refuses(one, message, code);
    }
    works(groups);
  });

  test('the old epoch’s group says what holds: for the commit that turns it on, and for late messages', () => {
    const groups = room(false);
    const [alice, bob, carol] = groups;
    const late = alice.encrypt(utf8('late'), { authenticatedData: PLAIN });
    settle(groups, bob, [appData(POINTS.components.safeAad, encode(ComponentsList, [TITLE]))], {
      authenticatedData: PLAIN,
    });
    expect(carol.process(late)).toMatchObject({ kind: 'application', authenticatedData: PLAIN });
    fails(
      [alice],
      () => alice.encrypt(utf8('x'), { authenticatedData: PLAIN }),
      codeOf(() => decode(SafeAad, PLAIN)),
    );
    settle(groups, alice, [setExtensions([])], { authenticatedData: aad });
    expect(verdict(bob.process(alice.encrypt(utf8('x'), { authenticatedData: PLAIN })))).toBe('application');
  });

  test('joiners and external senders follow it too', () => {
    const groups = room(true);
    const [alice] = groups;
    const offer = drafty('dora').prepareExternalJoin(alice.groupInfo(), { authenticatedData: aad });
    const outcome = alice.process(offer.message);
    expect(outcome).toMatchObject({ kind: 'commit', authenticatedData: aad });
    const { message } = drafty('emil').requestJoin(alice.groupInfo());
    deliver(groups, undefined, message);
    follow(groups, offer.message);
    works([...groups, offer.accept()]);
  });
});

describe('what a leaf says', () => {
  const listed = (leaf: LeafNode | undefined, component: number) =>
    decode(
      ComponentsList,
      findComponent(dictionaryOf((leaf as LeafNode).extensions), component) as Uint8Array,
    );
  const { appComponents, safeAad } = POINTS.components;

  test('the components that its client knows, in KeyPackages, after commits and Updates, and from outside', () => {
    const groups = room(false);
    const [alice, bob] = groups;
    const { message } = bob.propose(update());
    deliver(groups, bob, message);
    settle(groups, alice);
    const offer = drafty('dora').prepareExternalJoin(alice.groupInfo());
    follow(groups, offer.message);
    const { tree } = stateOf(alice).epoch;
    for (const leaf of [0, 1, 2, 3]) {
      expect(listed(leafAt(tree, leaf), appComponents)).toEqual([appComponents, safeAad, TITLE, LOG, PING]);
      expect(listed(leafAt(tree, leaf), safeAad)).toEqual([TITLE]);
    }
  });

  test('R7.2-11: leaf extensions of the application stand beside it, and are listed', () => {
    const extra = { extensionType: 0xff40, extensionData: utf8('x') };
    const bob = drafty('bob');
    const { message } = bob.createKeyPackage({ leafExtensions: [extra] });
    const [group] = gather([drafty('alice')]);
    group.accept(group.invite([message]));
    const { capabilities, extensions } = leafAt(stateOf(group).epoch.tree, 1) as LeafNode;
    expect(extensions.map((one) => one.extensionType)).toEqual([POINTS.extensions.appDataDictionary, 0xff40]);
    expect(capabilities.extensions).toContain(0xff40);
    const again = { extensionType: POINTS.extensions.appDataDictionary, extensionData: utf8('') };
    expect(codeOf(() => bob.createKeyPackage({ leafExtensions: [again] }))).toBe('codec.duplicate-extension');
  });
});

describe('R16.8-02 JOI-06: a KeyPackage of last resort', () => {
  const typesOf = (message: Uint8Array, client = drafty('reader')) => {
    expect(client.validateKeyPackage(message)).toBeDefined();
    const decoded = decode(MlsMessage, message);
    if (decoded.wireFormat !== 5) throw new Error('no KeyPackage');
    const { extensions, leafNode } = decoded.keyPackage;
    for (const { extensionType } of extensions)
      expect(leafNode.capabilities.extensions).toContain(extensionType);
    return extensions;
  };

  test('is marked as the draft says, and as deployed stacks have it', () => {
    const { message } = drafty('alice').createKeyPackage({ lastResort: true });
    expect(typesOf(message)).toEqual([
      dictionary(entry(POINTS.components.lastResortKeyPackage, '')),
      { extensionType: POINTS.extensions.lastResort, extensionData: utf8('') },
    ]);
    expect(typesOf(drafty('alice').createKeyPackage().message)).toEqual([]);
  });

  test('has the mark of deployed stacks without the draft', () => {
    const { message } = clientOf('alice').createKeyPackage({ lastResort: true });
    expect(typesOf(message)).toEqual([
      { extensionType: POINTS.extensions.lastResort, extensionData: utf8('') },
    ]);
  });

  test('opens more than one Welcome, after a restart too', () => {
    const bob = drafty('bob');
    const { message, secrets } = bob.createKeyPackage({ lastResort: true });
    const welcomes = ['a', 'b', 'c'].map((name) => {
      const group = drafty(name).createGroup();
      const { welcome, ...commit } = group.invite([message]);
      follow([group], commit.message);
      return { group, welcome };
    });
    const [first, second, third] = welcomes as [
      (typeof welcomes)[0],
      (typeof welcomes)[0],
      (typeof welcomes)[0],
    ];
    const one = bob.prepareJoin(first.welcome).accept();
    const two = bob.prepareJoin(second.welcome).accept();
    // The first commit of each group gives the leaf a key of its own.
    settle([first.group, one], one);
    works([second.group, two]);
    const again = drafty('bob');
    again.restoreKeyPackage(secrets);
    works([third.group, again.prepareJoin(third.welcome).accept()]);
  });
});
