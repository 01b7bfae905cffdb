/** How often a group may be entered anew: each time costs everybody an epoch (design, 0.1 and 4.8). */

import { fail } from '../../base/error.ts';
import { type Codec, struct, uint32, uint64 } from '../../codec/codec.ts';
import type { MlsStore } from '../../storage/index.ts';
import type { Timers } from '../timers.ts';
import { type Names, readRecord, record } from './records.ts';

interface Repaired {
  /** How often in a row, each before the last one's time was over. */
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly at: bigint;
}

const Repaired: Codec<Repaired> = /* @__PURE__ */ struct<Repaired>({ count: uint32, at: uint64 });

const FIRST_MS = 600_000;
const LONGEST_MS = 86_400_000;
/** Repairs that need not wait: a fault seldom comes alone. */
const FREE = 3;

/** The repairs of one group. */
export class Repairs {
  readonly #store: MlsStore;
  readonly #name: string;
  readonly #timers: Timers;

  constructor(store: MlsStore, names: Names, timers: Timers) {
    this.#store = store;
    this.#name = names.repairs;
    this.#timers = timers;
  }

  /** Begin one. @throws `state.desync` when it is too early, with `seconds` to wait */
  async begin(): Promise<void> {
    const kept = await this.#store.get(this.#name);
    const before = kept && readRecord(Repaired, kept);
    const now = Math.floor(this.#timers.now());
    const since = before === undefined ? Number.POSITIVE_INFINITY : now - Number(before.at);
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, (before?.count ?? 0) - FREE));
    if (before !== undefined && before.count >= FREE && since < pause)
      fail('state.desync', { seconds: Math.ceil((pause - since) / 1000) });
    const count = since >= pause ? 1 : (before?.count ?? 0) + 1;
    await this.#store.write((records) =>
      records.put(this.#name, record(Repaired, { count, at: BigInt(now) })),
    );
  }
}
