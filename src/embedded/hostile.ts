/**
 * What stands between the server and its clients: nothing, unless the server is hostile.
 *
 * Which faults happen is decided by dice of a seed, in the order in which stanzas pass, so that one history has one outcome.
 */

import { attr, el, type XmlElement } from '../xmpp/element.ts';
import { NS_SID } from '../xmpp/stanza/stanzaId.ts';
import { type Archive, type Entry, keep, trim } from './archive.ts';
import {
  bareOf,
  type Core,
  note,
  resourceOf,
  type Session,
  token,
  withAttrs,
  withChildren,
  without,
} from './core.ts';
import { type Dice, diceOf, forged, inside, isArchived, misnumbered, oneOf, senderOf } from './faults.ts';
import { createForks, type Forks } from './forks.ts';
import { audience, type Room } from './muc/room.ts';
import type { Fault, Hostility, Rates } from './options.ts';

/** Pass a stanza on. */
type Pass = (stanza: XmlElement) => void;

/** Who may meddle with stanzas. */
export interface Hostile {
  /** A stanza of a client, before the server sees it. */
  incoming(session: Session, stanza: XmlElement, pass: Pass): void;
  /** A stanza for a client, after the server has done with it. */
  outgoing(session: Session, stanza: XmlElement, pass: Pass): void;
  /** What a room says goes to all, kept under this id if it was kept. */
  spread(room: Room, shown: XmlElement, id: string | undefined): void;
  /** An archive as one account is shown it. */
  view(archive: Archive, reader: string): readonly Entry[];
  /** Begin to misbehave, or in another way. */
  misbehave(hostility: Hostility): void;
  /** Misbehave no more; what is held back comes now. */
  behave(): void;
}

interface State {
  readonly core: Core;
  readonly forks: Forks;
  hostility: Hostility | undefined;
  dice: Dice;
  /** Steps that come later, with how to call off their alarm. */
  readonly later: Set<Later>;
  /** What waits for the next stanza of a session. */
  readonly behind: Map<Session, (() => void)[]>;
}

interface Later {
  readonly run: () => void;
  readonly stop: () => void;
}

/** Milliseconds that a delay lasts at most. */
const MOST_DELAY = 5000;

/** Make what stands in between. */
export function createHostile(core: Core): Hostile {
  const state: State = {
    core,
    forks: createForks(),
    hostility: undefined,
    dice: diceOf(0),
    later: new Set(),
    behind: new Map(),
  };
  return {
    incoming: (session, stanza, pass) => incoming(state, session, stanza, pass),
    outgoing: (session, stanza, pass) => outgoing(state, session, stanza, pass),
    spread: (room, shown, id) => spread(state, room, shown, id),
    view: (archive, reader) => state.forks.view(archive, reader),
    misbehave: (hostility) => {
      state.hostility = hostility;
      state.dice = diceOf(hostility.seed);
      state.forks.mislead(hostility);
    },
    behave: () => behave(state),
  };
}

function behave(state: State): void {
  state.hostility = undefined;
  for (const { stop } of state.later) stop();
  const steps = [...state.later].map(({ run }) => run);
  state.later.clear();
  for (const step of [...steps, ...[...state.behind.values()].flat()]) step();
  state.behind.clear();
  for (const [to, stanza] of state.forks.release()) state.core.route(withAttrs(stanza, { to }));
}

/** Whether a fault happens now; written down if it does. */
function happens(
  state: State,
  rates: Rates | undefined,
  fault: Fault,
  about: Record<string, string>,
): boolean {
  const rate = rates?.[fault] ?? 0;
  if (rate === 0 || state.dice() >= rate) return false;
  note(state.core, 'fault', { fault, ...about });
  return true;
}

function incoming(state: State, session: Session, stanza: XmlElement, pass: Pass): void {
  const { live } = state.hostility ?? {};
  const about = aboutOf(stanza, session);
  if (happens(state, live, 'restart', about)) {
    state.core.restart();
    return;
  }
  if (stanza.name === 'message' && happens(state, live, 'drop', about)) return;
  pass(stanza);
}

function aboutOf(stanza: XmlElement, session: Session): Record<string, string> {
  return { session: session.jid, stanza: stanza.name, id: attr(stanza, 'id') ?? '' };
}

function outgoing(state: State, session: Session, stanza: XmlElement, pass: Pass): void {
  const { hostility } = state;
  if (hostility === undefined) {
    pass(stanza);
    return;
  }
  const about = aboutOf(stanza, session);
  const { live, archive } = hostility;
  const isAnswer = stanza.name === 'iq' && ['result', 'error'].includes(attr(stanza, 'type') ?? '');
  if (isAnswer && happens(state, live, 'mute', about)) return;
  if (stanza.name !== 'message') {
    passAll(state, session, () => pass(stanza));
    return;
  }
  const rates = isArchived(stanza) ? archive : live;
  if (happens(state, rates, 'withhold', about)) return;
  const altered = alter(state, rates, stanza, about);
  const twice = happens(state, rates, 'duplicate', about);
  const give = (): void => {
    pass(altered);
    if (twice) pass(altered);
  };
  if (happens(state, rates, 'delay', about)) later(state, give);
  else if (happens(state, rates, 'reorder', about)) {
    state.behind.set(session, [...(state.behind.get(session) ?? []), give]);
  } else passAll(state, session, give);
}

/** Pass one on, and then what waited for it. */
function passAll(state: State, session: Session, give: () => void): void {
  const waiting = state.behind.get(session) ?? [];
  state.behind.delete(session);
  for (const step of [give, ...waiting]) step();
}

function later(state: State, run: () => void): void {
  const ms = 1 + Math.floor(state.dice() * MOST_DELAY);
  const once: Later = {
    run,
    stop: state.core.timers.after(ms, () => {
      state.later.delete(once);
      run();
    }),
  };
  state.later.add(once);
}

function alter(
  state: State,
  rates: Rates | undefined,
  stanza: XmlElement,
  about: Record<string, string>,
): XmlElement {
  let altered = stanza;
  if (happens(state, rates, 'forge', about)) altered = inside(altered, (one) => forged(one, state.dice));
  if (happens(state, rates, 'impersonate', about))
    altered = inside(altered, (one) => withAttrs(one, { from: somebodyElse(state, senderOf(one)) }));
  if (happens(state, rates, 'misnumber', about)) altered = misnumbered(altered, token(state.core));
  return altered;
}

/** Another occupant of the room, or another account. */
function somebodyElse({ core, dice }: State, from: string): string {
  const room = core.rooms.get(bareOf(from));
  if (room === undefined) {
    const others = [...core.accounts.keys()].filter((jid) => jid !== bareOf(from));
    return `${oneOf(others, dice) ?? bareOf(from)}/${resourceOf(from) ?? 'forged'}`;
  }
  const others = [...room.occupants.keys()].filter((nick) => nick !== resourceOf(from));
  return `${room.jid}/${oneOf(others, dice) ?? 'nobody'}`;
}

function spread(state: State, room: Room, shown: XmlElement, id: string | undefined): void {
  const { core, hostility, forks } = state;
  const live = hostility?.live;
  const about = { room: room.jid, id: attr(shown, 'id') ?? '' };
  const entry = room.archive.entries.find((one) => one.id === id);
  const isForked =
    entry !== undefined &&
    !forks.isHolding(room) &&
    happens(state, live, 'fork', { ...about, archived: entry.id });
  const ways = forks.deliver(room, { shown, entry, to: audience(room) }, isForked);
  for (const [to, stanza] of ways) core.route(withAttrs(stanza, { to }));
  if (happens(state, live, 'misplace', about)) misplace(state, room, shown);
  if (happens(state, live, 'expire', about)) trim(room.archive, Math.floor(room.archive.entries.length / 2));
}

/** The same message in another room, archive included, as if it had been said there. */
function misplace({ core, dice }: State, room: Room, shown: XmlElement): void {
  const other = oneOf(
    [...core.rooms.values()].filter((one) => one !== room),
    dice,
  );
  if (other === undefined) return;
  const from = `${other.jid}/${resourceOf(senderOf(shown)) ?? ''}`;
  const pasted = withAttrs(
    without(shown, (one) => one.name === 'stanza-id'),
    { from },
  );
  const id = keep(core, other.archive, pasted, from);
  const numbered = withChildren(pasted, el('stanza-id', { xmlns: NS_SID, by: other.jid, id }));
  for (const to of audience(other)) core.route(withAttrs(numbered, { to }));
}
