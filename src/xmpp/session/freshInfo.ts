/** Keeps a GroupInfo where those find it who come without state: archives forget, and bury (design, 4.6). */

import { groupInfoOf } from '../ordered/enter.ts';
import type { Entry } from '../sequencer/contract.ts';

/** Messages after which the newest GroupInfo is hard to find, and seconds after which an archive may forget it. */
const MOST_ENTRIES = 200;
const MOST_AGE_S = 3 * 86_400;
/** Answers to requests, which anybody can send: no more than one in so many milliseconds. */
const ANSWER_EVERY_MS = 60_000;

/** The newest GroupInfo in the order of one group. */
export class FreshInfo {
  #entries = 0;
  #at: number;
  #answeredAt = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds */
  constructor(now: number) {
    this.#at = now;
  }

  /** An entry was taken. */
  note(entry: Entry, now: number): void {
    if (groupInfoOf(entry) === undefined) {
      this.#entries += 1;
      return;
    }
    this.#entries = 0;
    this.#at = entry.time === undefined ? now : entry.time * 1000;
  }

  /** Whether a fresh one is due. */
  isDue(now: number): boolean {
    return this.#entries >= MOST_ENTRIES || now - this.#at > MOST_AGE_S * 1000;
  }

  /** Whether a request may be answered: nobody has done it since it came, nor we just before. @param since milliseconds */
  mayAnswer(since: number, now: number): boolean {
    if (this.#entries === 0 && this.#at >= since) return false;
    if (now - this.#answeredAt < ANSWER_EVERY_MS) return false;
    this.#answeredAt = now;
    return true;
  }
}
