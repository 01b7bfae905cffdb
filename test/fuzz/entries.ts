/** The codecs under fuzzing, and what an entry point under fuzzing is. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex } from '../../src/base/bytes.ts';
import type { Codec } from '../../src/codec/codec.ts';
import { encodedSamples, OPTIONS, WIRE_CASES } from '../support/arbitraries.ts';
import { assertTyped, judge } from './oracle.ts';

/** Something that takes bytes from outside. */
export interface FuzzEntry {
  readonly name: string;
  /** Valid inputs to start from. */
  readonly samples: (seed: number) => readonly Uint8Array[];
  /** Finds the fields of a sample, for structure-aware mutations; blind ones alone without it. */
  readonly anatomy?: Codec<unknown>;
  /** Whether the input was accepted. Throws `Finding`, or lets anything escape, for a broken promise. */
  readonly run: (input: Uint8Array) => boolean;
}

/** An entry for a function that takes bytes and gives a value or throws: only its errors are judged. */
export function callEntry(
  name: string,
  samples: FuzzEntry['samples'],
  call: (input: Uint8Array) => unknown,
  anatomy?: Codec<unknown>,
): FuzzEntry {
  const run = (input: Uint8Array): boolean => {
    try {
      call(input);
      return true;
    } catch (error) {
      assertTyped(error);
      return false;
    }
  };
  return anatomy === undefined ? { name, samples, run } : { name, samples, run, anatomy };
}

/** Every codec of the wire. */
const codecs: readonly FuzzEntry[] = WIRE_CASES.map(
  (wireCase): FuzzEntry => ({
    name: wireCase.name,
    anatomy: wireCase.codec,
    samples: (seed) => [...encodedSamples(wireCase, 40, seed), ...officialSamples(wireCase.name)],
    run: (input) => 'value' in judge(wireCase.codec, input, OPTIONS),
  }),
);

/** Every codec; the doors of groups and clients are in `groups.ts`. */
export const ENTRIES: readonly FuzzEntry[] = [...codecs];

/** Keys of `messages.json`, by the codec that reads them. */
const OFFICIAL: Readonly<Record<string, readonly string[]>> = {
  MlsMessage: [
    'mls_welcome',
    'mls_group_info',
    'mls_key_package',
    'public_message_application',
    'public_message_proposal',
    'public_message_commit',
    'private_message',
  ],
  RatchetTree: ['ratchet_tree'],
  GroupSecrets: ['group_secrets'],
  KeyPackage: ['add_proposal'],
  LeafNode: ['update_proposal'],
  PreSharedKeyId: ['pre_shared_key_proposal'],
  Commit: ['commit'],
  'extensionList(context)': ['group_context_extensions_proposal'],
};

/** The official messages that a codec reads; none when the vectors are not there. */
export function officialSamples(name: string, count = 12): Uint8Array[] {
  const file = messagesFile();
  const keys = OFFICIAL[name];
  if (file === undefined || keys === undefined) return [];
  const cases = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>[];
  const step = Math.max(1, Math.floor(cases.length / count));
  return cases
    .filter((_, i) => i % step === 0)
    .flatMap((entry) => keys.map((key) => fromHex(entry[key] ?? '')))
    .filter((bytes) => bytes.length > 0 && bytes.length < 1 << 14);
}

function messagesFile(): string | undefined {
  // As in test/support/vectorFiles.ts, but from the working folder: the fuzzer runs as a bundle that lies elsewhere.
  const { MLS_VECTORS_DIR } = process.env;
  const places = [join('vectors', 'mls-vectors'), join('..', 'shared', 'mls-vectors')];
  return (MLS_VECTORS_DIR === undefined ? places : [MLS_VECTORS_DIR])
    .map((folder) => join(folder, 'messages.json'))
    .find((file) => existsSync(file));
}
