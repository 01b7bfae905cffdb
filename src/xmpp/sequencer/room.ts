/** A room as the sequencer of a group: modes 1, 2 and 4 (sections 4.2, 4.4 and 4.6 of the design; XEP-0045, XEP-0313). */

import type { Occupant } from '../stanza/muc.ts';
import { ArchiveSequencer, type SequencerOptions } from './archiveSequencer.ts';
import type { RoomEvent } from './roomEvents.ts';
import { RoomMembership } from './roomMembership.ts';

/** What a {@link RoomSequencer} works with. */
export interface RoomSequencerOptions extends SequencerOptions {
  /** Bare address. */
  readonly room: string;
  /** In a log room the id of the device. With a suffix where somebody else has it. */
  readonly nick: string;
  /** Told of what the room tells, while we are in it. */
  readonly onEvent?: (event: RoomEvent) => void;
}

/** A room that orders the messages of a group. */
export class RoomSequencer extends ArchiveSequencer<RoomMembership> {
  constructor(options: RoomSequencerOptions) {
    super(options.room, options, (gone) => new RoomMembership({ ...options, gone }));
  }

  /** Whether we are in the room. */
  get isPresent(): boolean {
    return this.membership.isPresent;
  }

  /** Our nick, as the room has it. */
  get nick(): string {
    return this.membership.nick;
  }

  /** Who is in the room, by nick, with addresses where the room shows them. Empty while we are not there. */
  get occupants(): ReadonlyMap<string, Occupant> {
    return this.membership.occupants;
  }
}
