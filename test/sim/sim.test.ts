/** Seeded runs of the simulation: half of them in peace, half over a server that misbehaves. SIM_RUNS says how many. */

import { expect, test } from 'vitest';
import { run } from './run.ts';

const RUNS = Number(process.env['SIM_RUNS'] ?? 20);
const half = Math.ceil(RUNS / 2);

test(`[XMP-02, XMP-04, XMP-33] ${half} seeds: whoever races, crashes and comes back agrees, and nothing is lost`, {
  timeout: 600_000,
}, async () => {
  for (let seed = 1; seed <= half; seed++) {
    const { failures } = await run({ seed, faults: [] });
    expect(failures, `seed ${seed}`).toEqual([]);
  }
});

test(`[XMP-01, XMP-02, XMP-03] ${half} seeds over a hostile server: members agree or say that they do not`, {
  timeout: 600_000,
}, async () => {
  for (let seed = 1; seed <= half; seed++) {
    const { failures, faults } = await run({ seed });
    expect(failures, `seed ${seed} ${faults.join(' ')}`).toEqual([]);
  }
});

test('one seed is one history', { timeout: 60_000 }, async () => {
  const [one, other] = [await run({ seed: 7 }), await run({ seed: 7 })];
  expect(other).toEqual(one);
});
