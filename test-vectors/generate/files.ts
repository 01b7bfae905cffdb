/** The files, and how their cases are made. */

import { recognise, runVectors } from '../../src/cli/vectors/run.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { EXTERNAL_SENDERS } from './externalSenders.ts';
import { MESSAGES } from './messages.ts';
import { NEGATIVE } from './negative/families.ts';
import { PSK_EXTERNAL } from './pskExternal.ts';
import { type CaseRecord, fileText } from './record.ts';
import { seededProvider } from './seeded.ts';
import { makeSetting, type Setting } from './story.ts';
import { SUCCESSION } from './succession.ts';

/** The seed of the committed files. */
export const SEED = 9420;

/** One course of events, played in several suites. */
export interface Scenario {
  readonly name: string;
  /** How many external PSKs everybody knows. */
  readonly psks?: number;
  /** @defaultValue all */
  readonly suites?: readonly number[];
  readonly play: (setting: Setting) => { readonly record: CaseRecord };
}

const ALL_SUITES = [1, 2, 3, 4, 5, 6, 7];

/** Names of the files and their scenarios. */
export const FILES: Readonly<Record<string, readonly Scenario[]>> = {
  'passive-client-psk-external.json': PSK_EXTERNAL,
  'passive-client-external-senders.json': EXTERNAL_SENDERS,
  'passive-client-succession.json': SUCCESSION,
  'passive-client-messages.json': MESSAGES,
  'passive-client-negative.json': NEGATIVE,
};

/** The cases of a file, suite by suite. @param suites those wanted */
export function casesOf(file: string, seed: number, suites: readonly number[] = ALL_SUITES): CaseRecord[] {
  const scenarios = FILES[file] ?? [];
  return suites.flatMap((suite) =>
    scenarios
      .filter((scenario) => scenario.suites?.includes(suite) ?? true)
      .map(({ name, psks, play }) => {
        const provider = seededProvider(seed, `${file} ${suite} ${name}`);
        return play(makeSetting(provider, suite, psks)).record;
      }),
  );
}

/** The text of a file. @throws when a case does not pass */
export function textOf(file: string, seed: number): string {
  const cases = casesOf(file, seed);
  const { failures } = runVectors(nodeProvider, recognise(cases));
  for (const { index, suite, reason } of failures)
    throw new Error(`${file}, case ${index}, suite ${suite}: ${reason}`);
  return fileText(cases);
}
