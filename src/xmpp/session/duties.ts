/** What a member sees to, so that a group follows the device lists of accounts and the lists of its room (design, 3.6, 7.4). */

import { toHex } from '../../base/bytes.ts';
import { MlsError } from '../../base/error.ts';
import { HandshakeReason } from '../handshakeNote.ts';
import { isRevoked } from '../identity/deviceList.ts';
import { bareJid, readJid } from '../jid.ts';
import type { Pin } from '../pins.ts';
import { readAffiliations } from '../sequencer/logRoom.ts';
import type { RoomEvent } from '../sequencer/roomEvents.ts';
import { isAdminOf } from './admins.ts';
import type { Conversation } from './conversation.ts';
import type { Delays } from './delays.ts';
import { keyOf, nameOf } from './goals.ts';
import type { Setting } from './setting.ts';

/** Seconds after which admins, then members, act on what the room says. */
const ADMINS_S = [0, 3] as const;
const MEMBERS_S = [5, 20] as const;
/** After which a revoked device is taken out by those of its own account, then by others. */
const SIBLINGS_S = [0, 10] as const;
const OTHERS_S = [30, 300] as const;
/** Who was let in may need this long to be put on the list of the room. */
const GRACE_S = [60, 80] as const;

/** What a session sees to in its conversations. Whoever finds a thing done already does nothing. */
export class Duties {
  readonly #setting: Setting;
  readonly #delays: Delays;
  readonly #conversations: () => readonly Conversation[];
  /** What is put off, so that it is put off once. */
  readonly #put = new Set<string>();

  constructor(setting: Setting, delays: Delays, conversations: () => readonly Conversation[]) {
    this.#setting = setting;
    this.#delays = delays;
    this.#conversations = conversations;
  }

  /** Take out the devices that an account has revoked, its list being the evidence (IDN-05). */
  revoked({ jid, signed }: Pin): void {
    const when = jid === this.#setting.self.jid ? SIBLINGS_S : OTHERS_S;
    for (const conversation of this.#active())
      for (const device of conversation.members) {
        if (device.jid !== jid || !isRevoked(signed.list, device.device)) continue;
        this.#once(`${nameIn(conversation)} ${keyOf(device)}`, when, () =>
          conversation.removeDevice(device, HandshakeReason.deviceRevoked, signed),
        );
      }
  }

  /** What the room says of accounts is no law in the group; members see to it that both agree. */
  affiliation(conversation: Conversation, event: Extract<RoomEvent, { kind: 'affiliation' }>): void {
    const { group } = conversation;
    const jid = readJid(event.jid);
    if (group === undefined || jid === undefined || !['none', 'outcast'].includes(event.affiliation)) return;
    const account = bareJid(jid);
    if (account === this.#setting.self.jid || !isIn(conversation, account)) return;
    conversation.putOut(account);
    const when = isAdminOf(this.#setting, group) ? ADMINS_S : MEMBERS_S;
    this.#once(`${nameIn(conversation)} ${account}`, when, () => conversation.remove(account));
  }

  /** After everything was read: what was revoked or put off a list meanwhile. @throws `xmpp.offline`, `storage.*` */
  async caughtUp(): Promise<void> {
    const accounts = new Set(this.#active().flatMap(({ members }) => members.map(({ jid }) => jid)));
    for (const jid of accounts) {
      const pin = await this.#setting.devices.pin(jid);
      if (pin !== undefined) this.revoked(pin);
    }
    for (const conversation of this.#active()) {
      if ((await this.#unlisted(conversation)).length === 0) continue;
      this.#once(nameIn(conversation), GRACE_S, async () => {
        const still = await this.#unlisted(conversation);
        if (still.length > 0) await conversation.remove(...still);
      });
    }
  }

  /** Accounts in the group that the room does not list. */
  async #unlisted(conversation: Conversation): Promise<readonly string[]> {
    const { kind, jid, members } = conversation;
    if (kind !== 'room') return [];
    try {
      const listed = await readAffiliations(this.#setting.transport, jid);
      const accounts = new Set(members.map((member) => member.jid));
      return [...accounts].filter((account) => account !== this.#setting.self.jid && !listed.has(account));
    } catch (error) {
      // Not everybody may see the lists of every room.
      if (error instanceof MlsError && error.code === 'xmpp.refused') return [];
      throw error;
    }
  }

  #active(): readonly Conversation[] {
    return this.#conversations().filter(({ status }) => status === 'active');
  }

  #once(name: string, when: readonly [number, number], step: () => Promise<void>): void {
    if (this.#put.has(name)) return;
    this.#put.add(name);
    this.#delays.later(when, async () => {
      this.#put.delete(name);
      if (this.#active().some((one) => name.startsWith(nameIn(one)))) await step();
    });
  }
}

function nameIn({ group }: Conversation): string {
  return toHex(group?.id ?? new Uint8Array());
}

function isIn({ group }: Conversation, account: string): boolean {
  return group?.members.some((member) => nameOf(member)?.jid === account) ?? false;
}
