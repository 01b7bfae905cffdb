/** Why a message cannot be read, and what is done about it. */

import { describe, expect, test } from 'vitest';
import { CODES, type MlsErrorCode } from '../../../../src/base/codes.ts';
import { MlsError } from '../../../../src/base/error.ts';
import type { Processed } from '../../../../src/index.ts';
import { codeOf, explain, REASON_TEXTS } from '../../../../src/xmpp/content/undecryptable.ts';

describe('undecryptable messages', () => {
  test.each<[MlsErrorCode, object, string, string]>([
    ['state.epoch-past', { isBeforeJoin: true }, 'before-join', 'offer-import'],
    ['state.epoch-past', {}, 'too-late', 'none'],
    ['state.replay', {}, 'shown', 'show-stored'],
    ['state.key-evicted', {}, 'too-late', 'none'],
    ['state.epoch-future', {}, 'catching-up', 'catch-up'],
    ['state.desync', {}, 'repairing', 'resync'],
    ['state.not-member', { isBeforeJoin: true, isProvisional: true }, 'removed', 'none'],
    ['state.unknown-group', { isProvisional: true }, 'unapproved', 'enrol'],
    ['state.unknown-group', {}, 'misplaced', 'report'],
    ['codec.truncated', {}, 'damaged', 'report'],
    ['crypto.aead', {}, 'damaged', 'report'],
    ['codec.unsupported', {}, 'outdated', 'none'],
    ['xmpp.binding', {}, 'misplaced', 'report'],
  ])('%s %j: %s, %s', (code, circumstances, reason, action) => {
    const text = Object.entries(REASON_TEXTS).find(([key]) => key === reason)?.[1];
    expect(explain(code, circumstances)).toEqual({ code, reason, action, text });
  });

  test('XMP-35: whatever the code, the answer is words for the user or a step of our own', () => {
    for (const code of Object.keys(CODES) as MlsErrorCode[]) {
      const { action, text, reason } = explain(code);
      expect(text === '').toBe(reason === 'shown');
      expect(['offer-import', 'show-stored', 'catch-up', 'resync', 'enrol', 'report', 'none']).toContain(
        action,
      );
    }
  });

  test('outcomes of a group have codes where the message was not taken in', () => {
    const groupId = undefined;
    const cases: [Processed, MlsErrorCode | undefined][] = [
      [{ kind: 'duplicate' }, 'state.replay'],
      [{ kind: 'own-message', content: 'application' }, 'state.own-message'],
      [{ kind: 'held', epoch: 4n }, 'state.epoch-future'],
      [{ kind: 'expired', epoch: 1n }, 'state.epoch-past'],
      [{ kind: 'foreign', wireFormat: 2, groupId }, 'state.unknown-group'],
      [{ kind: 'desynchronised', evidence: { kind: 'ahead', epoch: 9n } }, 'state.desync'],
      [{ kind: 'rejected', error: new MlsError('crypto.aead') }, 'crypto.aead'],
      [
        {
          kind: 'proposal',
          proposal: { ref: new Uint8Array(32), type: 1, sender: undefined },
          authenticatedData: new Uint8Array(0),
        },
        undefined,
      ],
    ];
    for (const [processed, code] of cases) expect(codeOf(processed)).toBe(code);
  });
});
