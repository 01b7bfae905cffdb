/** One-to-one conversations, and that of our own devices: a group with a log room (design, 4.4 and 4.5). */

import { fail } from '../../base/error.ts';
import { type Admin, GroupMode, sortedPair } from '../binding.ts';
import { aikId } from '../identity/accountKey.ts';
import { parseJid } from '../jid.ts';
import { createLogRoom, findConferenceService } from '../sequencer/logRoom.ts';
import type { Conversation } from './conversation.ts';
import { found } from './founding.ts';
import type { Candidate } from './goals.ts';
import { orderGroup, type Setting } from './setting.ts';

/**
 * Make the group of a conversation with an account, all devices of both sides in it.
 * @throws `xmpp.no-key-package` when the peer has nothing, `xmpp.server-unfit` without a conference service, `policy.*`
 */
export async function beginChat(setting: Setting, conversation: Conversation): Promise<void> {
  const { self, transport, timers, random, fetcher } = setting;
  const isSelf = conversation.kind === 'self';
  const accounts = isSelf ? [self.jid] : [conversation.jid, self.jid];
  const { chosen, left } = await fetcher.fetch(accounts, {
    suite: setting.client.suite,
    except: new Set([`${self.jid}/${self.device}`]),
  });
  const peerless = left.find(({ jid }) => jid === conversation.jid && !isSelf);
  if (peerless !== undefined) throw peerless.error;
  const admins = await adminsOf(setting, accounts);
  const service = await findConferenceService(transport, parseJid(self.jid).domain);
  const room = await createLogRoom({
    transport,
    timers,
    random,
    service,
    nick: self.device,
    ...(!isSelf && { peer: conversation.jid }),
  });
  const members: Candidate[] = chosen.map(({ jid, deviceId, message }) => ({
    jid,
    device: deviceId,
    message,
  }));
  const founded = await found(setting, {
    conversing: { mode: isSelf ? GroupMode.self : GroupMode.dm, sequencer: room, peer: conversation.jid },
    joinRule: 0,
    admins,
    pair: isSelf ? undefined : sortedPair(self.jid, conversation.jid),
    members,
  });
  await orderGroup(setting, conversation, { ...founded, from: 'start' }).mailer.flush();
}

async function adminsOf(
  { devices, self, device, provider }: Setting,
  accounts: readonly string[],
): Promise<readonly Admin[]> {
  const admins: Admin[] = [];
  for (const jid of new Set(accounts)) {
    if (jid === self.jid) {
      admins.push({ jid, aikId: device.aikId });
      continue;
    }
    const pin = await devices.pin(jid);
    if (pin === undefined) return fail('xmpp.no-key-package', { rule: 'device list', jid });
    admins.push({ jid, aikId: aikId(provider.suite(1), pin.signed.list.accountKey) });
  }
  return admins;
}
