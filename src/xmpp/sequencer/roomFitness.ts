/** What a room has to be so that it can order a group, and the form that makes it so (sections 4.4 and 4.6 of the design). */

import { fail } from '../../base/error.ts';
import type { DiscoInfo } from '../stanza/disco.ts';
import { type Form, offered } from '../stanza/form.ts';
import { NS_MAM } from '../stanza/mam.ts';
import { NS_SID } from '../stanza/stanzaId.ts';

/** What a room is for: a log, or people, who come by invitation or by being members of the room. */
export type RoomUse = 'log' | 'invite' | 'affiliated';

/** What every room needs that orders a group. */
const ALWAYS = ['muc_persistent', 'muc_nonanonymous', NS_MAM, NS_SID] as const;

const NEEDED: Readonly<Record<RoomUse, readonly string[]>> = {
  log: [...ALWAYS, 'muc_membersonly', 'muc_hidden'],
  invite: [...ALWAYS, 'muc_membersonly'],
  affiliated: ALWAYS,
};

/** What a log room is configured to, under the names that both measured servers have for it. */
const LOG_ROOM: Readonly<Record<string, string>> = {
  'muc#roomconfig_persistentroom': '1',
  'muc#roomconfig_membersonly': '1',
  'muc#roomconfig_whois': 'anyone',
  'muc#roomconfig_publicroom': '0',
  'muc#roomconfig_moderatedroom': '0',
  'muc#roomconfig_changesubject': '0',
  'muc#roomconfig_allowinvites': '0',
  'muc#roomconfig_enablearchiving': '1',
  '{http://prosody.im/protocol/muc}roomconfig_allowmemberinvites': '0',
  mam: '1',
};

/** The fields to submit for a log room: of those wanted the ones that its form has, since ejabberd refuses any other. */
export function fillLogRoomForm(form: Form): Record<string, string> {
  return offered(form, LOG_ROOM);
}

/** Features that a room lacks for a use, by what `disco#info` says of it. */
export function missingFeatures({ features }: DiscoInfo, use: RoomUse): string[] {
  return NEEDED[use].filter((feature) => !features.has(feature));
}

/**
 * Check that a room can order a group.
 * @param entity the room, for the report
 * @throws `xmpp.server-unfit` with the features that are missing, a space between them
 */
export function checkRoom(info: DiscoInfo, use: RoomUse, entity: string): void {
  const missing = missingFeatures(info, use);
  if (missing.length > 0) fail('xmpp.server-unfit', { feature: missing.join(' '), entity });
}
