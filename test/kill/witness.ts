/** What a user remembers who sees every result: more than the device does after a crash. */

import type { InboxMessage } from '../../src/storage/storedGroup.ts';
import type { Network } from './network.ts';

/** All of it as plain values, for sending to another process. */
export interface Memory {
  readonly handed: readonly (readonly [id: string, text: string])[];
  readonly unread: readonly string[];
  readonly promised: readonly string[];
  readonly packages: readonly string[];
  readonly using: readonly string[];
  readonly spans: readonly { readonly from: number; readonly until: number }[];
  readonly epoch: bigint;
}

/** What it learns, as plain values. */
export type Change =
  | { readonly what: 'hand'; readonly value: { readonly id: string; readonly data: Uint8Array } }
  | { readonly what: 'take'; readonly value: readonly string[] }
  | { readonly what: 'promise' | 'keep' | 'use'; readonly value: string }
  | { readonly what: 'reach'; readonly value: bigint }
  | { readonly what: 'begin' | 'end'; readonly value: number };

const NOTHING: Memory = {
  handed: [],
  unread: [],
  promised: [],
  packages: [],
  using: [],
  spans: [],
  epoch: 0n,
};

/** The memory of one user. */
export class Witness {
  /** Plaintexts by id. */
  readonly handed: Map<string, string>;
  /** Told when it learns something. */
  onChange: (change: Change) => void = () => {};
  /** Handed out and not acknowledged. */
  readonly unread: Set<string>;
  /** Records of the application that are durable, as it was told. */
  readonly promised: Set<string>;
  /** References of KeyPackages that were made. */
  readonly packages: Set<string>;
  /** Those that joins have used up, or were about to. */
  readonly using: Set<string>;
  /** Stretches of the room in which it was a member. */
  readonly spans: { from: number; until: number }[];
  #epoch: bigint;

  constructor(memory: Memory = NOTHING) {
    this.handed = new Map(memory.handed);
    this.unread = new Set(memory.unread);
    this.promised = new Set(memory.promised);
    this.packages = new Set(memory.packages);
    this.using = new Set(memory.using);
    this.spans = memory.spans.map((span) => ({ ...span }));
    this.#epoch = memory.epoch;
  }

  /** The latest epoch that it was told of. */
  get epoch(): bigint {
    return this.#epoch;
  }

  /** All that it knows. */
  get memory(): Memory {
    return {
      handed: [...this.handed],
      unread: [...this.unread],
      promised: [...this.promised],
      packages: [...this.packages],
      using: [...this.using],
      spans: this.spans,
      epoch: this.#epoch,
    };
  }

  /** A plaintext: never two for one id, never two ids for one. */
  hand({ id, data }: Pick<InboxMessage, 'id' | 'data'>): void {
    const said = new TextDecoder().decode(data);
    const known = this.handed.get(id);
    if (known !== undefined && known !== said) throw new Error(`id ${id} of "${known}" and "${said}"`);
    const other = [...this.handed].find(([one, words]) => words === said && one !== id);
    if (other !== undefined) throw new Error(`"${said}" has ids ${other[0]} and ${id}`);
    this.handed.set(id, said);
    this.unread.add(id);
    this.onChange({ what: 'hand', value: { id, data } });
  }

  /** The application takes plaintexts over. */
  take(ids: readonly string[]): void {
    for (const id of ids) this.unread.delete(id);
    this.onChange({ what: 'take', value: ids });
  }

  /** A record is durable. */
  promise(key: string): void {
    this.promised.add(key);
    this.onChange({ what: 'promise', value: key });
  }

  /** A KeyPackage was made. */
  keep(ref: string): void {
    this.packages.add(ref);
    this.onChange({ what: 'keep', value: ref });
  }

  /** A KeyPackage is about to be used up. */
  use(ref: string): void {
    this.packages.delete(ref);
    this.using.add(ref);
    this.onChange({ what: 'use', value: ref });
  }

  /** It is in an epoch. */
  reach(epoch: bigint): void {
    this.#epoch = epoch;
    this.onChange({ what: 'reach', value: epoch });
  }

  /** A member from here on; one that came in anew has left its seat before. */
  begin(from: number): void {
    const open = this.spans.find((span) => span.until === Number.POSITIVE_INFINITY);
    if (open?.from === from) return;
    if (open !== undefined) open.until = from - 1;
    this.spans.push({ from, until: Number.POSITIVE_INFINITY });
    this.onChange({ what: 'begin', value: from });
  }

  /** A member until here. */
  end(until: number): void {
    const open = this.spans.find((span) => span.until === Number.POSITIVE_INFINITY);
    if (open !== undefined) open.until = until;
    this.onChange({ what: 'end', value: until });
  }

  /** Learn what somebody else learnt. */
  learn({ what, value }: Change): void {
    (this[what] as (value: Change['value']) => void)(value);
  }

  /** What others said while it was a member, and what it has not seen of it. */
  missed(name: string, { said }: Network): readonly string[] {
    const handed = new Set(this.handed.values());
    return said
      .filter(
        ({ by, index }) =>
          by !== name && this.spans.some(({ from, until }) => index >= from && index < until),
      )
      .flatMap(({ text }) => (handed.has(text) ? [] : [`${name} has not seen "${text}"`]));
  }
}
