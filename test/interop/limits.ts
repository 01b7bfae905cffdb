/** What a library lacks, or does against RFC 9420, so that histories go around it. Each entry gives its reason. */

import type { LibraryName } from './peer.ts';

/** Operations that a library is spared. */
export const SPARED = {
  'propose-update': new Map<LibraryName, string>([['ts-mls', 'its API makes no Update proposals']]),
  'external-join': new Map<LibraryName, string>([
    ['ts-mls', 'its external_pub extension lacks the length before the key (§12.4.3.2), in both directions'],
  ]),
  'forged-private-commit': new Map<LibraryName, string>([
    ['mls-rs', 'a forged PrivateMessage uses up the key of the true one'],
  ]),
  'forged-welcome': new Map<LibraryName, string>([['openmls', 'a forged Welcome uses up the KeyPackage']]),
  'empty-left-half': new Map<LibraryName, string>([
    ['ts-mls', 'its commit secret is a step too far when the root has no place in the filtered path (§7.4)'],
  ]),
  'reserved-extension': new Map<LibraryName, string>([
    [
      'openmls',
      'it takes a reserved extension of a KeyPackage for one that its capabilities do not list (§13.5)',
    ],
  ]),
} as const;

/** A failure that is recognised when it comes. */
interface Known {
  readonly library: LibraryName;
  readonly during: 'join' | 'removal' | 'forgery';
  readonly message: RegExp;
  readonly reason: string;
}

/** Failures that depend on the tree or on random bytes, which nobody can foresee. */
const REFUSALS: readonly Known[] = [
  {
    library: 'ts-mls',
    during: 'join',
    message: /non-blank intermediate node must list leaf node in its unmerged_leaves/,
    reason:
      'it wants equal unmerged leaves all the way up to the root, not only between a leaf and a node (§12.4.3.1)',
  },
  {
    library: 'ts-mls',
    during: 'removal',
    message: /No overlap between provided private keys and update path/,
    reason: 'it does not see that it was removed when the same commit fills its leaf again (§12.4.2)',
  },
  {
    library: 'ts-mls',
    during: 'forgery',
    message: /^decoderU? is not a function/,
    reason: 'it falls over a type that it does not know, in place of refusing the bytes (§2.1)',
  },
];

const met = new Map<string, number>();

/** Whether an operation has to do without a library; counted for the report. */
export function isSpared(operation: keyof typeof SPARED, library: LibraryName): boolean {
  const reason = SPARED[operation].get(library);
  if (reason !== undefined) count(`${library}, ${operation}: ${reason}`);
  return reason !== undefined;
}

/** Whether an error is a refusal that we know; counted for the report. */
export function isKnownRefusal(library: LibraryName, during: Known['during'], error: unknown): boolean {
  const text = error instanceof Error ? error.message : String(error);
  const known = REFUSALS.find(
    (one) => one.library === library && one.during === during && one.message.test(text),
  );
  if (known !== undefined) count(`${library}, ${during}: ${known.reason}`);
  return known !== undefined;
}

/** What histories went around, and how often. */
export function detours(): readonly string[] {
  return [...met].map(([line, times]) => `${line} (${times} times)`).sort();
}

function count(line: string): void {
  met.set(line, (met.get(line) ?? 0) + 1);
}
