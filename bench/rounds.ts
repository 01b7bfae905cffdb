/** Timing: contestants of one item take turns, so that a busy machine disturbs all of them alike. */

import { performance } from 'node:perf_hooks';

/** One round of a contestant: microseconds per operation, by the name of the measured step. */
export type Round = () => Sample | Promise<Sample>;
export type Sample = Readonly<Record<string, number>>;

export const CONTESTANTS = ['ours', 'bound', 'tsMls', 'noble'] as const;
export type Contestant = (typeof CONTESTANTS)[number];

/** One thing to measure. Preparing a contestant is not timed. */
export interface Item {
  readonly name: string;
  readonly size: number;
  readonly contestants: Readonly<Partial<Record<Contestant, () => Round | Promise<Round>>>>;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly rounds: number;
}

/** Results of one measured step of an item. */
export interface Row {
  readonly name: string;
  readonly by: Readonly<Partial<Record<Contestant, Spread>>>;
}

/** How long to measure. */
export interface Effort {
  /** Per item, all contestants together. */
  readonly milliseconds: number;
  readonly minRounds: number;
  readonly maxRounds: number;
  /** Untimed rounds of each contestant before the first that counts, as far as `milliseconds` allow. */
  readonly warmUp: number;
}

/** Measure one item in interleaved rounds. */
export async function measure(item: Item, effort: Effort, only: Contestant | undefined): Promise<Row[]> {
  const entrants: { readonly who: Contestant; readonly round: Round }[] = [];
  for (const who of CONTESTANTS) {
    const prepare = item.contestants[who];
    if (prepare !== undefined && (only === undefined || only === who))
      entrants.push({ who, round: await prepare() });
  }
  const warmUntil = performance.now() + effort.milliseconds / 2;
  for (let i = 0; i < effort.warmUp && (i === 0 || performance.now() < warmUntil); i++) {
    for (const { round } of entrants) await round();
  }
  const samples = new Map<string, Map<Contestant, number[]>>();
  const until = performance.now() + effort.milliseconds;
  for (let i = 0; i < effort.maxRounds && (i < effort.minRounds || performance.now() < until); i++) {
    // Each round starts with another contestant, so that none always follows the one that litters most.
    for (let j = 0; j < entrants.length; j++) {
      const { who, round } = entrants[(i + j) % entrants.length]!;
      for (const [step, time] of Object.entries(await round())) note(samples, step, who, time);
    }
  }
  return [...samples].map(([step, byWhom]) => ({
    name: `${item.name}${step === '' ? '' : `/${step}`} ${item.name.startsWith('add') ? 'K' : 'N'}=${item.size}`,
    by: Object.fromEntries([...byWhom].map(([who, times]) => [who, spread(times)])),
  }));
}

/** Microseconds of a step, divided by how many operations it had. */
export async function timed(step: () => unknown, operations = 1): Promise<number> {
  const start = performance.now();
  const result = step();
  if (result instanceof Promise) await result;
  return ((performance.now() - start) * 1000) / operations;
}

function note(
  samples: Map<string, Map<Contestant, number[]>>,
  step: string,
  who: Contestant,
  time: number,
): void {
  const byWhom = samples.get(step) ?? new Map<Contestant, number[]>();
  samples.set(step, byWhom);
  byWhom.set(who, [...(byWhom.get(who) ?? []), time]);
}

function spread(times: readonly number[]): Spread {
  const sorted = [...times].sort((a, b) => a - b);
  return { min: sorted[0]!, median: sorted[sorted.length >> 1]!, rounds: sorted.length };
}
