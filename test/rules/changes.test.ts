/** What a commit says of itself: whom it changes, and what comes with it for those who join (RFC 9420 §12.4). */

import { describe, expect, test } from 'vitest';
import { MlsError } from '../../src/base/error.ts';
import { decode } from '../../src/codec/codec.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import type { GroupRules } from '../../src/group/rules.ts';
import {
  add,
  externalPsk,
  type Group,
  judge,
  type ProposalInput,
  remove,
  update,
  utf8,
} from '../../src/index.ts';
import { GroupInfo } from '../../src/wire/groupInfo.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { ExtensionType } from '../../src/wire/registry.ts';
import { watched } from '../support/counting.ts';
import { clientOf, deliver, gather, keyPackagesOf, take, verdict } from '../support/doors.ts';
import { forgeCommit } from '../support/forge.ts';
import { commitOf, stageOf } from '../support/groups.ts';
import { codeOf } from '../support/refusals.ts';

type Three = [Group, Group, Group];
const psks = () => utf8('shared');
const clients = () => [clientOf('a', { psks }), clientOf('b', { psks }), clientOf('c', { psks })] as const;
const keyPackage = () => keyPackagesOf([clientOf('d')])[0] as Uint8Array;

describe('what a commit changes', () => {
  test('its maker and its receivers say the same', () => {
    const [a, b, c] = gather([...clients()]) as Three;
    const made = a.commit([add(keyPackage()), remove(2), externalPsk(utf8('id'))]);
    expect(made.changes).toMatchObject({
      added: [{ leaf: 2 }],
      removed: [{ leaf: 2 }],
      updated: [{ before: { leaf: 0 }, after: { leaf: 0 } }],
      psks: [{ pskType: 1 }],
      removesSelf: false,
    });
    expect(commitOf(b, made.message).changes).toEqual(made.changes);
    expect(commitOf(c, made.message).changes).toEqual({ ...made.changes, removesSelf: true });
  });

  test('without a path it renews nobody', () => {
    const [a, b] = gather([...clients()]) as Three;
    const made = a.commit([externalPsk(utf8('id'))], { path: 'omit' });
    expect([made.changes.added, made.changes.updated]).toEqual([[], []]);
    expect(commitOf(b, made.message).changes).toEqual(made.changes);
  });

  test('R12.4.3.2-05 R12.4.3.2-14: whoever joins from outside is added, and renews nobody', () => {
    const members = clients();
    const [a] = gather([...members]) as Three;
    const joined = clientOf('d').prepareExternalJoin(a.groupInfo());
    expect(commitOf(a, joined.message).changes).toMatchObject({
      added: [{ leaf: 3 }],
      removed: [],
      updated: [],
    });
    const back = members[1].prepareExternalJoin(a.groupInfo(), { resync: true });
    const { added, removed, updated } = commitOf(a, back.message).changes;
    expect([added, removed, updated]).toMatchObject([[{ leaf: 1 }], [{ leaf: 1 }], []]);
  });
});

describe('what comes with a commit', () => {
  const { ratchetTree, externalPub } = ExtensionType;

  test('R12.4.1-13: a GroupInfo when it is asked for, a Welcome when somebody is added', () => {
    const [a] = gather([...clients()]) as Three;
    const with_ = (...options: Parameters<Group['commit']>) => {
      const made = a.commit(...options);
      a.discard(made);
      return [made.welcome !== undefined, made.groupInfo !== undefined];
    };
    expect(with_()).toEqual([false, false]);
    expect(with_([], { groupInfo: true })).toEqual([false, true]);
    expect(with_([add(keyPackage())])).toEqual([true, false]);
    expect(with_([add(keyPackage())], { groupInfo: true })).toEqual([true, true]);
  });

  test.each([true, false])(
    'R12.4.1-13 R12.4.3.2-01: with the tree: %s; the key for joiners is for outsiders',
    (tree) => {
      const opened: Uint8Array[] = [];
      const provider = watched(nodeProvider, {
        after: (name, _, result) => void (name === 'open' && opened.push((result as Uint8Array).slice())),
      });
      const d = clientOf('d', { provider });
      const [a] = gather([...clients()]) as Three;
      const made = a.commit([add(keyPackagesOf([d])[0] as Uint8Array)], {
        groupInfo: true,
        ratchetTree: tree,
      });
      const published = decode(MlsMessage, made.groupInfo as Uint8Array);
      if (published.wireFormat !== 4) throw new Error('no GroupInfo');
      const types = ({ extensions }: GroupInfo) => extensions.map(({ extensionType }) => extensionType);
      expect(types(published.groupInfo)).toEqual(tree ? [ratchetTree, externalPub] : [externalPub]);
      const join = () => d.prepareJoin(made.welcome as Uint8Array).discard();
      if (tree) join();
      else expect(codeOf(join)).toBe('validation.group-info');
      expect(types(decode(GroupInfo, opened[1] as Uint8Array))).toEqual(tree ? [ratchetTree] : []);
    },
  );
});

describe('what keeps a proposal out', () => {
  test('R12.2-17: rules are asked about a commit of ours, before we choose what it covers', () => {
    const rules: GroupRules = {
      mayCommit: ({ author }) => author.kind === 'member' && author.member.leaf === 0,
    };
    const groups = gather([clientOf('a', { rules }), clientOf('b'), clientOf('c')]) as Three;
    const [a, b] = groups;
    deliver(groups, b, b.propose(update()).message);
    expect(a.commit().changes.updated.map(({ after }) => after.leaf)).toEqual([1, 0]);
  });

  test.each([
    ['an error of the application', new Error('down')],
    ['a bug', new MlsError('internal.bug')],
  ])('STO-16 R12.4-04: a verdict, but not %s', (_, error) => {
    let failures = 0;
    const mayCommit = () => {
      if (failures-- > 0) throw error;
      return true;
    };
    const groups = gather([clientOf('a', { rules: { mayCommit } }), clientOf('b'), clientOf('c')]) as Three;
    const [a, b] = groups;
    deliver(groups, b, b.propose(update()).message);
    failures = 1;
    expect(codeOf(() => a.commit())).toBe('internal.bug');
    failures = 0;
    expect(a.commit().changes.updated).toHaveLength(2);
  });
});

describe('what is said of a commit that is not taken', () => {
  test('R12.4.2-16: a wrong confirmation tag is the committer’s fault, and nobody has lost step', () => {
    const { a, group } = stageOf({ policy: { grease: false } });
    const tag = (one: Uint8Array) => one.map((byte) => byte ^ 1);
    const { message } = forgeCommit(a.env, a.state, [], { tag });
    expect(verdict(group.process(message))).toBe('crypto.confirmation-tag');
  });

  test('R12.4.2-16 PRO-22: judging tells what leads nowhere here, removes us, or comes from a lost state', () => {
    const [a, b] = gather([clientOf('a', { psks }), clientOf('b', { psks: () => utf8('another') })]);
    const group = b as Group;
    const before = group.save();
    const judged = (input: ProposalInput) => {
      const made = a.commit([input]);
      a.discard(made);
      return judge(group, made.message);
    };
    expect(judged(externalPsk(utf8('id')))).toMatchObject({
      kind: 'unusable',
      error: { code: 'crypto.confirmation-tag' },
    });
    expect(judged(remove(1))).toMatchObject({ kind: 'valid', changes: { removesSelf: true } });
    expect(group.save()).toEqual(before);
    const mine = group.commit();
    group.discard(mine);
    expect(judge(group, mine.message)).toEqual({ kind: 'other', outcome: 'desynchronised' });
  });

  test.each([
    ['fails', new Error('down')],
    ['says that it cannot', new MlsError('crypto.unavailable')],
  ])('STO-16: a back end that %s at any moment says nothing about it', (_, error) => {
    let left = Number.POSITIVE_INFINITY;
    const before = () => {
      left -= 1;
      if (left === 0) throw error;
    };
    const b = clientOf('b', { provider: watched(nodeProvider, { before }), policy: { handshake: 'public' } });
    const a = clientOf('a').createGroup();
    const invitation = a.invite(keyPackagesOf([b]));
    a.accept(invitation);
    const group = b.prepareJoin(invitation.welcome).accept();
    const { message } = clientOf('d').prepareExternalJoin(a.groupInfo());
    const expected = error instanceof MlsError ? error.code : 'internal.bug';
    for (const step of [() => verdict(group.process(message)), () => judge(group, message).kind])
      for (let k = 1; ; k++) {
        left = k;
        const seen = outcomeOf(step);
        if (left > 0) break;
        expect(seen, `call ${k}`).toBe(expected);
      }
    left = Number.POSITIVE_INFINITY;
    take(group, message);
  });
});

function outcomeOf(step: () => string): string {
  try {
    return step();
  } catch (error) {
    if (error instanceof MlsError) return error.code;
    throw error;
  }
}
