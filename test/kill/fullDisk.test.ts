/** A disk that refuses any one of the writes of a story, for a moment or for some time. */

import { afterAll, describe, expect, test } from 'vitest';
import { MlsError } from '../../src/base/error.ts';
import { prepare, SCENARIOS } from './scenario.ts';
import { World } from './world.ts';

/** Stories that between them write everything. */
const STORIES = ['found, invite, join', 'hear much', 'a commit that comes too late', 'by itself'];
/** Steps that fail in a row. */
const ROWS = [1, 3];
const sum = { boundaries: 0, runs: 0, again: 0, reopened: 0 };

afterAll(() => {
  const { boundaries, runs, again, reopened } = sum;
  console.log(
    `full disk: ${boundaries} boundaries, ${runs} runs, ${again} steps done at the second try, ${reopened} after opening again`,
  );
});

describe('STO-06: a step that cannot be written has not happened, and can be done again', () => {
  for (const scenario of SCENARIOS.filter(({ name }) => STORIES.includes(name))) {
    for (const victim of scenario.victims) {
      test(`${scenario.name}: ${victim}`, async () => {
        const frozen = await prepare(scenario);
        const wake = (): World =>
          new World(scenario.people, frozen, { seed: 2, victim, open: { lostWrites: 0 } });
        const dry = wake();
        await dry.play(scenario.steps);
        sum.boundaries += dry.disk.steps;
        for (let at = 1; at <= dry.disk.steps; at++) {
          for (const row of ROWS) {
            const world = wake();
            world.disk.failAt(at, full(), row);
            const codes: string[] = [];
            world.onFault = async (error, tries) => {
              if (!(error instanceof MlsError)) throw error;
              codes.push(error.code);
              // Nobody who tried again at once would see whether the first failure has left anything behind.
              world.disk.repair();
              sum[tries === 0 ? 'again' : 'reopened'] += 1;
              return tries > 0;
            };
            await world.play(scenario.steps);
            sum.runs += 1;
            expect(world.faults(), `step ${at}, ${row} in a row`).toEqual([]);
            expect(codes.filter((code) => !EXPECTED.includes(code))).toEqual([]);
          }
        }
      }, 900_000);
    }
  }
});

/** Later calls of a store that had to stop say so with the first failure. */
const EXPECTED = ['storage.quota', 'storage.durability'];

function full(): Error {
  return Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
}
