/** Tells a story to a person or, line by line as JSON, to a machine; and counts what was checked on the way. */

import { toHex } from '../../base/bytes.ts';
import type { Group } from '../../index.ts';
import { drawTree } from '../drawTree.ts';
import { harmless, paint, type Style, type Terminal } from '../print.ts';

/** One message, and who read it. */
export interface Told {
  readonly from: string;
  readonly where: string;
  readonly text: string;
  readonly readers: readonly string[];
}

/** Where a story is shown. */
export type Screen = Pick<Terminal, 'out' | 'colour'>;

/** One telling. */
export class Narrator {
  readonly #terminal: Screen;
  readonly #json: boolean;
  #chapter = 0;
  #held = 0;
  #failed = 0;

  /** @param json one JSON object per line instead of prose */
  constructor(terminal: Screen, json: boolean) {
    this.#terminal = terminal;
    this.#json = json;
  }

  /** The title. */
  begin(title: string): void {
    this.#tell({ kind: 'begin', title }, [this.#paint('bold', title)]);
  }

  /** The next chapter. */
  chapter(title: string): void {
    this.#chapter += 1;
    const number = this.#chapter;
    this.#tell({ kind: 'chapter', number, title }, ['', this.#paint('title', `${number}. ${title}`)]);
  }

  /** Something that happens. */
  say(text: string): void {
    this.#tell({ kind: 'say', text }, [`   ${text}`]);
  }

  /** Something that somebody said. */
  message({ from, where, text, readers }: Told): void {
    const by = readers.length === 0 ? 'read by nobody' : `read by ${readers.join(', ')}`;
    this.#tell({ kind: 'message', from, where, text, readers }, [
      `   ${this.#paint('name', from)}: ${harmless(text)}`,
      this.#paint('dim', `      ${by}`),
    ]);
  }

  /** The tree of a group as it is now. @param named puts names in the place of ids */
  picture(group: Group, title: string, named: (line: string) => string): void {
    const lines = drawTree(group.ratchetTree).map(named);
    const authenticator = toHex(group.epochAuthenticator).slice(0, 16);
    const epoch = Number(group.epoch);
    this.#tell({ kind: 'tree', epoch, title, members: group.members.length, authenticator, lines }, [
      `   Epoch ${epoch}: ${title}`,
      ...lines.map((line) => this.#paint('dim', `      ${line}`)),
    ]);
  }

  /** Something that has to be so. */
  check(what: string, held: boolean): void {
    if (held) this.#held += 1;
    else this.#failed += 1;
    this.#tell({ kind: 'check', what, held }, [
      this.#paint(held ? 'good' : 'bad', `   ${held ? '✓' : '✗ NOT SO:'} ${what}`),
    ]);
  }

  /** The last line. @returns the exit code: 0 when something was checked and all of it held */
  end(): number {
    const [held, failed] = [this.#held, this.#failed];
    const text = `${held} checks held, ${failed} did not.`;
    this.#tell({ kind: 'end', held, failed }, ['', this.#paint(failed === 0 ? 'good' : 'bad', text)]);
    return failed === 0 && held > 0 ? 0 : 1;
  }

  #paint(style: Style, text: string): string {
    return paint(this.#terminal, style, text);
  }

  #tell(fact: Readonly<Record<string, unknown>>, lines: readonly string[]): void {
    if (this.#json) this.#terminal.out(JSON.stringify(fact));
    else for (const line of lines) this.#terminal.out(line);
  }
}
