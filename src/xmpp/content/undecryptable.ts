/**
 * "I can't decrypt": what to say to the user about a message that cannot be read, and what to do without asking.
 *
 * MLS for XMPP, version 0, section 3.7 of the paper. None of it ever leaves the device.
 */

import type { MlsErrorCode } from '../../base/codes.ts';
import type { Processed } from '../../index.ts';

/** Why a message cannot be read, as far as a user is concerned: the key for translations. */
export type Reason =
  | 'before-join'
  | 'shown'
  | 'too-late'
  | 'catching-up'
  | 'repairing'
  | 'removed'
  | 'unapproved'
  | 'damaged'
  | 'outdated'
  | 'misplaced';

/** What happens by itself; `offer-import` only asks the user, `report` only tells the application. */
export type Action = 'offer-import' | 'show-stored' | 'catch-up' | 'resync' | 'enrol' | 'report' | 'none';

/** One message that cannot be read. */
export interface Undecryptable {
  readonly code: MlsErrorCode;
  readonly reason: Reason;
  readonly action: Action;
  /** In English; empty where nothing is to be said. */
  readonly text: string;
}

/** What is known beside the code. */
export interface Circumstances {
  /** The message is older than the first epoch of this device in the group. */
  readonly isBeforeJoin?: boolean;
  /** This device waits to be approved by another one of the account. */
  readonly isProvisional?: boolean;
}

/** Default texts, by reason. */
export const REASON_TEXTS: Readonly<Record<Reason, string>> = /* @__PURE__ */ Object.freeze({
  'before-join':
    'Sent before this device was added. Earlier messages can be imported from your other device.',
  shown: '',
  'too-late': 'This message arrived too late to be opened.',
  'catching-up': 'Catching up…',
  repairing: 'Repairing the encrypted session…',
  removed: 'You are no longer part of this encrypted conversation.',
  unapproved: 'This device has not been approved yet.',
  damaged: 'A damaged message was received.',
  outdated: 'Your app is too old for this conversation.',
  misplaced: 'A message that does not belong to this conversation was received.',
});

type Row = readonly [reason: Reason, action: Action];

const ROWS: Readonly<Partial<Record<MlsErrorCode, Row>>> = {
  'state.epoch-past': ['too-late', 'none'],
  'state.key-evicted': ['too-late', 'none'],
  'state.replay': ['shown', 'show-stored'],
  'state.own-message': ['shown', 'show-stored'],
  'state.epoch-future': ['catching-up', 'catch-up'],
  'state.generation-gap': ['catching-up', 'catch-up'],
  'state.desync': ['repairing', 'resync'],
  'state.rollback': ['repairing', 'resync'],
  'state.not-member': ['removed', 'none'],
  'state.closed': ['removed', 'none'],
  'codec.unsupported': ['outdated', 'none'],
  'xmpp.binding': ['misplaced', 'report'],
  'xmpp.sender': ['misplaced', 'report'],
  'state.unknown-group': ['misplaced', 'report'],
};

/** What to say and do about a message that cannot be read. What is not in the table is damage. */
export function explain(
  code: MlsErrorCode,
  { isBeforeJoin, isProvisional }: Circumstances = {},
): Undecryptable {
  const [reason, action] = rowOf(code, isBeforeJoin === true, isProvisional === true);
  return { code, reason, action, text: REASON_TEXTS[reason] };
}

/** The code that stands for an outcome of a group; nothing where the message was taken in. */
export function codeOf(processed: Processed): MlsErrorCode | undefined {
  return processed.kind === 'rejected' ? processed.error.code : OUTCOMES[processed.kind];
}

const OUTCOMES: Readonly<Partial<Record<Processed['kind'], MlsErrorCode>>> = {
  'own-message': 'state.own-message',
  duplicate: 'state.replay',
  held: 'state.epoch-future',
  expired: 'state.epoch-past',
  foreign: 'state.unknown-group',
  desynchronised: 'state.desync',
};

function rowOf(code: MlsErrorCode, isBeforeJoin: boolean, isProvisional: boolean): Row {
  if (code === 'state.epoch-past' && isBeforeJoin) return ['before-join', 'offer-import'];
  if (code === 'state.unknown-group' && isProvisional) return ['unapproved', 'enrol'];
  return ROWS[code] ?? ['damaged', 'report'];
}
