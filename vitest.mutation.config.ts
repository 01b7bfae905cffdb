/** What runs for each mutant (stryker.config.mjs): the tests of one room, its own first, and only what is quick. */

import { defineConfig, mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import base from './vitest.config.ts';

const room = process.env.MUTATION_ROOM ?? '';

/** Tests of rules, one after the other. */
function named(names: string): string[] {
  return names.split(' ').map((name) => `test/rules/${name}.test.ts`.replace('rules/../', ''));
}

/** Tests of a room beside its unit tests, in the order in which they are tried. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  tree: ['test/vectors/mutation.ts', 'test/property/tree.test.ts'],
  schedule: ['test/vectors/mutation.ts', 'test/property/ratchet.test.ts', 'test/rules/messages.test.ts'],
  framing: ['test/vectors/mutation.ts', 'test/rules/framing.test.ts', 'test/rules/messages.test.ts'],
  // What takes all suites, or long histories, costs more than it finds. The quick ones stand first, and the slowest
  // (path.test.ts, keyPackage.test.ts, the histories of observers) are left out: they are about trees and leaves.
  group: named(
    process.env.MUTATION_TESTS ??
      'repeats selection changes answers preview doors againTogether details keys malleable upkeep registry bounds observer ' +
        'groupRulesOutside held handles extensionsDraftAad outsiders registryTraits extensionsDraftLeave ' +
        'extensionsDraftOutside groupRules extensionsDraftData extensionsDraftKeys outcomes successionForged ' +
        'observerRefusals credentials ordering damage ../property/wiping records leaves capabilities framing again ' +
        '../property/staged messages succession join proposals commit branch externalCommit',
  ),
};

/** The cheapest first: a mutant is dead at the first test that fails. */
class OwnFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = ['test/unit/', ...(MORE[room] ?? [])];
    const rank = ({ moduleId }: TestSpecification): number =>
      order.findIndex((place) => moduleId.includes(place));
    return [...files].sort((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

const config = mergeConfig(
  base,
  defineConfig({
    test: {
      // No test here alters what modules share, and each run has a worker of its own: loading them once is enough.
      isolate: false,
      setupFiles: ['test/support/mutation.ts'],
      sequence: { sequencer: OwnFirst },
    },
  }),
);
config.test.include = [`test/unit/${room}/**/*.test.ts`, ...(MORE[room] ?? [])];
// It reads the text of sources, which is not theirs while mutants are in it.
config.test.exclude = ['test/unit/framing/security.test.ts'];

export default config;
