/**
 * A strict reader for one XML document, so that a demonstration needs no library for it: elements, attributes, text and the
 * five entities and references by number. Declarations, comments, processing instructions and CDATA are refused.
 */

import { refuse, type XmlElement } from '../xmpp/element.ts';
import { lookAtPlain, received } from '../xmpp/received.ts';

/** An element that is being read. */
interface Open {
  readonly name: string;
  readonly attrs: Record<string, string>;
  readonly children: (Open | string)[];
}

const NAME = '[A-Za-z_][A-Za-z0-9_.-]*(?::[A-Za-z_][A-Za-z0-9_.-]*)?';
const VALUE = `"[^"<]*"|'[^'<]*'`;
const TAG = new RegExp(
  `<(/?)(${NAME})((?:[ \\t\\r\\n]+${NAME}[ \\t\\r\\n]*=[ \\t\\r\\n]*(?:${VALUE}))*)[ \\t\\r\\n]*(/?)>`,
  'y',
);
const ATTRIBUTE = new RegExp(`(${NAME})[ \\t\\r\\n]*=[ \\t\\r\\n]*(${VALUE})`, 'g');
const REFERENCE = /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|([a-z]{1,4}));|&/g;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' };
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be found
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Surrogate}]/u;

/** Read one document, with nothing before or after it. @throws `xmpp.stanza` for anything that is not well-formed */
export function parseXml(text: string): XmlElement {
  const root: Open = { name: '', attrs: {}, children: [] };
  const stack: Open[] = [root];
  let at = 0;
  while (at < text.length) {
    const next = text.indexOf('<', at);
    const end = next < 0 ? text.length : next;
    if (end > at) top(stack).children.push(unescaped(text.slice(at, end).replace(/\r\n?/g, '\n')));
    if (next < 0) break;
    TAG.lastIndex = next;
    const tag = TAG.exec(text) ?? bad();
    takeTag(stack, tag);
    at = TAG.lastIndex;
  }
  const [only, ...others] = root.children;
  if (stack.length !== 1 || only === undefined || typeof only === 'string' || others.length > 0) bad();
  return received(only, lookAtPlain);
}

function takeTag(stack: Open[], [, closing, name = '', attributes = '', empty]: RegExpExecArray): void {
  if (closing === '/') {
    if (attributes !== '' || empty === '/' || stack.length < 2 || stack.pop()?.name !== name) bad();
    return;
  }
  const opened: Open = { name, attrs: attributesIn(attributes), children: [] };
  top(stack).children.push(opened);
  if (empty !== '/') stack.push(opened);
}

function attributesIn(text: string): Record<string, string> {
  const pairs = [...text.matchAll(ATTRIBUTE)].map(([, name = '', value = '']): [string, string] => [
    name,
    unescaped(value.slice(1, -1).replace(/\r\n|[\t\r\n]/g, ' ')),
  ]);
  if (new Set(pairs.map(([name]) => name)).size !== pairs.length) bad();
  return Object.fromEntries(pairs);
}

function unescaped(text: string): string {
  const plain = text.replace(REFERENCE, (_, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return (Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined) ?? bad();
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : bad();
  });
  return FORBIDDEN.test(plain) || text.includes(']]>') ? bad() : plain;
}

function top(stack: readonly Open[]): Open {
  return stack.at(-1) ?? bad();
}

function bad(): never {
  return refuse('document', 'malformed');
}
