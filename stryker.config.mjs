/**
 * Mutation testing: does some test notice when the code is changed? `npm run mutation -- tree` comes here by way of
 * scripts/mutation.mjs, one room at a time. What may survive, and why, stands in test/mutation.md.
 */

const room = process.env.MUTATION_ROOM;
if (room === undefined) throw new Error('run it as: npm run mutation [-- ROOM...]');

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [`src/${room}/**/*.ts`],
  testRunner: 'vitest',
  // `related` asks vite for the import graph before every mutant; coverage per test already says what is concerned.
  vitest: { configFile: 'vitest.mutation.config.ts', related: false },
  coverageAnalysis: 'perTest',
  // Static mutants run while a module is loaded. Here they are labels of key derivations and bounds, on which other
  // implementations depend, so they are tried. They are few, and the room's own tests, which come first, kill them fast.
  // Tests of group build worlds while they are collected, which would make nearly everything there static: a mutant is
  // tried by the tests that reach it, and what only loading reaches (tables of records) is left out.
  ignoreStatic: room === 'group',
  plugins: ['@stryker-mutator/vitest-runner', './scripts/mutation-ignore.mjs'],
  // The detail of an error holds facts for people (CONTRIBUTING.md). Only codes are contract, and those are mutated.
  ignorers: ['error-detail'],
  // The machines this is for have two cores.
  concurrency: Number(process.env.MUTATION_CONCURRENCY ?? 2),
  // A mutant that loops is stopped after this and half again of what its tests take. It counts as found: on a busy
  // machine, look whether the mutants that timed out do loop.
  // The tests of group alone take minutes on a busy machine.
  dryRunTimeoutMinutes: 20,
  timeoutMS: 10_000,
  timeoutFactor: 1.5,
  // Kept results would go stale: static mutants have no list of tests that concern them, and are not tried again when
  // a test is added.
  incremental: false,
  reporters: ['progress-append-only', 'clear-text', 'html', 'json'],
  clearTextReporter: { allowColor: false, allowEmojis: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: `reports/mutation/${room}.html` },
  jsonReporter: { fileName: `reports/mutation/${room}.json` },
  thresholds: { high: 95, low: 90, break: 90 },
  ignorePatterns: ['/bench', '/coverage', '/dist', '/docs', '/reports', '/vectors', '*.tgz'],
  tempDirName: '.stryker-tmp',
  allowConsoleColors: false,
  checkers: [],
};
