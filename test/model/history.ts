/** A history as data that fast-check makes and shrinks: who is there, and a list of operations. */

import fc from 'fast-check';
import { OPERATIONS } from './operations.ts';

/** Who is there, and under which rules. */
export interface Setup {
  readonly suite: number;
  /** Clients that exist. */
  readonly devices: number;
  /** How many of them are members at the start. */
  readonly members: number;
  readonly policy: number;
  readonly seed: number;
}

/** One operation: its name, whom it starts from, and a seed for everything else. */
export type Step = readonly [name: string, who: number, salt: number];

/** A whole history. */
export interface History {
  readonly setup: Setup;
  readonly steps: readonly Step[];
}

const NAMES = Object.entries(OPERATIONS).flatMap(([name, { weight }]) => Array<string>(weight).fill(name));

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('pause', ...NAMES),
  fc.nat({ max: 23 }),
  fc.nat({ max: 0xffff }),
);

/** Steps of full length that shrink to shorter lists. */
class Steps extends fc.Arbitrary<Step[]> {
  readonly #full: fc.Arbitrary<Step[]>;
  readonly #any: fc.Arbitrary<Step[]>;

  constructor(length: number) {
    super();
    this.#full = fc.array(step, { minLength: length, maxLength: length });
    this.#any = fc.array(step, { maxLength: length });
  }

  generate(random: fc.Random): fc.Value<Step[]> {
    // No bias towards small values, which would make few names likely.
    return new fc.Value(this.#full.generate(random, undefined).value, undefined);
  }
  canShrinkWithoutContext(value: unknown): value is Step[] {
    return this.#any.canShrinkWithoutContext(value);
  }
  shrink(value: Step[], context: unknown): fc.Stream<fc.Value<Step[]>> {
    return this.#any.shrink(value, context);
  }
}

/** What histories may be like. */
export interface HistoryOptions {
  readonly operations: number;
  /** Of which each history uses one. */
  readonly suites: readonly number[];
  /** Members at the start, at most. @defaultValue 20 */
  readonly members?: number;
}

/** Histories of a number of operations. */
export function histories({ operations, suites, members = 20 }: HistoryOptions): fc.Arbitrary<History> {
  const setup = fc.record({
    suite: fc.constantFrom(...suites),
    devices: fc.integer({ min: 3, max: members + 2 }),
    members: fc.integer({ min: 2, max: members }),
    policy: fc.nat({ max: 7 }),
    seed: fc.nat(),
  });
  return fc.record({ setup, steps: new Steps(operations) });
}
