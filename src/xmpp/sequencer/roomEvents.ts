/** What a room tells about itself and its people (XEP-0045), as events. */

import { attr, type XmlElement } from '../element.ts';
import { sameJid } from '../jid.ts';
import {
  type Affiliation,
  type Occupant,
  type Role,
  type RoomPresence,
  readDestroyed,
  readRoomNotice,
  STATUS,
} from '../stanza/muc.ts';

/** Why we are not in a room any more. */
export type Removal = 'banned' | 'kicked' | 'affiliation' | 'members-only' | 'shutdown' | 'other';

/** What a room tells. Its word alone: nothing of it decides about a commit. */
export type RoomEvent =
  /** Someone came, changed or went. `jid` where the room shows it, full or bare. */
  | {
      readonly kind: 'occupant';
      readonly nick: string;
      readonly present: boolean;
      readonly jid: string | undefined;
      readonly affiliation: Affiliation | undefined;
      readonly role: Role | undefined;
    }
  /** What an account is to the room, when first told and when it changes. `jid` is as the room shows it. */
  | { readonly kind: 'affiliation'; readonly jid: string; readonly affiliation: Affiliation }
  /** We are out, and have to enter again. */
  | { readonly kind: 'removed'; readonly why: Removal }
  | { readonly kind: 'destroyed'; readonly alternative: string | undefined }
  /** The configuration changed: status codes of section 10.2.1. Ask `roomFitness.ts` again. */
  | { readonly kind: 'configuration'; readonly codes: ReadonlySet<number> }
  /** Nobody was there: our entering made the room, without the archive it had. It was destroyed again. */
  | { readonly kind: 'created' };

/** Why a presence says that somebody is gone. */
export function removalOf(statuses: ReadonlySet<number>): Removal {
  if (statuses.has(STATUS.banned)) return 'banned';
  if (statuses.has(STATUS.affiliationLost)) return 'affiliation';
  if (statuses.has(STATUS.membersOnly)) return 'members-only';
  if (statuses.has(STATUS.shutdown)) return 'shutdown';
  return statuses.has(STATUS.kicked) ? 'kicked' : 'other';
}

/** What the presence of an occupant tells, in this order. @throws `xmpp.stanza` */
export function eventsOf(stanza: XmlElement, presence: RoomPresence, isSelf: boolean): RoomEvent[] {
  const { nick, present, statuses, occupant } = presence;
  const { jid, affiliation, role } = occupant;
  const events: RoomEvent[] = [{ kind: 'occupant', nick, present, jid, affiliation, role }];
  const renamed = statuses.has(STATUS.newNick);
  if (present || !isSelf || renamed) return events;
  const destroyed = readDestroyed(stanza);
  events.push(
    destroyed === undefined
      ? { kind: 'removed', why: removalOf(statuses) }
      : { kind: 'destroyed', ...destroyed },
  );
  return events;
}

/** Status codes of a changed configuration. */
const CONFIGURATION = [104, 170, 171, 172, 173, 174];

/** What a message of the room itself tells; nothing for those of occupants. @throws `xmpp.stanza` */
export function noticesOf(message: XmlElement, room: string): { events: RoomEvent[]; occupant?: Occupant } {
  if (attr(message, 'type') === 'error' || !sameJid(attr(message, 'from') ?? '', room)) return { events: [] };
  const notice = readRoomNotice(message);
  if (notice === undefined) return { events: [] };
  const codes = new Set(CONFIGURATION.filter((code) => notice.statuses.has(code)));
  return {
    events: codes.size === 0 ? [] : [{ kind: 'configuration', codes }],
    ...(notice.occupant && { occupant: notice.occupant }),
  };
}
