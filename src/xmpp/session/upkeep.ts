/** What has to be renewed before its time is over, by a device that may say nothing for months (design, 0.1 and 3.6). */

import type { Group } from '../../index.ts';
import { extensionBody } from '../../wire/extension.ts';
import { DEVICE_CERT, DeviceCert } from '../identity/deviceCert.ts';
import { isRenewalDue } from '../identity/listVerdict.ts';
import type { Conversation } from './conversation.ts';
import type { Delays } from './delays.ts';
import type { Setting } from './setting.ts';

const DAY_S = 86_400;
/** A certificate with less time left is renewed, seconds. */
const CERT_LEFT_S = 100 * DAY_S;

/** Looks once a day, and after every login. */
export class Upkeep {
  readonly #setting: Setting;
  readonly #delays: Delays;
  readonly #conversations: () => readonly Conversation[];

  constructor(setting: Setting, delays: Delays, conversations: () => readonly Conversation[]) {
    this.#setting = setting;
    this.#delays = delays;
    this.#conversations = conversations;
  }

  /** Look in a day, and so on. */
  begin(): void {
    this.#delays.later([DAY_S, DAY_S + 3600], async () => {
      this.begin();
      await this.look();
    });
  }

  /** Renew what is due. @throws as `Devices.publish`, `OwnKeyPackages.maintain` and `Conversation.refresh` */
  async look(): Promise<void> {
    const { devices, device, ownPackages, timers } = this.#setting;
    const now = Math.floor(timers.now() / 1000);
    const list = (await devices.pin(device.jid))?.signed.list;
    if (device.aik !== undefined && list !== undefined && isRenewalDue(list, now))
      await devices.publish(device.aik);
    await ownPackages.maintain();
    for (const conversation of this.#conversations()) {
      const { group, status } = conversation;
      if (status !== 'active' || group === undefined) continue;
      if (certifiedUntil(group) - CERT_LEFT_S < now) await conversation.refresh();
    }
  }
}

/** When the certificate of our own leaf ends, seconds since 1970. */
export function certifiedUntil(group: Group): number {
  const { extensions = [] } = group.leafNode(group.self) ?? {};
  return Number(extensionBody(extensions, DEVICE_CERT, DeviceCert)?.notAfter ?? 0n);
}
