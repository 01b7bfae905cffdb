/**
 * The power fails at every write and every sync that a story makes (CAM-04). A dry run finds the boundaries; then each of
 * them is visited once for each thing that a disk may hold afterwards, and the story goes on to its end. A part of these
 * runs fails a second time, while it recovers.
 */

import { afterAll, describe, expect, test } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { CUTS, type SimulatedDisk, type Survival } from '../support/simulatedDisk.ts';
import { prepare, SCENARIOS, type Scenario } from './scenario.ts';
import { type Frozen, World } from './world.ts';

const { KILL_SEED } = process.env;
const SEED = Number(KILL_SEED ?? 1);
const MODES: readonly Survival[] = [...CUTS, 'killed'];
/** One run in this many fails twice. */
const TWICE = 4;
/** Within so many steps of recovery. */
const SOON = 24;

const sum = { boundaries: 0, runs: 0, twice: 0, failures: 0 };

afterAll(() => {
  const { boundaries, runs, twice, failures } = sum;
  console.log(
    `kill points: ${boundaries} boundaries x ${MODES.length} modes, ${runs} runs, ${failures} failures` +
      ` (${twice} with a second cut, seed ${SEED}, ${Math.round(process.cpuUsage().user / 1e6)} s of one core)`,
  );
});

describe('STO-01/02/04/15/17, JOI-21, CAM-04: nothing is lost or used twice wherever the power fails', () => {
  for (const scenario of SCENARIOS) {
    for (const victim of scenario.victims) {
      test(`${scenario.name}: ${victim}`, async () => {
        const frozen = await prepare(scenario);
        const boundaries = await count(scenario, victim, frozen);
        expect(boundaries).toBeGreaterThan(0);
        sum.boundaries += boundaries;
        const failures: string[] = [];
        for (let at = 1; at <= boundaries; at++) {
          for (const mode of MODES) {
            const wrong = await run({ scenario, victim, frozen }, at, mode);
            if (wrong !== undefined) failures.push(wrong);
          }
        }
        sum.failures += failures.length;
        expect(failures.slice(0, 10)).toEqual([]);
      }, 900_000);
    }
  }
});

interface Story {
  readonly scenario: Scenario;
  readonly victim: string;
  readonly frozen: Frozen;
}

function worldOf({ scenario: { people, open }, victim, frozen }: Story): World {
  return new World(people, frozen, { seed: 2, victim, open: open ?? { lostWrites: 0 } });
}

async function count(scenario: Scenario, victim: string, frozen: Frozen): Promise<number> {
  const world = worldOf({ scenario, victim, frozen });
  await world.play(scenario.steps);
  expect(world.faults()).toEqual([]);
  return world.disk.steps;
}

/** One run. @returns what went wrong */
async function run(story: Story, at: number, mode: Survival): Promise<string | undefined> {
  const random = new Random(SEED * 1_000_003 + at * 17 + MODES.indexOf(mode));
  const again = random.below(TWICE) === 0 ? 1 + random.below(SOON) : 0;
  const where = `step ${at}, ${mode}, then ${again}`;
  const world = worldOf(story);
  world.disk.cutAt(at);
  let cuts = 0;
  const onCut = (disk: SimulatedDisk): SimulatedDisk => {
    cuts += 1;
    const left = disk.survivors(cuts === 1 ? mode : random.pick(MODES), random.next());
    if (cuts === 1 && again > 0) left.cutAt(again);
    return left;
  };
  sum.runs += 1;
  try {
    await world.play(story.scenario.steps, onCut);
    if (cuts === 0) return `${where}: the power did not fail`;
    if (cuts > 1) sum.twice += 1;
    const [fault] = world.faults();
    return fault && `${where}: ${fault}`;
  } catch (error) {
    return `${where}: ${error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 3).join(' ') : error}`;
  }
}
