/**
 * Names of records. Short, since every one of them is written with its value; numbers are in base 36. A group goes by its
 * place, a number of this store, so that names tell no group id.
 *
 * | name | record |
 * |---|---|
 * | `m`, `v` | format of the store; its version, which every batch raises |
 * | `c/<suite>` | signature key of a client |
 * | `k/<suite>/<ref>` | KeyPackage with its private halves |
 * | `x/<place>` | which group a place is for |
 * | `g/<place>/...` | the state of a group, see {@link GroupKeys} |
 * | `i/<place>/<number>` | received plaintext that the application has not acknowledged |
 * | `q/<place>/<number>` | message that became due, not processed yet |
 * | `w/<name>` | the named place or KeyPackage was in an old copy of the store, and is not set back yet |
 * | `a/<name>` | records of the application |
 */

import type { NodeIndex } from '../base/brand.ts';
import type { RatchetKind } from '../schedule/secretTree.ts';

/** Format of the store. */
export const META_KEY = 'm';
/** Version of the store: whoever writes proves that nobody else has written since. */
export const VERSION_KEY = 'v';
/** Records of the application. */
export const RECORD_PREFIX = 'a/';
/** Places of groups. */
export const PLACE_PREFIX = 'x/';
/** Unacknowledged plaintexts of all groups. */
export const INBOX_PREFIX = 'i/';

/** KeyPackages of all clients. */
export const KEY_PACKAGE_PREFIX = 'k/';
/** What an old copy of the store held. */
export const SUSPECT_PREFIX = 'w/';

/** A client's signature key. */
export function clientKey(suite: number): string {
  return `c/${suite}`;
}

/** KeyPackages of a client. */
export function keyPackagePrefix(suite: number): string {
  return `${KEY_PACKAGE_PREFIX}${suite}/`;
}

/** Which group a place is for. */
export function placeKey(place: number): string {
  return PLACE_PREFIX + short(place);
}

/** That a record of an old copy is not set back yet. */
export function suspectKey(name: string): string {
  return SUSPECT_PREFIX + name;
}

/** The place that a key of {@link PLACE_PREFIX} names. */
export function placeOf(key: string): number {
  return Number.parseInt(key.slice(PLACE_PREFIX.length), 36);
}

/** Messages that became due, of all groups. */
export const DUE_PREFIX = 'q/';

/** Received plaintexts of one group. */
export function inboxPrefix(place: number): string {
  return `${INBOX_PREFIX}${short(place)}/`;
}

/** Messages of one group that became due. */
export function duePrefix(place: number): string {
  return `${DUE_PREFIX}${short(place)}/`;
}

/** The place that a name of {@link inboxPrefix} or {@link duePrefix} is of. */
export function shelfOf(key: string): number {
  return Number.parseInt(key.slice(INBOX_PREFIX.length), 36);
}

/** A number so that the order of names is that of numbers. @param number below 36^8 */
export function ordered(number: number): string {
  return short(number).padStart(8, '0');
}

/** The number at the end of a name. */
export function numberOf(key: string): number {
  return Number.parseInt(key.slice(key.lastIndexOf('/') + 1), 36);
}

/** Names of the records of a group's state. */
export class GroupKeys {
  readonly prefix: string;
  /** Digest of the other records, and the counter that numbers records. */
  readonly head: string;
  /** The epoch: context, secrets, what is exported. */
  readonly epoch: string;
  /** What is rarely there: warnings given, commits dropped. */
  readonly flags: string;
  /** Our pending commit; its messages apart. */
  readonly pending: string;

  constructor(place: number) {
    this.prefix = `g/${short(place)}/`;
    this.head = `${this.prefix}h`;
    this.epoch = `${this.prefix}e`;
    this.flags = `${this.prefix}f`;
    this.pending = `${this.prefix}z`;
  }

  /** A node of the ratchet tree. */
  node(node: NodeIndex): string {
    return node % 2 === 0 ? `${this.prefix}l/${short(node / 2)}` : `${this.prefix}n/${short(node)}`;
  }

  /** A private key of ours. */
  path(node: NodeIndex): string {
    return `${this.prefix}y/${short(node)}`;
  }

  /** A node of the secret tree that was not opened. */
  secret(epoch: bigint, node: number): string {
    return `${this.prefix}s/${short(epoch)}/${short(node)}`;
  }

  /** A ratchet. */
  ratchet(epoch: bigint, leaf: number, kind: RatchetKind): string {
    return `${this.prefix}r/${short(epoch)}/${short(leaf)}${LETTERS[kind]}`;
  }

  /** Keys of a ratchet that were passed over. */
  skipped(
    epoch: bigint,
    ratchet: { readonly leaf: number; readonly kind: RatchetKind },
    page: number,
  ): string {
    return `${this.prefix}t/${short(epoch)}/${short(ratchet.leaf)}${LETTERS[ratchet.kind]}/${short(page)}`;
  }

  /** An earlier epoch. */
  past(epoch: bigint): string {
    return `${this.prefix}p/${short(epoch)}`;
  }

  /** A resumption PSK. */
  resumption(epoch: bigint): string {
    return `${this.prefix}o/${short(epoch)}`;
  }

  /** A proposal. */
  proposal(number: number): string {
    return `${this.prefix}b/${short(number)}`;
  }

  /** A message of a later epoch. */
  held(number: number): string {
    return `${this.prefix}d/${short(number)}`;
  }
}

/** A name of a group's record, taken apart: its letter, and what stands between the slashes behind it. */
export function partsOf(key: string, prefix: string): readonly string[] {
  return key.slice(prefix.length).split('/');
}

/** A number from a name. */
export function fromShort(text: string | undefined): number {
  return Number.parseInt(text ?? '', 36);
}

/** An epoch from a name. */
export function epochFromShort(text: string | undefined): bigint {
  let epoch = 0n;
  for (const digit of text ?? '') epoch = epoch * 36n + BigInt(Number.parseInt(digit, 36));
  return epoch;
}

/** The ratchet that the last letter of a name stands for. */
export function kindFromShort(text: string): RatchetKind {
  return text.endsWith(LETTERS.handshake) ? 'handshake' : 'application';
}

// Behind a number, so none of these may be a digit of it; base 36 uses small letters.
const LETTERS = { handshake: 'H', application: 'A' } as const;

function short(number: number | bigint): string {
  return number.toString(36);
}
