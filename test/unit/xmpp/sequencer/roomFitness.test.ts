/** Forms that make log rooms, and rooms that can or cannot order a group. */

import { describe, expect, test } from 'vitest';
import { checkRoom, fillLogRoomForm, missingFeatures } from '../../../../src/xmpp/sequencer/roomFitness.ts';
import { failure } from '../../../servers/sequencer.contract.ts';

const info = (...features: readonly string[]) => ({ identities: [], features: new Set(features), forms: [] });
const GOOD = [
  'muc_persistent',
  'muc_nonanonymous',
  'urn:xmpp:mam:2',
  'urn:xmpp:sid:0',
  'muc_membersonly',
  'muc_hidden',
];

describe('the form of a log room', () => {
  test.each([
    ['muc#roomconfig_enablearchiving', 'mam'],
    ['mam', 'muc#roomconfig_enablearchiving'],
  ])('has %s where it is offered, and then not %s', (offered, absent) => {
    const form = new Map(
      ['FORM_TYPE', 'muc#roomconfig_whois', 'unknown', offered].map((name) => [name, ['0']]),
    );
    expect(fillLogRoomForm(form)).toEqual({ 'muc#roomconfig_whois': 'anyone', [offered]: '1' });
    expect(fillLogRoomForm(form)).not.toHaveProperty(absent);
  });
});

describe('a room', () => {
  test('is fit with all that its use needs', () => {
    for (const use of ['log', 'invite', 'affiliated'] as const)
      expect(missingFeatures(info(...GOOD), use)).toEqual([]);
    expect(missingFeatures(info(...GOOD.slice(0, 4)), 'affiliated')).toEqual([]);
    expect(missingFeatures(info(...GOOD.slice(0, 4)), 'invite')).toEqual(['muc_membersonly']);
    expect(missingFeatures(info(...GOOD.slice(0, 5)), 'log')).toEqual(['muc_hidden']);
  });

  test.each(GOOD)('is unfit for a log without %s', async (feature) => {
    const rest = info(...GOOD.filter((one) => one !== feature));
    const error = await failure((async () => checkRoom(rest, 'log', 'room@example'))());
    expect([error.code, error.detail]).toEqual(['xmpp.server-unfit', { feature, entity: 'room@example' }]);
  });
});
