/** What we know of the accounts of others and of our own, kept in the store: MLS for XMPP, version 0, sections 3.4 and 3.5. */

import { fromHex, fromUtf8, toHex, utf8 } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import {
  type Codec,
  decode,
  encode,
  fixedOpaque,
  mapped,
  oneOf,
  optional,
  struct,
  uint8,
  uint64,
  vector,
} from '../codec/codec.ts';
import type { SuiteCrypto } from '../index.ts';
import type { MlsStore, Records } from '../storage/index.ts';
import { AccountKey, aikName } from './identity/accountKey.ts';
import { SignedDeviceList } from './identity/deviceList.ts';
import type { SeenList } from './identity/listVerdict.ts';

/**
 * What the user thinks of an account's key; an account without a pin is `undecided`. It never has to do with which commits
 * are valid.
 */
export type Trust = 'tofu' | 'verified' | 'changed' | 'distrusted';

/** What is known of an account. */
export interface Pin {
  /** Normalised bare JID. */
  readonly jid: string;
  readonly trust: Trust;
  /** While `changed`: the key before, and what was thought of it. */
  readonly previous: { readonly accountKey: AccountKey; readonly trust: Trust } | undefined;
  /** The list that counts; its key is the account's. */
  readonly signed: SignedDeviceList;
  /** When the server last gave it to us, seconds since 1970. */
  readonly fetched: number;
  /** By AikId in hexadecimal: the newest list seen of each key. */
  readonly seen: ReadonlyMap<string, SeenList>;
}

/** Most keys of one account whose newest list is remembered. */
const MOST_SEEN = 32;

const TRUST: readonly Trust[] = ['tofu', 'verified', 'changed', 'distrusted'];
const TrustCode: Codec<Trust> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ oneOf(uint8, [0, 1, 2, 3]),
  (code) => TRUST[code] as Trust,
  (trust) => TRUST.indexOf(trust),
);

interface SeenEntry extends SeenList {
  readonly aik: Uint8Array;
}
interface Kept {
  readonly version: 0;
  readonly trust: Trust;
  readonly previous: Pin['previous'];
  readonly signed: SignedDeviceList;
  readonly fetched: bigint;
  readonly seen: readonly SeenEntry[];
}
const Kept: Codec<Kept> = /* @__PURE__ */ struct<Kept>({
  version: /* @__PURE__ */ oneOf(uint8, [0], 'codec.unsupported'),
  trust: TrustCode,
  previous: /* @__PURE__ */ optional(
    /* @__PURE__ */ struct<{ readonly accountKey: AccountKey; readonly trust: Trust }>({
      accountKey: AccountKey,
      trust: TrustCode,
    }),
  ),
  signed: SignedDeviceList,
  fetched: uint64,
  seen: /* @__PURE__ */ vector(
    /* @__PURE__ */ struct<SeenEntry>({
      aik: /* @__PURE__ */ fixedOpaque(32),
      seq: uint64,
      digest: /* @__PURE__ */ fixedOpaque(32),
    }),
  ),
});

/** Whether sending to an account and adding it wait for a decision of the user. */
export function isBlocked({ trust, previous }: Pin): boolean {
  return trust === 'distrusted' || (trust === 'changed' && previous?.trust !== 'tofu');
}

/** The pins in a store. */
export class Pins {
  readonly #store: MlsStore;
  readonly #suite1: SuiteCrypto;

  /** @param suite1 cipher suite 1 of the provider */
  constructor(store: MlsStore, suite1: SuiteCrypto) {
    this.#store = store;
    this.#suite1 = suite1;
  }

  /** What is known of an account. @param jid normalised bare JID @throws `storage.corrupt`, other `storage.*` */
  async get(jid: string): Promise<Pin | undefined> {
    const record = await this.#store.get(PIN + nameOf(jid));
    return record && read(jid, record);
  }

  /** All accounts, in no order that means anything. @throws `storage.*` */
  async *all(): AsyncGenerator<Pin> {
    for await (const [name, record] of this.#store.scan(PIN)) yield read(jidOf(name), record);
  }

  /** The account that a key was first seen at. @throws `storage.*` */
  async holderOf(key: AccountKey): Promise<string | undefined> {
    const record = await this.#store.get(KEY + aikName(this.#suite1, key));
    return record && fromUtf8(record);
  }

  /** Keep a pin. @throws `storage.*` */
  put(pin: Pin): Promise<void> {
    return this.#store.write((records) => this.putInto(records, pin));
  }

  /** Keep a pin in the batch of something else. */
  putInto(records: Records, pin: Pin): void {
    const seen = [...pin.seen].slice(-MOST_SEEN).map(([name, list]) => ({ aik: fromHex(name), ...list }));
    const { trust, previous, signed, fetched } = pin;
    const kept = { version: 0, trust, previous, signed, fetched: BigInt(fetched), seen } as const;
    records.put(PIN + nameOf(pin.jid), encode(Kept, kept));
    records.put(KEY + aikName(this.#suite1, signed.list.accountKey), utf8(pin.jid));
  }
}

const PIN = 'xmpp/pin/';
const KEY = 'xmpp/aik/';

/** Names of records are printable ASCII; addresses are not. */
function nameOf(jid: string): string {
  return toHex(utf8(jid));
}

function jidOf(name: string): string {
  return fromUtf8(fromHex(name.slice(PIN.length)));
}

function read(jid: string, record: Uint8Array): Pin {
  try {
    const { trust, previous, signed, fetched, seen } = decode(Kept, record);
    const lists = seen.map(({ aik, ...list }) => [toHex(aik), list] as const);
    return { jid, trust, previous, signed, fetched: Number(fetched), seen: new Map(lists) };
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    return fail('storage.corrupt', { record: 'pin' }, error);
  }
}
