/**
 * Messages to the account that were taken already: they come live, from the archive and out of what a server kept for us while
 * we were away, and when they come again the keys to know them by may be gone.
 */

import { decode, encode, uint64 } from '../../codec/codec.ts';
import type { MlsStore, Records } from '../../storage/index.ts';
import type { Timers } from '../timers.ts';

const PREFIX = 'xmpp/seen/';

/** What was taken since the archive was last read. */
export class Seen {
  readonly #store: MlsStore;
  readonly #timers: Timers;
  /** When the last readings of the archive began, milliseconds. */
  #reading: number | undefined;
  #before: number | undefined;

  constructor(store: MlsStore, timers: Timers) {
    this.#store = store;
    this.#timers = timers;
  }

  /** @param digest of the message, in hex @throws `storage.*` */
  async has(digest: string): Promise<boolean> {
    return (await this.#store.get(PREFIX + digest)) !== undefined;
  }

  /** It is taken, in the batch that does it. */
  mark(digest: string, records: Records): void {
    records.put(PREFIX + digest, encode(uint64, BigInt(this.#timers.now())));
  }

  /** A reading of the archive begins. */
  begin(): void {
    this.#before = this.#reading;
    this.#reading = this.#timers.now();
  }

  /** It has come to the end: what was taken before the reading before it does not come again. @throws `storage.*` */
  async end(): Promise<void> {
    const before = this.#before;
    if (before === undefined) return;
    const gone: string[] = [];
    for await (const [name, value] of this.#store.scan(PREFIX))
      if (Number(decode(uint64, value)) < before) gone.push(name);
    if (gone.length === 0) return;
    await this.#store.write((records) => {
      for (const name of gone) records.del(name);
    });
  }
}
