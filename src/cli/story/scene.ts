/** What all chapters have: the devices by their names, and how one speaks and how all are compared. */

import { equal } from '../../base/bytes.ts';
import { fail } from '../../base/error.ts';
import type { MessageContent } from '../../xmpp/content/content.ts';
import { destroyRoom } from '../../xmpp/stanza/muc.ts';
import { Cast, type Device } from './cast.ts';
import type { Narrator } from './narrator.ts';
import type { Stage } from './stage.ts';

/** One telling of the story. */
export class Scene {
  readonly stage: Stage;
  readonly narrator: Narrator;
  readonly cast: Cast;
  /** All that was said, to be looked for on the wire. */
  readonly said: string[] = [];
  /** Bare address of the room; empty before there is one. */
  room = '';

  constructor(stage: Stage, narrator: Narrator) {
    this.stage = stage;
    this.narrator = narrator;
    this.cast = new Cast(stage);
  }

  /** The device of this name that is in use. */
  device(resource: string): Device {
    return this.cast.present.find((one) => one.resource === resource) ?? fail('internal.bug', { resource });
  }

  /** Devices in use that are in a conversation. */
  members(jid: string): readonly Device[] {
    return this.cast.present.filter((one) => one.isIn(jid));
  }

  /** Somebody says something; it is checked that these, and no others, read it once. @returns the id of the message */
  async speak(
    from: Device,
    jid: string,
    content: MessageContent,
    readers: readonly Device[],
  ): Promise<string> {
    const { cast, narrator } = this;
    const text = content.body ?? '';
    this.said.push(text);
    const { id } = await from.in(jid).send(content);
    await cast.until(`all read: ${text}`, () => readers.every((one) => one.heard(text) > 0));
    const heard = cast.present.filter((one) => one.heard(text) > 0);
    narrator.message({ from: from.name, where: jid, text, readers: heard.map(({ name }) => name) });
    const areRight = heard.length === readers.length && readers.every((one) => one.heard(text) === 1);
    narrator.check(`read once by ${namesOf(readers)}, and by nobody else`, areRight);
    return id;
  }

  /** As {@link speak}, in the room, to all who are in it. */
  async speakInRoom(from: Device, content: MessageContent): Promise<string> {
    const others = this.members(this.room).filter((one) => one !== from);
    return this.speak(from, this.room, content, others);
  }

  /** Wait until these have the same epoch of a conversation, then draw it. @param at where each has it */
  async agree(devices: readonly Device[], at: (device: Device) => string, title: string): Promise<void> {
    const { cast, narrator } = this;
    const groups = (): ReturnType<Device['in']>['group'][] => devices.map((one) => one.in(at(one)).group);
    const isSame = (): boolean => {
      const [first, ...others] = groups();
      if (first === undefined) return false;
      return others.every(
        (one) => one !== undefined && equal(one.epochAuthenticator, first.epochAuthenticator),
      );
    };
    await cast.until(`all agree: ${title}`, isSame);
    const [group] = groups();
    if (group !== undefined) narrator.picture(group, title, (line) => cast.named(line));
    narrator.check(`${namesOf(devices)} have the same keys`, isSame());
  }

  /** Rooms that the story has made are destroyed by whoever made them. */
  async clear(): Promise<void> {
    for (const { line, mls } of this.cast.present)
      for (const { ordered } of mls.conversations) {
        const room = ordered?.sequencer.jid;
        // Only its owner can do it, and only once.
        if (room !== undefined) await line.transport.request(destroyRoom(room)).catch(() => undefined);
      }
  }

  /** As {@link agree}, for the room and all who are in it. */
  agreeInRoom(title: string): Promise<void> {
    return this.agree(this.members(this.room), () => this.room, title);
  }
}

/** Names of devices in one line. */
export function namesOf(devices: readonly Device[]): string {
  return devices.map(({ name }) => name).join(', ');
}
