/** Many histories, by fast-check: what came of them, and for the first that went wrong its smallest form. */

import fc from 'fast-check';
import { type History, type HistoryOptions, histories } from './history.ts';
import { Failure, type RunOptions, run } from './run.ts';
import { Stats } from './stats.ts';

/** Which histories are played. */
export interface Campaign extends HistoryOptions {
  readonly histories: number;
  readonly seed: number;
  /** fast-check's path to one of them. */
  readonly path?: string;
  /** Shrinking stops after so many seconds; 0: no shrinking. @defaultValue 60 */
  readonly shrinkSeconds?: number;
}

/** What came of a campaign. */
export interface Result {
  readonly passed: number;
  readonly stats: Stats;
  readonly failure: { readonly path: string; readonly history: History; readonly report: string } | undefined;
}

/** Play until something goes wrong. */
export function play(campaign: Campaign, options: RunOptions = {}): Result {
  const { shrinkSeconds = 60, path, seed } = campaign;
  const stats = new Stats();
  let deadline = Number.POSITIVE_INFINITY;
  const property = fc.property(histories(campaign), (history) => {
    const isShrinking = deadline < Number.POSITIVE_INFINITY;
    if (performance.now() > deadline) return;
    try {
      run(history, { ...options, ...(!isShrinking && { stats }) });
    } catch (error) {
      if (!isShrinking) deadline = performance.now() + shrinkSeconds * 1000;
      throw error;
    }
  });
  const endOnFailure = shrinkSeconds === 0;
  const details = fc.check(property, {
    seed,
    numRuns: campaign.histories,
    endOnFailure,
    ...(path !== undefined && { path }),
  });
  const history = details.counterexample?.[0];
  if (!details.failed || history === undefined) return { passed: details.numRuns, stats, failure: undefined };
  const failure = { path: details.counterexamplePath ?? '', history, report: reportOf(history, options) };
  return { passed: details.numRuns - 1, stats, failure };
}

/** A whole campaign for a test: says its seed, and how to play a failure again. @throws when something went wrong */
export function mustPass(campaign: Campaign): Stats {
  const { operations, suites, seed } = campaign;
  const { failure, stats } = play(campaign);
  if (failure === undefined) return stats;
  throw new Error(`${replayCommand({ operations, suites, seed, path: failure.path })}\n${failure.report}`);
}

/** How to play one history again. */
export function replayCommand({ operations, suites, seed, path }: Omit<Campaign, 'histories'>): string {
  const what = `--operations ${operations} --suites ${suites.join(',')}`;
  return `npm run model -- ${what} --seed ${seed} --path ${path}`;
}

/** The seed of this run: from MODEL_SEED, or another one each time. */
export function chosenSeed(): number {
  const { MODEL_SEED } = process.env;
  return MODEL_SEED === undefined ? Date.now() % 0x7fff_0000 : Number(MODEL_SEED);
}

function reportOf(history: History, options: RunOptions): string {
  try {
    run(history, options);
  } catch (error) {
    if (error instanceof Failure)
      return `${JSON.stringify(history)}\n${error.message}\n${stackOf(error.cause)}`;
    throw error;
  }
  return `${JSON.stringify(history)}\nwhich passes when it is played once more`;
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
