/** Two orders of one room: some accounts are shown a message only after the one that follows it, live and in the archive. */

import type { XmlElement } from '../xmpp/element.ts';
import type { Archive, Entry } from './archive.ts';
import { bareOf } from './core.ts';
import type { Room } from './muc/room.ts';
import type { Hostility } from './options.ts';

/** A message on its way: to whom, and what. */
type Way = readonly [to: string, stanza: XmlElement];

/** What a room says, to whom, and its place in the archive if it has one. */
export interface Said {
  readonly shown: XmlElement;
  readonly entry: Entry | undefined;
  readonly to: readonly string[];
}

/** The forks of a server. */
export interface Forks {
  /** Who is misled from now on; what was forked stays so for those who saw it. */
  mislead(hostility: Hostility): void;
  /** Whether a message of this room is held back from the misled. */
  isHolding(room: Room): boolean;
  /** Who gets what now, in order. @param hold whether the misled get this message only after the next */
  deliver(room: Room, said: Said, hold: boolean): readonly Way[];
  /** An archive as one account is shown it. */
  view(archive: Archive, reader: string): readonly Entry[];
  /** Give what is held back. */
  release(): readonly Way[];
}

interface Fork {
  /** Entries that are shown after others: the id of the one before to them. */
  readonly after: Map<string, Entry>;
  held: Said | undefined;
}

/** Forks that are none yet. */
export function createForks(): Forks {
  const forks = new Map<string, Fork>();
  let isMisled: (jid: string) => boolean = () => false;
  const misled = (jids: readonly string[]): string[] => jids.filter((jid) => isMisled(bareOf(jid)));
  return {
    mislead: ({ seed, misled: named }) => {
      isMisled = named === undefined ? (jid) => isOdd(jid, seed) : (jid) => named.includes(jid);
    },
    isHolding: (room) => forks.get(room.jid)?.held !== undefined,
    deliver: (room, said, hold) => {
      const fork = forks.get(room.jid) ?? { after: new Map(), held: undefined };
      forks.set(room.jid, fork);
      const { shown, entry, to } = said;
      if (hold) {
        fork.held = { ...said, to: misled(to) };
        return to.filter((jid) => !isMisled(bareOf(jid))).map((jid) => [jid, shown] as const);
      }
      const { held } = fork;
      const ways = to.map((jid) => [jid, shown] as const);
      if (held?.entry === undefined || entry === undefined) return ways;
      fork.after.set(entry.id, held.entry);
      fork.held = undefined;
      return [...ways, ...held.to.map((jid) => [jid, held.shown] as const)];
    },
    view: (archive, reader) => {
      const fork = forks.get(archive.jid);
      return fork === undefined || !isMisled(reader) ? archive.entries : reordered(archive.entries, fork);
    },
    release: () => {
      const ways = [...forks.values()].flatMap(({ held }) =>
        held === undefined ? [] : held.to.map((jid) => [jid, held.shown] as const),
      );
      for (const fork of forks.values()) fork.held = undefined;
      return ways;
    },
  };
}

function reordered(entries: readonly Entry[], { after, held }: Fork): Entry[] {
  const ids = new Set(entries.map(({ id }) => id));
  const moved = new Set([...after].filter(([id]) => ids.has(id)).map(([, { id }]) => id));
  return entries.flatMap((entry) => {
    if (moved.has(entry.id) || entry.id === held?.entry?.id) return [];
    const next = after.get(entry.id);
    return next !== undefined && ids.has(next.id) ? [entry, next] : [entry];
  });
}

/** Half of all accounts, another half for another seed. */
function isOdd(jid: string, seed: number): boolean {
  let sum = seed | 0;
  for (const letter of jid) sum = (Math.imul(sum, 31) + (letter.codePointAt(0) ?? 0)) | 0;
  return (sum & 1) === 1;
}
