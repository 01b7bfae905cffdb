/** Which KeyPackages of ours are published, replaced and forgotten when: MLS for XMPP, version 0, section 2.2. */

import { fail, MlsError } from '../base/error.ts';
import {
  boolean,
  type Codec,
  decode,
  encode,
  oneOf,
  opaque,
  optional,
  struct,
  uint8,
  uint16,
  uint64,
  vector,
} from '../codec/codec.ts';

const DAY = 86_400;
/** Lifetime of a KeyPackage, seconds. */
export const KEY_PACKAGE_LIFETIME = 60 * DAY;
/** How long the private half of one that was used, or that has expired, is kept, seconds. */
export const INIT_KEY_GRACE = 7 * DAY;
/** With less time left than this one is replaced, seconds. */
const LEAST_LEFT = 20 * DAY;
const LAST_RESORT_AGE = 30 * DAY;
const ITEM_AGE = 14 * DAY;
/** What the server has is not what is on offer. */
const UNPUBLISHED = 0n;

/** A KeyPackage of ours whose private half we may have. */
export interface Shelved {
  readonly suite: number;
  readonly lastResort: boolean;
  readonly ref: Uint8Array;
  /** MLSMessage; empty once it is withdrawn. */
  readonly message: Uint8Array;
  /** Seconds since 1970. */
  readonly made: bigint;
  readonly notAfter: bigint;
  /** Not published any more. */
  readonly isWithdrawn: boolean;
  /** When a join first took it. */
  readonly used: bigint | undefined;
  /** Whether all messages that had been waiting were read since then. */
  readonly isCaughtUp: boolean;
}

/** All of them, and what the server was last given. */
export interface Shelf {
  readonly packages: readonly Shelved[];
  /** When we last published, seconds since 1970; 0 when what is on offer has changed since. */
  readonly published: bigint;
}

const Shelved: Codec<Shelved> = /* @__PURE__ */ struct<Shelved>({
  suite: uint16,
  lastResort: boolean,
  ref: opaque,
  message: opaque,
  made: uint64,
  notAfter: uint64,
  isWithdrawn: boolean,
  used: /* @__PURE__ */ optional(uint64),
  isCaughtUp: boolean,
});
const Record = /* @__PURE__ */ struct<Shelf & { readonly version: 0 }>({
  version: /* @__PURE__ */ oneOf(uint8, [0], 'codec.unsupported'),
  packages: /* @__PURE__ */ vector(Shelved),
  published: uint64,
});

/** As it is kept. */
export function encodeShelf(shelf: Shelf): Uint8Array {
  return encode(Record, { ...shelf, version: 0 });
}

/** Read what was kept. @throws `storage.corrupt` */
export function decodeShelf(record: Uint8Array | undefined): Shelf {
  if (record === undefined) return { packages: [], published: 0n };
  try {
    const { packages, published } = decode(Record, record);
    return { packages, published };
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    return fail('storage.corrupt', { record: 'key packages' }, error);
  }
}

/** Those that are published, or are to be. */
export function onOffer({ packages }: Shelf): readonly Shelved[] {
  return packages.filter(({ isWithdrawn }) => !isWithdrawn);
}

/**
 * Take away what others should not use any more: used, about to expire, or a last resort that is old.
 * @param now seconds since 1970 @param has whether the private half is there
 */
export function withdrawn(shelf: Shelf, now: number, has: (one: Shelved) => boolean = () => true): Shelf {
  const isOver = ({ lastResort, used, made, notAfter }: Shelved): boolean =>
    used !== undefined ||
    (lastResort ? Number(made) + LAST_RESORT_AGE <= now : Number(notAfter) - LEAST_LEFT <= now);
  const isLeft = (one: Shelved): boolean => one.isWithdrawn || (!isOver(one) && has(one));
  if (shelf.packages.every(isLeft)) return shelf;
  return {
    packages: shelf.packages.map((one) => (isLeft(one) ? one : withdraw(one))),
    published: UNPUBLISHED,
  };
}

/** Put new ones on offer. */
export function withNew({ packages }: Shelf, made: readonly Shelved[]): Shelf {
  return { packages: [...packages, ...made], published: UNPUBLISHED };
}

/** Take away all of them: the server has lost what it had. */
export function allWithdrawn({ packages }: Shelf): Shelf {
  return { packages: packages.map(withdraw), published: UNPUBLISHED };
}

function withdraw(one: Shelved): Shelved {
  return one.isWithdrawn ? one : { ...one, isWithdrawn: true, message: new Uint8Array(0) };
}

/**
 * Whether to publish: what we offer has changed, or fewer than half of the one-time KeyPackages of a suite are there with
 * time left, or the last time was two weeks ago. @param now seconds since 1970
 */
export function isDue(shelf: Shelf, suites: readonly number[], oneTime: number, now: number): boolean {
  if (Number(shelf.published) + ITEM_AGE <= now) return true;
  const left = onOffer(withdrawn(shelf, now));
  return suites.some((suite) => {
    const some = left.filter((one) => one.suite === suite);
    return (
      some.filter(({ lastResort }) => !lastResort).length * 2 < oneTime || !some.some((one) => one.lastResort)
    );
  });
}

/** How many one-time KeyPackages a suite lacks, and whether it lacks a last resort. */
export function lacking(
  shelf: Shelf,
  suite: number,
  oneTime: number,
): { readonly oneTime: number; readonly lastResort: number } {
  const some = onOffer(shelf).filter((one) => one.suite === suite);
  const last = some.filter(({ lastResort }) => lastResort).length;
  return { oneTime: Math.max(0, oneTime - (some.length - last)), lastResort: last === 0 ? 1 : 0 };
}

/** Note that a join took one. `again`: not for the first time. Nothing for one that we do not know. */
export function taken(
  { packages, published }: Shelf,
  isIt: (one: Shelved) => boolean,
  now: number,
): { readonly shelf: Shelf; readonly one: Shelved } | undefined {
  const one = packages.find(isIt);
  if (one === undefined) return undefined;
  const used = { ...one, used: one.used ?? BigInt(now), isCaughtUp: false };
  return { shelf: { packages: packages.map((other) => (other === one ? used : other)), published }, one };
}

/** All messages that had been waiting were read. */
export function caughtUp(shelf: Shelf): Shelf {
  const { packages, published } = shelf;
  if (packages.every(({ used, isCaughtUp }) => used === undefined || isCaughtUp)) return shelf;
  const noted = (one: Shelved): Shelved =>
    one.used === undefined || one.isCaughtUp ? one : { ...one, isCaughtUp: true };
  return { packages: packages.map(noted), published };
}

/**
 * Whose private halves go now. One-time: a week after use, and after one catch-up; any: a week after it expired, since a
 * Welcome can have waited. @param now seconds since 1970
 */
export function outdated({ packages }: Shelf, now: number): readonly Shelved[] {
  return packages.filter(({ lastResort, used, isCaughtUp, notAfter }) => {
    if (Number(notAfter) + INIT_KEY_GRACE <= now) return true;
    return !lastResort && used !== undefined && isCaughtUp && Number(used) + INIT_KEY_GRACE <= now;
  });
}
