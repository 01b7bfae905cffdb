/** How often each operation was carried out and each outcome came about. */

/** Counters by name. */
export class Stats {
  readonly #counts = new Map<string, number>();

  count(what: string, times = 1): void {
    this.#counts.set(what, this.of(what) + times);
  }
  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }
  add(other: Stats): void {
    for (const [what, times] of other.#counts) this.count(what, times);
  }
  /** Two columns, in alphabetical order. */
  toString(): string {
    const rows = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    const width = Math.max(...rows.map(([what]) => what.length));
    return rows.map(([what, times]) => `${what.padEnd(width)}  ${times}`).join('\n');
  }
}
