/** Reading the words after a command: options anywhere, `--` ends them. */

/** What a command accepts. */
export interface Accepted {
  /** Options that take a value, without the dashes. */
  readonly values?: readonly string[];
  /** Options that take none. */
  readonly flags?: readonly string[];
}

/** What was given. */
export interface Arguments {
  readonly operands: readonly string[];
  readonly values: ReadonlyMap<string, string>;
  readonly flags: ReadonlySet<string>;
  /** Why the words cannot be understood, if they cannot. */
  readonly problem: string | undefined;
}

/** Sort words into operands and options. `--name value` and `--name=value` mean the same. */
export function parseArguments(words: readonly string[], accepted: Accepted): Arguments {
  const operands: string[] = [];
  const values = new Map<string, string>();
  const flags = new Set<string>();
  const rest = [...words];
  const given = (problem?: string): Arguments => ({ operands, values, flags, problem });
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      operands.push(...rest);
      break;
    }
    if (!word.startsWith('--')) {
      operands.push(word);
      continue;
    }
    const [name = '', ...tail] = word.slice(2).split('=');
    const attached = tail.length > 0 ? tail.join('=') : undefined;
    if (accepted.flags?.includes(name) && attached === undefined) {
      flags.add(name);
    } else if (accepted.values?.includes(name)) {
      const value = attached ?? rest.shift();
      if (value === undefined) return given(`--${name} needs a value`);
      values.set(name, value);
    } else {
      return given(`there is no option ${word}`);
    }
  }
  return given();
}
