/** A group in memory together with what the store has of it. */

import { type Group, insideOf } from '../group/group.ts';
import { skipOwnMove } from '../group/moves.ts';
import { ratchetOf } from '../schedule/secretTree.ts';
import type { StoreOp } from './backend.ts';
import type { Batch, Durable } from './batch.ts';
import { type Delta, deltaOf, NOTHING_WRITTEN, type Written } from './image.ts';
import type { GroupKeys } from './keys.ts';
import { RESERVED } from './reserved.ts';

/** How much a platform may lose of what it said was written, in batches. */
export interface Losses {
  /** @see {@link OpenOptions} */
  readonly lostWrites: number;
}

/** Makes moves of a group wait for being durable. */
export class KeptGroup implements Durable {
  readonly group: Group;
  readonly keys: GroupKeys;
  #written: Written;
  #isNew: boolean;
  #delta: Delta | undefined;
  #undo: (() => void) | undefined;
  /** Epochs from here on may have been used by a state that was lost. */
  readonly #doubtful: { readonly until: bigint; readonly batches: number } | undefined;
  /** The last epoch in which that was seen to, and the one in which it is about to be. */
  #skipped: bigint | undefined;
  #skipping: bigint | undefined;

  /**
   * @param written what the store has of it; `undefined` for a group that it does not have yet
   * @param losses of what a lost state can have used, unless none can have been in this group
   */
  constructor(group: Group, keys: GroupKeys, written?: Written, { lostWrites }: Losses = { lostWrites: 0 }) {
    this.group = group;
    this.keys = keys;
    this.#written = written ?? NOTHING_WRITTEN;
    this.#isNew = written === undefined;
    this.#doubtful =
      lostWrites === 0 ? undefined : { until: group.epoch + BigInt(lostWrites), batches: lostWrites };
    insideOf(group).cell.store();
  }

  /** Make moves as part of a batch. @param sends whether they may use keys of ours */
  attempt<T>(batch: Batch, sends: boolean, moves: (group: Group) => T): T {
    const { cell, staged } = insideOf(this.group);
    const undo = staged.mark();
    const skipping = this.#skipping;
    try {
      const result = cell.attempt(() => {
        if (sends) this.#skip();
        return moves(this.group);
      });
      this.#undo ??= undo;
      batch.touch(this);
      return result;
    } catch (error) {
      undo();
      this.#skipping = skipping;
      throw error;
    }
  }

  /** More was sent than one write allows for. */
  get isFull(): boolean {
    const { after } = insideOf(this.group).cell.waiting;
    return (['application', 'handshake'] as const).some((kind) => {
      const { context, self } = after.epoch;
      const ratchet = ratchetOf(after.secretTree, self, kind);
      const known = this.#written.reserved.get(this.keys.ratchet(context.epoch, self, kind))?.until ?? 0;
      return ratchet !== undefined && ratchet.next >= known + RESERVED[kind];
    });
  }

  get weight(): number {
    return this.#delta?.weight ?? 0;
  }

  delta(): readonly StoreOp[] {
    const { env, cell } = insideOf(this.group);
    const { before, after } = cell.waiting;
    const states = { before: this.#isNew ? undefined : before, after };
    this.#delta = deltaOf(env.suite, this.keys, this.#written, states);
    return this.#delta.ops;
  }

  keep(): void {
    if (this.#delta !== undefined) this.#written = this.#delta.written;
    this.#isNew = false;
    this.#delta = undefined;
    this.#undo = undefined;
    this.#skipped = this.#skipping ?? this.#skipped;
    this.#skipping = undefined;
    insideOf(this.group).cell.keep();
  }

  drop(): void {
    this.#undo?.();
    this.#delta = undefined;
    this.#undo = undefined;
    this.#skipping = undefined;
    insideOf(this.group).cell.drop();
  }

  /** Leave out what a state that was lost may have used, once in each epoch that it can have known. */
  #skip(): void {
    const { env, cell } = insideOf(this.group);
    const { epoch, isActive } = this.group;
    if (this.#doubtful === undefined || !isActive || epoch > this.#doubtful.until) return;
    if (this.#skipped === epoch || this.#skipping === epoch) return;
    const { batches } = this.#doubtful;
    const generations = {
      application: batches * RESERVED.application,
      handshake: batches * RESERVED.handshake,
    };
    cell.run((state) => skipOwnMove(env, state, generations));
    this.#skipping = epoch;
  }
}
