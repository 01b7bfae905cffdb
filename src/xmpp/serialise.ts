/** One text for one element: for tests, vectors and examples, and for what is encrypted. */

import { fail } from '../base/error.ts';
import { isElement, type XmlElement } from './element.ts';

/** Levels of elements in what we write. */
const MOST_DEPTH = 64;
/** Names as we and the protocols we speak use them: a part of what XML allows. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*(:[A-Za-z_][A-Za-z0-9_.-]*)?$/;
/** What XML 1.0 cannot hold, not even as a reference: section 2.2. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be found
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Surrogate}]/u;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
  // Parsers that know XML 1.1 make spaces of these, and one of those that JavaScript takes for ends of lines.
  '\u0085': '&#133;',
  '\u2028': '&#8232;',
  '\u2029': '&#8233;',
};

/**
 * Write an element: `xmlns` first and only where it changes, other attributes by name, no white space added.
 * @throws `codec.input` for names or characters that XML does not have, and beyond 64 levels
 */
export function serialise(element: XmlElement): string {
  const out: string[] = [];
  write(element, '', MOST_DEPTH, out);
  return out.join('');
}

/**
 * Whether an element can be written at all. A stream does not survive a bad character, hence the look before sending.
 * @throws `codec.input`
 */
export function checkWritable(element: XmlElement): void {
  serialise(element);
}

function write(element: XmlElement, inherited: string, depth: number, out: string[]): void {
  if (depth === 0) fail('codec.input', { expected: 'fewer levels' });
  const { xmlns = inherited === '' ? undefined : inherited, ...others } = element.attrs;
  out.push('<', named(element.name));
  if (xmlns !== undefined && xmlns !== inherited) out.push(` xmlns='${escapeAttribute(xmlns)}'`);
  for (const [name, value] of Object.entries(others).sort(byName)) {
    out.push(` ${named(name)}='${escapeAttribute(value)}'`);
  }
  const children = element.children.filter((child) => child !== '');
  if (children.length === 0) out.push('/>');
  else {
    out.push('>');
    for (const child of children) {
      if (isElement(child)) write(child, xmlns ?? inherited, depth - 1, out);
      else out.push(escapeText(child));
    }
    out.push(`</${element.name}>`);
  }
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}

function named(name: string): string {
  return NAME.test(name) ? name : fail('codec.input', { expected: 'XML name' });
}

/** Text as it stands between tags. @throws `codec.input` for a character that XML does not have */
export function escapeText(value: string): string {
  return legal(value).replace(/[&<>\r\u0085\u2028\u2029]/g, escapeOne);
}

/** Text as it stands in an attribute, in single quotes. @throws `codec.input` for a character that XML does not have */
export function escapeAttribute(value: string): string {
  return legal(value).replace(/[&<>'\t\n\r\u0085\u2028\u2029]/g, escapeOne);
}

function escapeOne(character: string): string {
  return ESCAPES[character] ?? character;
}

function legal(value: string): string {
  return FORBIDDEN.test(value) ? fail('codec.input', { expected: 'XML characters' }) : value;
}
