/** Where commands write: lines of text, with colour only for a person at a terminal. */

/** The streams and files of one run, as a value: tests pass their own. */
export interface Terminal {
  /** One line of results. */
  readonly out: (line: string) => void;
  /** One line of complaints. */
  readonly err: (line: string) => void;
  /** Contents of a file; `-` is standard input. Throws what the system throws. */
  readonly read: (path: string) => Promise<Uint8Array>;
  /** What is typed, line by line, until the input ends. */
  readonly lines: () => AsyncIterable<string>;
  /** Whether results may carry colour. */
  readonly colour: boolean;
}

/** The styles in use. */
export type Style = 'good' | 'bad' | 'dim' | 'bold' | 'title' | 'name';

/** Colour a text, if the terminal wants colours. */
export function paint(terminal: Pick<Terminal, 'colour'>, style: Style, text: string): string {
  return terminal.colour ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
}

/** Colours are for a terminal, and not when the user set NO_COLOR (https://no-color.org). */
export function wantsColour(
  isTty: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  const { NO_COLOR: refused } = environment;
  return isTty && (refused === undefined || refused === '');
}

/**
 * Text of unknown origin, safe to show: whatever could steer a terminal or hide itself is written as an escape.
 * Covers control, format (bidirectional ones among them), surrogate, private and unassigned characters.
 */
export function harmless(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** A count with its noun. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const CODES: Readonly<Record<Style, string>> = {
  good: '32',
  bad: '31',
  dim: '2',
  bold: '1',
  title: '1;35',
  name: '36',
};
