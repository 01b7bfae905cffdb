/** What was said, kept in the store of the device beside the keys. */

import { EMPTY, utf8 } from '../../base/bytes.ts';
import type { MlsStore } from '../../storage/index.ts';

/** One message that was shown. */
export interface Said {
  /** The conversation. */
  readonly jid: string;
  /** By which replies and reactions refer to it. */
  readonly id: string;
  readonly from: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const PREFIX = 'chat/said/';
/** Which messages are kept. */
const MARKS = 'chat/kept/';
const DIGITS = 16;

/** Messages of all conversations, oldest first. */
export class History {
  readonly #store: MlsStore;
  #last = 0;

  constructor(store: MlsStore) {
    this.#store = store;
  }

  /** Keep one. @param key the same for the same message, so that it is kept once @throws `storage.*` */
  async keep(said: Said, key: string): Promise<void> {
    const mark = `${MARKS}${encodeURIComponent(said.jid)}/${encodeURIComponent(key)}`;
    if ((await this.#store.get(mark)) !== undefined) return;
    // Of two in one millisecond the later one has the greater number.
    this.#last = Math.max(this.#last + 1, said.at * 1000);
    const name = `${placeOf(said.jid)}${String(this.#last).padStart(DIGITS, '0')}`;
    await this.#store.write((records) => {
      records.put(name, utf8(JSON.stringify(said)));
      records.put(mark, EMPTY);
    });
  }

  /** All of one conversation. @throws `storage.*` */
  async of(jid: string): Promise<readonly Said[]> {
    const found: Said[] = [];
    for await (const [, value] of this.#store.scan(placeOf(jid)))
      found.push(JSON.parse(new TextDecoder().decode(value)) as Said);
    return found;
  }
}

/** Keys of records are ASCII. */
function placeOf(jid: string): string {
  return `${PREFIX}${encodeURIComponent(jid)}/`;
}
