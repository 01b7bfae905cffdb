/** What a caller passes wrongly: every method says so with a typed error, and the group and the client stay as they are. */

import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import type { Group } from '../../src/group/group.ts';
import {
  add,
  customProposal,
  remove,
  resumptionPsk,
  setExtensions,
  stored,
} from '../../src/group/proposals.ts';
import { clientOf, groupsOf, moveAll } from '../support/groups.ts';
import { codeOf } from '../support/refusals.ts';

describe('a group', () => {
  const [group, other] = groupsOf(['a', 'b'], {}, { psks: () => undefined }) as [Group, Group];
  const client = clientOf('c');
  const notes = utf8('no key package');
  const { welcome } = group.invite([client.createKeyPackage().message]);
  group.discard(group.pending as NonNullable<typeof group.pending>);

  test.each<[string, MlsErrorCode, () => unknown]>([
    ['invites nobody', 'codec.input', () => group.invite([])],
    ['invites by a Welcome', 'validation.key-package', () => group.invite([welcome])],
    ['invites by other bytes', 'codec.unsupported', () => group.invite([notes])],
    ['adds by a GroupInfo', 'validation.key-package', () => group.commit([add(group.groupInfo())])],
    ['proposes to add what is no KeyPackage', 'validation.key-package', () => group.propose(add(welcome))],
    ['PRO-03 removes nobody', 'validation.proposal', () => group.propose(remove(7))],
    ['PRO-02 removes itself', 'validation.proposal-list', () => group.commit([remove(0)])],
    [
      'PRO-08 proves an epoch to come',
      'state.missing-psk',
      () => group.commit([resumptionPsk(group.id, 9n)]),
    ],
    [
      'PRO-14 commits what it has not stored',
      'validation.unknown-proposal-ref',
      () => group.commit([stored(notes)]),
    ],
    [
      'PRO-13 proposes a type of nobody',
      'validation.unsupported',
      () => group.propose(customProposal(0xf00f, notes)),
    ],
    [
      'R11-11 R13.5-05 sets an extension of nobody',
      'validation.unsupported',
      () => group.commit([setExtensions([{ extensionType: 0x0a0a, extensionData: notes }])]),
    ],
    ['R8.5-02 exports without a label', 'codec.input', () => group.export('', notes, 16)],
    ['R8-03 exports more than there is', 'crypto.limit', () => group.export('x', notes, 255 * 32 + 1)],
    ['encrypts what is no byte string', 'codec.input', () => group.encrypt('text' as never)],
    ['accepts nothing', 'state.stale-handle', () => group.accept(undefined as never)],
    ['discards nothing', 'state.stale-handle', () => group.discard({} as never)],
  ])('that %s: %s', (_, code, call) => {
    const before = toHex(group.save());
    expect(codeOf(call)).toBe(code);
    expect(toHex(group.save())).toBe(before);
    expect(group.pending).toBeUndefined();
  });

  test('goes on after all of that', () => {
    moveAll([group, other], group);
  });
});

describe('a client', () => {
  const client = clientOf('c');
  const { message } = client.createKeyPackage();
  const group = clientOf('a').createGroup();
  const { welcome } = group.invite([message]);

  test.each<[string, MlsErrorCode, () => unknown]>([
    ['joins by a KeyPackage', 'validation.welcome', () => client.prepareJoin(message)],
    [
      'joins from outside by a KeyPackage',
      'validation.group-info',
      () => client.prepareExternalJoin(message),
    ],
    ['joins from outside by a Welcome', 'validation.group-info', () => client.prepareExternalJoin(welcome)],
    ['checks a Welcome', 'validation.key-package', () => client.validateKeyPackage(welcome)],
    ['joins by what is no byte string', 'codec.input', () => client.prepareJoin(7 as never)],
    [
      'joins with a tree of other bytes',
      'codec.truncated',
      () => client.prepareJoin(bare(), { ratchetTree: Uint8Array.of(9) }),
    ],
    ['JOI-15 joins without a tree', 'validation.group-info', () => client.prepareJoin(bare())],
  ])('that %s: %s', (_, code, call) => {
    expect(codeOf(call)).toBe(code);
  });

  test('JOI-03 R12.4.3.1-32 still has its KeyPackage after all of that', () => {
    expect(client.prepareJoin(welcome).accept().epoch).toBe(1n);
  });

  /** A Welcome without the tree. */
  function bare(): Uint8Array {
    const founder = clientOf('b').createGroup();
    return founder.invite([message], { ratchetTree: false }).welcome;
  }
});

describe('R7.3-09 TRE-16 PRO-06 a KeyPackage whose lifetime does not include the present', () => {
  const NOW = 1_800_000_000;
  const made = clientOf('c', {}, { clock: () => NOW }).createKeyPackage({ lifetimeSeconds: 1000 }).message;

  // Made an hour back, since clocks differ: from -3600 to -2600.
  test.each([
    [-3601, false],
    [-3600, true],
    [-2600, true],
    [-2599, false],
  ])('at second %i: whether it is checked, proposed and committed is %s', (second, isGood) => {
    const options = { clock: () => NOW + second };
    const [group] = groupsOf(['a', 'b'], {}, options) as [Group, Group];
    const verdict = (call: () => unknown): string => {
      if (!isGood) return codeOf(call);
      call();
      return 'policy.lifetime';
    };
    const before = group.save();
    expect(verdict(() => clientOf('d', {}, options).validateKeyPackage(made))).toBe('policy.lifetime');
    expect(verdict(() => group.invite([made]))).toBe('policy.lifetime');
    if (isGood) group.discard(group.pending as NonNullable<typeof group.pending>);
    expect(verdict(() => group.propose(add(made)))).toBe('policy.lifetime');
    if (!isGood) expect(group.save()).toEqual(before);
  });
});
