/** Rooms that can carry a group, made by hand: what an application does before `MlsXmpp.room`. */

import { parseJid } from '../xmpp/jid.ts';
import { offered } from '../xmpp/stanza/form.ts';
import * as muc from '../xmpp/stanza/muc.ts';
import type { Transport } from '../xmpp/transport.ts';

/** Make a members-only room of which we are the owner, and let others be members of it. @throws `xmpp.*` */
export async function makeRoom(
  transport: Transport,
  room: string,
  members: readonly string[],
): Promise<void> {
  await entered(transport, room);
  const form = muc.readRoomConfiguration(await transport.request(muc.roomConfiguration(room)));
  await transport.request(muc.configureRoom(room, offered(form, ROOM)));
  for (const jid of members) await transport.request(muc.affiliateTo(room, jid, 'member'));
}

const ROOM: Readonly<Record<string, string>> = {
  'muc#roomconfig_persistentroom': '1',
  'muc#roomconfig_membersonly': '1',
  'muc#roomconfig_whois': 'anyone',
  'muc#roomconfig_moderatedroom': '0',
  'muc#roomconfig_enablearchiving': '1',
  mam: '1',
};

function entered(transport: Transport, room: string): Promise<void> {
  const nick = `${parseJid(transport.jid).local ?? ''}-founder`;
  return new Promise((resolve, reject) => {
    const stop = transport.subscribe((stanza) => {
      const presence = stanza.name === 'presence' ? muc.readRoomPresence(stanza) : undefined;
      if (presence?.room !== room || !presence.statuses.has(muc.STATUS.self)) return;
      stop();
      resolve();
    });
    transport.send(muc.enter(room, nick)).catch(reject);
  });
}
