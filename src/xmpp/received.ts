/**
 * The door for elements that a parser made out of what a server sent: bounded, plain, namespaces resolved.
 *
 * Parsers of XMPP libraries are lenient. What they make is walked once, with bounds on everything, before any other
 * function of ours sees it; adapters differ only in how a node is looked at.
 */

import { fail, guarded } from '../base/error.ts';
import { NS_CLIENT, refuse, type XmlElement } from './element.ts';

/** How much a received stanza may be. Text is counted in UTF-16 units, names and values included. */
export interface Bounds {
  readonly depth: number;
  readonly elements: number;
  /** Of one element. */
  readonly attributes: number;
  readonly text: number;
}

/** Far above what servers let pass, far below what hurts. */
export const BOUNDS: Bounds = { depth: 64, elements: 100_000, attributes: 64, text: 16 * 1024 * 1024 };

/** One node of a library's tree, looked at: its name and attributes as written, its children unread. */
export interface RawElement {
  readonly name: unknown;
  readonly attrs: Iterable<readonly [name: string, value: unknown]>;
  /** Text as strings, elements as whatever {@link Look} understands. */
  readonly children: Iterable<unknown>;
}

/** Look at one node of a library's tree. @throws `xmpp.stanza` for what is no element */
export type Look = (node: unknown) => RawElement;

interface Walk {
  readonly look: Look;
  readonly bounds: Bounds;
  elements: number;
  text: number;
}

type Scope = Readonly<Record<string, string>>;

/**
 * Read a library's element. Adjacent texts become one, prefixes are resolved, and every element states its namespace.
 * @throws `xmpp.stanza` beyond the bounds, for undeclared prefixes, and for what is neither element nor text
 */
export function received(node: unknown, look: Look, bounds: Bounds = BOUNDS): XmlElement {
  const walk: Walk = { look, bounds, elements: 0, text: 0 };
  return guarded(() => read(node, { '': NS_CLIENT, xml: 'xml' }, bounds.depth, walk));
}

/** Look at an element of the shape that ltx and we have. */
export function lookAtPlain(node: unknown): RawElement {
  const { name, attrs, children } = node as Partial<XmlElement>;
  if (typeof attrs !== 'object' || attrs === null || !Array.isArray(children)) refuse('element', 'shape');
  return { name, attrs: Object.entries(attrs), children };
}

function read(node: unknown, outer: Scope, depth: number, walk: Walk): XmlElement {
  if (depth === 0) refuse('stanza', 'depth');
  if (++walk.elements > walk.bounds.elements) refuse('stanza', 'elements');
  if (typeof node !== 'object' || node === null) refuse('element', 'shape');
  const raw = walk.look(node);
  const name = counted(raw.name, walk);
  const attributes = attributesOf(raw, walk);
  const scope = scopeOf(attributes, outer);
  const [prefix, local] = split(name);
  const xmlns = scopeGet(scope, prefix) ?? refuse('prefix', 'undeclared');
  const own = attributes.filter(([key]) => key !== 'xmlns' && !key.startsWith('xmlns:'));
  for (const [key] of own) if (scopeGet(scope, split(key)[0]) === undefined) refuse('prefix', 'undeclared');
  return {
    name: local,
    attrs: Object.fromEntries([['xmlns', xmlns], ...own]),
    children: childrenOf(raw, scope, depth, walk),
  };
}

function attributesOf(raw: RawElement, walk: Walk): [string, string][] {
  const found: [string, string][] = [];
  const names = new Set<string>();
  for (const [key, value] of raw.attrs) {
    // Libraries keep attributes that are not set.
    if (value === undefined || value === null) continue;
    found.push([counted(key, walk), counted(value, walk)]);
    names.add(key);
    if (found.length > walk.bounds.attributes) refuse('stanza', 'attributes');
  }
  if (names.size !== found.length) refuse('stanza', 'attributes');
  return found;
}

function scopeOf(attributes: readonly [string, string][], outer: Scope): Scope {
  const declared = attributes.flatMap(([key, value]): [string, string][] => {
    if (key === 'xmlns') return [['', value]];
    return key.startsWith('xmlns:') ? [[key.slice(6), value]] : [];
  });
  return declared.length === 0 ? outer : Object.fromEntries([...Object.entries(outer), ...declared]);
}

function scopeGet(scope: Scope, prefix: string): string | undefined {
  return Object.hasOwn(scope, prefix) ? scope[prefix] : undefined;
}

function split(name: string): readonly [prefix: string, local: string] {
  const colon = name.indexOf(':');
  return colon < 0 ? ['', name] : [name.slice(0, colon), name.slice(colon + 1)];
}

function childrenOf(raw: RawElement, scope: Scope, depth: number, walk: Walk): (XmlElement | string)[] {
  const out: (XmlElement | string)[] = [];
  let texts: string[] = [];
  const flush = (): void => {
    if (texts.length > 0) out.push(texts.join(''));
    texts = [];
  };
  for (const child of raw.children) {
    if (typeof child === 'string') {
      if (child !== '') texts.push(counted(child, walk));
    } else {
      flush();
      out.push(read(child, scope, depth - 1, walk));
    }
  }
  flush();
  return out;
}

function counted(value: unknown, walk: Walk): string {
  if (typeof value !== 'string') return fail('xmpp.stanza', { part: 'element', why: 'shape' });
  walk.text += value.length;
  if (walk.text > walk.bounds.text) refuse('stanza', 'text');
  return value;
}
