/** Messages of our own epoch that do not open: evidence that we are not where the others are (design, 4.8). */

/** How many of them, and from two senders at least. */
const ENOUGH = 3;

/** Counts them within one epoch. */
export class Unreadable {
  readonly #counts = new Map<string, number>();

  /** One more. @returns whether it is enough */
  count(source: string): boolean {
    this.#counts.set(source, (this.#counts.get(source) ?? 0) + 1);
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    return this.#counts.size >= 2 && total >= ENOUGH;
  }

  /** Another epoch has begun. */
  clear(): void {
    this.#counts.clear();
  }
}
