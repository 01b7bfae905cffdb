/** Reading the words after a command: operands, and options anywhere among them. */

import { parseArgs } from 'node:util';

/** What a command accepts. */
export interface Accepted {
  /** Options that take a value, without the dashes. */
  readonly values?: readonly string[];
  /** Options that take a value, and that may stand several times. */
  readonly lists?: readonly string[];
  /** Options that take none. */
  readonly flags?: readonly string[];
}

/** What was given. */
export interface Arguments {
  readonly operands: readonly string[];
  readonly values: ReadonlyMap<string, string>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly flags: ReadonlySet<string>;
  /** Why the words cannot be understood, if they cannot. */
  readonly problem: string | undefined;
}

/** Sort words into operands and options. `--name value` and `--name=value` mean the same; `--` ends the options. */
export function parseArguments(words: readonly string[], accepted: Accepted): Arguments {
  const options = Object.fromEntries([
    ...(accepted.values ?? []).map((name) => [name, { type: 'string' }] as const),
    ...(accepted.lists ?? []).map((name) => [name, { type: 'string', multiple: true }] as const),
    ...(accepted.flags ?? []).map((name) => [name, { type: 'boolean' }] as const),
  ]);
  const values = new Map<string, string>();
  const lists = new Map<string, readonly string[]>();
  const flags = new Set<string>();
  try {
    const given = parseArgs({ args: [...words], options, allowPositionals: true });
    for (const [name, value] of Object.entries(given.values)) {
      if (typeof value === 'string') values.set(name, value);
      else if (Array.isArray(value)) lists.set(name, value.map(String));
      else flags.add(name);
    }
    return { operands: given.positionals, values, lists, flags, problem: undefined };
  } catch (error) {
    return {
      operands: [],
      values,
      lists,
      flags,
      problem: error instanceof Error ? error.message : String(error),
    };
  }
}
